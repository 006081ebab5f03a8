/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd --check-data: every byte of a data folder is read, every checksum verified, and all records carried out in an engine that is
 * thrown away. Of bodies it keeps only where they lie, and finds those whose
 * place is gone. It changes nothing. */
#include "codes.h"
#include "engine.h"
#include "journal_crc.h"
#include "journal_io.h"
#include "journal_needed.h"
#include "lost.h"
#include "server.h"
#include "store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a segment, what cannot be read. */
struct hole {
    uint64_t segment, offset, size;
};

struct check {
    const char *folder;
    struct journal_io *io;
    struct engine *engine;
    struct store *store;
    struct store_segment *segments; /* and up to where each is whole: `end` */
    size_t segment_count, segment_capacity;
    struct hole *holes;
    size_t hole_count, hole_capacity;
    uint8_t *run; /* bodies that were read, */
    size_t run_capacity;
    struct store_place run_place; /* from there, */
    bool run_good;                /* and whether they are as they were written */
    bool memory;                  /* it ran out */
    uint64_t wrong;
};

static void on_found(void *user, const char *file, uint64_t offset, uint64_t size, const char *text)
{
    struct check *check = user;
    printf("%s/%s: at %" PRIu64 ", %" PRIu64 " bytes: %s\n", check->folder, file, offset, size, text);
    check->wrong++;
}

static void on_gap(void *user, uint64_t first, uint64_t last)
{
    struct check *check = user;
    printf("%s: records %" PRIu64 " to %" PRIu64 " are lost\n", check->folder, first, last);
    engine_replay_repairs(check->engine);
}

static int on_records(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct check *check = user;
    (void)wall_ns;
    int code = engine_replay(check->engine, 1, 0, records, count);
    if (code != JQ_STORAGE)
        return code;
    printf("%s: records from %" PRIu64 " on make no sense after what came before\n", check->folder, records->number);
    engine_replay_repairs(check->engine);
    check->wrong++;
    return JQ_OK;
}

/* ---- bodies ---- */

static int on_run(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                  const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    const struct check *check = user;
    const struct store_part part = {.place = {place.segment, place.offset}, .size = size, .crc = crc};
    (void)bytes;
    return store_adopt(check->store, &part, NULL, count, size, chunk, offset);
}

static int on_reference(void *user, const struct journal_reference *run, uint32_t size, uint32_t count, uint32_t *chunk,
                        uint32_t *offset)
{
    const struct check *check = user;
    const struct store_part part = {{run->place.segment, run->place.offset}, .size = run->size, .crc = run->crc};
    int code = store_adopt(check->store, &part, NULL, count, size, chunk, offset);
    *offset += run->at;
    return code;
}

static void on_over(void *user, struct engine_body body)
{
    const struct check *check = user;
    store_release(check->store, body.chunk, 1, 0);
}

/* Room for one more of `size` bytes. */
static bool widen(struct check *check, void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wider = *capacity ? *capacity * 2 : 64;
    void *more = realloc(*items, wider * size);
    check->memory |= !more;
    if (!more)
        return false;
    *items = more;
    *capacity = wider;
    return true;
}

static void on_whole(void *user, uint64_t segment, uint64_t end, uint64_t size)
{
    struct check *check = user;
    void *segments = check->segments;
    bool room = widen(check, &segments, check->segment_count, &check->segment_capacity, sizeof *check->segments);
    check->segments = segments;
    if (room)
        check->segments[check->segment_count++] = (struct store_segment){.number = segment, .size = size, .end = end};
}

static void on_hole(void *user, uint64_t segment, uint64_t offset, uint64_t size)
{
    struct check *check = user;
    void *holes = check->holes;
    bool room = widen(check, &holes, check->hole_count, &check->hole_capacity, sizeof *check->holes);
    check->holes = holes;
    if (room)
        check->holes[check->hole_count++] = (struct hole){segment, offset, size};
}

static uint64_t whole_end(const struct check *check, uint64_t number)
{
    size_t i = 0;
    while (i < check->segment_count && check->segments[i].number != number)
        i++;
    return i < check->segment_count ? check->segments[i].end : 0;
}

static bool run_read(struct check *check, const struct store_part *run)
{
    struct journal_io_request read = {.op = JOURNAL_IO_READ, .offset = run->place.offset, .size = run->size};
    journal_segment_name(run->place.segment, read.name);
    if (run->size > check->run_capacity) {
        free(check->run);
        check->run = malloc(run->size);
        check->run_capacity = check->run ? run->size : 0;
    }
    check->memory |= !check->run;
    read.bytes = check->run;
    return check->run && journal_io_run(check->io, &read) == 0 && read.got == run->size &&
           journal_crc(0, check->run, run->size) == run->crc;
}

