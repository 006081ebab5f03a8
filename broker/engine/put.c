/* SPDX-License-Identifier: Apache-2.0 */
/* Puts: what fits, in order of arrival. It knows nothing of leases. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* ---- bounds ---- */

uint64_t queue_depth(const struct queue *q)
{
    if (q->options.bound == ENGINE_BOUND_QUEUED)
        return q->ready + q->delayed_count;
    return queue_is_counter(q) ? q->counter_unfinished : q->ready + q->delayed_count + q->leased;
}

/* In a counter queue nobody says which bytes were finished: what is queued counts. */
uint64_t queue_depth_bytes(const struct queue *q)
{
    return q->options.bound == ENGINE_BOUND_QUEUED ? q->queued_bytes : q->queued_bytes + q->leased_bytes;
}

static uint64_t bytes_of(const struct engine_body *bodies, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += bodies[i].length;
    return bytes;
}

/* How many of the first bodies there is room for. */
uint32_t put_fitting(const struct queue *q, const struct engine_body *bodies, uint32_t count, uint64_t freed_messages,
                     uint64_t freed_bytes)
{
    uint64_t max = q->options.max_messages, is = queue_depth(q) - freed_messages;
    if (q->paused & ENGINE_PAUSED_PUTS)
        return 0;
    if (max && is + count > max)
        count = is < max ? (uint32_t)(max - is) : 0;
    if (!q->options.max_bytes)
        return count;
    uint64_t bytes = queue_depth_bytes(q) - freed_bytes;
    for (uint32_t i = 0; i < count; i++) {
        bytes += bodies[i].length;
        if (bytes > q->options.max_bytes)
            return i;
    }
    return count;
}

static uint32_t fitting(const struct queue *q, const struct engine_body *bodies, uint32_t count)
{
    return put_fitting(q, bodies, count, 0, 0);
}

static bool too_large(const struct queue *q, const struct engine_body *bodies, uint32_t count, bool partial,
                      uint64_t *limit)
{
    *limit = q->options.max_messages;
    if (!partial && *limit && count > *limit)
        return true;
    *limit = q->options.max_bytes;
    if (!*limit)
        return false;
    if (!partial)
        return bytes_of(bodies, count) > *limit;
    for (uint32_t i = 0; i < count; i++) {
        if (bodies[i].length > *limit)
            return true;
    }
    return false;
}

bool put_too_large(const struct queue *q, const struct waiter *w, uint64_t *limit)
{
    const struct forward *f = w->put.forward;
    for (uint32_t i = 0; f && i < f->target_count; i++) {
        if (f->targets[i].queue.incarnation == q->incarnation)
            return too_large(q, f->targets[i].bodies, f->targets[i].count, false, limit);
    }
    uint32_t accepted = w->put.accepted;
    return !f && too_large(q, w->put.bodies + accepted, w->put.count - accepted, w->put.partial, limit);
}

/* ---- acceptance ---- */

static void record_put(struct engine *e, struct queue *q, const struct arrival *arrival, uint64_t due, uint64_t expires)
{
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_PUT);
    if (!record)
        return;
    struct engine_effects *fx = e->effects;
    const struct member *m = arrival->member;
    struct engine_text priority = arrival->options.priority.bytes;
    record->first = q->log.tail - arrival->count;
    record->count = arrival->count;
    record->source = arrival->source;
    record->due_ns = due;
    record->expires_ns = expires;
    record->bodies = memcpy(fx->bodies + fx->body_count, arrival->bodies, arrival->count * sizeof *arrival->bodies);
    fx->body_count += arrival->count;
    record->put = arrival->options;
    record->put.priority.bytes = effects_text(fx, priority.data, priority.size);
    if (arrival->client)
        memcpy(record->client, arrival->client->id, ENGINE_CLIENT_ID);
    if (m && m->producer)
        record->name = effects_text(fx, m->producer->name, m->producer->size);
}

/* When messages put now expire; 0: never. */
static uint64_t expires_at(const struct engine *e, const struct queue *q, const struct arrival *arrival)
{
    uint64_t ttl = arrival->options.ttl_ns;
    if (arrival->expires_ns || arrival->eternal)
        return arrival->expires_ns;
    if (!ttl && q->options.ttl_ms)
        ttl = milliseconds(q->options.ttl_ms);
    return ttl ? deadline_after(e, ttl) : 0;
}

