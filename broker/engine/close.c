/* SPDX-License-Identifier: Apache-2.0 */
/* Close, purge and the rest of delete: from one moment on nothing of what goes is seen any more; it is swept away in slices. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

static void close_record(struct engine *e, struct queue *q)
{
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_CLOSE);
    if (record) {
        record->count = q->closed == 2;
        record->code = q->truncated ? JQ_PRODUCER_LOST : JQ_OK;
    }
}

/* Gracefully; nothing happens if it is closed already. */
void queue_close(struct engine *e, struct queue *q)
{
    if (q->closed)
        return;
    q->closed = 1;
    q->puts_first = queue_busy(q);
    close_record(e, q);
    queue_mark(e, q);
}

/* ---- sweeps ---- */

void sweep_free(struct sweep *sweep)
{
    if (!sweep)
        return;
    order_heap_fini(&sweep->returned);
    order_heap_fini(&sweep->delayed);
    free(sweep);
}

/* Room to remember all that may have come back by the time it begins. */
static bool sweep_reserve(const struct queue *q, struct sweep *sweep)
{
    uint64_t letters = q->options.order == ENGINE_FIFO ? 0 : q->letters_due;
    return order_heap_reserve(&sweep->returned,
                              q->returned.count + q->delayed_count + q->leased + q->receipts + q->ends_out + letters);
}

static void sweep_returned(struct queue *q, struct sweep *sweep)
{
    if (q->returned.count)
        memcpy(sweep->returned.item, q->returned.item, q->returned.count * sizeof *q->returned.item);
    sweep->returned.count = q->returned.count;
    q->returned.count = 0;
}

/* From here on nothing of what is ready or delayed is seen any more. How much that is. */
static uint64_t sweep_start(struct engine *e, struct queue *q, struct sweep *sweep)
{
    uint64_t going = q->ready + q->delayed_count;
    q->tally.discarded += going;
    if (queue_is_counter(q)) {
        sweep->lowers = going < q->counter_unfinished ? going : q->counter_unfinished;
        q->counter_unfinished -= sweep->lowers;
    }
    sweep->from = q->fresh;
    sweep->to = q->fresh = q->log.tail;
    sweep->delayed = q->delayed;
    q->delayed = (struct order_heap){0};
    heap_remove(&e->delayed, &q->delayed_due);
    q->ttl.count = 0; /* what was in it is on its way out */
    q->withering = false;
    q->wilted = 0;
    ttl_plan(e, q);
    q->ready = q->delayed_count = q->ends = q->queued_bytes = 0;
    sweep_returned(q, sweep);
    if (q->mark_count)
        marks_reach(q);
    DL_APPEND(q->sweeps, sweep);
    queue_work(e, q);
    queue_mark(e, q);
    return going;
}

static void sweep_begin(struct engine *e, struct waiter *w)
{
    struct queue *q = w->queue;
    struct sweep *sweep = w->sweep.job;
    uint64_t before = w->sweep.discarded, came_back = q->closed == 2 ? q->tally.discarded - before : 0;
    w->sweep.job = NULL;
    w->sweep.begun = true;
    sweep->waiter = w;
    w->sweep.discarded = sweep_start(e, q, sweep) + came_back;
}

static void sweep_message(struct engine *e, struct queue *q, struct sweep *sweep, uint64_t sequence)
{
    struct message *m = log_at(&q->log, sequence);
    if (!m || (m->state != MESSAGE_READY && m->state != MESSAGE_DELAYED))
        return;
    if (m->extended)
        message_extra(e, m)->ttl.place = 0;
    bool lowers = sweep->lowers && !m->end;
    if (lowers) {
        sweep->lowers--;
        queue_lowered(q, sequence);
    }
    if (m->end)
        record_one(e, q, ENGINE_RECORD_END_TAKEN, sequence);
    else
        record_discard(e, q, sequence, lowers || !queue_is_counter(q));
    message_finish(e, q, sequence, m);
}

static void sweep_end(struct engine *e, struct queue *q, struct sweep *sweep)
{
    DL_DELETE(q->sweeps, sweep);
    if (sweep->waiter)
        waiter_end(e, sweep->waiter, JQ_OK, ENGINE_WHY_NONE);
    sweep_free(sweep);
    queue_mark(e, q);
}

uint32_t sweep_some(struct engine *e, struct queue *q, uint32_t budget)
{
    struct sweep *sweep = q->sweeps;
    uint32_t handled = 0;
    for (; sweep->from < sweep->to && handled < budget; handled++) {
        sweep_message(e, q, sweep, sweep->from);
        sweep->from = log_skip(&q->log, sweep->from + 1);
    }
    struct order_heap *heaps[] = {&sweep->returned, &sweep->delayed};
    for (int i = 0; i < 2; i++) {
        for (; heaps[i]->count && handled < budget; handled++) {
            struct order next = heaps[i]->item[--heaps[i]->count];
            if (i == 0 && !log_at(&q->log, next.sequence))
                priority_give(q, next.key, 1);
            sweep_message(e, q, sweep, next.sequence);
        }
    }
    if (sweep->from >= sweep->to && !heaps[0]->count && !heaps[1]->count)
        sweep_end(e, q, sweep);
    return handled;
}

