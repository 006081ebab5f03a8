/* SPDX-License-Identifier: Apache-2.0 */
/* The step: time, commands, pairing, deadlines, in the order that the contract gives (LSE-8). Only the dispatcher here answers
 * requests that do not wait. */
#include "model.h"
#include <stdlib.h>

struct engine *engine_new(const struct engine_config *config)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->config = *config;
    e->incarnation_last = config->incarnation_first ? config->incarnation_first - 1 : 0;
    e->runs.item_size = sizeof(struct run);
    delays_init(e);
    e->member_pool.item_size = sizeof(struct member);
    e->waiter_pool.item_size = sizeof(struct waiter);
    e->extras.item_size = sizeof(struct extra);
    return e;
}

/* ---- dispatch ---- */

struct operation {
    engine_handler *handler; /* NULL: no request */
    enum engine_effect_kind answer;
};

static const struct operation operations[ENGINE_OP_COUNT] = {
    [ENGINE_DECLARE] = {handle_declare, ENGINE_ANSWER},
    [ENGINE_DELETE] = {handle_delete, ENGINE_ANSWER},
    [ENGINE_PUT] = {handle_put, ENGINE_ANSWER},
    [ENGINE_GET] = {handle_get, ENGINE_GOT},
    [ENGINE_DONE] = {handle_settle, ENGINE_SETTLED},
    [ENGINE_NACK] = {handle_settle, ENGINE_SETTLED},
    [ENGINE_RELEASE] = {handle_settle, ENGINE_SETTLED},
    [ENGINE_TOUCH] = {handle_settle, ENGINE_SETTLED},
    [ENGINE_TASK_DONE] = {handle_task_done, ENGINE_ANSWER},
    [ENGINE_JOIN] = {handle_join, ENGINE_JOINED},
    [ENGINE_CLOSE] = {handle_close, ENGINE_ANSWER},
    [ENGINE_PUT_END] = {handle_put_end, ENGINE_ANSWER},
    [ENGINE_ATTACH] = {handle_attach, ENGINE_ATTACHED},
    [ENGINE_FINISH] = {handle_finish, ENGINE_ANSWER},
    [ENGINE_CANCEL] = {handle_cancel, ENGINE_ANSWER},
    [ENGINE_STAT] = {handle_stat, ENGINE_STATS},
    [ENGINE_LIST] = {handle_list, ENGINE_STATS},
    [ENGINE_PEEK] = {handle_peek, ENGINE_PEEKED},
    [ENGINE_PURGE] = {handle_purge, ENGINE_ANSWER},
    [ENGINE_ALTER] = {handle_alter, ENGINE_ANSWER},
    [ENGINE_FORWARD] = {handle_forward, ENGINE_SETTLED},
    [ENGINE_MARK] = {handle_mark, ENGINE_ANSWER},
    [ENGINE_REOPEN] = {handle_reopen, ENGINE_ANSWER},
    [ENGINE_PAUSE] = {handle_pause, ENGINE_ANSWER},
    [ENGINE_MOVE] = {handle_move, ENGINE_ANSWER},
    [ENGINE_EXPLAIN] = {handle_explain, ENGINE_EXPLAINED},
    [ENGINE_EXPORT] = {handle_export, ENGINE_EXPORTED},
};

/* Of a request that nothing is done about. */
static void release_bodies(struct engine *e, const struct engine_command *c)
{
    for (uint32_t i = 0; c->op == ENGINE_PUT && i < c->put.count; i++)
        effects_refuse(e->effects, c->put.bodies[i]);
    for (uint32_t t = 0; c->op == ENGINE_FORWARD && t < c->forward.target_count; t++) {
        for (uint32_t i = 0; i < c->forward.targets[t].count; i++)
            effects_refuse(e->effects, c->forward.targets[t].bodies[i]);
    }
}

/* What a handler itself says (the target of a cancel, the fenced producer) comes before the answer; what the change wakes, after. */
static bool dispatch_request(struct engine *e, struct session *s, const struct engine_command *c)
{
    struct engine_effect answer = {.kind = operations[c->op].answer, .session = c->session, .request = c->request};
    int code = once_begin(e, s, c, &answer);
    if (code != ONCE_GO_ON)
        release_bodies(e, c);
    else
        code = operations[c->op].handler(e, s, c, &answer);
    struct once once = e->once;
    e->once = (struct once){0};
    JQ_ASSERT(code != ENGINE_AGAIN || !once.client); /* the slot would stay open: only an attach is given again */
    if (code == ENGINE_AGAIN)
        return false;
    if (code == ENGINE_PARKED)
        return true;
    answer.code = (enum jqw_code)code;
    once_end(&once, &answer);
    *effect_new(e, answer.kind, answer.session, answer.request, NULL) = answer;
    return true;
}

