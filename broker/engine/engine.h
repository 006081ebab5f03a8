/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: queues, waiters, leases, timers and producers as one step function.
 *
 *     commands --> engine_step(now) --> effects
 *
 * Its job is the queue contract (docs/contract.md). It must not know sockets, frames, msgpack, files, clocks or random
 * numbers: time is an argument, bodies are handles, and all it says comes out as effects. The same commands at the same
 * times have the same effects. One thread at a time; no globals.
 *
 * Check, then commit: a handler checks everything that can fail before it changes anything. A handler returns a code or
 * ENGINE_PARKED; only the dispatcher answers, so that every request has exactly one answer. */
#ifndef JOINQ_ENGINE_H
#define JOINQ_ENGINE_H

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
    uint64_t incarnation; /* 0: whichever has the name */
};

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
    ENGINE_SESSION_END,    /* withdraws its requests, gives back its leases, frees its producer names */
    ENGINE_OUTPUT_BLOCKED, /* .blocked: its waiting gets are passed over, and keep their places */
    ENGINE_RECEIVED,       /* .received: confirms deliveries on receipt up to a number */
    /* about the journal; no answer */
    ENGINE_JOURNAL, /* .journal_accepts: while false, what needs a record is STORAGE */
    /* about bodies, so that few survivors need not hold much memory; no answer */
    ENGINE_SURVEY,   /* .survey: where bodies lie, some of them: effects' places */
    ENGINE_RELOCATE, /* .relocate: messages whose body has been copied to another place */
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
    bool nothing_new;              /* memory is short: where a queue or producer would have to be made, OVERLOADED */
    union {
        bool blocked;
        bool journal_accepts;
        uint64_t receipt;
        struct {
            uint8_t client[ENGINE_CLIENT_ID]; /* all 0: none that is remembered */
        } open;
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
        uint32_t target; /* CANCEL */
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
        } list;
    };
};

/* ---- effects: what the engine says ------------------------------------------------------------------------------- */

/* Why an error or result is what it is: the server makes a sentence of it. ENGINE_WHY(name, format); %n is the name and %l the
 * limit in the answer. */
