/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as plain tagged structs, and their codec. A decoded message borrows every string and body from the
 * frame it was read from; nothing is copied. What the fields mean is in PROTOCOL.md. */
#ifndef JOINQ_WIRE_MESSAGE_H
#define JOINQ_WIRE_MESSAGE_H

#include "base.h"
#include "buffer.h"
#include "codes.h"
#include "wire_limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jqw_op {
#define JQ_OP(name, lower, number, kind) JQW_##name = number,
#include "opcodes.def"
#undef JQ_OP
};

/* The kind of an opcode, as in opcodes.def: who may send it, and whether it has an answer. */
enum jqw_op_kind { JQW_KIND_NONE, JQW_KIND_REQUEST, JQW_KIND_NOTICE, JQW_KIND_ANSWER, JQW_KIND_EVENT };

/* Bytes borrowed from somewhere else; data may be NULL when size is 0. */
struct jqw_bytes {
    const uint8_t *data;
    size_t size;
};

/* A queue as a request names it: by name, and by incarnation once the client has met it (0: any; JQW_BELOW and a number: any with an
 * incarnation below the number). */
struct jqw_queue {
    struct jqw_bytes name;
    uint64_t incarnation;
};
#define JQW_BELOW (UINT64_C(1) << 63)

/* Leases as a range: `count` messages of consecutive sequence numbers handed out with the same attempt. */
struct jqw_range {
    uint64_t incarnation;
    uint64_t first;
    uint32_t count;
    uint32_t attempt;
};

/* Delivered messages of consecutive numbers that share attempt and delivery count. */
struct jqw_run {
    uint64_t first;
    uint32_t count;
    uint32_t attempt;
    uint32_t deliveries;
};

struct jqw_ranges {
    const struct jqw_range *item;
    uint32_t count;
};

/* Bodies of a batch. On the wire they are msgpack bins one behind the other. `packed` is that region as it stands
 * in the frame; sizes[i] is the length of the i-th body. `minimal` says that every header is of the shortest form, so
 * that the place of each body follows from the sizes alone. A sender may instead give `item`. */
struct jqw_bodies {
    struct jqw_bytes packed;
    const uint32_t *sizes;        /* decoded */
    const struct jqw_bytes *item; /* to encode, when packed.data is NULL */
    uint32_t count;
    bool minimal;
};

/* The order of a message where it goes by priority: a number, or bytes. */
enum jqw_priority_kind { JQW_PRIORITY_NONE, JQW_PRIORITY_NUMBER, JQW_PRIORITY_BYTES };
struct jqw_priority {
    enum jqw_priority_kind kind;
    int64_t number;
    struct jqw_bytes bytes;
};

/* What the messages of a put have in common. */
struct jqw_put_options {
    uint64_t delay_ms;
    uint64_t ttl_ms;     /* 0: the queue's */
    uint64_t generation; /* 0: any */
    struct jqw_priority priority;
};

/* By which slot of its client a request goes, and its number there: a request sent again with the same is not done again. */
struct jqw_once {
    uint64_t number; /* 0: it goes by none */
    uint32_t slot;
};

/* What a forward puts into one queue: the next so many of its bodies. */
struct jqw_target {
    struct jqw_queue queue;
    uint32_t count;
    struct jqw_put_options options;
};

enum jqw_message_state { JQW_IS_READY, JQW_IS_DELAYED, JQW_IS_LEASED };
enum jqw_reason { JQW_REASON_NONE, JQW_REASON_DELIVERIES, JQW_REASON_NACK, JQW_REASON_EXPIRED };

/* What is known of a message beyond its run: in GOT of dead letters, in EXPORTED of every one. */
struct jqw_detail {
    uint32_t index;    /* in the bodies of the answer */
    uint32_t state;    /* jqw_message_state */
    uint64_t delay_ms; /* until it is ready */
    uint64_t ttl_ms;   /* until it expires, 0: never */
    uint64_t age_ms;   /* since it was put */
    struct jqw_priority priority;
    uint32_t reason;            /* jqw_reason: a dead letter, why ... */
    struct jqw_bytes source;    /* ... of which queue ... */
    uint64_t source_sequence;   /* ... which message of it ... */
    uint64_t source_age_ms;     /* ... how long ago ... */
    uint64_t source_deliveries; /* ... after how many deliveries */
};

