/* SPDX-License-Identifier: Apache-2.0 */
/* A stress round: every operation at random, on an engine that no model follows, with crashes of the broker in between. What is shared
 * by the parts of it. */
#ifndef JOINQ_SIM_STRESS_H
#define JOINQ_SIM_STRESS_H

#include "coverage.h"
#include "engine.h"
#include "random.h"
#include <stdbool.h>

enum {
    STRESS_SESSIONS = 5,
    STRESS_QUEUES = 4,
    STRESS_STEPS = 600,
    STRESS_HELD_MAX = 8192,
    STRESS_OPEN_MAX = 4096,
    STRESS_CHUNKS_MAX = 16384,
    STRESS_BODIES = 4, /* of a put, at most */
    STRESS_SLOTS = 6,
    STRESS_MS = 1000000,
    STRESS_OBSERVER = 1, /* a session that only looks */
};

/* What a round tries. */
struct stress_plan {
    bool
        keeps; /* queues stay, all but one durable; every change goes by a number: each happens exactly once, whatever breaks */
    bool crashes;   /* the broker, at times */
    bool lags;      /* the journal makes records durable later than they are made */
    bool refuses;   /* the journal, at times */
    bool faults;    /* allocations fail */
    bool snapshots; /* are taken, and the records before them forgotten */
};

/* What a numbered request was, so that it can be sent again. */
struct stress_sent {
    struct engine_command command;
    uint32_t counts[2];
    struct engine_queue_ref targets[2];
    struct engine_range ranges[2];
};

struct stress_slot {
    uint64_t number;   /* the last that was sent */
    bool open;         /* without an answer */
    bool changed;      /* the answer to the last one says that something was changed */
    uint64_t answered; /* the last number with an answer */
    uint64_t count;    /* of it */
    struct stress_sent sent;
};

struct stress_open {
    uint64_t session;
    uint32_t request;
    enum engine_op op;
    uint32_t step;
    uint64_t number; /* 0: none */
    uint32_t slot;
    uint32_t queue;    /* of a done: STRESS_QUEUES if not of one alone */
    uint64_t received; /* records that were durable when it was asked */
};

/* An answer that waits for the journal before its client sees it. */
struct stress_arrival {
    struct stress_open open;
    uint64_t after, count;
    int code;
};

struct stress_holder {
    uint64_t session; /* 0: none */
    uint32_t request_next;
    uint64_t receipt;
    struct engine_range held[STRESS_HELD_MAX];
    uint32_t held_count;
    struct stress_slot slots[STRESS_SLOTS];
};

/* What the clients were told has happened to a queue. */
struct stress_told {
    uint64_t put, moved_out, task_done, done;
};

struct stress_shot;

struct stress {
    struct random random;
    struct stress_plan plan;
    struct engine_config config;
    struct engine *engine;
    struct engine_effects effects;
    uint64_t now, session_next;
    uint32_t steps, commands, faults;
    uint64_t ending; /* the session that ends in this step */
    struct stress_holder holders[STRESS_SESSIONS];
    struct stress_open open[STRESS_OPEN_MAX];
    uint32_t open_count;
    struct stress_arrival arrivals[STRESS_OPEN_MAX];
    uint32_t arrival_count;
    uint32_t given[STRESS_CHUNKS_MAX], released[STRESS_CHUNKS_MAX], chunk_next;
    uint64_t marks[STRESS_QUEUES];
    struct engine_body bodies[2][STRESS_BODIES];
    struct engine_target targets[2];
    struct engine_queue_ref others[2];
    struct engine_range ranges[2];
    uint64_t incarnations[STRESS_QUEUES], tasks[STRESS_QUEUES], generations[STRESS_QUEUES];
    struct engine_stat stats[STRESS_QUEUES]; /* as last heard of; its texts are gone */
    struct stress_told told[STRESS_QUEUES];
    /* the journal */
    struct engine_record *records;
    size_t record_count, record_capacity;
    struct stress_blob *blobs; /* what records point to */
    uint64_t durable;
    uint64_t bodies_read, bodies_over;      /* in the last replay */
    uint64_t begin;                         /* how many records at the beginning are needed no more */
    uint64_t snapshot_first, snapshot_last; /* the last snapshot that came to its end; 0: none */
    bool accepts, refused;                  /* now; ever since the last crash */
    struct stress_shot *shots;
    uint64_t crashes;
    uint64_t hash; /* of all that the engine said */
    bool crashing, verbose;
    const char *wrong;
};

extern const char *const stress_names[STRESS_QUEUES];

/* ---- stress.c ---- */
void stress_step(struct stress *stress, const struct engine_command *command);
void stress_wrong(struct stress *stress, const char *what);
bool stress_chance(struct stress *stress, uint32_t percent);
struct engine_command stress_ask(struct stress *stress, struct stress_holder *holder, enum engine_op op);
void stress_look(struct stress *stress); /* at all queues */
struct engine_queue_ref stress_queue(uint32_t queue);
uint32_t stress_queue_index(struct engine_text name); /* STRESS_QUEUES: none of them */
uint32_t stress_bodies(struct stress *stress, uint32_t list, uint32_t count);

/* ---- stress_act.c ---- */
void stress_act(struct stress *stress, struct stress_holder *holder);
void stress_begins(struct stress *stress);                               /* the sessions, and the queues that stay */
void stress_reopen(struct stress *stress, struct stress_holder *holder); /* the same client with another session */
void stress_ends(struct stress *stress, struct stress_holder *holder);
void stress_receive(struct stress *stress, struct stress_holder *holder);

/* ---- stress_once.c: numbered requests ---- */
bool stress_number(struct stress *stress, struct stress_holder *holder, struct engine_command *command);
void stress_again(struct stress *stress, struct stress_holder *holder); /* what has no answer is sent again */
void stress_repeat(struct stress *stress, struct stress_holder *holder);
void stress_arrives(struct stress *stress, const struct stress_arrival *arrival);
void stress_told_all(struct stress *stress); /* in the end: what happened is what was told */
void stress_told_crash(struct stress *stress);

/* ---- stress_journal.c, stress_crash.c ---- */
void stress_record(struct stress *stress);
void stress_journal(struct stress *stress); /* after each step: what becomes durable, or is refused */
void stress_crash(struct stress *stress);
void stress_snapshot(struct stress *stress); /* goes on with one */
void stress_restart(struct stress *stress);  /* what a restart would bring is what there is */
void stress_journal_free(struct stress *stress);

/* ---- stress_shot.c: what is compared ---- */
struct stress_shot *stress_shot_take(const uint64_t *marks, struct engine *engine, uint64_t now);
const uint64_t *stress_shot_marks(const struct stress_shot *shot);
/* NULL: what was there is what came back; if the journal has refused, with fewer deliveries perhaps. */
const char *stress_shot_differs(const struct stress_shot *there, const struct stress_shot *back, bool refused);
void stress_shot_free(struct stress_shot *shot);
void stress_shot_place(struct stress_shot *shot, uint64_t number, uint64_t now, struct stress_shot *next);
struct stress_shot *stress_shot_next(const struct stress_shot *shot, uint64_t *number, uint64_t *now);

/* ---- stress_end.c ---- */
void stress_drain(struct stress *stress);

#endif
