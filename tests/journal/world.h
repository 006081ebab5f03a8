/* SPDX-License-Identifier: Apache-2.0 */
/* One history of the simulation: the journal, its disk, and what is remembered of both. */
#ifndef JOINQ_TESTS_JOURNAL_WORLD_H
#define JOINQ_TESTS_JOURNAL_WORLD_H

#include "batch.h"
#include "disk.h"
#include <inttypes.h>

enum {
    HISTORY = 40000,
    PLACES = 64,
    STEPS = 400,
    SEGMENT = 16 * 1024,
    CALM_STEPS = 20000,
    DAMAGED_BATCHES = 6,
    MS = 1000000
};

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
        uint64_t damages, damages_told, gaps, repairs;
    } coverage;
};

/* Says the seed, and ends. */
void world_fail(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void world_say(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A run of the process begins: what it finds is held against what is remembered. */
void world_start(struct world *w);
struct journal_config world_config(struct world *w);
/* The last thing of a history: a bit of its disk changes. The journal is closed. `safe`: all up to it must be there, or damage told. */
void world_damage(struct world *w, uint64_t safe);

#endif
