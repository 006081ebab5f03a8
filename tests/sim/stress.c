/* SPDX-License-Identifier: Apache-2.0 */
/* A stress round: done-and-put, moves, gets from several queues, marks, lifetimes and all the rest at random, with crashes. No model
 * here, but what must hold of any history: engine_check after every step, one answer a request, conservation, each body released once,
 * what numbered requests told is what happened, a restart brings what was there, and, when the workload has stopped and holders have
 * ended, nobody waits for what can no longer happen. */
/* proves: FWD-1 ADM-1 GET-2 JON-3 JON-4 ONE-1 ONE-2 CSV-1 RST-2 CAN-1 */
#include "stress.h"
#include "fault.h"
#include "names.h"
#include "sim.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 1000, TURNS_MAX = 10000, STEPS_TRIED = 8 };

const char *const stress_names[STRESS_QUEUES] = {"a", "b", "c", "d"};

bool stress_chance(struct stress *stress, uint32_t percent)
{
    return random_chance(&stress->random, percent);
}

void stress_wrong(struct stress *stress, const char *what)
{
    if (!stress->wrong)
        stress->wrong = what;
}

struct engine_queue_ref stress_queue(uint32_t queue)
{
    return (struct engine_queue_ref){.name = {stress_names[queue], 1}};
}

uint32_t stress_queue_index(struct engine_text name)
{
    uint32_t at = 0;
    while (at < STRESS_QUEUES && (name.size != 1 || name.data[0] != stress_names[at][0]))
        at++;
    return at;
}

/* ---- what the engine says ------------------------------------------------------------------------------------------ */

static void answered(struct stress *stress, const struct engine_effect *effect)
{
    uint32_t at = 0;
    while (at < stress->open_count &&
           (stress->open[at].session != effect->session.value || stress->open[at].request != effect->request))
        at++;
    if (at == stress->open_count) {
        stress_wrong(stress, "an answer to a request that is not open");
        return;
    }
    struct stress_open open = stress->open[at];
    stress->open[at] = stress->open[--stress->open_count];
    coverage_answer(open.op, (int)effect->code);
    if (open.step != stress->steps)
        coverage_waited(open.op, coverage_way_of((int)effect->code));
    for (uint32_t q = 0; q < STRESS_QUEUES; q++)
        if (open.op == ENGINE_MARK && effect->code == JQ_OK && effect->incarnation == stress->incarnations[q])
            stress->marks[q] = effect->answer.count;
    JQ_ASSERT(stress->arrival_count < STRESS_OPEN_MAX);
    uint64_t count = effect->kind == ENGINE_SETTLED  ? effect->settled.count
                     : effect->kind == ENGINE_ANSWER ? effect->answer.count
                                                     : 0;
    stress->arrivals[stress->arrival_count++] = (struct stress_arrival){open, effect->after, count, (int)effect->code};
}

/* What has a number is a number's answer only once it has left. */
static void let_arrive(struct stress *stress)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stress->arrival_count; i++) {
        if (stress->arrivals[i].after > stress->durable)
            stress->arrivals[kept++] = stress->arrivals[i];
        else
            stress_arrives(stress, &stress->arrivals[i]);
    }
    stress->arrival_count = kept;
}

static void take_got(struct stress *stress, const struct engine_effect *effect)
{
    for (uint32_t h = 0; h < STRESS_SESSIONS; h++) {
        struct stress_holder *holder = &stress->holders[h];
        if (holder->session != effect->session.value)
            continue;
        if (effect->got.receipt > holder->receipt)
            holder->receipt = effect->got.receipt;
        for (uint32_t r = 0; !effect->got.receipt && r < effect->got.run_count; r++) {
            const struct engine_run *run = &effect->got.runs[r];
            if (holder->held_count < STRESS_HELD_MAX)
                holder->held[holder->held_count++] =
                    (struct engine_range){effect->incarnation, run->first, run->count, run->attempt};
        }
    }
}

static void take_stats(struct stress *stress, const struct engine_effect *effect)
{
    for (uint32_t i = 0; i < effect->stats.count; i++) {
        const struct engine_stat *s = &effect->stats.item[i];
        uint32_t q = stress_queue_index(s->name);
        if (q == STRESS_QUEUES)
            continue;
        if (stress->incarnations[q] != s->incarnation)
            stress->marks[q] = 0;
        stress->incarnations[q] = s->incarnation;
        stress->generations[q] = s->generation;
        stress->tasks[q] = s->options.accounting == ENGINE_COUNTER ? s->unfinished : 0;
        stress->stats[q] = *s;
        if (s->options.accounting == ENGINE_LEASE &&
            s->put + s->moved_in + s->dead_in !=
                s->done + s->ready + s->delayed + s->leased + s->dead + s->expired + s->discarded + s->moved_out)
            stress_wrong(stress, "CSV-1: what was put is not what became of it");
    }
}