/* All of the memory that it takes, with others that come at the same time `all` messages: what is put into one of their queues may
 * have to have its place as a letter in another. */
static bool accept_reserve(struct engine *e, struct queue *q, const struct arrival *arrival, bool extended,
                           bool expires, uint32_t all)
{
    bool heaps = arrival->options.delay_ns || q->options.order != ENGINE_FIFO;
    return queue_reserve(q, all) && (!heaps || ready_reserve(q, all)) &&
           (!arrival->options.delay_ns || delay_reserve(e, q, all)) &&
           (!extended || extras_reserve(e, q, all, expires)) &&
           (!expires || !q->letters || letters_reserve(e, q->letters, all));
}

/* Its body and what the put says of it; the log has room. */
static struct message *accept_one(struct engine *e, struct queue *q, const struct arrival *arrival, uint32_t i,
                                  uint64_t expires, bool extended)
{
    const struct engine_body *body = &arrival->bodies[i];
    uint64_t sequence = arrival->at ? arrival->at + i : q->log.tail;
    struct message *m = arrival->at ? log_fill(&q->log, sequence) : log_append(&q->log);
    *m = (struct message){.chunk = body->chunk,
                          .offset = body->offset,
                          .length = body->length & 0xffffffu,
                          .lease = put_time(e) - (uint32_t)(arrival->age_ns / 10000000u),
                          .state = MESSAGE_READY};
    if (!extended)
        return m;
    struct extra *x = extra_new(e, m, sequence);
    x->priority = arrival->priority;
    if (expires)
        extra_ttl(e, q, x, expires);
    return m;
}

static void accept_counts(struct engine *e, struct queue *q, const struct arrival *arrival)
{
    uint32_t count = arrival->count;
    uint64_t *came[] = {
        [ENGINE_BY_PUT] = &q->tally.put, [ENGINE_BY_MOVE] = &q->tally.moved_in, [ENGINE_BY_DEATH] = &q->tally.dead_in};
    e->messages += count;
    if (arrival->at)
        return;
    *came[arrival->source] += count;
    q->counter_unfinished += queue_is_counter(q) ? count : 0;
    if (arrival->member && arrival->member->producer)
        arrival->member->producer->accepted += count;
}

static bool is_extended(const struct arrival *arrival, uint64_t expires)
{
    return expires || arrival->lettered || arrival->options.priority.kind != ENGINE_PRIORITY_NONE;
}

bool put_prepare(struct engine *e, struct queue *q, struct arrival *arrival, uint32_t all)
{
    uint64_t expires = expires_at(e, q, arrival);
    if (!accept_reserve(e, q, arrival, is_extended(arrival, expires), expires, all) ||
        !origin_take(q, arrival->client, &arrival->origin))
        return false;
    if (priority_take(q, &arrival->options, arrival->count, &arrival->priority))
        return true;
    origin_leave(q, arrival->origin);
    return false;
}

void put_unprepare(struct queue *q, const struct arrival *arrival)
{
    if (arrival->options.priority.kind == ENGINE_PRIORITY_BYTES)
        levels_give(&q->levels, arrival->priority, arrival->count);
    origin_leave(q, arrival->origin);
}

void put_commit(struct engine *e, struct queue *q, const struct arrival *arrival)
{
    const struct engine_put_options *o = &arrival->options;
    uint64_t expires = expires_at(e, q, arrival), due = o->delay_ns ? deadline_after(e, o->delay_ns) : 0;
    bool extended = is_extended(arrival, expires);
    if (q->options.order == ENGINE_PRIORITY && q->priority_kind == ENGINE_PRIORITY_NONE)
        priority_fix(q, o);
    for (uint32_t i = 0; i < arrival->count; i++) {
        uint64_t sequence = arrival->at ? arrival->at + i : q->log.tail;
        struct message *m = accept_one(e, q, arrival, i, expires, extended);
        m->origin = arrival->origin ? arrival->origin->place : 0;
        if (due)
            ready_delay(e, q, sequence, m, due);
        else
            ready_arrive(q, sequence, m, arrival->priority);
    }
    origin_put(arrival->origin, arrival->count);
    if (q->options.order != ENGINE_FIFO)
        q->fresh = q->log.tail;
    if (!due) {
        q->ready += arrival->count;
        q->queued_bytes += bytes_of(arrival->bodies, arrival->count);
    }
    accept_counts(e, q, arrival);
    struct engine_record *group = arrival->once.client ? group_open(e, q, q) : NULL;
    record_put(e, q, arrival, due, expires);
    once_keep(e, &arrival->once, q, arrival->before + arrival->count);
    group_close(e, group, q, q);
    queue_mark(e, q);
}

