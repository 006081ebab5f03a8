/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP, and other limits while the server runs. What is read again, and where, is for others to know. */
#include "engine.h"
#include "state.h"
#include "store.h"
#include <signal.h>

static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct server *server = watcher->data;
    (void)loop;
    (void)events;
    if (server->reload && !server->draining)
        server->reload(server->reload_user);
}

/* One that came before was made to wait. */
void reload_start(struct server *server)
{
    sigset_t set;
    ev_signal_init(&server->sighup, on_hangup, SIGHUP);
    server->sighup.data = server;
    ev_signal_start(server->loop, &server->sighup);
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void reload_stop(struct server *server)
{
    ev_signal_stop(server->loop, &server->sighup);
}

void server_on_reload(struct server *server, void (*reload)(void *user), void *user)
{
    server->reload = reload;
    server->reload_user = user;
}

/* A time that is shorter now holds for connections to come, and is late by the old one at most as long as there are older ones: see
 * deadline.c. The ping interval has been agreed with clients. */
void server_reconfigure(struct server *server, const struct server_config *config)
{
    struct server_config *own = &server->config;
    own->connections_max = config->connections_max;
    own->address_max = config->address_max;
    own->requests_max = config->requests_max;
    own->idle_ns = config->idle_ns;
    own->frame_max = config->frame_max;
    own->message_max = config->message_max;
    own->waiting_max = config->waiting_max;
    own->waiting_bytes_max = config->waiting_bytes_max;
    own->out_max = config->out_max;
    own->memory_max = config->memory_max;
    own->hello_ns = config->hello_ns;
    own->refuse_ns = config->refuse_ns;
    own->linger_ns = config->linger_ns;
    own->drain_ns = config->drain_ns;
    server_limit_connections(own);
    engine_limits(server->turn.engine, own->waiting_max, own->waiting_bytes_max);
    store_limit(server->store, own->memory_max);
    server->memory_room = 0;
}
