/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on a bad disk: random batches, faults, full disks, killed processes and crashes; after each, all that was told durable is
 * there, whole groups, in order, once, and nothing else. A seed replays exactly. */
/* proves: OUT-2 */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_back_done(void *user, int code, uint8_t *buffer)
{
    struct world *w = user;
    w->reading--;
    free(buffer);
    if (code != JQ_OK && !w->disk.dead && !w->disk.fault_percent && !w->excused)
        world_fail(w, "bodies cannot be read back");
    w->excused -= w->excused > 0;
}

static void say_segments(const struct world *w)
{
    size_t count;
    const struct journal_segment *segments = journal_segments(w->journal, &count);
    for (size_t i = 0; i < count; i++)
        world_say(w, "  segment %" PRIu64 ": %" PRIu64 " to %" PRIu64 ", %" PRIu64 " bytes%s", segments[i].number,
                  segments[i].first, segments[i].last, segments[i].size, segments[i].given_up ? ", given up" : "");
}

static void stop(struct world *w)
{
    bool kill = random_chance(&w->random, 30);
    world_say(w, "%s: written %" PRIu64 ", durable %" PRIu64, kill ? "killed" : "crash", w->state.written,
              w->state.durable);
    say_segments(w);
    if (kill) {
        w->state.durable = w->state.written; /* the machine goes on: this is what must be there */
        disk_kill(&w->disk);
    } else {
        disk_crash(&w->disk);
    }
    journal_free(w->journal);
    disk_back(&w->disk);
    world_start(w);
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
        world_fail(w, "a batch is refused");
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
        world_say(w, "released %" PRIu64, number);
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
        world_fail(w, "no memory to read");
    w->reading++;
    w->coverage.reads++;
}

static void trouble(struct world *w)
{
    w->excused = w->reading;
    w->disk.fault_percent = random_chance(&w->random, 50) ? 0 : random_below(&w->random, 40);
    w->disk.capacity = random_chance(&w->random, 60) ? UINT64_MAX : random_below(&w->random, 20) * (uint64_t)SEGMENT;
    w->disk.sync_ns = random_chance(&w->random, 50) ? 0 : random_below(&w->random, 20 * MS);
    world_say(w, "faults %u%%, capacity %" PRIu64, w->disk.fault_percent, w->disk.capacity);
}

static void tick(struct world *w)
{
    uint64_t next = journal_next(w->journal);
    if (next != ENGINE_FOREVER && next > w->now && random_chance(&w->random, 50))
        w->now = next;
    w->now += random_below(&w->random, 5 * MS);
    journal_tick(w->journal, w->now);
}

/* Mostly once; now and then again before it has got far. */
static void stop_often(struct world *w)
{
    do {
        stop(w);
        uint32_t steps = random_below(&w->random, 12);
        for (uint32_t i = 0; i < steps; i++) {
            if (random_chance(&w->random, 30))
                append(w);
            if (random_chance(&w->random, 30))
                release(w);
            tick(w);
            (void)disk_step(&w->disk);
            journal_io_poll(&w->disk.io);
        }
    } while (random_chance(&w->random, 50));
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
        stop_often(w);
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
            world_fail(w, "it waits for nothing: durable %" PRIu64 " of %" PRIu64, w->state.durable, w->last);
        w->now = next > w->now ? next : w->now;
        journal_tick(w->journal, w->now);
    }
    world_fail(w, "it never comes to rest");
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
    world_start(w);
    for (int i = 0; i < STEPS; i++)
        step(w);
    calm(w);
    world_say(w, "calm");
    size_t count;
    (void)journal_segments(w->journal, &count);
    w->coverage.segments += count;
    stop(w);
    uint64_t safe = w->last; /* the next batch says so */
    for (int i = 0; i < DAMAGED_BATCHES; i++) {
        safe = w->last;
        append(w);
        calm(w);
    }
    disk_kill(&w->disk);
    journal_free(w->journal);
    disk_back(&w->disk);
    world_damage(w, safe);
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
    all &= show("damages", w->coverage.damages) & show("damages told", w->coverage.damages_told) &
           show("gaps", w->coverage.gaps) & show("repairs", w->coverage.repairs);
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
