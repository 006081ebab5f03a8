/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of a turn: see share.h. */
#include "share.h"
#include "connection.h"
#include "state.h"
#include "tls.h"

enum {
    FRAMES_ALONE = 1024,    /* of a connection in a turn, and of all in the line, while nobody modest is there */
    FRAMES_MODEST = 64,     /* otherwise; who has more is greedy */
    FRAMES_SLICE = 8,       /* of somebody greedy in a turn */
    FRAMES_FEW = 32,        /* who has no more shows that somebody modest is there, ... */
    LATELY_TURNS = 256,     /* ... for so many turns */
    BYTES_SLICE = 4 * 1024, /* what is read of somebody greedy at once */
    SKIPPED_MAX = 7,
    SPANS = 20, /* of a second, for a bound on requests */
    SPAN_NS = 1000000000 / SPANS,
    SHAKES_TURN = 64, /* handshakes that go on in a turn, while nobody modest is there; otherwise one, ... */
    SHAKES_REST = 7,  /* ... and none for so many times as long as it took */
};

/* ---- the line ---- */

void connection_more(struct connection *connection)
{
    struct share *share = &connection->server->share;
    if (connection->more)
        return;
    connection->more = true;
    connection->next_more = NULL;
    if (share->last)
        share->last->next_more = connection;
    else
        share->first = connection;
    share->last = connection;
}

static struct connection *take_first(struct share *share)
{
    struct connection *connection = share->first;
    share->first = connection->next_more;
    if (!share->first)
        share->last = NULL;
    connection->more = false;
    return connection;
}

/* ---- handshakes of TLS ---- */

/* What has come of one costs as much time as thousands of requests, and the other end nothing: so they wait in a line of their own. */
static void shake_later(struct connection *connection)
{
    struct share *share = &connection->server->share;
    connection->more = connection->throttled = true;
    connection->next_more = NULL;
    *(share->shakes ? &share->shakes_last->next_more : &share->shakes) = connection;
    share->shakes_last = connection;
    share->shaking++;
    connection_mark(connection); /* it is not to be watched */
}

static void shake(struct connection *connection)
{
    struct share *share = &connection->server->share;
    uint64_t began_ns = server_now();
    connection_read(connection);
    uint64_t now_ns = server_now();
    share->shake_at_ns = share->crowded ? now_ns + SHAKES_REST * (now_ns - began_ns) : 0;
}

static void shake_next(struct share *share)
{
    struct connection *connection = share->shakes;
    share->shakes = connection->next_more;
    share->shaking--;
    connection->more = connection->throttled = false;
    if (connection->state == CONNECTION_DEAD)
        return;
    connection_mark(connection); /* it is to be watched again */
    shake(connection);
}

static void shakes_turn(struct server *server)
{
    struct share *share = &server->share;
    for (int i = 0; i < SHAKES_TURN && share->shakes && server_now() >= share->shake_at_ns; i++)
        shake_next(share);
    if (share->full && share->shaking < SHAKES_MAX / 2) {
        share->full = false;
        listeners_go_on(server);
    }
    if (!share->shakes || ev_is_active(&share->shake_again))
        return;
    uint64_t now_ns = server_now();
    ev_timer_set(&share->shake_again, share->shake_at_ns > now_ns ? (double)(share->shake_at_ns - now_ns) / 1e9 : 0.,
                 0.);
    ev_timer_start(server->loop, &share->shake_again);
}

static void on_shake_again(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events; /* the turn that now ends goes on with them */
}

bool share_has_room(struct server *server)
{
    struct share *share = &server->share;
    if (share->crowded && share->shaking >= SHAKES_MAX)
        share->full = true;
    return !share->full;
}

/* ---- a bound on requests ---- */

static void on_span(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct share *share = &((struct server *)timer->data)->share;
    (void)loop;
    (void)events;
    while (share->throttled) {
        struct connection *connection = share->throttled;
        share->throttled = connection->next_more;
        connection->more = connection->throttled = false;
        connection_more(connection);
        connection_mark(connection); /* it is to be watched again */
    }
}

