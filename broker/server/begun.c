/* SPDX-License-Identifier: Apache-2.0 */
/* A list by deadline, as those of deadline.c; a connection may be in one of those as well. */
#include "begun.h"
#include "bridge.h"
#include "codes.h"
#include "state.h"
#include <utlist.h>

enum { SLOW_MAX = 2 /* one may be the broker's own doing, if it was stopped itself */, SECOND_NS = 1000000000 };

static void begin(struct connection *connection, uint8_t slow, uint64_t now_ns)
{
    struct server *server = connection->server;
    connection->begun.due_ns = now_ns + server->config.hello_ns;
    connection->begun.size = connection->in.size;
    connection->begun.slow = slow;
    DL_APPEND2(server->begun, connection, begun.prev, begun.next);
}

void begun_end(struct connection *connection)
{
    if (connection->begun.due_ns == 0)
        return;
    DL_DELETE2(connection->server->begun, connection, begun.prev, begun.next);
    connection->begun.due_ns = 0;
}

void begun_look(struct connection *connection, bool taken)
{
    bool one = connection->state == CONNECTION_OPEN && connection->in.size > 0 && !connection->guest;
    if (taken || !one)
        begun_end(connection);
    if (one && connection->begun.due_ns == 0)
        begin(connection, 0, connection->server->counters.turn_began_ns);
}

uint64_t begun_due(const struct server *server)
{
    return server->begun ? server->begun->begun.due_ns : UINT64_MAX;
}

/* Whether it is for us to read on. */
static bool waits_for_us(const struct connection *connection)
{
    return connection->out_blocked || connection->paused || connection->throttled || connection->more ||
           connection->deaf;
}

static void late(struct connection *connection, uint64_t now_ns)
{
    uint64_t least = BEGUN_RATE * connection->server->config.hello_ns / SECOND_NS;
    bool slow = !waits_for_us(connection) && connection->in.size - connection->begun.size < least;
    begun_end(connection);
    if (slow && connection->begun.slow + 1 == SLOW_MAX)
        bridge_refuse(connection, JQ_DISCONNECTED, "a frame that was begun did not come in time");
    else
        begin(connection, slow ? connection->begun.slow + 1 : 0, now_ns);
}

void begun_turn(struct server *server, uint64_t now_ns)
{
    while (begun_due(server) <= now_ns)
        late(server->begun, now_ns);
}
