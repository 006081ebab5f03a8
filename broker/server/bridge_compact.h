/* SPDX-License-Identifier: Apache-2.0 */
/* Empties chunks of the store in which little is left alive (DESIGN: few survivors do not pin much memory), a slice a turn. */
#ifndef JOINQ_SERVER_BRIDGE_COMPACT_H
#define JOINQ_SERVER_BRIDGE_COMPACT_H

#include "engine.h"
#include <stdbool.h>
#include <stdint.h>

struct server;

struct compact {
    bool running;
    bool waits;                      /* for bodies to be read; see compact_clean */
    bool end;                        /* the survey has come to its end */
    uint64_t incarnation, sequence;  /* where it goes on */
    struct engine_relocation *moves; /* copied, and not told to the engine yet */
    uint32_t move_count;
    uint64_t copied; /* bytes, since it began */
};

JQ_MUST_USE int compact_init(struct server *server); /* JQ_OK or JQ_OVERLOADED */
void compact_fini(struct server *server);
/* Empties the chunks that store_clean_begin has chosen, once they are read. Not while it is running. */
void compact_clean(struct server *server);
/* Adds the commands of this turn's slice, if there is one. */
void compact_turn(struct server *server);
/* Copies what a survey found and is to be moved; before the releases of the same effects. */
void compact_surveyed(struct server *server, const struct engine_effects *effects);

#endif
