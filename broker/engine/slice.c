/* SPDX-License-Identifier: Apache-2.0 */
/* What may be much and is done a little at a time (BLK-1): leases of ended sessions and expired ones that come back, receipts that
 * were confirmed, and messages that are swept away. One step handles at most ENGINE_SLICE messages of all this. */
#include "model.h"
#include <stdlib.h>

enum { SLICE_PIECE = ENGINE_SLICE / 4 /* for one, before it is another's turn */ };

enum fate { FATE_RETURN, FATE_FAIL, FATE_FINISH };

/* Adds a message to what the event says is lost, if there is one. */
static struct engine_range *tell_lost(struct engine *e, const struct run *r, uint64_t sequence,
                                      struct engine_effect *event, struct engine_range *last)
{
    if (!event)
        return NULL;
    if (last && last->first + last->count == sequence) {
        last->count++;
        return last;
    }
    event->settled.lost_count++;
    return effects_range(e->effects, (struct engine_range){r->member->queue->incarnation, sequence, 1, r->attempt});
}

/* Ends the lease on the first messages of a run. Those it held are added to `event`, if there is one. */
static uint32_t run_drain(struct engine *e, struct run *r, uint32_t budget, enum fate fate, struct engine_effect *event)
{
    struct queue *q = r->member->queue;
    struct engine_range *last = NULL;
    uint32_t handled = 0, ended = 0;
    r->thinned = 0;
    for (; r->count && handled < budget; handled++, r->first++, r->count--) {
        struct message *m = log_at(&q->log, r->first);
        bool out = m && (m->state == MESSAGE_LEASED || m->state == MESSAGE_RECEIPT) && m->lease == r->index;
        if (!out)
            continue;
        ended++;
        last = tell_lost(e, r, r->first, event, last);
        if (fate == FATE_FINISH)
            lease_finish(e, r, r->first, m);
        else
            lease_return(e, r, r->first, m, fate == FATE_FAIL, false, 0);
    }
    run_shrink(e, r, ended);
    return handled;
}

/* ---- sessions that ended ---- */

/* Deleted queues have no messages to give back to: the leases just end. */
static uint32_t member_drop_some(struct engine *e, struct member *m, uint32_t budget)
{
    uint32_t handled = 0;
    for (; m->runs && handled < budget; handled++) {
        m->runs->end = true; /* its messages are not counted any more */
        m->runs->receipt = 1;
        run_shrink(e, m->runs, m->runs->live);
    }
    return handled;
}

static bool confirmed(const struct member *m, const struct run *r)
{
    return r->receipt && r->receipt <= m->received;
}

/* How its messages come back. */
static enum fate fate_of(const struct run *r)
{
    return r->receipt || r->unread ? FATE_RETURN : FATE_FAIL;
}

static bool dies_with(const struct engine *e, const struct run *r, const struct message *m)
{
    return (fate_of(r) == FATE_FAIL && message_dies(r->member->queue, m)) || extra_expired(e, m);
}

/* Messages that end with this lease need a record, and it waits for the journal (OUT-2). */
static bool run_waits(const struct engine *e, const struct run *r)
{
    const struct queue *q = r->member->queue;
    if ((!q->options.max_deliveries && !q->ttl_count) || death_storage_ok(e, q))
        return false;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct message *m = log_at(&q->log, r->first + i);
        bool out = m && (m->state == MESSAGE_LEASED || m->state == MESSAGE_RECEIPT) && m->lease == r->index;
        if (out && dies_with(e, r, m))
            return true;
    }
    return false;
}

/* Those of a run that waits which need no record do not wait with it. */
static uint32_t run_thin(struct engine *e, struct run *r, uint32_t budget, struct engine_effect *event)
{
    struct queue *q = r->member->queue;
    struct engine_range *last = NULL;
    uint32_t handled = 0, ended = 0;
    for (; r->thinned < r->count && handled < budget; handled++, r->thinned++) {
        uint64_t sequence = r->first + r->thinned;
        struct message *m = log_at(&q->log, sequence);
        bool out = m && (m->state == MESSAGE_LEASED || m->state == MESSAGE_RECEIPT) && m->lease == r->index;
        if (!out || dies_with(e, r, m))
            continue;
        last = tell_lost(e, r, sequence, event, last);
        lease_return(e, r, sequence, m, fate_of(r) == FATE_FAIL, false, 0);
        ended++;
    }
    run_shrink(e, r, ended);
    return handled;
}

