/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine is told: limits, options, commands. Part of engine.h; it must know nothing of how it is carried out. */
#ifndef JOINQ_ENGINE_COMMAND_H
#define JOINQ_ENGINE_COMMAND_H

#include "base.h"
#include "codes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ENGINE_NAME_MAX = 255,              /* bytes of a queue or producer name */
    ENGINE_BATCH_MAX = 1000,            /* messages in a put, a get or a peek */
    ENGINE_RANGES_MAX = 1000,           /* ranges in a settle */
    ENGINE_SETTLE_MAX = 1000,           /* messages in the ranges of one settle */
    ENGINE_PRODUCERS_MAX = 10000,       /* names of one queue */
    ENGINE_LIST_MAX = 100,              /* queues in one answer to list */
    ENGINE_GOT_BYTES = 8 * 1024 * 1024, /* bodies in one answer to get or peek, which one message alone may be */
    ENGINE_SLICE = 1000,                /* messages that one step handles of what is done in slices (BLK-1) */
    ENGINE_WAITING_BESIDES = 1024, /* closes, purges and the like of a session that wait beyond waiting_max: BUSY */
    ENGINE_GET_QUEUES_MAX = 16,    /* queues of one get */
    ENGINE_TARGETS_MAX = 16,       /* puts of one forward; their messages together are a batch at most */
    ENGINE_SLOTS_MAX = 1024,       /* slots of one client */
    ENGINE_PRIORITY_MAX = 255,     /* bytes of a priority */
    ENGINE_MARKS_MAX = 1000,       /* marks not yet reached, of one counter queue: OVERLOADED */
    ENGINE_CLIENT_ID = 16,         /* bytes of a client's id */
    ENGINE_FACTS_MAX = 16,         /* of one answer to explain */
};
#define ENGINE_FOREVER UINT64_MAX /* as a time: never */
#define ENGINE_PRODUCERS_AUTO \
    UINT64_MAX /* as a number of producers: the queue closes when the last known name has finished */

/* A connection as the server numbers it; never used twice, never 0. */
struct engine_session_id {
    uint64_t value;
};

/* A body by handle: where the store keeps it. The engine does nothing with chunk and offset but hand them back. */
struct engine_body {
    uint32_t chunk;
    uint32_t offset;
    uint32_t length; /* bytes, without headers */
};

struct engine_text { /* borrowed bytes, no NUL at the end */
    const char *data;
    uint32_t size;
};

struct engine_queue_ref {
    struct engine_text name;
    uint64_t incarnation; /* 0: whichever has the name; ENGINE_BELOW and a number: that, if it is below the number */
};
#define ENGINE_BELOW (UINT64_C(1) << 63)

struct engine_range {
    uint64_t incarnation;
    uint64_t first;
    uint32_t count;
    uint32_t attempt;
};

struct engine_run {
    uint64_t first;
    uint32_t count;
    uint32_t attempt;
    uint32_t deliveries; /* how often a lease on it has ended without an end of the message */
};

enum engine_bound { ENGINE_BOUND_QUEUED, ENGINE_BOUND_OUTSTANDING };
enum engine_accounting { ENGINE_LEASE, ENGINE_COUNTER };
enum engine_order { ENGINE_FIFO, ENGINE_LIFO, ENGINE_PRIORITY };
enum engine_producer_lost { ENGINE_LOST_WAIT, ENGINE_LOST_END, ENGINE_LOST_FAIL };
enum { ENGINE_PAUSED_PUTS = 1, ENGINE_PAUSED_GETS = 2 };
enum engine_lifetime { ENGINE_PERMANENT, ENGINE_OF_SESSION, ENGINE_OF_USERS };

/* In the order in which a declare that differs names them. ENGINE_OPTION(ENUM, member). */
#define ENGINE_OPTIONS(OPTION)                                                                                 \
    OPTION(MAX_MESSAGES, max_messages)         /* 0: no bound */                                               \
    OPTION(MAX_BYTES, max_bytes)               /* 0: no bound */                                               \
    OPTION(BOUND, bound)                       /* enum engine_bound */                                         \
    OPTION(ORDER, order)                       /* enum engine_order */                                         \
    OPTION(ACCOUNTING, accounting)             /* enum engine_accounting */                                    \
    OPTION(LEASE_MS, lease_ms)                 /* 0: no limit */                                               \
    OPTION(MAX_DELIVERIES, max_deliveries)     /* 0: no limit; at most UINT16_MAX */                           \
    OPTION(TTL_MS, ttl_ms)                     /* of messages put without one; 0: no limit */                  \
    OPTION(PRODUCERS, producers)               /* closes itself when so many have finished; 0: not; .._AUTO */ \
    OPTION(ON_PRODUCER_LOST, on_producer_lost) /* enum engine_producer_lost */                                 \
    OPTION(PRODUCER_GRACE_MS, producer_grace_ms)                                                               \
    OPTION(LIFETIME, lifetime)             /* enum engine_lifetime */                                          \
    OPTION(IDLE_DELETE_MS, idle_delete_ms) /* 0: never, for permanent ones */                                  \
    OPTION(SYNC_MS, sync_ms)               /* durable: 0 always, otherwise within this time */                 \
    OPTION(DURABLE, durable)               /* bool */                                                          \
    OPTION(DEAD_DROP, dead_drop)           /* bool: dead letters are dropped and counted */

