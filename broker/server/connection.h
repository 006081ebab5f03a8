/* SPDX-License-Identifier: Apache-2.0 */
/* A connection: its transport, what was read of a frame that is not whole yet, what waits to be written, and where it stands.
 * It must not know what is in a frame (bridge.h does), nor queues.
 *
 *     accept --> GREETING --hello, perhaps a password--> OPEN --its end, or ours--> CLOSING --written--> LINGERING --its end--> DEAD --> freed
 *
 * CLOSING: nothing is read any more, the session has been ended, the last answers go out. LINGERING: all is written and said to
 * be the end; what still comes is thrown away until the peer ends too, for a close with unread bytes would take the last
 * answer with it. DEAD: closed; freed when the turn ends. Any state may go to DEAD. */
#ifndef JOINQ_SERVER_CONNECTION_H
#define JOINQ_SERVER_CONNECTION_H

#include "begun.h"
#include "buffer.h"
#include "frame.h"
#include "held.h"
#include "output.h"
#include "transport.h"
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

enum connection_state {
    CONNECTION_GREETING,
    CONNECTION_OPEN,
    CONNECTION_CLOSING,
    CONNECTION_LINGERING,
    CONNECTION_DEAD,
};

enum { CLIENT_ID_SIZE = 16 };

struct auth_subject;
struct act;
struct engine_command;
struct login;
struct server;

/* A list by deadline: each has the same duration, so that whoever came first is due first. */
struct deadlines {
    struct connection *first; /* utlist */
};

struct connection {
    struct server *server;
    struct jqw_transport transport;
    ev_io io;
    uint64_t id; /* of the connection and of its session; never used twice, never 0 */
    char *name;  /* what its client calls itself; owned; NULL: nothing */
    uint32_t name_size;
    struct auth_subject *subject; /* who it is; NULL until that is known */
    struct login *login;          /* while it proves that by a password, and until it is welcome */
    enum connection_state state;
    bool in_session : 1;     /* between SESSION_OPEN and SESSION_END */
    bool known : 1;          /* by its client id, in the table of clients */
    bool peer_ended : 1;     /* its end was read */
    bool broken : 1;         /* writing fails: what is to be written is dropped */
    bool write_waits : 1;    /* until the transport takes more */
    bool out_blocked : 1;    /* over the output limit, and the engine knows */
    bool more : 1;           /* it is to be read in another turn: in the list of those */
    bool throttled : 1;      /* it has made as many requests as it may for now, and is not read */
    bool greedy : 1;         /* it sends more requests than its share of a turn (share.h) */
    bool paused : 1;         /* likewise, until answers are written */
    bool dirty : 1;          /* to be settled at the end of the turn */
    bool remote : 1;         /* its host may be gone without a word */
    bool sent : 1;           /* something may be on its way: in the list of those to ask */
    bool forget : 1;         /* its client said that it does not come back */
    bool failed : 1;         /* an answer could not be given: to be killed then */
    bool pings : 1;          /* its client agreed to be heard now and then */
    bool greeted : 1;        /* its client has said hello */
    bool deaf : 1;           /* it is refused, and will be told: nothing is read meanwhile */
    bool counted : 1;        /* among the connections of its user */
    bool guest : 1;          /* a part of this process (guest.h): deadlines and limits are for strangers */
    uint8_t methods;         /* auth_method: how its listener lets clients in */
    uint8_t silences;        /* how often in a row it was not */
    uint32_t batch_number;   /* the batch of commands that it last added to, ... */
    uint32_t batch_id_max;   /* ... the highest request id that it used there, ... */
    uint32_t batch_gets;     /* ... and how many gets it asked for */
    uint32_t requests;       /* that were taken of it, ... */
    uint32_t requests_at;    /* ... in this span of time (share.c) */
    struct address *address; /* what it counts to; NULL: nothing */
    uint32_t looks;          /* lists and peeks that it has asked for in this turn */
    struct act *acts;        /* that administer queues, and are not answered yet (audit.h) */
    struct held_list held;   /* answers that wait for the journal */
    uint64_t receipt;        /* number of the last delivery on receipt */
    struct jqw_frame_parser parser;
    uint32_t transport_bytes; /* that count for memory, besides what every connection takes */
    struct jqw_buffer in;     /* bytes of a frame that is not whole; no memory when there are none */
    struct begun begun;       /* the deadline of that frame */
    struct output out;
    struct output last; /* what is said last, behind all answers */
    uint8_t client[CLIENT_ID_SIZE];
    UT_hash_handle by_client;
    uint64_t deadline_ns;
    struct deadlines *deadlines; /* the list it is in */
    struct connection *prev, *next;
    struct connection *hprev, *hnext; /* in server->holding */
    struct connection *next_dirty, *next_more, *next_sent, *next_dead;
};

/* Takes the transport; *id is the connection's (may be NULL). JQ_OK; or with nothing taken JQ_OVERLOADED, or
 * JQ_BUSY where its address has as many as it may. */
JQ_MUST_USE int connection_open(struct server *server, const struct jqw_transport *transport, unsigned methods,
                                uint64_t *id);
/* Its client is let in, by the request with this id: the engine's effect brings the welcome. */
void connection_opened(struct connection *connection, uint32_t request);
/* Ends the session, if there is one, and closes when all is written. Not while effects are carried out. */
void connection_finish(struct connection *connection);
/* Closes at once. Not while effects are carried out. */
void connection_kill(struct connection *connection);

/* Notes that there is something to write, or to decide, at the end of the turn. */
void connection_mark(struct connection *connection);
/* Whether more waits to be written than may: little, where memory is short. */
bool connection_out_full(const struct connection *connection);
/* Writes what the transport takes. */
void connection_write(struct connection *connection);
/* Whether it has gone over the output limit, or is below it again; then *command tells the engine so. */
JQ_MUST_USE bool connection_blocks(struct connection *connection, struct engine_command *command);
/* At the end of the turn: writes, and goes where that leads. Returns whether it is to be settled again in the next turn. */
JQ_MUST_USE bool connection_settle(struct connection *connection);

/* input.c: reads what came, within bounds, and gives its frames to the bridge; goes on with frames left from an earlier turn. */
void connection_read(struct connection *connection);
void connection_read_more(struct connection *connection);
void connection_more(struct connection *connection); /* asks for that in another turn */
void connection_input_free(struct connection *connection);

#endif
