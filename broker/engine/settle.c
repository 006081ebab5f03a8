/* SPDX-License-Identifier: Apache-2.0 */
/* Done, nack, release, touch: on ranges of leases, each told the truth about those it does not hold. */
#include "model.h"

static int range_check(struct engine *e, const struct engine_command *c, enum engine_op op,
                       const struct engine_range *range, struct engine_effect *a)
{
    struct queue *q = queue_by_incarnation(e, range->incarnation);
    if (!q)
        return JQ_OK; /* lost */
    if (queue_is_counter(q) && op != ENGINE_RELEASE)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_LEASE_ONLY, q, 0);
    bool returns = op == ENGINE_NACK || op == ENGINE_RELEASE;
    bool dies = (op == ENGINE_NACK && (c->settle.dead || q->options.max_deliveries)) || (returns && q->ttl_count);
    if (dies && !death_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    if (op == ENGINE_NACK && c->settle.dead && !q->letters && !q->options.dead_drop)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_NO_DEAD_LETTER, q, 0);
    bool records = op == ENGINE_DONE || q->closed == 2;
    if (records && op != ENGINE_TOUCH && !queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    return JQ_OK;
}

/* All of the memory that carrying it out may need. */
bool settle_reserve(struct engine *e, const struct engine_command *c, enum engine_op op, struct engine_ranges ranges)
{
    for (uint32_t i = 0; i < ranges.count; i++) {
        struct queue *q = queue_by_incarnation(e, ranges.item[i].incarnation);
        if (!q)
            continue;
        if (op == ENGINE_NACK && c->settle.delay_ns && !delay_reserve(e, q, ENGINE_SETTLE_MAX))
            return false;
        if (op == ENGINE_TOUCH && !heap_reserve(&q->expiry, (uint64_t)q->expiry.count + ENGINE_SETTLE_MAX))
            return false;
    }
    return op != ENGINE_TOUCH || pool_reserve(&e->runs, ENGINE_SETTLE_MAX);
}

int settle_check(struct engine *e, const struct engine_command *c, enum engine_op op, struct engine_ranges ranges,
                 struct engine_effect *a)
{
    uint64_t messages = 0;
    for (uint32_t i = 0; i < ranges.count; i++) {
        messages += ranges.item[i].count;
        int code = range_check(e, c, op, &ranges.item[i], a);
        if (code != JQ_OK)
            return code;
    }
    if (messages > ENGINE_SETTLE_MAX || ranges.count > ENGINE_RANGES_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_RANGES, NULL, ENGINE_SETTLE_MAX);
    if (!settle_reserve(e, c, op, ranges))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    return JQ_OK;
}

/* The lease by which the session holds this delivery of the message; NULL: it does not, or its time is up. */
static struct run *held(const struct engine *e, const struct session *s, const struct message *m, uint32_t attempt,
                        enum engine_op op)
{
    bool out = m && (m->state == MESSAGE_LEASED ||
                     (m->state == MESSAGE_RECEIPT && (op == ENGINE_RELEASE || op == ENGINE_UNREAD)));
    if (!out || message_attempt(e, m) != attempt)
        return NULL;
    struct run *r = pool_at(&e->runs, m->lease);
    bool confirmed = r->receipt && r->receipt <= s->received;
    bool over = r->owed || r->expiry.key <= e->now;
    return r->member->session == s && !confirmed && !over ? r : NULL;
}

struct settling {
    struct engine *e;
    struct session *s;
    const struct engine_command *c;
    enum engine_op op;
    struct run *run;   /* of the messages settled last */
    uint32_t settled;  /* of them, not yet taken from the run */
    struct run *fresh; /* TOUCH: where messages of `run` go */
    bool suspends;     /* TOUCH: until it is said otherwise */
};

static void settling_flush(struct settling *g)
{
    if (g->run && g->settled)
        run_shrink(g->e, g->run, g->settled);
    g->run = NULL;
    g->settled = 0;
    g->fresh = NULL;
}

/* A touched message moves to a lease with the later deadline; that of a forward that waits has none to renew. */
static void touch(struct settling *g, struct run *r, uint64_t sequence, struct message *m)
{
    struct queue *q = r->member->queue;
    bool timed = r->expiry.key != ENGINE_FOREVER, waits = r->expiry.key == RUN_SUSPENDED;
    if (g->suspends ? !timed : waits || (!timed && !q->options.lease_ms))
        return;
    bool grows = g->fresh && g->fresh->first + g->fresh->count == sequence;
    if (!grows) {
        uint64_t deadline = g->suspends ? RUN_SUSPENDED : lease_deadline(g->e, q);
        g->fresh = run_new(g->e, r->member, sequence, message_attempt(g->e, m), 0, deadline);
        g->fresh->put_time = r->put_time;
    }
    g->fresh->count++;
    g->fresh->live++;
    member_hold(r->member, 1, 0);
    m->lease = g->fresh->index;
    g->settled++;
}

