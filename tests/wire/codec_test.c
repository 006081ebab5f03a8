/* SPDX-License-Identifier: Apache-2.0 */
/* The codec where vectors would be too long: limits, defaults, places of bodies, refused memory. The linker puts the functions
 * here that begin with __wrap_ in front of the real ones. */
#include "message.h"
#include "wire_agree.h"
#include "write.h"
#include <msgpack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct jqw_scratch scratch;
static bool refuses_memory, refuses_zone, refuses_unpack;

void *__wrap_realloc(void *memory, size_t size);
void *__real_realloc(void *memory, size_t size);
bool __wrap_msgpack_zone_init(msgpack_zone *zone, size_t size);
bool __real_msgpack_zone_init(msgpack_zone *zone, size_t size);
msgpack_unpack_return __wrap_msgpack_unpack(const char *data, size_t size, size_t *offset, msgpack_zone *zone,
                                            msgpack_object *out);
msgpack_unpack_return __real_msgpack_unpack(const char *data, size_t size, size_t *offset, msgpack_zone *zone,
                                            msgpack_object *out);

void *__wrap_realloc(void *memory, size_t size)
{
    return refuses_memory ? NULL : __real_realloc(memory, size);
}

bool __wrap_msgpack_zone_init(msgpack_zone *zone, size_t size)
{
    return !refuses_zone && __real_msgpack_zone_init(zone, size);
}

msgpack_unpack_return __wrap_msgpack_unpack(const char *data, size_t size, size_t *offset, msgpack_zone *zone,
                                            msgpack_object *out)
{
    return refuses_unpack ? MSGPACK_UNPACK_NOMEM_ERROR : __real_msgpack_unpack(data, size, offset, zone, out);
}

static const struct jqw_queue jobs = {{(const uint8_t *)"jobs", 4}, 5};

/* What a message that was encoded comes to; by both decoders. */
static int code_of(const struct jqw_message *message)
{
    struct jqw_buffer out = {0};
    assert_int_equal(jqw_encode(&out, message), JQ_OK);
    int code = agree_on(out.data + JQW_FRAME_HEADER, out.size - JQW_FRAME_HEADER);
    jqw_buffer_fini(&out);
    return code;
}

/* ---- bodies -------------------------------------------------------------------------------------------------------- */

static int code_of_put(const struct jqw_bytes *items, uint32_t count)
{
    struct jqw_message put = {.op = JQW_PUT, .request = 1, .put = {.queue = jobs}};
    put.put.bodies = (struct jqw_bodies){.item = items, .count = count};
    return code_of(&put);
}

static void a_batch_has_a_limit(void **state)
{
    (void)state;
    static struct jqw_bytes items[JQW_BATCH_MAX + 1];
    assert_int_equal(code_of_put(items, 0), JQ_INVALID);
    assert_int_equal(code_of_put(items, JQW_BATCH_MAX), JQ_OK);
    assert_int_equal(code_of_put(items, JQW_BATCH_MAX + 1), JQ_INVALID);
}

static void a_body_has_a_limit(void **state)
{
    (void)state;
    uint8_t *data = calloc(1, JQW_MESSAGE_MAX + 1);
    assert_non_null(data);
    struct jqw_bytes items[] = {{data, 3}, {data, JQW_MESSAGE_MAX}};
    assert_int_equal(code_of_put(items, 2), JQ_OK);
    items[1].size++;
    assert_int_equal(code_of_put(items, 2), JQ_TOO_LARGE);
    free(data);
}

/* The forms of the header change at 256 and at 65,536 bytes. */
static void bodies_of_every_form(void **state)
{
    (void)state;
    static uint8_t data[70000];
    static const uint32_t sizes[] = {0, 1, 255, 256, 65535, 65536, 70000};
    struct jqw_bytes items[7];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (int i = 0; i < 7; i++)
        items[i] = (struct jqw_bytes){data, sizes[i]};
    assert_int_equal(code_of_put(items, 7), JQ_OK);
    for (int i = 0; i < 7; i++) {
        uint8_t header[5];
        assert_int_equal(jqw_bin_header_write(header, sizes[i]), jqw_bin_header_size(sizes[i]));
    }
}