static void no_session(struct engine *e, const struct engine_command *c)
{
    struct engine_effect *a = effect_new(e, operations[c->op].answer, c->session, c->request, NULL);
    a->code = JQ_OVERLOADED;
    a->why = ENGINE_WHY_MEMORY;
    release_bodies(e, c);
}

/* False: the effects are full before it is through; it is to be given again. */
static bool dispatch(struct engine *e, const struct engine_command *c)
{
    struct session *s = session_find(e, c->session);
    switch (c->op) {
    case ENGINE_SESSION_OPEN:
        return (s && !s->opening) || client_opens(e, s, c);
    case ENGINE_SESSION_END:
        if (s && s->client)
            s->client->leaving = c->end.forget;
        return !s || session_end(e, s);
    case ENGINE_OUTPUT_BLOCKED:
        if (s)
            session_block(e, s, c->blocked);
        return true;
    case ENGINE_RECEIVED:
        if (s)
            session_received(e, s, c->receipt);
        return true;
    case ENGINE_WITHDRAW:
        if (s)
            waiter_withdraw(e, s, c->target, JQ_DENIED, ENGINE_WHY_WITHDRAWN);
        return true;
    case ENGINE_JOURNAL:
        e->journal_refuses = !c->journal_accepts;
        e->journal_full = c->journal_full;
        if (c->journal_accepts)
            slices_resume(e);
        return true;
    case ENGINE_SURVEY:
        survey(e, c);
        return true;
    case ENGINE_SNAPSHOT:
        snapshot_some(e, c->snapshot_max);
        return true;
    case ENGINE_UNREAD:
        if (s)
            unread(e, s, c);
        return true;
    case ENGINE_RELOCATE:
        bodies_move(e, c);
        return true;
    default:
        JQ_ASSERT(c->op < ENGINE_OP_COUNT && operations[c->op].handler);
        if (s)
            return dispatch_request(e, s, c);
        no_session(e, c);
        return true;
    }
}

/* ---- pairing ---- */

/* False: no room; what is left stays marked. */
static bool settle_all(struct engine *e)
{
    while (e->dirty) {
        struct queue *q = e->dirty;
        if (!queue_pair(e, q))
            return false;
        q->dirty = false;
        DL_DELETE2(e->dirty, q, dprev, dnext);
    }
    return true;
}

/* A get that came with the command under way, and now waits, is passed over where its connection takes nothing. */
static void pass_joining(struct engine *e)
{
    struct waiter *w = e->joining;
    if (w && w->kind == WAITER_GET && w->session->blocked && !w->late) {
        struct waiter *part = w->root ? w->root->parts : w;
        for (; part; part = part->part_next)
            waiter_pass(part, true);
    }
    e->joining = NULL;
}

/* What a command set going, as far as this step may. */
static bool carry_through(struct engine *e)
{
    bool room;
    (void)engine_slices(e);
    do {
        room = settle_all(e);
    } while (room && engine_slices(e));
    if (room)
        pass_joining(e);
    return room;
}

/* ---- time ---- */

static uint64_t earliest(const struct heap *heap, uint64_t than)
{
    const struct heap_node *top = heap_top(heap);
    return top && top->key < than ? top->key : than;
}

static uint64_t next_timer(const struct engine *e)
{
    return earliest(
        &e->deadlines,
        earliest(&e->delayed,
                 earliest(&e->expiries,
                          earliest(&e->graces, earliest(&e->lifetimes,
                                                        earliest(&e->ttls, earliest(&e->forgets, ENGINE_FOREVER)))))));
}

/* At one instant: expiry, delayed to ready, pairing. */
static bool instant_begin(struct engine *e, uint64_t at)
{
    struct heap_node *top;
    while ((top = heap_top(&e->graces)) && top->key <= at) { /* before leases, which make their queues busy (BLK-1) */
        if (!effects_room(e->effects))
            return false;
        producer_due(e, ENGINE_OF(top, struct producer, grace));
    }
    while ((top = heap_top(&e->expiries)) && top->key <= at)
        expiry_due(e, ENGINE_OF(top, struct queue, expiry_due));
    while ((top = heap_top(&e->lifetimes)) && top->key <= at) {
        if (!effects_room(e->effects))
            return false;
        lifetime_due(e, ENGINE_OF(top, struct queue, lifetime_due));
    }
    while ((top = heap_top(&e->ttls)) && top->key <= at)
        ttl_due(e, ENGINE_OF(top, struct queue, ttl_due));
    while ((top = heap_top(&e->forgets)) && top->key <= at)
        client_due(e, ENGINE_OF(top, struct client, forget));
    (void)engine_slices(e);
    while ((top = heap_top(&e->delayed)) && top->key <= at)
        ready_due(e, ENGINE_OF(top, struct queue, delayed_due), at);
    return carry_through(e);
}

/* ... and then waiters' deadlines. */
static bool instant_end(struct engine *e, uint64_t at)
{
    struct heap_node *top;
    while ((top = heap_top(&e->deadlines)) && top->key <= at) {
        if (!effects_room(e->effects))
            return false;
        waiter_deadline(e, ENGINE_OF(top, struct waiter, deadline));
    }
    return settle_all(e);
}

