/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of a client: objects from submission until their outcome has been taken. Knows no bytes and no sockets.
 *
 *     FREE --open--> OPEN --answer--> ANSWERED --close--> FREE
 *                    | ^                |                   ^
 *                    | +----- reopen ---+                   |
 *                    +-------- answer, when forgotten ------+
 */
#ifndef JOINQ_JQC_REQUESTS_H
#define JOINQ_JQC_REQUESTS_H

#include "base.h"
#include "buffer.h"
#include "joinq.h"
#include "jqc_slots.h"
#include "message.h"
#include <stdbool.h>
#include <stdint.h>

enum { JQC_REQUESTS_MAX = 65535 }; /* open or not yet taken, of one client: BUSY */

enum jqc_state { JQC_FREE, JQC_OPEN, JQC_ANSWERED };

struct jqc_name;

/* The further queues of a get. */
struct jqc_others {
    struct jqc_name *first;
    uint32_t count;
    struct jqc_name *names[JQW_GET_OTHERS_MAX];
    struct jqw_queue queues[JQW_GET_OTHERS_MAX]; /* as they are sent */
};

/* What came of a request. */
struct jqc_answer {
    int code;
    uint64_t count;       /* accepted, settled, discarded...: by request */
    uint64_t lost;        /* dones and releases that came too late */
    uint64_t receipt;     /* to be confirmed before the caller has it; 0: nothing to confirm */
    struct jqw_range end; /* GET: the one-shot end that it is, to be given back if nobody takes it; count 0: none */
    bool more;            /* LIST: further queues follow; HELLO, AUTH: the handshake goes on */
    struct joinq_batch *batch;        /* GET, PEEK; owned */
    struct joinq_stats *stats;        /* STAT, LIST; owned */
    char *lines;                      /* WHY; what HELLO or AUTH brought; owned */
    struct joinq_broker_stat *broker; /* BROKER; owned */
    struct joinq_joined joined;
    struct joinq_attached attached;
    char
        text[JQW_TEXT_MAX + 1]; /* what the broker said; "": nothing. The last member: only its first byte is cleared */
};

struct jqc_request {
    uint32_t id; /* on the wire, and the ticket */
    enum jqc_state state;
    enum jqw_op op;
    struct jqc_name *name; /* of the queue that its answer is about; NULL: none */
    uint64_t end;          /* of its frame, counted from the start of the output: sent once so much is sent */
    uint64_t order;        /* of its submission */
    size_t frame_size;     /* of its frame, in the output or among the kept bytes */
    size_t kept_start;     /* where its frame lies among the kept bytes, if it is to be sent as it is */
    int64_t deadline_ns;   /* of its caller, while there is no connection; INT64_MAX: none. On the driver's clock */
    uint64_t carried;      /* leases that its frame settles */
    uint64_t lost_before;  /* of a get: dones that were lost with a connection */
    uint64_t done_before;  /* of a put: accepted before the rest of it went out under another number */
    struct jqw_once once;  /* by which the broker does it only once; number 0: by none */
    bool kept;             /* on no connection now: goes out on the next */
    uint32_t epoch, data_epoch; /* of the broker that it was sent to */
    uint64_t incarnation_next;  /* that broker's, before it was sent the first time */
    bool unsure;                /* it was on its way when a connection ended: it may have been done */
    bool remade;                /* made again from `again` or `copy` for the next connection; otherwise its bytes are */
    struct jqw_message again;   /* borrows the queue's name from `name`, the rest from a caller who waits */
    struct jqw_buffer copy;     /* its frame, where no caller waits and it is made again; empty: none */
    struct jqc_others *others;  /* a get from several queues; owned; NULL: from one */
    bool ticket;                /* the caller holds its id, and waits for it by that */
    bool cancelled;             /* the caller has asked to give it up */
    bool forgotten;             /* nobody waits: what it brings is given back */
    struct jqc_request *prev,
        *next; /* among those answered and to be taken by ticket, in order; or the free ones (next) */
    struct jqc_answer answer;
};

struct jqc_requests {
    struct jqc_request **slots; /* the low 16 bits of an id, less 1, say which */
    uint32_t count, capacity;
    uint32_t tickets; /* of those that the caller can wait for */
    struct jqc_slots slots_once;
    struct jqc_request *free;
    struct jqc_request *first, *last; /* answered, to be taken by ticket */
};

void jqc_requests_fini(struct jqc_requests *requests); /* and what answers not taken hold */
/* A new request in state OPEN. JQ_OK, JQ_BUSY (too many) or JQ_OVERLOADED. */
JQ_MUST_USE int jqc_request_open(struct jqc_requests *requests, struct jqc_request **out);
/* The caller holds the id of an open request, and waits for it by that; or no longer does. */
void jqc_request_ticket(struct jqc_requests *requests, struct jqc_request *request);
void jqc_request_forget(struct jqc_requests *requests, struct jqc_request *request);
/* The request with an id that is not free; NULL: none. */
struct jqc_request *jqc_request_find(const struct jqc_requests *requests, uint32_t id);
/* It has its answer. Where it is to be taken by ticket it takes its place in the line. */
void jqc_request_answered(struct jqc_requests *requests, struct jqc_request *request);
/* What it was answered with came to nothing: it has no answer, and leaves the line. */
void jqc_request_reopen(struct jqc_requests *requests, struct jqc_request *request);
/* Its outcome is taken; what the answer still owns is freed. */
void jqc_request_close(struct jqc_requests *requests, struct jqc_request *request);

#endif
