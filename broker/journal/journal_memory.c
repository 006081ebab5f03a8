/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a broker without files: it keeps the promise of the interface (batches whole and in order, durable in order,
 * refusals) but no record, since what it kept would be gone together with the queues that it is about. */
#include "codes.h"
#include "journal.h"
#include <stdlib.h>

struct memory_journal {
    struct journal base; /* first: a journal is one of these */
    uint64_t last;       /* number of the last record taken */
    uint64_t durable;    /* at most last */
    bool deferred;
    bool refusing;
};

static struct memory_journal *memory_of(struct journal *journal)
{
    return (struct memory_journal *)journal;
}

static void memory_state(const struct journal *journal, struct journal_state *out)
{
    const struct memory_journal *memory = (const struct memory_journal *)journal;
    *out = (struct journal_state){.written = memory->durable,
                                  .durable = memory->durable,
                                  .accepts = memory->refusing ? JOURNAL_ACCEPTS_NONE : JOURNAL_ACCEPTS_ALL};
}

static void memory_figures(const struct journal *journal, struct journal_figures *out)
{
    *out = (struct journal_figures){.last_record = ((const struct memory_journal *)journal)->last};
}

static void tell(struct memory_journal *memory)
{
    const struct journal_listener *listener = &memory->base.listener;
    struct journal_state state;
    memory_state(&memory->base, &state);
    if (listener->changed)
        listener->changed(listener->user, &state);
}

static void make_durable(struct memory_journal *memory)
{
    if (memory->durable == memory->last)
        return;
    memory->durable = memory->last;
    tell(memory);
}

static int memory_append(struct journal *journal, const struct journal_batch *batch)
{
    struct memory_journal *memory = memory_of(journal);
    if (memory->refusing)
        return JQ_STORAGE;
    for (uint32_t i = 0; i < batch->count; i++)
        JQ_ASSERT(batch->records[i].number == memory->last + i + 1);
    memory->last += batch->count;
    if (!memory->deferred)
        make_durable(memory);
    return JQ_OK;
}

static void memory_tick(struct journal *journal, uint64_t now)
{
    (void)journal;
    (void)now;
}

static uint64_t memory_next(const struct journal *journal)
{
    (void)journal;
    return ENGINE_FOREVER;
}

static void memory_free(struct journal *journal)
{
    free(memory_of(journal));
}

static const struct journal_ops memory_ops = {
    .name = "memory",
    .append = memory_append,
    .tick = memory_tick,
    .next = memory_next,
    .state = memory_state,
    .figures = memory_figures,
    .free = memory_free,
};

struct journal *journal_memory_new(struct journal_listener listener, bool deferred)
{
    struct memory_journal *memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    memory->base = (struct journal){.ops = &memory_ops, .listener = listener};
    memory->deferred = deferred;
    return &memory->base;
}

void journal_memory_begin(struct journal *journal, uint64_t last)
{
    struct memory_journal *memory = memory_of(journal);
    JQ_ASSERT(!memory->last);
    memory->last = memory->durable = last;
}

void journal_memory_sync(struct journal *journal)
{
    make_durable(memory_of(journal));
}

void journal_memory_refuse(struct journal *journal, bool refuse)
{
    struct memory_journal *memory = memory_of(journal);
    if (memory->refusing == refuse)
        return;
    memory->refusing = refuse;
    tell(memory);
}
