/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on a bad disk: random batches, faults, full disks, killed processes and crashes; after each, all that was told durable is
 * there, whole groups, in order, once, and nothing else. A seed replays exactly. */
/* proves: OUT-2 */
#include "batch.h"
#include "disk.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY = 40000, PLACES = 64, STEPS = 400, SEGMENT = 16 * 1024, CALM_STEPS = 20000, MS = 1000000 };

struct remembered {
    uint64_t digest;
    uint32_t group; /* records that follow and belong to it */
    bool ends;      /* the last of its batch */
};

struct remembered_run {
    struct journal_place place;
    uint32_t size, crc;
    uint64_t digest;
};

struct world {
    uint64_t seed;
    struct random random;
    struct disk disk;
    struct journal *journal;
    struct journal_state state;
    struct bodies bodies;
    struct batch batch;
    struct remembered *history; /* by number */
    uint64_t last;              /* appended */
    uint64_t snapshot;          /* all up to it is not needed by recovery */
    uint64_t replayed;          /* number of the last record that recovery gave */
    uint64_t now;
    struct remembered_run runs[PLACES];
    uint32_t run_count;
    uint8_t id[JOURNAL_ID_SIZE];
    uint32_t reading, excused; /* reads under way; the first of them that may fail */
    bool verbose;
    struct {
        uint64_t batches, recovered, released, reads, torn, shrinking, none, segments;
    } coverage;
};

static void fail(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

static void fail(const struct world *w, const char *format, ...)
{
    va_list arguments;
    printf("seed %" PRIu64 ": ", w->seed);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\nto see it again: --seed %" PRIu64 " --verbose\n", w->seed);
    exit(1);
}

static void say(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct world *w, const char *format, ...)
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
        fail(w, "written %" PRIu64 ", durable %" PRIu64 " of %" PRIu64, state->written, state->durable, w->last);
    if (state->accepts != w->state.accepts)
        say(w, "accepts %d", (int)state->accepts);
    w->coverage.shrinking += state->accepts == JOURNAL_ACCEPTS_SHRINKING;
    w->coverage.none += state->accepts == JOURNAL_ACCEPTS_NONE;
    w->state = *state;
}

static void on_placed(void *user, uint32_t chunk, uint32_t offset, uint32_t size, struct journal_place place,
                      uint32_t crc)
{
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
        fail(w, "bodies are not where they are said to be");
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
            fail(w, "record %" PRIu64 " comes after %" PRIu64, record->number, w->replayed);
        if (record->number > w->last)
            fail(w, "record %" PRIu64 " was never appended", record->number);
        if (batch_digest(record, &w->bodies) != w->history[record->number].digest)
            fail(w, "record %" PRIu64 " is not as it was", record->number);
        if (w->history[record->number].group > count - i - 1)
            fail(w, "the group of record %" PRIu64 " is not whole", record->number);
        w->replayed = record->number;
    }
    w->coverage.recovered += count;
    return JQ_OK;
}

static void on_found(void *user, const char *file, uint64_t offset, uint64_t size, const char *text)
{
    say(user, "  %s at %" PRIu64 ", %" PRIu64 " bytes: %s", file, offset, size, text);
}

/* ---- a run of the process ---- */

static void start(struct world *w)
{
    struct journal_report report;
    char text[JOURNAL_TEXT_SIZE];
    uint8_t fresh[JOURNAL_ID_SIZE];
    uint64_t durable = w->state.durable;
    for (size_t i = 0; i < sizeof fresh; i++)
        fresh[i] = (uint8_t)random_next(&w->random);
    struct journal_config config = {
        .io = &w->disk.io,
        .from = w->snapshot + 1,
        .segment_size = SEGMENT,
        .listener = {on_changed, w},
        .bodies = {.at = on_at, .hold = on_hold, .placed = on_placed, .drop = on_drop, .user = w},
        .replay = {.records = on_records, .adopt = on_adopt, .found = on_found, .user = w},
    };
    if (journal_id(&w->disk.io, fresh, config.id, text) != JQ_OK)
        fail(w, "%s", text);
    w->replayed = w->snapshot;
    if (random_chance(&w->random, 20) && journal_check(&config, &report) != JQ_OK)
        fail(w, "check finds damage");
    w->replayed = w->snapshot;
    if (journal_open(&config, &w->journal, &report) != JQ_OK)
        fail(w, "%s", report.text);
    if (report.last < durable || report.last != w->replayed)
        fail(w, "records up to %" PRIu64 " are there, but %" PRIu64 " was durable", report.last, durable);
    say(w, "recovered up to %" PRIu64 " of %" PRIu64 " (durable %" PRIu64 ", snapshot %" PRIu64 "), cut %" PRIu64,
        report.last, w->last, durable, w->snapshot, report.cut_bytes);
    w->coverage.torn += report.cut_bytes > 0;
    w->last = report.last;
    w->state = journal_state(w->journal);
    w->run_count = 0;
    if (w->state.durable != w->last)
        fail(w, "durable after a start is not all that there is");
}

