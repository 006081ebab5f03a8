/* SPDX-License-Identifier: Apache-2.0 */
/* Queues as a whole: found by name or incarnation, made, marked for pairing, destroyed. It knows nothing of how messages move. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

static bool name_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '/' || c == ':';
}

static bool name_valid(struct engine_text name)
{
    if (name.size < 1 || name.size > ENGINE_NAME_MAX)
        return false;
    for (uint32_t i = 0; i < name.size; i++) {
        if (!name_char(name.data[i]))
            return false;
    }
    return true;
}

struct queue *queue_by_incarnation(const struct engine *e, uint64_t incarnation)
{
    struct queue *q;
    HASH_FIND(hh_incarnation, e->by_incarnation, &incarnation, sizeof incarnation, q);
    return q;
}

static struct queue *queue_by_name(const struct engine *e, struct engine_text name)
{
    struct queue *q;
    HASH_FIND(hh_name, e->by_name, name.data, name.size, q);
    return q;
}

/* Whether a command that names this incarnation means the queue. */
static bool queue_is_meant(const struct queue *q, uint64_t incarnation)
{
    if (incarnation & ENGINE_BELOW)
        return q->incarnation < (incarnation & ~ENGINE_BELOW);
    return !incarnation || q->incarnation == incarnation;
}

/* JQ_OK with the queue or NULL; or why not. */
int queue_look(struct engine *e, const struct engine_command *c, struct engine_effect *a, struct queue **out)
{
    struct engine_text name = c->queue.name;
    if (!name_valid(name))
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_QUEUE_NAME, NULL, ENGINE_NAME_MAX);
    struct queue *q = queue_by_name(e, name);
    if (q ? !queue_is_meant(q, c->queue.incarnation) : c->queue.incarnation != 0) {
        a->name = effects_text(e->effects, name.data, name.size);
        answer_rests(a, &e->deleted);
        return answer_fail(e, a, JQ_NO_QUEUE, ENGINE_WHY_QUEUE_OTHER, NULL, 0);
    }
    *out = q;
    return JQ_OK;
}

int queue_find(struct engine *e, const struct engine_command *c, struct engine_effect *a, struct queue **out)
{
    int code = queue_look(e, c, a, out);
    if (code == JQ_OK && !*out) {
        a->name = effects_text(e->effects, c->queue.name.data, c->queue.name.size);
        answer_rests(a, &e->deleted);
        return answer_fail(e, a, JQ_NO_QUEUE, ENGINE_WHY_QUEUE_MISSING, NULL, 0);
    }
    return code;
}

struct queue *queue_new(struct engine *e, struct engine_text name)
{
    uint64_t queues = HASH_CNT(hh_name, e->by_name) + e->zombies + 1;
    if (!heap_reserve(&e->delayed, queues) || !heap_reserve(&e->expiries, queues) ||
        !heap_reserve(&e->lifetimes, queues) || !heap_reserve(&e->ttls, queues))
        return NULL;
    struct queue *q = calloc(1, sizeof *q + name.size);
    if (!q)
        return NULL;
    q->incarnation = e->incarnation_last + 1;
    q->options.producer_grace_ms = 10000;
    q->generation = 1;
    q->active_ns = e->now;
    q->name_size = name.size;
    memcpy(q->name, name.data, name.size);
    HASH_ADD_KEYPTR(hh_name, e->by_name, q->name, q->name_size, q);
    if (!q->hh_name.tbl)
        goto fail;
    HASH_ADD(hh_incarnation, e->by_incarnation, incarnation, sizeof q->incarnation, q);
    if (!q->hh_incarnation.tbl) {
        HASH_DELETE(hh_name, e->by_name, q);
        goto fail;
    }
    e->incarnation_last = q->incarnation;
    log_init(&q->log);
    q->fresh = q->log.tail;
    q->anchor.at = NUMBERS_ANCHORED;
    return q;
fail:
    free(q);
    return NULL;
}

int queue_find_or_make(struct engine *e, const struct engine_command *c, struct engine_effect *a, struct queue **out,
                       bool *made)
{
    int code = queue_look(e, c, a, out);
    *made = false;
    if (code != JQ_OK || *out)
        return code;
    if (c->makes_none) {
        a->name = effects_text(e->effects, c->queue.name.data, c->queue.name.size);
        return answer_fail(e, a, JQ_DENIED, ENGINE_WHY_MAKES_NONE, NULL, 0);
    }
    code = queue_make(e, c, a, out);
    *made = code == JQ_OK;
    return code;
}

