/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors, and the examples of PROTOCOL.md: read by both decoders, shown, and written again to the same bytes. The
 * same files are read by codec.py, which shares nothing with the code. Arguments: the files. */
#include "frame.h"
#include "message.h"
#include "wire_show.h"
#include "wire_vectors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef int decoder(const uint8_t *frame, size_t size, struct jqw_message *out, struct jqw_scratch *scratch,
                    const char **why);

static int path_count;
static char **paths;
static struct jqw_scratch scratch;
static bool op_seen[256];

/* The code that the whole frame comes to, length and all. */
static int decode(decoder *by, const struct vector *vector, struct jqw_message *out)
{
    struct jqw_frame_parser parser = {.frame_max = JQW_FRAME_MAX};
    struct jqw_frame frame;
    size_t consumed;
    const char *why = NULL;
    switch (jqw_frame_next(&parser, vector->bytes, vector->size, &frame, &consumed, NULL)) {
    case JQW_FRAME_NONE:
        fail_msg("%s: is no whole frame", vector->name);
        return JQ_INTERNAL;
    case JQW_FRAME_ERROR:
        return parser.error;
    default:
        break;
    }
    assert_int_equal(consumed, vector->size);
    int code = by(frame.data, frame.size, out, &scratch, &why);
    if (code != JQ_OK)
        assert_non_null(why);
    return code;
}

static void check_means(const struct vector *vector, const struct jqw_message *message)
{
    struct jqw_buffer text = {0};
    message_show(&text, message);
    if (strcmp((const char *)text.data, vector->means) != 0)
        fail_msg("%s\n is    %s\n means %s", vector->name, (const char *)text.data, vector->means);
    jqw_buffer_fini(&text);
}

static struct jqw_bodies *bodies_of(struct jqw_message *message)
{
    switch (message->op) {
    case JQW_PUT:
        return &message->put.bodies;
    case JQW_GOT:
        return &message->got.bodies;
    case JQW_PEEKED:
        return &message->peeked.bodies;
    case JQW_FORWARD:
        return &message->forward.bodies;
    case JQW_EXPORTED:
        return &message->exported.bodies;
    default:
        return NULL;
    }
}

/* Bodies are written as they came, headers and all, when they are given packed. */
static void check_packed(const struct vector *vector, const struct jqw_message *message,
                         const struct jqw_bodies *bodies)
{
    struct jqw_buffer out = {0};
    assert_int_equal(jqw_encode(&out, message), JQ_OK);
    assert_int_equal(out.size >= bodies->packed.size, true);
    if (bodies->minimal && !vector_is(vector, "-loose"))
        assert_memory_equal(out.data, vector->bytes, vector->size);
    jqw_buffer_fini(&out);
}

/* The message with its bodies given one by one. */
static void unpack(struct jqw_bodies *bodies, struct jqw_bytes *items)
{
    for (uint32_t i = 0; i < bodies->count; i++)
        items[i] = body_at(bodies, i);
    bodies->item = items;
    bodies->packed = (struct jqw_bytes){0};
}

static void check_bytes(const struct vector *vector, struct jqw_message *message)
{
    static struct jqw_bytes items[JQW_BATCH_MAX];
    struct jqw_bodies *bodies = bodies_of(message);
    if (bodies) {
        check_packed(vector, message, bodies);
        unpack(bodies, items);
    }
    struct jqw_buffer out = {0};
    assert_int_equal(jqw_encode(&out, message), JQ_OK);
    bool same = out.size == vector->size && memcmp(out.data, vector->bytes, out.size) == 0;
    if (same == vector_is(vector, "-loose"))
        fail_msg("%s: written again it is %s", vector->name, same ? "the same" : "something else");
    jqw_buffer_fini(&out);
}

static void check_by(decoder *by, const struct vector *vector)
{
    struct jqw_message message;
    const char *code = jqw_code_name(decode(by, vector, &message));
    if (strcmp(code, vector->code) != 0)
        fail_msg("%s: is %s, not %s", vector->name, code, vector->code);
    if (strcmp(code, "OK") != 0)
        return;
    op_seen[message.op & 255] = true;
    check_means(vector, &message);
    check_bytes(vector, &message);
}

static void check(const struct vector *vector, void *context)
{
    (void)context;
    check_by(jqw_decode, vector);
    check_by(jqw_decode_generic, vector);
}

/* Times that are negative are among them. proves: PUT-1 */
static void every_vector(void **state)
{
    (void)state;
    for (int i = 0; i < path_count; i++)
        assert_int_not_equal(vectors_read(paths[i], check, NULL), 0);
}

/* Runs after every_vector. */
static void every_opcode_has_a_vector(void **state)
{
    (void)state;
#define JQ_OP(name, lower, number, kind) \
    if (!op_seen[number])                \
        fail_msg("no vector has " #name);
#include "opcodes.def"
#undef JQ_OP
}

int main(int argc, char **argv)
{
    path_count = argc - 1;
    paths = argv + 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector),
        cmocka_unit_test(every_opcode_has_a_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
