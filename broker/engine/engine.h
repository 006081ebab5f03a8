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

#include "engine_command.h"
#include "engine_effect.h"
#include "engine_record.h"

/* A bounded buffer for what steps say; the caller carries it out and resets it. A step stops early, without harm, when it
 * is nearly full. */
struct engine_effects {
    struct engine_effect *effects;
    uint32_t effect_count;
    struct engine_release *releases;
    uint32_t release_count;
    struct engine_record *records;
    uint32_t record_count;
    uint64_t sync_by_ns;         /* when the records are to be durable: 0 at once, ENGINE_FOREVER with others */
    bool written_will_do;        /* for some of the answers that rest on these records */
    struct engine_place *places; /* of a survey: at most ENGINE_SLICE */
    uint32_t place_count;
    struct {
        bool some; /* a survey was made: go on from here, unless it is at its end */
        bool end;
        uint64_t incarnation, sequence;
    } surveyed;
    struct {
        bool some; /* a snapshot was asked for: ask again, unless it is at its end, and then */
        bool end;  /* once record `last` is durable, those before `first` are needed no more */
        uint64_t first, last;
    } snapshot;
    /* the rest is the engine's */
    uint32_t state_count;
    struct engine_state *states;
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
    void (*body_over)(void *user,
                      struct engine_body body); /* during replay: nothing refers to it any more; NULL: nobody asks */
    void *user;
};

JQ_MUST_USE struct engine *engine_new(const struct engine_config *config); /* NULL: no memory */
void engine_free(struct engine *engine); /* bodies still held are not released: the store goes with the engine */

/* Other limits for requests to come. */
void engine_limits(struct engine *engine, uint32_t waiting_max, uint64_t waiting_bytes_max);

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

/* Repair, before the first record: some may be missing, or make no sense. What does not fit is passed over, and what a snapshot says is
 * taken for truer than what is known. */
void engine_replay_repairs(struct engine *engine);

/* Repair, once all are carried out: what was passed over because it belongs to queues of which no record says what they are. */
struct engine_nameless {
    uint64_t queues, records;
    uint64_t messages, finished; /* that came and went, by these records */
};
struct engine_nameless engine_replay_nameless(const struct engine *engine);

/* Once all are carried out: what a crash had cut short goes on, and times begin to pass. JQ_OK, or JQ_OVERLOADED: it may be called again.
 * Until then the engine makes no step. */
JQ_MUST_USE int engine_replay_end(struct engine *engine);

/* Queues made from now on have incarnations above this one. */
void engine_incarnations_above(struct engine *engine, uint64_t last);

/* When the engine next has something to do by itself: a time, 0 for at once (slices left), ENGINE_FOREVER. */
uint64_t engine_next(const struct engine *engine);

/* Whether the queue is there, and durable; for a guess where a body will be wanted. */
bool engine_durable(const struct engine *engine, struct engine_queue_ref queue);

/* True while the session has an unanswered request with this id. */
bool engine_waits(const struct engine *engine, struct engine_session_id session, uint32_t request);
/* True while the session waits for nothing, holds no message and is no producer. It looks at each queue that the session is in. */
bool engine_idle(const struct engine *engine, struct engine_session_id session);

/* What a session's requests wait for; of a get from several queues, and of a forward, each queue. Closes and what only carries something
 * out are not told of. Borrowed. */
struct engine_wait {
    enum { ENGINE_WAITS_TO_PUT, ENGINE_WAITS_TO_GET, ENGINE_WAITS_TO_JOIN } what;
    uint32_t request;
    struct engine_text queue;
};
void engine_waiting(const struct engine *engine, struct engine_session_id session,
                    void (*tell)(void *user, const struct engine_wait *wait), void *user);

/* Whether the session is attached to the queue under this name. */
bool engine_produces(const struct engine *engine, struct engine_session_id session, struct engine_queue_ref queue,
                     struct engine_text producer);

/* What slices and memory have come to; for tests, stat and metrics. */
struct engine_totals {
    uint64_t sessions, clients, queues, producers, members, waiters, messages, leases; /* ends are messages here */
    uint64_t slots;     /* of all clients, as far as there is memory for them */
    uint64_t sliced;    /* messages handled in slices, ever */
    uint64_t slice_max; /* the most of them in one step */
};
void engine_totals(const struct engine *engine, struct engine_totals *out);
/* About what durable queues and what is kept for clients take in a snapshot, bodies included. It looks at each queue. */
uint64_t engine_snapshot_bytes(const struct engine *engine);

/* Recovery: every message that has a body, until `each` returns false. It changes nothing. */
void engine_bodies(const struct engine *engine, bool (*each)(void *user, const struct engine_place *place), void *user);

/* Walks everything and traps on the first broken invariant; for debug, simulation and fuzz builds. */
void engine_check(const struct engine *engine);

#endif