static void take_releases(struct stress *stress)
{
    for (uint32_t i = 0; i < stress->effects.release_count; i++) {
        const struct engine_release *release = &stress->effects.releases[i];
        stress->released[release->chunk] += release->count;
        if (stress->released[release->chunk] > stress->given[release->chunk])
            stress_wrong(stress, "a body was released twice");
    }
}

static void take_effects(struct stress *stress)
{
    const struct engine_effects *effects = &stress->effects;
    stress_record(stress);
    for (uint32_t i = 0; i < effects->effect_count; i++) {
        const struct engine_effect *effect = &effects->effects[i];
        if (stress->verbose)
            printf("    s%" PRIu64 " #%u %s %s incarnation=%" PRIu64 " after=%" PRIu64 "\n", effect->session.value,
                   effect->request, name_effect(effect->kind), jqw_code_name((int)effect->code), effect->incarnation,
                   effect->after);
        stress->hash = (stress->hash ^ (effect->session.value << 32 ^ effect->request)) * UINT64_C(0x100000001b3);
        stress->hash = (stress->hash ^ (effect->after * 64 + effect->code)) * UINT64_C(0x100000001b3);
        if (effect->kind == ENGINE_STATS)
            take_stats(stress, effect);
        if (effect->kind == ENGINE_EVENT_LEASE_LOST)
            coverage_fault(COVERAGE_LEASE_EXPIRED, 1), stress->faults++;
        if (effect->request)
            answered(stress, effect);
        if (effect->kind == ENGINE_GOT)
            take_got(stress, effect);
    }
    take_releases(stress);
}

/* ---- a step -------------------------------------------------------------------------------------------------------- */

/* Some step of a request may find no memory: it says so, or does without. */
static bool arm(struct stress *stress, const struct engine_command *command)
{
    bool arms = stress->plan.faults && command && command->request && command->op != ENGINE_SESSION_OPEN &&
                stress_chance(stress, 10);
    if (arms)
        fault_arm(random_below(&stress->random, 5), stress_chance(stress, 50) ? 1 : 1000);
    return arms;
}

static void disarm(struct stress *stress)
{
    uint32_t failed = fault_disarm();
    bool refused = false;
    for (uint32_t i = 0; i < stress->effects.effect_count; i++)
        refused |= stress->effects.effects[i].why == ENGINE_WHY_MEMORY;
    coverage_fault(refused ? COVERAGE_ALLOCATION_FAILED : COVERAGE_ALLOCATION_SURVIVED, failed > 0);
    stress->faults += failed > 0;
}

static void check_open(struct stress *stress)
{
    for (uint32_t i = 0; i < stress->open_count && !stress->wrong; i++)
        if (stress->open[i].session != stress->ending &&
            !engine_waits(stress->engine, (struct engine_session_id){stress->open[i].session}, stress->open[i].request))
            stress_wrong(stress, "a request has neither an answer nor waits");
}

void stress_step(struct stress *stress, const struct engine_command *command)
{
    size_t count = command ? 1 : 0, taken = 0;
    uint32_t turns = 0;
    if (stress->verbose && command) {
        printf("at %" PRIu64 " ", stress->now);
        print_command(stdout, command);
    }
    stress->commands += command != NULL;
    do {
        bool armed = arm(stress, command);
        taken += engine_step(stress->engine, stress->now, command, count - taken, &stress->effects);
        if (armed)
            disarm(stress);
        take_effects(stress);
        engine_effects_reset(&stress->effects);
        engine_check(stress->engine);
    } while ((taken < count || engine_next(stress->engine) <= stress->now) && ++turns < TURNS_MAX && !stress->wrong);
    if (turns == TURNS_MAX)
        stress_wrong(stress, "the slices never end");
    check_open(stress);
    stress->steps++;
    if (!stress->crashing)
        stress_journal(stress);
    let_arrive(stress);
}

struct engine_command stress_ask(struct stress *stress, struct stress_holder *holder, enum engine_op op)
{
    struct engine_command c = {.op = op, .session = {holder->session}, .request = holder->request_next++};
    c.queue = stress_queue(random_below(&stress->random, STRESS_QUEUES));
    JQ_ASSERT(stress->open_count < STRESS_OPEN_MAX);
    stress->open[stress->open_count++] = (struct stress_open){
        .session = holder->session, .request = c.request, .op = op, .step = stress->steps, .queue = STRESS_QUEUES};
    return c;
}