enum jqw_put_flag { JQW_PUT_PARTIAL = 1 /* as many as fit */ };
enum jqw_get_flag { JQW_GET_AUTO = 1 /* finished on receipt */, JQW_GET_FINAL = 2 /* END only when no lease is out */ };
enum jqw_close_flag { JQW_CLOSE_IMMEDIATE = 1, JQW_CLOSE_AFTER_MINE = 2 };
enum jqw_delete_flag { JQW_DELETE_IF_EMPTY = 1, JQW_DELETE_FORCE = 2 };
enum jqw_join_flag { JQW_JOIN_MINE = 1, JQW_JOIN_SNAPSHOT = 2 };
enum jqw_pause_flag { JQW_PAUSE_PUTS = 1, JQW_PAUSE_GETS = 2, JQW_PAUSE_RESUME = 4 };
enum jqw_hello_flag { JQW_HELLO_PING = 1, JQW_HELLO_PASSWORD = 2 /* it will prove who it is by a password */ };
enum jqw_mechanism { JQW_SCRAM_SHA_256 = 1, JQW_SCRAM_SHA_256_PLUS = 2 /* bound to the TLS connection */ };
enum jqw_bye_flag { JQW_BYE_FORGET = 1 };
enum jqw_nack_flag { JQW_NACK_DEAD = 1 };
enum jqw_attach_flag { JQW_ATTACH_TAKEOVER = 1 };
enum jqw_declare_flag { JQW_DECLARE_EXISTING_OK = 1, JQW_DECLARE_DURABLE = 2, JQW_DECLARE_DEAD_DROP = 4 };
#define JQW_PRODUCERS_AUTO UINT64_MAX /* as a number of producers */
enum jqw_order { JQW_ORDER_FIFO = 0, JQW_ORDER_LIFO = 1, JQW_ORDER_PRIORITY = 2 };
enum jqw_on_producer_lost { JQW_LOST_WAIT = 0, JQW_LOST_END = 1, JQW_LOST_FAIL = 2 };
enum jqw_lifetime { JQW_LIFETIME_PERMANENT = 0, JQW_LIFETIME_SESSION = 1, JQW_LIFETIME_USERS = 2 };
#define JQW_GIVEN_DEAD_DROP (UINT64_C(1) << 16) /* in ALTER's given; of an option: 1 << its number */
enum jqw_bound { JQW_BOUND_QUEUED = 0, JQW_BOUND_OUTSTANDING = 1 };
enum jqw_accounting { JQW_ACCOUNTING_LEASE = 0, JQW_ACCOUNTING_COUNTER = 1 };

