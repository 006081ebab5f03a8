/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of the model, walked and trapped on. Linked only by what asks for it. */
#include "model.h"

struct count {
    uint64_t ready, delayed, leased, receipts, ends, ends_out, queued_bytes, leased_bytes;
};

static void count_message(struct count *n, const struct message *m)
{
    uint64_t length = m->length;
    switch ((enum message_state)m->state) {
    case MESSAGE_GONE:
        break;
    case MESSAGE_READY:
        *(m->end ? &n->ends : &n->ready) += 1;
        n->queued_bytes += m->end ? 0 : length;
        break;
    case MESSAGE_DELAYED:
        JQ_ASSERT(!m->end);
        n->delayed++;
        n->queued_bytes += length;
        break;
    case MESSAGE_LEASED:
        JQ_ASSERT(!m->end);
        n->leased++;
        n->leased_bytes += length;
        break;
    case MESSAGE_RECEIPT:
        *(m->end ? &n->ends_out : &n->receipts) += 1;
        break;
    }
}

/* What is in the log is what the counts say; stragglers are few and counted from the other side. */
/* What has a time to live is watched unless it is out, or on its way out. */
static void check_extra(const struct engine *e, const struct queue *q, uint64_t sequence, const struct message *m)
{
    const struct extra *x = message_extra(e, m);
    if (!x)
        return;
    bool wilted = m->state == MESSAGE_DELAYED && message_due(e, m) == ENGINE_FOREVER;
    bool queued = (m->state == MESSAGE_READY || m->state == MESSAGE_DELAYED) && !wilted;
    JQ_ASSERT(x->sequence == sequence && x->index == m->attempt);
    JQ_ASSERT(q->sweeps || !q->ttl_count || (x->ttl.place != 0) == (queued && x->ttl.key != ENGINE_FOREVER));
}

/* Each use of a level is a message's, or that of what stands in the heap for one that is no more. */
static void check_levels(const struct engine *e, const struct queue *q)
{
    uint64_t uses = 0;
    if (q->priority_kind != ENGINE_PRIORITY_BYTES) {
        JQ_ASSERT(!q->levels.count);
        return;
    }
    for (uint64_t at = log_skip(&q->log, 0); at < q->log.tail; at = log_skip(&q->log, at + 1)) {
        const struct extra *x = message_extra(e, log_at(&q->log, at));
        uses += x && x->priority;
    }
    for (uint64_t i = 0; i < q->returned.count; i++) {
        const struct message *m = log_at(&q->log, q->returned.item[i].sequence);
        uses += q->returned.item[i].key && (!m || m->state != MESSAGE_READY);
    }
    const struct sweep *sweep;
    DL_FOREACH (q->sweeps, sweep) {
        for (uint64_t i = 0; i < sweep->returned.count; i++)
            uses += sweep->returned.item[i].key && !log_at(&q->log, sweep->returned.item[i].sequence);
    }
    JQ_ASSERT(uses == levels_uses(&q->levels) || q->log.stragglers);
}

static void check_messages(const struct engine *e, const struct queue *q)
{
    struct count n = {0};
    uint64_t seen = 0;
    for (uint64_t at = log_skip(&q->log, 0); at < q->log.tail; at = log_skip(&q->log, at + 1)) {
        const struct message *m = log_at(&q->log, at);
        count_message(&n, m);
        seen++;
        JQ_ASSERT(at < q->fresh || m->state == MESSAGE_READY || m->state == MESSAGE_DELAYED);
        check_extra(e, q, at, m);
    }
    JQ_ASSERT(seen <= q->log.live);
    if (seen < q->log.live || q->sweeps)
        return;
    JQ_ASSERT(n.ready == q->ready && n.delayed == q->delayed_count && n.leased == q->leased);
    JQ_ASSERT(n.receipts == q->receipts && n.ends == q->ends && n.ends_out == q->ends_out);
    JQ_ASSERT(n.queued_bytes == q->queued_bytes && n.leased_bytes == q->leased_bytes);
}

static void check_member(const struct engine *e, const struct member *m, uint64_t *leased, uint64_t *receipts)
{
    const struct run *r;
    uint64_t held = 0, confirmed = 0;
    DL_FOREACH (m->runs, r) {
        JQ_ASSERT(r->member == m && r->live && r->live <= r->count);
        JQ_ASSERT(pool_at(&e->runs, r->index) == r);
        if (r->receipt && !r->end)
            confirmed += r->live;
        else if (!r->end)
            held += r->live;
    }
    JQ_ASSERT(held == m->leased && confirmed == m->receipts);
    *leased += held;
    *receipts += confirmed;
}

