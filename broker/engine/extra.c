/* SPDX-License-Identifier: Apache-2.0 */
/* What few messages have: a time to live and a priority. How they end when their time is over is here, too; what a dead letter is,
 * in letter.c. It knows no waiters. */
#include "model.h"
#include <stdlib.h>

/* ---- extras ---- */

bool extras_reserve(struct engine *e, struct queue *q, uint32_t count, bool expires)
{
    uint64_t all = count + e->letters_due;
    return all <= UINT32_MAX && pool_reserve(&e->extras, (uint32_t)all) &&
           (!expires || heap_reserve(&q->ttl, q->ttl_count + count + q->letters_due));
}

struct extra *extra_new(struct engine *e, struct message *m, uint64_t sequence)
{
    uint32_t index;
    struct extra *x = pool_take(&e->extras, &index);
    x->index = index;
    x->sequence = sequence;
    x->ttl.key = ENGINE_FOREVER;
    x->attempt = m->attempt;
    m->attempt = index;
    m->extended = true;
    return x;
}

/* Out of what belongs to its queue. */
static void extra_leave(struct engine *e, struct queue *q, struct extra *x)
{
    heap_remove(&q->ttl, &x->ttl);
    if (x->ttl.key != ENGINE_FOREVER) {
        q->ttl_count--;
        letters_change(e, q, 0, -1);
    }
    if (q->priority_kind == ENGINE_PRIORITY_BYTES)
        levels_give(&q->levels, x->priority, 1);
    source_unref(x->source);
}

struct extra *extra_pass(struct engine *e, struct queue *q, struct message *from, struct message *to, uint64_t sequence)
{
    struct extra *x = message_extra(e, from);
    extra_leave(e, q, x);
    from->attempt = x->attempt;
    from->extended = false;
    *x = (struct extra){.index = x->index, .sequence = sequence, .ttl.key = ENGINE_FOREVER};
    to->attempt = x->index;
    to->extended = true;
    return x;
}

void extra_free(struct engine *e, struct queue *q, struct message *m)
{
    struct extra *x = message_extra(e, m);
    if (!x)
        return;
    extra_leave(e, q, x);
    m->attempt = x->attempt;
    m->extended = false;
    pool_give(&e->extras, x->index);
}

/* ---- priority ---- */

int priority_check(struct engine *e, const struct queue *q, const struct engine_put_options *o, struct engine_effect *a)
{
    if (o->priority.kind == ENGINE_PRIORITY_NONE)
        return JQ_OK;
    if (q->options.order != ENGINE_PRIORITY)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_PRIORITY_WITHOUT_ORDER, q, 0);
    if (q->priority_kind != ENGINE_PRIORITY_NONE && q->priority_kind != o->priority.kind)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_PRIORITY_KIND, q, 0);
    if (o->priority.kind == ENGINE_PRIORITY_BYTES && o->priority.bytes.size > ENGINE_PRIORITY_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_PRIORITY_SIZE, q, ENGINE_PRIORITY_MAX);
    return JQ_OK;
}

uint64_t priority_lowest(const struct queue *q)
{
    return q->priority_kind == ENGINE_PRIORITY_BYTES ? 0 : (uint64_t)1 << 63;
}

bool priority_take(struct queue *q, const struct engine_put_options *o, uint32_t count, uint64_t *key)
{
    if (o->priority.kind == ENGINE_PRIORITY_BYTES)
        return levels_take(&q->levels, o->priority.bytes, count, key);
    *key = o->priority.kind == ENGINE_PRIORITY_NUMBER ? (uint64_t)o->priority.number ^ (uint64_t)1 << 63
                                                      : priority_lowest(q);
    return true;
}

/* The first put decides what they are. */
void priority_fix(struct queue *q, const struct engine_put_options *o)
{
    bool bytes = o->priority.kind == ENGINE_PRIORITY_BYTES;
    q->priority_kind = bytes ? ENGINE_PRIORITY_BYTES : ENGINE_PRIORITY_NUMBER;
    q->returned.levels = bytes ? &q->levels : NULL;
}

void priority_give(struct queue *q, uint64_t key, uint32_t count)
{
    if (q->priority_kind == ENGINE_PRIORITY_BYTES)
        levels_give(&q->levels, key, count);
}

/* ---- time to live ---- */

void ttl_plan(struct engine *e, struct queue *q)
{
    struct heap_node *top = heap_top(&q->ttl);
    if (q->deleted || q->withering || !top)
        heap_remove(&e->ttls, &q->ttl_due);
    else if (!q->ttl_due.place || q->ttl_due.key != top->key)
        heap_set(&e->ttls, &q->ttl_due, top->key, q->incarnation);
}

