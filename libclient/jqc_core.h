/* SPDX-License-Identifier: Apache-2.0 */
/* The client without I/O:
 *
 *     submit a request  -->  bytes to be sent          (jqc_core_submit, jqc_core_output, jqc_core_sent)
 *     bytes that came   -->  requests with an answer   (jqc_core_room, jqc_core_filled)
 *
 * It knows which requests are sent and which are answered, confirms deliveries, gives back what nobody waits for, and remembers the
 * queues met. It must not know sockets, clocks, the environment or threads: a driver on top does (the blocking one is
 * jqc_driver.c), and one for event loops would use the same functions. */
#ifndef JOINQ_JQC_CORE_H
#define JOINQ_JQC_CORE_H

#include "frame.h"
#include "jqc_input.h"
#include "jqc_names.h"
#include "jqc_requests.h"
#include "message.h"

/* What the broker said that it takes; the protocol's own limits before it did. */
struct jqc_limits {
    uint64_t frame_max;
    uint64_t message_max;
    uint32_t batch_max;
};

/* Who the broker is. */
struct jqc_broker {
    uint8_t instance[16], data[16];
    uint32_t epoch;      /* how often another instance was met than before */
    uint32_t data_epoch; /* how often nothing had outlived the one before */
    bool known;          /* it keeps something of this client */
    uint64_t client_forget_ms;
    uint64_t ping_ms;          /* how often it wants to hear something; 0: never mind */
    uint64_t incarnation_next; /* what a queue made after this has at least; as it said last */
};

struct jqc_producer;

struct jqc_core {
    struct jqw_buffer out;
    size_t out_start;  /* the first byte of out that is not sent */
    uint64_t out_sent; /* bytes sent, ever */
    struct jqw_frame_parser parser;
    struct jqc_pool *pool;
    struct jqc_input input;
    struct jqw_scratch *scratch;
    struct jqc_requests requests;
    struct jqc_names names;
    struct jqc_limits limits;
    struct jqc_broker broker; /* as it introduced itself last */
    uint64_t submitted;       /* requests, ever */
    bool once;                /* what must not happen twice goes by slot and number */
    uint32_t session;         /* connections that have ended */
    int64_t resumed_ns;       /* when the connection was made again; on the driver's clock */
    bool suspended;           /* there is no connection, and the next is awaited: what is submitted is kept */
    bool refused;             /* the broker said that the client makes no sense: another connection would not help */
    struct jqw_buffer kept;   /* frames of requests that were never sent */
    struct jqc_producer *producers; /* attached, to be attached again */
    uint64_t receipt_told;          /* the highest delivery on receipt that was confirmed, ... */
    uint64_t receipt_sent;          /* ... the one before, which is surely sent, ... */
    uint64_t receipt_end;           /* ... and where in the output the last confirmation ends */
    int lost; /* JQ_OK while there is a connection; why there is none: DISCONNECTED, PROTOCOL, OVERLOADED, AUTH_FAILED */
    char why[JQW_TEXT_MAX + 1]; /* the sentence to lost, or what the broker said last about the connection */
};

JQ_MUST_USE int jqc_core_init(struct jqc_core *core); /* JQ_OK or JQ_OVERLOADED */
void jqc_core_fini(struct jqc_core *core);            /* tolerates a half-made one */

/* ---- requests ---- */

/* Appends a request to the output. message->request is chosen here; `name` (may be NULL) is the queue that it is about, whose
 * incarnation its answer teaches. JQ_OK: *out is open and stays the core's. JQ_DISCONNECTED, JQ_BUSY, JQ_OVERLOADED, JQ_TOO_LARGE: nothing
 * happened. */
JQ_MUST_USE int jqc_core_submit(struct jqc_core *core, struct jqw_message *message, struct jqc_name *name,
                                struct jqc_request **out);
/* Whether it is what the two say before the welcome, on each connection anew. */
bool jqc_op_greets(enum jqw_op op);
/* No caller waits for the request: what it takes to ask it again is copied. */
void jqc_core_copy(struct jqc_core *core, struct jqc_request *request);
/* True once every byte of the request was sent. */
bool jqc_core_is_sent(const struct jqc_core *core, const struct jqc_request *request);
/* Where the output ends, counted from its start. */
uint64_t jqc_core_end(const struct jqc_core *core);
/* Nobody waits for the request any more: it is cancelled, and what it still brings is given back (CAN-1). */
void jqc_core_forget(struct jqc_core *core, struct jqc_request *request);
/* The caller gets what an answer brought on receipt: confirms it in the output (GET-3), which must be sent before the caller has it.
 * JQ_OK, or JQ_DISCONNECTED: it cannot be confirmed, will come back, and must not be handed out. */
JQ_MUST_USE int jqc_core_receive(struct jqc_core *core, const struct jqc_answer *answer);

