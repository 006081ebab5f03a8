/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that look like frames of the log: what a client makes up is never taken for a record, nor for a word on what was durable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "folder_fixture.h"
#include "journal_bytes.h"
#include "journal_codec.h"
#include "journal_scan.h"
#include <string.h>

/* A body with a frame in it that is right as far as a client can know: what it is told of the data id, numbers that it guesses, and where
 * in a segment its body will lie but for `shift` bytes. */
static void forge(struct fixture *f, uint64_t first, uint64_t synced, uint32_t shift)
{
    uint8_t known[JOURNAL_ID_SIZE] = {0}, *at = f->body + 2 + shift;
    const struct engine_record record = {.kind = ENGINE_RECORD_DONE, .number = first, .first = 666, .count = 1};
    const struct journal_bodies bodies = config_of(f, 1).bodies;
    struct journal_frame frame = {0};
    assert_int_equal(journal_encode(&frame, &record, 1, &bodies), 1);
    assert_true(frame.size + shift <= BODY);
    const struct journal_frame_header header = {.payload = frame.size - JOURNAL_FRAME_HEADER,
                                                .bodies_at = frame.bodies_at,
                                                .count = 1,
                                                .first = first,
                                                .synced = synced};
    memcpy(known, f->id, JOURNAL_ID_TOLD);
    journal_frame_put(frame.bytes, &header, journal_seed(known, 1));
    memcpy(at, frame.bytes, frame.size);
    journal_frame_fini(&frame);
}

/* Five batches of one, of which the third is then not as it was written, nor what is behind it, if it is to be torn. */
static void spoil(struct fixture *f, bool torn)
{
    uint64_t size, at, number = 0;
    for (int i = 0; i < 5; i++)
        put(f, 1, true);
    uint8_t *bytes = segment(f, 0, &size);
    for (at = JOURNAL_SEGMENT_HEADER; at + JOURNAL_FRAME_HEADER < size; at += JOURNAL_ALIGN) {
        if (get_u32(bytes + at) == JOURNAL_FRAME_MAGIC && get_u32(bytes + at + 24) == 1 &&
            bytes[at + 16] == number + 1 && get_u64(bytes + at + 40) == number && ++number == 3)
            break;
    }
    assert_true(number == 3);
    bytes[at + 4] ^= 1;
    if (torn) /* the frames behind it have never been there, but for the third's bytes */
        memset(bytes + at + JOURNAL_FRAME_HEADER + 300, 0, size - at - JOURNAL_FRAME_HEADER - 300);
    stop(f);
}

/* proves: RST-2 */
static void a_frame_in_a_body_says_nothing(void **state)
{
    (void)state;
    for (uint32_t shift = 0; shift < JOURNAL_ALIGN; shift++) {
        struct fixture f;
        init(&f);
        forge(&f, 1000, 999, shift);
        spoil(&f, true);
        assert_int_equal(start(&f, 1), JQ_OK);
        assert_int_equal(f.report.last, 2);
        end(&f);
    }
}

/* proves: RST-2 */
static void a_frame_in_a_body_is_not_repaired(void **state)
{
    (void)state;
    for (uint32_t shift = 0; shift < JOURNAL_ALIGN; shift++) {
        struct fixture f;
        init(&f);
        forge(&f, 3, 0, shift);
        spoil(&f, false);
        struct journal_config config = config_of(&f, 1);
        config.repair = true;
        assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_OK);
        assert_true(f.seen == 5 && f.gap_first == 3 && f.gap_last == 3);
        end(&f);
    }
}

/* However large the file is, and however much of it only begins as frames do. proves: RST-2 */
static void what_begins_like_frames_is_read_once(void **state)
{
    enum { SIZE = 12 * 1024 * 1024, EACH = 64 * 1024 };
    (void)state;
    struct fixture f;
    struct journal_scan scan = {0};
    uint64_t size;
    init(&f);
    struct journal_io_request create = {.op = JOURNAL_IO_CREATE, .size = SIZE};
    journal_segment_name(7, create.name);
    assert_int_equal(journal_io_run(&f.disk.io, &create), 0);
    uint8_t *bytes = disk_bytes(&f.disk, create.name, &size);
    for (uint64_t at = EACH; at < size; at += EACH)
        put_u32(bytes + at, JOURNAL_FRAME_MAGIC);
    journal_scan_begin(&scan, &f.disk.io, f.id, 7, size);
    assert_false(journal_scan_seek(&scan));
    assert_true(size == SIZE && scan.read <= 2 * size);
    journal_scan_fini(&scan);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_in_a_body_says_nothing),
        cmocka_unit_test(a_frame_in_a_body_is_not_repaired),
        cmocka_unit_test(what_begins_like_frames_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
