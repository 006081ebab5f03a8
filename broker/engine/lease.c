/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: handed out in runs, ended by done, return, expiry, or the end of their session. It knows no waiters. */
#include "model.h"
#include <stdlib.h>

static void receipts_fit(struct session *s, uint32_t capacity, struct receipt *ring)
{
    for (uint32_t i = 0; i < s->receipt_count; i++)
        ring[i] = s->receipts[(s->receipt_head + i) & (s->receipt_capacity - 1)];
    free(s->receipts);
    s->receipts = ring;
    s->receipt_head = 0;
    s->receipt_capacity = capacity;
}

bool receipts_reserve(struct session *s, uint64_t more)
{
    uint64_t wanted = (uint64_t)s->receipt_count + s->stuck_count + more; /* what is stuck comes back here */
    if (wanted <= s->receipt_capacity)
        return true;
    uint64_t capacity = s->receipt_capacity ? s->receipt_capacity : 16;
    while (capacity < wanted)
        capacity *= 2;
    if (capacity > UINT32_MAX)
        return false;
    struct receipt *ring = malloc(capacity * sizeof *ring);
    if (ring)
        receipts_fit(s, (uint32_t)capacity, ring);
    return ring != NULL;
}

bool lease_reserve(struct engine *e, struct session *s, struct queue *q, uint64_t messages, bool receipt)
{
    if (q->letters && !receipt && !letters_reserve(e, q->letters, messages))
        return false;
    if (!ready_reserve(q, messages) || !pool_reserve(&e->runs, (uint32_t)messages))
        return false;
    if (!receipts_reserve(s, receipt ? messages : 1)) /* an end is a receipt in any case */
        return false;
    return receipt || !q->options.lease_ms || heap_reserve(&q->expiry, q->expiry.count + messages);
}

static void receipt_push(struct session *s, uint64_t number, uint32_t run)
{
    uint32_t at = (s->receipt_head + s->receipt_count++) & (s->receipt_capacity - 1);
    s->receipts[at] = (struct receipt){number, run};
}

/* ---- runs ---- */

struct run *run_new(struct engine *e, struct member *m, uint64_t first, uint32_t attempt, uint64_t receipt,
                    uint64_t deadline)
{
    uint32_t index;
    struct run *r = pool_take(&e->runs, &index);
    r->index = index;
    r->since = put_time(e);
    r->member = m;
    r->first = first;
    r->attempt = attempt;
    r->receipt = receipt;
    r->expiry.key = ENGINE_FOREVER;
    DL_APPEND(m->runs, r);
    if (deadline != ENGINE_FOREVER)
        run_timed(e, r, deadline);
    if (receipt)
        receipt_push(m->session, receipt, index);
    return r;
}

void expiry_plan(struct engine *e, struct queue *q)
{
    struct heap_node *top = heap_top(&q->expiry);
    if (q->deleted || q->expiring || !top || top->key >= RUN_SUSPENDED)
        heap_remove(&e->expiries, &q->expiry_due);
    else if (!q->expiry_due.place || q->expiry_due.key != top->key)
        heap_set(&e->expiries, &q->expiry_due, top->key, q->incarnation);
}

void run_timed(struct engine *e, struct run *r, uint64_t deadline)
{
    struct queue *q = r->member->queue;
    if (deadline != ENGINE_FOREVER)
        heap_set(&q->expiry, &r->expiry, deadline, ++e->order_last);
    else
        heap_remove(&q->expiry, &r->expiry);
    r->expiry.key = deadline;
    expiry_plan(e, q);
}

static void run_free(struct engine *e, struct run *r)
{
    struct queue *q = r->member->queue;
    q->runs_owed -= r->owed;
    if (r->expiry.place) {
        heap_remove(&q->expiry, &r->expiry);
        expiry_plan(e, q);
    }
    DL_DELETE(r->member->runs, r);
    r->receipt = 0;
    r->member = NULL;
    pool_give(&e->runs, r->index);
}

void run_shrink(struct engine *e, struct run *r, uint32_t settled)
{
    struct member *m = r->member;
    r->live -= settled;
    if (r->end)
        JQ_ASSERT(r->receipt);
    else if (r->receipt)
        member_hold(m, 0, -(int64_t)settled);
    else
        member_hold(m, -(int64_t)settled, 0);
    if (r->live)
        return;
    run_free(e, r);
    member_tidy(e, m);
}

void run_pass(struct engine *e, struct run *r, struct member *nobody)
{
    struct member *from = r->member;
    int64_t leased = r->receipt ? 0 : r->live, receipts = r->receipt ? r->live : 0;
    run_timed(e, r, ENGINE_FOREVER);
    r->unread = true;
    DL_DELETE(from->runs, r);
    DL_APPEND(nobody->runs, r);
    r->member = nobody;
    member_hold(from, -leased, -receipts);
    member_hold(nobody, leased, receipts);
    member_tidy(e, from);
}

/* ---- one message ---- */

