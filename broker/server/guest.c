/* SPDX-License-Identifier: Apache-2.0 */
/* The loop on behalf of a guest, and its connection, which no descriptor wakes. */
#include "guest.h"
#include "auth.h"
#include "codes.h"
#include "connection.h"
#include "server.h"
#include "state.h"

static const double FOREVER_S = 1e9;

/* What the guest wrote is read in the next turn, and what did not fit into the pair is written. */
static void look_again(struct server *server)
{
    struct connection *connection = sessions_find(&server->sessions, server->guest.session);
    if (!connection)
        return;
    if (connection->transport.ops->pending(&connection->transport))
        connection_more(connection);
    if (connection->write_waits) {
        connection->write_waits = false;
        connection_mark(connection);
    }
}

static void run(struct server *server)
{
    struct guest *guest = &server->guest;
    uint64_t again_ns = guest->is->run(guest->is->user);
    look_again(server);
    ev_timer_stop(server->loop, &guest->timer);
    double seconds = (double)again_ns / 1e9;
    ev_timer_set(&guest->timer, seconds < FOREVER_S ? seconds : FOREVER_S, 0.);
    ev_timer_start(server->loop, &guest->timer);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    run(watcher->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    run(timer->data);
}

int server_guest(struct server *server, const struct server_guest *is, struct jqw_transport *transport)
{
    struct guest *guest = &server->guest;
    JQ_ASSERT(!guest->is);
    int code = connection_open(server, transport, AUTH_OPEN, &guest->session);
    if (code != JQ_OK)
        return code;
    struct connection *connection = sessions_find(&server->sessions, guest->session);
    connection->guest = true;
    server_deadline_clear(connection);
    guest->is = is;
    ev_io_init(&guest->io, on_io, is->fd, EV_READ);
    ev_timer_init(&guest->timer, on_timer, 0., 0.);
    guest->io.data = guest->timer.data = server;
    ev_io_start(server->loop, &guest->io);
    ev_timer_start(server->loop, &guest->timer);
    return JQ_OK;
}

uint32_t guest_connections(const struct server *server)
{
    return server->guest.is && sessions_find(&server->sessions, server->guest.session) ? 1 : 0;
}

void guest_turn(struct server *server)
{
    const struct server_guest *is = server->guest.is;
    if (is && is->other->ops->pending(is->other))
        run(server);
}

void guest_leave(struct server *server)
{
    struct connection *connection = sessions_find(&server->sessions, server->guest.session);
    if (server->guest.is && connection)
        connection_kill(connection);
}

void guest_stop(struct server *server)
{
    struct guest *guest = &server->guest;
    if (!guest->is)
        return;
    guest_leave(server);
    ev_io_stop(server->loop, &guest->io);
    ev_timer_stop(server->loop, &guest->timer);
    guest->is = NULL;
}