enum engine_option {
#define ENGINE_OPTION_NAME(name, member) ENGINE_OPTION_##name,
    ENGINE_OPTIONS(ENGINE_OPTION_NAME)
#undef ENGINE_OPTION_NAME
        ENGINE_OPTION_DEAD_LETTER,
    ENGINE_OPTION_COUNT
};

struct engine_queue_options {
#define ENGINE_OPTION_MEMBER(name, member) uint64_t member;
    ENGINE_OPTIONS(ENGINE_OPTION_MEMBER)
#undef ENGINE_OPTION_MEMBER
    struct engine_text dead_letter; /* name of the queue for dead letters; size 0: none */
};

/* What messages of a put have in common. */
struct engine_put_options {
    uint64_t delay_ns; /* 0: ready at once */
    uint64_t ttl_ns;   /* 0: the queue's */
    struct {
        enum { ENGINE_PRIORITY_NONE, ENGINE_PRIORITY_NUMBER, ENGINE_PRIORITY_BYTES } kind;
        int64_t number;
        struct engine_text bytes;
    } priority; /* only where the queue's order is priority */
};

/* Exactly-once (ONE-1): which slot of its client a request goes by, and its number there. */
struct engine_once {
    uint64_t number; /* 0: it goes by none */
    uint32_t slot;   /* below ENGINE_SLOTS_MAX */
};

/* What a forward puts into one queue. */
struct engine_target {
    struct engine_queue_ref queue;
    uint64_t generation; /* 0: any */
    const struct engine_body *bodies;
    uint32_t count;
    struct engine_put_options options;
    bool partial; /* not in a forward */
};

/* ---- commands: what the engine is told -------------------------------------------------------------------------- */

enum engine_op {
    /* about sessions; no answer */
    ENGINE_SESSION_OPEN, /* .open: a session must be opened before it is named. Answered by ENGINE_OPENED if request is not 0. A
                              session of the same client that still lives ends first */
    ENGINE_SESSION_END,    /* .end: withdraws its requests, gives back its leases, frees its producer names */
    ENGINE_OUTPUT_BLOCKED, /* .blocked: its waiting gets are passed over, and keep their places */
    ENGINE_RECEIVED,       /* .received: confirms deliveries on receipt up to a number */
    ENGINE_WITHDRAW,       /* .target: a request of it that waits is answered DENIED */
    /* about the journal; no answer */
    ENGINE_JOURNAL, /* .journal_accepts: while false, what needs a record is STORAGE; .journal_full: what makes the log grow is */
    /* about bodies, so that few survivors need not hold much memory; no answer */
    ENGINE_SURVEY,   /* .survey: where bodies lie, some of them: effects' places */
    ENGINE_SNAPSHOT, /* .snapshot_max: goes on with a snapshot, or begins one; see effects.snapshot */
    ENGINE_RELOCATE, /* .relocate: messages whose body has been copied to another place */
    ENGINE_UNREAD, /* .unread: bodies of an answer that was not given cannot be read: their leases end as by a nack with a delay, those of
                        others that it had as by a release, and the get that they were for is answered anew, with what is ready,
                        or STORAGE; without memory for the delay they end as by a release, and the answer is STORAGE;
                        what ends with its lease is nobody's until the journal accepts */
    /* requests: exactly one answer each */
    ENGINE_DECLARE,
    ENGINE_DELETE,
    ENGINE_PUT,
    ENGINE_GET,
    ENGINE_DONE,
    ENGINE_NACK,
    ENGINE_RELEASE,
    ENGINE_TOUCH,
    ENGINE_TASK_DONE,
    ENGINE_JOIN,
    ENGINE_CLOSE,
    ENGINE_PUT_END,
    ENGINE_ATTACH,
    ENGINE_FINISH,
    ENGINE_CANCEL,
    ENGINE_STAT,
    ENGINE_LIST,
    ENGINE_PEEK,
    ENGINE_PURGE,
    ENGINE_ALTER,
    ENGINE_FORWARD, /* done and put, all or nothing (FWD-1) */
    ENGINE_MARK,    /* answer.count is the mark */
    ENGINE_REOPEN,  /* answer.count is the new generation */
    ENGINE_PAUSE,
    ENGINE_MOVE,    /* ready messages to another queue */
    ENGINE_EXPLAIN, /* who and what waiting requests wait for */
    ENGINE_EXPORT,  /* messages in order of sequence, whatever their state, with all that is known of them */
    ENGINE_OP_COUNT
};

