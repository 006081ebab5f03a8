/* SPDX-License-Identifier: Apache-2.0 */
/* Named producers: attached by a session, finished for good; when as many as were declared have finished, the queue closes. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* Whether this session may put here. */
int producer_check(struct engine *e, struct queue *q, const struct member *m, struct engine_effect *a)
{
    if (m && m->fenced)
        return answer_fail(e, a, JQ_EXISTS, ENGINE_WHY_PRODUCER_FENCED, q, 0);
    if (m && m->producer && m->producer->finished)
        return answer_fail(e, a, JQ_CLOSED, ENGINE_WHY_PRODUCER_FINISHED, q, 0);
    if (q->options.producers && (!m || !m->producer))
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_PRODUCER_NEEDED, q, 0);
    return JQ_OK;
}

static bool producer_is(const struct producer *p, struct engine_text name)
{
    return p->size == name.size && memcmp(p->name, name.data, name.size) == 0;
}

/* The named one, or NULL in *out if there is room for it. */
static int producer_look(struct engine *e, struct queue *q, struct engine_text name, struct engine_effect *a,
                         struct producer **out)
{
    *out = producer_find(q, name);
    bool counted = q->options.producers && q->options.producers != ENGINE_PRODUCERS_AUTO;
    uint64_t most = counted ? q->options.producers : ENGINE_PRODUCERS_MAX;
    if (!*out && HASH_COUNT(q->producers) >= most)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_PRODUCER_TOO_MANY, q, most);
    return JQ_OK;
}

struct producer *producer_find(const struct queue *q, struct engine_text name)
{
    struct producer *p = NULL;
    if (name.size)
        HASH_FIND(hh, q->producers, name.data, name.size, p);
    return p;
}

struct producer *producer_new(struct engine *e, struct queue *q, struct engine_text name)
{
    struct producer *p = heap_reserve(&e->graces, e->producers + 1) ? calloc(1, sizeof *p + name.size) : NULL;
    if (!p)
        return NULL;
    p->queue = q;
    p->left_ns = e->now;
    p->size = name.size;
    memcpy(p->name, name.data, name.size);
    HASH_ADD_KEYPTR(hh, q->producers, p->name, p->size, p);
    if (!p->hh.tbl) {
        free(p);
        return NULL;
    }
    e->producers++;
    return p;
}

/* The named one, made if there is room for one more; NULL in *out never with JQ_OK. */
int producer_find_or_create(struct engine *e, struct queue *q, const struct engine_command *c, struct engine_effect *a,
                            struct producer **out)
{
    int code = producer_look(e, q, c->producer.name, a, out);
    if (code != JQ_OK || *out)
        return code;
    if (!queue_growth_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    struct producer *p = c->nothing_new ? NULL : producer_new(e, q, c->producer.name);
    if (!p)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_ATTACH);
    if (record)
        record->name = effects_text(e->effects, p->name, p->size);
    *out = p;
    return JQ_OK;
}

static int producer_queue(struct engine *e, const struct engine_command *c, struct engine_effect *a, struct queue **out)
{
    int code = queue_find(e, c, a, out);
    if (code != JQ_OK)
        return code;
    a->incarnation = (*out)->incarnation;
    if (c->producer.name.size < 1 || c->producer.name.size > ENGINE_NAME_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_PRODUCER_NAME, *out, ENGINE_NAME_MAX);
    return JQ_OK;
}

/* ---- attach ---- */

/* When it is lost, having left at the time that is told. */
static uint64_t grace_over(const struct producer *p, uint64_t left_ns)
{
    uint64_t grace = milliseconds(p->queue->options.producer_grace_ms);
    return grace < ENGINE_FOREVER - 2 - left_ns ? left_ns + grace : ENGINE_FOREVER - 2;
}

void producer_waits(struct engine *e, struct producer *p)
{
    if (!p->finished && !p->holder)
        heap_set(&e->graces, &p->grace, grace_over(p, e->now), ++e->order_last);
}

void producer_detach(struct engine *e, struct member *m)
{
    struct producer *p = m->producer;
    if (!p)
        return;
    p->holder = NULL;
    p->left_ns = e->now;
    m->producer = NULL;
    m->queue->producers_attached--;
    if (!m->queue->deleted)
        producer_waits(e, p);
}

/* It has a holder again, or has finished. */
static void producer_found(struct engine *e, struct producer *p)
{
    heap_remove(&e->graces, &p->grace);
    p->queue->producers_lost -= p->lost;
    p->queue->owed -= p->owed;
    p->lost = p->owed = false;
}

/* What the loss of a producer means for its queue (PRD-4). */
static void producer_loss(struct engine *e, struct producer *p)
{
    struct queue *q = p->queue;
    if (q->options.on_producer_lost == ENGINE_LOST_WAIT || q->closed)
        return;
    if (!queue_storage_ok(e, q)) {
        p->owed = true;
        q->owed++;
        return;
    }
    if (q->options.on_producer_lost == ENGINE_LOST_END) {
        producer_finish(e, q, p);
        return;
    }
    q->truncated = true;
    queue_close(e, q);
}

void producer_due(struct engine *e, struct producer *p)
{
    heap_remove(&e->graces, &p->grace);
    p->queue->producers_lost += !p->lost;
    p->lost = true;
    producer_loss(e, p);
}

/* One of many: in the next step where there is no room for it in this. */
static void producer_loss_soon(struct engine *e, struct producer *p)
{
    if (effects_room(e->effects))
        producer_due(e, p);
    else
        heap_set(&e->graces, &p->grace, e->now, ++e->order_last);
}

void producers_owed(struct engine *e, struct queue *q)
{
    struct producer *p, *next;
    HASH_ITER (hh, q->producers, p, next) {
        if (!p->owed)
            continue;
        p->owed = false;
        q->owed--;
        producer_loss_soon(e, p);
    }
}

