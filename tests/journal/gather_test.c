/* SPDX-License-Identifier: Apache-2.0 */
/* When a group waits for company and when it does not, on the disk in memory, which says what time a sync took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "disk.h"
#include "journal_file.h"

enum { MS = 1000000 };

struct fixture {
    struct random random;
    struct disk disk;
    struct journal_config config;
    struct journal *journal;
    uint64_t last, seen;
};

static int see(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    (void)wall_ns;
    (void)records;
    ((struct fixture *)user)->seen += count;
    return JQ_OK;
}

static const uint8_t *no_body(void *user, uint32_t chunk, uint32_t offset)
{
    (void)user;
    (void)chunk;
    (void)offset;
    return NULL;
}

static void start(struct fixture *f)
{
    struct journal_report report;
    f->config = (struct journal_config){
        .io = &f->disk.io, .from = 1, .bodies = {.at = no_body}, .replay = {.records = see, .user = f}};
    f->seen = 0;
    assert_int_equal(journal_open(&f->config, &f->journal, &report), JQ_OK);
}

static void init(struct fixture *f, uint64_t sync_ns)
{
    *f = (struct fixture){.random = {1}};
    disk_init(&f->disk, &f->random);
    f->disk.sync_ns = sync_ns;
    start(f);
}

static void end(struct fixture *f)
{
    f->disk.dead = true;
    journal_free(f->journal);
    disk_back(&f->disk);
    disk_fini(&f->disk);
}

/* All that the disk is asked for, at once. */
static void work(struct fixture *f)
{
    do
        journal_io_poll(&f->disk.io);
    while (disk_step(&f->disk));
}

/* A turn that makes so many records, then what the disk has to do. */
static void turn(struct fixture *f, uint32_t count, uint64_t now)
{
    for (uint32_t i = 0; i < count; i++) {
        struct engine_record record = {.kind = ENGINE_RECORD_DONE, .number = ++f->last, .first = 20};
        struct journal_batch batch = {.records = &record, .count = 1};
        assert_int_equal(journal_append(f->journal, &batch), JQ_OK);
    }
    journal_tick(f->journal, now);
    work(f);
}

static void expect(const struct fixture *f, uint64_t durable, uint64_t next)
{
    assert_int_equal(journal_durable(f->journal), durable);
    assert_int_equal(journal_next(f->journal), next);
}

static void who_was_answered_is_waited_for(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 8 * MS);
    turn(&f, 3, MS);
    turn(&f, 1, 10 * MS);
    expect(&f, 3, 12 * MS);
    turn(&f, 1, 11 * MS);
    expect(&f, 3, 12 * MS);
    turn(&f, 1, 11 * MS); /* all three have come again */
    expect(&f, 6, ENGINE_FOREVER);
    end(&f);
}

static void one_alone_does_not_wait(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 8 * MS);
    for (uint64_t i = 1; i < 10; i++) {
        turn(&f, 1, i * MS);
        expect(&f, i, ENGINE_FOREVER);
    }
    end(&f);
}

static void a_wait_in_vain_is_not_soon_repeated(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 8 * MS);
    turn(&f, 8, MS);
    turn(&f, 1, 20 * MS);
    expect(&f, 8, 22 * MS);
    turn(&f, 1, 21 * MS);
    turn(&f, 1, 22 * MS); /* three of eight came in time: the next group waits for nobody, ... */
    expect(&f, 11, ENGINE_FOREVER);
    turn(&f, 1, 23 * MS);
    expect(&f, 12, ENGINE_FOREVER);
    turn(&f, 3, 24 * MS);
    turn(&f, 1, 30 * MS); /* ... and one after it does again */
    expect(&f, 15, 32 * MS);
    end(&f);
}

static void a_fast_disk_waits_for_nobody(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, MS / 4);
    turn(&f, 3, MS);
    turn(&f, 1, 10 * MS);
    expect(&f, 4, ENGINE_FOREVER);
    end(&f);
}

static void who_hurries_waits_for_nobody(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 8 * MS);
    turn(&f, 3, MS);
    turn(&f, 1, 10 * MS);
    expect(&f, 3, 12 * MS);
    journal_sync(f.journal);
    work(&f);
    expect(&f, 4, ENGINE_FOREVER);
    end(&f);
}

/* What waits for company when the journal ends is written all the same. */
static void nothing_waits_at_the_end(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, 8 * MS);
    turn(&f, 3, MS);
    turn(&f, 1, 10 * MS);
    expect(&f, 3, 12 * MS);
    journal_free(f.journal);
    start(&f);
    assert_int_equal(f.seen, 4);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_answered_is_waited_for),      cmocka_unit_test(one_alone_does_not_wait),
        cmocka_unit_test(a_wait_in_vain_is_not_soon_repeated), cmocka_unit_test(a_fast_disk_waits_for_nobody),
        cmocka_unit_test(who_hurries_waits_for_nobody),        cmocka_unit_test(nothing_waits_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
