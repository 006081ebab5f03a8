/* SPDX-License-Identifier: Apache-2.0 */
/* Finds connections: by the number that the engine knows their session by, and by the id of their client. It must not know
 * what a connection does. */
#ifndef JOINQ_SERVER_SESSIONS_H
#define JOINQ_SERVER_SESSIONS_H

#include "base.h"
#include <stdint.h>

struct connection;

struct session_slot {
    struct connection *connection; /* NULL: free */
    uint32_t uses;                 /* how often the slot was given out: the high half of the number */
    uint32_t next_free;
};

struct sessions {
    struct session_slot *slots;
    uint32_t size;
    uint32_t first_free;
    struct connection *by_client; /* uthash */
};

void sessions_fini(struct sessions *sessions);
/* Gives the connection its number. JQ_OK or JQ_OVERLOADED. */
JQ_MUST_USE int sessions_add(struct sessions *sessions, struct connection *connection);
void sessions_remove(struct sessions *sessions, struct connection *connection);
struct connection *sessions_find(const struct sessions *sessions, uint64_t id); /* NULL: gone */

/* Makes the connection known by its client id, which nobody else has. JQ_OK or JQ_OVERLOADED. */
JQ_MUST_USE int sessions_know(struct sessions *sessions, struct connection *connection);
void sessions_forget(struct sessions *sessions, struct connection *connection); /* nothing if it is not known */
struct connection *sessions_of_client(const struct sessions *sessions, const uint8_t *client);

#endif
