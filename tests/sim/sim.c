/* SPDX-License-Identifier: Apache-2.0 */
/* One seed: time passes, commands are given to the engine and to the model, slices finish, all is compared. */
#include "sim.h"
#include "coverage.h"
#include "fault.h"
#include "names.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MIN = 500, STEPS_USUAL = 600, STEPS_TRIED = 8 };

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    if (sim->failed)
        return;
    sim->failed = true;
    printf("seed %" PRIu64 " step %u at %" PRIu64 ": ", sim->options.seed, sim->step, sim->now);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    for (uint32_t i = 0; i < sim->command_count; i++) {
        printf("  command:  ");
        print_command(stdout, &sim->commands[i].command);
    }
    printf("  replay:   joinq-sim --seed %" PRIu64 " --steps %u --verbose\n", sim->options.seed, sim->options.steps);
}

void sim_hash(struct sim *sim, uint64_t value)
{
    sim->hash = (sim->hash ^ value) * UINT64_C(0x100000001b3);
    sim->hash ^= sim->hash >> 29;
}

struct sim_session *sim_session(struct sim *sim, uint64_t id)
{
    for (uint32_t i = 0; i < SIM_SESSIONS; i++)
        if (sim->sessions[i].id == id)
            return &sim->sessions[i];
    return NULL;
}

struct sim_command *sim_command(struct sim *sim, enum engine_op op, uint64_t session)
{
    JQ_ASSERT(sim->command_count < SIM_COMMANDS_MAX + 2);
    struct sim_command *command = &sim->commands[sim->command_count++];
    memset(&command->command, 0, sizeof command->command);
    command->command.op = op;
    command->command.session.value = session;
    return command;
}

void sim_request(struct sim *sim, struct sim_command *command)
{
    struct sim_session *session = sim_session(sim, command->command.session.value);
    command->command.request = session ? session->request_next++ : sim->observer_request++;
    if (sim->request_count == sim->request_capacity) {
        sim->request_capacity = sim->request_capacity ? sim->request_capacity * 2 : 64;
        sim->requests = realloc(sim->requests, sim->request_capacity * sizeof *sim->requests);
        JQ_ASSERT(sim->requests);
    }
    sim->requests[sim->request_count++] = (struct sim_request){
        .session = command->command.session.value,
        .request = command->command.request,
        .op = command->command.op,
    };
}

/* ---- begin and end ------------------------------------------------------------------------------------------------- */

static const struct model_effect *hint(void *user, uint64_t session, uint32_t request)
{
    const struct sim *sim = user;
    for (size_t i = 0; i < sim->heard_count; i++)
        if (sim->heard[i].effect.session == session && sim->heard[i].effect.request == request)
            return &sim->heard[i].effect;
    return NULL;
}

static const struct model_item *hint_item(void *user, const struct model_effect *effect, size_t index)
{
    const struct sim *sim = user;
    return &sim->items[effect->item_first + index];
}

static void journal_changed(void *user, const struct journal_state *state)
{
    struct sim *sim = user;
    sim->durable = state->durable;
    sim->accepts = state->accepts == JOURNAL_ACCEPTS_ALL;
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = calloc(1, sizeof *sim);
    JQ_ASSERT(sim);
    sim->options = *options;
    sim->random.state = options->seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    profile_choose(&sim->profile, &sim->random);
    struct engine_config config = {
        .incarnation_first = 1000,
        .waiting_max = sim->profile.limits ? 4 : 1000,
        .client_forget_ns = 100 * (uint64_t)SIM_MS,
        .waiting_bytes_max = sim->profile.limits ? 100 : UINT64_C(100000000000),
    };
    sim->engine = engine_new(&config);
    JQ_ASSERT(sim->engine && engine_effects_init(&sim->effects) == JQ_OK);
    sim->journal = journal_memory_new((struct journal_listener){journal_changed, sim}, true);
    JQ_ASSERT(sim->journal);
    sim->model = model_new(&config, (struct model_hint){.answered = hint, .item = hint_item, .user = sim});
    sim->commands = calloc(SIM_COMMANDS_MAX + 2, sizeof *sim->commands);
    JQ_ASSERT(sim->commands);
    sim->accepts = sim->accepts_told = true;
    sim->now = 1000 * (uint64_t)SIM_MS;
    sim->session_next = SIM_OBSERVER + 1;
    sim->observer_request = 1;
    return sim;
}

