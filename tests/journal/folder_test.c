/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery of a folder, case by case, on the disk in memory: what is torn is cut, what is damaged is told and not touched, what is released
 * is not missed; and what a full or failing disk makes of the journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "folder_fixture.h"
#include "journal_needed.h"
#include <string.h>

static void goes_on_across_segments(void **state)
{
    (void)state;
    struct fixture f;
    size_t count;
    init(&f);
    for (int i = 0; i < 50; i++)
        put(&f, 7, true);
    assert_true(journal_durable(f.journal) == 350 && journal_accepts(f.journal));
    (void)journal_segments(f.journal, &count);
    assert_true(count > 5);
    stop(&f);
    assert_int_equal(start(&f, 1), JQ_OK);
    assert_true(f.seen == 350 && f.report.last == 350 && f.adopted == 350 && f.report.cut_bytes == 0);
    put(&f, 3, true);
    stop(&f);
    assert_int_equal(start(&f, 340), JQ_OK);
    assert_true(f.seen == 353);
    end(&f);
}

static void what_waits_is_written_and_not_synced(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    put(&f, 1, false);
    assert_true(journal_state(f.journal).written == 1 && journal_durable(f.journal) == 0);
    assert_true(journal_next(f.journal) == ENGINE_FOREVER);
    struct engine_record record = {.kind = ENGINE_RECORD_DONE, .number = 2, .first = 20};
    struct journal_batch batch = {.sync_by_ns = 50 * MS, .records = &record, .count = 1};
    assert_int_equal(journal_append(f.journal, &batch), JQ_OK);
    journal_tick(f.journal, 10 * MS);
    work(&f);
    assert_true(journal_durable(f.journal) == 0 && journal_next(f.journal) == 50 * MS);
    journal_tick(f.journal, 50 * MS);
    work(&f);
    assert_true(journal_durable(f.journal) == 2 && journal_next(f.journal) == ENGINE_FOREVER);
    end(&f);
}

static void a_torn_end_is_cut(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t size;
    init(&f);
    for (int i = 0; i < 5; i++)
        put(&f, 4, true);
    uint8_t *bytes = segment(&f, 0, &size);
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    bytes[size - 100] ^= 1; /* of the last batch */
    stop(&f);
    assert_int_equal(start(&f, 1), JQ_OK);
    assert_true(f.report.last == 16 && f.seen == 16);
    assert_true(f.report.cut_bytes > 800 && f.report.cut_offset > 0);
    assert_string_equal(f.report.cut_file, "00000000000000000001.jql");
    put(&f, 2, true);
    stop(&f);
    assert_int_equal(start(&f, 1), JQ_OK);
    assert_true(f.seen == 18 && f.report.cut_bytes == 0);
    end(&f);
}

/* A body may have anything in it. proves: RST-2 */
static void what_looks_like_frames_is_read_once(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t size, used;
    struct journal_report report;
    init(&f);
    put(&f, 4, true);
    uint8_t *bytes = segment(&f, 0, &size);
    for (used = size; bytes[used - 1] == 0; used--)
        ;
    for (uint64_t at = (used / 8 + 1) * 8; at + 8 <= size; at += 8)
        memcpy(bytes + at, bytes + JOURNAL_SEGMENT_HEADER, 4);
    stop(&f);
    struct journal_config config = config_of(&f, 1);
    assert_int_equal(journal_check(&config, &report), JQ_OK);
    assert_true(report.last == 4 && report.bytes < 10 * size);
    assert_int_equal(start(&f, 1), JQ_OK);
    assert_true(f.report.last == 4 && f.report.bytes < 10 * size);
    end(&f);
}

static void damage_is_told_and_repaired(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t size, before;
    init(&f);
    for (int i = 0; i < 10; i++)
        put(&f, 4, true);
    segment(&f, 0, &size)[2000] ^= 1; /* in the third batch */
    stop(&f);
    check(&f, 1, JQ_STORAGE);
    check(&f, 41, JQ_STORAGE);
    assert_int_equal(start(&f, 1), JQ_STORAGE);
    assert_non_null(strstr(f.report.text, "joinqd --repair"));
    assert_non_null(strstr(f.report.text, "00000000000000000001.jql is damaged at offset"));
    assert_null(disk_bytes(&f.disk, "00000000000000000001.jql.damaged", &before));
    struct journal_config config = config_of(&f, 1);
    config.repair = true;
    assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_OK);
    assert_true(f.seen == 40 && f.report.last == 40 && f.report.damages == 1 && f.report.records == 36);
    assert_true(f.gap_first == 9 && f.gap_last == 12);
    assert_non_null(disk_bytes(&f.disk, "00000000000000000001.jql.damaged", &before));
    stop(&f);
    assert_int_equal(start(&f, 41), JQ_OK); /* with a snapshot of what there is */
    put(&f, 1, true);
    end(&f);
}