bool put_accept(struct engine *e, struct queue *q, struct arrival *arrival)
{
    if (!put_prepare(e, q, arrival, arrival->count))
        return false;
    put_commit(e, q, arrival);
    return true;
}

/* A waiter for what follows the first `accepted`, which can still be given up. */
static int put_waiter(struct engine *e, struct session *s, struct member *m, const struct engine_command *c,
                      struct engine_effect *a, uint32_t accepted, struct waiter **out)
{
    struct queue *q = m->queue;
    uint64_t bytes = bytes_of(c->put.bodies + accepted, c->put.count - accepted);
    answer_rests_on(a, q);
    if (s->waiting_bytes + bytes > e->config.waiting_bytes_max)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_WAITING_BYTES, NULL, e->config.waiting_bytes_max);
    struct engine_text priority = c->put.options.priority.bytes;
    struct engine_body *bodies = malloc(c->put.count * sizeof *bodies);
    char *priority_bytes = priority.size ? malloc(priority.size) : NULL;
    struct waiter *w;
    int code = bodies && (priority_bytes || !priority.size)
                   ? waiter_new(e, s, q, WAITER_PUT, c, c->put.timeout_ns, a, &w)
                   : answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    if (code != JQ_OK) {
        free(bodies);
        free(priority_bytes);
        return code;
    }
    memcpy(bodies, c->put.bodies, c->put.count * sizeof *bodies);
    w->put.bodies = bodies;
    w->put.count = c->put.count;
    w->put.accepted = accepted;
    w->put.bytes = bytes;
    w->put.options = c->put.options;
    w->put.priority_bytes = priority_bytes;
    w->put.options.priority.bytes.data = priority_bytes;
    if (priority_bytes)
        memcpy(priority_bytes, priority.data, priority.size);
    w->put.partial = c->put.partial;
    *out = w;
    return JQ_OK;
}

/* Now, as far as there is room; or waits. */
static int put_place(struct engine *e, struct session *s, struct member *m, const struct engine_command *c,
                     struct engine_effect *a)
{
    struct queue *q = m->queue;
    bool busy = queue_busy(q);
    uint32_t fits = q->puts || busy ? 0 : fitting(q, c->put.bodies, c->put.count);
    if (!c->put.partial && fits < c->put.count)
        fits = 0;
    bool waits = busy || (fits < c->put.count && c->put.timeout_ns);
    struct waiter *w = NULL;
    int code = waits ? put_waiter(e, s, m, c, a, fits, &w) : JQ_OK;
    if (code != JQ_OK)
        return code;
    struct arrival arrival = {.client = s->client,
                              .member = m,
                              .bodies = c->put.bodies,
                              .count = fits,
                              .options = c->put.options,
                              .once = w ? w->once : e->once};
    if (fits && !put_accept(e, q, &arrival)) {
        if (w)
            waiter_free(e, w);
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    }
    if (w) {
        waiter_line(e, w, m);
        if (!c->put.timeout_ns)
            waiter_late(w, JQ_FULL);
        return ENGINE_PARKED;
    }
    a->answer.count = fits;
    answer_rests_on(a, q);
    return fits ? JQ_OK : answer_fail(e, a, JQ_FULL, ENGINE_WHY_QUEUE_FULL, q, 0);
}

int options_make_sense(struct engine *e, const struct queue *q, const struct engine_put_options *o,
                       struct engine_effect *a)
{
    uint64_t ttl_ms = o->ttl_ns ? o->ttl_ns / 1000000 : q->options.ttl_ms;
    bool expires = o->ttl_ns || q->options.ttl_ms;
    if (expires && o->delay_ns && o->delay_ns / 1000000 >= ttl_ms)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_DELAY_BEYOND_TTL, q, ttl_ms);
    return priority_check(e, q, o, a);
}

