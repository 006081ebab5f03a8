/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine's files share: its objects, who owns them, and the functions by which one file uses another. Nothing outside
 * broker/engine includes this.
 *
 *   engine --> queues (by name, by incarnation)      engine --> sessions
 *                 |  log of messages, ready, delayed           |
 *                 |  lines of waiting puts, gets, joins        |
 *                 +-------------- member ----------------------+     what one session has in one queue:
 *                                   | leases (runs), waiting puts, producer name
 */
#ifndef JOINQ_ENGINE_MODEL_H
#define JOINQ_ENGINE_MODEL_H

#define HASH_NONFATAL_OOM 1
#include "engine.h"
#include "heap.h"
#include "levels.h"
#include "message_log.h"
#include "pool.h"
#include <uthash.h>
#include <utlist.h>
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((void)(element)) /* told by hh.tbl being NULL */

/* A handler's other results: the request waits; or the effects were full before it was through, and it is to be called again with the
 * same command. */
enum { ENGINE_PARKED = -1, ENGINE_AGAIN = -2 };

/* Of a queue that is synced within a time: a record is synced at once every so many numbers, and after a start so many are left out, which
 * are more than twice as many and what one step gives. */
enum { NUMBERS_ANCHORED = 1 << 16, NUMBERS_LEFT_OUT = 1 << 18 };

/* Counts of what happened, per queue, for ever. */
struct tallies {
    uint64_t put, done, dead, expired, discarded, moved_in, moved_out, dead_in;
    uint64_t delivered, redelivered, lease_expired;
    uint64_t unreadable; /* in this run */
};

/* The name of a queue whose dead letters live on when it does not. */
struct source {
    uint32_t uses; /* letters, and the queue itself */
    uint32_t size;
    char name[];
};

/* What few messages have; where `extended`, the message's attempt lies here. */
struct extra {
    struct heap_node ttl; /* in queue->ttl while it is ready or delayed; key: when it expires, ENGINE_FOREVER: never */
    uint64_t sequence;
    uint64_t priority; /* its key in queue->returned, where the queue's order is by priority */
    uint32_t attempt;
    uint32_t index;
    /* of a dead letter */
    enum engine_reason reason;
    uint32_t source_deliveries;
    struct source *source; /* NULL: it is none */
    uint64_t source_sequence, source_ns;
};

/* Up to which records the journal must have come before something is said (OUT-1). */
struct rests {
    uint64_t durable, written;
};

struct slot {
    uint64_t number;
    uint64_t count, incarnation; /* the answer that is kept */
    struct rests rests;
    enum jqw_code code;
    bool open, kept;
};

/* Who may come back with another connection, by the id of its hello. */
struct client {
    UT_hash_handle hh; /* in engine->clients */
    uint8_t id[ENGINE_CLIENT_ID];
    struct session *session; /* NULL: none at the moment */
    struct slot *slots;
    uint32_t slot_count, kept;
    bool awaited;            /* its next session is about to begin */
    bool leaving;            /* for good, with its session */
    struct heap_node forget; /* in engine->forgets while it has no session */
};

/* By which slot a request goes; client NULL: by none. */
struct once {
    struct client *client;
    uint32_t slot;
};

/* A done-and-put that waits. */
struct forward {
    struct engine_target targets[ENGINE_TARGETS_MAX]; /* their texts lie in `texts`, their bodies in `bodies` */
    char *texts[ENGINE_TARGETS_MAX];
    struct engine_body *bodies;
    struct engine_range *ranges;
    uint64_t order; /* of arrival */
    uint32_t target_count, range_count;
};

/* How far a snapshot has come. */
enum snapshot_part { SNAPSHOT_STATE, SNAPSHOT_PRODUCERS, SNAPSHOT_MARKS, SNAPSHOT_MESSAGES };
struct snapshot {
    bool running;
    enum snapshot_part part;
    uint64_t first;            /* its first record */
    uint64_t last_incarnation; /* of the queues that were there when it began */
    uint64_t incarnation;      /* the queue that it is at, or the next one */
    uint64_t at, until;        /* producers told; messages, by number */
    const struct client *client;
    uint32_t slot;
};

