/* SPDX-License-Identifier: Apache-2.0 */
/* The server as a whole: made, run, told to end, freed. */
#include "server.h"
#include "audit.h"
#include "bridge.h"
#include "codes.h"
#include "ending.h"
#include "log.h"
#include "login.h"
#include "notify.h"
#include "state.h"
#include "store.h"
#include "wire_limits.h"
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

/* ---- beginning ---- */

/* Takes the descriptors that it needs, as far as the system gives them, and no more connections than there are for. */
void server_limit_connections(struct server_config *config)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)config->connections_max + DESCRIPTORS_OWN;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < need)
        limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    rlim_t most = limit.rlim_cur > DESCRIPTORS_OWN ? limit.rlim_cur - DESCRIPTORS_OWN : 1;
    if (config->connections_max > most)
        config->connections_max = (uint32_t)most;
}

static int server_init(struct server *server)
{
    server_limit_connections(&server->config);
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
    share_init(server);
    ending_init(server);
    reload_start(server);
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
    if (code != JQ_OK) {
        server_free(server);
        return code;
    }
    ending_start(server);
    notify_start(server);
    *out = server;
    return JQ_OK;
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
    addresses_leave(connection);
    ev_io_stop(server->loop, &connection->io);
    connection->transport.ops->close(&connection->transport);
    connection_input_free(connection);
    output_clear(&server->pool, &connection->out);
    output_clear(&server->pool, &connection->last);
    held_clear(connection);
    audit_clear(connection);
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
        notify_stop(server);
    }
    drop_connections(server);
    auth_free(server->auth);
    auth_failures_free(server->failures);
    turn_fini(server);
    output_pool_fini(&server->pool);
    store_free(server->store);
    bridge_free(server->bridge);
    jqw_tls_unref(server->tls.context);
    server_tls_drop(server);
    compact_fini(server);
    free(server->input);
    if (server->loop) {
        ending_stop(server);
        reload_stop(server);
        ev_loop_destroy(server->loop);
    }
    free(server);
}
