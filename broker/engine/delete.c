/* SPDX-License-Identifier: Apache-2.0 */
/* How a queue goes: by delete, with the session that made it, after its last user, or because nobody has wanted it for so long
 * (DCL-5). The slices in which what it held goes are in close.c. */
#include "model.h"

/* ---- delete ---- */

/* Its members leave their sessions; leases in it are looked for by incarnation, and so lost from here on. */
static void delete_members(struct engine *e, struct queue *q)
{
    DL_CONCAT2(q->returns, q->stuck, qprev, qnext);
    q->stuck = NULL;
    struct member *m, *next;
    DL_FOREACH_SAFE2 (q->members, m, next, qnext) {
        if (m->session->blocked)
            session_unpass(m->session, q);
        producer_detach(e, m);
        member_puts_over(e, m);
        HASH_DEL(e->members, m);
        DL_DELETE2(m->session->members, m, sprev, snext);
        m->session = NULL;
        DL_DELETE2(q->members, m, qprev, qnext);
        DL_APPEND2(q->returns, m, qprev, qnext);
    }
}

/* Nobody's dead letters come here any more: they are dropped and counted. */
static void delete_letters(struct engine *e, struct queue *q)
{
    letters_link(e, q, NULL);
    while (q->senders) {
        struct queue *sender = q->senders;
        letters_link(e, sender, NULL);
        sender->options.dead_drop = true;
    }
}

/* From here on nobody finds it; what it held goes in slices, then `w` is answered (NULL: nobody). */
static void queue_delete(struct engine *e, struct queue *q, struct waiter *w)
{
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_DELETE);
    if (record) {
        record->name = effects_text(e->effects, q->name, q->name_size);
        const struct rests rests = rests_of(q);
        rests_add(&e->deleted, &rests);
    }
    HASH_DELETE(hh_name, e->by_name, q);
    HASH_DELETE(hh_incarnation, e->by_incarnation, q);
    q->deleted = true;
    e->zombies++;
    heap_remove(&e->delayed, &q->delayed_due);
    heap_remove(&e->expiries, &q->expiry_due);
    heap_remove(&e->lifetimes, &q->lifetime_due);
    heap_remove(&e->ttls, &q->ttl_due);
    lifetime_disown(q);
    delete_letters(e, q);
    producers_forget(e, q);
    delete_members(e, q);
    q->deleting = w;
    queue_mark(e, q);
    queue_work(e, q);
}

void queue_vanish(struct engine *e, struct queue *q)
{
    HASH_DELETE(hh_name, e->by_name, q);
    HASH_DELETE(hh_incarnation, e->by_incarnation, q);
    delete_letters(e, q);
    for (uint64_t at = log_next(&q->log, 0); at < q->log.tail; at = log_next(&q->log, at + 1))
        message_forget(e, q, at, log_at(&q->log, at));
    queue_destroy(e, q);
}

int handle_delete(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    uint64_t contents = q->ready + q->delayed_count + q->leased + q->receipts;
    if (c->delete_.if_empty && (contents || queue_unfinished(q)))
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_QUEUE_NOT_EMPTY, q, 0);
    if (q->sender_count && !c->delete_.force)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_LETTER_REFERENCED, q, q->sender_count);
    if (!queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    struct waiter *w;
    if ((code = waiter_new(e, s, q, WAITER_SWEEP, c, ENGINE_FOREVER, a, &w)) != JQ_OK)
        return code;
    w->sweep.discarded = contents;
    queue_delete(e, q, w);
    return ENGINE_PARKED;
}

/* ---- lifetimes ---- */

void lifetime_disown(struct queue *q)
{
    if (q->owner)
        DL_DELETE2(q->owner->owned, q, oprev, onext);
    q->owner = NULL;
}

bool lifetime_of(struct engine *e, struct session *s, struct queue *q, const struct engine_queue_options *o)
{
    if (o->lifetime == ENGINE_OF_USERS) {
        struct member *m = member_get(e, s, q);
        if (m)
            lifetime_use(e, m);
        return m != NULL;
    }
    lifetime_disown(q);
    q->owner = s;
    DL_APPEND2(s->owned, q, oprev, onext);
    return true;
}

/* A session opens a queue by its first declare, put, get or attach. */
void lifetime_use(struct engine *e, struct member *m)
{
    if (m->uses)
        return;
    m->uses = true;
    m->queue->users++;
    heap_remove(&e->lifetimes, &m->queue->lifetime_due);
}

void lifetime_unuse(struct engine *e, struct member *m)
{
    if (!m->uses)
        return;
    m->uses = false;
    m->queue->users--;
    lifetime_plan(e, m->queue);
}

/* When to look whether its time has come. */
void lifetime_plan(struct engine *e, struct queue *q)
{
    const struct engine_queue_options *o = &q->options;
    uint64_t after = milliseconds(o->idle_delete_ms);
    bool plans = o->lifetime == ENGINE_OF_SESSION ? !q->owner
                 : o->lifetime == ENGINE_OF_USERS ? !q->users
                                                  : o->idle_delete_ms > 0;
    if (q->deleted || !plans)
        heap_remove(&e->lifetimes, &q->lifetime_due);
    else
        heap_set(&e->lifetimes, &q->lifetime_due, o->lifetime == ENGINE_OF_SESSION ? e->now : deadline_after(e, after),
                 q->incarnation);
}

/* Permanent ones go when they are empty and nobody wants anything of them. */
static bool idle(const struct queue *q)
{
    return !q->log.live && !queue_unfinished(q) && !q->producers_attached && !q->sender_count && !q->members &&
           !q->returns && !q->stuck && !q->put_count && !q->get_count && !q->join_count && !q->blocked_sweeps;
}

void lifetime_due(struct engine *e, struct queue *q)
{
    heap_remove(&e->lifetimes, &q->lifetime_due);
    uint64_t after = milliseconds(q->options.idle_delete_ms);
    if (q->options.lifetime == ENGINE_PERMANENT && !idle(q)) {
        lifetime_plan(e, q);
        return;
    }
    if (q->options.lifetime == ENGINE_PERMANENT && e->now - q->active_ns < after) {
        heap_set(&e->lifetimes, &q->lifetime_due, deadline_after(e, after - (e->now - q->active_ns)), q->incarnation);
        return;
    }
    q->overdue = !queue_storage_ok(e, q); /* stays due (OUT-2) */
    if (!q->overdue)
        queue_delete(e, q, NULL);
}