void stress_look(struct stress *stress)
{
    struct engine_command c = stress_ask(stress, &stress->holders[0], ENGINE_LIST);
    c.list.max = ENGINE_LIST_MAX;
    stress_step(stress, &c);
}

uint32_t stress_bodies(struct stress *stress, uint32_t list, uint32_t count)
{
    uint32_t chunk = stress->chunk_next++;
    JQ_ASSERT(chunk < STRESS_CHUNKS_MAX);
    for (uint32_t i = 0; i < count && i < STRESS_BODIES; i++)
        stress->bodies[list][i] = (struct engine_body){chunk, i, random_below(&stress->random, 20)};
    stress->given[chunk] = count;
    return count;
}

/* ---- a round ------------------------------------------------------------------------------------------------------- */

static void plan(struct stress *stress)
{
    stress->plan = (struct stress_plan){
        .keeps = stress_chance(stress, 50),
        .crashes = stress_chance(stress, 60),
        .lags = stress_chance(stress, 70),
        .refuses = stress_chance(stress, 25),
        .faults = stress_chance(stress, 20),
        .snapshots = stress_chance(stress, 60),
    };
    stress->config =
        (struct engine_config){.incarnation_first = 100,
                               .waiting_max = stress_chance(stress, 20) ? 3 : WAITING_MAX,
                               .waiting_bytes_max = stress_chance(stress, 20) ? 60 : 1000000,
                               .client_forget_ns = (stress->plan.keeps ? 1000000 : 50) * (uint64_t)STRESS_MS};
}

static void explain(const struct stress *stress, uint64_t seed)
{
    printf("round %" PRIu64 " at %" PRIu64 ": %s\n", seed, stress->now, stress->wrong);
    for (uint32_t i = 0; i < stress->open_count; i++)
        printf("  open: s%" PRIu64 " #%u %s\n", stress->open[i].session, stress->open[i].request,
               name_op(stress->open[i].op));
    printf("  replay:   joinq-sim --stress-rounds 1 --first %" PRIu64 " --verbose\n", seed);
}

/* At least so many commands, and one thing that went wrong for somebody. */
static bool enough(const struct stress *stress)
{
    return stress->commands >= 500 && stress->faults;
}

static void play(struct stress *stress)
{
    stress_begins(stress);
    for (uint32_t i = 0; (i < STRESS_STEPS || !enough(stress)) && !stress->wrong; i++) {
        if (i == STEPS_TRIED * STRESS_STEPS)
            stress_wrong(stress, "a round is 500 commands and a fault at least");
        stress->now += stress_chance(stress, 40) ? random_below(&stress->random, 3 * STRESS_MS) : 0;
        stress_act(stress, &stress->holders[random_below(&stress->random, STRESS_SESSIONS)]);
        stress_look(stress);
        if (stress->plan.snapshots && stress_chance(stress, 50))
            stress_snapshot(stress);
        if (stress->plan.crashes && stress_chance(stress, 1) && !stress->wrong)
            stress_crash(stress);
        else if (stress_chance(stress, 1) && !stress->wrong)
            stress_restart(stress);
    }
    if (!stress->wrong)
        stress_drain(stress);
}

bool stress_round(uint64_t seed, bool verbose, uint64_t *hash)
{
    struct stress *stress = calloc(1, sizeof *stress);
    JQ_ASSERT(stress);
    sim_playing("--stress-rounds 1 --first", seed, 0);
    stress->random.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 7;
    plan(stress);
    stress->engine = engine_new(&stress->config);
    JQ_ASSERT(stress->engine && engine_effects_init(&stress->effects) == JQ_OK);
    stress->now = 1000 * (uint64_t)STRESS_MS;
    stress->session_next = STRESS_OBSERVER + 1;
    stress->accepts = true;
    stress->verbose = verbose;
    play(stress);
    if (stress->wrong)
        explain(stress, seed);
    bool good = !stress->wrong;
    *hash ^= stress->hash;
    stress_journal_free(stress);
    engine_free(stress->engine);
    engine_effects_fini(&stress->effects);
    free(stress);
    return good;
}

bool stress_rounds(uint32_t rounds, uint64_t first, bool verbose)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < rounds; i++)
        if (!stress_round(first + i, verbose, &hash))
            return false;
    return true;
}
