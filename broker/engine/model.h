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

/* Counts of what happened, per queue, for ever. */
struct tallies {
    uint64_t put, done, dead, expired, discarded, moved_in, moved_out, dead_in;
    uint64_t delivered, redelivered, lease_expired;
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

struct slot {
    uint64_t number;
    uint64_t count, incarnation, after; /* the answer that is kept */
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

/* Messages on their way into a queue. */
struct arrival {
    struct member *member; /* who puts; NULL: nobody */
    const struct engine_body *bodies;
    uint32_t count;
    enum engine_source source;
    struct engine_put_options options;
    uint64_t expires_ns; /* not by ttl, but then; 0: by ttl */
    struct once once;    /* of the put */
    uint32_t before;     /* messages of it that were accepted before */
    uint64_t priority;   /* their key, once prepared */
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
    uint64_t after; /* a get: what the dones that it carried rest on */
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
    struct session *owner;         /* lifetime session: with whom it goes; NULL: that one has ended */
    struct queue *oprev, *onext;   /* in owner->owned */
    uint32_t users;                /* lifetime users: members that have opened it */
    struct heap_node lifetime_due; /* in engine->lifetimes; key: when to look whether its time has come */
    uint64_t active_ns;            /* when somebody last wanted something of it */
    bool overdue;                  /* its deletion waits for the journal (OUT-2) */
    uint32_t paused;               /* 1 puts, 2 gets */
    uint64_t generation;           /* from 1 */
    uint64_t truncated_last;       /* the last generation that ended truncated; 0: none */
    bool truncated;                /* this one: a producer was lost */
    bool bound_shrunk;             /* waiting puts may be larger than the bound itself now */
    bool declared, deleted, dirty, working, stalled; /* stalled: its slices wait for the journal */
    uint64_t ends_over; /* sentinels before this sequence are of a generation that has ended: they do not come back */
    bool puts_first;    /* it was busy when it closed: puts that waited then are tried before they are told */
    uint32_t closed;    /* 0, 1 graceful, 2 immediate */
    uint64_t watermark;

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
    struct origin *origins, **origin_table, *origin_free;
    struct origin *mine_done; /* with joins to be told */
    uint32_t origin_count, origin_capacity;