/* Returns that need no record do not wait for the journal; receipts that were confirmed do, and keep nobody else waiting. */
static uint32_t member_return_some(struct engine *e, struct member *m, uint32_t budget)
{
    struct queue *q = m->queue;
    if (q->deleted)
        return member_drop_some(e, m, budget);
    bool storage = queue_storage_ok(e, q);
    struct run *r;
    DL_FOREACH (m->runs, r) {
        bool waits = run_waits(e, r);
        if (waits && q->closed != 2 && !confirmed(m, r) && r->thinned < r->count)
            return run_thin(e, r, budget, NULL);
        if ((storage || !confirmed(m, r)) && !waits)
            break;
    }
    if (r)
        return run_drain(e, r, budget, confirmed(m, r) ? FATE_FINISH : fate_of(r), NULL);
    if (m->runs) {
        DL_DELETE2(q->returns, m, qprev, qnext);
        DL_APPEND2(q->stuck, m, qprev, qnext);
    }
    return 0;
}

/* ---- expiry ---- */

void expiry_due(struct engine *e, struct queue *q)
{
    heap_remove(&e->expiries, &q->expiry_due);
    q->expiring = true;
    queue_work(e, q);
}

static uint32_t expire_some(struct engine *e, struct queue *q, uint32_t budget)
{
    struct heap_node *top = heap_top(&q->expiry);
    if (!top || top->key > e->now) {
        q->expiring = false;
        expiry_plan(e, q);
        return 0;
    }
    struct run *r = ENGINE_OF(top, struct run, expiry);
    bool waits = run_waits(e, r);
    if (waits && (r->thinned == r->count || q->closed == 2)) {
        r->owed = true;
        q->runs_owed++;
        run_timed(e, r, RUN_SUSPENDED);
        return 1;
    }
    struct session *s = r->member->session;
    struct engine_effect *event = NULL;
    if (s) {
        event = effect_new(e, ENGINE_EVENT_LEASE_LOST, s->id, 0, q);
        event->settled.lost = e->effects->ranges + e->effects->range_count;
    }
    uint64_t before = q->leased;
    uint32_t handled = waits ? run_thin(e, r, budget, event) : run_drain(e, r, budget, FATE_FAIL, event);
    q->tally.lease_expired += before - q->leased;
    if (event && !event->settled.lost_count)
        e->effects->effect_count--;
    return handled;
}

/* What was due when the journal refused is due now. */
static void expiry_resume(struct engine *e, struct queue *q)
{
    for (uint32_t i = 0; i < q->expiry.count && q->runs_owed; i++) { /* what is put before it has been looked at */
        struct run *r = ENGINE_OF(q->expiry.node[i], struct run, expiry);
        if (!r->owed)
            continue;
        r->owed = false;
        q->runs_owed--;
        run_timed(e, r, e->now);
    }
}

/* ---- receipts ---- */

static struct run *receipt_run(const struct engine *e, const struct session *s, const struct receipt *receipt)
{
    struct run *r = pool_at(&e->runs, receipt->run);
    return r->member && r->receipt == receipt->number && r->member->session == s ? r : NULL;
}

static void receipt_pop(struct session *s)
{
    s->receipt_head = (s->receipt_head + 1) & (s->receipt_capacity - 1);
    s->receipt_count--;
}

/* Puts the first receipt aside until the journal accepts: what is behind it may rest on nothing. False: no memory, it stays. */
static bool receipt_stick(struct session *s)
{
    if (s->stuck_count == s->stuck_capacity) {
        uint32_t capacity = s->stuck_capacity ? 2 * s->stuck_capacity : 16;
        struct receipt *stuck = realloc(s->stuck, capacity * sizeof *stuck);
        if (!stuck)
            return false;
        s->stuck = stuck;
        s->stuck_capacity = capacity;
    }
    s->stuck[s->stuck_count++] = s->receipts[s->receipt_head];
    receipt_pop(s);
    return true;
}

/* Back to the front, in their order. */
static void receipts_unstick(struct session *s)
{
    JQ_ASSERT(s->receipt_count + s->stuck_count <= s->receipt_capacity);
    while (s->stuck_count) {
        s->receipt_head = (s->receipt_head - 1) & (s->receipt_capacity - 1);
        s->receipt_count++;
        s->receipts[s->receipt_head] = s->stuck[--s->stuck_count];
    }
}

/* False: nothing left to do, or the journal is in the way. */
static bool confirm_some(struct engine *e, struct session *s, uint32_t *budget)
{
    struct receipt *first = &s->receipts[s->receipt_head];
    if (!s->receipt_count || first->number > s->received)
        return false;
    struct run *r = receipt_run(e, s, first);
    if (r && !queue_storage_ok(e, r->member->queue))
        return receipt_stick(s);
    bool whole = !r;
    if (r) {
        whole = r->count <= *budget;
        *budget -= run_drain(e, r, *budget, FATE_FINISH, NULL);
    }
    if (whole)
        receipt_pop(s);
    return true;
}

