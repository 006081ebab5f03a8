/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: the queue contract once more, written from docs/contract.md and engine.h alone, and as plainly as
 * possible: arrays, linear scans, everything at once. It must not know how the engine does anything, and shares no code with it. What
 * it says must happen is a list of effects to expect; what it says must be recorded is a list of atoms, one for each message or fact. */
#ifndef JOINQ_SIM_SIM_MODEL_H
#define JOINQ_SIM_SIM_MODEL_H

#include "engine.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_NAME_SIZE = 16,
    MODEL_SESSIONS_MAX = 128, /* live at once */
    MODEL_PRODUCERS_MAX = 32, /* names of one queue */
    MODEL_CLIENTS_MAX = 32,
    MODEL_SLOTS_MAX = 4,
    MODEL_RESTS_MAX = 32, /* queues that one answer rests on */
    MODEL_ANY_WHY = -1,
};

enum model_state { MODEL_READY, MODEL_DELAYED, MODEL_LEASED, MODEL_RECEIPT };

struct model_priority {
    int kind;
    int64_t number;
    uint32_t size;
    char bytes[8];
};

struct model_message {
    uint64_t seq;
    struct engine_body body;
    enum model_state state;
    bool sentinel;
    bool expiring;   /* discarding, and its holder has not been told that the lease is lost */
    bool confirmed;  /* received, but the journal does not take the record yet: it is finished when it does */
    bool discarding; /* it came back to a queue closed at once, but the journal does not take the record yet */
    bool ended;      /* a sentinel that the end of its queue has overtaken while it was out: it does not come back */
    bool over;       /* a sentinel of a generation that has ended */
    uint64_t put_ns, due_ns;
    uint64_t deadline_ns; /* of the lease */
    uint64_t session;     /* that holds it */
    uint64_t receipt;     /* on which it was delivered */
    uint64_t renumbered;
    uint64_t expires_ns; /* ENGINE_FOREVER: never */
    uint64_t shown;      /* by the peek under way */
    struct model_priority priority;
    /* of a dead letter */
    int reason;
    uint64_t group; /* of letters that arrived in the same step: which is which is not known yet; 0: it is */
    bool
        mixed; /* a letter of one of which that was not known either: its body and where it comes from are learned apart */
    uint64_t source_seq;
    uint32_t source_deliveries;
    char source[MODEL_NAME_SIZE];
    uint32_t attempt, deliveries;
};

struct model_producer {
    char name[MODEL_NAME_SIZE];
    uint64_t session; /* attached; 0: none */
    bool finished, lost;
    bool owed; /* what its loss means waits for the journal */
    uint64_t accepted;
    uint64_t left_ns; /* when it had a session last */
    uint64_t left_order;
    uint64_t lost_ns; /* when it is lost unless somebody attaches; ENGINE_FOREVER: never */
};

struct model_queue {
    char name[MODEL_NAME_SIZE];
    uint64_t incarnation;
    bool live, declared;
    struct engine_queue_options options, as_declared;
    unsigned closed; /* 0 open, 1 graceful, 2 immediate */
    unsigned paused; /* 1 puts, 2 gets */
    bool truncated;
    uint64_t generation, truncated_last; /* truncated_last: the last one that ended truncated; 0: none */
    struct model_message *messages;      /* in order of sequence */
    size_t count, capacity;
    uint64_t seq_next;
    uint64_t tasks;                    /* unfinished of a counter queue */
    uint64_t expired_now, letters_now; /* at this moment: whichever came first decides what is unfinished then */
    uint64_t unsure;                   /* by so much, at the moments of this step before it */
    int priority_kind;
    uint64_t put, done, dead, expired, dead_in, moved_in, moved_out, discarded, delivered, redelivered, lease_expired,
        task_done;
    struct model_producer producers[MODEL_PRODUCERS_MAX];
    size_t producer_count;
    uint64_t fenced[MODEL_SESSIONS_MAX];
    size_t fenced_count;
    uint64_t watermark; /* number of its last record before the atoms that are kept */
    bool shared;        /* letters of it have gone to a durable queue: it may rest on records of that */
};

struct model_session {
    uint64_t id; /* 0: free */
    bool blocked;
    uint64_t receipts; /* given out */
};

/* What the ranges that a get carried rest on: queues, as they were when there were so many atoms; then the number of a record. */
struct model_carried {
    size_t rests[MODEL_RESTS_MAX];
    size_t rest_count, atoms;
    uint64_t after;
    bool shared; /* one of them was (see there) */
};

/* A request that waits. */
struct model_wait {
    enum engine_op op;
    uint64_t session;
    uint32_t request;
    size_t queue;
    uint64_t deadline_ns;
    bool partial, auto_, final, immediate, nowait;
    struct engine_body *bodies; /* PUT */
    uint32_t count, accepted, max;
    uint64_t bytes; /* of the bodies not yet accepted */
    uint64_t delay_ns, ttl_ns;
    struct model_priority priority;
    struct model_lost *lost; /* GET: what its carried ranges named in vain */
    size_t lost_count;
    struct model_carried carried; /* GET */
    uint64_t generation;          /* GET */
    bool fresh;                   /* GET: just asked; a blocked output passes over waiting gets only */
    uint64_t done_before, discarded_before, dead_before, expired_before;
    uint64_t pending; /* JOIN: deliveries confirmed before it was asked, whose records wait for the journal */
    bool vague;       /* JOIN: asked while slices were under way */
    size_t producer;  /* FINISH */
};

struct model_item {
    uint64_t seq;
    uint32_t attempt, deliveries;
    struct engine_body body;
    int reason; /* of a dead letter */
    uint64_t source_seq;
    uint32_t source_deliveries;
    char source[MODEL_NAME_SIZE];
};