#define ENGINE_WHYS(WHY)                                                                              \
    WHY(NONE, "")                                                                                     \
    WHY(QUEUE_MISSING, "no queue '%n'")                                                               \
    WHY(QUEUE_OTHER, "queue '%n' is not the one met before: it was deleted, or lost with its broker") \
    WHY(QUEUE_DELETED, "queue '%n' was deleted")                                                      \
    WHY(QUEUE_NAME, "a queue name is 1 to %l bytes of A-Z a-z 0-9 . _ - / :")                         \
    WHY(QUEUE_CLOSED, "queue '%n' is closed")                                                         \
    WHY(QUEUE_FULL, "queue '%n' is full")                                                             \
    WHY(QUEUE_EMPTY, "queue '%n' has nothing ready")                                                  \
    WHY(QUEUE_ENDED, "queue '%n' has ended")                                                          \
    WHY(QUEUE_NOT_EMPTY, "queue '%n' is not empty")                                                   \
    WHY(OPTION_MAX_MESSAGES, "queue '%n' exists with max_messages %l")                                \
    WHY(OPTION_MAX_BYTES, "queue '%n' exists with max_bytes %l")                                      \
    WHY(OPTION_BOUND, "queue '%n' exists with another bound")                                         \
    WHY(OPTION_ORDER, "queue '%n' exists with another order")                                         \
    WHY(OPTION_ACCOUNTING, "queue '%n' exists with another accounting")                               \
    WHY(OPTION_LEASE_MS, "queue '%n' exists with lease_ms %l")                                        \
    WHY(OPTION_MAX_DELIVERIES, "queue '%n' exists with max_deliveries %l")                            \
    WHY(OPTION_TTL_MS, "queue '%n' exists with ttl_ms %l")                                            \
    WHY(OPTION_PRODUCERS, "queue '%n' exists with producers %l")                                      \
    WHY(OPTION_ON_PRODUCER_LOST, "queue '%n' exists with another on_producer_lost")                   \
    WHY(OPTION_PRODUCER_GRACE_MS, "queue '%n' exists with producer_grace_ms %l")                      \
    WHY(OPTION_LIFETIME, "queue '%n' exists with another lifetime")                                   \
    WHY(OPTION_IDLE_DELETE_MS, "queue '%n' exists with idle_delete_ms %l")                            \
    WHY(OPTION_SYNC_MS, "queue '%n' exists with sync_ms %l")                                          \
    WHY(OPTION_DURABLE, "queue '%n' exists with another durability")                                  \
    WHY(OPTION_DEAD_DROP, "queue '%n' exists with another dead_letter")                               \
    WHY(OPTION_DEAD_LETTER, "queue '%n' exists with another dead_letter")                             \
    WHY(COUNTER_HAS_NO_LEASES, "counter queues have no lease_ms, max_deliveries or dead_letter")      \
    WHY(DELIVERIES_NEED_LETTER, "max_deliveries needs a dead_letter, or dead_letter = drop")          \
    WHY(DELIVERIES_LIMIT, "max_deliveries is at most %l")                                             \
    WHY(ALTER_FIXED, "order, accounting and durability of queue '%n' cannot be changed")              \
    WHY(LETTER_MISSING, "the dead-letter queue '%n' does not exist")                                  \
    WHY(LETTER_NOT_PERMANENT, "the dead-letter queue '%n' is not permanent")                          \
    WHY(LETTER_NOT_DURABLE, "the dead-letter queue '%n' is not durable")                              \
    WHY(LETTER_CYCLE, "dead letters of queue '%n' would come back to it")                             \
    WHY(LETTER_REFERENCED, "dead letters of %l other queues go to queue '%n'")                        \
    WHY(TARGET_NOT_DURABLE, "queue '%n' is not durable, and what comes here is")                      \
    WHY(TARGET_COUNT, "a forward puts into 1 to %l queues")                                           \
    WHY(QUEUE_COUNT, "a get is from 1 to %l queues")                                                  \
    WHY(QUEUE_TWICE, "queue '%n' is named twice")                                                     \
    WHY(SAME_QUEUE, "queue '%n' cannot be moved to itself")                                           \
    WHY(DONE_LOST, "a lease on a message of queue '%n' is lost: nothing was done")                    \
    WHY(DELAY_BEYOND_TTL, "the delay is not below the time to live of %l ms")                         \
    WHY(PRIORITY_WITHOUT_ORDER, "queue '%n' has no order by priority")                                \
    WHY(PRIORITY_KIND, "priorities of queue '%n' are of the other kind: numbers or bytes")            \
    WHY(PRIORITY_SIZE, "a priority is at most %l bytes")                                              \
    WHY(FIFO_ONLY, "ends have a place only in a fifo queue, which '%n' is not")                       \
    WHY(ONCE_SLOT, "a slot is below %l, and its client known by hello")                               \
    WHY(ONCE_OLD, "this slot has gone on to number %l")                                               \
    WHY(ONCE_OPEN, "a request of this slot is still open")                                            \
    WHY(GENERATION_OLD, "queue '%n' has been reopened: generation %l")                                \
    WHY(GENERATION_UNKNOWN, "queue '%n' has no such generation yet: %l")                              \
    WHY(MARKS_TOO_MANY, "queue '%n' has %l marks that are not yet reached")                           \
    WHY(MARK_UNKNOWN, "queue '%n' has no such mark")                                                  \
    WHY(COUNTER_HAS_NO_MINE, "queue '%n' is a counter queue: nobody knows whose messages are done")   \
    WHY(JOIN_BOTH, "a join waits for its own messages, or for those before a mark: not for both")     \
    WHY(PRODUCER_LOST, "a producer of queue '%n' was lost before it had finished")                    \
    WHY(PAUSE_WHAT, "pause what: puts, gets or both")                                                 \
    WHY(NOT_YET, "this operation does not exist yet")                                                 \
    WHY(BATCH_COUNT, "a batch is 1 to %l messages")                                                   \
    WHY(BATCH_OVER_BOUND, "more than the bound of queue '%n' itself: %l")                             \
    WHY(RANGES, "one request settles at most %l messages")                                            \
    WHY(COUNTER_ONLY, "queue '%n' has leases: use done")                                              \
    WHY(LEASE_ONLY, "queue '%n' is a counter queue: use task_done")                                   \
    WHY(TASK_DONE_TOO_OFTEN, "task_done called too many times on queue '%n': %l unfinished")          \
    WHY(NO_DEAD_LETTER, "queue '%n' has no dead-letter queue")                                        \
    WHY(PRODUCER_NAME, "a producer name is 1 to %l bytes")                                            \
    WHY(PRODUCER_ATTACHED, "this session is attached to queue '%n' under another name")               \
    WHY(PRODUCER_IN_USE, "producer name in use on queue '%n'")                                        \
    WHY(PRODUCER_TOO_MANY, "queue '%n' takes %l producers")                                           \
    WHY(PRODUCER_NEEDED, "queue '%n' takes puts from named producers only: attach first")             \
    WHY(PRODUCER_FINISHED, "this producer of queue '%n' has finished")                                \
    WHY(PRODUCER_FENCED, "another session took over this producer name of queue '%n'")                \
    WHY(WAITING_TOO_MANY, "more than %l waiting requests on this connection")                         \
    WHY(WAITING_BYTES, "waiting puts of this connection would hold more than %l bytes")               \
    WHY(MEMORY, "out of memory")                                                                      \
    WHY(JOURNAL, "the journal does not accept")