/* A delivery is confirmed at once, as a done of it would be; only what goes beyond is left for later. */
void session_received(struct engine *e, struct session *s, uint64_t receipt)
{
    if (receipt > s->receipt_last)
        receipt = s->receipt_last;
    if (receipt <= s->received)
        return;
    s->received = receipt;
    if (s->confirming)
        return;
    uint32_t at_once = ENGINE_BATCH_MAX;
    while (at_once && confirm_some(e, s, &at_once))
        ;
    s->confirming = at_once == 0;
    if (s->confirming)
        DL_APPEND2(e->confirming, s, cprev, cnext);
}

/* ---- all of it ---- */

/* When the journal refuses, what would need a record stays due (OUT-2). */
static bool queue_stalls(struct engine *e, struct queue *q)
{
    if (q->deleted)
        return false;
    if (!wither_reserve(e, q, SLICE_PIECE))
        return true;
    return !queue_storage_ok(e, q) && (q->closed == 2 || q->sweeps);
}

void slices_retry(struct engine *e, struct queue *q)
{
    if (!q->stalled || queue_stalls(e, q))
        return;
    q->stalled = false;
    queue_work(e, q);
}

static void queue_idle(struct engine *e, struct queue *q)
{
    q->working = false;
    DL_DELETE2(e->working, q, wprev, wnext);
}

static bool lines_empty(const struct queue *q)
{
    return !q->put_count && !q->get_count && !q->join_count && !q->blocked_sweeps && !q->moves && !q->after_due;
}

/* The next piece of work of a queue; false: it has none, or must wait. */
static bool queue_slice(struct engine *e, struct queue *q, uint32_t piece)
{
    if (queue_stalls(e, q)) {
        q->stalled = true;
        queue_idle(e, q);
        queue_mark(e, q);
        return true;
    }
    bool busy = queue_busy(q);
    if (q->returns) {
        struct member *m = q->returns;
        e->budget -= member_return_some(e, m, piece);
        if (!m->runs && (!q->deleted || lines_empty(q)))
            member_free(e, m);
        else if (!m->runs)
            return false;
    } else if (q->expiring) {
        e->budget -= expire_some(e, q, piece);
    } else if (q->withering) {
        e->budget -= wither_some(e, q, piece);
    } else if (q->sweeps) {
        e->budget -= sweep_some(e, q, piece);
    } else if (q->moves && !q->deleted) {
        if (move_waits(e, q))
            return false;
        e->budget -= move_some(e, q, piece);
    } else if (q->deleted && lines_empty(q)) {
        e->budget -= delete_some(e, q, piece);
        return true;
    } else if (!q->deleted) {
        queue_idle(e, q);
    } else {
        return false;
    }
    if (busy && !queue_busy(q))
        queue_mark(e, q);
    return true;
}

/* The next session in turn. */
static bool confirm_next(struct engine *e)
{
    struct session *s = e->confirming;
    if (!s)
        return false;
    uint32_t piece = e->budget < SLICE_PIECE ? e->budget : SLICE_PIECE, left = piece;
    DL_DELETE2(e->confirming, s, cprev, cnext);
    s->confirming = confirm_some(e, s, &left);
    if (s->confirming)
        DL_APPEND2(e->confirming, s, cprev, cnext);
    e->budget -= piece - left;
    return true;
}

/* The next queue in turn that can go on. */
static bool work_next(struct engine *e)
{
    struct queue *first = e->working, *q = first;
    bool moved = false;
    while (q && !moved) {
        DL_DELETE2(e->working, q, wprev, wnext);
        DL_APPEND2(e->working, q, wprev, wnext);
        moved = queue_slice(e, q, e->budget < SLICE_PIECE ? e->budget : SLICE_PIECE);
        q = !moved && e->working != first ? e->working : NULL;
    }
    return moved;
}

/* Work goes round: one queue's or session's much does not hold up another's little. */
bool engine_slices(struct engine *e)
{
    bool moved = e->confirming || e->working, some = false;
    while (moved && e->budget && effects_room(e->effects)) {
        moved = confirm_next(e);
        if (e->budget && effects_room(e->effects))
            moved |= work_next(e);
        some |= moved;
    }
    return some;
}

void slices_resume(struct engine *e)
{
    struct queue *q, *next_queue;
    HASH_ITER (hh_incarnation, e->by_incarnation, q, next_queue) {
        queue_mark(e, q);
        if (q->overdue)
            lifetime_plan(e, q);
        if (q->runs_owed)
            expiry_resume(e, q);
        if (q->owed)
            producers_owed(e, q);
        if (q->wilted)
            wilted_resume(e, q);
        if (q->stalled || q->stuck)
            queue_work(e, q);
        q->stalled = false;
        DL_CONCAT2(q->returns, q->stuck, qprev, qnext);
        q->stuck = NULL;
    }
    struct session *s, *next_session;
    HASH_ITER (hh, e->sessions, s, next_session) {
        receipts_unstick(s);
        if (s->confirming || !s->receipt_count || s->receipts[s->receipt_head].number > s->received)
            continue;
        s->confirming = true;
        DL_APPEND2(e->confirming, s, cprev, cnext);
    }
}
