/* SPDX-License-Identifier: Apache-2.0 */
/* Telling a service manager. A loop that does not turn any more says nothing, and is started anew from outside. */
#include "notify.h"
#include "state.h"
#include <stdarg.h>
#include <stdio.h>

void server_notify(const struct server *server, const char *format, ...)
{
    char lines[512];
    va_list arguments;
    if (!server->config.notify)
        return;
    va_start(arguments, format);
    vsnprintf(lines, sizeof lines, format, arguments);
    va_end(arguments);
    server->config.notify(lines);
}

static void on_alive(struct ev_loop *loop, ev_timer *timer, int events)
{
    const struct server *server = timer->data;
    (void)loop;
    (void)events;
    if (server->draining)
        server_notify(server, "WATCHDOG=1");
    else
        server_notify(server, "WATCHDOG=1\nSTATUS=serving: %u connections", server->connections);
}

void notify_start(struct server *server)
{
    double every = (double)server->config.alive_ns / 1e9;
    ev_timer_init(&server->alive, on_alive, every, every);
    server->alive.data = server;
    if (server->config.notify && every > 0.)
        ev_timer_start(server->loop, &server->alive);
}

void notify_stop(struct server *server)
{
    ev_timer_stop(server->loop, &server->alive);
}
