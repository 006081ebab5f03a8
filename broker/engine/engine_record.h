/* SPDX-License-Identifier: Apache-2.0 */
/* What must survive leaves the engine as records. Part of engine.h; it must know nothing of files. */
#ifndef JOINQ_ENGINE_RECORD_H
#define JOINQ_ENGINE_RECORD_H

#include "engine_command.h"
#include "engine_effect.h"

/* ---- records: what must survive, for durable queues ------------------------------------------------------------- */

enum engine_record_kind {
    ENGINE_RECORD_GROUP,   /* the next `count` records are one: durable together or not at all */
    ENGINE_RECORD_DECLARE, /* name, options as declared */
    ENGINE_RECORD_ALTER,   /* options as they are now */
    ENGINE_RECORD_DELETE,  /* name */
    ENGINE_RECORD_PUT, /* first, count, bodies, due_ns, expires_ns, priority, origin, name: producer; source: how they came */
    ENGINE_RECORD_DONE,    /* first, count: finished by a consumer */
    ENGINE_RECORD_DISCARD, /* first, count: by purge, delete or immediate close; source DEATH: count letters, as they came;
                              deliveries 1: of a counter queue, and they did not lower what is unfinished */
    ENGINE_RECORD_EXPIRE,    /* first, count */
    ENGINE_RECORD_DEAD,      /* first, count, reason; a PUT with source DEAD follows in its group unless dropped */
    ENGINE_RECORD_MOVED_OUT, /* first, count */
    ENGINE_RECORD_RETURN,    /* first, count, deliveries, due_ns; sets no watermark */
    ENGINE_RECORD_TASK_DONE, /* count */
    ENGINE_RECORD_CLOSE,     /* immediate in count; truncated in source */
    ENGINE_RECORD_REOPEN,    /* first: the generation; source_sequence: sentinels before it do not come back */
    ENGINE_RECORD_PAUSE,     /* count: 1 puts, 2 gets */
    ENGINE_RECORD_MARK,      /* a counter queue's: first */
    ENGINE_RECORD_PUT_END,   /* first, count */
    ENGINE_RECORD_END_TAKEN, /* first, count: sentinels handed out or discarded */
    ENGINE_RECORD_ATTACH,    /* producer name */
    ENGINE_RECORD_FINISH,    /* producer name; also of one that was lost and counts as finished */
    ENGINE_RECORD_KEPT,      /* client, once, code, count: an answer that is kept, in one group with what it answers */

    /* A snapshot: what is there, said anew, so that older records are needed no more. It goes on beside everything else: what has
     * been told of a queue is as it is then, and what happens later has records of its own. To who knows the queue it says nothing. */
    ENGINE_RECORD_SNAPSHOT,       /* one begins. first: the highest incarnation so far */
    ENGINE_RECORD_STATE,          /* name, options as they are now, state: a queue begins */
    ENGINE_RECORD_STATE_DECLARED, /* options as they were declared */
    ENGINE_RECORD_STATE_PRODUCER, /* name, first: messages accepted, count: whether it has finished */
    ENGINE_RECORD_STATE_MARK,     /* first, mark; count 1: this and all before it are reached */
    ENGINE_RECORD_STATE_MESSAGES, /* as PUT, and deliveries, put_ns; source DEATH: as a letter's PUT */
    ENGINE_RECORD_STATE_ENDS,     /* first, count: sentinels */
    ENGINE_RECORD_STATE_END,      /* all has been said of the queue */
    ENGINE_RECORD_SNAPSHOT_END,   /* and of all: records before its begin are needed no more */
    ENGINE_RECORD_KINDS
};

/* What a queue has beside options, producers, marks and messages. */
#define ENGINE_STATE_FIELDS(FIELD)                                \
    FIELD(declared)                                               \
    FIELD(paused)                                                 \
    FIELD(closed)                                                 \
    FIELD(truncated)                                              \
    FIELD(truncated_last)                                         \
    FIELD(generation)                                             \
    FIELD(first) /* messages before it are few, and told first */ \
    FIELD(tail)  /* the next message gets this number */          \
    FIELD(ends_over)                                              \
    FIELD(counter_unfinished)                                     \
    FIELD(lowered)                                                \
    FIELD(priority_kind)                                          \
    FIELD(put)                                                    \
    FIELD(done)                                                   \
    FIELD(dead)                                                   \
    FIELD(expired)                                                \
    FIELD(discarded)                                              \
    FIELD(moved_in)                                               \
    FIELD(moved_out)                                              \
    FIELD(dead_in)                                                \
    FIELD(delivered)                                              \
    FIELD(redelivered)                                            \
    FIELD(lease_expired)

struct engine_state {
#define ENGINE_STATE_MEMBER(name) uint64_t name;
    ENGINE_STATE_FIELDS(ENGINE_STATE_MEMBER)
#undef ENGINE_STATE_MEMBER
};

struct engine_mark_state {
    uint64_t counted, base, target;
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
    uint64_t put_ns;                              /* STATE_MESSAGES: when the first of them was put */
    uint64_t due_ns;                              /* when they become ready; 0: they are */
    uint64_t expires_ns;                          /* when they expire; 0: never */
    uint64_t source_incarnation, source_sequence; /* PUT by death */
    uint32_t source_deliveries;                   /* STATE_MESSAGES: of a letter */
    const struct engine_body *bodies;             /* count of them */
    struct engine_text name;
    struct engine_put_options put; /* PUT: priority */
    struct engine_queue_options options;
    struct engine_once once;
    const struct engine_state *state;
    struct engine_mark_state mark;
    uint8_t client[ENGINE_CLIENT_ID]; /* KEPT; PUT: who put them, all 0: nobody known */
};

#endif