struct jqw_hello {
    uint32_t version;
    struct jqw_bytes client; /* 16 random bytes, new for each library handle */
    struct jqw_bytes name;   /* for people: shown in logs; may be empty */
    uint32_t flags;          /* jqw_hello_flag */
};
struct jqw_auth {
    uint32_t mechanism;    /* one jqw_mechanism, the same in each step */
    struct jqw_bytes data; /* what the mechanism says */
};
struct jqw_declare { /* DECLARE, ALTER */
    struct jqw_queue queue;
    uint32_t flags;        /* jqw_declare_flag */
    uint64_t given;        /* ALTER: which options change */
    uint64_t max_messages; /* 0: no bound */
    uint64_t max_bytes;    /* 0: no bound */
    uint64_t lease_ms;     /* 0: no limit */
    uint64_t producers;    /* 0: not counted */
    uint32_t bound;        /* jqw_bound */
    uint32_t accounting;   /* jqw_accounting */
    uint32_t order;        /* jqw_order */
    uint32_t max_deliveries;
    uint32_t on_producer_lost; /* jqw_on_producer_lost */
    uint32_t lifetime;         /* jqw_lifetime */
    uint64_t ttl_ms;
    uint64_t producer_grace_ms; /* 0: 10 s */
    uint64_t idle_delete_ms;
    uint64_t sync_ms;
    struct jqw_bytes dead_letter; /* name of a queue */
};
struct jqw_delete {
    struct jqw_queue queue;
    uint32_t flags;
};
struct jqw_put {
    struct jqw_queue queue;
    uint64_t timeout_ms; /* JQW_TIMEOUT_FOREVER, 0: do not wait */
    uint32_t flags;      /* jqw_put_flag */
    struct jqw_bodies bodies;
    struct jqw_put_options options; /* for all of the batch */
    struct jqw_once once;
};
struct jqw_get {
    struct jqw_queue queue;
    uint64_t timeout_ms;
    uint32_t max;
    uint32_t flags;                 /* jqw_get_flag */
    struct jqw_ranges done;         /* finished before the get begins */
    struct jqw_ranges release;      /* given back before the get begins */
    const struct jqw_queue *others; /* further queues */
    uint32_t other_count;
    uint64_t generation; /* 0: any; of a get from one queue */
};
struct jqw_forward {
    uint64_t timeout_ms;
    struct jqw_ranges done;
    const struct jqw_target *targets;
    uint32_t target_count;
    struct jqw_bodies bodies; /* of all targets, one behind the other */
    struct jqw_once once;
};
struct jqw_settle { /* DONE, NACK, RELEASE, TOUCH */
    struct jqw_ranges ranges;
    uint64_t delay_ms; /* NACK */
    uint32_t flags;    /* NACK: jqw_nack_flag */
};
struct jqw_received {
    uint64_t receipt; /* the highest receipt number read */
};
struct jqw_bye {
    uint32_t flags; /* jqw_bye_flag */
};
struct jqw_count { /* TASK_DONE, PUT_END, PEEK */
    struct jqw_queue queue;
    uint32_t count;
    struct jqw_once once; /* TASK_DONE, PUT_END */
};
struct jqw_export {
    struct jqw_queue queue;
    uint64_t from; /* sequence to begin at */
    uint32_t count;
};
struct jqw_join {
    struct jqw_queue queue;
    uint64_t timeout_ms;
    uint32_t flags; /* jqw_join_flag */
    uint64_t mark;  /* 0: none */
};
struct jqw_pause {
    struct jqw_queue queue;
    uint32_t flags; /* jqw_pause_flag */
};
struct jqw_move {
    struct jqw_queue queue, to;
    uint64_t count; /* at most so many, 0: all */
    struct jqw_once once;
};
struct jqw_ping {
    uint64_t data; /* comes back as the count */
};
struct jqw_close {
    struct jqw_queue queue;
    uint32_t flags;
};
struct jqw_producer { /* ATTACH, FINISH */
    struct jqw_queue queue;
    struct jqw_bytes producer;
    uint32_t flags; /* ATTACH: jqw_attach_flag */
};
struct jqw_cancel {
    uint32_t target; /* request id */
};
struct jqw_named { /* STAT, PURGE, REOPEN, MARK, WHY */
    struct jqw_queue queue;
};
struct jqw_list {
    uint64_t after; /* incarnation of the last queue seen; 0: from the start */
    uint32_t max;
};

struct jqw_welcome {
    uint32_t version;
    struct jqw_bytes instance; /* 16 bytes: this run of the broker */
    bool known;                /* whether this client id is remembered */
    uint64_t frame_max;
    uint64_t message_max;
    uint32_t batch_max;
    uint32_t settle_max;
    uint32_t waiting_max;
    struct jqw_bytes data;     /* 16 bytes: the data that outlives runs of the broker; all 0: none does */
    uint64_t client_forget_ms; /* how long a client without a connection is remembered */
    uint64_t ping_ms;          /* how often the client is to be heard; 0: it need not */
    struct jqw_bytes user;     /* who the broker takes it for */
    struct jqw_bytes proof;    /* the last word of the mechanism; empty where there was none */
    uint64_t incarnation_next; /* the least that a queue made from now on can have */
};
/* Each answer starts with a code; `text` is empty unless it says more than the code does. */
struct jqw_result {
    uint32_t code;
    struct jqw_bytes text;
    uint64_t incarnation; /* of the queue, 0 where there is none */
    uint64_t count;       /* accepted, discarded, unfinished...: by request */
};
struct jqw_got {
    uint32_t code;
    struct jqw_bytes text;
    uint64_t incarnation;
    uint64_t receipt; /* number of this delivery on receipt; 0: leased */
    uint32_t place;   /* which of the queues of the get, from 0 */
    const struct jqw_detail *details;
    uint32_t detail_count;
    const struct jqw_run *runs;
    uint32_t run_count;
    struct jqw_bodies bodies; /* as many as the runs have messages, in their order */
    struct jqw_ranges lost;   /* of the dones and releases that the get carried */
};
struct jqw_settled {
    uint32_t code; /* LEASE_LOST if any was lost */
    struct jqw_bytes text;
    uint64_t count; /* settled */
    struct jqw_ranges lost;
};
struct jqw_joined {
    uint32_t code;
    struct jqw_bytes text;
    uint64_t incarnation;
    uint64_t remaining;
    uint64_t done, dead, expired, discarded, moved; /* since the join began */
};
struct jqw_attached {
    uint32_t code;
    struct jqw_bytes text;
    uint64_t incarnation;
    bool finished;     /* whether the name has finished before */
    uint64_t accepted; /* messages accepted under it so far */
    uint64_t generation;
};
/* Their numbers on the wire are their places here, from 1, and permanent: new ones go to the end. */
/* clang-format off */
#define JQW_STAT_FIELDS(F)                                                                                             \
    F(incarnation) F(max_messages) F(max_bytes) F(bound) F(accounting) F(lease_ms) F(producers)                        \
    F(closed) /* 0 open, 1 graceful, 2 immediate */                                                                    \
    F(ready) F(delayed) F(leased) F(ready_bytes) F(unfinished) F(ends)                                                 \
    F(put) F(done) F(dead) F(expired) F(discarded) F(moved_in) F(moved_out) F(dead_in)                                 \
    F(delivered) F(redelivered) F(lease_expired) F(task_done)                                                          \
    F(getters_waiting) F(putters_waiting) F(joiners_waiting) F(producers_attached) F(producers_finished)               \
    F(age_ms) /* how long the oldest ready message has been waiting */                                                 \
    F(order) F(max_deliveries) F(ttl_ms) F(on_producer_lost) F(producer_grace_ms) F(lifetime) F(idle_delete_ms)        \
    F(sync_ms) F(dead_drop) F(paused) F(truncated) F(generation) F(producers_lost)                      \
    F(unreadable)