static void settle_one(struct settling *g, struct run *r, uint64_t sequence, struct message *m)
{
    if (g->run != r) {
        struct run *fresh = g->fresh;
        settling_flush(g);
        g->run = r;
        g->fresh = fresh && fresh->member == r->member ? fresh : NULL;
    }
    switch (g->op) {
    case ENGINE_TOUCH:
        touch(g, r, sequence, m);
        return;
    case ENGINE_DONE:
        lease_finish(g->e, r, sequence, m);
        break;
    case ENGINE_UNREAD:
        unread_return(g->e, r, sequence, m);
        break;
    default:
        lease_return(g->e, r, sequence, m, g->op == ENGINE_NACK, g->op == ENGINE_NACK && g->c->settle.dead,
                     g->op == ENGINE_NACK ? g->c->settle.delay_ns : 0);
    }
    g->settled++;
}

static uint32_t settle_range(struct settling *g, struct engine_range range, uint32_t *lost)
{
    struct engine *e = g->e;
    struct queue *q = queue_by_incarnation(e, range.incarnation);
    struct engine_range *last = NULL;
    uint32_t settled = 0;
    for (uint32_t k = 0; k < range.count; k++) {
        uint64_t sequence = range.first + k;
        struct message *m = q ? log_at(&q->log, sequence) : NULL;
        struct run *r = held(e, g->s, m, range.attempt, g->op);
        if (r) {
            settle_one(g, r, sequence, m);
            settled++;
            last = NULL;
        } else if (last) {
            last->count++;
        } else {
            last = effects_range(e->effects, (struct engine_range){range.incarnation, sequence, 1, range.attempt});
            ++*lost;
        }
    }
    settling_flush(g);
    return settled;
}

uint32_t settle(struct engine *e, struct session *s, const struct engine_command *c, enum engine_op op,
                struct engine_ranges ranges, uint32_t *lost)
{
    struct settling g = {.e = e, .s = s, .c = c, .op = op};
    uint32_t settled = 0;
    for (uint32_t i = 0; i < ranges.count; i++)
        settled += settle_range(&g, ranges.item[i], lost);
    return settled;
}

/* ---- for a forward ---- */

uint32_t settle_lost(struct engine *e, struct session *s, const struct engine_range *range, enum engine_op op)
{
    const struct queue *q = queue_by_incarnation(e, range->incarnation);
    struct engine_range *last = NULL;
    uint32_t lost = 0;
    for (uint32_t k = 0; k < range->count; k++) {
        uint64_t sequence = range->first + k;
        if (held(e, s, q ? log_at(&q->log, sequence) : NULL, range->attempt, op)) {
            last = NULL;
        } else if (last) {
            last->count++;
        } else {
            last = effects_range(e->effects, (struct engine_range){range->incarnation, sequence, 1, range->attempt});
            lost++;
        }
    }
    return lost;
}

void settle_suspend(struct engine *e, struct session *s, struct engine_ranges ranges)
{
    struct settling g = {.e = e, .s = s, .op = ENGINE_TOUCH, .suspends = true};
    uint32_t lost = 0;
    for (uint32_t i = 0; i < ranges.count; i++)
        (void)settle_range(&g, ranges.item[i], &lost);
    JQ_ASSERT(!lost);
}

/* Their time begins anew. */
void settle_resume(struct engine *e, struct session *s, struct engine_ranges ranges)
{
    for (uint32_t i = 0; i < ranges.count; i++) {
        const struct engine_range *range = &ranges.item[i];
        const struct queue *q = queue_by_incarnation(e, range->incarnation);
        for (uint32_t k = 0; q && k < range->count; k++) {
            const struct message *m = log_at(&q->log, range->first + k);
            struct run *r = held(e, s, m, range->attempt, ENGINE_DONE);
            if (r && r->expiry.key == RUN_SUSPENDED)
                run_timed(e, r, lease_deadline(e, q));
        }
    }
}

int handle_settle(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    int code = settle_check(e, c, c->op, c->settle.ranges, a);
    if (code != JQ_OK)
        return code;
    const uint64_t before = e->record_last;
    a->settled.lost = e->effects->ranges + e->effects->range_count;
    a->settled.count = settle(e, s, c, c->op, c->settle.ranges, &a->settled.lost_count);
    for (uint32_t i = 0; i < c->settle.ranges.count; i++) {
        const struct queue *q = queue_by_incarnation(e, c->settle.ranges.item[i].incarnation);
        answer_rests_on(a, q);
        if (q && q->letters && q->letters->watermark > before) /* what died of it is there */
            answer_rests_on(a, q->letters);
    }
    return a->settled.lost_count ? JQ_LEASE_LOST : JQ_OK;
}