/* A request that failed has not made a queue: nobody has heard of the incarnation. */
void queue_unmake(struct engine *e, struct queue *q, struct engine_effect *a, int code)
{
    if (code < JQ_NO_QUEUE) /* a result, or it waits */
        return;
    a->incarnation = 0;
    if (q->incarnation == e->incarnation_last)
        e->incarnation_last--;
    HASH_DELETE(hh_name, e->by_name, q);
    HASH_DELETE(hh_incarnation, e->by_incarnation, q);
    queue_destroy(e, q);
}

void queue_mark(struct engine *e, struct queue *q)
{
    bool waited_for = q->gets || q->puts || q->joins || q->closed || q->deleted || q->after_due || q->blocked_sweeps;
    if (q->dirty || !waited_for)
        return;
    q->dirty = true;
    DL_APPEND2(e->dirty, q, dprev, dnext);
}

void queue_work(struct engine *e, struct queue *q)
{
    if (q->working)
        return;
    q->working = true;
    DL_APPEND2(e->working, q, wprev, wnext);
}

bool queue_storage_ok(const struct engine *e, const struct queue *q)
{
    return !q->options.durable || !e->journal_refuses;
}

bool queue_growth_ok(const struct engine *e, const struct queue *q)
{
    return !q->options.durable || (!e->journal_refuses && !e->journal_full);
}

/* A message of a counter queue goes without a task_done: it lowers what is unfinished as far as it can (CNT-2). */
void queue_removed(struct queue *q, uint64_t sequence)
{
    if (!queue_is_counter(q))
        return;
    if (!q->counter_unfinished)
        return;
    q->counter_unfinished--;
    queue_lowered(q, sequence);
}

/* What is unfinished was lowered by a message that went without a task_done. */
void queue_lowered(struct queue *q, uint64_t sequence)
{
    q->lowered++;
    if (q->mark_count)
        marks_gone(q, sequence);
}

/* Letters that are thrown away where they come: they have come, and gone without a task_done. */
void queue_throws_away(struct queue *q, uint64_t letters)
{
    q->tally.dead_in += letters;
    q->tally.discarded += letters;
    q->lowered += letters;
}

uint64_t queue_unfinished(const struct queue *q)
{
    if (queue_is_counter(q))
        return q->counter_unfinished;
    return q->ready + q->delayed_count + q->leased + q->receipts;
}

/* Once nothing refers to it any more. */
void queue_destroy(struct engine *e, struct queue *q)
{
    if (q->dirty)
        DL_DELETE2(e->dirty, q, dprev, dnext);
    if (q->working)
        DL_DELETE2(e->working, q, wprev, wnext);
    heap_remove(&e->delayed, &q->delayed_due);
    heap_remove(&e->expiries, &q->expiry_due);
    heap_remove(&e->lifetimes, &q->lifetime_due);
    lifetime_disown(q);
    maker_disown(e, q);
    letters_link(e, q, NULL);
    log_fini(&q->log);
    order_heap_fini(&q->returned);
    order_heap_fini(&q->delayed);
    heap_remove(&e->ttls, &q->ttl_due);
    heap_fini(&q->ttl);
    levels_fini(&q->levels);
    free(q->marks);
    heap_fini(&q->mark_joins);
    origins_fini(q);
    source_unref(q->source);
    heap_fini(&q->expiry);
    producers_forget(e, q);
    restore_free(q);
    free(q->declared_letter);
    free(q);
}

static struct queue *queue_by(const struct engine *e, struct engine_queue_ref queue)
{
    return queue.name.size ? queue_by_name(e, queue.name) : queue_by_incarnation(e, queue.incarnation);
}

bool engine_durable(const struct engine *e, struct engine_queue_ref queue)
{
    const struct queue *q = queue_by(e, queue);
    return q && q->options.durable;
}

bool engine_produces(const struct engine *e, struct engine_session_id session, struct engine_queue_ref queue,
                     struct engine_text producer)
{
    const struct queue *q = queue_by(e, queue);
    const struct session *s = session_find(e, session);
    const struct member *m = s && q ? member_find(e, s, q) : NULL;
    return m && m->producer && m->producer == producer_find(q, producer);
}