/* clang-format on */
struct jqw_stat {
    struct jqw_bytes name;
#define JQW_STAT_MEMBER(field) uint64_t field;
    JQW_STAT_FIELDS(JQW_STAT_MEMBER)
#undef JQW_STAT_MEMBER
};
struct jqw_stats {
    uint32_t code;
    struct jqw_bytes text;
    const struct jqw_stat *item;
    uint32_t count;
    bool more;
};
struct jqw_peeked {
    uint32_t code;
    struct jqw_bytes text;
    uint64_t incarnation;
    const struct jqw_run *runs;
    uint32_t run_count;
    struct jqw_bodies bodies;
};
struct jqw_exported {
    uint32_t code;
    struct jqw_bytes text;
    uint64_t incarnation;
    uint64_t next; /* where to go on, 0: that was all */
    const struct jqw_run *runs;
    uint32_t run_count;
    const struct jqw_detail *details;
    uint32_t detail_count;
    struct jqw_bodies bodies;
};
struct jqw_explained {
    uint32_t code;
    struct jqw_bytes text;
    uint64_t incarnation;
    struct jqw_bytes lines; /* sentences, one a line */
};
struct jqw_figure {
    struct jqw_bytes name;
    uint64_t value;
};
struct jqw_figures {
    uint32_t code;
    struct jqw_bytes text;
    struct jqw_bytes version;        /* of the broker's software */
    struct jqw_bytes instance, data; /* as in WELCOME */
    const struct jqw_figure *item;
    uint32_t count;
};
struct jqw_broker { /* BROKER */
    uint64_t flags; /* none yet */
};
struct jqw_challenge {
    uint32_t code;
    struct jqw_bytes text;
    uint32_t mechanisms;   /* jqw_mechanism: those that it takes */
    struct jqw_bytes data; /* what the mechanism says; empty in answer to hello */
};
struct jqw_event_lease_lost {
    struct jqw_ranges ranges;
};
struct jqw_event_fenced {
    struct jqw_queue queue;
    struct jqw_bytes producer;
};
struct jqw_event_draining {
    uint64_t within_ms;
};

