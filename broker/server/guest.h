/* SPDX-License-Identifier: Apache-2.0 */
/* A guest: a part of this process that is a client of the broker by the protocol, over a pair of transports in memory, and lives in its
 * loop with a descriptor of its own. It is trusted no more than a client of the broker's own user; what bounds strangers (how many they
 * are, how often they ask, how long they are silent) does not hold for it, for nobody would open its connection again. */
#ifndef JOINQ_SERVER_GUEST_H
#define JOINQ_SERVER_GUEST_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct server;
struct server_guest;

struct guest {
    const struct server_guest *is; /* NULL: there is none */
    uint64_t session;              /* its connection, while that stands */
    ev_io io;
    ev_timer timer;
};

/* How many connections it has: they take no descriptor. */
uint32_t guest_connections(const struct server *server);
/* At the end of a turn: the guest reads what it was sent. */
void guest_turn(struct server *server);
/* Its connection ends; it goes on. Not while effects are carried out. */
void guest_leave(struct server *server);
void guest_stop(struct server *server); /* likewise, and it is run no more */

#endif
