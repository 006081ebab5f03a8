/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot ends: put in line behind what was put before, and thrown away where nobody will meet them any more. Handing one out is
 * get.c's. */
#include "model.h"

static enum jqw_code ends_put(struct engine *e, struct queue *q, uint32_t count, const struct once *once)
{
    if (!queue_reserve(q, count))
        return JQ_OVERLOADED;
    for (uint32_t i = 0; i < count; i++)
        *log_append(&q->log) = (struct message){.state = MESSAGE_READY, .end = 1};
    q->ends += count;
    q->log_ends += count;
    e->messages += count;
    struct engine_record *group = once->client ? group_open(e, q, q) : NULL;
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_PUT_END);
    if (record) {
        record->first = q->log.tail - count;
        record->count = count;
    }
    once_keep(e, once, q, count);
    group_close(e, group, q, q);
    queue_mark(e, q);
    return JQ_OK;
}

void put_end_now(struct engine *e, struct waiter *w)
{
    enum jqw_code code = ends_put(e, w->queue, w->put_end.count, &w->once);
    waiter_end(e, w, code, code == JQ_OK ? ENGINE_WHY_NONE : ENGINE_WHY_MEMORY);
}

int handle_put_end(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    if (q->closed)
        return answer_fail(e, a, JQ_CLOSED, ENGINE_WHY_QUEUE_CLOSED, q, 0);
    if (c->count < 1 || c->count > ENGINE_BATCH_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_BATCH_COUNT, q, ENGINE_BATCH_MAX);
    if (q->options.order != ENGINE_FIFO)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_FIFO_ONLY, q, 0);
    if (!queue_growth_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    if (q->blocked_sweeps || (queue_busy(q) && q->puts)) { /* what came before it takes effect first */
        struct waiter *w;
        if ((code = waiter_new(e, s, q, WAITER_PUT_END, c, ENGINE_FOREVER, a, &w)) != JQ_OK)
            return code;
        w->put_end.count = (uint32_t)c->count;
        w->line = &q->blocked_sweeps;
        DL_APPEND(q->blocked_sweeps, w);
        return ENGINE_PARKED;
    }
    if (ends_put(e, q, (uint32_t)c->count, &e->once) != JQ_OK)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    a->answer.count = c->count;
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}

void ends_discard(struct engine *e, struct queue *q)
{
    uint64_t sequence;
    for (uint32_t i = 0; i < ENGINE_SLICE && q->ends; i++) {
        struct message *m = ready_next(q, &sequence);
        ready_take(q, sequence);
        record_one(e, q, ENGINE_RECORD_END_TAKEN, sequence);
        message_finish(e, q, sequence, m);
        q->ends--;
    }
}