/* What lies behind damage is read, each run by itself: neighbours mostly share one. */
static bool on_run_good(void *user, const struct store_part *run)
{
    struct check *check = user;
    const struct store_place *last = &check->run_place;
    if ((uint64_t)run->place.offset + run->size <= whole_end(check, run->place.segment))
        return true;
    if (run->place.segment != last->segment || run->place.offset != last->offset)
        check->run_good = run_read(check, run);
    check->run_place = run->place;
    return check->run_good;
}

/* Damage matters where a body is. */
static void tell_holes(struct check *check, const struct lost *lost)
{
    for (size_t i = 0; i < check->hole_count; i++) {
        const struct hole *hole = &check->holes[i];
        char name[JOURNAL_NAME_SIZE];
        size_t at = 0;
        while (at < lost->segment_count && lost->segment[at].number != hole->segment)
            at++;
        journal_segment_name(hole->segment, name);
        if (at < lost->segment_count)
            on_found(check, name, hole->offset, hole->size, "bodies cannot be read here");
        else
            printf("%s/%s: at %" PRIu64 ", %" PRIu64 " bytes: damaged, but of this file nothing is needed that cannot "
                   "be read\n",
                   check->folder, name, hole->offset, hole->size);
    }
}

static int look_for_bodies(struct check *check)
{
    struct lost lost = {0};
    const struct lost_reader reader = {on_run_good, check};
    char text[JOURNAL_TEXT_SIZE];
    int code = check->memory ? JQ_OVERLOADED : JQ_OK;
    if (code == JQ_OK)
        code = lost_find(&lost, check->engine, check->store, check->segments, check->segment_count, &reader);
    if (check->memory)
        code = JQ_OVERLOADED;
    if (code == JQ_OK)
        tell_holes(check, &lost);
    for (size_t i = 0; i < lost.segment_count; i++) {
        lost_says(&lost.segment[i], text);
        printf("%s: %s\n", check->folder, text);
    }
    check->wrong += lost.segment_count;
    lost_fini(&lost);
    return code;
}

/* ---- the folder ---- */

static void tell_queues_lost(const struct check *check)
{
    char text[JOURNAL_TEXT_SIZE];
    if (lost_queues_say(check->engine, text))
        printf("%s: %s\n", check->folder, text);
}

static int look_through(struct check *check, struct journal_io *io, char text[JOURNAL_TEXT_SIZE])
{
    struct journal_report report = {0};
    struct journal_config config = {.io = io,
                                    .replay = {.records = on_records,
                                               .adopt = on_run,
                                               .adopt_placed = on_reference,
                                               .whole = on_whole,
                                               .hole = on_hole,
                                               .gap = on_gap,
                                               .found = on_found,
                                               .user = check}};
    struct journal_span said;
    int code = journal_id(io, NULL, config.id, text);
    if (code == JQ_OK)
        code = journal_needed_look(io, config.id, &said, text);
    if (code != JQ_OK)
        return code;
    config.from = said.from;
    config.until = said.until;
    code = journal_check(&config, &report);
    memcpy(text, report.text, sizeof report.text);
    if (code == JQ_OK || report.damages)
        code = look_for_bodies(check) == JQ_OK ? code : JQ_OVERLOADED;
    if (code == JQ_OK && engine_replay_end(check->engine) != JQ_OK) {
        printf("%s: the records say of some queue only a part\n", check->folder);
        check->wrong++;
    }
    tell_queues_lost(check);
    if (code == JQ_OK || check->wrong)
        printf("%s: %" PRIu64 " records in %" PRIu64 " bytes, %" PRIu64 " damaged\n", check->folder, report.records,
               report.bytes, check->wrong);
    if (check->wrong)
        printf("%s: Restore the files from a copy, or run 'joinqd --repair', which keeps all that can be read\n",
               check->folder);
    return code;
}

int server_check_data(const char *folder)
{
    char text[JOURNAL_TEXT_SIZE] = "";
    struct check check = {.folder = folder, .store = store_new(0)};
    const struct engine_config engine = {
        .incarnation_first = 1, .client_forget_ns = ENGINE_FOREVER, .body_over = on_over, .user = &check};
    check.engine = engine_new(&engine);
    struct journal_io *io = NULL;
    if (check.engine && check.store)
        io = check.io = journal_io_threads_reading(folder, text, sizeof text);
    int code = io ? look_through(&check, io, text) : JQ_STORAGE;
    if (code != JQ_OK && !check.wrong)
        fprintf(stderr, "joinqd: %s: %s\n", folder, *text ? text : "out of memory");
    journal_io_free(io);
    engine_free(check.engine);
    store_free(check.store);
    free(check.segments);
    free(check.holes);
    free(check.run);
    return code != JQ_OK || check.wrong > 0;
}