static void decoded_bodies_lie_in_the_frame(void **state)
{
    (void)state;
    static const uint8_t frame[] = {0x98, 4, 1, 0xa1, 'q', 0, 0, 0, 0x93, 0xc4, 1, 'a', 0xc4, 0, 0xc5, 0, 1, 'b', 0x80};
    struct jqw_message put;
    const char *why;
    assert_int_equal(jqw_decode(frame, sizeof frame, &put, &scratch, &why), JQ_OK);
    assert_ptr_equal(put.put.bodies.packed.data, frame + 9);
    assert_int_equal(put.put.bodies.packed.size, 9);
    assert_null(put.put.bodies.item);
    assert_int_equal(put.put.bodies.sizes[0], 1);
    assert_int_equal(put.put.bodies.sizes[1], 0);
    assert_int_equal(put.put.bodies.sizes[2], 1);
    assert_false(put.put.bodies.minimal);
    assert_ptr_equal(put.put.queue.name.data, frame + 4);
}

/* ---- lists --------------------------------------------------------------------------------------------------------- */

static int code_of_ranges(enum jqw_op op, uint32_t count, uint32_t messages)
{
    static struct jqw_range ranges[JQW_LOST_MAX + 1];
    for (uint32_t i = 0; i < count; i++)
        ranges[i] = (struct jqw_range){1, UINT64_MAX - i, messages, UINT32_MAX};
    struct jqw_message message = {.op = op, .request = op == JQW_EVENT_LEASE_LOST ? 0 : 1};
    struct jqw_ranges list = {ranges, count};
    if (op == JQW_DONE)
        message.settle.ranges = list;
    else if (op == JQW_SETTLED)
        message.settled.lost = list;
    else
        message.lease_lost.ranges = list;
    return code_of(&message);
}

static void ranges_have_limits(void **state)
{
    (void)state;
    assert_int_equal(code_of_ranges(JQW_DONE, JQW_RANGES_MAX, 1), JQ_OK);
    assert_int_equal(code_of_ranges(JQW_DONE, JQW_RANGES_MAX + 1, 1), JQ_INVALID);
    assert_int_equal(code_of_ranges(JQW_DONE, 1, JQW_SETTLE_MAX), JQ_OK);
    assert_int_equal(code_of_ranges(JQW_DONE, 2, JQW_SETTLE_MAX / 2), JQ_OK);
    assert_int_equal(code_of_ranges(JQW_DONE, 2, JQW_SETTLE_MAX / 2 + 1), JQ_INVALID);
    assert_int_equal(code_of_ranges(JQW_DONE, 2, UINT32_MAX), JQ_INVALID);
    assert_int_equal(code_of_ranges(JQW_SETTLED, JQW_LOST_MAX, UINT32_MAX), JQ_OK);
    assert_int_equal(code_of_ranges(JQW_SETTLED, JQW_LOST_MAX + 1, 1), JQ_INVALID);
    assert_int_equal(code_of_ranges(JQW_EVENT_LEASE_LOST, JQW_LOST_MAX, UINT32_MAX), JQ_OK);
}

/* Each list of a get has the whole limit. */
static void both_lists_of_a_get(void **state)
{
    (void)state;
    static struct jqw_range ranges[JQW_RANGES_MAX];
    for (uint32_t i = 0; i < JQW_RANGES_MAX; i++)
        ranges[i] = (struct jqw_range){i, i, 1, 1};
    struct jqw_message get = {.op = JQW_GET, .request = 1, .get = {.queue = jobs, .max = 1}};
    get.get.done = get.get.release = (struct jqw_ranges){ranges, JQW_RANGES_MAX};
    assert_int_equal(code_of(&get), JQ_OK);
}

static int code_of_runs(uint32_t count, uint32_t messages, uint32_t body_count)
{
    static struct jqw_run runs[JQW_BATCH_MAX + 1];
    static struct jqw_bytes items[JQW_BATCH_MAX + 1];
    for (uint32_t i = 0; i < count; i++)
        runs[i] = (struct jqw_run){i, messages, 1, 0};
    struct jqw_message got = {.op = JQW_GOT, .request = 1, .got = {.runs = runs, .run_count = count}};
    got.got.bodies = (struct jqw_bodies){.item = items, .count = body_count};
    return code_of(&got);
}

static void runs_have_limits(void **state)
{
    (void)state;
    assert_int_equal(code_of_runs(JQW_BATCH_MAX, 1, JQW_BATCH_MAX), JQ_OK);
    assert_int_equal(code_of_runs(JQW_BATCH_MAX + 1, 1, JQW_BATCH_MAX), JQ_INVALID);
    assert_int_equal(code_of_runs(1, JQW_BATCH_MAX, JQW_BATCH_MAX), JQ_OK);
    assert_int_equal(code_of_runs(2, JQW_BATCH_MAX, JQW_BATCH_MAX), JQ_INVALID);
    assert_int_equal(code_of_runs(1, 0, 0), JQ_INVALID);
    assert_int_equal(code_of_runs(1, 2, 1), JQ_PROTOCOL);
    assert_int_equal(code_of_runs(0, 0, 1), JQ_PROTOCOL);
}

