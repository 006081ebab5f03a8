/* SPDX-License-Identifier: Apache-2.0 */
/* The list is short and in the order in which the answers were made, which is nearly that of their records. */
#include "held.h"
#include "codes.h"
#include "state.h"
#include <stdlib.h>

int held_add(struct held_list *list, uint64_t session, uint32_t request, uint64_t after, struct output *out)
{
    struct held *held = malloc(sizeof *held);
    if (!held)
        return JQ_OVERLOADED;
    *held = (struct held){.session = session, .request = request, .after = after, .out = *out};
    *out = (struct output){0};
    if (list->last)
        list->last->next = held;
    else
        list->first = held;
    list->last = held;
    return JQ_OK;
}

static void send(struct server *server, struct held *held)
{
    struct connection *connection = sessions_find(&server->sessions, held->session);
    if (connection) {
        output_splice(&connection->out, &held->out);
        connection->held--;
        connection_mark(connection);
    }
    output_clear(&server->pool, &held->out);
    free(held);
}

void held_release(struct server *server, uint64_t durable)
{
    struct held_list left = {0};
    for (struct held *held = server->turn.held.first, *next; held; held = next) {
        next = held->next;
        held->next = NULL;
        if (held->after <= durable) {
            send(server, held);
        } else {
            if (left.last)
                left.last->next = held;
            else
                left.first = held;
            left.last = held;
        }
    }
    server->turn.held = left;
}

bool held_has(const struct held_list *list, uint64_t session, uint32_t request)
{
    for (const struct held *held = list->first; held; held = held->next)
        if (held->session == session && held->request == request)
            return true;
    return false;
}

void held_clear(struct held_list *list, struct output_pool *pool)
{
    while (list->first) {
        struct held *held = list->first;
        list->first = held->next;
        output_clear(pool, &held->out);
        free(held);
    }
    list->last = NULL;
}