static void read_back_done(void *user, int code, uint8_t *buffer)
{
    struct world *w = user;
    w->reading--;
    free(buffer);
    if (code != JQ_OK && !w->disk.dead && !w->disk.fault_percent && !w->excused)
        fail(w, "bodies cannot be read back");
    w->excused -= w->excused > 0;
}

static void end(struct world *w)
{
    disk_crash(&w->disk);
    journal_free(w->journal);
    disk_back(&w->disk);
}

static void say_segments(const struct world *w)
{
    size_t count;
    const struct journal_segment *segments = journal_segments(w->journal, &count);
    for (size_t i = 0; i < count; i++)
        say(w, "  segment %" PRIu64 ": %" PRIu64 " to %" PRIu64 ", %" PRIu64 " bytes%s", segments[i].number,
            segments[i].first, segments[i].last, segments[i].size, segments[i].given_up ? ", given up" : "");
}

static void stop(struct world *w)
{
    bool kill = random_chance(&w->random, 30);
    say(w, "%s: written %" PRIu64 ", durable %" PRIu64, kill ? "killed" : "crash", w->state.written, w->state.durable);
    say_segments(w);
    if (kill) {
        w->state.durable = w->state.written; /* the machine goes on: this is what must be there */
        disk_kill(&w->disk);
    } else {
        disk_crash(&w->disk);
    }
    journal_free(w->journal);
    disk_back(&w->disk);
    start(w);
}

/* ---- what happens ---- */

static void append(struct world *w)
{
    struct batch *b = &w->batch;
    if (w->last + BATCH_RECORDS >= HISTORY || journal_backlog(w->journal) > 12 * SEGMENT)
        return;
    batch_random(b, &w->random, &w->bodies, w->last + 1, random_chance(&w->random, 3) ? 2 * SEGMENT : 2000);
    uint64_t sync_by = random_chance(&w->random, 40)   ? 0
                       : random_chance(&w->random, 70) ? w->now + random_below(&w->random, 50 * MS)
                                                       : ENGINE_FOREVER;
    struct journal_batch batch = {.wall_ns = w->now, .sync_by_ns = sync_by, .records = b->records, .count = b->count};
    for (uint32_t i = 0; i < b->count; i++) {
        const struct engine_record *record = &b->records[i];
        w->history[record->number].digest = batch_digest(record, &w->bodies);
        w->history[record->number].ends = i + 1 == b->count;
        w->history[record->number].group = record->kind == ENGINE_RECORD_GROUP ? record->count : 0;
    }
    w->last += b->count;
    if (journal_append(w->journal, &batch) != JQ_OK)
        fail(w, "a batch is refused");
    for (uint32_t i = 0; i < b->body_count; i++) {
        if (i == 0 || b->body[i].chunk != b->body[i - 1].chunk)
            bodies_drop(&w->bodies, b->body[i].chunk);
    }
    w->coverage.batches++;
}

/* Everything below the snapshot goes, or some of it, in any order. */
static void release(struct world *w)
{
    size_t count;
    if (w->state.durable > w->snapshot && random_chance(&w->random, 50))
        w->snapshot += random_below(&w->random, (uint32_t)(w->state.durable - w->snapshot) + 1);
    while (w->snapshot > 0 && !w->history[w->snapshot].ends)
        w->snapshot--; /* made between batches */
    const struct journal_segment *segments = journal_segments(w->journal, &count);
    for (size_t i = 0; i < count; i++) {
        if (segments[i].last > w->snapshot || !random_chance(&w->random, 60))
            continue;
        uint64_t number = segments[i].number;
        if (!journal_release(w->journal, number))
            continue;
        say(w, "released %" PRIu64, number);
        w->coverage.released++;
        w->run_count = 0; /* some of them may be gone */
        w->excused = w->reading;
        return;
    }
}

static void read_back(struct world *w)
{
    if (!w->run_count)
        return;
    uint32_t most = w->run_count < PLACES ? w->run_count : PLACES;
    const struct remembered_run *run = &w->runs[random_below(&w->random, most)];
    uint8_t *buffer = malloc(run->size);
    JQ_ASSERT(buffer);
    if (journal_read(w->journal, run->place, run->size, run->crc, buffer, read_back_done, w) != JQ_OK)
        fail(w, "no memory to read");
    w->reading++;
    w->coverage.reads++;
}

