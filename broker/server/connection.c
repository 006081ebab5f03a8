/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection, and its writing. See the diagram in connection.h. */
#include "connection.h"
#include "audit.h"
#include "codes.h"
#include "login.h"
#include "state.h"
#include <stdlib.h>
#include <string.h>

enum { WRITE_ENTRIES = 256 /* segments in one write */ };

static bool is_alive(const struct connection *connection)
{
    return connection->state == CONNECTION_GREETING || connection->state == CONNECTION_OPEN;
}

/* ---- events ---- */

static int wanted(const struct connection *connection)
{
    int user = 0;
    bool heard = !connection->out_blocked && !connection->deaf && !connection->throttled;
    if ((is_alive(connection) && heard) || connection->state == CONNECTION_LINGERING)
        user |= JQW_WANT_READ;
    if (connection->write_waits)
        user |= JQW_WANT_WRITE;
    int events = connection->transport.ops->wanted(&connection->transport, user);
    return (events & JQW_WANT_READ ? EV_READ : 0) | (events & JQW_WANT_WRITE ? EV_WRITE : 0);
}

static void watch(struct connection *connection)
{
    struct ev_loop *loop = connection->server->loop;
    if (connection->transport.ops->fd(&connection->transport) < 0)
        return; /* a guest's */
    int events = wanted(connection);
    if (ev_is_active(&connection->io) && (connection->io.events & (EV_READ | EV_WRITE)) == events)
        return;
    ev_io_stop(loop, &connection->io);
    ev_io_set(&connection->io, connection->transport.ops->fd(&connection->transport), events);
    if (events != 0)
        ev_io_start(loop, &connection->io);
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct connection *connection = watcher->data;
    (void)loop;
    int came = (events & EV_READ ? JQW_WANT_READ : 0) | (events & EV_WRITE ? JQW_WANT_WRITE : 0);
    int may = connection->transport.ops->ready(&connection->transport, came);
    if ((may & JQW_WANT_WRITE) || (events & EV_WRITE)) {
        connection->write_waits = false;
        connection_mark(connection);
    }
    if (may & JQW_WANT_READ)
        share_read(connection);
    if (connection->state != CONNECTION_DEAD)
        watch(connection); /* the transport itself may wait for something else now */
}

void connection_mark(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->dirty)
        return;
    connection->dirty = true;
    if (server->dirty_last)
        server->dirty_last->next_dirty = connection;
    else
        server->dirty_first = connection;
    server->dirty_last = connection;
}

/* ---- beginning ---- */

/* What its transport takes of the limit on memory. */
static void charge(struct connection *connection, uint32_t bytes)
{
    connection->server->transport_bytes += bytes;
    connection->server->transport_bytes -= connection->transport_bytes;
    connection->transport_bytes = bytes;
}

int connection_open(struct server *server, const struct jqw_transport *transport, unsigned methods, uint64_t *id)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return JQ_OVERLOADED;
    connection->server = server;
    connection->transport = *transport;
    int code = addresses_enter(connection);
    if (code != JQ_OK) {
        free(connection);
        return code;
    }
    if (sessions_add(&server->sessions, connection) != JQ_OK) {
        addresses_leave(connection);
        free(connection);
        return JQ_OVERLOADED;
    }
    connection->methods = (uint8_t)methods;
    connection->state = CONNECTION_GREETING;
    connection->parser.frame_max = HELLO_FRAME_MAX;
    ev_init(&connection->io, on_io);
    connection->io.data = connection;
    connection->remote = jqw_transport_peer(transport, 0) != JQW_PEER_LOCAL;
    charge(connection, jqw_tls_established(transport) ? 0 : TLS_HANDSHAKE_BYTES);
    server->connections++;
    server->counters.accepted++;
    if (id)
        *id = connection->id;
    server_deadline_set(connection, &server->greeting, server->config.hello_ns);
    watch(connection);
    return JQ_OK;
}

void connection_opened(struct connection *connection, uint32_t request)
{
    struct server *server = connection->server;
    turn_room(server);
    struct engine_command *command = turn_command(server);
    command->op = ENGINE_SESSION_OPEN;
    command->session.value = connection->id;
    command->request = request;
    memcpy(command->open.client, connection->client, sizeof command->open.client);
    connection->in_session = true;
    connection->state = CONNECTION_OPEN;
    connection->parser.frame_max = server->config.frame_max;
    charge(connection, connection->transport_bytes ? TLS_BYTES : 0);
    server_deadline_clear(connection);
    if (connection->pings)
        server_deadline_set(connection, &server->silent, server->config.ping_ns);
    else
        server_idle_begin(connection);
}

/* ---- ending ---- */

static void end_session(struct connection *connection)
{
    struct server *server = connection->server;
    sessions_forget(&server->sessions, connection);
    if (connection->counted)
        auth_disconnect(connection->subject);
    connection->counted = false;
    if (!connection->in_session)
        return;
    connection->in_session = false;
    turn_room(server);
    struct engine_command *command = turn_command(server);
    command->op = ENGINE_SESSION_END;
    command->session.value = connection->id;
    command->end.forget = connection->forget;
}