/* Of a queue that is being read back from a snapshot. */
struct restore {
    bool begun;    /* and not yet told to its end */
    uint64_t next; /* messages that are told have lower numbers */
    uint64_t tail; /* those from here on have records of their own */
    char *letters; /* name of the queue for its letters */
    uint32_t letters_size;
};

/* Messages on their way into a queue. */
struct arrival {
    struct member *member; /* who puts; NULL: nobody */
    const struct engine_body *bodies;
    uint32_t count;
    enum engine_source source;
    struct engine_put_options options;
    uint64_t expires_ns; /* not by ttl, but then; 0: by ttl */
    bool eternal;        /* never, whatever the queue's ttl */
    bool lettered;       /* it has an extra in any case */
    struct once once;    /* of the put */
    uint32_t before;     /* messages of it that were accepted before */
    uint64_t priority;   /* their key, once prepared */
    uint64_t at;         /* where they lay before a crash, without being counted again; 0: behind the others */
    uint64_t age_ns;     /* since they were put */
    struct origin *origin;
    const struct client *client; /* who put them; NULL: nobody known */
};

/* A lease on messages first .. first + count - 1 that were handed out together with one attempt; `live` of them are still held.
 * A delivery on receipt is one, too, until it is confirmed. */
struct run {
    struct heap_node expiry; /* in queue->expiry; key: deadline in ns, ENGINE_FOREVER and in no heap without one */
    struct member *member;
    struct run *prev, *next; /* in member->runs */
    uint64_t first;
    uint64_t receipt; /* 0: leased */
    uint32_t count, live;
    uint32_t attempt;
    uint32_t index;
    uint32_t put_time; /* of its first message, in 10 ms */
    uint32_t since;    /* when it began, in 10 ms */
    bool end;          /* one sentinel */
    bool unread;       /* nobody has got it, for its body could not be read, and it waits for the journal */
    bool owed;         /* its time is up, and what dies of that waits for the journal (OUT-2): suspended until then */
    uint32_t thinned;  /* of its first so many messages only those are out that die with it */
};

#define RUN_SUSPENDED (ENGINE_FOREVER - 1) /* as a deadline: its forward waits, and it does not expire */

struct member_key {
    uint64_t incarnation, session;
};

struct member {
    struct member_key key;
    UT_hash_handle hh;       /* in engine->members, until its session or queue ends */
    struct session *session; /* NULL once it has ended */
    struct queue *queue;
    struct member *sprev, *snext; /* in session->members */
    struct member *qprev, *qnext; /* in queue->members, or queue->returns once its session has ended */
    struct run *runs;
    uint64_t leased, receipts;
    uint64_t received; /* of a session that has ended: receipts up to here were confirmed */
    uint32_t idle_gets, waiting_gets, waiting_puts;
    struct waiter *afters;        /* finish and close(after_mine) that wait for its puts */
    struct member *aprev, *anext; /* in queue->after_due */
    bool after_due;               /* it has some, and no put before them waits any more */
    struct producer *producer;
    bool uses;               /* lifetime users: has opened the queue */
    bool fenced;             /* its producer name was taken over */
    struct waiter *rejoined; /* the last get that has gone back to its place, while session_block goes through them */
    uint32_t index;
};

/* A moment in a queue; see marks.c. */
struct mark {
    uint64_t sequence; /* what was put before has a lower number */
    uint64_t counted;  /* since the mark before it: unfinished; in a counter queue, expired, discarded and moved out */
    uint64_t base, target; /* of a counter queue: what was gone, and what had been put, when it was made */
};

/* A client that put messages of a queue which are not finished. */
struct origin {
    UT_hash_handle hh; /* in queue->origins */
    uint8_t client[ENGINE_CLIENT_ID];
    uint64_t live;
    struct waiter *joins;         /* for what it put */
    bool done;                    /* no message is left, and joins are to be told */
    struct origin *dprev, *dnext; /* in queue->mine_done */
    struct origin *next_free;
    uint16_t place; /* from 1 */
};

