/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that rest on records which are not durable yet (OUT-1), or whose bodies are still being read: frames, ready to go, that wait
 * for the journal, each at its connection. Deliveries on receipt leave in the order of their numbers, for whoever confirms one confirms all before it;
 * and the loss of a lease is told behind the delivery. */
#ifndef JOINQ_SERVER_HELD_H
#define JOINQ_SERVER_HELD_H

#include "base.h"
#include "output.h"
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct server;
struct engine_effect;

struct held;

struct held_list {
    struct held *first, *last;
    uint32_t count;
    uint32_t receipts; /* of them, deliveries on receipt */
    uint64_t reading;  /* bytes of those that wait for bodies to be read */
};

/* Whether what this effect says has to wait. */
bool held_waits(const struct connection *connection, const struct engine_effect *effect);
/* Holds it; takes what is in *out. JQ_OK, or JQ_OVERLOADED with *out as it was. */
JQ_MUST_USE int held_add(struct connection *connection, const struct engine_effect *effect, struct output *out);
/* Lets go what rests on no more than the journal has come to. */
void held_release(struct server *server);
/* Whether an answer to this request is held. */
bool held_has(const struct connection *connection, uint32_t request);
void held_clear(struct connection *connection);

#endif