static int code_of_stats(uint32_t count)
{
    static struct jqw_stat stats[JQW_LIST_MAX + 1];
    struct jqw_message message = {.op = JQW_STATS, .request = 1, .stats = {.item = stats, .count = count}};
    for (uint32_t i = 0; i < count; i++) {
        stats[i].name = (struct jqw_bytes){(const uint8_t *)"queue", 5};
        stats[i].incarnation = i;
        stats[i].age_ms = UINT64_MAX;
    }
    return code_of(&message);
}

static void stats_have_a_limit(void **state)
{
    (void)state;
    assert_int_equal(code_of_stats(JQW_LIST_MAX), JQ_OK);
    assert_int_equal(code_of_stats(JQW_LIST_MAX + 1), JQ_INVALID);
}

/* An array of so many nils, in a field that an answer may have later. */
static int code_of_values(uint32_t count)
{
    size_t size = 16 + (size_t)count;
    uint8_t *frame = malloc(size);
    assert_non_null(frame);
    const uint8_t head[] = {0x97, JQW_RESULT, 1, 0, 0xa0, 0, 0};
    memcpy(frame, head, sizeof head);
    uint8_t *at = jqw_write_array(frame + sizeof head, count);
    memset(at, 0xc0, count);
    int code = agree_on(frame, (size_t)(at - frame) + count);
    free(frame);
    return code;
}

static void a_frame_has_so_many_values(void **state)
{
    (void)state;
    assert_int_equal(code_of_values(JQW_VALUES_MAX - 8), JQ_OK);
    assert_int_equal(code_of_values(JQW_VALUES_MAX - 7), JQ_PROTOCOL);
}

/* ---- encoding ------------------------------------------------------------------------------------------------------ */

static void a_frame_too_large_is_not_written(void **state)
{
    (void)state;
    struct jqw_buffer out = {0};
    struct jqw_bytes items[3];
    uint8_t *data = calloc(1, JQW_MESSAGE_MAX);
    assert_non_null(data);
    for (int i = 0; i < 3; i++)
        items[i] = (struct jqw_bytes){data, JQW_MESSAGE_MAX};
    struct jqw_message put = {.op = JQW_PUT, .request = 1, .put = {.queue = jobs}};
    put.put.bodies = (struct jqw_bodies){.item = items, .count = 3};
    assert_int_equal(jqw_buffer_append(&out, "before", 6), JQ_OK);
    assert_int_equal(jqw_encode(&out, &put), JQ_TOO_LARGE);
    put.put.bodies.count = 2;
    assert_int_equal(jqw_encode(&out, &put), JQ_TOO_LARGE);
    items[0].size = SIZE_MAX;
    assert_int_equal(jqw_encode(&out, &put), JQ_TOO_LARGE);
    put.put.bodies = (struct jqw_bodies){.packed = {data, SIZE_MAX}, .count = 2};
    assert_int_equal(jqw_encode(&out, &put), JQ_TOO_LARGE);
    struct jqw_got got = {.bodies = {.packed = {NULL, JQW_FRAME_MAX}, .count = 2}};
    assert_int_equal(jqw_encode_got_head(&out, 1, &got), JQ_TOO_LARGE);
    got.bodies.packed.size = SIZE_MAX;
    assert_int_equal(jqw_encode_got_head(&out, 1, &got), JQ_TOO_LARGE);
    assert_int_equal(out.size, 6);
    jqw_buffer_fini(&out);
    free(data);
}

static void a_frame_of_the_largest_size(void **state)
{
    (void)state;
    struct jqw_buffer out = {0};
    struct jqw_got got = {.bodies = {.count = 2}};
    assert_int_equal(jqw_encode_got_head(&out, 1, &got), JQ_OK);
    size_t head = out.size - JQW_FRAME_HEADER;
    got.bodies.packed.size = JQW_FRAME_MAX - head;
    assert_int_equal(jqw_encode_got_head(&out, 1, &got), JQ_OK);
    got.bodies.packed.size++;
    assert_int_equal(jqw_encode_got_head(&out, 1, &got), JQ_TOO_LARGE);
    jqw_buffer_fini(&out);
}

