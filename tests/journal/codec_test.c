/* SPDX-License-Identifier: Apache-2.0 */
/* The codec: every kind of record comes back as it was, and nothing that was changed or cut short is taken for a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch.h"
#include "journal_bytes.h"
#include "journal_codec.h"
#include "journal_crc.h"
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 200 };

static const struct journal_seed seed = {.header = 0x1234, .payload = 0x5678};

static void crc_vector(void **state)
{
    (void)state;
    static const char digits[] = "123456789";
    assert_int_equal(journal_crc(0, digits, 9), 0xE3069283);
    assert_int_equal(journal_crc(journal_crc(0, digits, 4), digits + 4, 5), 0xE3069283);
    assert_int_equal(journal_crc(0, "", 0), 0);
}

static void varints(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint8_t bytes[BYTES_VARINT_MAX];
        size_t size = (size_t)(put_varint(bytes, values[i]) - bytes);
        struct bytes_in in = {.at = bytes, .end = bytes + size};
        assert_true(get_varint(&in) == values[i] && !in.wrong && in.at == in.end);
        in = (struct bytes_in){.at = bytes, .end = bytes + size - 1};
        assert_true(get_varint(&in) == 0 && in.wrong);
    }
    uint8_t endless[11];
    memset(endless, 0xff, sizeof endless);
    struct bytes_in in = {.at = endless, .end = endless + sizeof endless};
    assert_true(get_varint(&in) == 0 && in.wrong);
}

static void names(void **state)
{
    (void)state;
    char name[JOURNAL_NAME_SIZE];
    uint64_t number;
    journal_segment_name(17, name);
    assert_string_equal(name, "00000000000000000017.jql");
    assert_true(journal_segment_number(name, &number) && number == 17);
    journal_segment_name(UINT64_MAX, name);
    assert_true(journal_segment_number(name, &number) && number == UINT64_MAX);
    assert_false(journal_segment_number("00000000000000000000.jql", &number));
    assert_false(journal_segment_number("99999999999999999999.jql", &number));
    assert_false(journal_segment_number("0000000000000000001x.jql", &number));
    assert_false(journal_segment_number("00000000000000000017.jql.damaged", &number));
    assert_false(journal_segment_number("lock", &number));
}

/* ---- round trip ---- */

struct expected {
    struct bodies bodies;
    uint64_t digests[BATCH_RECORDS];
    uint32_t count, seen, from;
};

static int see_records(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct expected *e = user;
    assert_int_equal(wall_ns, 99);
    for (uint32_t i = 0; i < count; i++)
        assert_true(batch_digest(&records[i], &e->bodies) == e->digests[e->from + e->seen++]);
    return JQ_OK;
}

static int see_run(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                   const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    struct expected *e = user;
    assert_true(place.segment == 3 && count > 0 && journal_crc(0, bytes, size) == crc);
    *chunk = bodies_add(&e->bodies, bytes, size);
    *offset = 0;
    return JQ_OK;
}

static struct journal_frame_header encode(struct journal_frame *frame, const struct batch *batch, struct bodies *bodies)
{
    const struct journal_bodies table = {.at = bodies_at, .user = bodies};
    assert_int_equal(journal_encode(frame, batch->records, batch->count, &table), batch->count);
    struct journal_frame_header header = {.payload = frame->size - JOURNAL_FRAME_HEADER,
                                          .bodies_at = frame->bodies_at,
                                          .count = frame->count,
                                          .first = frame->first,
                                          .wall_ns = 99,
                                          .synced = frame->first - 1};
    journal_frame_put(frame->bytes, &header, seed);
    return header;
}

static void let_go(struct bodies *bodies)
{
    for (uint32_t i = 0; i < BATCH_CHUNKS; i++)
        bodies->chunks[i].holds = 0;
}