void share_init(struct server *server)
{
    ev_timer_init(&server->share.span, on_span, 0., 0.);
    server->share.span.data = server;
    ev_timer_init(&server->share.shake_again, on_shake_again, 0., 0.);
}

void share_fini(struct server *server)
{
    ev_timer_stop(server->loop, &server->share.span);
    ev_timer_stop(server->loop, &server->share.shake_again);
}

static uint32_t span_now(const struct server *server)
{
    return (uint32_t)(server->counters.turn_began_ns / SPAN_NS);
}

/* What it may still ask for in this span. */
static uint32_t allowance(const struct connection *connection)
{
    uint32_t most = connection->server->config.requests_max;
    if (most == 0 || connection->guest)
        return UINT32_MAX;
    uint32_t now = span_now(connection->server), nth = now % SPANS;
    most =
        (uint32_t)((uint64_t)most * (nth + 1) / SPANS - (uint64_t)most * nth / SPANS); /* all spans of a second: most */
    uint32_t used = connection->requests_at == now ? connection->requests : 0;
    return used < most ? most - used : 0;
}

static void throttle(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->more)
        return; /* it is in the line, whose end is here */
    connection->more = connection->throttled = true;
    connection->next_more = server->share.throttled;
    server->share.throttled = connection;
    connection_mark(connection); /* it is not to be watched */
    if (ev_is_active(&server->share.span))
        return;
    uint64_t left = SPAN_NS - server->counters.turn_began_ns % SPAN_NS;
    ev_timer_set(&server->share.span, (double)left / 1e9, 0.);
    ev_timer_start(server->loop, &server->share.span);
}

static void count_requests(struct connection *connection, uint32_t frames)
{
    uint32_t span = span_now(connection->server);
    connection->requests = frames + (connection->requests_at == span ? connection->requests : 0);
    connection->requests_at = span;
}

/* ---- shares ---- */

static uint32_t fair_frames(const struct connection *connection)
{
    if (!connection->server->share.crowded)
        return FRAMES_ALONE;
    return connection->greedy ? FRAMES_SLICE : FRAMES_MODEST;
}

uint32_t share_frames(const struct connection *connection)
{
    uint32_t fair = fair_frames(connection), most = allowance(connection);
    return most < fair ? most : fair;
}

size_t share_bytes(const struct connection *connection, size_t room)
{
    bool little = connection->greedy && connection->server->share.crowded;
    return little && room > BYTES_SLICE ? BYTES_SLICE : room;
}

void share_took(struct connection *connection, uint32_t frames)
{
    struct share *share = &connection->server->share;
    connection->greedy = connection->greedy || frames >= fair_frames(connection);
    share->modest |= !connection->greedy && frames > 0 && frames <= FRAMES_FEW;
    share->frames += frames;
    if (connection->server->config.requests_max)
        count_requests(connection, frames);
}

/* ---- turns ---- */

void share_read(struct connection *connection)
{
    const struct share *share = &connection->server->share;
    bool shakes = connection->state == CONNECTION_GREETING && !jqw_tls_established(&connection->transport);
    if (!shakes && allowance(connection) == 0)
        throttle(connection);
    else if (shakes && (share->shakes || server_now() < share->shake_at_ns))
        shake_later(connection);
    else if (shakes)
        shake(connection);
    else if (connection->greedy)
        connection_more(connection);
    else
        connection_read(connection);
}

void share_turn(struct server *server)
{
    struct share *share = &server->share;
    share->quiet = share->modest ? 0 : share->quiet + (share->quiet < LATELY_TURNS);
    share->crowded = share->quiet < LATELY_TURNS;
    bool waits = share->modest && share->skipped < SKIPPED_MAX && share->first;
    share->modest = false;
    share->skipped = waits ? (uint8_t)(share->skipped + 1) : 0;
    share->frames = 0;
    shakes_turn(server);
    struct connection *last = share->last;
    for (bool more = !waits && share->first; more;) {
        struct connection *connection = take_first(share);
        if (allowance(connection) == 0)
            throttle(connection);
        else
            connection_read_more(connection);
        more = !share->crowded && share->frames < FRAMES_ALONE && connection != last && share->first;
    }
    share->frames = 0;
}
