/* SPDX-License-Identifier: Apache-2.0 */
/* Ready messages of one queue to another, in slices of which each is whole (ADM-1). It knows no sessions. */
#include "model.h"

enum { PIECE = ENGINE_SLICE / 4 };

/* What one slice takes out. */
struct load {
    struct engine_body bodies[PIECE];
    uint32_t count;
    struct arrival arrival;
};

static void move_end(struct engine *e, struct waiter *w, enum jqw_code code, enum engine_why why)
{
    waiter_end(e, w, w->move.moved ? JQ_OK : code, w->move.moved ? ENGINE_WHY_NONE : why);
}

/* Goes along with the next ones where it has what they have. */
static void load_options(const struct engine *e, const struct queue *from, const struct queue *to,
                         const struct message *m, struct arrival *out)
{
    const struct extra *x = message_extra(e, m);
    *out = (struct arrival){.source = ENGINE_BY_MOVE};
    if (!x)
        return;
    out->expires_ns = x->ttl.key == ENGINE_FOREVER ? 0 : x->ttl.key;
    bool agree = to->options.order == ENGINE_PRIORITY && from->priority_kind != ENGINE_PRIORITY_NONE &&
                 (to->priority_kind == ENGINE_PRIORITY_NONE || to->priority_kind == from->priority_kind);
    if (!agree)
        return;
    out->options.priority.kind =
        from->priority_kind == ENGINE_PRIORITY_BYTES ? ENGINE_PRIORITY_BYTES : ENGINE_PRIORITY_NUMBER;
    if (out->options.priority.kind == ENGINE_PRIORITY_BYTES)
        out->options.priority.bytes = levels_bytes(&from->levels, x->priority);
    else
        out->options.priority.number = (int64_t)(x->priority ^ (uint64_t)1 << 63);
}

/* The next messages that there is room for; those with something extra one at a time. */
static void load_plan(struct engine *e, struct queue *from, const struct queue *to, uint32_t most, struct load *load)
{
    uint64_t sequence;
    const struct message *m = ready_next(from, &sequence);
    load->count = 0;
    if (!m || m->end || to->puts)
        return;
    load_options(e, from, to, m, &load->arrival);
    bool alone = m->extended || from->options.order != ENGINE_FIFO || sequence < from->fresh;
    for (uint32_t seen = 0; m && !m->end && !(m->extended && load->count) && seen < most; seen++) {
        load->bodies[load->count] = message_body(m);
        if (put_fitting(to, load->bodies, load->count + 1, 0, 0) <= load->count)
            return;
        load->count++;
        m = alone ? NULL : log_at(&from->log, ++sequence);
        if (m && m->state != MESSAGE_READY)
            m = NULL;
    }
}

static void load_take(struct engine *e, struct queue *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sequence;
        struct message *m = ready_next(from, &sequence);
        ready_take(from, sequence);
        from->ready--;
        from->queued_bytes -= m->length;
        from->tally.moved_out++;
        queue_removed(from, sequence);
        record_one(e, from, ENGINE_RECORD_MOVED_OUT, sequence);
        message_forget(e, from, sequence, m);
    }
    queue_mark(e, from);
}

/* One slice. How many; 0: no more can be moved now. */
static uint32_t move_slice(struct engine *e, struct waiter *w, struct queue *from, struct queue *to, uint32_t most,
                           bool *memory)
{
    struct load load;
    load_plan(e, from, to, most, &load);
    *memory = true;
    if (!load.count)
        return 0;
    load.arrival.bodies = load.bodies;
    load.arrival.count = load.count;
    *memory = put_prepare(e, to, &load.arrival, load.count);
    if (!*memory)
        return 0;
    struct queue *durable = to->options.durable ? to : from;
    struct engine_record *group = durable->options.durable ? record_new(e, durable, ENGINE_RECORD_GROUP) : NULL;
    w->move.moved += load.count;
    put_commit(e, to, &load.arrival);
    load_take(e, from, load.count);
    once_keep(e, &w->once, durable, w->move.moved);
    if (!group)
        return load.count;
    struct rests all = {0}; /* one may be synced at once, and the other within a time */
    group->count = (uint32_t)(e->record_last - group->number);
    rests_share(e, to, &all);
    rests_share(e, from, &all);
    rests_take(to, &all);
    rests_take(from, &all);
    rests_add(&w->rests, &all);
    once_rests(&w->once, &all);
    return load.count;
}

/* Why it cannot go on; ENGINE_WHY_NONE: it can. */
static enum engine_why obstacle(const struct engine *e, const struct queue *from, const struct queue *to,
                                enum jqw_code *code)
{
    *code = JQ_NO_QUEUE;
    if (!to)
        return ENGINE_WHY_QUEUE_DELETED;
    *code = JQ_CLOSED;
    if (to->closed)
        return ENGINE_WHY_QUEUE_CLOSED;
    *code = JQ_STORAGE;
    return queue_storage_ok(e, from) && queue_growth_ok(e, to) ? ENGINE_WHY_NONE : ENGINE_WHY_JOURNAL;
}

bool move_waits(const struct engine *e, const struct queue *from)
{
    const struct queue *to = queue_by_incarnation(e, from->moves->move.to);
    return to && queue_busy(to) && !to->stalled;
}

/* Of the first move of a queue that is not busy. */
uint32_t move_some(struct engine *e, struct queue *from, uint32_t budget)
{
    struct waiter *w = from->moves;
    struct queue *to = queue_by_incarnation(e, w->move.to);
    enum jqw_code code;
    enum engine_why why = obstacle(e, from, to, &code);
    if (why != ENGINE_WHY_NONE) {
        move_end(e, w, code, why);
        return 1;
    }
    bool memory = true;
    uint64_t left = w->move.count ? w->move.count - w->move.moved : PIECE;
    uint32_t most = left < budget ? (uint32_t)left : budget;
    uint32_t moved = queue_busy(to) ? 0 : move_slice(e, w, from, to, most < PIECE ? most : PIECE, &memory);
    bool whole = w->move.count && w->move.moved == w->move.count;
    if (!memory && w->move.moved) {
        e->budget = 0; /* tried again in the next step: it is not half done for lack of a moment's memory */
        return 0;
    }
    if (!memory)
        move_end(e, w, JQ_OVERLOADED, ENGINE_WHY_MEMORY);
    else if (!moved || whole)
        waiter_end(e, w, JQ_OK, ENGINE_WHY_NONE);
    return moved ? moved : 1;
}

int handle_move(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *from, *to;
    const struct engine_command target = {.queue = c->move.to};
    int code = queue_find(e, c, a, &from);
    if (code != JQ_OK || (code = queue_find(e, &target, a, &to)) != JQ_OK)
        return code;
    if (from == to)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_SAME_QUEUE, from, 0);
    if (from->options.durable && !to->options.durable)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_TARGET_NOT_DURABLE, to, 0);
    enum jqw_code why_code;
    enum engine_why why = obstacle(e, from, to, &why_code);
    if (why != ENGINE_WHY_NONE)
        return answer_fail(e, a, why_code, why, to, 0);
    struct waiter *w;
    if ((code = waiter_new(e, s, from, WAITER_MOVE, c, ENGINE_FOREVER, a, &w)) != JQ_OK)
        return code;
    w->move.to = to->incarnation;
    w->move.count = c->move.count;
    w->line = &from->moves;
    DL_APPEND(from->moves, w);
    queue_work(e, from);
    return ENGINE_PARKED;
}
