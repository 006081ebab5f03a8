/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of the loop: the commands of all connections gathered into a batch, the engine's step over it, its records to the
 * journal, its effects to the bridge and what it releases to the store; then each connection is settled. It must not know
 * frames or messages. */
#ifndef JOINQ_SERVER_TURN_H
#define JOINQ_SERVER_TURN_H

#include "engine.h"
#include "journal.h"
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    TURN_COMMANDS_MAX = 1024,
    CLIENT_FORGET_MS = 3600 * 1000, /* that a client without a connection is remembered */
    TURN_MEMORY = 512 * 1024,
    /* What one command may take of the turn's memory: two lists of ranges, or bodies; and names. */
    TURN_COMMAND_MEMORY = 2 * ENGINE_RANGES_MAX * (int)sizeof(struct engine_range) + 8192,
};
_Static_assert(TURN_COMMAND_MEMORY >= ENGINE_BATCH_MAX * (int)sizeof(struct engine_body) + 1024, "bodies fit");
_Static_assert(TURN_COMMAND_MEMORY >= ENGINE_SLICE * (int)sizeof(struct engine_relocation), "moved bodies fit");
_Static_assert(TURN_MEMORY >= 2 * TURN_COMMAND_MEMORY, "there is room for a command after a command");

struct server;

struct turn {
    struct engine *engine;
    struct engine_effects effects;
    struct journal *journal;
    uint64_t written;             /* the last record that the journal has written */
    uint64_t durable;             /* the last record that the journal has made durable */
    bool full;                    /* the journal takes only what gives space back; */
    bool accepts;                 /* whether the journal does, as it last said ... */
    bool full_told, accepts_told; /* ... and as the engine knows */
    bool carrying_out;            /* effects: no command may be added */
    struct engine_command *commands;
    uint32_t count;
    uint32_t number; /* of the batch; 0 is none */
    uint8_t *memory; /* for what the commands point to */
    uint32_t memory_used;
    ev_prepare ends;  /* before the loop waits */
    ev_check begins;  /* after it has waited */
    ev_idle not_done; /* active while something is left to do, so that the loop does not wait */
    ev_timer timer;   /* for the engine */
};

JQ_MUST_USE int turn_init(struct server *server); /* JQ_OK or JQ_OVERLOADED */
void turn_fini(struct server *server);            /* tolerates a half-made one */

/* Makes room for one command, by carrying out those gathered if need be. Not while effects are carried out. */
void turn_room(struct server *server);
/* The next command of the batch, zeroed; the room for it has been made. */
struct engine_command *turn_command(struct server *server);
/* Memory until the batch is carried out; at most TURN_COMMAND_MEMORY for a command. */
void *turn_alloc(struct server *server, size_t size);
/* Carries out what was gathered. Not while effects are carried out. */
void turn_execute(struct server *server);

#endif
