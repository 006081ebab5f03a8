/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of connections: for hello and who says it, for what a refused one is to hear, for a sign of life where one was agreed, for
 * what is idle, and for the last answers. Each list has one duration, so the first of it is the next that is due, and one timer serves
 * all. */
#include "bridge.h"
#include "codes.h"
#include "state.h"
#include <time.h>
#include <utlist.h>

enum { SILENCES_MAX = 3 };

uint64_t server_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void server_deadline_clear(struct connection *connection)
{
    if (!connection->deadlines)
        return;
    DL_DELETE(connection->deadlines->first, connection);
    connection->deadlines = NULL;
}

void server_deadline_set(struct connection *connection, struct deadlines *list, uint64_t duration_ns)
{
    server_deadline_clear(connection);
    connection->deadline_ns = server_now() + duration_ns;
    connection->deadlines = list;
    DL_APPEND(list->first, connection);
}

static uint64_t earliest(const struct server *server)
{
    const struct connection *first[] = {server->greeting.first, server->refused.first, server->silent.first,
                                        server->idle.first, server->ending.first};
    uint64_t due = begun_due(server);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        due = first[i] && first[i]->deadline_ns < due ? first[i]->deadline_ns : due;
    return due;
}

/* A span without a word may be the broker's own doing, if it was stopped itself; not several. */
static void connection_silent(struct connection *connection)
{
    struct server *server = connection->server;
    if (++connection->silences == SILENCES_MAX)
        bridge_refuse(connection, JQ_DISCONNECTED, "this client was not heard in time");
    else
        server_deadline_set(connection, &server->silent, server->config.ping_ns);
}

void server_idle_begin(struct connection *connection)
{
    if (connection->server->config.idle_ns == 0 || connection->guest)
        return;
    connection->silences = 1; /* until it says something */
    server_deadline_set(connection, &connection->server->idle, connection->server->config.idle_ns);
}

static void connection_idle(struct connection *connection)
{
    const struct server *server = connection->server;
    server_deadline_clear(connection);
    if (connection->silences == 0 || !engine_idle(server->turn.engine, (struct engine_session_id){connection->id}))
        server_idle_begin(connection);
    else
        bridge_refuse(connection, JQ_DISCONNECTED, "this connection was idle for too long");
}

void server_deadline_arm(struct server *server)
{
    uint64_t due = earliest(server);
    if (due >= server->deadline_at)
        return; /* the timer comes early enough, and is set anew then */
    uint64_t now = server_now();
    ev_timer_stop(server->loop, &server->deadline);
    ev_timer_set(&server->deadline, due > now ? (double)(due - now) / 1e9 : 0., 0.);
    ev_timer_start(server->loop, &server->deadline);
    server->deadline_at = due;
}

/* Within a handshake of TLS nothing can be said. */
static void no_hello(struct connection *connection)
{
    if (jqw_tls_established(&connection->transport))
        bridge_refuse(connection, JQ_PROTOCOL,
                      connection->greeted ? "no password came in time" : "no hello came in time");
    else
        connection_kill(connection);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;
    (void)loop;
    (void)events;
    uint64_t now = server_now();
    server->deadline_at = UINT64_MAX;
    while (server->greeting.first && server->greeting.first->deadline_ns <= now)
        no_hello(server->greeting.first);
    while (server->refused.first && server->refused.first->deadline_ns <= now)
        bridge_login_refused(server->refused.first);
    while (server->silent.first && server->silent.first->deadline_ns <= now)
        connection_silent(server->silent.first);
    while (server->idle.first && server->idle.first->deadline_ns <= now)
        connection_idle(server->idle.first);
    begun_turn(server, now);
    while (server->ending.first && server->ending.first->deadline_ns <= now)
        connection_kill(server->ending.first);
}

void server_deadline_init(struct server *server)
{
    server->deadline_at = UINT64_MAX;
    ev_timer_init(&server->deadline, on_deadline, 0., 0.);
    server->deadline.data = server;
}
