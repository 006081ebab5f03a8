/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait: made, put in line, answered, withdrawn. What they wait for is decided in pair.c. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* How many may wait before this one. Close, delete, purge, and what does not wait by itself but must on a busy queue, have room
 * beyond waiting_max; nothing has it without end. */
static uint64_t waiting_max(const struct engine *e, enum waiter_kind kind, uint64_t timeout_ns)
{
    bool own_wish = timeout_ns && kind < WAITER_CLOSE;
    return e->config.waiting_max + (own_wish ? 0 : (uint64_t)ENGINE_WAITING_BESIDES);
}

int waiter_new(struct engine *e, struct session *s, struct queue *q, enum waiter_kind kind,
               const struct engine_command *c, uint64_t timeout_ns, struct engine_effect *a, struct waiter **out)
{
    answer_rests_on(a, q);
    uint64_t max = waiting_max(e, kind, timeout_ns);
    if (s->waiting >= max)
        return answer_fail(e, a, JQ_BUSY, ENGINE_WHY_WAITING_TOO_MANY, NULL, max);
    if (!pool_reserve(&e->waiter_pool, 1) || !heap_reserve(&e->deadlines, (uint64_t)e->deadlines.count + 1))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    uint32_t index;
    struct waiter *w = pool_take(&e->waiter_pool, &index);
    w->index = index;
    w->key = (struct waiter_key){s->id.value, c->request};
    HASH_ADD(hh, e->waiters, key, sizeof w->key, w);
    if (!w->hh.tbl) {
        pool_give(&e->waiter_pool, index);
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    }
    w->kind = kind;
    w->session = s;
    w->queue = q;
    w->order = ++e->order_last;
    w->once = e->once;
    e->once = (struct once){0};
    if (timeout_ns && timeout_ns != ENGINE_FOREVER)
        heap_set(&e->deadlines, &w->deadline, deadline_after(e, timeout_ns), w->order);
    DL_APPEND2(s->waiters, w, sprev, snext);
    s->waiting++;
    *out = w;
    return JQ_OK;
}

struct waiter *waiter_find(const struct engine *e, struct engine_session_id session, uint32_t request)
{
    struct waiter_key key = {session.value, request};
    struct waiter *w;
    HASH_FIND(hh, e->waiters, &key, sizeof key, w);
    return w;
}

bool engine_waits(const struct engine *e, struct engine_session_id session, uint32_t request)
{
    return waiter_find(e, session, request) != NULL;
}

/* ---- lines ---- */

static uint32_t *line_count(struct queue *q, enum waiter_kind kind)
{
    return kind == WAITER_PUT ? &q->put_count : kind == WAITER_GET ? &q->get_count : &q->join_count;
}

/* Of waiting gets in line. */
static uint32_t *get_count(const struct waiter *w)
{
    if (w->root)
        return &w->queue->part_count;
    return w->get.final ? &w->queue->final_count : &w->queue->idle_count;
}

static void line_counts(struct waiter *w, int change)
{
    struct queue *q = w->queue;
    *line_count(q, w->kind) += (uint32_t)change;
    if (w->kind == WAITER_PUT) {
        w->member->waiting_puts += w->put.forward ? 0 : (uint32_t)change;
        w->session->waiting_bytes += (uint64_t)change * w->put.bytes;
    }
    if (w->kind != WAITER_GET)
        return;
    w->member->waiting_gets += (uint32_t)change;
    if (!w->passed)
        *get_count(w) += (uint32_t)change;
    if (!w->get.final)
        member_idle(w->member, change);
}

void waiter_line(struct engine *e, struct waiter *w, struct member *m)
{
    struct queue *q = w->queue;
    w->line = w->kind == WAITER_PUT ? &q->puts : w->kind == WAITER_GET ? &q->gets : &q->joins;
    w->member = m;
    DL_APPEND(*w->line, w);
    line_counts(w, 1);
    e->joining = w;
    queue_mark(e, q); /* an END may rest on who waits */
}