uint64_t deadline_after(const struct engine *e, uint64_t delay_ns)
{
    return delay_ns < ENGINE_FOREVER - 2 - e->now ? e->now + delay_ns : ENGINE_FOREVER - 2;
}

uint64_t lease_deadline(const struct engine *e, const struct queue *q)
{
    return q->options.lease_ms ? deadline_after(e, milliseconds(q->options.lease_ms)) : ENGINE_FOREVER;
}

static void lease_leave(struct engine *e, struct queue *q, const struct message *m)
{
    if (m->end)
        q->ends_out--;
    else if (m->state == MESSAGE_RECEIPT)
        q->receipts--;
    else {
        q->leased--;
        letters_change(e, q, -1, 0);
        q->leased_bytes -= m->length;
    }
}

/* Neighbours that meet the same end in one step share a record. */
static void record_more(struct engine *e, struct queue *q, enum engine_record_kind kind, uint64_t sequence,
                        uint32_t deliveries)
{
    if (!queue_records(e, q))
        return;
    struct engine_effects *fx = e->effects;
    struct engine_record *last = fx->record_count ? &fx->records[fx->record_count - 1] : NULL;
    if (last && last->kind == kind && last->incarnation == q->incarnation && last->source == ENGINE_BY_PUT &&
        last->first + last->count == sequence && last->deliveries == deliveries) {
        last->count++;
        return;
    }
    struct engine_record *record = record_new(e, q, kind);
    record->first = sequence;
    record->count = 1;
    record->deliveries = deliveries;
}

void record_one(struct engine *e, struct queue *q, enum engine_record_kind kind, uint64_t sequence)
{
    record_more(e, q, kind, sequence, 0);
}

void record_discard(struct engine *e, struct queue *q, uint64_t sequence, bool lowers)
{
    record_more(e, q, ENGINE_RECORD_DISCARD, sequence, !lowers);
}

static void record_return(struct engine *e, struct queue *q, uint64_t sequence, const struct message *m, uint64_t due)
{
    struct engine_record *record = e->journal_refuses ? NULL : record_new(e, q, ENGINE_RECORD_RETURN);
    if (!record)
        return;
    record->first = sequence;
    record->count = 1;
    record->deliveries = m->deliveries;
    record->due_ns = due;
}

static void lease_discard(struct engine *e, struct queue *q, uint64_t sequence, struct message *m)
{
    record_one(e, q, m->end ? ENGINE_RECORD_END_TAKEN : ENGINE_RECORD_DISCARD, sequence);
    if (!m->end) {
        q->tally.discarded++;
        queue_removed(q, sequence);
    }
    message_finish(e, q, sequence, m);
    queue_mark(e, q);
}

/* What comes back has room, past the bound too (BND-2). `counted`: it counts as a delivery that failed. */
void lease_return(struct engine *e, struct run *r, uint64_t sequence, struct message *m, bool counted, bool dead,
                  uint64_t delay_ns)
{
    struct queue *q = r->member->queue;
    lease_leave(e, q, m);
    m->lease = r->put_time;
    if (q->closed == 2) {
        lease_discard(e, q, sequence, m);
        return;
    }
    bool past = sequence < q->ends_over || (sequence < q->ends_past && queue_storage_ok(e, q));
    if (JQ_UNLIKELY(m->end && past)) { /* the reopen says as much where the journal refuses */
        if (queue_storage_ok(e, q))
            record_one(e, q, ENGINE_RECORD_END_TAKEN, sequence);
        message_finish(e, q, sequence, m);
        queue_mark(e, q);
        return;
    }
    bool dies = dead || (counted && message_dies(q, m));
    if (counted && m->deliveries < UINT16_MAX)
        m->deliveries++;
    if (dies) {
        message_die(e, q, sequence, m, dead ? ENGINE_REASON_NACK : ENGINE_REASON_DELIVERIES);
        return;
    }
    if (JQ_UNLIKELY(m->extended)) {
        struct extra *x = message_extra(e, m);
        if (x->ttl.key <= e->now) {
            message_expire(e, q, sequence, m);
            return;
        }
        if (x->ttl.key != ENGINE_FOREVER)
            extra_ttl(e, q, x, x->ttl.key);
    }
    uint64_t due = delay_ns ? deadline_after(e, delay_ns) : 0;
    if (counted)
        record_return(e, q, sequence, m, due);
    if (due)
        ready_delay(e, q, sequence, m, due);
    else
        ready_return(e, q, sequence, m);
}

void lease_finish(struct engine *e, struct run *r, uint64_t sequence, struct message *m)
{
    struct queue *q = r->member->queue;
    record_one(e, q, m->end ? ENGINE_RECORD_END_TAKEN : ENGINE_RECORD_DONE, sequence);
    lease_leave(e, q, m);
    if (!m->end && !queue_is_counter(q))
        q->tally.done++;
    message_finish(e, q, sequence, m);
    queue_mark(e, q);
}
