/* SPDX-License-Identifier: Apache-2.0 */
/* The durable log behind an interface: append a batch of records, be told when it is durable. Files and a replicated log will be
 * other implementations of the same table; nothing above may assume either. Today's is for a broker without files. */
#ifndef JOINQ_JOURNAL_H
#define JOINQ_JOURNAL_H

#include "base.h"
#include "engine.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

struct journal_batch {
    uint64_t wall_ns;                    /* wall-clock time of the turn */
    const struct engine_record *records; /* borrowed until append returns */
    uint32_t count;
};

/* Called when the journal's state has changed: everything up to record `durable` is durable; `accepts` says whether it takes more. */
struct journal_listener {
    void (*changed)(void *user, uint64_t durable, bool accepts);
    void *user;
};

struct journal_ops {
    const char *name;
    /* Takes the batch whole, or JQ_STORAGE: nothing of it. Durable later, or before it returns. */
    int (*append)(struct journal *, const struct journal_batch *);
    uint64_t (*durable)(const struct journal *); /* number of the last durable record; 0: none */
    bool (*accepts)(const struct journal *);
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
static inline uint64_t journal_durable(const struct journal *journal)
{
    return journal->ops->durable(journal);
}
static inline bool journal_accepts(const struct journal *journal)
{
    return journal->ops->accepts(journal);
}
static inline void journal_free(struct journal *journal)
{
    if (journal)
        journal->ops->free(journal);
}

#endif