static void trouble(struct world *w)
{
    w->excused = w->reading;
    w->disk.fault_percent = random_chance(&w->random, 50) ? 0 : random_below(&w->random, 40);
    w->disk.capacity = random_chance(&w->random, 60) ? UINT64_MAX : random_below(&w->random, 20) * (uint64_t)SEGMENT;
    say(w, "faults %u%%, capacity %" PRIu64, w->disk.fault_percent, w->disk.capacity);
}

static void tick(struct world *w)
{
    uint64_t next = journal_next(w->journal);
    if (next != ENGINE_FOREVER && next > w->now && random_chance(&w->random, 50))
        w->now = next;
    w->now += random_below(&w->random, 5 * MS);
    journal_tick(w->journal, w->now);
}

static void step(struct world *w)
{
    uint32_t what = random_below(&w->random, 1000);
    if (what < 300)
        append(w);
    else if (what < 550)
        tick(w);
    else if (what < 750)
        (void)disk_step(&w->disk);
    else if (what < 930)
        journal_io_poll(&w->disk.io);
    else if (what < 955)
        release(w);
    else if (what < 965)
        read_back(w);
    else if (what < 970)
        journal_sync(w->journal);
    else if (what < 980)
        trouble(w);
    else if (what < 990)
        stop(w);
}

/* Once the disk is well everything becomes durable and everything is accepted, by what the journal itself asks for. */
static void calm(struct world *w)
{
    w->excused = w->reading;
    w->disk.fault_percent = 0;
    w->disk.capacity = UINT64_MAX;
    journal_sync(w->journal);
    for (int i = 0; i < CALM_STEPS; i++) {
        journal_io_poll(&w->disk.io);
        if (disk_step(&w->disk))
            continue;
        if (w->state.durable == w->last && w->state.accepts == JOURNAL_ACCEPTS_ALL)
            return;
        uint64_t next = journal_next(w->journal);
        if (next == ENGINE_FOREVER)
            fail(w, "it waits for nothing: durable %" PRIu64 " of %" PRIu64, w->state.durable, w->last);
        w->now = next > w->now ? next : w->now;
        journal_tick(w->journal, w->now);
    }
    fail(w, "it never comes to rest");
}

static void play(struct world *w, uint64_t seed)
{
    w->seed = seed;
    w->random = (struct random){seed};
    struct disk_coverage coverage = w->disk.coverage;
    disk_init(&w->disk, &w->random);
    w->disk.coverage = coverage;
    w->last = w->snapshot = 0;
    w->state = (struct journal_state){0};
    w->now = 1;
    w->reading = w->excused = 0;
    start(w);
    for (int i = 0; i < STEPS; i++)
        step(w);
    calm(w);
    say(w, "calm");
    size_t count;
    (void)journal_segments(w->journal, &count);
    w->coverage.segments += count;
    stop(w);
    end(w);
    disk_fini(&w->disk);
}

static bool show(const char *name, uint64_t count)
{
    printf("%-16s %" PRIu64 "\n", name, count);
    return count > 0;
}

static bool coverage_show(const struct world *w)
{
    const struct disk_coverage *c = &w->disk.coverage;
    bool all = show("batches", w->coverage.batches) & show("recovered", w->coverage.recovered) &
               show("released", w->coverage.released) & show("read back", w->coverage.reads) &
               show("torn ends", w->coverage.torn) & show("shrinking", w->coverage.shrinking) &
               show("accepts none", w->coverage.none) & show("segments", w->coverage.segments);
    all &= show("writes", c->writes) & show("failed writes", c->failed_writes) & show("syncs", c->syncs) &
           show("failed syncs", c->failed_syncs) & show("creates", c->creates) &
           show("failed creates", c->failed_creates) & show("full", c->full) & show("failed others", c->failed_others);
    all &= show("crashes", c->crashes) & show("kills", c->kills) & show("torn writes", c->torn) &
           show("lost writes", c->lost) & show("lost entries", c->entries_lost);
    return all;
}

int main(int argc, char **argv)
{
    struct world *w = calloc(1, sizeof *w);
    uint64_t first = 1, seeds = 100;
    JQ_ASSERT(w);
    w->history = calloc(HISTORY + BATCH_RECORDS, sizeof *w->history);
    JQ_ASSERT(w->history);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            w->verbose = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0) {
            seeds = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--first") == 0) {
            first = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            first = strtoull(argv[++i], NULL, 10);
            seeds = 1;
        } else {
            fprintf(stderr, "usage: joinq-journal-sim [--seeds N] [--first N] [--seed N] [--verbose]\n");
            return 2;
        }
    }
    for (uint64_t seed = first; seed < first + seeds; seed++)
        play(w, seed);
    bool all = coverage_show(w);
    bodies_fini(&w->bodies);
    free(w->history);
    free(w);
    if (!all && seeds >= 100)
        printf("something above never happened\n");
    return !all && seeds >= 100;
}