bool close_rest(struct engine *e, struct queue *q)
{
    struct sweep *sweep = calloc(1, sizeof *sweep);
    if (!sweep || !sweep_reserve(q, sweep)) {
        free(sweep);
        return false;
    }
    (void)sweep_start(e, q, sweep);
    return true;
}

/* The whole log of a deleted queue, then the queue. */
uint32_t delete_some(struct engine *e, struct queue *q, uint32_t budget)
{
    uint32_t handled = 0;
    for (; q->log.live && handled < budget; handled++) {
        uint64_t sequence = log_straggler_any(&q->log);
        if (!sequence)
            sequence = log_skip(&q->log, 0);
        message_finish(e, q, sequence, log_at(&q->log, sequence));
    }
    if (q->log.live)
        return handled;
    if (q->deleting)
        waiter_end(e, q->deleting, JQ_OK, ENGINE_WHY_NONE);
    queue_destroy(e, q);
    e->zombies--;
    return handled;
}

/* ---- requests ---- */

/* The first of those that waited for what comes back. */
void sweep_next(struct engine *e, struct queue *q)
{
    struct waiter *w = q->blocked_sweeps;
    DL_DELETE(q->blocked_sweeps, w);
    w->line = NULL;
    if (w->kind == WAITER_REOPEN)
        reopen_now(e, w);
    else if (w->kind == WAITER_PUT_END)
        put_end_now(e, w);
    else
        sweep_begin(e, w);
}

static void sweep_when_not_busy(struct engine *e, struct queue *q, struct waiter *w)
{
    if (!queue_busy(q)) {
        sweep_begin(e, w);
        return;
    }
    w->line = &q->blocked_sweeps;
    DL_APPEND(q->blocked_sweeps, w);
}

static void close_immediately(struct engine *e, struct queue *q, struct waiter *w)
{
    q->puts_first = queue_busy(q) && (q->puts_first || !q->closed);
    q->closed = 2;
    close_record(e, q);
    w->sweep.discarded = q->tally.discarded; /* what comes back and goes until it begins counts, too */
    sweep_when_not_busy(e, q, w);
    queue_mark(e, q);
}

void close_after(struct engine *e, struct waiter *w)
{
    struct queue *q = w->queue;
    bool immediate = w->sweep.job != NULL;
    if (immediate && q->closed < 2 && !sweep_reserve(q, w->sweep.job)) {
        waiter_end(e, w, JQ_OVERLOADED, ENGINE_WHY_MEMORY);
        return;
    }
    if (immediate && q->closed < 2) {
        waiter_unline(e, w);
        close_immediately(e, q, w);
        return;
    }
    queue_close(e, q);
    waiter_end(e, w, JQ_OK, ENGINE_WHY_NONE);
}

/* A waiter with what a sweep needs. */
static int sweep_waiter(struct engine *e, struct session *s, struct queue *q, enum waiter_kind kind,
                        const struct engine_command *c, struct engine_effect *a, struct waiter **out)
{
    struct sweep *job = calloc(1, sizeof *job);
    if (!job || !sweep_reserve(q, job)) {
        free(job);
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    }
    int code = waiter_new(e, s, q, kind, c, ENGINE_FOREVER, a, out);
    if (code == JQ_OK)
        (*out)->sweep.job = job;
    else
        sweep_free(job);
    return code;
}

static int close_later(struct engine *e, struct session *s, struct member *m, const struct engine_command *c,
                       struct engine_effect *a)
{
    if (s->waiting >= e->config.waiting_max)
        return answer_fail(e, a, JQ_BUSY, ENGINE_WHY_WAITING_TOO_MANY, m->queue, e->config.waiting_max);
    struct waiter *w;
    int code = c->close.immediate ? sweep_waiter(e, s, m->queue, WAITER_CLOSE, c, a, &w)
                                  : waiter_new(e, s, m->queue, WAITER_CLOSE, c, ENGINE_FOREVER, a, &w);
    if (code != JQ_OK)
        return code;
    member_after(e, m, w);
    return ENGINE_PARKED;
}

int handle_close(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    struct member *m = member_find(e, s, q);
    bool sweeps = c->close.immediate && q->closed < 2;
    if ((sweeps || !q->closed) && !queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    if (c->close.after_mine && m && (m->waiting_puts || m->afters))
        return close_later(e, s, m, c, a);
    if (sweeps) {
        struct waiter *w;
        if ((code = sweep_waiter(e, s, q, WAITER_CLOSE, c, a, &w)) != JQ_OK)
            return code;
        close_immediately(e, q, w);
        return ENGINE_PARKED;
    }
    queue_close(e, q);
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}

int handle_purge(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    if (!queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    struct waiter *w;
    if ((code = sweep_waiter(e, s, q, WAITER_SWEEP, c, a, &w)) != JQ_OK)
        return code;
    w->sweep.discarded = q->tally.discarded;
    sweep_when_not_busy(e, q, w);
    return ENGINE_PARKED;
}