int put_check(struct engine *e, struct session *s, struct queue *q, const struct engine_target *target,
              struct engine_effect *a)
{
    if (target->generation > q->generation)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_GENERATION_UNKNOWN, q, target->generation);
    if (target->generation && target->generation < q->generation)
        return answer_fail(e, a, JQ_CLOSED, ENGINE_WHY_GENERATION_OLD, q, q->generation);
    if (q->closed)
        return answer_fail(e, a, JQ_CLOSED, ENGINE_WHY_QUEUE_CLOSED, q, 0);
    int code = producer_check(e, q, member_find(e, s, q), a);
    if (code == JQ_OK)
        code = options_make_sense(e, q, &target->options, a);
    if (code != JQ_OK)
        return code;
    uint64_t limit;
    if (too_large(q, target->bodies, target->count, target->partial, &limit))
        return answer_fail(e, a, JQ_TOO_LARGE, ENGINE_WHY_BATCH_OVER_BOUND, q, limit);
    if (!queue_growth_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    return JQ_OK;
}

static int put_into(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c,
                    struct engine_effect *a)
{
    a->incarnation = q->incarnation;
    const struct engine_target target = {c->queue,     c->generation,  c->put.bodies,
                                         c->put.count, c->put.options, c->put.partial};
    int code = put_check(e, s, q, &target, a);
    if (code != JQ_OK)
        return code;
    struct member *m = member_get(e, s, q);
    if (!m)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    code = put_place(e, s, m, c, a);
    member_tidy(e, m);
    return code;
}

static int put_try(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    if (c->put.count < 1 || c->put.count > ENGINE_BATCH_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_BATCH_COUNT, NULL, ENGINE_BATCH_MAX);
    struct queue *q;
    bool made;
    int code = queue_find_or_make(e, c, a, &q, &made);
    if (code != JQ_OK)
        return code;
    code = put_into(e, s, q, c, a);
    if (made)
        queue_unmake(e, q, a, code);
    return code;
}

int handle_put(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    int code = put_try(e, s, c, a);
    if (code == ENGINE_PARKED)
        return code;
    for (uint32_t i = (uint32_t)a->answer.count; i < c->put.count; i++)
        effects_refuse(e->effects, c->put.bodies[i]);
    return code;
}

/* ---- the line of waiting puts ---- */

bool put_late(struct engine *e, struct waiter *w)
{
    bool some = w->put.accepted && w->late_code == JQ_FULL;
    if (!w->late)
        return false;
    waiter_end(e, w, some ? JQ_OK : w->late_code, w->late_code == JQ_FULL ? ENGINE_WHY_QUEUE_FULL : ENGINE_WHY_NONE);
    return true;
}

bool put_serve(struct engine *e, struct queue *q)
{
    struct waiter *w = q->puts;
    if (!w || behind_sweep(q, w))
        return false;
    if (w->put.forward)
        return forward_serve(e, q, w);
    const struct engine_put_options *o = &w->put.options;
    if (o->priority.kind && q->priority_kind && o->priority.kind != q->priority_kind) { /* fixed while it waited */
        waiter_end(e, w, JQ_INVALID, ENGINE_WHY_PRIORITY_KIND);
        return true;
    }
    uint32_t left = w->put.count - w->put.accepted;
    struct engine_body *bodies = w->put.bodies + w->put.accepted;
    uint32_t fits = fitting(q, bodies, left);
    if (!w->put.partial && fits < left)
        fits = 0;
    if (!fits)
        return put_late(e, w);
    if (!queue_growth_ok(e, q)) { /* its turn comes when the journal accepts again */
        bool late = w->late;
        if (late)
            waiter_end(e, w, JQ_STORAGE, ENGINE_WHY_JOURNAL);
        return late;
    }
    struct arrival arrival = {.client = w->session->client,
                              .member = w->member,
                              .bodies = bodies,
                              .count = fits,
                              .options = w->put.options,
                              .once = w->once,
                              .before = w->put.accepted};
    if (!put_accept(e, q, &arrival)) {
        waiter_end(e, w, JQ_OVERLOADED, ENGINE_WHY_MEMORY);
        return true;
    }
    uint64_t bytes = bytes_of(bodies, fits);
    w->put.bytes -= bytes;
    w->session->waiting_bytes -= bytes;
    w->put.accepted += fits;
    if (fits == left)
        waiter_end(e, w, JQ_OK, ENGINE_WHY_NONE);
    else
        (void)put_late(e, w);
    return true;
}
