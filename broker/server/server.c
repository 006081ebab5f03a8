/* SPDX-License-Identifier: Apache-2.0 */
/* The server as a whole: made, run, told to end, freed. */
#include "server.h"
#include "bridge.h"
#include "codes.h"
#include "log.h"
#include "login.h"
#include "state.h"
#include "store.h"
#include "wire_limits.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    DESCRIPTORS_OWN = 32, /* kept for what is no connection */
    SECOND_NS = 1000000000,
};

void server_config_init(struct server_config *config)
{
    *config = (struct server_config){
        .connections_max = 65536,
        .tls.server = true,
        .frame_max = JQW_FRAME_MAX,
        .message_max = JQW_MESSAGE_MAX,
        .waiting_max = 1024,
        .waiting_bytes_max = 16 * 1024 * 1024,
        .out_max = 8 * 1024 * 1024,
        .memory_max = server_memory_default(),
        .hello_ns = UINT64_C(10) * SECOND_NS,
        .refuse_ns = UINT64_C(1) * SECOND_NS,
        .ping_ns = UINT64_C(5) * SECOND_NS,
        .linger_ns = UINT64_C(2) * SECOND_NS,
        .segment_size = JOURNAL_SEGMENT_SIZE,
        .drain_ns = UINT64_C(5) * SECOND_NS,
    };
}

/* ---- ending ---- */

static void on_drained(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;
    (void)events;
    server_log("%u connections did not take their last answers in time", server->connections);
    ev_break(loop, EVBREAK_ALL);
}

/* Who has not said hello has nothing to be told. */
static void drain_connection(struct connection *connection)
{
    if (connection->state == CONNECTION_GREETING)
        connection_kill(connection);
    if (connection->state == CONNECTION_OPEN)
        bridge_draining(connection, connection->server->config.drain_ns);
    connection_finish(connection);
}

static void drain(struct server *server)
{
    server_log("ending: %u connections", server->connections);
    server->draining = true;
    listeners_close(server);
    guest_stop(server);
    for (uint32_t i = 0; i < server->sessions.size; i++)
        if (server->sessions.slots[i].connection)
            drain_connection(server->sessions.slots[i].connection);
    ev_timer_init(&server->drained, on_drained, (double)server->config.drain_ns / SECOND_NS, 0.);
    server->drained.data = server;
    ev_timer_start(server->loop, &server->drained);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct server *server = watcher->data;
    (void)events;
    if (!server->draining) {
        drain(server);
        return;
    }
    server_log("ending at once");
    server->status = 1;
    ev_break(loop, EVBREAK_ALL);
}

static void signals_start(struct server *server)
{
    ev_signal_init(&server->sigterm, on_signal, SIGTERM);
    ev_signal_init(&server->sigint, on_signal, SIGINT);
    server->sigterm.data = server;
    server->sigint.data = server;
    ev_signal_start(server->loop, &server->sigterm);
    ev_signal_start(server->loop, &server->sigint);
    signal(SIGPIPE, SIG_IGN);
}

static void signals_stop(struct server *server)
{
    ev_signal_stop(server->loop, &server->sigterm);
    ev_signal_stop(server->loop, &server->sigint);
}

/* ---- beginning ---- */

/* Takes as many descriptors as the system gives, and no more connections than they are for. */
static void limit_connections(struct server_config *config)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    rlim_t most = limit.rlim_cur > DESCRIPTORS_OWN ? limit.rlim_cur - DESCRIPTORS_OWN : 1;
    if (config->connections_max > most)
        config->connections_max = (uint32_t)most;
}

static int server_init(struct server *server)
{
    limit_connections(&server->config);
    server->loop = ev_loop_new(EVFLAG_AUTO);
    server->input = malloc(INPUT_SIZE);
    server->store = store_new(server->config.memory_max);
    server->bridge = bridge_new();
    server->pool.store = server->store;
    if (!server->loop || !server->input || !server->store || !server->bridge || compact_init(server) != JQ_OK)
        return JQ_OVERLOADED;
    server_deadline_init(server);
    listeners_init(server);
    peers_init(server);
    signals_start(server);
    int code = jqw_random(server->instance, sizeof server->instance);
    if (code == JQ_OK)
        code = auth_new(&server->auth);
    if (code == JQ_OK)
        code = auth_failures_new(&server->failures);
    return code == JQ_OK ? turn_init(server) : code;
}

int server_new(const struct server_config *config, struct server **out)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return JQ_OVERLOADED;
    server->config = *config;
    int code = server_init(server);
    if (code == JQ_OK)
        *out = server;
    else
        server_free(server);
    return code;
}

int server_run(struct server *server)
{
    ev_run(server->loop, 0);
    return server->status;
}

/* ---- the end ---- */

/* Nothing is carried out any more: the engine goes as it is. */
static void drop_connection(struct server *server, struct connection *connection)
{
    sessions_forget(&server->sessions, connection);
    sessions_remove(&server->sessions, connection);
    ev_io_stop(server->loop, &connection->io);
    connection->transport.ops->close(&connection->transport);
    connection_input_free(connection);
    output_clear(&server->pool, &connection->out);
    output_clear(&server->pool, &connection->last);
    held_clear(connection);
    login_free(connection);
    auth_leave(server->auth, connection->subject);
    free(connection->name);
    free(connection);
}

static void drop_connections(struct server *server)
{
    for (uint32_t i = 0; i < server->sessions.size; i++)
        if (server->sessions.slots[i].connection)
            drop_connection(server, server->sessions.slots[i].connection);
    while (server->dead) {
        struct connection *connection = server->dead;
        server->dead = connection->next_dead;
        free(connection);
    }
    sessions_fini(&server->sessions);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    if (server->loop) {
        listeners_close(server);
        guest_stop(server);
        signals_stop(server);
    }
    drop_connections(server);
    auth_free(server->auth);
    auth_failures_free(server->failures);
    turn_fini(server);
    output_pool_fini(&server->pool);
    store_free(server->store);
    bridge_free(server->bridge);
    jqw_tls_unref(server->tls.context);
    compact_fini(server);
    free(server->input);
    if (server->loop)
        ev_loop_destroy(server->loop);
    free(server);
}