void sim_free(struct sim *sim)
{
    engine_free(sim->engine);
    engine_effects_fini(&sim->effects);
    journal_free(sim->journal);
    model_free(sim->model);
    for (uint32_t i = 0; i < SIM_SESSIONS; i++)
        free(sim->sessions[i].held);
    free(sim->commands);
    free(sim->requests);
    free(sim->heard);
    free(sim->records);
    free(sim->items);
    free(sim->lost);
    free(sim->stats);
    free(sim->chunks);
    free(sim->leaving);
    free(sim);
}

/* ---- one step ------------------------------------------------------------------------------------------------------ */

static void print_records(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->effects.record_count; i++) {
        const struct engine_record *record = &sim->effects.records[i];
        printf("    record %" PRIu64 " %s queue=%" PRIu64 " first=%" PRIu64 " count=%u due=%" PRIu64 " %.*s\n",
               record->number, name_record(record->kind), record->incarnation, record->first, record->count,
               record->due_ns, (int)record->name.size, record->name.data);
    }
}

static void print_heard(const struct sim *sim, size_t first)
{
    for (size_t i = first; i < sim->heard_count; i++) {
        printf("    ");
        print_effect(stdout, &sim->heard[i].effect, sim->items, sim->lost, sim->stats);
    }
}

static void note_fault(const struct sim *sim)
{
    uint32_t failed = fault_disarm();
    bool refused = false;
    for (uint32_t i = 0; i < sim->effects.effect_count; i++)
        refused |= sim->effects.effects[i].why == ENGINE_WHY_MEMORY;
    coverage_fault(refused ? COVERAGE_ALLOCATION_FAILED : COVERAGE_ALLOCATION_SURVIVED, failed > 0);
}

static void engine_runs(struct sim *sim)
{
    struct engine_command commands[SIM_COMMANDS_MAX + 2];
    size_t taken = 0, heard = sim->heard_count;
    for (uint32_t i = 0; i < sim->command_count; i++)
        commands[i] = sim->commands[i].command;
    do {
        taken += engine_step(sim->engine, sim->now, &commands[taken], sim->command_count - taken, &sim->effects);
        if (sim->model->faulty)
            note_fault(sim);
        if (sim->options.verbose)
            print_records(sim);
        heard_take(sim);
        engine_check(sim->engine);
    } while (taken < sim->command_count);
    if (sim->options.verbose)
        print_heard(sim, heard);
}

static void model_runs(struct sim *sim)
{
    sim->model->slices = sim->loose;
    model_begin(sim->model, sim->now);
    for (uint32_t i = 0; i < sim->command_count; i++)
        model_command(sim->model, &sim->commands[i].command);
    model_end(sim->model);
}

static void finish_slices(struct sim *sim)
{
    uint32_t turns = 0;
    while (engine_next(sim->engine) == 0 && turns++ < 10000) {
        size_t heard = sim->heard_count;
        size_t taken = engine_step(sim->engine, sim->now, NULL, 0, &sim->effects);
        JQ_ASSERT(taken == 0);
        if (sim->options.verbose)
            print_records(sim);
        heard_take(sim);
        engine_check(sim->engine);
        if (sim->options.verbose && sim->heard_count > heard)
            printf("  after a slice\n");
        if (sim->options.verbose)
            print_heard(sim, heard);
    }
    if (engine_next(sim->engine) == 0)
        sim_fail(sim, "the slices never end");
}

static void print_commands(const struct sim *sim)
{
    printf("step %u at %" PRIu64 "%s\n", sim->step, sim->now, sim->model->faulty ? ", an allocation fails" : "");
    for (uint32_t i = 0; i < sim->command_count; i++) {
        printf("  ");
        print_command(stdout, &sim->commands[i].command);
    }
}