void waiter_pass(struct waiter *w, bool passed)
{
    if (w->passed == passed)
        return;
    w->passed = passed;
    *get_count(w) += passed ? -1u : 1u;
    if (passed) {
        DL_DELETE(*w->line, w);
        return;
    }
    struct waiter *before = w->member->rejoined, *later = before ? before->next : *w->line;
    while (later && later->order < w->order)
        later = later->next;
    w->member->rejoined = w;
    w->queue->stale |= w->get.generation < w->queue->generation;
    if (later)
        DL_PREPEND_ELEM(*w->line, later, w);
    else
        DL_APPEND(*w->line, w);
}

void waiter_late(struct waiter *w, enum jqw_code code)
{
    if (w->late)
        return;
    w->late = true;
    w->late_code = code;
    w->queue->late_count++;
}

/* Keeps the member in the list of those whose afters are due, as its afters and waiting puts say. */
static void member_due(struct engine *e, struct member *m)
{
    bool due = m->afters && !m->afters->puts_before;
    if (due == m->after_due)
        return;
    m->after_due = due;
    if (due)
        DL_APPEND2(m->queue->after_due, m, aprev, anext);
    else
        DL_DELETE2(m->queue->after_due, m, aprev, anext);
    queue_mark(e, m->queue);
}

/* One put less for what came after it to wait for. */
/* Its queue is deleted: what waits for its puts waits no more, also for those that wait elsewhere as part of a forward. */
void member_puts_over(struct engine *e, struct member *m)
{
    struct waiter *after;
    DL_FOREACH (m->afters, after)
        after->puts_before = 0;
    member_due(e, m);
}

void member_put_gone(struct engine *e, struct member *m, uint64_t order)
{
    struct waiter *after;
    DL_FOREACH (m->afters, after) {
        if (after->order > order && after->puts_before)
            after->puts_before--;
    }
    member_due(e, m);
    member_tidy(e, m);
}

void member_after(struct engine *e, struct member *m, struct waiter *w)
{
    w->member = m;
    w->line = &m->afters;
    w->puts_before = m->waiting_puts;
    DL_APPEND(m->afters, w);
    member_due(e, m);
}

/* ---- the end of a waiter ---- */

void waiter_drop_bodies(struct engine *e, struct waiter *w)
{
    if (w->kind != WAITER_PUT)
        return;
    if (w->put.forward) {
        forward_drop_bodies(e, w);
        return;
    }
    for (uint32_t i = w->put.accepted; i < w->put.count; i++)
        effects_refuse(e->effects, w->put.bodies[i]);
    w->put.count = w->put.accepted;
}

/* Out of what belongs to its session. */
static void waiter_leave(struct engine *e, struct waiter *w)
{
    HASH_DEL(e->waiters, w);
    DL_DELETE2(w->session->waiters, w, sprev, snext);
    w->session->waiting--;
}

void waiter_orphan(struct engine *e, struct waiter *w)
{
    waiter_leave(e, w);
    w->session = NULL;
}

void waiter_unline(struct engine *e, struct waiter *w)
{
    struct member *m = w->member;
    if (w->kind <= WAITER_JOIN)
        line_counts(w, -1);
    if (!w->passed)
        DL_DELETE(*w->line, w);
    w->line = NULL;
    w->member = NULL;
    queue_mark(e, w->queue);
    if (!m)
        return;
    if (w->kind == WAITER_PUT && !w->put.forward) {
        member_put_gone(e, m, w->order);
        return;
    }
    member_due(e, m);
    member_tidy(e, m);
}

void waiter_free(struct engine *e, struct waiter *w)
{
    if (e->joining == w)
        e->joining = NULL;
    once_end(&w->once, NULL);
    parts_free(e, w);
    if (w->late)
        w->queue->late_count--;
    heap_remove(&e->deadlines, &w->deadline);
    if (w->kind == WAITER_JOIN)
        join_leave(w);
    if (w->line)
        waiter_unline(e, w);
    if (w->kind == WAITER_PUT)
        forward_leave(e, w, true);
    if (w->session)
        waiter_leave(e, w);
    if (w->kind == WAITER_PUT) {
        free(w->put.bodies);
        free(w->put.priority_bytes);
    }
    if (w->kind == WAITER_GET)
        free(w->get.lost);
    if (sweeps(w))
        sweep_free(w->sweep.job);
    pool_give(&e->waiter_pool, w->index);
}