static void round_trip(void **state)
{
    (void)state;
    struct random random = {7};
    static struct expected e;
    static struct batch batch;
    struct journal_frame frame = {0};
    struct journal_decoder decoder = {0};
    const struct journal_replay replay = {.records = see_records, .adopt = see_run, .user = &e};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        batch.count = batch.body_count = batch.text_size = 0;
        if (round < ENGINE_RECORD_KEPT + 1) /* each kind, then all sorts */
            batch_record(&batch, &random, &e.bodies, (enum engine_record_kind)round, 100000);
        else
            batch_random(&batch, &random, &e.bodies, 1, 3000);
        for (uint32_t i = 0; i < batch.count; i++) {
            batch.records[i].number = 5 + i;
            if (batch.records[i].kind == ENGINE_RECORD_GROUP)
                batch.records[i].count = batch.count - i - 1;
            e.digests[i] = batch_digest(&batch.records[i], &e.bodies);
        }
        struct journal_frame_header header = encode(&frame, &batch, &e.bodies), got;
        assert_true(journal_frame_get(frame.bytes, seed, &got));
        assert_true(journal_payload_good(frame.bytes + JOURNAL_FRAME_HEADER, &got, seed));
        assert_true(got.count == header.count && got.first == header.first && got.bodies_at == header.bodies_at);
        let_go(&e.bodies);
        const char *wrong = NULL;
        e.seen = 0;
        e.from = round % 3 == 1 ? batch.count / 2 : 0;
        int code = journal_decode(&decoder, &got, frame.bytes + JOURNAL_FRAME_HEADER, (struct journal_place){3, 0},
                                  5 + e.from, &replay, &wrong);
        assert_true(code == JQ_OK && !wrong && e.seen + e.from == batch.count);
    }
    journal_decoder_fini(&decoder);
    journal_frame_fini(&frame);
    bodies_fini(&e.bodies);
}

/* ---- bodies that lie elsewhere ---- */

enum { RUN_AT = 4096, RUN_BODIES = 10, RUN_BODY = 100, RUN_STRIDE = 102 };

static bool find_run(void *user, uint32_t chunk, uint32_t offset, struct journal_reference *reference)
{
    (void)user;
    *reference = (struct journal_reference){{9, RUN_AT}, RUN_BODIES * RUN_STRIDE, 77, offset};
    return chunk == 1;
}

static int see_reference(void *user, const struct journal_reference *run, uint32_t size, uint32_t count,
                         uint32_t *chunk, uint32_t *offset)
{
    uint32_t *seen = user;
    assert_true(run->place.segment == 9 && run->place.offset == RUN_AT && run->crc == 77);
    assert_true(run->size == RUN_BODIES * RUN_STRIDE && size == count * RUN_STRIDE);
    *seen += count;
    *chunk = 5;
    *offset = run->at;
    return JQ_OK;
}

static int see_adopted(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                       const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    (void)user;
    assert_true(place.segment == 3 && count == 1 && size == RUN_STRIDE && journal_crc(0, bytes, size) == crc);
    *chunk = 6;
    *offset = 0;
    return JQ_OK;
}

static int see_places(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    (void)user;
    (void)wall_ns;
    assert_int_equal(count, 1);
    for (uint32_t i = 0; i < 5; i++) {
        const struct engine_body *body = &records->bodies[i];
        assert_int_equal(body->chunk, i == 2 ? 6 : 5);
        assert_int_equal(body->offset, i == 2 ? 0 : (i < 2 ? 3 + i : 4 + i) * RUN_STRIDE);
    }
    return JQ_OK;
}

/* What a snapshot tells is in the log already, but for one body between the others. */
static void references(void **state)
{
    static const uint8_t bytes[RUN_STRIDE];
    struct engine_body list[5];
    for (uint32_t i = 0; i < 5; i++)
        list[i] = (struct engine_body){1, (i < 2 ? 3 + i : 4 + i) * RUN_STRIDE, RUN_BODY};
    struct bodies bodies = {0};
    list[2] = (struct engine_body){bodies_add(&bodies, bytes, sizeof bytes), 0, RUN_BODY};
    while (list[2].chunk == 1)
        list[2].chunk = bodies_add(&bodies, bytes, sizeof bytes);
    const struct engine_record record = {
        .kind = ENGINE_RECORD_STATE_MESSAGES, .number = 5, .first = 1, .count = 5, .bodies = list};
    const struct journal_bodies table = {.at = bodies_at, .find = find_run, .user = &bodies};
    struct journal_frame frame = {0};
    struct journal_decoder decoder = {0};
    const char *wrong = NULL;
    uint32_t seen = 0;
    (void)state;
    assert_int_equal(journal_encode(&frame, &record, 1, &table), 1);
    assert_int_equal(frame.run_count, 1);
    const struct journal_frame_header header = {
        .payload = frame.size - JOURNAL_FRAME_HEADER, .bodies_at = frame.bodies_at, .count = 1, .first = 5};
    const struct journal_replay replay = {
        .records = see_places, .adopt = see_adopted, .adopt_placed = see_reference, .user = &seen};
    assert_int_equal(journal_decode(&decoder, &header, frame.bytes + JOURNAL_FRAME_HEADER, (struct journal_place){3, 0},
                                    5, &replay, &wrong),
                     JQ_OK);
    assert_int_equal(seen, 4);
    journal_decoder_fini(&decoder);
    journal_frame_fini(&frame);
    bodies_fini(&bodies);
}

