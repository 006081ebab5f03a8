/* SPDX-License-Identifier: Apache-2.0 */
/* A folder and its journal; see folder_fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "folder_fixture.h"
#include "journal_crc.h"
#include <string.h>

static int see(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct fixture *f = user;
    (void)wall_ns;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(records[i].number == f->seen + 1 && records[i].first == records[i].number * 10);
        f->seen = records[i].number;
    }
    return JQ_OK;
}

static int adopt(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                 const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    struct fixture *f = user;
    (void)place;
    assert_true(size == sizeof f->body && count == 1 && journal_crc(0, bytes, size) == crc);
    assert_memory_equal(bytes, f->body, size);
    f->adopted++;
    *chunk = 1;
    *offset = 0;
    return JQ_OK;
}

static void gap(void *user, uint64_t first, uint64_t last)
{
    struct fixture *f = user;
    f->gap_first = first;
    f->gap_last = last;
    f->seen = last;
}

static void found(void *user, const char *file, uint64_t offset, uint64_t size, const char *text)
{
    struct fixture *f = user;
    (void)file;
    (void)offset;
    (void)size;
    assert_true(*text);
    f->found++;
}

static const uint8_t *body_at(void *user, uint32_t chunk, uint32_t offset)
{
    (void)chunk;
    return ((struct fixture *)user)->body + offset;
}

struct journal_config config_of(struct fixture *f, uint64_t from)
{
    f->seen = from - 1;
    f->found = f->adopted = 0;
    struct journal_config config = {.io = &f->disk.io,
                                    .from = from,
                                    .segment_size = SEGMENT,
                                    .bodies = {.at = body_at, .user = f},
                                    .replay = {.records = see, .adopt = adopt, .gap = gap, .found = found, .user = f}};
    memcpy(config.id, f->id, sizeof config.id);
    return config;
}

int start(struct fixture *f, uint64_t from)
{
    struct journal_config config = config_of(f, from);
    f->code = journal_open(&config, &f->journal, &f->report);
    f->last = f->report.last;
    return f->code;
}

void init(struct fixture *f)
{
    *f = (struct fixture){.random = {1}};
    disk_init(&f->disk, &f->random);
    for (size_t i = 0; i < sizeof f->id; i++)
        f->id[i] = (uint8_t)random_next(&f->random);
    memset(f->body, 0x5a, sizeof f->body);
    f->body[0] = 0xc4;
    f->body[1] = BODY;
    assert_int_equal(start(f, 1), JQ_OK);
}

void work(struct fixture *f)
{
    do
        journal_io_poll(&f->disk.io);
    while (disk_step(&f->disk));
}

void put(struct fixture *f, uint32_t count, bool now)
{
    struct engine_record records[40] = {0};
    struct engine_body body = {.chunk = 1, .length = BODY};
    for (uint32_t i = 0; i < count; i++) {
        f->last++;
        records[i] = (struct engine_record){
            .kind = ENGINE_RECORD_PUT, .number = f->last, .first = f->last * 10, .count = 1, .bodies = &body};
    }
    struct journal_batch batch = {.sync_by_ns = now ? 0 : ENGINE_FOREVER, .records = records, .count = count};
    assert_int_equal(journal_append(f->journal, &batch), JQ_OK);
    journal_tick(f->journal, ++f->now);
    work(f);
}

void stop(struct fixture *f)
{
    f->disk.dead = true;
    journal_free(f->journal);
    disk_back(&f->disk);
}

void end(struct fixture *f)
{
    stop(f);
    disk_fini(&f->disk);
}

uint8_t *segment(struct fixture *f, size_t index, uint64_t *size)
{
    size_t count;
    char name[JOURNAL_NAME_SIZE];
    const struct journal_segment *segments = journal_segments(f->journal, &count);
    assert_true(index < count);
    journal_segment_name(segments[index].number, name);
    uint8_t *bytes = disk_bytes(&f->disk, name, size);
    assert_non_null(bytes);
    return bytes;
}

void check(struct fixture *f, uint64_t from, int code)
{
    struct journal_report report;
    struct journal_config config = config_of(f, from);
    assert_int_equal(journal_check(&config, &report), code);
    assert_true((report.damages > 0) == (code != JQ_OK) && report.damages == f->found);
}
