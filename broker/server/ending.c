/* SPDX-License-Identifier: Apache-2.0 */
/* Ending. The bound holds whatever happens: where the loop, or a thread of the journal that is waited for, does not come to its end
 * in time, a last signal ends the process as it is; what was not on the disk then was acknowledged to nobody. */
#include "ending.h"
#include "bridge.h"
#include "log.h"
#include "notify.h"
#include "state.h"
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { SECOND_NS = 1000000000, DISK_S = 1 /* that a disk has to answer, beyond the bound */ };

/* ---- where nothing else helps ---- */

static void say(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void on_told_early(int number)
{
    (void)number;
    say("joinqd: ending: the data had not been read to its end\n");
    _exit(0);
}

static void on_bound(int number)
{
    (void)number;
    say("joinqd: the disk does not answer: ending without it\n");
    _exit(1);
}

static void end_within(uint64_t ns)
{
    const struct itimerval bound = {
        .it_value = {.tv_sec = (time_t)(ns / SECOND_NS) + DISK_S, .tv_usec = (suseconds_t)(ns % SECOND_NS / 1000)}};
    signal(SIGALRM, on_bound);
    (void)setitimer(ITIMER_REAL, &bound, NULL);
}

static void end_whenever(void)
{
    const struct itimerval none = {0};
    (void)setitimer(ITIMER_REAL, &none, NULL);
    signal(SIGALRM, SIG_DFL);
}

/* ---- in order ---- */

static void on_drained(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;
    (void)events;
    if (server->connections > 0)
        server_warn("%u connections did not take their last answers in time", server->connections);
    else
        server_error("the disk did not take the last records in time");
    if (!storage_synced(server))
        server->status = 1;
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
    server_notify(server, "STOPPING=1\nSTATUS=ending: %u connections", server->connections);
    server->draining = true;
    end_within(server->config.drain_ns);
    listeners_close(server);
    guest_leave(server);
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
    server_warn("ending at once");
    server->status = 1;
    end_within(0);
    ev_break(loop, EVBREAK_ALL);
}

void ending_turn(struct server *server)
{
    if (server->draining && server->connections == 0 && storage_synced(server))
        ev_break(server->loop, EVBREAK_ALL);
}

/* ---- signals ---- */

void ending_init(struct server *server)
{
    ev_signal_init(&server->sigterm, on_signal, SIGTERM);
    ev_signal_init(&server->sigint, on_signal, SIGINT);
    server->sigterm.data = server;
    server->sigint.data = server;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_told_early);
    signal(SIGINT, on_told_early);
}

void ending_start(struct server *server)
{
    ev_signal_start(server->loop, &server->sigterm);
    ev_signal_start(server->loop, &server->sigint);
}

void ending_stop(struct server *server)
{
    ev_signal_stop(server->loop, &server->sigterm);
    ev_signal_stop(server->loop, &server->sigint);
    if (server->draining)
        end_whenever();
}