/* ---- nothing else passes ---- */

static bool passes(const uint8_t *bytes, size_t size)
{
    struct journal_frame_header header;
    return size >= JOURNAL_FRAME_HEADER && journal_frame_get(bytes, seed, &header) &&
           header.payload <= size - JOURNAL_FRAME_HEADER &&
           journal_payload_good(bytes + JOURNAL_FRAME_HEADER, &header, seed);
}

static void changed_frames_fail(void **state)
{
    (void)state;
    struct random random = {11};
    static struct bodies bodies;
    static struct batch batch;
    struct journal_frame frame = {0};
    batch_random(&batch, &random, &bodies, 5, 0);
    (void)encode(&frame, &batch, &bodies);
    assert_true(passes(frame.bytes, frame.size));
    for (uint32_t size = 0; size < frame.size; size++) {
        uint8_t *cut = malloc(size ? size : 1);
        assert_non_null(cut);
        memcpy(cut, frame.bytes, size);
        assert_false(passes(cut, size));
        free(cut);
    }
    for (uint32_t bit = 0; bit < frame.size * 8; bit++) {
        frame.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(passes(frame.bytes, frame.size));
        frame.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    struct journal_frame_header header;
    assert_true(journal_frame_get(frame.bytes, seed, &header));
    assert_false(journal_frame_get(frame.bytes, (struct journal_seed){seed.header + 1, seed.payload}, &header));
    assert_false(journal_payload_good(frame.bytes + JOURNAL_FRAME_HEADER, &header,
                                      (struct journal_seed){seed.header, seed.payload + 1}));
    journal_frame_fini(&frame);
    bodies_fini(&bodies);
}

/* A payload whose checksum somebody made right is still held against its bounds: under a sanitizer this says more. */
static void hostile_payloads_are_refused(void **state)
{
    (void)state;
    struct random random = {13};
    static struct bodies bodies;
    static struct batch batch;
    struct journal_frame frame = {0};
    struct journal_decoder decoder = {0};
    const struct journal_replay nowhere = {0};
    for (int round = 0; round < ROUNDS * 10; round++) {
        batch_random(&batch, &random, &bodies, 5, 0);
        struct journal_frame_header header = encode(&frame, &batch, &bodies);
        let_go(&bodies);
        uint8_t *payload = malloc(header.payload);
        assert_non_null(payload);
        memcpy(payload, frame.bytes + JOURNAL_FRAME_HEADER, header.payload);
        for (int i = 0; i < 3; i++)
            payload[random_below(&random, header.payload)] = (uint8_t)random_next(&random);
        const char *wrong = NULL;
        int code = journal_decode(&decoder, &header, payload, (struct journal_place){3, 0}, 1, &nowhere, &wrong);
        assert_true(code == JQ_OK || (code == JQ_STORAGE && wrong));
        free(payload);
    }
    journal_decoder_fini(&decoder);
    journal_frame_fini(&frame);
    bodies_fini(&bodies);
}

static void segment_headers(void **state)
{
    (void)state;
    struct journal_header header = {.id = {1, 2, 3}, .number = 9, .first = 77}, got;
    uint8_t bytes[JOURNAL_SEGMENT_HEADER];
    journal_header_put(bytes, &header);
    assert_int_equal(journal_header_get(bytes, &got), JOURNAL_HEADER_GOOD);
    assert_memory_equal(&got, &header, sizeof got);
    for (uint32_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(journal_header_get(bytes, &got), JOURNAL_HEADER_BAD);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    bytes[12] = JOURNAL_VERSION + 1;
    put_u32(bytes + 8, journal_crc(0, bytes + 12, sizeof bytes - 12));
    assert_int_equal(journal_header_get(bytes, &got), JOURNAL_HEADER_NEWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_vector),
        cmocka_unit_test(varints),
        cmocka_unit_test(names),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(references),
        cmocka_unit_test(changed_frames_fail),
        cmocka_unit_test(hostile_payloads_are_refused),
        cmocka_unit_test(segment_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
