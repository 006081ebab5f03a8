/* SPDX-License-Identifier: Apache-2.0 */
/* The durable log behind an interface: append a batch of records, be told when it is written and when it is durable. Files
 * (journal_file.h), memory for a broker without files, and one day a replicated log are implementations of the same table; nothing
 * above may assume either. */
#ifndef JOINQ_JOURNAL_H
#define JOINQ_JOURNAL_H

#include "base.h"
#include "engine.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

/* Two levels of safety: what is written has been handed to the operating system and survives the end of this process; what is
 * durable is synced and survives the end of the machine's power. */
struct journal_batch {
    uint64_t wall_ns;    /* wall-clock time of the turn */
    uint64_t sync_by_ns; /* monotonic; when it must be durable: 0 at once, ENGINE_FOREVER with what else is synced */
    const struct engine_record *records; /* borrowed until append returns */
    uint32_t count;
    bool quiet; /* nobody waits for it to be written, only for it to be durable */
};

enum journal_accepts {
    JOURNAL_ACCEPTS_NONE,
    JOURNAL_ACCEPTS_SHRINKING, /* only what gives space back: done, close, delete and their like */
    JOURNAL_ACCEPTS_ALL
};

struct journal_state {
    uint64_t written; /* number of the last record written; 0: none. Never below durable, never falls */
    uint64_t durable; /* and of the last durable one */
    enum journal_accepts accepts;
};

/* What it has done so far, and has. Of a journal without files all but the records is 0. */
struct journal_figures {
    uint64_t last_record; /* appended */
    uint64_t waiting_bytes;
    uint64_t busy_ns; /* for how long the write or sync under way has been, when it was last ticked */
    uint64_t segments, log_bytes;
    uint64_t reserve; /* 1: the next segment is there */
    uint64_t written_bytes, groups;
    uint64_t syncs, sync_time_ns, sync_max_ns;
    uint64_t write_errors, sync_errors, read_errors, make_errors;
    uint64_t given_up, released;
};

/* Called when the state has changed. It must not call the journal. */
struct journal_listener {
    void (*changed)(void *user, const struct journal_state *state);
    void *user;
};

struct journal_ops {
    const char *name;
    /* Takes the batch whole, or JQ_STORAGE: nothing of it. Durable later, or before it returns. */
    int (*append)(struct journal *, const struct journal_batch *);
    void (*tick)(struct journal *,
                 uint64_t now);               /* at the end of a turn, and when next says so: what is due is begun */
    uint64_t (*next)(const struct journal *); /* when to call tick; 0: at once; ENGINE_FOREVER */
    void (*state)(const struct journal *, struct journal_state *out);
    void (*figures)(const struct journal *, struct journal_figures *out);
    void (*free)(struct journal *);
};

struct journal {
    const struct journal_ops *ops;
    struct journal_listener listener;
};

/* In memory. `deferred`: a batch becomes durable only when journal_memory_sync is called (for the simulation); otherwise at once. */
JQ_MUST_USE struct journal *journal_memory_new(struct journal_listener listener, bool deferred);
/* As after a crash: its first record will follow this number, which is durable. Before anything is appended. */
void journal_memory_begin(struct journal *journal, uint64_t last);
void journal_memory_sync(struct journal *journal);
void journal_memory_refuse(struct journal *journal, bool refuse); /* as a full disk would */

static inline int journal_append(struct journal *journal, const struct journal_batch *batch)
{
    return journal->ops->append(journal, batch);
}
static inline void journal_tick(struct journal *journal, uint64_t now)
{
    journal->ops->tick(journal, now);
}
static inline uint64_t journal_next(const struct journal *journal)
{
    return journal->ops->next(journal);
}
static inline struct journal_state journal_state(const struct journal *journal)
{
    struct journal_state state;
    journal->ops->state(journal, &state);
    return state;
}
static inline struct journal_figures journal_figures(const struct journal *journal)
{
    struct journal_figures figures;
    journal->ops->figures(journal, &figures);
    return figures;
}
static inline uint64_t journal_durable(const struct journal *journal)
{
    return journal_state(journal).durable;
}
static inline bool journal_accepts(const struct journal *journal)
{
    return journal_state(journal).accepts == JOURNAL_ACCEPTS_ALL;
}
static inline void journal_free(struct journal *journal)
{
    if (journal)
        journal->ops->free(journal);
}

#endif
