/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that change nothing: stat, list, peek. And cancel, which changes one waiter. */
#include "glob.h"
#include "model.h"

static uint64_t oldest_age(const struct engine *e, struct queue *q)
{
    uint64_t sequence;
    const struct message *m = ready_next(q, &sequence);
    if (!m || m->end)
        return 0;
    return (uint64_t)(uint32_t)(put_time(e) - m->lease) * 10000000u;
}

static void stat_counts(struct engine_stat *stat, const struct queue *q)
{
    stat->ready = queue_ready(q);
    stat->delayed = queue_delayed(q);
    stat->leased = q->leased + q->receipts;
    stat->ready_bytes = q->queued_bytes;
    stat->unfinished = queue_unfinished(q);
    stat->ends = q->ends;
    stat->put = q->tally.put;
    stat->done = queue_is_counter(q) ? 0 : q->tally.done;
    stat->task_done = queue_is_counter(q) ? q->tally.done : 0;
    stat->dead = q->tally.dead;
    stat->expired = q->tally.expired;
    stat->discarded = q->tally.discarded;
    stat->moved_in = q->tally.moved_in;
    stat->moved_out = q->tally.moved_out;
    stat->dead_in = q->tally.dead_in;
    stat->delivered = q->tally.delivered;
    stat->redelivered = q->tally.redelivered;
    stat->lease_expired = q->tally.lease_expired;
    stat->paused = q->paused;
    stat->truncated = q->truncated;
    stat->generation = q->generation;
    stat->producers_lost = q->producers_lost;
    stat->unreadable = q->tally.unreadable;
    stat->getters_waiting = q->get_count;
    stat->putters_waiting = q->put_count;
    stat->joiners_waiting = q->join_count;
    stat->producers_attached = q->producers_attached;
    stat->producers_finished = q->producers_finished;
}

/* The name of one that is lost, where there is one. */
static void stat_lost(struct engine *e, struct engine_stat *stat, const struct queue *q)
{
    const struct producer *p = q->producers;
    while (p && !p->lost)
        p = p->hh.next;
    if (p)
        stat->lost = effects_text(e->effects, p->name, p->size);
}

static void stat_add(struct engine *e, struct engine_effect *a, struct queue *q)
{
    struct engine_effects *fx = e->effects;
    struct engine_stat *stat = &fx->stats[fx->stat_count++];
    *stat = (struct engine_stat){.name = effects_text(fx, q->name, q->name_size),
                                 .incarnation = q->incarnation,
                                 .options = q->options,
                                 .closed = q->closed,
                                 .age_ns = oldest_age(e, q)};
    struct engine_text letter = q->options.dead_letter;
    stat->options.dead_letter = effects_text(fx, letter.data, letter.size);
    stat_counts(stat, q);
    if (q->producers_lost)
        stat_lost(e, stat, q);
    a->stats.count++;
    answer_rests_on(a, q);
}

int handle_stat(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    a->stats.item = e->effects->stats + e->effects->stat_count;
    a->incarnation = q->incarnation;
    stat_add(e, a, q);
    return JQ_OK;
}

/* Queues stand in order of their making. The last one seen may be gone: then it is looked for from the start. */
static struct queue *list_start(const struct engine *e, uint64_t after)
{
    struct queue *q = queue_by_incarnation(e, after);
    if (q)
        return q->hh_incarnation.next;
    for (q = e->by_incarnation; q && q->incarnation <= after; q = q->hh_incarnation.next)
        ;
    return q;
}

static bool is_listed(const struct engine_command *c, const struct queue *q)
{
    bool listed = !c->list.patterns;
    for (uint32_t i = 0; !listed && i < c->list.pattern_count; i++)
        listed = jqw_glob(c->list.patterns[i].data, c->list.patterns[i].size, q->name, q->name_size);
    return listed;
}

static struct queue *list_next(const struct engine_command *c, struct queue *q)
{
    while (q && !is_listed(c, q))
        q = q->hh_incarnation.next;
    return q;
}

int handle_list(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    uint32_t max = c->list.max && c->list.max < ENGINE_LIST_MAX ? c->list.max : ENGINE_LIST_MAX;
    struct queue *q = list_next(c, list_start(e, c->list.after));
    a->stats.item = e->effects->stats + e->effects->stat_count;
    for (; q && a->stats.count < max; q = list_next(c, q->hh_incarnation.next))
        stat_add(e, a, q);
    answer_rests(a, &e->deleted); /* it says what is not there, too */
    a->stats.more = q != NULL;
    return JQ_OK;
}

/* ---- peek ---- */

/* Places looked at, most of them of ends or delayed messages: then it shows what it has found. */
enum { PEEK_SEEN_MAX = 10000 };

static void peek_add(struct engine *e, struct engine_effect *a, uint64_t sequence, const struct message *m)
{
    struct engine_effects *fx = e->effects;
    struct engine_run *last = a->got.run_count ? &fx->runs[fx->run_count - 1] : NULL;
    fx->bodies[fx->body_count++] = message_body(m);
    a->got.body_count++;
    if (last && last->first + last->count == sequence && last->attempt == message_attempt(e, m) &&
        last->deliveries == m->deliveries) {
        last->count++;
        return;
    }
    fx->runs[fx->run_count++] = (struct engine_run){sequence, 1, message_attempt(e, m), m->deliveries};
    a->got.run_count++;
}

