/* SPDX-License-Identifier: Apache-2.0 */
/* An entry stands as long as somebody comes from there. */
#include "addresses.h"
#include "codes.h"
#include "login.h"
#include "state.h"
#include <stdlib.h>

struct address {
    char text[LOGIN_ADDRESS_MAX];
    uint32_t connections;
    UT_hash_handle hh;
};

static struct address *address_of(struct server *server, const char *text)
{
    struct address *address;
    HASH_FIND_STR(server->addresses, text, address);
    if (address || !(address = calloc(1, sizeof *address)))
        return address;
    memcpy(address->text, text, strlen(text) + 1);
    HASH_ADD_STR(server->addresses, text, address);
    return address;
}

int addresses_enter(struct connection *connection)
{
    struct server *server = connection->server;
    uint32_t max = server->config.address_max;
    char text[LOGIN_ADDRESS_MAX];
    if (max == 0 || connection->transport.ops->fd(&connection->transport) < 0)
        return JQ_OK;
    login_address(&connection->transport, text);
    struct address *address = address_of(server, text);
    if (!address || address->connections >= max)
        return address ? JQ_BUSY : JQ_OVERLOADED;
    address->connections++;
    connection->address = address;
    return JQ_OK;
}

void addresses_leave(struct connection *connection)
{
    struct address *address = connection->address;
    connection->address = NULL;
    if (!address || --address->connections > 0)
        return;
    HASH_DEL(connection->server->addresses, address);
    free(address);
}
