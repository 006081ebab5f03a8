/* SPDX-License-Identifier: Apache-2.0 */
/* Join, and the count that it waits for in counter queues. */
#include "model.h"

void join_answer(struct engine_effect *a, const struct queue *q, const struct tallies *since)
{
    const struct tallies *is = &q->tally;
    a->joined.remaining = queue_unfinished(q);
    a->joined.done = is->done > since->done ? is->done - since->done : 0; /* what was pending may be pending still */
    a->joined.dead = is->dead - since->dead;
    a->joined.expired = is->expired - since->expired;
    a->joined.discarded = is->discarded - since->discarded;
    a->joined.moved = is->moved_out - since->moved_out;
}

/* Confirmed before the call, though not all are counted yet: of sessions that ended, whose leases are coming back. */
static uint64_t pending_dones(const struct queue *q)
{
    uint64_t pending = 0;
    const struct member *m;
    const struct run *r;
    DL_FOREACH2 (q->returns, m, qnext) {
        DL_FOREACH (m->runs, r)
            pending += r->receipt && !r->end && r->receipt <= m->received ? r->live : 0;
    }
    return queue_is_counter(q) ? 0 : pending;
}

int handle_join(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    a->incarnation = q->incarnation;
    a->after = q->watermark;
    if (!queue_busy(q) && (!queue_unfinished(q) || !c->join.timeout_ns)) {
        join_answer(a, q, &q->tally);
        return queue_unfinished(q) ? JQ_TIMEOUT : JQ_OK;
    }
    struct waiter *w;
    if ((code = waiter_new(e, s, q, WAITER_JOIN, c, c->join.timeout_ns, a, &w)) != JQ_OK)
        return code;
    w->join = q->tally;
    w->join.done += pending_dones(q);
    waiter_line(e, w, NULL);
    if (!c->join.timeout_ns)
        waiter_late(w, JQ_TIMEOUT);
    return ENGINE_PARKED;
}

int handle_task_done(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    if (!queue_is_counter(q))
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_COUNTER_ONLY, q, 0);
    if (c->count > q->counter_unfinished)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_TASK_DONE_TOO_OFTEN, q, q->counter_unfinished);
    if (!queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    q->counter_unfinished -= c->count;
    q->tally.done += c->count;
    struct engine_record *group = e->once.client ? group_open(e, q, q) : NULL;
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_TASK_DONE);
    if (record)
        record->count = c->count;
    once_keep(e, &e->once, q, q->counter_unfinished);
    group_close(e, group, q, q);
    queue_mark(e, q);
    a->answer.count = q->counter_unfinished;
    a->incarnation = q->incarnation;
    a->after = q->watermark;
    return JQ_OK;
}
