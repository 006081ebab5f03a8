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
};
#define ENGINE_FOREVER UINT64_MAX /* as a time: never */

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

struct engine_queue_options {
    uint64_t max_messages; /* 0: no bound */
    uint64_t max_bytes;    /* 0: no bound */
    uint64_t lease_ms;     /* 0: no limit */
    uint64_t producers;    /* the queue closes itself when so many have finished; 0: it does not */
    enum engine_bound bound;
    enum engine_accounting accounting;
    bool durable;
};

/* ---- commands: what the engine is told -------------------------------------------------------------------------- */

enum engine_op {
    /* about sessions; no answer */
    ENGINE_SESSION_OPEN,   /* a session must be opened before it is named */
    ENGINE_SESSION_END,    /* withdraws its requests, gives back its leases, frees its producer names */
    ENGINE_OUTPUT_BLOCKED, /* .blocked: its waiting gets are passed over, and keep their places */
    ENGINE_RECEIVED,       /* .received: confirms deliveries on receipt up to a number */
    /* about the journal; no answer */
    ENGINE_JOURNAL, /* .journal_accepts: while false, what needs a record is STORAGE */
    /* about bodies, so that few survivors need not hold much memory; no answer */
    ENGINE_SURVEY, /* .survey: where bodies lie, some of them: effects' places */
    ENGINE_MOVE,   /* .move: messages whose body has been copied to another place */
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

struct engine_move {
    struct engine_place from;
    struct engine_body to;
};

struct engine_command {
    enum engine_op op;
    struct engine_session_id session;
    uint32_t request;              /* not 0 in requests */
    struct engine_queue_ref queue; /* for all operations on a queue */
    bool nothing_new;              /* memory is short: where a queue or producer would have to be made, OVERLOADED */
    union {
        bool blocked;
        bool journal_accepts;
        uint64_t receipt;
        struct {
            struct engine_queue_options options;
            bool existing_ok;
        } declare;
        struct {
            bool if_empty;
        } delete_;
        struct {
            const struct engine_body
                *bodies;         /* the engine owns the bodies from here on: it releases them by effect, also
                                                 when the put is refused */
            uint32_t count;      /* 1 to ENGINE_BATCH_MAX */
            bool partial;        /* as many as fit; otherwise all or nothing */
            uint64_t timeout_ns; /* ENGINE_FOREVER, 0: do not wait */
            uint64_t delay_ns;
        } put;
        struct {
            uint32_t max; /* 1 to ENGINE_BATCH_MAX */
            uint64_t timeout_ns;
            bool auto_; /* finished on receipt */
            bool final; /* END only when no lease is out */
            struct engine_ranges done;
            struct engine_ranges release;
        } get;
        struct {
            struct engine_ranges ranges;
            uint64_t delay_ns; /* NACK */
            bool dead;         /* NACK */
        } settle;
        uint32_t count; /* TASK_DONE, PUT_END, PEEK */
        struct {
            uint64_t timeout_ns;
        } join;
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
            const struct engine_move *item; /* at most ENGINE_SLICE */
            uint32_t count;
        } move;
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
    WHY(OPTION_ACCOUNTING, "queue '%n' exists with another accounting")                               \
    WHY(OPTION_LEASE, "queue '%n' exists with lease_ms %l")                                           \
    WHY(OPTION_PRODUCERS, "queue '%n' exists with producers %l")                                      \
    WHY(OPTION_DURABLE, "queue '%n' exists with another durability")                                  \
    WHY(OPTION_MAKES_NO_SENSE, "counter queues have no lease_ms")                                     \
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
    uint64_t ready, delayed, leased; /* leased counts deliveries on receipt not yet confirmed, too */
    uint64_t ready_bytes;            /* ready and delayed */
    uint64_t unfinished, ends;
    uint64_t put, done, dead, expired, discarded, moved_in, moved_out, dead_in;
    uint64_t delivered, redelivered, lease_expired, task_done;
    uint64_t getters_waiting, putters_waiting, joiners_waiting, producers_attached, producers_finished;
    uint64_t age_ns; /* of the ready message that was put first, in steps of 10 ms; where it has come back, that of the
                        first message of its lease */
};

enum engine_effect_kind {
    ENGINE_ANSWER,  /* .answer: to everything that has no kind of its own */
    ENGINE_GOT,     /* .got: to GET, whatever came of it */
    ENGINE_SETTLED, /* .settled: to DONE, NACK, RELEASE, TOUCH */
    ENGINE_JOINED,
    ENGINE_ATTACHED,
    ENGINE_STATS,            /* to STAT and LIST */
    ENGINE_PEEKED,           /* .got: to PEEK */
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
            bool finished;
        } attached;
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
    ENGINE_RECORD_DECLARE, /* name, options */
    ENGINE_RECORD_DELETE,
    ENGINE_RECORD_PUT,       /* first, bodies, due_ns (0: ready), producer name if attached */
    ENGINE_RECORD_DONE,      /* first, count: finished by a consumer */
    ENGINE_RECORD_DISCARD,   /* first, count: by purge, delete or immediate close */
    ENGINE_RECORD_RETURN,    /* first, count, deliveries, due_ns; sets no watermark */
    ENGINE_RECORD_TASK_DONE, /* count */
    ENGINE_RECORD_CLOSE,     /* immediate in count */
    ENGINE_RECORD_PUT_END,   /* first, count */
    ENGINE_RECORD_END_TAKEN, /* first, count: sentinels handed out or discarded */
    ENGINE_RECORD_ATTACH,    /* producer name */
    ENGINE_RECORD_FINISH,    /* producer name */
};

struct engine_record {
    enum engine_record_kind kind;
    uint64_t number;      /* 1, 2, ... without gaps */
    uint64_t incarnation; /* of the queue */
    uint64_t first;
    uint32_t count;
    uint32_t deliveries;
    uint64_t due_ns;
    const struct engine_body *bodies; /* count of them */
    struct engine_text name;
    struct engine_queue_options options;
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
    uint32_t body_count, run_count, range_count, stat_count, text_size;
    struct engine_body *bodies;
    struct engine_run *runs;
    struct engine_range *ranges;
    struct engine_stat *stats;
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
};

JQ_MUST_USE struct engine *engine_new(const struct engine_config *config); /* NULL: no memory */
void engine_free(struct engine *engine); /* bodies still held are not released: the store goes with the engine */

/* Does what is due by `now` (ns, never going back), then carries out commands in order, and appends what it has to say.
 * Returns how many commands it took: fewer than `count` when the effects are nearly full; carry them out, reset, and call again with
 * the rest. Commands and their arrays are borrowed until the call returns. Call it again when engine_next says so. */
size_t engine_step(struct engine *engine, uint64_t now, const struct engine_command *commands, size_t count,
                   struct engine_effects *effects);

/* When the engine next has something to do by itself: a time, 0 for at once (slices left), ENGINE_FOREVER. */
uint64_t engine_next(const struct engine *engine);

/* True while the session has an unanswered request with this id. */
bool engine_waits(const struct engine *engine, struct engine_session_id session, uint32_t request);

/* What slices and memory have come to; for tests, stat and metrics. */
struct engine_totals {
    uint64_t sessions, queues, producers, members, waiters, messages, leases; /* ends are messages here */
    uint64_t sliced;                                                          /* messages handled in slices, ever */
    uint64_t slice_max;                                                       /* the most of them in one step */
};
void engine_totals(const struct engine *engine, struct engine_totals *out);

/* Walks everything and traps on the first broken invariant; for debug, simulation and fuzz builds. */
void engine_check(const struct engine *engine);

#endif
