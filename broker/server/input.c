/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: one read a connection and turn into memory that all connections share; only the bytes of a frame that is not whole yet
 * are kept. A large frame is read into its own memory, which grows with what has come, not with what was announced. */
#include "bridge.h"
#include "codes.h"
#include "connection.h"
#include "state.h"
#include <string.h>

enum {
    SHARED_MAX = INPUT_SIZE / 2, /* kept bytes up to which the next read goes to the shared memory, behind them */
    READ_MIN = 16 * 1024,        /* room for a read into own memory, at least */
    TLS_HANDSHAKE = 22,          /* the first byte of TLS */
    ALWAYS_MAX = 64 * 1024,      /* bytes that are kept also where memory is short: all but puts fit in them (PUT-4) */
    FRAMES_MAX = 1024,           /* of a turn, where what is left would have to be thrown away */
};

void connection_input_free(struct connection *connection)
{
    begun_end(connection);
    connection->server->input_bytes -= connection->in.capacity;
    jqw_buffer_fini(&connection->in);
}

/* Makes room in the connection's own memory, within the limit of all; a little is always had. */
static int own_room(struct connection *connection, size_t more)
{
    struct server *server = connection->server;
    size_t before = connection->in.capacity;
    bool much = connection->in.size + more > ALWAYS_MAX;
    if (much && more > before - connection->in.size && !server_memory_allows(server, before + more))
        return JQ_OVERLOADED;
    int code = jqw_buffer_reserve(&connection->in, more);
    server->input_bytes += connection->in.capacity - before;
    return code;
}

static void out_of_memory(struct connection *connection)
{
    bridge_refuse(connection, JQ_OVERLOADED, "the broker has no memory left for an incomplete frame");
}

/* Keeps the rest, which lies in the shared memory. */
static void keep(struct connection *connection, const uint8_t *bytes, size_t size)
{
    connection->in.size = 0;
    if (own_room(connection, size) != JQ_OK) {
        out_of_memory(connection);
        return;
    }
    memcpy(connection->in.data, bytes, size);
    connection->in.size = size;
}

static bool reads_frames(const struct connection *connection)
{
    return (connection->state == CONNECTION_GREETING || connection->state == CONNECTION_OPEN) && !connection->deaf;
}

/* Whether what is left can be kept for another turn: where memory is short, a little, and what is kept already. */
static bool can_keep(const struct connection *connection, size_t left)
{
    return left <= ALWAYS_MAX || left <= connection->in.size || server_memory_allows(connection->server, left);
}

/* Whether so many are its share of a turn. */
static bool has_share(const struct connection *connection, uint32_t frames, size_t left)
{
    return frames >= FRAMES_MAX || (frames >= share_frames(connection) && can_keep(connection, left));
}

/* Whether the next frame has to wait: for another turn, or until answers are written. */
static bool has_enough(struct connection *connection, uint32_t frames, size_t left)
{
    if (connection_out_full(connection))
        connection->paused = true;
    else if (has_share(connection, frames, left) || connection->looks >= INPUT_LOOKS_MAX)
        connection_more(connection);
    else
        return false;
    return true;
}

/* What is wrong with the length of a frame, by its first byte. */
static const char *frame_fault(const struct connection *connection, uint8_t first)
{
    if (connection->state == CONNECTION_GREETING && first == TLS_HANDSHAKE)
        return "this listener does not speak TLS: joinq://, not joinqs://";
    return "the length of a frame is 0 or beyond the limit";
}

/* Gives the whole frames to the bridge; returns how many bytes they were. */
static size_t take_frames(struct connection *connection, const uint8_t *bytes, size_t size)
{
    size_t at = 0, consumed = 0;
    connection->looks = 0;
    uint32_t frames = 0;
    for (; reads_frames(connection); frames++) {
        struct jqw_frame frame;
        enum jqw_frame_status status =
            jqw_frame_next(&connection->parser, bytes + at, size - at, &frame, &consumed, NULL);
        if (status == JQW_FRAME_ERROR)
            bridge_refuse(connection, JQ_PROTOCOL, frame_fault(connection, bytes[at]));
        if (status != JQW_FRAME_ONE || has_enough(connection, frames, size - at))
            break;
        at += consumed;
        bridge_frame(connection, &frame);
    }
    share_took(connection, frames);
    return at;
}

static void take_shared(struct connection *connection, size_t size)
{
    const uint8_t *bytes = connection->server->input;
    size_t taken = take_frames(connection, bytes, size);
    if (!reads_frames(connection))
        return; /* all input was dropped */
    if (taken < size)
        keep(connection, bytes + taken, size - taken);
    else
        connection_input_free(connection);
    begun_look(connection, taken > 0);
}

static void take_own(struct connection *connection)
{
    size_t taken = take_frames(connection, connection->in.data, connection->in.size);
    if (!reads_frames(connection))
        return;
    jqw_buffer_consume(&connection->in, taken);
    if (connection->in.size == 0)
        connection_input_free(connection);
    begun_look(connection, taken > 0);
}

/* Where the next read goes: behind the kept bytes, in the shared memory or in their own. */
static uint8_t *read_place(struct connection *connection, size_t *room)
{
    struct server *server = connection->server;
    size_t kept = connection->in.size;
    if (kept <= SHARED_MAX) {
        if (kept > 0)
            memcpy(server->input, connection->in.data, kept);
        *room = share_bytes(connection, INPUT_SIZE - kept);
        return server->input + kept;
    }
    if (own_room(connection, READ_MIN) != JQ_OK)
        return NULL;
    *room = connection->in.capacity - kept;
    if (*room > INPUT_SIZE)
        *room = INPUT_SIZE;
    return connection->in.data + kept;
}

static void read_frames(struct connection *connection)
{
    size_t kept = connection->in.size, room;
    uint8_t *place = read_place(connection, &room);
    if (!place) {
        out_of_memory(connection);
        return;
    }
    ssize_t got = jqw_read(&connection->transport, place, room);
    if (got == JQW_IO_AGAIN)
        return;
    connection->silences = 0;
    connection->greedy = connection->greedy && (size_t)got == room; /* until all that was sent has been taken */
    if (got < 0) {
        connection->peer_ended = true;
        connection->broken = connection->broken || got == JQW_IO_ERROR;
        server_tls_failed(connection);
        connection_finish(connection);
        return;
    }
    if (kept <= SHARED_MAX) {
        take_shared(connection, kept + (size_t)got);
    } else {
        connection->in.size += (size_t)got;
        take_own(connection);
    }
}

/* What comes after the end was said is thrown away. */
static void throw_away(struct connection *connection)
{
    struct server *server = connection->server;
    ssize_t got = jqw_read(&connection->transport, server->input, INPUT_SIZE);
    if (got == JQW_IO_CLOSED || got == JQW_IO_ERROR)
        connection_kill(connection);
}

/* Bytes that the transport holds already, and no event announces. */
static void look_inside(struct connection *connection)
{
    if (reads_frames(connection) && !connection->paused && connection->transport.ops->pending(&connection->transport))
        connection_more(connection);
}

void connection_read(struct connection *connection)
{
    if (connection->state == CONNECTION_LINGERING) {
        throw_away(connection);
    } else if (reads_frames(connection) && !connection->more && !connection->paused) {
        read_frames(connection);
        look_inside(connection);
    }
}

void connection_read_more(struct connection *connection)
{
    if (!reads_frames(connection))
        return;
    if (connection->in.size > 0)
        take_own(connection);
    if ((connection->greedy || connection->transport.ops->pending(&connection->transport)) && !connection->out_blocked)
        connection_read(connection);
}