static void a_missing_segment_is_damage(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    for (int i = 0; i < 30; i++)
        put(&f, 7, true);
    stop(&f);
    struct journal_io_request away = {.op = JOURNAL_IO_UNLINK, .name = "00000000000000000002.jql"};
    assert_int_equal(journal_io_run(&f.disk.io, &away), 0);
    assert_int_equal(start(&f, 1), JQ_STORAGE);
    assert_non_null(strstr(f.report.text, "00000000000000000001.jql is damaged at offset"));
    disk_fini(&f.disk);
}

/* The first segment has an unreadable byte: in its header, or in a frame. */
static void what_cannot_be_read_is_told(void **state)
{
    (void)state;
    for (uint64_t offset = 20; offset < 4000; offset += 3000) {
        struct fixture f;
        init(&f);
        for (int i = 0; i < 30; i++)
            put(&f, 7, true);
        stop(&f);
        memcpy(f.disk.bad_name, "00000000000000000001.jql", 25);
        f.disk.bad_offset = offset;
        assert_int_equal(start(&f, 1), JQ_STORAGE);
        assert_non_null(strstr(f.report.text, "cannot be read"));
        check(&f, 1, JQ_STORAGE);
        struct journal_config config = config_of(&f, 1);
        config.repair = true;
        assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_OK);
        assert_true(f.seen == 210 && f.gap_last < 25 &&
                    f.report.records == 210 - (f.gap_last ? f.gap_last - f.gap_first + 1 : 0));
        assert_true((f.gap_last > 0) == (offset > JOURNAL_SEGMENT_HEADER) && f.report.damages > 0);
        uint64_t size;
        assert_non_null(disk_bytes(&f.disk, "00000000000000000001.jql", &size)); /* it stays, for whoever can read it */
        end(&f);
    }
}

static void a_damaged_header_is_told(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t size;
    init(&f);
    for (int i = 0; i < 30; i++)
        put(&f, 7, true);
    segment(&f, 1, &size)[20] ^= 1;
    stop(&f);
    assert_int_equal(start(&f, 1), JQ_STORAGE);
    struct journal_config config = config_of(&f, 1);
    config.repair = true;
    assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_OK);
    assert_true(f.seen == 210 && f.report.records == 210);
    stop(&f);
    assert_int_equal(start(&f, 1), JQ_OK);
    assert_true(f.seen == 210);
    end(&f);
}

/* proves: RST-2 */
static void one_under_another_name_is_not_taken_for_unused(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t size;
    init(&f);
    put(&f, 3, true);
    stop(&f);
    struct journal_io_request move = {
        .op = JOURNAL_IO_RENAME, .name = "00000000000000000001.jql", .to = "00000000000000000099.jql"};
    assert_int_equal(journal_io_run(&f.disk.io, &move), 0);
    assert_int_equal(start(&f, 1), JQ_STORAGE);
    assert_non_null(strstr(f.report.text, move.name));
    assert_non_null(disk_bytes(&f.disk, move.to, &size));
    check(&f, 1, JQ_STORAGE);
    memcpy(move.to, move.name, sizeof move.to);
    memcpy(move.name, "00000000000000000099.jql", 25);
    assert_int_equal(journal_io_run(&f.disk.io, &move), 0);
    assert_int_equal(start(&f, 1), JQ_OK);
    assert_int_equal(f.seen, 3);
    end(&f);
}

/* What says which record is needed says as well how many were durable then: nothing else may tell. proves: RST-2 */
static void an_end_that_was_durable_is_missed(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t size;
    init(&f);
    for (int i = 0; i < 10; i++)
        put(&f, 1, true);
    segment(&f, 0, &size)[JOURNAL_SEGMENT_HEADER + 2000] ^=
        1; /* of the seventh or so: what is behind it is gone, too */
    memset(segment(&f, 0, &size) + JOURNAL_SEGMENT_HEADER + 2000, 0, size - JOURNAL_SEGMENT_HEADER - 2000);
    stop(&f);
    struct journal_config config = config_of(&f, 3);
    config.until = 9;
    assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_STORAGE);
    assert_non_null(strstr(f.report.text, "00000000000000000001.jql is damaged at offset"));
    assert_non_null(strstr(f.report.text, "--repair"));
    config = config_of(&f, 3);
    config.until = 9;
    assert_int_equal(journal_check(&config, &f.report), JQ_STORAGE);
    assert_true(f.report.lost > 3 && f.report.lost <= 9);
    uint64_t lost = f.report.lost;
    config = config_of(&f, 3);
    config.until = lost - 1;
    assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_OK);
    assert_true(f.seen == lost - 1 && f.report.last == lost - 1);
    end(&f);
}

