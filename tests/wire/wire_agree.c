/* SPDX-License-Identifier: Apache-2.0 */
/* Compares messages field by field, by the tables that the codec uses. */
#include "wire_agree.h"
#include "schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct subject {
    const uint8_t *frame;
    size_t size;
};

static void expect(bool holds, const struct subject *subject, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s:", what);
    for (size_t i = 0; i < subject->size; i++)
        fprintf(stderr, " %02x", subject->frame[i]);
    fprintf(stderr, "\n");
    abort();
}

/* ---- equality ------------------------------------------------------------------------------------------------------ */

static bool same_bytes(struct jqw_bytes a, struct jqw_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool same_ranges(const struct jqw_ranges *a, const struct jqw_ranges *b)
{
    return a->count == b->count && (a->count == 0 || memcmp(a->item, b->item, a->count * sizeof *a->item) == 0);
}

static bool same_runs(const struct jqw_run *a, const struct jqw_run *b, uint32_t count)
{
    bool same = true;
    for (uint32_t i = 0; i < count; i++)
        same = same && a[i].first == b[i].first && a[i].count == b[i].count && a[i].attempt == b[i].attempt &&
               a[i].deliveries == b[i].deliveries;
    return same;
}

static bool same_bodies(const struct jqw_bodies *a, const struct jqw_bodies *b)
{
    return a->count == b->count && a->minimal == b->minimal && same_bytes(a->packed, b->packed) &&
           memcmp(a->sizes, b->sizes, a->count * sizeof *a->sizes) == 0;
}

static size_t width_of(const struct jqw_field *field)
{
    switch (field->kind) {
    case JQW_FIELD_BOOL:
        return sizeof(bool);
    case JQW_FIELD_TIME:
    case JQW_FIELD_TIMEOUT:
        return sizeof(uint64_t);
    default:
        return field->width;
    }
}

static bool same_priority(const struct jqw_priority *a, const struct jqw_priority *b)
{
    return a->kind == b->kind && a->number == b->number && same_bytes(a->bytes, b->bytes);
}

static bool same_value(const struct jqw_field *field, const void *a, const void *b)
{
    const void *in_a = jqw_member_const(a, field->offset), *in_b = jqw_member_const(b, field->offset);
    switch (field->kind) {
    case JQW_FIELD_STR:
    case JQW_FIELD_BIN:
        return same_bytes(*(const struct jqw_bytes *)in_a, *(const struct jqw_bytes *)in_b);
    case JQW_FIELD_PRIORITY:
        return same_priority(in_a, in_b);
    default:
        return memcmp(in_a, in_b, width_of(field)) == 0;
    }
}

static bool same_map(const struct jqw_options *options, const void *a, const void *b)
{
    bool same = true;
    for (uint32_t key = 0; key < options->count; key++)
        same = same && (!options->fields[key].name || same_value(&options->fields[key], a, b));
    return same;
}

static bool same_maps(const struct jqw_options *options, const char *a, const char *b, uint32_t count)
{
    bool same = true;
    for (uint32_t i = 0; i < count; i++)
        same = same && same_map(options, a + (size_t)i * options->size, b + (size_t)i * options->size);
    return same;
}

static bool same_field(const struct jqw_field *field, const struct jqw_message *a, const struct jqw_message *b)
{
    const void *in_a = jqw_member_const(a, field->offset), *in_b = jqw_member_const(b, field->offset);
    uint32_t count = *(const uint32_t *)jqw_member_const(a, field->count);
    bool same_count = count == *(const uint32_t *)jqw_member_const(b, field->count);
    switch (field->kind) {
    case JQW_FIELD_RANGES:
        return same_ranges(in_a, in_b);
    case JQW_FIELD_RUNS:
        return same_count &&
               same_runs(*(const struct jqw_run *const *)in_a, *(const struct jqw_run *const *)in_b, count);
    case JQW_FIELD_BODIES:
        return same_bodies(in_a, in_b);
    case JQW_FIELD_OPTIONS:
        return same_map(field->options, a, b);
    case JQW_FIELD_MAPS:
        return same_count && same_maps(field->options, *(const char *const *)in_a, *(const char *const *)in_b, count);
    default:
        return same_value(field, a, b);
    }
}

static bool same_message(const struct jqw_message *a, const struct jqw_message *b)
{
    const struct jqw_schema *schema = jqw_schema_of(a->op);
    bool same = schema && a->op == b->op && a->request == b->request;
    for (uint32_t i = 0; same && i < schema->count; i++)
        same = same_field(&schema->fields[i], a, b);
    return same;
}

/* ---- decoding what was encoded ------------------------------------------------------------------------------------- */

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

/* Encodes and decodes once more. A message at the edge of a frame may not fit one any more, for it gains what it left out. */
static void check_again(const struct subject *subject, const struct jqw_message *message,
                        const struct jqw_message *expected)
{
    static struct jqw_scratch scratch;
    struct jqw_buffer out = {0};
    struct jqw_message again;
    const char *why;
    int code = jqw_encode(&out, message);
    if (code != JQ_TOO_LARGE) {
        expect(code == JQ_OK, subject, "cannot be encoded");
        code = jqw_decode(out.data + JQW_FRAME_HEADER, out.size - JQW_FRAME_HEADER, &again, &scratch, &why);
        expect(code == JQ_OK, subject, "cannot be decoded again");
        expect(same_message(expected, &again), subject, "is not the same when it was encoded and decoded");
    }
    jqw_buffer_fini(&out);
}

/* The same bodies one by one, in the shortest form. */
static void check_items(const struct subject *subject, struct jqw_message *message)
{
    static struct jqw_bytes items[JQW_BATCH_MAX];
    struct jqw_bodies *bodies = bodies_of(message);
    const uint8_t *at = bodies->packed.data;
    for (uint32_t i = 0; i < bodies->count; i++) {
        at += 1 + (1U << (*at - 0xc4));
        items[i] = (struct jqw_bytes){at, bodies->sizes[i]};
        at += bodies->sizes[i];
    }
    expect(at == bodies->packed.data + bodies->packed.size, subject, "has bodies of other sizes");
    if (!bodies->minimal)
        return;
    struct jqw_message by_items = *message;
    bodies_of(&by_items)->packed = (struct jqw_bytes){0};
    bodies_of(&by_items)->item = items;
    check_again(subject, &by_items, message);
}

static void check_got_head(const struct subject *subject, const struct jqw_message *message)
{
    struct jqw_buffer whole = {0}, head = {0};
    const struct jqw_bytes *packed = &message->got.bodies.packed;
    int code = jqw_encode(&whole, message);
    expect(code == jqw_encode_got_head(&head, message->request, &message->got), subject, "has another head");
    if (code == JQ_OK) {
        expect(whole.size == head.size + packed->size, subject, "has a head of another size");
        expect(memcmp(whole.data, head.data, head.size) == 0, subject, "has another head");
        expect(memcmp(whole.data + head.size, packed->data, packed->size) == 0, subject,
               "does not end with its bodies");
    }
    jqw_buffer_fini(&whole);
    jqw_buffer_fini(&head);
}

int agree_on(const uint8_t *frame, size_t size)
{
    static struct jqw_scratch scratch, scratch_generic;
    struct jqw_message message, generic;
    struct subject subject = {frame, size};
    const char *why = NULL, *why_generic = NULL;
    int code = jqw_decode(frame, size, &message, &scratch, &why);
    expect(code == jqw_decode_generic(frame, size, &generic, &scratch_generic, &why_generic), &subject,
           "comes to different codes");
    expect(code == JQ_OK || (why && why_generic), &subject, "is refused without a reason");
    if (code == JQ_INVALID || code == JQ_TOO_LARGE)
        expect(message.op == generic.op && message.request == generic.request, &subject, "is another request");
    if (code != JQ_OK)
        return code;
    expect(same_message(&message, &generic), &subject, "is read in different ways");
    check_again(&subject, &message, &message);
    if (bodies_of(&message))
        check_items(&subject, &message);
    if (message.op == JQW_GOT)
        check_got_head(&subject, &message);
    return code;
}