static const enum engine_effect_kind kind_of_answer[] = {
    [WAITER_PUT] = ENGINE_ANSWER,    [WAITER_GET] = ENGINE_GOT,      [WAITER_JOIN] = ENGINE_JOINED,
    [WAITER_FINISH] = ENGINE_ANSWER, [WAITER_CLOSE] = ENGINE_ANSWER, [WAITER_SWEEP] = ENGINE_ANSWER,
    [WAITER_REOPEN] = ENGINE_ANSWER, [WAITER_MOVE] = ENGINE_ANSWER,  [WAITER_PUT_END] = ENGINE_ANSWER,
};

void waiter_lost(struct engine *e, const struct waiter *w, struct engine_effect *a)
{
    a->got.lost = e->effects->ranges + e->effects->range_count;
    a->got.lost_count = w->get.lost_count;
    for (uint32_t i = 0; i < w->get.lost_count; i++)
        (void)effects_range(e->effects, w->get.lost[i]);
}

void waiter_end(struct engine *e, struct waiter *w, enum jqw_code code, enum engine_why why)
{
    struct queue *q = w->queue; /* of a part: the one that decides */
    uint32_t place = w->place;
    w = w->root ? w->root : w;
    if (w->session) {
        bool forward = w->kind == WAITER_PUT && w->put.forward;
        struct engine_effect *a = effect_new(e, forward ? ENGINE_SETTLED : kind_of_answer[w->kind], w->session->id,
                                             (uint32_t)w->key.request, q);
        a->code = code;
        answer_rests(a, &w->rests);
        for (const struct waiter *part = w->parts; part; part = part->part_next)
            answer_rests_on(a, part->queue); /* it is so in all of them */
        if (code != JQ_OK)
            (void)answer_fail(e, a, code, why, q, 0);
        if (w->kind == WAITER_PUT && !forward)
            a->answer.count = w->put.accepted;
        if (w->kind == WAITER_GET) {
            waiter_lost(e, w, a);
            a->got.place = place;
        }
        if (w->kind == WAITER_JOIN && !q->deleted)
            join_answer(a, q, w);
        if (w->kind == WAITER_FINISH && code == JQ_OK)
            a->answer.count = w->finish->accepted;
        if (w->kind == WAITER_MOVE)
            a->answer.count = w->move.moved;
        if (w->kind == WAITER_PUT_END && code == JQ_OK)
            a->answer.count = w->put_end.count;
        if (w->kind == WAITER_REOPEN && code == JQ_OK)
            a->answer.count = q->generation;
        if (sweeps(w))
            a->answer.count = w->sweep.discarded;
        once_end(&w->once, a);
        w->once.client = NULL;
    }
    waiter_drop_bodies(e, w);
    waiter_free(e, w);
}

/* A message that arrives at the deadline wins, and so does what a busy queue still has to come: then it is answered once the
 * queue is not busy any more. */
void waiter_deadline(struct engine *e, struct waiter *w)
{
    heap_remove(&e->deadlines, &w->deadline);
    if (w->parts && !w->parts->passed && parts_unsettled(w, NULL)) {
        for (struct waiter *part = w->parts; part; part = part->part_next) {
            waiter_late(part, JQ_TIMEOUT);
            queue_mark(e, part->queue);
        }
        return;
    }
    if (w->parts || !queue_busy(w->queue) || w->kind > WAITER_JOIN || w->passed) {
        waiter_end(e, w, JQ_TIMEOUT, ENGINE_WHY_NONE);
        return;
    }
    waiter_late(w, JQ_TIMEOUT);
    queue_mark(e, w->queue);
}

bool waiter_withdraw(struct engine *e, struct session *s, uint32_t request, enum jqw_code code, enum engine_why why)
{
    struct waiter *w = waiter_find(e, s->id, request);
    bool swept = w && (w->kind == WAITER_SWEEP || (w->kind == WAITER_CLOSE && !w->member));
    if (!w || swept)
        return false;
    waiter_end(e, w, code, why);
    return true;
}