struct model_lost {
    uint64_t incarnation, seq, attempt;
};

/* What stat says of a queue, with a name of its own. */
struct model_stat {
    struct engine_stat stat;
    char name[MODEL_NAME_SIZE], dead_letter[MODEL_NAME_SIZE];
    bool
        age_at_least; /* the message at the head has been handed out before: it may count as older, as old as its neighbours then */
    bool age_unknown; /* a sentinel is at the head */
};

/* The last request of a slot, and its answer if one is kept. */
struct model_slot {
    uint64_t number;
    uint32_t open; /* the request that has not been answered; 0: none */
    bool kept;
    int code;
    uint64_t count;
};

struct model_client {
    uint32_t id; /* 0: free */
    uint64_t session;
    bool returns; /* its next session has begun */
    uint64_t forget_ns;
    struct model_slot slots[MODEL_SLOTS_MAX];
};

struct model_effect {
    enum engine_effect_kind kind;
    enum engine_op op;
    uint64_t session;
    uint32_t request;
    int code;
    int why; /* MODEL_ANY_WHY: not compared */
    uint64_t incarnation;
    uint64_t count; /* accepted, discarded, unfinished, hit, settled, accepted under a name */
    uint64_t receipt;
    uint64_t remaining, done, dead, expired, discarded, moved;
    uint64_t pending; /* of done, what may or may not be counted */
    bool vague;       /* what comes back in slices may be counted, too */
    bool finished, more;
    uint64_t generation; /* ATTACHED */
    char producer[MODEL_NAME_SIZE];
    size_t item_first, item_count, lost_first, lost_count, stat_first, stat_count;
    size_t rests[MODEL_RESTS_MAX]; /* queues */
    size_t rest_count;
    struct model_carried carried;
    uint64_t after; /* of the engine's: see there */
    size_t atoms;   /* how many atoms there were when it was said */
    bool kept;      /* a kept answer: it may wait for the records of what it answered */
    bool idle;      /* a get's idle end */
    bool known;     /* OPENED */
    bool matched;
};

struct model_atom {
    enum engine_record_kind kind;
    size_t queue;
    uint64_t value; /* sequence, or count, or immediate */
    char name[MODEL_NAME_SIZE];
    struct engine_body body;
    uint32_t deliveries;
    uint64_t due_ns;
    bool optional;
    bool letter;     /* a PUT whose body is not known yet */
    uint64_t holder; /* of a DONE on receipt: the session that confirmed it */
    bool idle;       /* likewise: it waits for the idle end, and so that rests on nothing that it holds (END-2) */
    uint64_t number; /* of the record that holds it; 0: not seen yet */
};

struct model_chunk {
    uint64_t given, given_bytes, released, released_bytes;
};

/* What the engine has answered already to a request, or NULL. Asked where the contract leaves room. */
struct model_hint {
    const struct model_effect *(*answered)(void *user, uint64_t session, uint32_t request);
    const struct model_item *(*item)(void *user, const struct model_effect *effect, size_t index); /* or NULL */
    void *user;
};

struct model {
    struct engine_config config;
    struct model_hint hint;
    uint64_t now;
    uint64_t steps;
    struct model_client clients[MODEL_CLIENTS_MAX];
    size_t once_seen;                /* effects that slots have been told of */
    uint64_t kept;                   /* answers given again, ever */
    uint64_t expired, dead, letters; /* ever */
    bool accepts;                    /* the journal */
    bool slices;                     /* the harness has let slices be under way */
    bool faulty;                     /* an allocation is failed in this step: OVERLOADED is an answer */
    struct model_session sessions[MODEL_SESSIONS_MAX];
    struct model_queue *queues; /* in order of incarnation, dead ones too */
    size_t queue_count, queue_capacity;
    uint64_t incarnation_next, left_last;
    struct model_wait *waits; /* in order of arrival */
    size_t wait_count, wait_capacity;
    struct model_chunk *chunks; /* by number */
    size_t chunk_count, chunk_capacity;
    /* what was said since model_forget */
    struct model_effect *effects;
    size_t effect_count, effect_capacity;
    struct model_atom *atoms;
    size_t atom_count, atom_capacity;
    struct model_item *items;
    size_t item_count, item_capacity;
    struct model_lost *lost;
    size_t lost_count, lost_capacity;
    struct model_stat *stats;
    size_t stat_count, stat_capacity;
    const char *broken; /* why the engine's answer, or the model, is wrong beyond comparing */
};

/* ---- for the harness ---- */

struct model *model_new(const struct engine_config *config, struct model_hint hint);
void model_free(struct model *model);
/* One step: what is due, then each command, then the deadlines of waiters. */
void model_begin(struct model *model, uint64_t now);
void model_command(struct model *model, const struct engine_command *command);
void model_end(struct model *model);
/* Drops what was said; if the queues were listed last, what is unfinished in them is known. */
void model_forget(struct model *model, bool listed);
/* The engine numbers deliveries on receipt of one step in an order of its own. */
void model_renumber(struct model *model, struct model_effect *expected, uint64_t receipt);
/* The engine has shown where the body of a message lies. */
void model_shown(struct model *model, const struct engine_place *place);
/* When time next changes something. */
uint64_t model_next(const struct model *model);
struct model_chunk *model_chunk(struct model *model, uint32_t chunk);
void model_stat(const struct model *model, size_t queue, struct model_stat *out);
uint64_t model_unsure(const struct model_queue *queue); /* by how much what is unfinished may be more or less */
bool model_waits(const struct model *model, uint64_t session, uint32_t request);
struct model_session *model_session(struct model *model, uint64_t id);
size_t model_named(const struct model *model, const char *name); /* SIZE_MAX: none */
size_t model_incarnation(const struct model *model, uint64_t incarnation);

#endif