/* Every instant before `now`, and the beginning of that one. */
static bool advance(struct engine *e, uint64_t now)
{
    if (e->ending && !session_end(e, e->ending))
        return false;
    if (!carry_through(e))
        return false;
    for (;;) {
        uint64_t at = next_timer(e);
        if (at > e->now && at < now)
            e->now = at;
        else if (at >= now)
            e->now = now;
        if (!instant_begin(e, e->now))
            return false;
        if (e->now >= now)
            return true;
        if (!instant_end(e, e->now))
            return false;
    }
}

size_t engine_step(struct engine *e, uint64_t now, const struct engine_command *commands, size_t count,
                   struct engine_effects *effects)
{
    size_t taken = 0;
    e->effects = effects;
    e->budget = ENGINE_SLICE;
    if (now < e->now)
        now = e->now;
    bool room = advance(e, now);
    while (room && taken < count && effects_list_room(effects) && dispatch(e, &commands[taken])) {
        taken++;
        room = carry_through(e);
    }
    if (room && taken == count)
        (void)instant_end(e, now);
    uint64_t sliced = ENGINE_SLICE - e->budget;
    e->sliced += sliced;
    if (sliced > e->slice_max)
        e->slice_max = sliced;
    e->effects = NULL;
    return taken;
}

uint64_t engine_next(const struct engine *e)
{
    if (e->dirty || e->working || e->confirming || e->ending)
        return 0;
    return next_timer(e);
}

/* ---- the rest ---- */

void engine_totals(const struct engine *e, struct engine_totals *out)
{
    *out = (struct engine_totals){
        .sessions = HASH_COUNT(e->sessions),
        .queues = HASH_CNT(hh_name, e->by_name),
        .producers = e->producers,
        .clients = HASH_COUNT(e->clients),
        .slots = e->slots,
        .members = pool_used(&e->member_pool),
        .waiters = pool_used(&e->waiter_pool),
        .messages = e->messages,
        .leases = pool_used(&e->runs),
        .sliced = e->sliced,
        .slice_max = e->slice_max,
    };
}

static void waiters_free(struct engine *e)
{
    struct waiter *w, *next;
    HASH_ITER (hh, e->waiters, w, next) {
        HASH_DEL(e->waiters, w);
        if (w->kind == WAITER_PUT) {
            free(w->put.bodies);
            free(w->put.priority_bytes);
            forward_free(w->put.forward);
        }
        if (w->kind == WAITER_GET)
            free(w->get.lost);
        if (sweeps(w))
            sweep_free(w->sweep.job);
    }
}

static void queue_free_rest(struct engine *e, struct queue *q)
{
    struct sweep *sweep, *next;
    DL_FOREACH_SAFE (q->sweeps, sweep, next) {
        sweep_free(sweep);
    }
    if (pool_used(&e->extras)) { /* they share the names of queues */
        for (uint64_t at = log_next(&q->log, 0); at < q->log.tail; at = log_next(&q->log, at + 1))
            extra_free(e, q, log_at(&q->log, at));
    }
    struct waiter *w;
    DL_FOREACH (q->blocked_sweeps, w) {
        if (!w->session) /* nobody's any more, and so not among engine->waiters */
            sweep_free(w->sweep.job);
    }
    queue_destroy(e, q);
}

void engine_limits(struct engine *e, uint32_t waiting_max, uint64_t waiting_bytes_max)
{
    e->config.waiting_max = waiting_max;
    e->config.waiting_bytes_max = waiting_bytes_max;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    struct queue *q, *next;
    HASH_ITER (hh_incarnation, e->by_incarnation, q, next)
        letters_link(e, q, NULL); /* one may go before the other */
    HASH_ITER (hh_incarnation, e->by_incarnation, q, next) {
        HASH_DELETE(hh_incarnation, e->by_incarnation, q);
        HASH_DELETE(hh_name, e->by_name, q);
        queue_free_rest(e, q);
    }
    while (e->working) /* deleted ones */
        queue_free_rest(e, e->working);
    waiters_free(e);
    nameless_free(e);
    HASH_CLEAR(hh, e->members);
    struct session *s, *after;
    HASH_ITER (hh, e->sessions, s, after) {
        HASH_DEL(e->sessions, s);
        free(s->receipts);
        free(s->stuck);
        free(s);
    }
    pool_fini(&e->runs);
    pool_fini(&e->delays);
    pool_fini(&e->member_pool);
    pool_fini(&e->waiter_pool);
    heap_fini(&e->deadlines);
    heap_fini(&e->delayed);
    heap_fini(&e->expiries);
    heap_fini(&e->graces);
    heap_fini(&e->lifetimes);
    heap_fini(&e->ttls);
    clients_free(e);
    heap_fini(&e->forgets);
    pool_fini(&e->extras);
    free(e);
}
