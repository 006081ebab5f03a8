/* SPDX-License-Identifier: Apache-2.0 */
/* One simulated history: an engine, a journal, several sessions and the reference model, driven by a seed. */
#ifndef JOINQ_SIM_SIM_H
#define JOINQ_SIM_SIM_H

#include "engine.h"
#include "journal.h"
#include "random.h"
#include "sim_model.h"
#include <stdbool.h>
#include <stdio.h>

enum {
    SIM_SESSIONS = 8,
    SIM_COMMANDS_MAX = 6,                  /* in one step */
    SIM_BODIES_MAX = ENGINE_BATCH_MAX + 1, /* one too many */
    SIM_RANGES_MAX = 24,
    SIM_MOVES_MAX = 8,
    SIM_QUEUES = 4, /* names */
    SIM_MS = 1000000,
};
#define SIM_OBSERVER UINT64_C(1) /* a session that only lists */

struct sim_options {
    uint64_t seed;
    uint32_t steps;
    bool verbose;
};

/* What this seed tries; each seed leaves something out. */
struct sim_profile {
    uint32_t sessions, queues;
    bool once;      /* numbered requests, of clients that come back */
    bool deaths;    /* times to live, delivery limits, dead letters */
    bool orders;    /* lifo and priority */
    bool heavy;     /* messages of megabytes, so that an answer does not hold all */
    bool big;       /* batches of up to a thousand, sessions with thousands of leases */
    bool durable;   /* some queues are */
    bool refuses;   /* the journal, at times */
    bool faults;    /* allocations fail */
    bool limits;    /* low limits on what a session may wait for */
    bool sentinels; /* put_end */
    bool blocks;    /* output */
    uint32_t weights[ENGINE_OP_COUNT];
};

/* A delivery as its consumer sees it. */
struct sim_held {
    uint64_t incarnation, seq, receipt;
    uint32_t attempt;
};

struct sim_session {
    uint64_t id;     /* 0: none */
    uint32_t client; /* likewise */
    uint32_t request_next;
    uint64_t receipt_seen;
    uint64_t receipt_last; /* that the engine gave */
    struct sim_held *held;
    size_t held_count, held_capacity;
};

struct sim_request {
    uint64_t session;
    uint32_t request;
    enum engine_op op;
    bool parked; /* it waited beyond the step that began it */
};

struct sim_command {
    struct engine_command command;
    struct engine_body bodies[SIM_BODIES_MAX];
    struct engine_range ranges[2][SIM_RANGES_MAX];
    struct engine_relocation moves[SIM_MOVES_MAX];
};

/* An effect of the engine, kept beyond its buffer. */
struct sim_heard {
    struct model_effect effect;
    struct model_effect *expected; /* by the model; in the comparison only */
};

struct sim_record {
    enum engine_record_kind kind;
    uint64_t number, incarnation, value;
    uint32_t deliveries;
    uint64_t due_ns;
    char name[MODEL_NAME_SIZE];
    struct engine_body body;
};

/* A delivery that waits for the journal before its client sees it. */
struct sim_leaving {
    uint64_t after, session, incarnation, receipt, seq;
    uint32_t attempt;
};

struct sim {
    struct sim_options options;
    struct sim_profile profile;
    struct random random;
    struct engine *engine;
    struct engine_effects effects;
    struct journal *journal;
    uint64_t durable;
    bool accepts, accepts_told;
    struct model *model;
    uint64_t now;
    uint32_t step;
    uint64_t session_next;
    uint32_t chunk_next;
    uint64_t numbers[SIM_SESSIONS + 1][2]; /* the last of each slot of each client */
    uint64_t record_last;
    struct sim_session sessions[SIM_SESSIONS];
    uint32_t observer_request;
    struct sim_command *commands; /* of this step */
    uint32_t command_count;
    bool puts_asked;              /* since the engine was last at rest */
    bool gets_asked;              /* since the engine was last at rest */
    bool confirms_late;           /* the journal accepts again, and takes what was confirmed meanwhile in slices */
    bool sliced;                  /* since it was last at rest, the engine has left slices over */
    bool listed;                  /* the last command of this step lists the queues */
    bool loose;                   /* slices are under way: only what commutes with them is asked */
    struct sim_request *requests; /* without an answer */
    size_t request_count, request_capacity;
    /* since the engine was last at rest */
    struct sim_heard *heard;
    size_t heard_count, heard_capacity;
    struct sim_record *records; /* one for each message or fact in a record */
    size_t record_count, record_capacity;
    struct model_item *items;
    size_t item_count, item_capacity;
    struct model_lost *lost;
    size_t lost_count, lost_capacity;
    struct model_stat *stats;
    size_t stat_count, stat_capacity;
    struct model_chunk *chunks; /* what the engine has released */
    size_t chunk_count, chunk_capacity;
    struct sim_leaving *leaving;
    size_t leaving_count, leaving_capacity;
    uint64_t asked; /* commands, but for the observer's */
    uint64_t hash;
    bool failed;
};

/* ---- sim.c ---- */
struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim);
/* Plays the history; false if something was wrong, which it has then said. */
bool sim_play(struct sim *sim);
/* Runs sim->commands at sim->now, lets the slices finish unless told, and compares. */
void sim_run(struct sim *sim, bool finish_slices);
__attribute__((format(printf, 2, 3))) void sim_fail(struct sim *sim, const char *format, ...);
/* The next free command of this step, cleared. */
struct sim_command *sim_command(struct sim *sim, enum engine_op op, uint64_t session);
void sim_observe(struct sim *sim); /* asks for the figures of all queues */
/* Names a request id in it; the sessions' ids rise. */
void sim_request(struct sim *sim, struct sim_command *command);
struct sim_session *sim_session(struct sim *sim, uint64_t id);
void sim_hash(struct sim *sim, uint64_t value);

/* ---- main.c: what a trap would say ---- */
void sim_playing(const char *how, uint64_t seed, uint32_t steps);

/* ---- profile.c ---- */
void profile_choose(struct sim_profile *profile, struct random *random);

/* ---- heard.c: keeps what the engine says ---- */
void heard_take(struct sim *sim);
void heard_leave(struct sim *sim); /* lets go what the journal has made durable */
void heard_forget(struct sim *sim);

/* ---- compare.c, records.c: is it what the model says? ---- */
void compare_all(struct sim *sim);

/* ---- compare_state.c: does it hold what the model holds? ---- */
void compare_state(struct sim *sim);
void compare_survey(struct sim *sim);
void records_compare(struct sim *sim);
void records_settle(struct sim *sim); /* what waiters rest on, before atoms are forgotten */

/* ---- generate.c, settle.c ---- */
void generate_step(struct sim *sim);
void generate_ranges(struct sim *sim, struct sim_session *session, struct sim_command *command, unsigned list,
                     struct engine_ranges *out);

/* ---- drain.c: everything comes to an end ---- */
void drain(struct sim *sim);

/* ---- kill.c: the bar ---- */
bool kill_rounds(uint32_t rounds, uint64_t first, bool verbose);

/* ---- stress.c: what the model does not know ---- */
/* Adds to the hash what the engine said. */
bool stress_round(uint64_t seed, bool verbose, uint64_t *hash);
bool stress_rounds(uint32_t rounds, uint64_t first, bool verbose);

#endif
