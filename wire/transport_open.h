/* SPDX-License-Identifier: Apache-2.0 */
/* What connecting and listening share; private to the transports. */
#ifndef JOINQ_WIRE_TRANSPORT_OPEN_H
#define JOINQ_WIRE_TRANSPORT_OPEN_H

#include "transport.h"
#include <netdb.h>
#include <sys/un.h>

/* Resolves host and port of a TCP URL. JQ_OK: *found is to be given to freeaddrinfo; JQ_DISCONNECTED with errno set. */
JQ_MUST_USE int jqw_tcp_resolve(const struct jqw_url *url, int flags, struct addrinfo **found);
/* No delay, and keep-alive such that a host that is gone is noticed within 15 s while nothing is under way. */
void jqw_tcp_options(int fd);
void jqw_unix_address(const struct jqw_url *url, struct sockaddr_un *out);
/* Closes the descriptor, keeps errno. */
void jqw_close_quietly(int fd);

#endif