/* Whether the answer may hold this one, too; otherwise it is full. */
static bool peek_fits(const struct engine_effect *a, const struct message *m, uint64_t *bytes)
{
    *bytes += m->length;
    return !a->got.body_count || *bytes <= ENGINE_GOT_BYTES;
}

/* The first of what came back, in order, without disturbing the heap: a second heap walks it from its top. Its keys are sequence
 * numbers, its sequences are places in the first. False: no memory. */
static bool peek_returned(struct engine *e, struct engine_effect *a, const struct queue *q, uint32_t max,
                          uint64_t *bytes, uint32_t *seen)
{
    const struct order_heap *returned = &q->returned;
    struct order_heap walk = {.of = returned};
    bool memory = order_heap_reserve(&walk, 1);
    if (memory && returned->count)
        order_heap_push(&walk, returned->item[0].key, 0);
    while (walk.count && a->got.body_count < max && ++*seen < PEEK_SEEN_MAX &&
           (memory = order_heap_reserve(&walk, walk.count + 2))) {
        uint64_t place = walk.item[0].sequence, sequence = returned->item[place].sequence;
        const struct message *m = log_at(&q->log, sequence);
        order_heap_pop(&walk);
        bool shown = m && !m->end; /* otherwise it has expired where it stood, or is an end */
        if (shown && !peek_fits(a, m, bytes))
            break;
        if (shown)
            peek_add(e, a, sequence, m);
        for (uint64_t child = 2 * place + 1; child <= 2 * place + 2 && child < returned->count; child++)
            order_heap_push(&walk, returned->item[child].key, child);
    }
    order_heap_fini(&walk);
    return memory;
}

int handle_peek(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    if (c->count < 1 || c->count > ENGINE_BATCH_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_BATCH_COUNT, q, ENGINE_BATCH_MAX);
    a->got.runs = e->effects->runs + e->effects->run_count;
    a->got.bodies = e->effects->bodies + e->effects->body_count;
    uint64_t bytes = 0;
    uint32_t seen = 0;
    if (!peek_returned(e, a, q, c->count, &bytes, &seen))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    for (uint64_t at = log_skip(&q->log, q->fresh);
         at < q->log.tail && a->got.body_count < c->count && seen < PEEK_SEEN_MAX;
         at = log_skip(&q->log, at + 1), seen++) {
        const struct message *m = log_at(&q->log, at);
        if (m->state != MESSAGE_READY || m->end)
            continue;
        if (!peek_fits(a, m, &bytes))
            break;
        peek_add(e, a, at, m);
    }
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}

/* ---- cancel ---- */

/* What has begun to be swept away cannot be called back. */
int handle_cancel(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    a->answer.count = waiter_withdraw(e, s, c->target, JQ_CANCELLED, ENGINE_WHY_NONE);
    return JQ_OK;
}

/* ---- what a session waits for ---- */

struct telling {
    void (*tell)(void *user, const struct engine_wait *wait);
    void *user;
    struct engine_wait wait;
};

static void tell_of(struct telling *telling, const struct queue *q)
{
    telling->wait.queue = (struct engine_text){q->name, q->name_size};
    telling->tell(telling->user, &telling->wait);
}

static void tell_targets(struct telling *telling, const struct engine *e, const struct waiter *w)
{
    for (uint32_t i = 0; i < w->put.forward->target_count; i++) {
        const struct queue *q = queue_by_incarnation(e, w->put.forward->targets[i].queue.incarnation);
        if (q)
            tell_of(telling, q);
    }
}

static void tell_parts(struct telling *telling, const struct waiter *w)
{
    for (const struct waiter *part = w->parts; part; part = part->part_next)
        tell_of(telling, part->queue);
}

void engine_waiting(const struct engine *e, struct engine_session_id session,
                    void (*tell)(void *user, const struct engine_wait *wait), void *user)
{
    const struct session *s = session_find(e, session);
    for (const struct waiter *w = s ? s->waiters : NULL; w; w = w->snext) {
        bool puts = w->kind == WAITER_PUT || w->kind == WAITER_FINISH;
        struct telling telling = {tell, user, {.request = (uint32_t)w->key.request}};
        if (!puts && w->kind != WAITER_GET && w->kind != WAITER_JOIN)
            continue;
        telling.wait.what = puts                    ? ENGINE_WAITS_TO_PUT
                            : w->kind == WAITER_GET ? ENGINE_WAITS_TO_GET
                                                    : ENGINE_WAITS_TO_JOIN;
        if (w->kind == WAITER_PUT && w->put.forward)
            tell_targets(&telling, e, w);
        else if (w->parts)
            tell_parts(&telling, w);
        else if (!w->queue->deleted)
            tell_of(&telling, w->queue);
    }
}
