/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, and what each has in a queue. It knows neither bounds nor order. */
#include "model.h"
#include <stdlib.h>

struct session *session_find(const struct engine *e, struct engine_session_id id)
{
    struct session *s;
    HASH_FIND(hh, e->sessions, &id, sizeof id, s);
    return s;
}

/* Without memory there is no session, and its requests are answered so. */
struct session *session_open(struct engine *e, struct engine_session_id id)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->id = id;
    HASH_ADD(hh, e->sessions, id, sizeof s->id, s);
    if (s->hh.tbl)
        return s;
    free(s);
    return NULL;
}

/* Everything it waits for is withdrawn. False when the effects are full. */
static bool session_withdraw(struct engine *e, struct session *s)
{
    while (s->waiters) {
        if (!effects_room(e->effects))
            return false;
        struct waiter *w = s->waiters;
        struct queue *q = w->queue;
        waiter_drop_bodies(e, w);
        if (w->kind == WAITER_SWEEP || (w->kind == WAITER_CLOSE && !w->member))
            waiter_orphan(e, w);
        else
            waiter_free(e, w);
        queue_mark(e, q);
    }
    return true;
}

bool session_end(struct engine *e, struct session *s)
{
    e->ending = s;
    if (!session_withdraw(e, s))
        return false;
    e->ending = NULL;
    client_leaves(e, s);
    if (s->confirming)
        DL_DELETE2(e->confirming, s, cprev, cnext);
    struct member *m, *next;
    DL_FOREACH_SAFE2 (s->members, m, next, snext) {
        struct queue *q = m->queue;
        producer_detach(e, m);
        lifetime_unuse(e, m);
        q->active_ns = e->now;
        m->received = s->received;
        HASH_DEL(e->members, m);
        DL_DELETE2(q->members, m, qprev, qnext);
        DL_DELETE2(s->members, m, sprev, snext);
        m->session = NULL;
        DL_APPEND2(q->returns, m, qprev, qnext);
        if (m->runs)
            queue_work(e, q);
        else
            member_free(e, m);
        queue_mark(e, q);
    }
    while (s->owned) {
        struct queue *q = s->owned;
        lifetime_disown(q);
        lifetime_plan(e, q);
    }
    HASH_DEL(e->sessions, s);
    free(s->receipts);
    free(s->stuck);
    free(s);
    return true;
}

/* Gets go back in order of arrival, each from where the last of the session went: so a line is walked once, not once for each. */
static void session_rejoins(struct session *s)
{
    struct member *m;
    DL_FOREACH2 (s->members, m, snext)
        m->rejoined = NULL;
}

void session_block(struct engine *e, struct session *s, bool blocked)
{
    if (s->blocked == blocked)
        return;
    s->blocked = blocked;
    struct waiter *w;
    session_rejoins(s);
    DL_FOREACH2 (s->waiters, w, snext) {
        if (w->kind != WAITER_GET)
            continue;
        struct waiter *part = w->parts ? w->parts : w;
        for (; part; part = part->part_next) {
            if (part->queue->deleted || part->late)
                continue;
            waiter_pass(part, blocked);
            queue_mark(e, part->queue);
        }
    }
}

/* A queue that is deleted has no place to keep. */
void session_unpass(struct session *s, const struct queue *q)
{
    struct waiter *w;
    session_rejoins(s);
    DL_FOREACH2 (s->waiters, w, snext) {
        if (w->kind != WAITER_GET)
            continue;
        struct waiter *part = w->parts ? w->parts : w;
        for (; part; part = part->part_next) {
            if (part->queue == q)
                waiter_pass(part, false);
        }
    }
}

/* ---- members ---- */

struct member *member_find(const struct engine *e, const struct session *s, const struct queue *q)
{
    struct member_key key = {q->incarnation, s->id.value};
    struct member *m;
    HASH_FIND(hh, e->members, &key, sizeof key, m);
    return m;
}

struct member *member_get(struct engine *e, struct session *s, struct queue *q)
{
    struct member *m = member_find(e, s, q);
    if (m && q->options.lifetime == ENGINE_OF_USERS)
        lifetime_use(e, m);
    if (m || !pool_reserve(&e->member_pool, 1))
        return m;
    uint32_t index;
    m = pool_take(&e->member_pool, &index);
    m->index = index;
    m->key = (struct member_key){q->incarnation, s->id.value};
    m->session = s;
    m->queue = q;
    HASH_ADD(hh, e->members, key, sizeof m->key, m);
    if (!m->hh.tbl) {
        pool_give(&e->member_pool, index);
        return NULL;
    }
    DL_APPEND2(s->members, m, sprev, snext);
    DL_APPEND2(q->members, m, qprev, qnext);
    q->active_ns = e->now;
    if (q->options.lifetime == ENGINE_OF_USERS)
        lifetime_use(e, m);
    return m;
}

/* Of a session that has ended, or of a deleted queue; it holds nothing any more. */
void member_free(struct engine *e, struct member *m)
{
    DL_DELETE2(m->queue->returns, m, qprev, qnext);
    pool_give(&e->member_pool, m->index);
}

struct member *member_nobody(struct engine *e, struct queue *q)
{
    uint32_t index;
    if (!pool_reserve(&e->member_pool, 1))
        return NULL;
    struct member *m = pool_take(&e->member_pool, &index);
    m->index = index;
    m->queue = q;
    DL_APPEND2(q->stuck, m, qprev, qnext);
    return m;
}

void member_tidy(struct engine *e, struct member *m)
{
    if (!m->session || m->runs || m->idle_gets || m->waiting_puts || m->waiting_gets || m->afters || m->producer ||
        m->fenced || m->uses)
        return;
    m->queue->active_ns = e->now;
    HASH_DEL(e->members, m);
    DL_DELETE2(m->session->members, m, sprev, snext);
    DL_DELETE2(m->queue->members, m, qprev, qnext);
    pool_give(&e->member_pool, m->index);
}

void member_hold(struct member *m, int64_t leased, int64_t receipts)
{
    struct queue *q = m->queue;
    m->leased += (uint64_t)leased;
    m->receipts += (uint64_t)receipts;
    if (m->idle_gets) {
        q->leased_idle += (uint64_t)leased;
        q->receipts_idle += (uint64_t)receipts;
    }
}

void member_idle(struct member *m, int change)
{
    struct queue *q = m->queue;
    bool before = m->idle_gets > 0;
    m->idle_gets += (uint32_t)change;
    bool now = m->idle_gets > 0;
    if (now && !before) {
        q->leased_idle += m->leased;
        q->receipts_idle += m->receipts;
    } else if (before && !now) {
        q->leased_idle -= m->leased;
        q->receipts_idle -= m->receipts;
    }
}

bool engine_idle(const struct engine *e, struct engine_session_id id)
{
    const struct session *s = session_find(e, id);
    if (!s)
        return true;
    bool idle = !s->waiters && s->receipt_count == 0;
    for (const struct member *m = s->members; m && idle; m = m->snext)
        idle = m->leased == 0 && m->receipts == 0 && !m->producer;
    return idle;
}
