/* SPDX-License-Identifier: Apache-2.0 */
/* The first frame of a connection. A client that comes again while its last session still lives ends that one first (LSE-6). */
#include "bridge_state.h"
#include <stdlib.h>
#include <string.h>

static void end_other_session(struct connection *connection)
{
    struct connection *other = sessions_of_client(&connection->server->sessions, connection->client);
    if (other)
        bridge_refuse(other, JQ_DISCONNECTED, "the same client has connected again");
}

static void send_welcome(struct connection *connection, uint32_t request)
{
    const struct server *server = connection->server;
    const struct jqw_message message = {
        .op = JQW_WELCOME,
        .request = request,
        .welcome =
            {
                .version = JQW_VERSION,
                .instance = {server->instance, sizeof server->instance},
                .frame_max = server->config.frame_max,
                .message_max = server->config.message_max,
                .batch_max = JQW_BATCH_MAX,
                .settle_max = JQW_SETTLE_MAX,
                .waiting_max = server->config.waiting_max,
            },
    };
    bridge_send(connection, &message);
}

/* For people; a client without a name, or for whose name there is no memory, is called by its number. */
static void note_name(struct connection *connection, struct jqw_bytes name)
{
    connection->name = name.size > 0 ? malloc(name.size) : NULL;
    if (!connection->name)
        return;
    memcpy(connection->name, name.data, name.size);
    connection->name_size = (uint32_t)name.size;
}

void bridge_hello(struct connection *connection, const struct jqw_message *message)
{
    const struct jqw_hello *hello = &message->hello;
    if (connection->state == CONNECTION_OPEN) {
        bridge_refuse(connection, JQ_PROTOCOL, "a second hello");
        return;
    }
    if (hello->version < JQW_VERSION) {
        bridge_result(connection, message->request, JQ_INVALID, "this broker speaks version 1 of the protocol");
        connection_finish(connection);
        return;
    }
    JQ_ASSERT(hello->client.size == CLIENT_ID_SIZE); /* or it would not have been decoded */
    memcpy(connection->client, hello->client.data, CLIENT_ID_SIZE);
    end_other_session(connection);
    if (sessions_know(&connection->server->sessions, connection) != JQ_OK) {
        bridge_refuse(connection, JQ_OVERLOADED, "out of memory");
        return;
    }
    note_name(connection, hello->name);
    connection_opened(connection);
    send_welcome(connection, message->request);
}
