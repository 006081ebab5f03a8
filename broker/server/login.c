/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection that proves who it is has, and where it comes from. It must not know messages. */
#include "login.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void login_free(struct connection *connection)
{
    if (connection->login)
        auth_exchange_free(connection->login->exchange);
    free(connection->login);
    connection->login = NULL;
}

const char *login_user(const struct connection *connection)
{
    return connection->subject ? auth_name(connection->subject) : "nobody yet";
}

/* A host has a whole net of IPv6 addresses to come from; one that is an IPv4 address in other clothes is that. */
static void address_of(const struct sockaddr_storage *from, char to[LOGIN_ADDRESS_MAX])
{
    const struct sockaddr_in6 *six = (const void *)from;
    struct in6_addr net = six->sin6_addr;
    const void *bytes = from->ss_family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)(const void *)from)->sin_addr
                            : &net.s6_addr[12];
    bool four = from->ss_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&net);
    if (!four) {
        memset(&net.s6_addr[8], 0, 8);
        bytes = &net;
    }
    inet_ntop(four ? AF_INET : AF_INET6, bytes, to, LOGIN_ADDRESS_MAX);
}

void login_address(const struct jqw_transport *transport, char to[LOGIN_ADDRESS_MAX])
{
    struct sockaddr_storage from = {0};
    struct ucred peer;
    socklen_t length = sizeof from, peer_length = sizeof peer;
    int fd = transport->ops->fd(transport);
    snprintf(to, LOGIN_ADDRESS_MAX, "somewhere");
    if (fd < 0 || getpeername(fd, (struct sockaddr *)&from, &length) != 0)
        return;
    if (from.ss_family == AF_INET || from.ss_family == AF_INET6)
        address_of(&from, to);
    else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_length) == 0)
        snprintf(to, LOGIN_ADDRESS_MAX, "user id %u", (unsigned)peer.uid);
}