enum engine_why {
#define ENGINE_WHY_NAME(name, format) ENGINE_WHY_##name,
    ENGINE_WHYS(ENGINE_WHY_NAME)
#undef ENGINE_WHY_NAME
};

struct engine_stat {
    struct engine_text name; /* lies in the effects */
    uint64_t incarnation;
    struct engine_queue_options options;
    uint32_t closed;                 /* 0 open, 1 graceful, 2 immediate */
    uint32_t paused;                 /* 1 puts, 2 gets */
    bool truncated;                  /* ends with PRODUCER_LOST */
    uint64_t generation;             /* from 1 */
    uint64_t ready, delayed, leased; /* leased counts deliveries on receipt not yet confirmed, too */
    uint64_t ready_bytes;            /* ready and delayed */
    uint64_t unfinished, ends;
    uint64_t put, done, dead, expired, discarded, moved_in, moved_out, dead_in;
    uint64_t delivered, redelivered, lease_expired, task_done;
    uint64_t getters_waiting, putters_waiting, joiners_waiting, producers_attached, producers_finished;
    uint64_t producers_lost; /* names that are lost and not finished */
    struct engine_text lost; /* one of them; size 0: none */
    uint64_t age_ns; /* of the ready message that was put first, in steps of 10 ms; where it has come back, that of the
                        first message of its lease */
};

/* What is known of a message beyond its run: in order of index. In GOT only of dead letters, in EXPORTED of all. */
enum engine_reason { ENGINE_REASON_NONE, ENGINE_REASON_DELIVERIES, ENGINE_REASON_NACK, ENGINE_REASON_EXPIRED };
struct engine_detail {
    uint32_t index; /* in the bodies of the answer */
    enum { ENGINE_IS_READY, ENGINE_IS_DELAYED, ENGINE_IS_LEASED } state;
    uint64_t delay_ns; /* until it is ready; 0: it is */
    uint64_t ttl_ns;   /* until it expires; 0: never */
    uint64_t age_ns;   /* since it was put */
    uint32_t priority_kind;
    int64_t priority_number;
    struct engine_text priority_bytes;
    enum engine_reason reason;  /* a dead letter: why ... */
    struct engine_text source;  /* ... of which queue ... */
    uint64_t source_sequence;   /* ... which message of it ... */
    uint64_t source_age_ns;     /* ... how long ago ... */
    uint32_t source_deliveries; /* ... after how many deliveries */
};