/* ---- bytes ---- */

/* Bytes to be sent; valid until the next call. NULL, and *size 0: none. */
const uint8_t *jqc_core_output(const struct jqc_core *core, size_t *size);
void jqc_core_sent(struct jqc_core *core, size_t size);
/* Room to read into. JQ_OK or JQ_OVERLOADED. */
JQ_MUST_USE int jqc_core_room(struct jqc_core *core, uint8_t **to, size_t *size);
/* So many bytes came there: answers what they answer. A peer that makes no sense ends the connection: core->lost. */
void jqc_core_filled(struct jqc_core *core, size_t size);
/* The connection has ended: every open request is answered with `code`. The first reason stays. */
void jqc_core_lose(struct jqc_core *core, int code, const char *why);

/* ---- from one connection to the next (jqc_resume.c) ---- */

/* The connection has ended, and there may be another: leases are lost, what can be asked again or was never sent is kept, and the rest
 * is answered: LEASE_LOST, or DISCONNECTED where the outcome is not known. Submissions are kept from here on. */
void jqc_core_suspend(struct jqc_core *core, const char *why);
/* The broker has said welcome on the next connection: what was kept is in the output, in order, behind the producers. The last
 * connection still stood `gap_ms` ago. */
void jqc_core_resume(struct jqc_core *core, int64_t now_ns, uint64_t gap_ms);
/* While suspended: answers the kept requests whose callers' time is over, TIMEOUT. Returns the next deadline, INT64_MAX: none;
 * now_ns where it has answered any. */
int64_t jqc_core_expire(struct jqc_core *core, int64_t now_ns);
/* While suspended: a kept request is not asked again. Its answer is CANCELLED, or DISCONNECTED where it may have been done. */
void jqc_core_withdraw(struct jqc_core *core, struct jqc_request *request);

/* ---- what is asked again (jqc_again.c) ---- */

/* A request is new: whether and how it can be asked again is remembered. */
void jqc_request_remember(struct jqc_request *request, const struct jqw_message *message);
/* Where a message has its slot and number; NULL: it goes by none. */
struct jqw_once *jqc_once_of(struct jqw_message *message);
/* A put or move was answered again: what the broker had done of it before the connection broke. True: the rest goes out now, under the
 * next number, and the request stays open. */
bool jqc_request_goes_on(struct jqc_core *core, struct jqc_request *request, const struct jqw_result *result);
/* Makes the request anew, at the end of the output. JQ_OK or JQ_OVERLOADED. */
JQ_MUST_USE int jqc_request_remake(struct jqc_core *core, struct jqc_request *request);
/* A queue that the request names is missing: whether one was lost with the broker that had it, and the sentence that says so. Uses the
 * scratch. */
JQ_MUST_USE bool jqc_request_lost(struct jqc_core *core, const struct jqc_request *request, char *to, size_t size);
#define JQC_OUTCOME_UNKNOWN "; the outcome of the request is not known"
/* Whether every queue that it means is known by what the broker has answered about it: another run of the broker then cannot take it for
 * a request about its own (RST-1). Uses the scratch. */
bool jqc_request_knows_queues(struct jqc_core *core, const struct jqc_request *request);
/* Whether it settles leases only, which do not outlive a connection. */
bool jqc_request_settles(const struct jqc_request *request);
/* An attach or finish was answered OK. */
void jqc_producer_note(struct jqc_core *core, const struct jqc_request *request);
/* The attach with this id was answered EXISTS: if it was to attach a producer again, the name is another client's now. */
void jqc_producer_refused(struct jqc_core *core, uint32_t request);
/* Another client has taken the name over. */
void jqc_producer_fenced(struct jqc_core *core, const struct jqw_event_fenced *fenced);
void jqc_producers_fini(struct jqc_core *core);

/* ---- between jqc_core.c and jqc_answers.c ---- */

/* Takes the message of one frame. JQ_OK, or JQ_PROTOCOL with *why (static text). */
JQ_MUST_USE int jqc_answer_take(struct jqc_core *core, const struct jqw_message *message, const char **why);
/* Asks for an answer that tells nothing but that the broker is there. */
void jqc_core_ping(struct jqc_core *core);
/* Gives back what a delivery brought that nobody will see. */
void jqc_core_release_ranges(struct jqc_core *core, const struct jqw_ranges *ranges);
void jqc_core_release(struct jqc_core *core, uint64_t incarnation, const struct jqw_run *runs, uint32_t count);
/* The connection ends: what was confirmed in output that was not sent was not confirmed. */
void jqc_core_unconfirm(struct jqc_core *core);
/* Copies a text, at most JQW_TEXT_MAX bytes of it. */
void jqc_text_copy(char to[JQW_TEXT_MAX + 1], const void *text, size_t size);

#endif