struct engine_ranges {
    const struct engine_range *item;
    uint32_t count;
};

/* A message and where its body lies. */
struct engine_place {
    uint64_t incarnation, sequence;
    struct engine_body body;
};

struct engine_relocation {
    struct engine_place from;
    struct engine_body to;
};

struct engine_command {
    enum engine_op op;
    struct engine_session_id session;
    uint32_t request;              /* not 0 in requests */
    struct engine_queue_ref queue; /* for all operations on a queue */
    uint64_t generation;           /* PUT, GET from one queue: the one meant; 0: any */
    struct engine_once once;       /* PUT, PUT_END, TASK_DONE, FORWARD, MOVE */
    uint64_t maker, queues_max; /* whose it is if it is made, and how many queues that one may have; 0: nobody, any */
    bool makes_none;            /* PUT, GET: the queue is to be there already; otherwise DENIED */
    bool nothing_new;           /* memory is short: where a queue or producer would have to be made, OVERLOADED */
    union {
        bool blocked;
        struct {
            bool journal_accepts, journal_full;
        };
        uint32_t snapshot_max; /* messages, producers and so on, 1 to ENGINE_SLICE */
        uint64_t receipt;
        struct {
            uint8_t client[ENGINE_CLIENT_ID]; /* all 0: none that is remembered */
        } open;
        struct {
            bool forget; /* it will not come back: nothing is kept of its client */
        } end;
        struct {
            struct engine_queue_options options;
            bool existing_ok;
            uint32_t
                given; /* ALTER: bits 1 << enum engine_option of what changes; DEAD_LETTER and DEAD_DROP together */
        } declare;     /* DECLARE, ALTER */
        struct {
            bool if_empty;
            bool force; /* also while dead letters of other queues go there */
        } delete_;
        struct {
            const struct engine_body
                *bodies;         /* the engine owns the bodies from here on: it releases them by effect, also
                                                 when the put is refused */
            uint32_t count;      /* 1 to ENGINE_BATCH_MAX */
            bool partial;        /* as many as fit; otherwise all or nothing */
            uint64_t timeout_ns; /* ENGINE_FOREVER, 0: do not wait */
            struct engine_put_options options;
        } put;
        struct {
            struct engine_ranges done;
            const struct engine_target *targets; /* 1 to ENGINE_TARGETS_MAX; bodies as for PUT */
            uint32_t target_count;
            uint64_t timeout_ns;
        } forward;
        struct {
            uint32_t max; /* 1 to ENGINE_BATCH_MAX */
            uint64_t timeout_ns;
            bool auto_; /* finished on receipt */
            bool final; /* END only when no lease is out */
            struct engine_ranges done;
            struct engine_ranges release;
            const struct engine_queue_ref *others; /* further queues, up to ENGINE_GET_QUEUES_MAX - 1 */
            uint32_t other_count;
        } get;
        struct {
            struct engine_ranges ranges;
            uint64_t delay_ns; /* NACK */
            bool dead;         /* NACK */
        } settle;
        uint32_t count; /* TASK_DONE, PUT_END, PEEK */
        struct {
            uint64_t timeout_ns;
            uint64_t mark; /* 0: everything */
            bool snapshot; /* what was put before this moment */
            bool mine;     /* what this client put */
        } join;
        struct {
            bool puts, gets, resume;
        } pause;
        struct {
            struct engine_queue_ref to;
            uint64_t count; /* at most so many; 0: all */
        } move;
        struct {
            uint64_t from; /* sequence to begin at; 0: the first */
            uint32_t count;
        } export_;
        struct {
            bool immediate;
            bool after_mine;
        } close;
        struct {
            struct engine_text name;
            bool takeover;
        } producer;
        uint32_t target; /* CANCEL, WITHDRAW */
        struct {
            const struct engine_run *runs; /* of .queue.incarnation, as they were handed out */
            const struct engine_run *good; /* likewise, and nothing is wrong with these */
            uint32_t run_count, good_count;
            const struct engine_range *lost; /* as the answer had it */
            uint32_t lost_count;
            uint32_t place;
            bool auto_;              /* it was a delivery on receipt */
            uint64_t after, written; /* as the answer had them: what it carried rests on them still */
        } unread;
        struct {
            uint64_t incarnation, sequence; /* where to begin: 0, 0, or what the last one gave as the next */
        } survey;
        struct {
            const struct engine_relocation *item; /* at most ENGINE_SLICE */
            uint32_t count;
        } relocate;
        struct {
            uint64_t after;
            uint32_t max;
            const struct engine_text *patterns; /* only queues whose name one of them fits (glob.h); NULL: all */
            uint32_t pattern_count;
        } list;
    };
};

#endif