static void check_slices(struct sim *sim)
{
    struct engine_totals totals;
    engine_totals(sim->engine, &totals);
    if (totals.slice_max > ENGINE_SLICE)
        sim_fail(sim, "BLK-1: one step handled %" PRIu64 " messages in slices", totals.slice_max);
}

/* Requests of sessions that have ended get no answer. */
static void drop_dead_requests(struct sim *sim)
{
    for (size_t i = sim->request_count; i-- > 0;) {
        if (model_session(sim->model, sim->requests[i].session))
            continue;
        if (sim->requests[i].parked)
            coverage_waited(sim->requests[i].op, COVERAGE_SESSION_END);
        sim->requests[i] = sim->requests[--sim->request_count];
    }
}

/* What waits for the journal. */
static void look_late(const struct sim *sim, bool *confirmed, bool *discarding)
{
    for (size_t q = 0; q < sim->model->queue_count; q++)
        for (size_t i = 0; i < sim->model->queues[q].count; i++) {
            *confirmed |= sim->model->queues[q].messages[i].confirmed;
            *discarding |= sim->model->queues[q].messages[i].discarding;
        }
}

static void note_late(const struct sim *sim)
{
    bool confirmed = false, discarding = false;
    if (!sim->accepts)
        look_late(sim, &confirmed, &discarding);
    for (size_t q = 0; q < sim->model->queue_count; q++)
        for (size_t i = 0; i < sim->model->queues[q].producer_count; i++)
            coverage_fault(COVERAGE_PRODUCER_LOST, sim->model->queues[q].producers[i].lost);
    coverage_fault(COVERAGE_CONFIRMED_LATE, confirmed);
    coverage_fault(COVERAGE_DISCARDED_LATE, discarding);
}

static void rest(struct sim *sim)
{
    note_late(sim);
    compare_all(sim);
    drop_dead_requests(sim);
    heard_forget(sim);
    records_settle(sim);
    model_forget(sim->model, sim->listed);
    heard_leave(sim);
    sim->listed = sim->loose = sim->sliced = sim->gets_asked = sim->puts_asked = sim->confirms_late = false;
}

static bool deadline_now(const struct sim *sim)
{
    for (size_t i = 0; i < sim->model->wait_count; i++)
        if (sim->model->waits[i].deadline_ns <= sim->now)
            return true;
    return false;
}

void sim_run(struct sim *sim, bool finish)
{
    bool between = sim->loose && sim->heard_count + sim->model->effect_count > 0;
    bool must_finish = finish || deadline_now(sim);
    if (sim->options.verbose)
        print_commands(sim);
    engine_runs(sim);
    model_runs(sim);
    coverage_fault(COVERAGE_SLICED, engine_next(sim->engine) == 0);
    sim->sliced |= engine_next(sim->engine) == 0;
    coverage_fault(COVERAGE_SLICED_COMMAND, between ? sim->command_count : 0);
    if (must_finish)
        finish_slices(sim);
    check_slices(sim);
    if (sim->sliced && engine_next(sim->engine) != 0) { /* the slices' steps saw what was due by then */
        model_begin(sim->model, sim->now);
        model_end(sim->model);
    }
    if (engine_next(sim->engine) != 0)
        rest(sim);
    else
        sim->loose = true;
}

/* ---- the history --------------------------------------------------------------------------------------------------- */

static uint64_t some_advance(struct sim *sim, uint64_t next)
{
    uint32_t roll = random_below(&sim->random, 100);
    uint64_t to_next = next == ENGINE_FOREVER || next <= sim->now ? 0 : next - sim->now;
    if (roll < 35)
        return 0;
    if (roll < 60)
        return to_next;
    if (roll < 85)
        return (uint64_t)random_between(&sim->random, 1, 4) * SIM_MS;
    if (roll < 95)
        return random_between(&sim->random, 1, 3 * SIM_MS);
    return (uint64_t)random_between(&sim->random, 10, 50) * SIM_MS;
}