void extra_ttl(struct engine *e, struct queue *q, struct extra *x, uint64_t expires_ns)
{
    if (x->ttl.key == ENGINE_FOREVER) {
        q->ttl_count++;
        letters_change(e, q, 0, 1);
    }
    heap_set(&q->ttl, &x->ttl, expires_ns, x->sequence);
    ttl_plan(e, q);
}

/* While it is leased it is not looked at (LSE-7). */
void extra_ttl_stop(struct engine *e, struct queue *q, const struct message *m)
{
    struct extra *x = message_extra(e, m);
    if (!x || !x->ttl.place)
        return;
    heap_remove(&q->ttl, &x->ttl);
    ttl_plan(e, q);
}

bool extra_expired(const struct engine *e, const struct message *m)
{
    const struct extra *x = message_extra(e, m);
    return x && x->ttl.key <= e->now;
}

void ttl_due(struct engine *e, struct queue *q)
{
    heap_remove(&e->ttls, &q->ttl_due);
    q->withering = true;
    queue_work(e, q);
}

/* It has left its state already: neither ready nor delayed nor leased. */
void message_expire(struct engine *e, struct queue *q, uint64_t sequence, struct message *m)
{
    q->tally.expired++;
    queue_removed(q, sequence);
    queue_mark(e, q);
    if (q->letters) {
        message_die(e, q, sequence, m, ENGINE_REASON_EXPIRED);
        return;
    }
    record_one(e, q, ENGINE_RECORD_EXPIRE, sequence);
    message_finish(e, q, sequence, m);
}

static void wither_one(struct engine *e, struct queue *q, struct extra *x)
{
    uint64_t sequence = x->sequence;
    struct message *m = log_at(&q->log, sequence);
    JQ_ASSERT(m && message_extra(e, m) == x);
    if (m->state == MESSAGE_READY) {
        q->ready--;
        if (sequence < q->fresh)
            x->priority = 0; /* its level is given back with what stands for it in the heap */
    } else {
        q->delayed_count--;
    }
    q->queued_bytes -= m->length;
    message_expire(e, q, sequence, m);
}

/* The journal does not take its end: until it does it is delayed, and nobody waits behind it (OUT-2). Where it stood it is passed over. */
static void wilt_one(struct engine *e, struct queue *q, struct extra *x)
{
    uint64_t sequence = x->sequence, level;
    struct message *m = log_at(&q->log, sequence);
    heap_remove(&q->ttl, &x->ttl);
    q->wilted++;
    if (m->state == MESSAGE_DELAYED) {
        message_due_set(e, m, ENGINE_FOREVER);
        order_heap_push(&q->delayed, ENGINE_FOREVER, sequence);
        return;
    }
    if (q->priority_kind == ENGINE_PRIORITY_BYTES) {
        bool known = levels_take(&q->levels, levels_bytes(&q->levels, x->priority), 1, &level);
        JQ_ASSERT(known && level == x->priority);
    }
    ready_hold(q, sequence, m);
    ready_delay(e, q, sequence, m, ENGINE_FOREVER);
}

bool wither_reserve(struct engine *e, struct queue *q, uint32_t most)
{
    return !q->withering || death_storage_ok(e, q) || delay_reserve(e, q, most);
}

uint32_t wither_some(struct engine *e, struct queue *q, uint32_t budget)
{
    uint32_t handled = 0;
    struct heap_node *top;
    bool storage = death_storage_ok(e, q);
    while (handled < budget && effects_room(e->effects) && (top = heap_top(&q->ttl)) && top->key <= e->now) {
        struct extra *x = ENGINE_OF(top, struct extra, ttl);
        if (storage)
            wither_one(e, q, x);
        else
            wilt_one(e, q, x);
        handled++;
    }
    top = heap_top(&q->ttl);
    if (!top || top->key > e->now) {
        q->withering = false;
        ttl_plan(e, q);
    }
    return handled;
}

void wilted_resume(struct engine *e, struct queue *q)
{
    struct order_heap *heap = &q->delayed;
    uint64_t count = heap->count;
    heap->count = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct order at = heap->item[i];
        const struct message *m = log_at(&q->log, at.sequence);
        if (at.key != ENGINE_FOREVER) {
            order_heap_push(heap, at.key, at.sequence); /* at a place that has been looked at */
        } else if (m && m->state == MESSAGE_DELAYED && message_due(e, m) == ENGINE_FOREVER) {
            struct extra *x = message_extra(e, m);
            heap_set(&q->ttl, &x->ttl, x->ttl.key, x->sequence);
            message_due_set(e, m, x->ttl.key);
        }
    }
    q->wilted = 0;
    ready_plan(e, q);
    ttl_due(e, q);
}
