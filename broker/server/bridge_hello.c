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
    connection->pings = hello->flags & JQW_HELLO_PING;
    connection_opened(connection, message->request);
}