/* Why something waits, as far as the engine can tell: the server makes a sentence of each. Names lie in the effects. */
enum engine_fact_kind {
    ENGINE_FACT_NOTHING_WAITS,
    ENGINE_FACT_JOIN_LEASED,  /* count messages leased by session, the longest for age_ns */
    ENGINE_FACT_JOIN_DELAYED, /* count messages delayed, the next for until_ns more */
    ENGINE_FACT_JOIN_READY,   /* count messages ready and no get waits */
    ENGINE_FACT_JOIN_PAUSED,  /* count messages ready and gets paused */
    ENGINE_FACT_JOIN_COUNTED, /* count task_dones missing in a counter queue */
    ENGINE_FACT_PUT_FULL,     /* the first waiting put: count of limit messages (or bytes, if .bytes) are there */
    ENGINE_FACT_PUT_BEHIND,   /* count puts wait behind another put of session */
    ENGINE_FACT_PUT_PAUSED,
    ENGINE_FACT_PUT_CYCLE, /* queue -> other: session holds count messages of it and waits to put into other, which is full */
    ENGINE_FACT_GET_EMPTY,   /* count gets wait: nothing is there */
    ENGINE_FACT_GET_DELAYED, /* count messages are delayed, the next for until_ns more */
    ENGINE_FACT_GET_LEASED,  /* closed: count messages are leased by session, and may come back */
    ENGINE_FACT_GET_PAUSED,
    ENGINE_FACT_GET_PRODUCERS,     /* count of limit producers have finished */
    ENGINE_FACT_GET_PRODUCER_LOST, /* producer has had no session for age_ns */
    ENGINE_FACT_BUSY,              /* something is being carried out in slices, or waits for the journal */
};
struct engine_fact {
    enum engine_fact_kind kind;
    bool bytes;
    struct engine_text queue, other, producer; /* size 0: none */
    struct engine_session_id session;          /* 0: none */
    uint64_t count, limit, age_ns, until_ns;
};

enum engine_effect_kind {
    ENGINE_ANSWER,  /* .answer: to everything that has no kind of its own */
    ENGINE_GOT,     /* .got: to GET, whatever came of it */
    ENGINE_SETTLED, /* .settled: to DONE, NACK, RELEASE, TOUCH, FORWARD */
    ENGINE_JOINED,
    ENGINE_ATTACHED,
    ENGINE_STATS,            /* to STAT and LIST */
    ENGINE_PEEKED,           /* .got: to PEEK */
    ENGINE_OPENED,           /* .opened: to SESSION_OPEN */
    ENGINE_EXPLAINED,        /* .explained */
    ENGINE_EXPORTED,         /* .got: to EXPORT; .got.next is where to go on, 0: that was all */
    ENGINE_EVENT_LEASE_LOST, /* .settled.lost says which; request 0 */
    ENGINE_EVENT_FENCED,     /* .fenced; request 0 */
};