struct producer {
    UT_hash_handle hh;      /* in queue->producers */
    struct heap_node grace; /* in engine->graces while it has no holder and has not finished; key: when it is lost */
    struct queue *queue;
    struct member *holder;
    uint64_t accepted;
    uint64_t left_ns; /* when it last had a holder */
    bool finished;
    bool lost; /* without a holder for its grace, and not finished */
    bool owed; /* what its loss means waits for the journal (OUT-2) */
    uint32_t size;
    char name[];
};

enum waiter_kind {
    WAITER_PUT,
    WAITER_GET,
    WAITER_JOIN,
    WAITER_FINISH,
    WAITER_CLOSE,
    WAITER_SWEEP,
    WAITER_REOPEN,
    WAITER_PUT_END,
    WAITER_MOVE
};

struct waiter_key {
    uint64_t session;
    uint64_t request;
};

/* A request that waits. One object, linked in three containers: the line of its queue, the heap of deadlines, its session. */
struct waiter {
    struct waiter_key key;
    UT_hash_handle hh; /* in engine->waiters */
    struct heap_node deadline;
    struct session *session; /* NULL: nobody waits for the answer any more (WAITER_SWEEP) */
    struct queue *queue;
    struct member *member;        /* puts, gets, finish, close(after_mine) */
    struct waiter *sprev, *snext; /* in session->waiters */
    struct waiter *prev, *next;   /* in a line of the queue, or member->afters */
    struct waiter **line;         /* which; NULL: none */
    struct waiter *root;          /* of a part of a get from several queues; NULL: it is none */
    struct waiter *parts;         /* of a root: one in the line of each queue */
    struct waiter *part_next;     /* the next of the same root */
    uint32_t place;               /* of a part: which of the queues */
    uint64_t order;               /* of arrival */
    uint32_t puts_before;         /* finish, close(after_mine): earlier puts of its session that wait */
    struct once once;
    struct rests rests; /* a get: what the dones that it carried rest on */
    enum waiter_kind kind;
    bool late;   /* does not wait any more: to be answered once the queue is not busy */
    bool passed; /* a get whose session's output is blocked: out of the line */
    enum jqw_code late_code;
    uint32_t index;
    union {
        struct {
            struct engine_body *bodies;        /* owned; those before `accepted` are the queue's by now */
            uint64_t bytes;                    /* of those not accepted yet */
            struct engine_put_options options; /* bytes of a priority are owned: priority_bytes */
            char *priority_bytes;
            struct forward *forward; /* owned; not NULL: a done-and-put, and of the rest only `bytes` counts */
            uint32_t count, accepted;
            bool partial;
        } put;
        struct {
            struct engine_range *lost; /* owned */
            uint32_t lost_count;
            uint64_t generation; /* of the queue when it came */
            uint32_t max;
            bool auto_, final;
        } get;
        struct {
            struct tallies since; /* when it began */
            uint64_t mark;        /* 0: none */
            struct heap_node due; /* in queue->mark_joins */
            struct origin *mine;
            struct waiter *prev, *next; /* in mine->joins */
        } join;
        struct producer *finish;
        struct {
            uint32_t count;
        } put_end;
        struct {
            uint64_t to, count, moved; /* incarnation; at most, 0: all */
        } move;
        struct {
            struct sweep *job; /* owned until it has begun */
            uint64_t discarded;
            bool begun;
        } sweep; /* WAITER_CLOSE, WAITER_SWEEP */
    };
};

struct session {
    struct engine_session_id id;
    UT_hash_handle hh;
    struct client *client; /* NULL: it said none */
    bool opening;          /* another one of its client ends first */
    struct member *members;
    struct waiter *waiters;
    struct queue *owned; /* that go with it */
    uint32_t waiting;
    uint64_t waiting_bytes;
    bool blocked;
    uint32_t turn;            /* with which queue its next get from several begins */
    uint64_t receipt_last;    /* number of the last delivery on receipt */
    uint64_t received;        /* the highest that was confirmed */
    struct receipt *receipts; /* a ring of what is not confirmed, in order */
    uint32_t receipt_head, receipt_count, receipt_capacity;
    struct receipt *stuck; /* confirmed, but the journal does not take the record (OUT-2) */
    uint32_t stuck_count, stuck_capacity;
    struct session *cprev, *cnext; /* in engine->confirming */
    bool confirming;
};

