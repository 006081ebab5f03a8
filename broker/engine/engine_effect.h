/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine says: answers, events, and why. Part of engine.h; it must know nothing of how it is told to anybody. */
#ifndef JOINQ_ENGINE_EFFECT_H
#define JOINQ_ENGINE_EFFECT_H

#include "engine_command.h"

/* ---- effects: what the engine says ------------------------------------------------------------------------------- */

/* Why an error or result is what it is: the server makes a sentence of it. ENGINE_WHY(name, format); %n is the name and %l the
 * limit in the answer. */
#define ENGINE_WHYS(WHY)                                                                              \
    WHY(NONE, "")                                                                                     \
    WHY(QUEUE_MISSING, "no queue '%n'")                                                               \
    WHY(MAKES_NONE, "there is no queue '%n' yet, and this user has no permission declare to make it") \
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
    WHY(QUEUES_TOO_MANY, "this user has made %l queues, and may have no more")                        \
    WHY(WAITING_BYTES, "waiting puts of this connection would hold more than %l bytes")               \
    WHY(WITHDRAWN, "this user's permission for what the request waited for is gone")                  \
    WHY(MEMORY, "out of memory")                                                                      \
    WHY(JOURNAL, "the journal does not accept")                                                       \
    WHY(UNREADABLE, "what is ready in queue '%n' cannot be read from the disk")

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
    uint64_t unreadable;     /* hand-outs of messages whose body could not be read, in this run */
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
    uint64_t written;        /* likewise, once it has written them */
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
            bool known;                /* something is kept of this client */
            uint64_t incarnation_next; /* the least that a queue made from now on can have */
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
    uint32_t refused; /* of them: no record ever had them */
    uint64_t bytes;
};

#endif