void connection_finish(struct connection *connection)
{
    struct server *server = connection->server;
    if (!is_alive(connection))
        return;
    connection->state = CONNECTION_CLOSING;
    end_session(connection);
    connection_input_free(connection);
    server_deadline_set(connection, &server->ending, server->config.linger_ns);
    connection_mark(connection);
}

void connection_kill(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->state == CONNECTION_DEAD)
        return;
    connection->state = CONNECTION_DEAD;
    end_session(connection);
    ev_io_stop(server->loop, &connection->io);
    connection->transport.ops->close(&connection->transport);
    connection_input_free(connection);
    output_clear(&server->pool, &connection->out);
    output_clear(&server->pool, &connection->last);
    held_clear(connection);
    server_deadline_clear(connection);
    sessions_remove(&server->sessions, connection);
    addresses_leave(connection);
    audit_clear(connection);
    login_free(connection);
    auth_leave(server->auth, connection->subject);
    connection->subject = NULL;
    free(connection->name);
    connection->name = NULL;
    connection->name_size = 0;
    charge(connection, 0);
    server->connections--;
    connection->next_dead = server->dead;
    server->dead = connection;
    listeners_resume(server);
}

/* Everything is written. */
static void close_after_writing(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->peer_ended || connection->broken) {
        connection_kill(connection);
        return;
    }
    connection->state = CONNECTION_LINGERING;
    connection->transport.ops->shutdown(&connection->transport);
    server_deadline_set(connection, &server->ending, server->config.linger_ns);
}

/* ---- writing ---- */

static size_t iov_bytes(const struct iovec *iov, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += iov[i].iov_len;
    return bytes;
}

/* Nothing can be written any more. What the peer had sent before is still read, and so is its end. */
static void writing_failed(struct connection *connection)
{
    struct server *server = connection->server;
    connection->broken = true;
    connection->write_waits = false;
    if (connection->deadlines != &server->ending)
        server_deadline_set(connection, &server->ending, server->config.linger_ns);
}

void connection_write(struct connection *connection)
{
    struct server *server = connection->server;
    struct iovec iov[WRITE_ENTRIES];
    if (connection->write_waits || connection->out.bytes == 0 || connection->state == CONNECTION_DEAD)
        return;
    int count = output_iov(&connection->out, iov, WRITE_ENTRIES);
    ssize_t written = connection->broken ? JQW_IO_ERROR : jqw_writev(&connection->transport, iov, count);
    if (written == JQW_IO_AGAIN) {
        connection->write_waits = true;
    } else if (written < 0) {
        writing_failed(connection);
        output_clear(&server->pool, &connection->out);
    } else {
        connection->write_waits = (size_t)written < iov_bytes(iov, count);
        output_written(&server->pool, &connection->out, (size_t)written);
        connection->silences = connection->out_blocked ? 0 : connection->silences; /* it is not read, but it reads */
        if (connection->remote && !connection->sent)
            peers_add(connection);
        if (connection->state == CONNECTION_CLOSING && written > 0)
            server_deadline_set(connection, &server->ending, server->config.linger_ns);
    }
}

/* What is still being read takes its memory soon. */
static uint64_t out_bytes(const struct connection *connection)
{
    return connection->out.bytes + connection->held.reading;
}

bool connection_out_full(const struct connection *connection)
{
    struct server *server = connection->server;
    uint64_t bytes = out_bytes(connection);
    return bytes > server->config.out_max || (bytes > OUT_SHORT && !server_memory_allows(server, 1));
}

/* A connection that does not read what it is sent is not read either, and its gets are passed over (GET-4). */
bool connection_blocks(struct connection *connection, struct engine_command *command)
{
    uint64_t half = connection->server->config.out_max / 2;
    bool blocked = connection_out_full(connection) || (connection->out_blocked && out_bytes(connection) >= half);
    if (blocked == connection->out_blocked || !connection->in_session)
        return false;
    connection->out_blocked = blocked;
    *command =
        (struct engine_command){.op = ENGINE_OUTPUT_BLOCKED, .session.value = connection->id, .blocked = blocked};
    return true;
}

static void settle_input(struct connection *connection)
{
    struct server *server = connection->server;
    struct engine_command command;
    if (connection_blocks(connection, &command)) {
        turn_room(server);
        *turn_command(server) = command;
    }
    if (connection->paused && !connection->out_blocked) {
        connection->paused = false;
        connection_more(connection);
    } else if (!connection->out_blocked && !connection->deaf &&
               connection->transport.ops->pending(&connection->transport)) {
        connection_more(connection); /* what lay inside while it was not read */
    }
}

bool connection_settle(struct connection *connection)
{
    if (connection->failed)
        connection_kill(connection);
    if (connection->state == CONNECTION_DEAD)
        return false;
    if (connection->held.count == 0)
        output_splice(&connection->out, &connection->last);
    connection_write(connection);
    if (is_alive(connection))
        settle_input(connection);
    else if (connection->state == CONNECTION_CLOSING && connection->out.bytes == 0 && connection->held.count == 0)
        close_after_writing(connection);
    if (connection->state == CONNECTION_DEAD)
        return false;
    watch(connection);
    return connection->out.bytes > 0 && !connection->write_waits;
}