struct receipt {
    uint64_t number;
    uint32_t run;
};

/* Messages on their way out in slices: what was ready in [from, to), and what `returned` and `delayed` held. */
struct sweep {
    struct sweep *prev, *next;
    struct waiter *waiter; /* to be answered at the end; NULL: nobody */
    uint64_t from, to;
    uint64_t lowers; /* of a counter queue: how many of them lower what is unfinished, and are not counted yet */
    struct order_heap returned, delayed;
};

struct queue {
    UT_hash_handle hh_name, hh_incarnation;
    uint64_t incarnation;
    struct engine_queue_options options;
    struct engine_queue_options declared_options; /* as they were declared, whatever was altered since */
    char *declared_letter;                        /* owned: bytes of declared_options.dead_letter */
    struct queue *letters;                        /* where dead letters go; NULL: nowhere, or dropped */
    struct queue *senders;                        /* queues whose dead letters come here */
    struct queue *lprev, *lnext;                  /* in letters->senders */
    uint32_t sender_count;
    uint64_t letters_due;          /* of all senders: what is leased or has a time to live */
    struct session *owner;         /* lifetime session: with whom it goes; NULL: that one has ended */
    struct queue *oprev, *onext;   /* in owner->owned */
    uint32_t users;                /* lifetime users: members that have opened it */
    struct heap_node lifetime_due; /* in engine->lifetimes; key: when to look whether its time has come */
    uint64_t active_ns;            /* when somebody last wanted something of it */
    uint64_t runs_owed;            /* see there */
    bool overdue;                  /* its deletion waits for the journal (OUT-2) */
    uint32_t paused;               /* 1 puts, 2 gets */
    uint64_t generation;           /* from 1 */
    bool stale;                    /* gets of an older one may be in line */
    uint64_t truncated_last;       /* the last generation that ended truncated; 0: none */
    bool truncated;                /* this one: a producer was lost */
    bool bound_shrunk;             /* waiting puts may be larger than the bound itself now */
    bool declared, deleted, dirty, working, stalled; /* stalled: its slices wait for the journal */
    uint64_t ends_over; /* sentinels before this sequence are of a generation that has ended: they do not come back */
    uint64_t
        ends_past;   /* sentinels before it were out at a final end: they do not come back while the journal accepts */
    bool puts_first; /* it was busy when it closed: puts that waited then are tried before they are told */
    uint32_t closed; /* 0, 1 graceful, 2 immediate */
    uint64_t watermark;
    struct rests shared; /* of one in memory: what the durable queues rest on with which it shared a request */
    struct {
        uint64_t record, next; /* what is answered rests on `record`, and next on that one, whatever sync_ms */
        uint64_t at;           /* from which number on the next is made; 0: nothing has been put since recovery */
    } anchor;

    struct log log;
    uint64_t fresh;               /* messages from here to log.tail were never handed out */
    struct order_heap returned;   /* ready ones before `fresh`; has room for everything that may come back */
    struct order_heap delayed;    /* by the time they become ready */
    struct heap_node delayed_due; /* in engine->delayed */
    struct heap expiry;           /* runs with a deadline */
    struct heap_node expiry_due;  /* in engine->expiries */
    bool expiring;                /* runs are due that a slice has not come to */
    struct heap ttl;              /* extras, by when they expire */
    struct heap_node ttl_due;     /* in engine->ttls */
    uint64_t ttl_count;           /* messages that expire at some time, leased ones too */
    bool withering;               /* messages have expired that a slice has not come to */
    uint64_t wilted;              /* that have expired while the journal did not take it: delayed, and due at no time */
    uint32_t priority_kind;       /* of its messages: ENGINE_PRIORITY_NONE until the first */
    struct levels levels;         /* where it is bytes */
    struct source *source;        /* its name as its dead letters have it; NULL: it has sent none */

