/* SPDX-License-Identifier: Apache-2.0 */
/* Puts: what fits, in order of arrival. It knows nothing of leases. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* ---- bounds ---- */

static uint64_t depth(const struct queue *q)
{
    if (q->options.bound == ENGINE_BOUND_QUEUED)
        return q->ready + q->delayed_count;
    return queue_is_counter(q) ? q->counter_unfinished : q->ready + q->delayed_count + q->leased;
}

/* In a counter queue nobody says which bytes were finished: what is queued counts. */
static uint64_t depth_bytes(const struct queue *q)
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
static uint32_t fitting(const struct queue *q, const struct engine_body *bodies, uint32_t count)
{
    uint64_t max = q->options.max_messages, is = depth(q);
    if (q->paused & ENGINE_PAUSED_PUTS)
        return 0;
    if (max && is + count > max)
        count = is < max ? (uint32_t)(max - is) : 0;
    if (!q->options.max_bytes)
        return count;
    uint64_t bytes = depth_bytes(q);
    for (uint32_t i = 0; i < count; i++) {
        bytes += bodies[i].length;
        if (bytes > q->options.max_bytes)
            return i;
    }
    return count;
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
    uint32_t accepted = w->put.accepted;
    return too_large(q, w->put.bodies + accepted, w->put.count - accepted, w->put.partial, limit);
}

/* ---- acceptance ---- */

static void record_put(struct engine *e, struct queue *q, const struct member *m, const struct engine_body *bodies,
                       uint32_t count, uint64_t due)
{
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_PUT);
    if (!record)
        return;
    struct engine_effects *fx = e->effects;
    record->first = q->log.tail - count;
    record->count = count;
    record->due_ns = due;
    record->bodies = memcpy(fx->bodies + fx->body_count, bodies, count * sizeof *bodies);
    fx->body_count += count;
    if (m->producer)
        record->name = effects_text(fx, m->producer->name, m->producer->size);
}

/* False: no memory, and nothing has changed. */
static bool accept(struct engine *e, struct queue *q, struct member *m, const struct engine_body *bodies,
                   uint32_t count, uint64_t delay_ns)
{
    if (!log_reserve(&q->log, count))
        return false;
    if (delay_ns && (!order_heap_reserve(&q->delayed, q->delayed.count + count) || !ready_reserve(q, count)))
        return false;
    uint64_t due = delay_ns ? deadline_after(e, delay_ns) : 0;
    uint32_t time = put_time(e);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sequence = q->log.tail;
        struct message *message = log_append(&q->log);
        *message = (struct message){.chunk = bodies[i].chunk,
                                    .offset = bodies[i].offset,
                                    .length = bodies[i].length & 0xffffffu,
                                    .lease = time,
                                    .state = MESSAGE_READY};
        if (due)
            ready_delay(e, q, sequence, message, due);
    }
    if (!due) {
        q->ready += count;
        q->queued_bytes += bytes_of(bodies, count);
    }
    q->tally.put += count;
    e->messages += count;
    q->counter_unfinished += queue_is_counter(q) ? count : 0;
    if (m->producer)
        m->producer->accepted += count;
    record_put(e, q, m, bodies, count, due);
    queue_mark(e, q);
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
    struct engine_body *bodies = malloc(c->put.count * sizeof *bodies);
    if (!bodies)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    struct waiter *w;
    int code = waiter_new(e, s, q, WAITER_PUT, c, c->put.timeout_ns, a, &w);
    if (code != JQ_OK) {
        free(bodies);
        return code;
    }
    memcpy(bodies, c->put.bodies, c->put.count * sizeof *bodies);
    w->put.bodies = bodies;
    w->put.count = c->put.count;
    w->put.accepted = accepted;
    w->put.bytes = bytes;
    w->put.delay_ns = c->put.options.delay_ns;
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
    if (fits && !accept(e, q, m, c->put.bodies, fits, c->put.options.delay_ns)) {
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
    a->after = q->watermark;
    return fits ? JQ_OK : answer_fail(e, a, JQ_FULL, ENGINE_WHY_QUEUE_FULL, q, 0);
}

static int put_check(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c,
                     struct engine_effect *a)
{
    uint64_t limit;
    if (c->generation > q->generation)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_GENERATION_UNKNOWN, q, c->generation);
    if (c->generation && c->generation < q->generation)
        return answer_fail(e, a, JQ_CLOSED, ENGINE_WHY_GENERATION_OLD, q, q->generation);
    if (q->closed)
        return answer_fail(e, a, JQ_CLOSED, ENGINE_WHY_QUEUE_CLOSED, q, 0);
    int code = producer_check(e, q, member_find(e, s, q), a);
    if (code != JQ_OK)
        return code;
    if (too_large(q, c->put.bodies, c->put.count, c->put.partial, &limit))
        return answer_fail(e, a, JQ_TOO_LARGE, ENGINE_WHY_BATCH_OVER_BOUND, q, limit);
    if (!queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    return JQ_OK;
}

static int put_into(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c,
                    struct engine_effect *a)
{
    a->incarnation = q->incarnation;
    int code = put_check(e, s, q, c, a);
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
        effects_release(e->effects, c->put.bodies[i]);
    return code;
}

/* ---- the line of waiting puts ---- */

static bool put_late(struct engine *e, struct waiter *w)
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
    uint32_t left = w->put.count - w->put.accepted;
    struct engine_body *bodies = w->put.bodies + w->put.accepted;
    uint32_t fits = fitting(q, bodies, left);
    if (!w->put.partial && fits < left)
        fits = 0;
    if (!fits)
        return put_late(e, w);
    if (!queue_storage_ok(e, q)) { /* its turn comes when the journal accepts again */
        bool late = w->late;
        if (late)
            waiter_end(e, w, JQ_STORAGE, ENGINE_WHY_JOURNAL);
        return late;
    }
    if (!accept(e, q, w->member, bodies, fits, w->put.delay_ns)) {
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

/* ---- sentinels ---- */

int handle_put_end(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    if (q->closed)
        return answer_fail(e, a, JQ_CLOSED, ENGINE_WHY_QUEUE_CLOSED, q, 0);
    if (c->count < 1 || c->count > ENGINE_BATCH_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_BATCH_COUNT, q, ENGINE_BATCH_MAX);
    if (!queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    if (!log_reserve(&q->log, c->count))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    for (uint32_t i = 0; i < c->count; i++)
        *log_append(&q->log) = (struct message){.state = MESSAGE_READY, .end = 1};
    q->ends += c->count;
    e->messages += c->count;
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_PUT_END);
    if (record) {
        record->first = q->log.tail - c->count;
        record->count = c->count;
    }
    queue_mark(e, q);
    a->answer.count = c->count;
    a->incarnation = q->incarnation;
    a->after = q->watermark;
    return JQ_OK;
}
