/* SPDX-License-Identifier: Apache-2.0 */
/* Which message of a queue is next. Fresh ones lie in the log in order; what comes back goes to a heap by sequence number,
 * and so to its old place; delayed ones wait in a heap by time. It knows no sessions. */
#include "model.h"

uint32_t put_time(const struct engine *e)
{
    return (uint32_t)(e->now / 10000000u);
}

/* While it is delayed the message has no place for it. */
struct delay {
    uint64_t due;
    uint32_t put_time;
};

void delays_init(struct engine *e)
{
    e->delays.item_size = sizeof(struct delay);
}

uint32_t message_put_time(const struct engine *e, const struct message *m)
{
    if (m->state == MESSAGE_DELAYED)
        return ((const struct delay *)pool_at(&e->delays, m->lease))->put_time;
    bool out = m->state == MESSAGE_LEASED || m->state == MESSAGE_RECEIPT;
    return out ? ((const struct run *)pool_at(&e->runs, m->lease))->put_time : m->lease;
}

uint64_t message_due(const struct engine *e, const struct message *m)
{
    JQ_ASSERT(m->state == MESSAGE_DELAYED);
    return ((const struct delay *)pool_at(&e->delays, m->lease))->due;
}

bool delay_reserve(struct engine *e, struct queue *q, uint32_t more)
{
    return order_heap_reserve(&q->delayed, q->delayed.count + more) && pool_reserve(&e->delays, more);
}

bool ready_reserve(struct queue *q, uint64_t more)
{
    uint64_t out = q->leased + q->receipts + q->ends_out + q->delayed_count, all = q->returned.count + out + more;
    const struct waiter *w;
    DL_FOREACH (q->blocked_sweeps, w) { /* they will take over what stands here when their turn comes */
        if (sweeps(w) && !order_heap_reserve(&w->sweep.job->returned, all))
            return false;
    }
    return order_heap_reserve(&q->returned, all);
}

struct message *ready_next(struct queue *q, uint64_t *sequence)
{
    while (q->returned.count) {
        struct order first = q->returned.item[0];
        struct message *m = log_at(&q->log, first.sequence);
        *sequence = first.sequence;
        if (JQ_LIKELY(m && m->state == MESSAGE_READY))
            return m;
        order_heap_pop(&q->returned); /* it has expired where it stood */
        priority_give(q, first.key, 1);
    }
    while (q->fresh < q->log.tail) {
        struct message *m = log_at(&q->log, q->fresh);
        if (m && m->state == MESSAGE_READY) {
            *sequence = q->fresh;
            return m;
        }
        q->fresh = log_skip(&q->log, q->fresh + 1);
    }
    return NULL;
}

void ready_take(struct queue *q, uint64_t sequence)
{
    if (sequence < q->fresh)
        order_heap_pop(&q->returned);
    else
        q->fresh = sequence + 1;
}

/* Where it stands among what is in the heap. */
static uint64_t ready_key(const struct engine *e, const struct queue *q, uint64_t sequence, const struct message *m)
{
    if (q->options.order == ENGINE_FIFO)
        return sequence;
    if (q->options.order == ENGINE_LIFO)
        return ~sequence;
    const struct extra *x = message_extra(e, m);
    return x ? x->priority : priority_lowest(q);
}

void ready_arrive(struct queue *q, uint64_t sequence, struct message *m, uint64_t priority)
{
    m->state = MESSAGE_READY;
    if (q->options.order == ENGINE_FIFO) {
        if (sequence < q->fresh)
            order_heap_push(&q->returned, sequence, sequence);
        return;
    }
    if (sequence >= q->fresh)
        q->fresh = sequence + 1; /* all of them stand in the heap */
    order_heap_push(&q->returned, q->options.order == ENGINE_LIFO ? ~sequence : priority, sequence);
}

static void ready_enter(const struct engine *e, struct queue *q, uint64_t sequence, struct message *m)
{
    m->state = MESSAGE_READY;
    if (sequence < q->fresh)
        order_heap_push(&q->returned, ready_key(e, q, sequence, m), sequence);
    if (m->end) {
        q->ends++;
        return;
    }
    q->ready++;
    q->queued_bytes += m->length;
}

void ready_hold(struct queue *q, uint64_t sequence, struct message *m)
{
    (void)sequence;
    q->ready--;
    q->queued_bytes -= m->length;
}

void ready_return(struct engine *e, struct queue *q, uint64_t sequence, struct message *m)
{
    ready_enter(e, q, sequence, m);
    queue_mark(e, q);
}

void ready_delay(struct engine *e, struct queue *q, uint64_t sequence, struct message *m, uint64_t due)
{
    uint32_t index;
    struct delay *delay = pool_take(&e->delays, &index);
    *delay = (struct delay){due, m->lease};
    m->lease = index;
    m->state = MESSAGE_DELAYED;
    q->delayed_count++;
    q->queued_bytes += m->length;
    order_heap_push(&q->delayed, due, sequence);
    heap_set(&e->delayed, &q->delayed_due, q->delayed.item[0].key, q->incarnation);
}

void message_due_set(const struct engine *e, const struct message *m, uint64_t due)
{
    ((struct delay *)pool_at(&e->delays, m->lease))->due = due;
}

void ready_plan(struct engine *e, struct queue *q)
{
    if (q->delayed.count)
        heap_set(&e->delayed, &q->delayed_due, q->delayed.item[0].key, q->incarnation);
    else
        heap_remove(&e->delayed, &q->delayed_due);
}

/* It has its time again, and is in no state. */
static void delay_over(struct engine *e, struct message *m)
{
    uint32_t index = m->lease;
    m->lease = message_put_time(e, m);
    m->state = MESSAGE_GONE;
    pool_give(&e->delays, index);
}

void ready_due(struct engine *e, struct queue *q, uint64_t now)
{
    while (q->delayed.count && q->delayed.item[0].key <= now) {
        uint64_t sequence = q->delayed.item[0].sequence;
        struct message *m = log_at(&q->log, sequence);
        order_heap_pop(&q->delayed);
        if (!m || m->state != MESSAGE_DELAYED || message_due(e, m) > now)
            continue; /* it has expired */
        q->delayed_count--;
        q->queued_bytes -= m->length;
        delay_over(e, m);
        ready_enter(e, q, sequence, m);
    }
    ready_plan(e, q);
    queue_mark(e, q);
}

void message_finish(struct engine *e, struct queue *q, uint64_t sequence, struct message *m)
{
    if (!m->end)
        effects_release(e->effects, message_body(m));
    message_forget(e, q, sequence, m);
}

void message_forget(struct engine *e, struct queue *q, uint64_t sequence, struct message *m)
{
    if (e->replaying && !m->end)
        replay_release(e, message_body(m));
    if (m->state == MESSAGE_DELAYED)
        delay_over(e, m);
    extra_free(e, q, m);
    if (JQ_UNLIKELY(q->mark_count) && !m->end && !queue_is_counter(q))
        marks_gone(q, sequence);
    if (m->origin)
        origin_gone(e, q, m->origin);
    q->log_ends -= m->end;
    e->messages--;
    q->active_ns = e->now;
    log_remove(&q->log, sequence, q->sweeps ? q->sweeps->from : q->fresh); /* a sweep goes by places in blocks, too */
}
