/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that are gone without a word (LSE-1): keep-alive finds them while nothing is on its way to them, and is silent while
 * something is. So connections that something was written to are asked now and then until it has arrived; idle ones cost nothing. */
#include "connection.h"
#include "state.h"

enum { SILENT_MAX_MS = 12 * 1000 };
static const double ASK_S = 2.; /* with that, noticed within 15 s */

void peers_add(struct connection *connection)
{
    struct server *server = connection->server;
    connection->sent = true;
    connection->next_sent = server->sent;
    server->sent = connection;
    if (!ev_is_active(&server->ask_peers))
        ev_timer_again(server->loop, &server->ask_peers);
}

/* Whether to ask again. */
static bool ask(struct connection *connection)
{
    if (connection->state == CONNECTION_DEAD)
        return false;
    enum jqw_peer peer = jqw_transport_peer(&connection->transport, SILENT_MAX_MS);
    if (peer == JQW_PEER_GONE)
        connection_kill(connection);
    return peer == JQW_PEER_TAKES;
}

static void on_ask(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;
    struct connection *connection = server->sent;
    (void)events;
    server->sent = NULL;
    while (connection) {
        struct connection *next = connection->next_sent;
        connection->sent = false;
        if (ask(connection))
            peers_add(connection);
        connection = next;
    }
    if (!server->sent)
        ev_timer_stop(loop, timer);
}

void peers_init(struct server *server)
{
    ev_init(&server->ask_peers, on_ask);
    server->ask_peers.repeat = ASK_S;
    server->ask_peers.data = server;
}