/* With slices about, time stops at each instant: what happens there takes several steps. */
static void advance(struct sim *sim)
{
    uint64_t next = model_next(sim->model), by = some_advance(sim, next);
    if (sim->profile.big && next != ENGINE_FOREVER && sim->now + by > next)
        by = next - sim->now;
    sim->now += by;
    sim->loose = sim->profile.big && next <= sim->now;
}

/* Nothing is due in a step that tells of the journal: what the engine writes before it is told would not be taken. */
static bool tell_journal(struct sim *sim)
{
    if (sim->profile.refuses && random_chance(&sim->random, sim->accepts ? 4 : 8)) {
        coverage_fault(COVERAGE_JOURNAL_REFUSED, sim->accepts);
        journal_memory_refuse(sim->journal, sim->accepts);
    }
    if (sim->accepts == sim->accepts_told)
        return false;
    sim_command(sim, ENGINE_JOURNAL, SIM_OBSERVER)->command.journal_accepts = sim->accepts;
    sim->accepts_told = sim->accepts;
    sim->loose |= sim->profile.big;
    bool discarding = false;
    if (sim->accepts && sim->loose)
        look_late(sim, &sim->confirms_late, &discarding);
    return true;
}

void sim_observe(struct sim *sim)
{
    sim->listed = !sim->loose && !sim->model->faulty && sim->command_count <= SIM_COMMANDS_MAX;
    if (!sim->listed)
        return;
    struct sim_command *command = sim_command(sim, ENGINE_LIST, SIM_OBSERVER);
    sim_request(sim, command);
    command->command.list.max = ENGINE_LIST_MAX;
}

/* A step in which an allocation fails has one request at most, so that it is clear whose it was. */
static void arm_fault(struct sim *sim)
{
    bool one = sim->command_count == 1 && sim->commands[0].command.op != ENGINE_SESSION_OPEN;
    if (one && !sim->accepts) /* with journal and memory failing at once, confirmations may wait for either */
        one = sim->commands[0].command.op != ENGINE_RECEIVED;
    bool fault = sim->profile.faults && !sim->loose && one && random_chance(&sim->random, 40);
    sim->model->faulty = fault;
    if (fault)
        fault_arm(random_below(&sim->random, 6), random_chance(&sim->random, 50) ? 1 : 1000);
}

static void step(struct sim *sim)
{
    bool resting = engine_next(sim->engine) != 0;
    sim->command_count = 0;
    if (resting && (engine_next(sim->engine) <= sim->now || !tell_journal(sim)))
        advance(sim);
    generate_step(sim);
    arm_fault(sim);
    sim->asked += sim->command_count;
    sim_observe(sim);
    sim_run(sim, random_chance(&sim->random, 60));
    sim->model->faulty = false;
    if (!sim->failed && engine_next(sim->engine) > sim->now && random_chance(&sim->random, 3))
        compare_survey(sim);
    if (random_chance(&sim->random, 50))
        journal_memory_sync(sim->journal);
    heard_leave(sim);
}

/* Enough has been asked by enough sessions, and something has gone wrong for somebody; a few steps asked for by hand are enough, too. */
static bool enough(const struct sim *sim, uint64_t faults)
{
    return sim->options.steps < STEPS_USUAL ||
           (sim->asked >= COMMANDS_MIN && sim->session_next > SIM_OBSERVER + 3 && coverage_faults() > faults);
}

bool sim_play(struct sim *sim)
{
    uint64_t faults = coverage_faults();
    sim_command(sim, ENGINE_SESSION_OPEN, SIM_OBSERVER);
    sim_run(sim, true);
    sim->step = 1;
    for (; (sim->step <= sim->options.steps || !enough(sim, faults)) && !sim->failed; sim->step++) {
        step(sim);
        if (sim->step == STEPS_TRIED * sim->options.steps)
            sim_fail(sim, "a seed is %d commands of 3 sessions and a fault at least", COMMANDS_MIN);
    }
    if (!sim->failed)
        drain(sim);
    return !sim->failed;
}