    struct producer *producers;
    uint64_t producers_finished, producers_attached, producers_lost;
    uint32_t owed; /* lost producers whose loss waits for the journal */

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
    struct session *sessions;
    struct member *members;
    struct waiter *waiters;
    struct pool runs, member_pool, waiter_pool, extras;
    struct heap deadlines;         /* waiters */
    struct heap delayed, expiries; /* queues */
    struct heap graces;            /* producers */
    struct heap forgets;           /* clients */
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
    uint64_t deleted_watermark; /* that a queue is not there rests on the last record of a deletion */
    uint64_t messages;          /* in all logs */
    uint64_t letters_due;       /* leased messages of queues whose dead letters go somewhere */
    uint64_t zombies;           /* deleted queues with slices left */
    uint64_t producers;         /* names, of all queues */
    bool journal_refuses;
    uint32_t budget; /* messages that the step under way may still handle in slices */
    uint64_t sliced, slice_max;
};

#define ENGINE_OF(pointer, type, field) ((type *)(void *)((char *)(pointer)-offsetof(type, field)))

/* ---- effects.c ---- */
bool effects_room(const struct engine_effects *fx);      /* for the largest single thing a handler says */
bool effects_list_room(const struct engine_effects *fx); /* for an answer to list besides */
struct engine_effect *effect_new(struct engine *e, enum engine_effect_kind kind, struct engine_session_id session,
                                 uint32_t request, const struct queue *q);
struct engine_text effects_text(struct engine_effects *fx, const char *data, uint32_t size);
void effects_release(struct engine_effects *fx, struct engine_body body);
struct engine_range *effects_range(struct engine_effects *fx, struct engine_range range);
void answer_rests_on(struct engine_effect *a, const struct queue *q); /* and leaves when that is durable (OUT-1) */
/* Fills in a failure: returns the code. */
int answer_fail(struct engine *e, struct engine_effect *a, enum jqw_code code, enum engine_why why,
                const struct queue *q, uint64_t limit);
bool effects_text_room(const struct engine_effects *fx, uint32_t size);
struct engine_record *group_open(struct engine *e, struct queue *q, struct queue *other);
void group_close(struct engine *e, struct engine_record *group, struct queue *q, struct queue *other);
struct engine_record *record_new(struct engine *e, struct queue *q,
                                 enum engine_record_kind kind); /* NULL: not durable */

/* ---- queue.c ---- */
struct queue *queue_by_incarnation(const struct engine *e, uint64_t incarnation);
/* The queue that a command names, or NULL in *out; or why there can be none such. */
JQ_MUST_USE int queue_look(struct engine *e, const struct engine_command *c, struct engine_effect *a,
                           struct queue **out);
struct queue *queue_new(struct engine *e, struct engine_text name); /* NULL: no memory */
JQ_MUST_USE int queue_find(struct engine *e, const struct engine_command *c, struct engine_effect *a,
                           struct queue **out);
JQ_MUST_USE int queue_find_or_make(struct engine *e, const struct engine_command *c, struct engine_effect *a,
                                   struct queue **out, bool *made);
/* If the request that made it failed with this code. */
void queue_unmake(struct engine *e, struct queue *q, struct engine_effect *a, int code);
void queue_mark(struct engine *e, struct queue *q); /* something changed that waiters may wait for */
void queue_work(struct engine *e, struct queue *q); /* has slices to do */
void queue_destroy(struct engine *e, struct queue *q);
bool queue_storage_ok(const struct engine *e, const struct queue *q);
/* Something is under way in slices that what is asked of the queue may rest on: what comes back, or, where it must be on disk,
 * what goes. */
static inline bool queue_busy(const struct queue *q)
{
    return q->returns || q->expiring || q->withering || (q->sweeps && q->options.durable);
}
static inline bool queue_is_counter(const struct queue *q)
{
    return q->options.accounting == ENGINE_COUNTER;
}
uint64_t queue_unfinished(const struct queue *q);
void queue_removed(struct queue *q, uint64_t sequence);
void queue_lowered(struct queue *q, uint64_t sequence);

/* ---- ready.c: which message is next, and what comes back ---- */
JQ_MUST_USE bool ready_reserve(struct queue *q, uint64_t more);  /* room for `more` beyond all that is out or delayed */
struct message *ready_next(struct queue *q, uint64_t *sequence); /* NULL: none */
void ready_take(struct queue *q, uint64_t sequence);             /* the one ready_next gave */
void ready_return(struct engine *e, struct queue *q, uint64_t sequence, struct message *m);
void ready_delay(struct engine *e, struct queue *q, uint64_t sequence, struct message *m, uint64_t due);
void ready_due(struct engine *e, struct queue *q, uint64_t now); /* delayed ones whose time has come */
void message_finish(struct engine *e, struct queue *q, uint64_t sequence, struct message *m); /* out of the log */
void message_forget(struct engine *e, struct queue *q, uint64_t sequence,
                    struct message *m); /* likewise, but its body is somebody else's now */
/* A new message is ready, at the end of the log. */
void ready_arrive(struct queue *q, uint64_t sequence, struct message *m, uint64_t priority);
uint32_t put_time(const struct engine *e);

/* ---- client.c ---- */
enum { ONCE_GO_ON = -3 }; /* otherwise a code, with the answer filled in */
JQ_MUST_USE bool client_opens(struct engine *e, struct session *s,
                              const struct engine_command *c); /* false: call again */
void client_leaves(struct engine *e, struct session *s);
void client_due(struct engine *e, struct client *client);
void clients_free(struct engine *e);
JQ_MUST_USE int once_begin(struct engine *e, struct session *s, const struct engine_command *c,
                           struct engine_effect *a);
void once_keep(struct engine *e, const struct once *once, struct queue *q, uint64_t count);
void once_end(const struct once *once, const struct engine_effect *a); /* NULL: it is never answered */

/* ---- marks.c ---- */
void marks_gone(struct queue *q, uint64_t sequence);
void marks_reach(struct queue *q);
JQ_MUST_USE int mark_make(struct engine *e, struct queue *q, struct engine_effect *a, uint64_t *out);
JQ_MUST_USE int mark_find(struct engine *e, const struct queue *q, uint64_t mark, struct engine_effect *a);
uint64_t mark_remaining(const struct queue *q, uint64_t mark);

/* ---- origin.c ---- */
struct origin *origin_find(const struct queue *q, const uint8_t *client);
JQ_MUST_USE bool origin_take(struct queue *q, const struct client *client, struct origin **out);
void origin_tidy(struct queue *q, struct origin *o);
void origin_gone(struct engine *e, struct queue *q, uint16_t place);
void origins_fini(struct queue *q);

/* ---- extra.c ---- */
static inline struct extra *message_extra(const struct engine *e, const struct message *m)
{
    return m->extended ? pool_at(&e->extras, m->attempt) : NULL;
}
static inline uint32_t message_attempt(const struct engine *e, const struct message *m)
{
    return JQ_UNLIKELY(m->extended) ? message_extra(e, m)->attempt : m->attempt;
}
static inline uint32_t *message_attempt_at(const struct engine *e, struct message *m)
{
    return JQ_UNLIKELY(m->extended) ? &message_extra(e, m)->attempt : &m->attempt;
}
/* Room for what the messages of an arrival have beyond the usual. False: no memory. */
JQ_MUST_USE bool extras_reserve(struct engine *e, struct queue *q, uint32_t count, bool expires);
struct extra *extra_new(struct engine *e, struct message *m, uint64_t sequence);
/* What one message has is the other's from now on. */
struct extra *extra_pass(struct engine *e, struct queue *q, struct message *from, struct message *to,
                         uint64_t sequence);
void extra_free(struct engine *e, struct queue *q, struct message *m); /* nothing if it has none */
/* When it expires, from now on looked at, or not, as its state says. */
void extra_ttl(struct engine *e, struct queue *q, struct extra *x, uint64_t expires_ns);
void extra_ttl_stop(struct engine *e, struct queue *q, const struct message *m);
bool extra_expired(const struct engine *e, const struct message *m);
void ttl_plan(struct engine *e, struct queue *q);
void ttl_due(struct engine *e, struct queue *q);
uint32_t wither_some(struct engine *e, struct queue *q, uint32_t budget);
void message_expire(struct engine *e, struct queue *q, uint64_t sequence, struct message *m);
JQ_MUST_USE int priority_check(struct engine *e, const struct queue *q, const struct engine_put_options *o,
                               struct engine_effect *a);
/* The key of a put's messages, whose level is in use by `count` more. False: no memory. */
JQ_MUST_USE bool priority_take(struct queue *q, const struct engine_put_options *o, uint32_t count, uint64_t *key);
void priority_fix(struct queue *q, const struct engine_put_options *o);
void priority_give(struct queue *q, uint64_t key, uint32_t count);
uint64_t priority_lowest(const struct queue *q); /* of messages that say none */

/* ---- letter.c ---- */
JQ_MUST_USE bool source_make(struct queue *q); /* before letters may leave; false: no memory */
void source_unref(struct source *source);
JQ_MUST_USE bool letters_reserve(struct engine *e, struct queue *to, uint64_t count);
bool message_dies(const struct queue *q, const struct message *m); /* with the next delivery that fails */
bool death_storage_ok(const struct engine *e, const struct queue *q);
/* Ends a message that has left its state already. */
void message_die(struct engine *e, struct queue *q, uint64_t sequence, struct message *m, enum engine_reason reason);
uint64_t letters_from(const struct queue *q); /* how many of it, or that come to it, may become letters */
uint64_t letters_due(const struct queue *to); /* how many may have to come at any moment */
/* Room at its end for so many messages, beside the letters that are due. */
JQ_MUST_USE bool queue_reserve(struct queue *q, uint64_t count);
void letter_detail(struct engine *e, struct engine_effect *a, uint32_t index, const struct message *m);
bool letter_room(const struct engine *e, const struct message *m); /* in the effects, for its detail */

/* ---- session.c ---- */
struct session *session_find(const struct engine *e, struct engine_session_id id);
struct session *session_open(struct engine *e, struct engine_session_id id); /* NULL: no memory */
bool session_end(struct engine *e, struct session *s);                       /* false: no room, call again */
void session_block(struct engine *e, struct session *s, bool blocked);
void session_unpass(struct session *s, const struct queue *q);
struct member *member_find(const struct engine *e, const struct session *s, const struct queue *q);
JQ_MUST_USE struct member *member_get(struct engine *e, struct session *s, struct queue *q); /* NULL: no memory */
void member_tidy(struct engine *e, struct member *m);                 /* frees it if it has nothing */
void member_free(struct engine *e, struct member *m);                 /* out of queue->returns */
void member_hold(struct member *m, int64_t leased, int64_t receipts); /* keeps the sums */
void member_idle(struct member *m, int change);

/* ---- waiter.c ---- */
/* A waiter in no line yet. JQ_OK; JQ_BUSY or JQ_OVERLOADED with the answer filled in. */
JQ_MUST_USE int waiter_new(struct engine *e, struct session *s, struct queue *q, enum waiter_kind kind,
                           const struct engine_command *c, uint64_t timeout_ns, struct engine_effect *a,
                           struct waiter **out);
void waiter_line(struct engine *e, struct waiter *w,
                 struct member *m); /* joins the line of its queue; m as its member */
void waiter_pass(struct waiter *w, bool passed);
void waiter_late(struct waiter *w, enum jqw_code code); /* is not to wait, but its queue is busy */
void waiter_orphan(struct engine *e, struct waiter *w); /* its session has ended, its work goes on */
void waiter_free(struct engine *e, struct waiter *w);   /* out of everything; its bodies must be gone or released */
void waiter_end(struct engine *e, struct waiter *w, enum jqw_code code, enum engine_why why); /* answers, frees */
void waiter_drop_bodies(struct engine *e, struct waiter *w);
void waiter_deadline(struct engine *e, struct waiter *w);
struct waiter *waiter_find(const struct engine *e, struct engine_session_id session, uint32_t request);
void waiter_unline(struct engine *e, struct waiter *w); /* out of its line; it lives on */
/* A put that came at `order` is answered. */
void member_put_gone(struct engine *e, struct member *m, uint64_t order);
void member_after(struct engine *e, struct member *m,
                  struct waiter *w); /* it waits until the member's puts are answered */

/* ---- forward.c ---- */
bool forward_serve(struct engine *e, struct queue *q, struct waiter *w);
void forward_leave(struct engine *e, struct waiter *w, bool over);
void forward_drop_bodies(struct engine *e, struct waiter *w);
void forward_free(struct forward *f);
bool forward_concerns(struct engine *e, const struct waiter *w, const struct queue *q); /* whether it puts there */

/* ---- put.c ---- */
uint64_t queue_depth(const struct queue *q); /* what its bound counts */
uint64_t queue_depth_bytes(const struct queue *q);
bool put_late(struct engine *e, struct waiter *w); /* answers one that is not to wait any longer */
JQ_MUST_USE int put_check(struct engine *e, struct session *s, struct queue *q, const struct engine_target *target,
                          struct engine_effect *a);
/* How many of the first bodies there is room for, once so much has left. */
uint32_t put_fitting(const struct queue *q, const struct engine_body *bodies, uint32_t count, uint64_t freed_messages,
                     uint64_t freed_bytes);
/* Memory for an arrival, among `extras` messages that may have something extra. False: none, and nothing has changed. */
JQ_MUST_USE bool put_prepare(struct engine *e, struct queue *q, struct arrival *arrival, uint32_t extras);
void put_unprepare(struct queue *q, const struct arrival *arrival);
void put_commit(struct engine *e, struct queue *q, const struct arrival *arrival);
JQ_MUST_USE int options_make_sense(struct engine *e, const struct queue *q, const struct engine_put_options *o,
                                   struct engine_effect *a);
JQ_MUST_USE bool put_accept(struct engine *e, struct queue *q,
                            struct arrival *arrival); /* false: no memory, and nothing has changed */
bool put_serve(struct engine *e, struct queue *q);    /* the first waiting put; true: something moved */

/* ---- get.c ---- */
bool get_serve(struct engine *e, struct queue *q); /* the first waiting get; true: something moved */
bool get_ended(const struct queue *q, const struct member *asking,
               bool final); /* asking: a get that does not wait, or NULL */
void waiter_lost(struct engine *e, const struct waiter *w, struct engine_effect *a);
/* A get's own steps: a waiter for it; the dones and releases it carries; what is ready; what it keeps while it waits. */
JQ_MUST_USE int get_waiter(struct engine *e, struct member *m, const struct engine_command *c, struct engine_effect *a,
                           struct waiter **out);
void get_carried(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a);
int get_hand_out(struct engine *e, struct member *m, uint32_t max, bool auto_, struct engine_effect *a);
void get_keep(struct engine *e, struct waiter *w, const struct engine_command *c, const struct engine_effect *a);

/* ---- get_many.c ---- */
JQ_MUST_USE int get_many(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a);
void parts_free(struct engine *e, struct waiter *root);
bool parts_unsettled(const struct waiter *root, const struct queue *but);
const struct queue *parts_ended(const struct waiter *root);

/* ---- lease.c ---- */
JQ_MUST_USE bool lease_reserve(struct engine *e, struct session *s, struct queue *q, uint64_t messages, bool receipt);
JQ_MUST_USE bool receipts_reserve(struct session *s, uint64_t more);
struct run *run_new(struct engine *e, struct member *m, uint64_t first, uint32_t attempt, uint64_t receipt,
                    uint64_t deadline);
void run_timed(struct engine *e, struct run *r, uint64_t deadline);
void run_shrink(struct engine *e, struct run *r, uint32_t settled); /* so many are held no more; frees it at 0 */
void lease_return(struct engine *e, struct run *r, uint64_t sequence, struct message *m, bool counted, bool dead,
                  uint64_t delay_ns);
void lease_finish(struct engine *e, struct run *r, uint64_t sequence, struct message *m);
void record_one(struct engine *e, struct queue *q, enum engine_record_kind kind, uint64_t sequence);
void expiry_plan(struct engine *e, struct queue *q);
uint64_t deadline_after(const struct engine *e, uint64_t delay_ns);

/* ---- slice.c: what is done a little at a time ---- */
bool engine_slices(struct engine *e); /* as far as the budget of this step goes; true: something moved */
void expiry_due(struct engine *e, struct queue *q);
void session_received(struct engine *e, struct session *s, uint64_t receipt);
void slices_resume(struct engine *e); /* the journal accepts again */

/* ---- settle.c ---- */
JQ_MUST_USE int settle_check(struct engine *e, const struct engine_command *c, enum engine_op op,
                             struct engine_ranges ranges, struct engine_effect *a);
JQ_MUST_USE bool settle_reserve(struct engine *e, const struct engine_command *c, enum engine_op op,
                                struct engine_ranges ranges);
/* Appends what of the range is not held to the effects' ranges; how many. */
uint32_t settle_lost(struct engine *e, struct session *s, const struct engine_range *range, enum engine_op op);
void settle_suspend(struct engine *e, struct session *s, struct engine_ranges ranges); /* they do not expire */
void settle_resume(struct engine *e, struct session *s, struct engine_ranges ranges);
/* How many were settled; those that were not held are appended to the effects' ranges, *lost of them. */
uint32_t settle(struct engine *e, struct session *s, const struct engine_command *c, enum engine_op op,
                struct engine_ranges ranges, uint32_t *lost);

/* ---- declare.c ---- */
/* Whether options make sense for this queue (NULL: one to be made), where its dead letters would go in *letters. */
JQ_MUST_USE int options_check(struct engine *e, const struct queue *q, struct engine_text name,
                              const struct engine_queue_options *o, struct engine_effect *a, struct queue **letters);
void lifetime_plan(struct engine *e, struct queue *q);
void lifetime_due(struct engine *e, struct queue *q);
void lifetime_use(struct engine *e, struct member *m);
void lifetime_unuse(struct engine *e, struct member *m);
void lifetime_disown(struct queue *q);
/* The session makes it, or makes it what it is. False: no memory. */
JQ_MUST_USE bool lifetime_of(struct engine *e, struct session *s, struct queue *q,
                             const struct engine_queue_options *o);
void letters_link(struct engine *e, struct queue *q, struct queue *letters); /* NULL: to nowhere */
bool put_too_large(const struct queue *q, const struct waiter *w, uint64_t *limit);

/* ---- reopen.c ---- */
void reopen_now(struct engine *e, struct waiter *w); /* one that waited for what comes back */
enum jqw_code queue_end_code(const struct queue *q); /* END or PRODUCER_LOST */
enum engine_why queue_end_why(const struct queue *q);
enum jqw_code generation_end_code(const struct queue *q, uint64_t generation); /* of one before this */

/* ---- close.c ---- */
void queue_close(struct engine *e, struct queue *q);
void close_after(struct engine *e, struct waiter *w); /* a close(after_mine) whose time has come */
void sweep_free(struct sweep *sweep);                 /* NULL is allowed */
/* Whether a purge or close that waits for what comes back was there before this one: then it goes first. */
static inline bool behind_sweep(const struct queue *q, const struct waiter *w)
{
    return q->blocked_sweeps && w->order > q->blocked_sweeps->order;
}
void sweep_next(struct engine *e, struct queue *q); /* a purge or immediate close, now that the queue is not busy */
uint32_t sweep_some(struct engine *e, struct queue *q, uint32_t budget);
uint32_t delete_some(struct engine *e, struct queue *q, uint32_t budget);
void ends_discard(struct engine *e, struct queue *q); /* some of them */

/* ---- producer.c ---- */
JQ_MUST_USE int producer_check(struct engine *e, struct queue *q, const struct member *m, struct engine_effect *a);
bool producers_over(const struct queue *q); /* so that it closes itself */
void producer_finish(struct engine *e, struct queue *q, struct producer *p);
void producer_detach(struct engine *e, struct member *m);
void producer_due(struct engine *e, struct producer *p); /* its grace is over */
void producers_owed(struct engine *e, struct queue *q);  /* the journal accepts again */
void producers_forget(struct engine *e, struct queue *q);

/* ---- move.c ---- */
uint32_t move_some(struct engine *e, struct queue *from, uint32_t budget);

/* ---- survey.c ---- */
void survey(struct engine *e, const struct engine_command *c);
void bodies_move(struct engine *e, const struct engine_command *c);

/* ---- join.c ---- */
void join_answer(struct engine_effect *a, const struct queue *q, const struct waiter *w);
struct waiter *join_satisfied(const struct queue *q); /* the next waiting one; NULL: none */
void join_leave(struct waiter *w);

/* ---- pair.c ---- */
bool queue_pair(struct engine *e, struct queue *q); /* false: no room in the effects, call again */

/* Handlers: a code with the answer filled in, or ENGINE_PARKED, or ENGINE_AGAIN. */
typedef int engine_handler(struct engine *e, struct session *s, const struct engine_command *c,
                           struct engine_effect *a);
engine_handler handle_declare, handle_delete, handle_put, handle_put_end, handle_get, handle_settle, handle_task_done,
    handle_join, handle_close, handle_purge, handle_attach, handle_finish, handle_cancel, handle_stat, handle_list,
    handle_peek, handle_alter, handle_forward, handle_mark, handle_reopen, handle_pause, handle_move, handle_explain,
    handle_export;

#endif