/* Arrays in effects lie in the effects and are valid until engine_effects_reset. */
struct engine_effect {
    enum engine_effect_kind kind;
    struct engine_session_id session;
    uint32_t request;
    enum jqw_code code;
    enum engine_why why;
    struct engine_text name; /* for the text of `why` */
    uint64_t limit;          /* for the text of `why` */
    uint64_t incarnation;    /* of the queue; 0: none */
    uint64_t after; /* may leave once the journal has made records up to this number durable; 0: at once (OUT-1) */
    union {
        struct {
            uint64_t count; /* accepted, discarded, unfinished, cancel: 1 hit 0 missed */
        } answer;
        struct {
            uint64_t receipt; /* 0: leased */
            const struct engine_run *runs;
            uint32_t run_count;
            const struct engine_body *bodies;
            uint32_t body_count;
            const struct engine_range *lost;
            uint32_t lost_count;
            uint32_t place; /* which of the queues of the get, from 0 */
            const struct engine_detail *details;
            uint32_t detail_count;
            uint64_t next;
        } got;
        struct {
            uint64_t count;
            const struct engine_range *lost;
            uint32_t lost_count;
        } settled;
        struct {
            uint64_t remaining, done, dead, expired, discarded, moved;
        } joined;
        struct {
            uint64_t accepted;
            uint64_t generation;
            bool finished;
        } attached;
        struct {
            bool known; /* something is kept of this client */
        } opened;
        struct {
            const struct engine_fact *item;
            uint32_t count;
        } explained;
        struct {
            const struct engine_stat *item;
            uint32_t count;
            bool more;
        } stats;
        struct {
            struct engine_text producer; /* .name is the queue's */
        } fenced;
    };
};

/* Bodies of one chunk that nobody needs any more. */
struct engine_release {
    uint32_t chunk;
    uint32_t count;
    uint64_t bytes;
};

/* ---- records: what must survive, for durable queues ------------------------------------------------------------- */

enum engine_record_kind {
    ENGINE_RECORD_GROUP,   /* the next `count` records are one: durable together or not at all */
    ENGINE_RECORD_DECLARE, /* name, options as declared */
    ENGINE_RECORD_ALTER,   /* options as they are now */
    ENGINE_RECORD_DELETE,
    ENGINE_RECORD_PUT, /* first, count, bodies, due_ns, expires_ns, priority, origin, name: producer; source: how they came */
    ENGINE_RECORD_DONE,      /* first, count: finished by a consumer */
    ENGINE_RECORD_DISCARD,   /* first, count: by purge, delete or immediate close */
    ENGINE_RECORD_EXPIRE,    /* first, count */
    ENGINE_RECORD_DEAD,      /* first, count, reason; a PUT with source DEAD follows in its group unless dropped */
    ENGINE_RECORD_MOVED_OUT, /* first, count */
    ENGINE_RECORD_RETURN,    /* first, count, deliveries, due_ns; sets no watermark */
    ENGINE_RECORD_TASK_DONE, /* count */
    ENGINE_RECORD_CLOSE,     /* immediate in count; truncated in source */
    ENGINE_RECORD_REOPEN,
    ENGINE_RECORD_PAUSE,     /* count: 1 puts, 2 gets */
    ENGINE_RECORD_MARK,      /* a counter queue's: first */
    ENGINE_RECORD_PUT_END,   /* first, count */
    ENGINE_RECORD_END_TAKEN, /* first, count: sentinels handed out or discarded */
    ENGINE_RECORD_ATTACH,    /* producer name */
    ENGINE_RECORD_FINISH,    /* producer name; also of one that was lost and counts as finished */
    ENGINE_RECORD_KEPT,      /* client, once, code, count: an answer that is kept, in one group with what it answers */
};

/* How messages came into a queue. */
enum engine_source { ENGINE_BY_PUT, ENGINE_BY_MOVE, ENGINE_BY_DEATH };

struct engine_record {
    enum engine_record_kind kind;
    uint64_t number;      /* 1, 2, ... without gaps */
    uint64_t incarnation; /* of the queue */
    uint64_t first;
    uint32_t count;
    uint32_t deliveries;
    uint32_t code; /* KEPT */
    enum engine_source source;
    enum engine_reason reason;                    /* PUT by death, DEAD */
    uint64_t now_ns;                              /* when it was made, in the engine's time */
    uint64_t due_ns;                              /* when they become ready; 0: they are */
    uint64_t expires_ns;                          /* when they expire; 0: never */
    uint64_t source_incarnation, source_sequence; /* PUT by death */
    const struct engine_body *bodies;             /* count of them */
    struct engine_text name;
    struct engine_put_options put; /* PUT: priority */
    struct engine_queue_options options;
    struct engine_once once;
    uint8_t client[ENGINE_CLIENT_ID]; /* KEPT; PUT: who put them, all 0: nobody known */
};