static void check_members(const struct engine *e, const struct queue *q)
{
    uint64_t leased = 0, receipts = 0, leased_idle = 0, receipts_idle = 0;
    const struct member *m;
    DL_FOREACH2 (q->members, m, qnext) {
        uint64_t l = 0, r = 0;
        check_member(e, m, &l, &r);
        JQ_ASSERT(m->session && m->queue == q);
        JQ_ASSERT(m->after_due == (m->afters && !m->afters->puts_before));
        JQ_ASSERT(!m->producer || m->producer->holder == m);
        leased += l;
        receipts += r;
        leased_idle += m->idle_gets ? l : 0;
        receipts_idle += m->idle_gets ? r : 0;
    }
    DL_FOREACH2 (q->returns, m, qnext) {
        JQ_ASSERT(!m->session && m->queue == q && !m->idle_gets);
        check_member(e, m, &leased, &receipts);
    }
    DL_FOREACH2 (q->stuck, m, qnext) {
        JQ_ASSERT(!m->session); /* its leases may have expired meanwhile */
        check_member(e, m, &leased, &receipts);
    }
    JQ_ASSERT(leased == q->leased && receipts == q->receipts);
    JQ_ASSERT(leased_idle == q->leased_idle && receipts_idle == q->receipts_idle);
}

static void check_lines(const struct engine *e, const struct queue *q)
{
    const struct waiter *lines[] = {q->puts, q->gets, q->joins};
    uint32_t late = 0, in_line = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t order = 0;
        const struct waiter *w;
        DL_FOREACH (lines[i], w) {
            JQ_ASSERT(w->queue == q && w->kind == (enum waiter_kind)i && !w->passed);
            JQ_ASSERT(w->order > order);
            JQ_ASSERT(waiter_find(e, w->session->id, (uint32_t)w->key.request) == (w->root ? w->root : w));
            order = w->order;
            late += w->late;
            in_line += i == WAITER_GET;
        }
    }
    JQ_ASSERT(in_line == q->idle_count + q->final_count + q->part_count && late <= q->late_count);
}

/* What sweeps have taken off what is unfinished, and have not come to. */
static uint64_t going_lower(const struct queue *q)
{
    uint64_t sum = 0;
    const struct sweep *sweep;
    DL_FOREACH (q->sweeps, sweep)
        sum += sweep->lowers;
    return sum;
}

/* CSV-1, CNT-2. */
static void check_conservation(const struct queue *q)
{
    const struct tallies *t = &q->tally;
    uint64_t in = t->put + t->moved_in + t->dead_in;
    if (!queue_is_counter(q))
        JQ_ASSERT(in == t->done + q->ready + q->delayed_count + q->leased + q->receipts + t->dead + t->expired +
                            t->discarded + t->moved_out);
    else
        JQ_ASSERT(in == t->done + q->counter_unfinished + q->lowered + going_lower(q));
}

/* Gets that first wait for another of their queues before they say that there is nothing. */
static uint32_t late_elsewhere(const struct queue *q)
{
    uint32_t count = 0;
    const struct waiter *w;
    DL_FOREACH (q->gets, w)
        count += w->late && w->root && parts_unsettled(w->root, q);
    return count;
}

/* Nothing that could move stands still. */
static void check_rest(const struct engine *e, const struct queue *q)
{
    JQ_ASSERT(!q->stalled || q->dirty || q->late_count == late_elsewhere(q));
    if (q->dirty || queue_busy(q))
        return;
    JQ_ASSERT(!q->gets || (q->paused & ENGINE_PAUSED_GETS) || (!q->ready && !q->ends));
    JQ_ASSERT(!q->closed || !q->puts);
    JQ_ASSERT(!q->joins || queue_unfinished(q));
    JQ_ASSERT(q->late_count == late_elsewhere(q));
    JQ_ASSERT(!q->after_due || !queue_storage_ok(e, q));
    JQ_ASSERT(!q->idle_count || !get_ended(q, NULL, false));
    JQ_ASSERT(!q->final_count || !get_ended(q, NULL, true));
}

/* What may become a letter has its place where it would go (PUT-4). */
static void check_letters(const struct queue *q)
{
    const struct queue *sender;
    uint64_t due = 0, count = 0;
    DL_FOREACH2 (q->senders, sender, lnext) {
        JQ_ASSERT(sender->letters == q);
        due += sender->leased + sender->ttl_count + sender->letters_due;
        count++;
    }
    JQ_ASSERT(due == q->letters_due && count == q->sender_count);
    uint64_t room = q->log.count ? (q->log.first + q->log.count) * LOG_BLOCK - q->log.tail : 0;
    JQ_ASSERT(room >= q->letters_due);
    JQ_ASSERT(!q->options.ttl_ms || q->ttl.capacity >= q->ttl_count + q->letters_due || !q->letters_due);
}

void engine_check(const struct engine *e)
{
    uint64_t messages = 0;
    for (const struct queue *q = e->by_incarnation; q; q = q->hh_incarnation.next) {
        JQ_ASSERT(!q->deleted);
        check_messages(e, q);
        check_levels(e, q);
        messages += q->log.live;
        check_members(e, q);
        check_lines(e, q);
        check_conservation(q);
        check_rest(e, q);
        check_letters(q);
    }
    JQ_ASSERT(e->zombies || messages == e->messages);
    for (const struct session *s = e->sessions; s; s = s->hh.next) {
        const struct waiter *w;
        uint64_t bytes = 0;
        DL_FOREACH2 (s->waiters, w, snext) {
            JQ_ASSERT(w->session == s);
            bytes += w->kind == WAITER_PUT ? w->put.bytes : 0;
        }
        JQ_ASSERT(bytes == s->waiting_bytes);
    }
}
