/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that rest on records which are not durable yet (OUT-1): frames, ready to go, that wait for the journal. */
#ifndef JOINQ_SERVER_HELD_H
#define JOINQ_SERVER_HELD_H

#include "base.h"
#include "output.h"
#include <stdbool.h>
#include <stdint.h>

struct server;

struct held {
    struct held *next;
    uint64_t session;
    uint64_t after; /* the record that must be durable */
    uint32_t request;
    struct output out;
};

struct held_list {
    struct held *first, *last;
};

/* Holds an answer; takes what is in *out. JQ_OK, or JQ_OVERLOADED with *out as it was. */
JQ_MUST_USE int held_add(struct held_list *list, uint64_t session, uint32_t request, uint64_t after,
                         struct output *out);
/* Sends those that rest on records up to `durable`; drops those of connections that are gone. */
void held_release(struct server *server, uint64_t durable);
/* Whether an answer to this request is held. */
bool held_has(const struct held_list *list, uint64_t session, uint32_t request);
void held_clear(struct held_list *list, struct output_pool *pool);

#endif
