/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections come from each address, while that is bounded. */
#ifndef JOINQ_SERVER_ADDRESSES_H
#define JOINQ_SERVER_ADDRESSES_H

#include "base.h"

struct address;
struct connection;

/* Counts the connection. JQ_OK; or with nothing counted JQ_BUSY: there are enough from there, or JQ_OVERLOADED. */
JQ_MUST_USE int addresses_enter(struct connection *connection);
void addresses_leave(struct connection *connection); /* nothing if it was not counted */

#endif
