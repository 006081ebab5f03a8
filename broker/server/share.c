/* SPDX-License-Identifier: Apache-2.0 */
#include "share.h"
#include "connection.h"
#include "state.h"

enum {
    FRAMES_ALONE = 1024,    /* of a connection in a turn, and of all in the line, while nobody modest is there */
    FRAMES_MODEST = 64,     /* otherwise; who has more is greedy */
    FRAMES_SLICE = 8,       /* of somebody greedy in a turn */
    FRAMES_FEW = 32,        /* who has no more shows that somebody modest is there, ... */
    LATELY_TURNS = 256,     /* ... for so many turns */
    BYTES_SLICE = 4 * 1024, /* what is read of somebody greedy at once */
    SKIPPED_MAX = 7,
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

/* ---- shares ---- */

uint32_t share_frames(const struct connection *connection)
{
    if (!connection->server->share.crowded)
        return FRAMES_ALONE;
    return connection->greedy ? FRAMES_SLICE : FRAMES_MODEST;
}

size_t share_bytes(const struct connection *connection, size_t room)
{
    bool little = connection->greedy && connection->server->share.crowded;
    return little && room > BYTES_SLICE ? BYTES_SLICE : room;
}

void share_took(struct connection *connection, uint32_t frames)
{
    struct share *share = &connection->server->share;
    connection->greedy = connection->greedy || frames >= share_frames(connection);
    share->modest |= !connection->greedy && frames > 0 && frames <= FRAMES_FEW;
    share->frames += frames;
}

/* ---- turns ---- */

void share_read(struct connection *connection)
{
    if (connection->greedy)
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
    struct connection *last = share->last;
    for (bool more = !waits && share->first; more;) {
        struct connection *connection = take_first(share);
        connection_read_more(connection);
        more = !share->crowded && share->frames < FRAMES_ALONE && connection != last && share->first;
    }
    share->frames = 0;
}
