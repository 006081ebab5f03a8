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
    PUT_MAX = 3,   /* messages of a put */
    PRODUCERS = 2, /* the first of the clients */
    STEPS = 500,
    BODY_MAX = 24000,
    MS = 1000000,
    SYNC_MS = 20,
};

/* ALWAYS and BOUND are always synced, WITHIN within SYNC_MS; EXPIRES has leases with a limit, and may be closed; GOING is purged, and
 * deleted and declared anew, at times. What fails too often goes from FAILS, and from FLEETING, which is in memory, to LETTERS, and
 * from there to GRAVE. */
enum queue {
    ALWAYS,
    BOUND,
    WITHIN,
    EXPIRES,
    GOING,
    FAILS,
    FLEETING,
    LETTERS,
    GRAVE,
    STREAM,
    ENDS,
    COUNTED,
    YARD,
    ORDERED,
    QUEUES,
    NOWHERE = QUEUES
};

/* A place of a message: in the queue into which it was put, or in one that it went on to from there. */
enum { PLACES_DEEP = 3 };
struct spot {
    uint64_t sequence;
    uint64_t placed; /* told that it has this number */
    uint64_t left;   /* told that it is there no more */
    uint64_t came;   /* the number of the request since which it is known to have come here by itself */
};

/* A message as its producer knows it: its place in the table is in its body. What was told of it carries the number of the last record
 * that was written by then, and one more; 0: it was not told. */
struct told {
    uint64_t incarnation;
    uint64_t exists, finished; /* that it is there; that it is over */
    struct spot spots[PLACES_DEEP];
    uint64_t sent, answered; /* when its put was first sent and was answered, in requests of all clients */
    uint64_t due, expires;   /* by the clock, if nobody has set it since: not before; 0: at once, never */
    uint32_t clocks;         /* how often it had been set by then */
    int64_t priority;
    uint32_t unknown; /* requests that may finish it, and have no answer */
    uint32_t size;
    uint32_t sources[2], source_count; /* what its forward finishes */
    uint32_t attempt;                  /* the highest that somebody was told */
    uint8_t queue;                     /* into which it was put */
    bool refused;
    bool dead_asked;      /* a nack that says that it is dead was sent */
    bool finished_within; /* only a queue that may lose it says that it is over */
    uint8_t holder;       /* which client was last told that it has it, 0: none, ... */
    uint32_t session;     /* ... and in which of its sessions */
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
    uint64_t tasks;        /* TASK_DONE: that were known when it was asked */
    uint32_t first, count; /* messages */
    struct jqw_put_options options;
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
    uint64_t generation; /* that was known when it was sent */
    bool final;
    bool dead; /* a nack that says so */
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
    bool attached, producing; /* to STREAM now; ever */
};

/* What is known of a producer of STREAM since that began anew. */
struct producer_told {
    bool finish_sent; /* ever */
    uint64_t finished_at;
    uint64_t accepted, accepted_at;
};

struct queue_told {
    uint64_t incarnation;
    uint64_t closed_at, ended;
    uint64_t dead, dead_at; /* up to this incarnation it was deleted, and when that was told */
    uint64_t doomed;        /* a delete of this one was sent */
    uint64_t purged;        /* a purge of this one was sent */
    bool close_sent;
    uint64_t generation, truncated_at;
    uint32_t reopens;         /* without an answer */
    uint64_t reopened_at;     /* when the last of them was over */
    bool cut;                 /* an immediate close was sent */
    uint64_t put;             /* messages accepted */
    uint64_t drained;         /* the last that the end has seen of it ... */
    int64_t drained_priority; /* ... and with which priority */
    bool empty;               /* in the end: it has said so */
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
    enum queue played[QUEUES]; /* those that there are in this history */
    uint32_t played_count;
    uint32_t deliveries_max;
    struct producer_told producers[PRODUCERS];
    enum jqw_on_producer_lost on_producer_lost;
    bool ends_counted; /* ENDS is never closed: each end comes once */
    uint64_t ends_put, ends_seen;
    bool lifo;                              /* ORDERED: otherwise by priority */
    uint32_t clocks;                        /* how often somebody has set the clock */
    uint64_t tasks_sent, tasks_done, moved; /* of COUNTED; from YARD */
    bool bound, fails_within, letters_within, draining, verbose;
    struct {
        uint64_t requests, answers, delivered, powers, kills, ends, restarts, kept, forwards, snapshots, released, lost,
            loads, unread, ended, joined, closed, deleted, purged, within_lost, again, letters, letters_deep,
            letters_thrown, finished, streams, truncated, reopened, shots, tasks, moved, delayed, expired;
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
void ask_receive(struct client *client);
void ask_simple(struct client *client, enum jqw_op op, enum queue queue);
void ask_body(const struct sim *sim, uint32_t message, uint8_t *to);
enum { BODY_MIN = 4 };

/* ---- broker_queues.c: the queues that there are ---- */
void queues_choose(struct sim *sim); /* for this history */
struct jqw_bytes queue_name(enum queue queue);
const char *queue_text(uint32_t queue);
struct jqw_declare queue_shape(const struct sim *sim, enum queue queue);
enum queue queue_letters(uint32_t queue);                      /* where its letters go, or NOWHERE */
enum queue queue_next(uint32_t queue);                         /* where what is in it goes on to, or NOWHERE */
struct spot *queue_spot(struct told *message, uint32_t queue); /* its place there, or NULL */
bool queue_may_lose(const struct sim *sim, uint32_t queue);    /* what was told, with the power */
bool queue_is_doomed(const struct sim *sim, const struct told *message); /* it may be gone, as somebody asked */

/* ---- broker_given.c: what is handed out ---- */
uint64_t given_mark(const struct sim *sim);
void given_messages(struct client *client, const struct open *open, const struct jqw_got *got);
void given_handed_out(struct sim *sim, const struct engine_effect *effect);
void given_is_over(struct sim *sim, uint32_t message, uint32_t queue); /* as this queue says */
void given_has_left(struct sim *sim, uint32_t message, uint32_t queue);
void given_power(struct sim *sim, uint64_t durable); /* what may be lost with it */
void given_stopped(struct sim *sim);

bool given_end(struct sim *sim, enum queue queue, const struct jqw_got *got); /* one that was put; true: seen first */

/* ---- broker_stream.c: producers, ends and new beginnings ---- */
void stream_ask(struct client *client);
void stream_attach(struct client *client);
bool stream_counts(const struct sim *sim, const struct open *open);
void stream_reopened(struct sim *sim, enum queue queue);
void stream_put(struct client *client, const struct open *open, const struct sent *sent);
bool stream_end(struct client *client, const struct jqw_got *got, const struct open *open);
bool stream_told(struct client *client, const struct jqw_message *message, const struct open *open);
void stream_all(const struct sim *sim);

/* ---- broker_count.c: counter queues, and moves ---- */
void count_ask(struct client *client);
void count_message(const struct sim *sim, const struct slot *slot, uint32_t at, struct jqw_message *message);
void count_answered(struct sim *sim, const struct sent *sent, const struct jqw_result *result);
void count_joined(const struct sim *sim, const struct open *open);
void count_stat(const struct jqw_stat *s);
void count_all(const struct sim *sim);

/* ---- broker_told.c: what else they are told ---- */
void told_answer(struct client *client, const struct jqw_message *message, struct open open);

/* ---- broker_all.c: what must be so in the end ---- */
void all_check(struct sim *sim);

#endif