/* proves: RST-2 */
static void all_that_was_durable_is_missing(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    stop(&f);
    struct journal_config config = config_of(&f, 5);
    config.until = 6;
    assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_STORAGE);
    assert_non_null(strstr(f.report.text, "record 5"));
    assert_non_null(strstr(f.report.text, "--repair"));
    config.until = 0;
    assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_OK);
    end(&f);
}

static void needed_written(void *user, uint64_t from, int error)
{
    (void)user;
    assert_true(from == 5 && error == 0);
}

/* A killed process may leave what it wrote in the page cache alone: it is on the disk before anything is done because of it.
 * proves: RST-2 */
static void what_is_needed_is_held_before_it_counts(void **state)
{
    (void)state;
    struct fixture f;
    char text[JOURNAL_TEXT_SIZE], name[] = "needed-00000000000000000005";
    uint8_t bytes[JOURNAL_NEEDED_SIZE];
    uint64_t size;
    init(&f);
    struct journal_needed needed = {.io = &f.disk.io, .id = f.id, .done = needed_written};
    journal_needed_write(&needed, (struct journal_span){5, 9});
    work(&f);
    memcpy(bytes, disk_bytes(&f.disk, name, &size), sizeof bytes);
    for (int i = 0; i < 20; i++) {
        struct journal_span said;
        struct iovec part = {bytes, sizeof bytes};
        struct journal_io_request steps[] = {{.op = JOURNAL_IO_UNLINK},
                                             {.op = JOURNAL_IO_CREATE, .size = sizeof bytes},
                                             {.op = JOURNAL_IO_SYNC_FOLDER},
                                             {.op = JOURNAL_IO_WRITE, .parts = &part, .part_count = 1}};
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            memcpy(steps[k].name, name, sizeof name);
            assert_int_equal(journal_io_run(&f.disk.io, &steps[k]), 0);
        }
        assert_int_equal(journal_needed_hold(&f.disk.io, f.id, text), JQ_OK);
        disk_crash(&f.disk);
        disk_back(&f.disk);
        assert_int_equal(journal_needed_look(&f.disk.io, f.id, &said, text), JQ_OK);
        assert_true(said.from == 5 && said.until == 9);
    }
    end(&f);
}

static int refuse(void *user, const struct journal_segment *segments, size_t count, const struct journal_report *report,
                  char text[JOURNAL_TEXT_SIZE])
{
    struct fixture *f = user;
    assert_true(count == 1 && segments->number == 1 && segments->last == 3 && report->last == 3);
    assert_true(segments->size < SEGMENT); /* as it will be */
    memcpy(text, "not so", 7);
    f->found++;
    return JQ_STORAGE;
}

/* proves: RST-2 */
static void what_its_owner_refuses_stays_as_it_was(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t size, after;
    init(&f);
    put(&f, 3, true);
    (void)segment(&f, 0, &size);
    stop(&f);
    struct journal_config config = config_of(&f, 1);
    config.replay.settle = refuse;
    assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_STORAGE);
    assert_string_equal(f.report.text, "not so");
    assert_true(f.found == 1 && disk_bytes(&f.disk, "00000000000000000001.jql", &after) && after == size);
    assert_int_equal(start(&f, 1), JQ_OK);
    end(&f);
}

static void holes_of_released_segments_are_no_damage(void **state)
{
    (void)state;
    struct fixture f;
    size_t count;
    init(&f);
    for (int i = 0; i < 30; i++)
        put(&f, 7, true);
    uint64_t number = journal_segments(f.journal, &count)[2].number, last = journal_segments(f.journal, &count)[2].last;
    assert_false(journal_release(f.journal, journal_segments(f.journal, &count)[count - 1].number));
    assert_true(journal_release(f.journal, number));
    assert_false(journal_release(f.journal, number));
    work(&f);
    stop(&f);
    check(&f, last + 1, JQ_OK);
    assert_int_equal(start(&f, last + 1), JQ_OK);
    assert_true(f.seen == 210);
    stop(&f);
    assert_int_equal(start(&f, last), JQ_STORAGE);
    disk_fini(&f.disk);
}

static void another_folders_segment_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    put(&f, 1, true);
    stop(&f);
    struct journal_config config = config_of(&f, 1);
    config.id[0] = 1;
    assert_int_equal(journal_open(&config, &f.journal, &f.report), JQ_STORAGE);
    assert_non_null(strstr(f.report.text, "another data folder"));
    disk_fini(&f.disk);
}

