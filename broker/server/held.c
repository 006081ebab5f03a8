/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of one connection are in the order in which they were made, which is nearly that of their records. */
#include "held.h"
#include "codes.h"
#include "engine.h"
#include "state.h"
#include <stdlib.h>
#include <utlist.h>

struct held {
    struct held *next;
    uint64_t after;   /* the record that must be durable, ... */
    uint64_t written; /* ... and written */
    uint32_t request;
    bool receipt;
    uint64_t lends;        /* the queue of which it has messages; 0: none */
    uint64_t takes;        /* the queue that takes messages back, and leaves after what is held of it; 0: none */
    struct unread *unread; /* its bodies were not all in memory: in case they cannot be read */
    struct output out;
};

static bool on_receipt(const struct engine_effect *effect)
{
    return effect->kind == ENGINE_GOT && effect->got.receipt > 0;
}

static bool lends(const struct held_list *list, uint64_t incarnation)
{
    for (const struct held *held = list->first; held; held = held->next)
        if (held->lends == incarnation)
            return true;
    return false;
}

/* Nobody is told that it has lost what it has not got yet. */
static bool goes_behind(const struct connection *connection, const struct engine_effect *effect)
{
    return effect->kind == ENGINE_EVENT_LEASE_LOST && lends(&connection->held, effect->incarnation);
}

bool held_waits(const struct connection *connection, const struct engine_effect *effect)
{
    const struct turn *turn = &connection->server->turn;
    return effect->after > turn->durable || effect->written > turn->written ||
           (connection->held.receipts > 0 && on_receipt(effect)) || goes_behind(connection, effect);
}

static void list_add(struct held_list *list, struct held *held)
{
    if (list->last)
        list->last->next = held;
    else
        list->first = held;
    list->last = held;
    list->count++;
    list->receipts += held->receipt;
    list->reading += held->unread ? held->out.bytes : 0;
}

int held_add(struct connection *connection, const struct engine_effect *effect, struct output *out)
{
    struct held_list *list = &connection->held;
    struct held *held = malloc(sizeof *held);
    if (!held)
        return JQ_OVERLOADED;
    struct unread *unread = out->absent ? unread_new(effect) : NULL;
    if (out->absent && !unread) {
        free(held);
        return JQ_OVERLOADED;
    }
    *held = (struct held){.request = effect->request,
                          .after = effect->after,
                          .written = effect->written,
                          .receipt = on_receipt(effect),
                          .lends = effect->kind == ENGINE_GOT ? effect->incarnation : 0,
                          .takes = goes_behind(connection, effect) ? effect->incarnation : 0,
                          .unread = unread,
                          .out = *out};
    *out = (struct output){0};
    if (list->count == 0)
        DL_APPEND2(connection->server->holding, connection, hprev, hnext);
    list_add(list, held);
    if (held->unread)
        connection_mark(connection); /* it may have more than enough by now */
    return JQ_OK;
}

/* Nothing is held any more. */
static void forget(struct connection *connection)
{
    connection->held = (struct held_list){0};
    DL_DELETE2(connection->server->holding, connection, hprev, hnext);
}

static void held_free(struct connection *connection, struct held *held)
{
    output_clear(&connection->server->pool, &held->out);
    unread_free(held->unread);
    free(held);
}

/* Takes what was read for it. False: it is not held any more, for there is something that cannot be. */
static bool resolve(struct connection *connection, struct held *held)
{
    struct server *server = connection->server;
    int code = held->out.absent && server->read_some ? output_resolve(&server->pool, &held->out) : JQ_OK;
    if (code == JQ_OK)
        return true;
    unread_add(server, held->unread);
    held->unread = NULL;
    held_free(connection, held);
    return false;
}

static bool waits(const struct connection *connection, const struct held *held)
{
    const struct turn *turn = &connection->server->turn;
    return held->after > turn->durable || held->written > turn->written || held->out.absent;
}

static void release(struct connection *connection)
{
    struct held_list left = {0};
    for (struct held *held = connection->held.first, *next; held; held = next) {
        next = held->next;
        held->next = NULL;
        if (!resolve(connection, held))
            continue;
        if (waits(connection, held) || (held->receipt && left.receipts) || (held->takes && lends(&left, held->takes))) {
            list_add(&left, held);
            continue;
        }
        output_splice(&connection->out, &held->out);
        held_free(connection, held);
    }
    if (left.count < connection->held.count)
        connection_mark(connection);
    if (left.count)
        connection->held = left;
    else
        forget(connection);
}

void held_release(struct server *server)
{
    struct connection *connection, *next;
    DL_FOREACH_SAFE2 (server->holding, connection, next, hnext)
        release(connection);
    server->read_some = false;
}

bool held_has(const struct connection *connection, uint32_t request)
{
    for (const struct held *held = connection->held.first; held; held = held->next)
        if (held->request == request)
            return true;
    return false;
}

void held_clear(struct connection *connection)
{
    struct held *held = connection->held.first;
    if (!held)
        return;
    while (held) {
        struct held *next = held->next;
        held_free(connection, held);
        held = next;
    }
    forget(connection);
}
