/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections come from each address, while that is bounded. */
#ifndef JOINQ_SERVER_ADDRESSES_H
#define JOINQ_SERVER_ADDRESSES_H

#include <stdbool.h>

struct address;
struct connection;

/* Counts the connection. False: there are enough from there, or there is no memory; nothing was counted. */
bool addresses_enter(struct connection *connection);
void addresses_leave(struct connection *connection); /* nothing if it was not counted */

#endif