/* ---- faults ---- */

/* proves: OUT-2 */
static void a_failed_group_is_written_again_elsewhere(void **state)
{
    (void)state;
    struct fixture f;
    size_t count;
    init(&f);
    put(&f, 4, true);
    f.disk.fault_percent = 100;
    put(&f, 4, true);
    assert_true(journal_durable(f.journal) == 4);
    assert_int_equal(journal_state(f.journal).accepts, JOURNAL_ACCEPTS_NONE);
    f.disk.fault_percent = 0;
    put(&f, 4, true); /* taken all the same */
    for (int i = 0; i < 20 && journal_next(f.journal) != ENGINE_FOREVER; i++) {
        f.now = journal_next(f.journal) > f.now ? journal_next(f.journal) : f.now;
        journal_tick(f.journal, f.now);
        work(&f);
    }
    assert_true(journal_durable(f.journal) == 12 && journal_accepts(f.journal));
    const struct journal_segment *segments = journal_segments(f.journal, &count);
    assert_true(count == 2 && segments[0].last == 4 && segments[1].first == 5 && !segments[0].given_up);
    disk_crash(&f.disk);
    journal_free(f.journal);
    disk_back(&f.disk);
    assert_int_equal(start(&f, 1), JQ_OK);
    assert_true(f.seen == 12);
    end(&f);
}

/* proves: OUT-2 */
static void a_full_disk_leaves_room_for_what_shrinks(void **state)
{
    (void)state;
    struct fixture f;
    size_t count;
    init(&f);
    f.disk.capacity = 2 * SEGMENT;
    put(&f, 1, true);
    assert_int_equal(journal_state(f.journal).accepts, JOURNAL_ACCEPTS_ALL);
    for (int i = 0; i < 40 && journal_state(f.journal).accepts == JOURNAL_ACCEPTS_ALL; i++)
        put(&f, 1, true);
    assert_int_equal(journal_state(f.journal).accepts, JOURNAL_ACCEPTS_SHRINKING);
    uint64_t at = f.last;
    for (int i = 0; i < 40 && journal_state(f.journal).accepts == JOURNAL_ACCEPTS_SHRINKING; i++)
        put(&f, 1, true);
    assert_int_equal(journal_state(f.journal).accepts, JOURNAL_ACCEPTS_NONE);
    assert_true(f.last - at > 20);
    for (int i = 0; i < 5; i++)
        put(&f, 4, true);
    assert_true(journal_durable(f.journal) < f.last);
    const struct journal_segment *segments = journal_segments(f.journal, &count);
    assert_true(journal_release(f.journal, segments[0].number)); /* used again */
    work(&f);
    assert_true(journal_durable(f.journal) == f.last);
    f.disk.capacity = UINT64_MAX;
    f.now = journal_next(f.journal) > f.now ? journal_next(f.journal) : f.now;
    journal_tick(f.journal, f.now);
    work(&f);
    assert_true(journal_accepts(f.journal));
    end(&f);
}

static void a_full_disk_can_be_started_from(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    put(&f, 3, true);
    stop(&f);
    f.disk.capacity = 1;
    assert_int_equal(start(&f, 1), JQ_OK);
    assert_true(f.seen == 3);
    put(&f, 1, true); /* the reserve of the last run */
    assert_true(journal_durable(f.journal) == 4);
    assert_int_equal(journal_state(f.journal).accepts, JOURNAL_ACCEPTS_SHRINKING);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_across_segments),
        cmocka_unit_test(what_waits_is_written_and_not_synced),
        cmocka_unit_test(a_torn_end_is_cut),
        cmocka_unit_test(what_looks_like_frames_is_read_once),
        cmocka_unit_test(damage_is_told_and_repaired),
        cmocka_unit_test(a_missing_segment_is_damage),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(a_damaged_header_is_told),
        cmocka_unit_test(one_under_another_name_is_not_taken_for_unused),
        cmocka_unit_test(an_end_that_was_durable_is_missed),
        cmocka_unit_test(all_that_was_durable_is_missing),
        cmocka_unit_test(what_is_needed_is_held_before_it_counts),
        cmocka_unit_test(what_its_owner_refuses_stays_as_it_was),
        cmocka_unit_test(holes_of_released_segments_are_no_damage),
        cmocka_unit_test(another_folders_segment_is_refused),
        cmocka_unit_test(a_failed_group_is_written_again_elsewhere),
        cmocka_unit_test(a_full_disk_leaves_room_for_what_shrinks),
        cmocka_unit_test(a_full_disk_can_be_started_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