static void a_text_is_cut(void **state)
{
    (void)state;
    static uint8_t text[JQW_TEXT_MAX + 100];
    memset(text, 'x', sizeof text);
    struct jqw_message result = {.op = JQW_RESULT, .request = 1, .result = {.text = {text, sizeof text}}};
    struct jqw_buffer out = {0};
    struct jqw_message decoded;
    const char *why;
    assert_int_equal(jqw_encode(&out, &result), JQ_OK);
    assert_int_equal(jqw_decode(out.data + 4, out.size - 4, &decoded, &scratch, &why), JQ_OK);
    assert_int_equal(decoded.result.text.size, JQW_TEXT_MAX);
    jqw_buffer_fini(&out);
}

static void refused_memory_changes_nothing(void **state)
{
    (void)state;
    static uint8_t data[5000];
    struct jqw_bytes item = {data, sizeof data};
    struct jqw_message put = {.op = JQW_PUT, .request = 1, .put = {.queue = jobs}};
    put.put.bodies = (struct jqw_bodies){.item = &item, .count = 1};
    struct jqw_buffer out = {0};
    refuses_memory = true;
    assert_int_equal(jqw_encode(&out, &put), JQ_OVERLOADED);
    refuses_memory = false;
    assert_int_equal(jqw_buffer_append(&out, "before", 6), JQ_OK);
    refuses_memory = true;
    assert_int_equal(jqw_encode(&out, &put), JQ_OVERLOADED);
    refuses_memory = false;
    assert_int_equal(out.size, 6);
    assert_memory_equal(out.data, "before", 6);
    jqw_buffer_fini(&out);
}

/* proves: PUT-4 */
static void hot_messages_need_no_memory(void **state)
{
    (void)state;
    static const uint8_t close[] = {0x95, JQW_CLOSE, 9, 0xa1, 'q', 0, 0},
                         join[] = {0x97, JQW_JOIN, 9, 0xa1, 'q', 0, 0, 0, 0};
    struct jqw_message message;
    const char *why;
    for (int round = 0; round < 2; round++) {
        refuses_zone = round == 0;
        refuses_unpack = round == 1;
        assert_int_equal(jqw_decode(close, sizeof close, &message, &scratch, &why), JQ_OK);
        message = (struct jqw_message){0};
        assert_int_equal(jqw_decode(join, sizeof join, &message, &scratch, &why), JQ_OVERLOADED);
        assert_int_equal(message.op, JQW_JOIN);
        assert_int_equal(message.request, 9);
    }
    refuses_zone = refuses_unpack = false;
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

static void names_of_opcodes_and_codes(void **state)
{
    (void)state;
    assert_string_equal(jqw_op_name(JQW_PUT), "put");
    assert_string_equal(jqw_op_name(JQW_EVENT_DRAINING), "event_draining");
    assert_string_equal(jqw_op_name(0), "unknown");
    assert_string_equal(jqw_op_name(60), "unknown");
    assert_string_equal(jqw_op_name(UINT32_MAX), "unknown");
    assert_int_equal(jqw_op_kind(JQW_GET), JQW_KIND_REQUEST);
    assert_int_equal(jqw_op_kind(JQW_RECEIVED), JQW_KIND_NOTICE);
    assert_int_equal(jqw_op_kind(JQW_GOT), JQW_KIND_ANSWER);
    assert_int_equal(jqw_op_kind(JQW_EVENT_FENCED), JQW_KIND_EVENT);
    assert_int_equal(jqw_op_kind(63), JQW_KIND_NONE);
    assert_string_equal(jqw_code_name(JQ_FULL), "FULL");
    assert_string_equal(jqw_code_text(JQ_FULL), "the queue is full");
    assert_string_equal(jqw_code_name(9), "UNKNOWN");
    assert_string_equal(jqw_code_text(-1), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_has_a_limit),
        cmocka_unit_test(a_body_has_a_limit),
        cmocka_unit_test(bodies_of_every_form),
        cmocka_unit_test(decoded_bodies_lie_in_the_frame),
        cmocka_unit_test(ranges_have_limits),
        cmocka_unit_test(both_lists_of_a_get),
        cmocka_unit_test(runs_have_limits),
        cmocka_unit_test(stats_have_a_limit),
        cmocka_unit_test(a_frame_has_so_many_values),
        cmocka_unit_test(a_frame_too_large_is_not_written),
        cmocka_unit_test(a_frame_of_the_largest_size),
        cmocka_unit_test(a_text_is_cut),
        cmocka_unit_test(refused_memory_changes_nothing),
        cmocka_unit_test(hot_messages_need_no_memory),
        cmocka_unit_test(names_of_opcodes_and_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
