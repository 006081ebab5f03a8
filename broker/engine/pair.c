/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where waiters are woken: after whatever changed a queue, its lines are served until nothing moves. */
#include "model.h"

/* Finish and close(after_mine) whose session's puts are all answered. */
static void serve_after(struct engine *e, struct queue *q)
{
    struct waiter *w = q->after_due->afters;
    if (q->deleted)
        waiter_end(e, w, JQ_NO_QUEUE, ENGINE_WHY_QUEUE_DELETED);
    else if (w->kind == WAITER_CLOSE)
        close_after(e, w);
    else {
        producer_finish(e, q, w->finish);
        waiter_end(e, w, JQ_OK, ENGINE_WHY_NONE);
    }
}

static bool serve_deleted(struct engine *e, struct queue *q)
{
    struct waiter *w = q->puts    ? q->puts
                       : q->gets  ? q->gets
                       : q->joins ? q->joins
                       : q->moves ? q->moves
                                  : q->blocked_sweeps;
    if (w)
        waiter_end(e, w, JQ_NO_QUEUE, ENGINE_WHY_QUEUE_DELETED);
    return w != NULL;
}

static struct waiter *part_in(const struct waiter *root, const struct queue *q)
{
    struct waiter *part = root->parts;
    while (part->queue != q)
        part = part->part_next;
    return part;
}

/* Who is to be told END is settled at once, for the telling changes who waits; the telling itself may take several steps. */
static bool serve_ends(struct engine *e, struct queue *q)
{
    if ((q->idle_count || q->part_count) && get_ended(q, NULL, false))
        q->end_idle_until = e->order_last;
    if ((q->final_count || q->part_count) && get_ended(q, NULL, true))
        q->end_final_until = e->order_last;
    if (!q->end_idle_until && !q->end_final_until)
        return false;
    struct waiter *w, *next;
    bool told = false;
    DL_FOREACH_SAFE (q->gets, w, next) {
        uint64_t until = w->get.final ? q->end_final_until : q->end_idle_until;
        const struct queue *named = w->root ? parts_ended(w->root) : q;
        if (w->order > until || behind_sweep(q, w) || !named)
            continue;
        if (!effects_room(e->effects))
            return true;
        if (named != q) /* a sibling's line has the part that names it */
            w = part_in(w->root, named);
        waiter_end(e, w, queue_end_code(named), queue_end_why(named));
        told = true;
    }
    q->end_idle_until = q->end_final_until = 0; /* who was passed over looks anew when its turn comes */
    return told;
}

/* Those that were told not to wait, or not any longer, while the queue was busy. Waiting puts are answered in put_serve when
 * they come first. */
static bool serve_late(struct engine *e, struct queue *q)
{
    struct waiter *lines[] = {q->puts, q->gets, q->joins};
    static const enum engine_why why[] = {ENGINE_WHY_QUEUE_FULL, ENGINE_WHY_QUEUE_EMPTY, ENGINE_WHY_NONE};
    for (int i = 0; i < 3; i++) {
        struct waiter *w;
        DL_FOREACH (lines[i], w) {
            if (!w->late || (behind_sweep(q, w) && !q->stalled) || (w->root && parts_unsettled(w->root, q)))
                continue;
            if (q->stalled && w->kind == WAITER_PUT && w->late_code != JQ_TIMEOUT) {
                waiter_end(e, w, JQ_STORAGE, ENGINE_WHY_JOURNAL);
                return true;
            }
            bool some = w->kind == WAITER_PUT && w->put.accepted && w->late_code == JQ_FULL;
            waiter_end(e, w, some ? JQ_OK : w->late_code, w->late_code == JQ_TIMEOUT ? ENGINE_WHY_NONE : why[i]);
            return true;
        }
    }
    return false;
}

/* Puts that wait when their queue closes are told so; but where it was busy then, they get what they would have got if all that comes
 * back had been in before the close (BLK-1). */
static bool serve_closed(struct engine *e, struct queue *q)
{
    if (q->puts_first && !q->stalled) {
        if (queue_busy(q) || behind_sweep(q, q->puts))
            return false;
        if (put_serve(e, q))
            return true;
        q->puts_first = false; /* it would wait still, and all behind it */
    }
    if (!put_late(e, q->puts))
        waiter_end(e, q->puts, JQ_CLOSED, ENGINE_WHY_QUEUE_CLOSED);
    return true;
}

/* An alter has made the bound smaller than some of what waits (BND-3). */
static bool serve_shrunk(struct engine *e, struct queue *q)
{
    struct waiter *w;
    uint64_t limit;
    DL_FOREACH (q->puts, w) {
        if (put_too_large(q, w, &limit)) {
            waiter_end(e, w, JQ_TOO_LARGE, ENGINE_WHY_BATCH_OVER_BOUND);
            return true;
        }
    }
    q->bound_shrunk = false;
    return false;
}

/* The first get that came before the queue was reopened; one from several queues goes on in the others, and so here. */
static bool serve_stale(struct engine *e, struct queue *q)
{
    struct waiter *w = q->gets;
    while (w && w->root)
        w = w->next;
    if (!w || w->get.generation == q->generation) {
        q->stale = false;
        return false;
    }
    waiter_end(e, w, generation_end_code(q, w->get.generation), ENGINE_WHY_GENERATION_OLD);
    return true;
}

/* True when something moved. */
static bool serve(struct engine *e, struct queue *q)
{
    if (q->after_due && (q->deleted ? !q->puts : queue_storage_ok(e, q))) {
        serve_after(e, q);
        return true;
    }
    if (q->deleted)
        return serve_deleted(e, q);
    if (q->closed && q->puts && serve_closed(e, q))
        return true;
    if (q->bound_shrunk && serve_shrunk(e, q))
        return true;
    if (q->stale && serve_stale(e, q))
        return true;
    bool joined = q->joins && !behind_sweep(q, q->joins) && !queue_unfinished(q);
    if (queue_busy(q) && joined && q->stalled &&
        q->closed == 2) { /* the close says as much as what is to be discarded */
        waiter_end(e, q->joins, JQ_OK, ENGINE_WHY_NONE);
        return true;
    }
    if (queue_busy(q)) /* what is not to wait does not wait for a disk */
        return q->stalled && q->late_count && serve_late(e, q);
    if (joined) {
        waiter_end(e, q->joins, JQ_OK, ENGINE_WHY_NONE);
        return true;
    }
    struct waiter *satisfied = q->joins ? join_satisfied(q) : NULL;
    if (satisfied) {
        waiter_end(e, satisfied, JQ_OK, ENGINE_WHY_NONE);
        return true;
    }
    bool over = get_ended(q, NULL, true); /* for everybody: nobody needs a sentinel for it any more */
    if (over && q->ends_out && queue_storage_ok(e, q))
        q->ends_past = q->log.tail; /* nor one that comes back */
    if (over && serve_ends(e, q))
        return true;
    if (over && q->ends && queue_storage_ok(e, q)) {
        ends_discard(e, q);
        return true;
    }
    if (put_serve(e, q) || get_serve(e, q))
        return true;
    if (q->closed && serve_ends(e, q))
        return true;
    if (q->late_count && serve_late(e, q))
        return true;
    if (q->blocked_sweeps && (sweeps(q->blocked_sweeps) || queue_storage_ok(e, q))) {
        sweep_next(e, q);
        return true;
    }
    return false;
}

bool queue_pair(struct engine *e, struct queue *q)
{
    slices_retry(e, q);
    do {
        if (!effects_room(e->effects))
            return false;
    } while (serve(e, q));
    return true;
}
