/* SPDX-License-Identifier: Apache-2.0 */
/* The whole broker on a bad disk: server, engine, store, journal and snapshots as they are in joinqd, but with time, chance, disk and
 * connections of the simulation; and clients that outlive it and remember what they were told. What is shared by the parts. */
#ifndef JOINQ_SIM_BROKER_H
#define JOINQ_SIM_BROKER_H

#include "../journal/disk.h"
#include "buffer.h"
#include "message.h"
#include "random.h"
#include "state.h"
#include <inttypes.h>
#include <stdbool.h>

enum {
    CLIENTS = 4,
    SLOTS = 3,
    OPEN_MAX = 32,
    HELD_MAX = 256,
    MESSAGES_MAX = 4096,
    PUT_MAX = 3, /* messages of a put */
    STEPS = 500,
    BODY_MAX = 24000,
    MS = 1000000,
    SYNC_MS = 20,
};

/* ALWAYS and BOUND are always synced, WITHIN within SYNC_MS; EXPIRES has leases with a limit, and may be closed; GOING is purged, and
 * deleted and declared anew, at times. */
enum queue { ALWAYS, BOUND, WITHIN, EXPIRES, GOING, QUEUES, NOWHERE = QUEUES };

/* A message as its producer knows it: its place in the table is in its body. What was told of it carries the number of the last record
 * that was written by then, and one more; 0: it was not told. */
struct told {
    uint64_t incarnation, sequence;
    uint64_t placed;           /* that it has this number */
    uint64_t exists, finished; /* that it is there; that it is over */
    uint64_t sent, answered;   /* when its put was first sent and was answered, in requests of all clients */
    uint32_t unknown;          /* requests that may finish it, and have no answer */
    uint32_t size;
    uint32_t sources[2], source_count; /* what its forward finishes */
    uint32_t attempt;                  /* the highest that somebody was told */
    uint8_t queue;
    bool refused;
    uint8_t holder;   /* which client was last told that it has it, 0: none, ... */
    uint32_t session; /* ... and in which of its sessions */
};

struct held_message {
    uint32_t message;
    uint8_t queue;
    struct jqw_range range;
};

struct sent { /* what goes by a number, so that it can be sent again */
    enum jqw_op op;
    enum queue queue;
    uint64_t incarnation, timeout_ms;
    uint32_t first, count; /* messages */
    struct held_message sources[2];
    uint32_t source_count;
};

struct slot {
    uint64_t number;
    bool open;
    struct sent sent;
};

struct open {         /* a request without an answer */
    uint32_t request; /* 0: free */
    enum jqw_op op;
    enum queue queue;
    uint64_t incarnation; /* that it names */
    uint32_t slot;        /* SLOTS: it goes by none */
    uint64_t sent;
    bool final;
    struct held_message done[4];
    uint32_t done_count;
};

struct client {
    struct sim *sim;
    uint8_t number; /* from 1 */
    bool connected, welcome;
    struct connection *connection; /* NULL: it is no more */
    struct jqw_buffer in, out;
    uint32_t session, request_next;
    struct open open[OPEN_MAX];
    struct held_message held[HELD_MAX];
    uint32_t held_count;
    struct slot slots[SLOTS];
    uint64_t receipt;
};

struct queue_told {
    uint64_t incarnation;
    uint64_t closed_at, ended;
    uint64_t dead, dead_at; /* up to this incarnation it was deleted, and when that was told */
    uint64_t doomed;        /* a delete of this one was sent */
    uint64_t purged;        /* a purge of this one was sent */
    uint64_t put;           /* messages accepted */
    uint64_t drained;       /* the last that the end has seen of it */
    bool empty;             /* in the end: it has said so */
};

enum { PLACES_MAX = 1 << 14 };
struct place { /* a number that was given */
    uint64_t incarnation, sequence;
    uint32_t message, ended;
    bool named, out;
};

struct sim {
    uint64_t seed, now, wall;
    struct random random;
    struct disk disk;
    struct server *server;
    struct client clients[CLIENTS];
    struct told messages[MESSAGES_MAX];
    uint32_t message_count;
    struct queue_told queues[QUEUES];
    struct place places[PLACES_MAX];
    uint64_t incarnation_max;
    uint64_t requests;
    struct jqw_stat stats[QUEUES];
    uint64_t resident_max;
    bool bound, draining, verbose, calm;
    struct {
        uint64_t requests, answers, delivered, powers, kills, ends, restarts, kept, forwards, snapshots, released, lost,
            loads, unread, ended, joined, closed, deleted, purged, within_lost, again;
    } coverage;
};

extern struct sim *sim_now; /* the one that is played */

void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void sim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool sim_chance(struct sim *sim, uint32_t percent);
uint32_t sim_below(struct sim *sim, uint32_t below);

/* ---- broker_run.c: the broker and its surroundings ---- */
void run_start(struct sim *sim);
void run_turn(struct sim *sim);
enum stop { STOP_POWER, STOP_KILL, STOP_END };
void run_stop(struct sim *sim, enum stop how);
uint64_t run_next(const struct sim *sim); /* when it wants to be called by itself */

/* ---- broker_client.c: connections ---- */
void client_connect(struct client *client);
void client_break(struct client *client); /* from its side, or because the broker is gone */
void client_read(struct client *client);  /* the broker reads what it has sent */
void client_hear(struct client *client);
struct open *client_send(struct client *client, struct jqw_message *message);
struct open *client_open(struct client *client);       /* one that is free, or NULL */
void client_again(struct client *client);              /* sends what has numbers and no answer */
bool client_put(struct client *client, uint32_t slot); /* sends what the slot has */

/* ---- broker_ask.c: what clients ask ---- */
void ask_something(struct client *client);
void ask_declare(struct client *client, enum queue queue);
void ask_get(struct client *client, enum queue queue, uint32_t max, uint64_t timeout_ms, uint32_t flags,
             bool with_done);
void ask_done(struct client *client, uint32_t count);
void ask_simple(struct client *client, enum jqw_op op, enum queue queue);
struct jqw_bytes ask_name(enum queue queue);
void ask_body(const struct sim *sim, uint32_t message, uint8_t *to);
enum { BODY_MIN = 4 };

/* ---- broker_told.c: what they are told ---- */
void told_answer(struct client *client, const struct jqw_message *message, struct open open);
void told_power(struct sim *sim, uint64_t durable); /* what may be lost with it */
void told_stopped(struct sim *sim);
void told_handed_out(struct sim *sim, const struct engine_effect *effect);
void told_all(struct sim *sim); /* in the end */
void told_order(struct sim *sim);

#endif