/* A bounded buffer for what steps say; the caller carries it out and resets it. A step stops early, without harm, when it
 * is nearly full. */
struct engine_effects {
    struct engine_effect *effects;
    uint32_t effect_count;
    struct engine_release *releases;
    uint32_t release_count;
    struct engine_record *records;
    uint32_t record_count;
    struct engine_place *places; /* of a survey: at most ENGINE_SLICE */
    uint32_t place_count;
    struct {
        bool some; /* a survey was made: go on from here, unless it is at its end */
        bool end;
        uint64_t incarnation, sequence;
    } surveyed;
    /* the rest is the engine's */
    uint32_t body_count, run_count, range_count, stat_count, text_size, detail_count, fact_count;
    struct engine_body *bodies;
    struct engine_run *runs;
    struct engine_range *ranges;
    struct engine_stat *stats;
    struct engine_detail *details;
    struct engine_fact *facts;
    char *text;
};

JQ_MUST_USE int engine_effects_init(struct engine_effects *effects); /* JQ_OK or JQ_OVERLOADED */
void engine_effects_fini(struct engine_effects *effects);
void engine_effects_reset(struct engine_effects *effects);

/* ---- the step ----------------------------------------------------------------------------------------------------- */

struct engine;

struct engine_config {
    uint64_t incarnation_first; /* above every one ever used; wall-clock microseconds will do */
    uint32_t waiting_max;       /* waiting requests of one session: BUSY */
    uint64_t waiting_bytes_max; /* bodies in waiting puts of one session: OVERLOADED */
    uint64_t client_forget_ns;  /* a client's kept answers are forgotten so long after its last session */
};

JQ_MUST_USE struct engine *engine_new(const struct engine_config *config); /* NULL: no memory */
void engine_free(struct engine *engine); /* bodies still held are not released: the store goes with the engine */

/* Does what is due by `now` (ns, never going back), then carries out commands in order, and appends what it has to say.
 * Returns how many commands it took: fewer than `count` when the effects are nearly full; carry them out, reset, and call again with
 * the rest. Commands and their arrays are borrowed until the call returns. Call it again when engine_next says so. */
size_t engine_step(struct engine *engine, uint64_t now, const struct engine_command *commands, size_t count,
                   struct engine_effects *effects);

/* ---- recovery: replay of records into an engine that runs no timers ------------------------------------------------ */

/* Carries out records as they were made, in order, before the first step; a group must be given whole. `age_ns` is how long ago, by
 * wall clock, they were made: what is left of times counts from now. JQ_OK, or JQ_OVERLOADED (no memory), or JQ_STORAGE: they make no
 * sense after what came before. */
JQ_MUST_USE int engine_replay(struct engine *engine, uint64_t now, uint64_t age_ns, const struct engine_record *records,
                              size_t count);

/* When the engine next has something to do by itself: a time, 0 for at once (slices left), ENGINE_FOREVER. */
uint64_t engine_next(const struct engine *engine);

/* True while the session has an unanswered request with this id. */
bool engine_waits(const struct engine *engine, struct engine_session_id session, uint32_t request);

/* What slices and memory have come to; for tests, stat and metrics. */
struct engine_totals {
    uint64_t sessions, clients, queues, producers, members, waiters, messages, leases; /* ends are messages here */
    uint64_t sliced;    /* messages handled in slices, ever */
    uint64_t slice_max; /* the most of them in one step */
};
void engine_totals(const struct engine *engine, struct engine_totals *out);

/* Walks everything and traps on the first broken invariant; for debug, simulation and fuzz builds. */
void engine_check(const struct engine *engine);

#endif