struct jqw_message {
    enum jqw_op op;
    uint32_t request; /* chosen by the client, not 0; 0 in events and notices */
    union {
        struct jqw_hello hello;
        struct jqw_auth auth;
        struct jqw_declare declare;
        struct jqw_delete delete_;
        struct jqw_put put;
        struct jqw_get get;
        struct jqw_forward forward;
        struct jqw_settle settle;
        struct jqw_received received;
        struct jqw_bye bye;
        struct jqw_count count;
        struct jqw_export export_;
        struct jqw_join join;
        struct jqw_pause pause;
        struct jqw_move move;
        struct jqw_ping ping;
        struct jqw_close close;
        struct jqw_producer producer;
        struct jqw_cancel cancel;
        struct jqw_named named;
        struct jqw_list list;
        struct jqw_welcome welcome;
        struct jqw_result result;
        struct jqw_got got;
        struct jqw_settled settled;
        struct jqw_joined joined;
        struct jqw_attached attached;
        struct jqw_stats stats;
        struct jqw_peeked peeked;
        struct jqw_exported exported;
        struct jqw_explained explained;
        struct jqw_broker broker;
        struct jqw_figures figures;
        struct jqw_challenge challenge;
        struct jqw_event_lease_lost lease_lost;
        struct jqw_event_fenced fenced;
        struct jqw_event_draining draining;
    };
};

/* Room for the arrays of one decoded message; a message is valid until its scratch is used again. About 250 KiB. */
struct jqw_scratch {
    uint32_t sizes[JQW_BATCH_MAX];
    struct jqw_run runs[JQW_BATCH_MAX];
    struct jqw_range ranges[JQW_LOST_MAX];
    struct jqw_stat stats[JQW_LIST_MAX];
    struct jqw_detail details[JQW_BATCH_MAX];
    struct jqw_target targets[JQW_TARGETS_MAX];
    struct jqw_queue queues[JQW_GET_OTHERS_MAX];
    struct jqw_figure figures[JQW_FIGURES_MAX];
};

/* Decodes the msgpack array of one frame (without its length). JQ_OK: *out is set and borrows from frame and scratch; `item` of
 * bodies stays NULL. Otherwise *why (static text) says what is wrong, and
 *   JQ_INVALID    the opcode is unknown, or the message is well formed but makes no sense (a name too long, too many of
 *                 something, an unknown option...): out->op and out->request are set, and the connection goes on. With request 0
 *                 (an unknown opcode) there is nobody to answer: a client passes over it, for the broker it is PROTOCOL.
 *   JQ_TOO_LARGE  a body is larger than JQW_MESSAGE_MAX; the same.
 *   JQ_OVERLOADED memory is refused, of which put, get, the settling ones, task_done, close and their answers need none; the same.
 *   JQ_PROTOCOL   malformed, and whatever is wrong with a notice; out means nothing.
 * Put, get, done and their answers take a bounds-checked walk; the rest goes through msgpack-c after the same walk has checked
 * length, depth and counts. Which side may send an opcode is the caller's to check: jqw_op_kind. */
JQ_MUST_USE int jqw_decode(const uint8_t *frame, size_t size, struct jqw_message *out, struct jqw_scratch *scratch,
                           const char **why);

/* The same for every opcode by msgpack-c alone: for the test that both agree. */
JQ_MUST_USE int jqw_decode_generic(const uint8_t *frame, size_t size, struct jqw_message *out,
                                   struct jqw_scratch *scratch, const char **why);

/* Appends the message as one frame, length first. JQ_OK, or JQ_OVERLOADED when memory is refused (nothing appended),
 * or JQ_TOO_LARGE when the frame would pass JQW_FRAME_MAX. */
JQ_MUST_USE int jqw_encode(struct jqw_buffer *out, const struct jqw_message *message);

/* For a GOT whose bodies are sent from where they lie: appends all of the frame up to its bodies. The sender then sends
 * exactly body_bytes bytes of packed bins (bodies.count of them); the frame ends with them. got.lost is encoded before the
 * bodies, which are the last field of the message. bodies.packed.size must be body_bytes; its data is not read. */
JQ_MUST_USE int jqw_encode_got_head(struct jqw_buffer *out, uint32_t request, const struct jqw_got *got);

/* Likewise for whatever message ends with its bodies: these are they, in the message. */
JQ_MUST_USE int jqw_encode_head(struct jqw_buffer *out, const struct jqw_message *message,
                                const struct jqw_bodies *bodies);

/* Bytes of the shortest msgpack bin header of a body of this size: 2, 3 or 5; and the header itself. */
static inline uint32_t jqw_bin_header_size(uint32_t size)
{
    return size < 256 ? 2 : size < 65536 ? 3 : 5;
}
uint32_t jqw_bin_header_write(uint8_t *to, uint32_t size);

const char *jqw_op_name(uint32_t op);      /* "put"; "unknown" */
enum jqw_op_kind jqw_op_kind(uint32_t op); /* NONE for an opcode that is none */

#endif