    uint64_t ready, delayed_count, leased, receipts; /* messages; sentinels are in none */
    uint64_t ends, ends_out;                         /* sentinels: waiting, handed out and not confirmed */
    uint64_t queued_bytes, leased_bytes;
    uint64_t leased_idle, receipts_idle; /* of members that wait in an idle get */
    uint64_t counter_unfinished;         /* of a counter queue */
    uint64_t lowered;                    /* how often it went down without a task_done (CNT-2) */
    struct tallies tally;

    uint64_t end_idle_until, end_final_until;            /* waiting gets up to this arrival are to be told END */
    struct waiter *puts, *gets, *joins, *blocked_sweeps; /* lines, in order of arrival; sweeps wait while it is busy */
    uint32_t put_count, get_count, join_count, late_count, idle_count, final_count, part_count;
    struct member *members;
    struct member *returns; /* of sessions that ended, with leases to come back */
    struct member *stuck;   /* likewise, with nothing but confirmed receipts that the journal does not take (OUT-2) */
    struct member *after_due;
    struct waiter *moves;    /* of its messages to other queues, one after the other */
    struct waiter *deleting; /* waits for the end of its deletion */
    struct sweep *sweeps;

    struct mark *marks; /* not yet reached, in order */
    uint32_t mark_count, mark_capacity;
    uint64_t mark_reached;  /* the last one that was */
    struct heap mark_joins; /* waiting joins, by mark */
    uint64_t log_ends;      /* sentinels in the log */
    struct maker *maker;    /* who made it, in this run; NULL: nobody that is counted */
    struct origin *origins, **origin_table, *origin_free;
    struct origin *mine_done; /* with joins to be told */
    uint32_t origin_count, origin_capacity;

    struct producer *producers;
    uint64_t producers_finished, producers_attached, producers_lost;
    uint32_t owed; /* lost producers whose loss waits for the journal */

    struct restore *restore;     /* NULL but in recovery */
    struct queue *dprev, *dnext; /* in engine->dirty */
    struct queue *wprev, *wnext; /* in engine->working */
    uint32_t name_size;
    char name[];
};

struct engine {
    struct engine_config config;
    struct engine_effects *effects; /* of the step under way */
    uint64_t now;
    struct queue *by_name, *by_incarnation;
    struct maker *makers;
    struct session *sessions;
    struct member *members;
    struct waiter *waiters;
    struct pool runs, delays, member_pool, waiter_pool, extras;
    struct heap deadlines;         /* waiters */
    struct heap delayed, expiries; /* queues */
    struct heap graces;            /* producers */
    struct heap forgets;           /* clients */
    uint64_t slots;                /* of all clients */
    struct client *clients;
    struct once once;           /* of the request under way */
    struct heap ttls;           /* queues */
    struct heap lifetimes;      /* queues */
    struct queue *dirty;        /* to be paired */
    struct queue *working;      /* with slices to do */
    struct session *confirming; /* with receipts to confirm */
    struct session *ending;     /* half ended, for lack of room in the effects */
    struct waiter *joining;     /* came with the command under way: passed over only if it waits after it */
    uint64_t incarnation_last, order_last, record_last;
    struct rests deleted; /* that a queue is not there rests on what deletions rested on */
    uint64_t messages;    /* in all logs */
    uint64_t letters_due; /* leased messages of queues whose dead letters go somewhere */
    uint64_t zombies;     /* deleted queues with slices left */
    uint64_t producers;   /* names, of all queues */
    bool journal_refuses;
    bool journal_full; /* it takes only what gives space back */
    struct snapshot snapshot;
    bool lenient;              /* in repair: what does not fit is passed over */
    struct nameless *nameless; /* in repair: queues that no record has declared */
    bool history_partial;      /* of some queues only what the snapshot says that is being read */
    bool replaying;            /* what is done makes no records */
    uint32_t budget;           /* messages that the step under way may still handle in slices */
    uint64_t sliced, slice_max;
};

#define ENGINE_OF(pointer, type, field) ((type *)(void *)((char *)(pointer)-offsetof(type, field)))

#include "model_calls.h"

#endif
