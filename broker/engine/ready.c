/* SPDX-License-Identifier: Apache-2.0 */
/* Which message of a queue is next. Fresh ones lie in the log in order; what comes back goes to a heap by sequence number,
 * and so to its old place; delayed ones wait in a heap by time. It knows no sessions. */
#include "model.h"

uint32_t put_time(const struct engine *e)
{
    return (uint32_t)(e->now / 10000000u);
}

bool ready_reserve(struct queue *q, uint64_t more)
{
    uint64_t out = q->leased + q->receipts + q->ends_out + q->delayed_count;
    return order_heap_reserve(&q->returned, q->returned.count + out + more);
}

struct message *ready_next(struct queue *q, uint64_t *sequence)
{
    if (q->returned.count) {
        *sequence = q->returned.item[0].sequence;
        return log_at(&q->log, *sequence);
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

static void ready_enter(struct queue *q, uint64_t sequence, struct message *m)
{
    m->state = MESSAGE_READY;
    if (sequence < q->fresh)
        order_heap_push(&q->returned, sequence, sequence);
    if (m->end) {
        q->ends++;
        return;
    }
    q->ready++;
    q->queued_bytes += m->length;
}

void ready_return(struct engine *e, struct queue *q, uint64_t sequence, struct message *m)
{
    ready_enter(q, sequence, m);
    queue_mark(e, q);
}

void ready_delay(struct engine *e, struct queue *q, uint64_t sequence, struct message *m, uint64_t due)
{
    m->state = MESSAGE_DELAYED;
    q->delayed_count++;
    q->queued_bytes += m->length;
    order_heap_push(&q->delayed, due, sequence);
    heap_set(&e->delayed, &q->delayed_due, q->delayed.item[0].key, q->incarnation);
}

void ready_due(struct engine *e, struct queue *q, uint64_t now)
{
    while (q->delayed.count && q->delayed.item[0].key <= now) {
        uint64_t sequence = q->delayed.item[0].sequence;
        struct message *m = log_at(&q->log, sequence);
        order_heap_pop(&q->delayed);
        q->delayed_count--;
        q->queued_bytes -= m->length;
        ready_enter(q, sequence, m);
    }
    if (q->delayed.count)
        heap_set(&e->delayed, &q->delayed_due, q->delayed.item[0].key, q->incarnation);
    else
        heap_remove(&e->delayed, &q->delayed_due);
    queue_mark(e, q);
}

void message_finish(struct engine *e, struct queue *q, uint64_t sequence, struct message *m)
{
    if (!m->end)
        effects_release(e->effects, message_body(m));
    e->messages--;
    q->active_ns = e->now;
    log_remove(&q->log, sequence, q->fresh);
}