void producers_altered(struct engine *e, struct queue *q)
{
    struct producer *p, *next;
    if (producers_over(q))
        queue_close(e, q);
    HASH_ITER (hh, q->producers, p, next) {
        bool leaves = p->grace.place && grace_over(p, p->left_ns) > e->now;
        if (leaves)
            heap_set(&e->graces, &p->grace, grace_over(p, p->left_ns), p->grace.tie);
        else if (p->grace.place || (p->lost && !p->owed))
            producer_loss_soon(e, p);
    }
}

/* For a new generation, or with the queue: the names are free. */
void producers_forget(struct engine *e, struct queue *q)
{
    struct producer *p, *next;
    HASH_ITER (hh, q->producers, p, next) {
        struct member *m = p->holder;
        HASH_DEL(q->producers, p);
        heap_remove(&e->graces, &p->grace);
        free(p);
        e->producers--;
        if (!m)
            continue;
        m->producer = NULL;
        member_tidy(e, m);
    }
    q->producers_finished = q->producers_attached = q->producers_lost = 0;
    q->owed = 0;
}

/* Before a takeover is answered, the puts and the finish that wait for the old holder end. False: no room, call again. */
static bool producer_fence(struct engine *e, struct member *old)
{
    struct session *s = old->session;
    struct waiter *w, *next;
    old->fenced = true;
    DL_FOREACH_SAFE2 (s->waiters, w, next, snext) {
        bool forward = w->kind == WAITER_PUT && w->put.forward;
        bool its = forward ? forward_concerns(e, w, old->queue)
                           : w->member == old && (w->kind == WAITER_PUT || w->kind == WAITER_FINISH);
        if (!its)
            continue;
        if (!effects_room(e->effects))
            return false;
        waiter_end(e, w, JQ_EXISTS, ENGINE_WHY_PRODUCER_FENCED);
    }
    struct queue *q = old->queue;
    struct engine_effect *event = effect_new(e, ENGINE_EVENT_FENCED, s->id, 0, q);
    event->name = effects_text(e->effects, q->name, q->name_size);
    event->fenced.producer = effects_text(e->effects, old->producer->name, old->producer->size);
    producer_detach(e, old);
    return true;
}

int handle_attach(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    struct producer *p;
    int code = producer_queue(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    struct member *m = member_get(e, s, q);
    if (!m)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    if (m->producer && !producer_is(m->producer, c->producer.name)) {
        code = answer_fail(e, a, JQ_INVALID, ENGINE_WHY_PRODUCER_ATTACHED, q, 0);
        goto out;
    }
    if ((code = producer_find_or_create(e, q, c, a, &p)) != JQ_OK)
        goto out;
    if (p->holder && p->holder != m && !c->producer.takeover) {
        code = answer_fail(e, a, JQ_EXISTS, ENGINE_WHY_PRODUCER_IN_USE, q, 0);
        goto out;
    }
    if (p->holder && p->holder != m && !producer_fence(e, p->holder)) {
        code = ENGINE_AGAIN;
        goto out;
    }
    if (!m->producer)
        q->producers_attached++;
    m->producer = p;
    m->fenced = false;
    producer_found(e, p);
    p->holder = m;
    a->attached.finished = p->finished;
    a->attached.accepted = p->accepted;
    a->attached.generation = q->generation;
    answer_rests_on(a, q);
    return JQ_OK;
out:
    member_tidy(e, m);
    return code;
}

/* ---- finish ---- */

/* PRD-2, PRD-3: with `auto` the names that are known are all; they are not yet while a snapshot tells them. */
bool producers_over(const struct queue *q)
{
    if (q->restore && q->restore->begun)
        return false;
    if (q->options.producers == ENGINE_PRODUCERS_AUTO)
        return q->producers_finished && q->producers_finished == HASH_COUNT(q->producers);
    return q->options.producers && q->producers_finished >= q->options.producers;
}

void producer_finish(struct engine *e, struct queue *q, struct producer *p)
{
    if (p->finished)
        return;
    producer_found(e, p);
    p->finished = true;
    q->producers_finished++;
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_FINISH);
    if (record)
        record->name = effects_text(e->effects, p->name, p->size);
    if (producers_over(q))
        queue_close(e, q);
}

/* The waiter comes before the name: a finish that is refused has taken none. */
static int finish_later(struct engine *e, struct member *m, const struct engine_command *c, struct engine_effect *a)
{
    struct waiter *w;
    struct producer *p;
    int code = waiter_new(e, m->session, m->queue, WAITER_FINISH, c, ENGINE_FOREVER, a, &w);
    if (code != JQ_OK)
        return code;
    if ((code = producer_find_or_create(e, m->queue, c, a, &p)) != JQ_OK) {
        waiter_free(e, w);
        return code;
    }
    w->finish = p;
    member_after(e, m, w);
    return ENGINE_PARKED;
}

int handle_finish(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    struct producer *p;
    int code = producer_queue(e, c, a, &q);
    if (code != JQ_OK || (code = producer_look(e, q, c->producer.name, a, &p)) != JQ_OK)
        return code;
    struct member *m = member_find(e, s, q);
    bool finished = p && p->finished;
    if (p && p->holder && p->holder != m)
        return answer_fail(e, a, JQ_EXISTS, ENGINE_WHY_PRODUCER_IN_USE, q, 0);
    if (!finished && !queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    if (!finished && m && (m->waiting_puts || m->afters))
        return finish_later(e, m, c, a);
    if ((code = producer_find_or_create(e, q, c, a, &p)) != JQ_OK)
        return code;
    producer_finish(e, q, p);
    a->answer.count = p->accepted;
    answer_rests_on(a, q);
    return JQ_OK;
}
