/* SPDX-License-Identifier: Apache-2.0 */
/* Join, and the count that it waits for in counter queues. */
#include "model.h"

static void joined_since(struct engine_effect *a, const struct queue *q, const struct tallies *since)
{
    const struct tallies *is = &q->tally;
    a->joined.done = is->done > since->done ? is->done - since->done : 0; /* what was pending may be pending still */
    a->joined.dead = is->dead - since->dead;
    a->joined.expired = is->expired - since->expired;
    a->joined.discarded = is->discarded - since->discarded;
    a->joined.moved = is->moved_out - since->moved_out;
}

/* What it still waits for. */
static uint64_t remaining(const struct queue *q, uint64_t mark, const struct origin *mine, bool wants_mine)
{
    uint64_t all = queue_unfinished(q), left = all;
    if (wants_mine)
        left = mine ? mine->live : 0;
    else if (mark)
        left = mark_remaining(q, mark);
    return left < all ? left : all;
}

void join_answer(struct engine_effect *a, const struct queue *q, const struct waiter *w)
{
    a->joined.remaining = remaining(q, w->join.mark, w->join.mine, w->join.mine != NULL);
    joined_since(a, q, &w->join.since);
}

/* One that waits for less than everything, and has it. */
struct waiter *join_satisfied(const struct queue *q)
{
    const struct heap_node *top = heap_top(&q->mark_joins);
    if (top && top->key <= q->mark_reached)
        return ENGINE_OF(top, struct waiter, join.due);
    return q->mine_done ? q->mine_done->joins : NULL;
}

void join_leave(struct waiter *w)
{
    struct queue *q = w->queue;
    struct origin *mine = w->join.mine;
    heap_remove(&q->mark_joins, &w->join.due);
    if (!mine)
        return;
    DL_DELETE2(mine->joins, w, join.prev, join.next);
    if (!mine->joins && mine->done)
        DL_DELETE2(q->mine_done, mine, dprev, dnext);
    if (!mine->joins)
        mine->done = false;
    origin_tidy(q, mine);
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

static int join_check(struct engine *e, struct queue *q, const struct engine_command *c, struct engine_effect *a,
                      uint64_t *mark)
{
    *mark = c->join.mark;
    if (c->join.mine && queue_is_counter(q))
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_COUNTER_HAS_NO_MINE, q, 0);
    if (c->join.mine && (c->join.mark || c->join.snapshot))
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_JOIN_BOTH, q, 0);
    if (c->join.snapshot)
        return mark_make(e, q, a, mark);
    return c->join.mark ? mark_find(e, q, c->join.mark, a) : JQ_OK;
}

static int join_wait(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c,
                     struct engine_effect *a, uint64_t mark, struct origin *mine)
{
    struct waiter *w;
    if (mark && !heap_reserve(&q->mark_joins, (uint64_t)q->mark_joins.count + 1))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    int code = waiter_new(e, s, q, WAITER_JOIN, c, c->join.timeout_ns, a, &w);
    if (code != JQ_OK)
        return code;
    w->join.since = q->tally;
    w->join.since.done += pending_dones(q);
    w->join.mark = mark;
    if (mark)
        heap_set(&q->mark_joins, &w->join.due, mark, w->order);
    w->join.mine = mine;
    if (mine)
        DL_APPEND2(mine->joins, w, join.prev, join.next);
    waiter_line(e, w, NULL);
    if (!c->join.timeout_ns)
        waiter_late(w, JQ_TIMEOUT);
    return ENGINE_PARKED;
}

int handle_join(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    uint64_t mark;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK || (code = join_check(e, q, c, a, &mark)) != JQ_OK)
        return code;
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    struct origin *mine = c->join.mine && s->client ? origin_find(q, s->client->id) : NULL;
    uint64_t left = remaining(q, mark, mine, c->join.mine);
    bool nothing = c->join.mine && !mine;
    if (nothing || (!queue_busy(q) && (!left || !c->join.timeout_ns))) {
        a->joined.remaining = left;
        joined_since(a, q, &q->tally);
        return left ? JQ_TIMEOUT : JQ_OK;
    }
    return join_wait(e, s, q, c, a, mark, mine);
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
    if (q->mark_count)
        marks_reach(q);
    struct engine_record *group = e->once.client ? group_open(e, q, q) : NULL;
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_TASK_DONE);
    if (record)
        record->count = c->count;
    once_keep(e, &e->once, q, q->counter_unfinished);
    group_close(e, group, q, q);
    queue_mark(e, q);
    a->answer.count = q->counter_unfinished;
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}
