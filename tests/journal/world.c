/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal tells, held against what is remembered; see world.h. */
#include "world.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_fail(const struct world *w, const char *format, ...)
{
    va_list arguments;
    printf("seed %" PRIu64 ": ", w->seed);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\nto see it again: --seed %" PRIu64 " --verbose\n", w->seed);
    exit(1);
}

void world_say(const struct world *w, const char *format, ...)
{
    va_list arguments;
    if (!w->verbose)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* ---- what the journal tells ---- */

static void on_changed(void *user, const struct journal_state *state)
{
    struct world *w = user;
    if (state->durable < w->state.durable || state->written < w->state.written || state->durable > state->written ||
        state->written > w->last)
        world_fail(w, "written %" PRIu64 ", durable %" PRIu64 " of %" PRIu64, state->written, state->durable, w->last);
    if (state->accepts != w->state.accepts)
        world_say(w, "accepts %d", (int)state->accepts);
    w->coverage.shrinking += state->accepts == JOURNAL_ACCEPTS_SHRINKING;
    w->coverage.none += state->accepts == JOURNAL_ACCEPTS_NONE;
    w->state = *state;
}

static void on_placed(void *user, uint32_t chunk, uint32_t offset, uint32_t size, uint32_t count,
                      struct journal_place place, uint32_t crc)
{
    (void)count;
    struct world *w = user;
    struct remembered_run *run = &w->runs[w->run_count++ % PLACES];
    *run = (struct remembered_run){place, size, crc, digest_bytes(1, bodies_at(&w->bodies, chunk, offset), size)};
}

static const uint8_t *on_at(void *user, uint32_t chunk, uint32_t offset)
{
    return bodies_at(&((struct world *)user)->bodies, chunk, offset);
}

static void on_hold(void *user, uint32_t chunk)
{
    bodies_hold(&((struct world *)user)->bodies, chunk);
}

static void on_drop(void *user, uint32_t chunk)
{
    bodies_drop(&((struct world *)user)->bodies, chunk);
}

static int on_adopt(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                    const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    struct world *w = user;
    char name[JOURNAL_NAME_SIZE];
    uint64_t file_size;
    (void)count;
    (void)crc;
    journal_segment_name(place.segment, name);
    const uint8_t *file = disk_bytes(&w->disk, name, &file_size);
    if (!file || place.offset + (uint64_t)size > file_size || memcmp(file + place.offset, bytes, size) != 0)
        world_fail(w, "bodies are not where they are said to be");
    *chunk = bodies_add(&w->bodies, bytes, size);
    *offset = 0;
    return JQ_OK;
}

static int on_records(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct world *w = user;
    (void)wall_ns;
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_record *record = &records[i];
        if (record->number != w->replayed + 1)
            world_fail(w, "record %" PRIu64 " comes after %" PRIu64, record->number, w->replayed);
        if (record->number > w->last)
            world_fail(w, "record %" PRIu64 " was never appended", record->number);
        if (batch_digest(record, &w->bodies) != w->history[record->number].digest)
            world_fail(w, "record %" PRIu64 " is not as it was", record->number);
        if (w->history[record->number].group > count - i - 1)
            world_fail(w, "the group of record %" PRIu64 " is not whole", record->number);
        w->replayed = record->number;
    }
    w->coverage.recovered += count;
    return JQ_OK;
}

static void on_found(void *user, const char *file, uint64_t offset, uint64_t size, const char *text)
{
    world_say(user, "  %s at %" PRIu64 ", %" PRIu64 " bytes: %s", file, offset, size, text);
}

static void on_gap(void *user, uint64_t first, uint64_t last)
{
    struct world *w = user;
    world_say(w, "records %" PRIu64 " to %" PRIu64 " are lost", first, last);
    if (first != w->replayed + 1 || last < first)
        world_fail(w, "a gap that is none");
    w->replayed = last;
    w->coverage.gaps++;
}

/* ---- a run of the process ---- */

struct journal_config world_config(struct world *w)
{
    struct journal_config config = {
        .io = &w->disk.io,
        .from = w->snapshot + 1,
        .segment_size = SEGMENT,
        .listener = {on_changed, w},
        .bodies = {.at = on_at, .hold = on_hold, .placed = on_placed, .drop = on_drop, .user = w},
        .replay = {.records = on_records, .adopt = on_adopt, .gap = on_gap, .found = on_found, .user = w},
    };
    memcpy(config.id, w->id, sizeof config.id);
    w->replayed = w->snapshot;
    return config;
}

void world_start(struct world *w)
{
    struct journal_report report;
    char text[JOURNAL_TEXT_SIZE];
    uint8_t fresh[JOURNAL_ID_SIZE];
    uint64_t durable = w->state.durable;
    for (size_t i = 0; i < sizeof fresh; i++)
        fresh[i] = (uint8_t)random_next(&w->random);
    struct journal_config config;
    if (journal_id(&w->disk.io, fresh, config.id, text) != JQ_OK)
        world_fail(w, "%s", text);
    memcpy(w->id, config.id, sizeof w->id);
    config = world_config(w);
    if (random_chance(&w->random, 20) && journal_check(&config, &report) != JQ_OK)
        world_fail(w, "check finds damage");
    w->replayed = w->snapshot;
    if (journal_open(&config, &w->journal, &report) != JQ_OK)
        world_fail(w, "%s", report.text);
    if (report.last < durable || report.last != w->replayed)
        world_fail(w, "records up to %" PRIu64 " are there, but %" PRIu64 " was durable", report.last, durable);
    world_say(w, "recovered up to %" PRIu64 " of %" PRIu64 " (durable %" PRIu64 ", snapshot %" PRIu64 "), cut %" PRIu64,
              report.last, w->last, durable, w->snapshot, report.cut_bytes);
    w->coverage.torn += report.cut_bytes > 0;
    w->last = report.last;
    w->state = journal_state(w->journal);
    w->run_count = 0;
    if (w->state.durable != w->last)
        world_fail(w, "durable after a start is not all that there is");
}
