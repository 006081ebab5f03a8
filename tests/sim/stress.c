/* SPDX-License-Identifier: Apache-2.0 */
/* What the reference model does not know yet: done-and-put, moves, gets from several queues, marks, mixed with the rest at random. No
 * model here, but what must hold of any history: engine_check after every step, one answer a request, conservation, each body released
 * once, and, when the workload has stopped and all is drained, nobody who waits. */
/* proves: FWD-1 ADM-1 GET-2 JON-3 JON-4 ONE-1 CSV-1 */
#include "names.h"
#include "sim.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    SESSIONS = 5,
    QUEUES = 4,
    STEPS = 600,
    HELD_MAX = 8192,
    OPEN_MAX = 4096,
    CHUNKS_MAX = 8192,
    BODIES = 4, /* of a put, at most */
    WAITING_MAX = 1000,
    MS = 1000000,
};

struct open {
    uint64_t session;
    uint32_t request;
    enum engine_op op;
};

struct holder {
    uint64_t session; /* 0: none */
    uint32_t request_next;
    uint64_t receipt;
    struct engine_range held[HELD_MAX];
    uint32_t held_count;
    uint64_t number; /* of slot 0 */
};

struct stress {
    struct random random;
    struct engine *engine;
    struct engine_effects effects;
    uint64_t now, session_next;
    uint64_t ending; /* the session that ends in this step */
    struct holder holders[SESSIONS];
    struct open open[OPEN_MAX];
    uint32_t open_count;
    uint32_t given[CHUNKS_MAX], released[CHUNKS_MAX], chunk_next;
    uint64_t marks[QUEUES];
    struct engine_body bodies[2][BODIES];
    struct engine_target targets[2];
    struct engine_queue_ref others[2];
    struct engine_range ranges[2];
    uint64_t incarnations[QUEUES], tasks[QUEUES];
    bool verbose;
    const char *wrong;
};

static const char *const names[QUEUES] = {"a", "b", "c", "d"};
static uint64_t answers[ENGINE_OP_COUNT][32];

static bool chance(struct stress *stress, uint32_t percent)
{
    return random_chance(&stress->random, percent);
}

static struct engine_queue_ref some_queue(struct stress *stress)
{
    return (struct engine_queue_ref){.name = {names[random_below(&stress->random, QUEUES)], 1}};
}

/* ---- what the engine says ------------------------------------------------------------------------------------------ */

static void answered(struct stress *stress, const struct engine_effect *effect)
{
    for (uint32_t i = 0; i < stress->open_count; i++) {
        if (stress->open[i].session != effect->session.value || stress->open[i].request != effect->request)
            continue;
        answers[stress->open[i].op][effect->code]++;
        if (stress->open[i].op == ENGINE_MARK && effect->code == JQ_OK)
            stress->marks[effect->answer.count % QUEUES] = effect->answer.count;
        stress->open[i] = stress->open[--stress->open_count];
        return;
    }
    stress->wrong = "an answer to a request that is not open";
}

static void take_got(struct stress *stress, const struct engine_effect *effect)
{
    for (uint32_t h = 0; h < SESSIONS; h++) {
        struct holder *holder = &stress->holders[h];
        if (holder->session != effect->session.value)
            continue;
        if (effect->got.receipt > holder->receipt)
            holder->receipt = effect->got.receipt;
        for (uint32_t r = 0; !effect->got.receipt && r < effect->got.run_count && holder->held_count < HELD_MAX; r++) {
            const struct engine_run *run = &effect->got.runs[r];
            holder->held[holder->held_count++] =
                (struct engine_range){effect->incarnation, run->first, run->count, run->attempt};
        }
    }
}

static void take_stats(struct stress *stress, const struct engine_effect *effect)
{
    for (uint32_t i = 0; i < effect->stats.count; i++) {
        const struct engine_stat *s = &effect->stats.item[i];
        for (uint32_t q = 0; q < QUEUES; q++) {
            if (s->name.size != 1 || s->name.data[0] != names[q][0])
                continue;
            stress->incarnations[q] = s->incarnation;
            stress->tasks[q] = s->options.accounting == ENGINE_COUNTER ? s->unfinished : 0;
        }
        if (s->options.accounting == ENGINE_LEASE &&
            s->put + s->moved_in + s->dead_in !=
                s->done + s->ready + s->delayed + s->leased + s->dead + s->expired + s->discarded + s->moved_out)
            stress->wrong = "CSV-1: what was put is not what became of it";
    }
}

static void take_effects(struct stress *stress)
{
    const struct engine_effects *effects = &stress->effects;
    for (uint32_t i = 0; i < effects->effect_count; i++) {
        const struct engine_effect *effect = &effects->effects[i];
        if (stress->verbose)
            printf("    s%" PRIu64 " #%u %s %s\n", effect->session.value, effect->request, name_effect(effect->kind),
                   jqw_code_name((int)effect->code));
        if (effect->kind == ENGINE_STATS)
            take_stats(stress, effect);
        if (effect->request)
            answered(stress, effect);
        if (effect->kind == ENGINE_GOT)
            take_got(stress, effect);
    }
    for (uint32_t i = 0; i < effects->release_count; i++) {
        const struct engine_release *release = &effects->releases[i];
        stress->released[release->chunk] += release->count;
        if (stress->released[release->chunk] > stress->given[release->chunk])
            stress->wrong = "a body was released twice";
    }
}

static void step(struct stress *stress, const struct engine_command *command)
{
    size_t count = command ? 1 : 0, taken = 0;
    uint32_t turns = 0;
    if (stress->verbose && command)
        print_command(stdout, command);
    do {
        taken += engine_step(stress->engine, stress->now, command, count - taken, &stress->effects);
        take_effects(stress);
        engine_effects_reset(&stress->effects);
        engine_check(stress->engine);
    } while ((taken < count || engine_next(stress->engine) == 0) && ++turns < 10000);
    if (turns == 10000)
        stress->wrong = "the slices never end";
    for (uint32_t i = 0; i < stress->open_count && !stress->wrong; i++)
        if (stress->open[i].session != stress->ending &&
            !engine_waits(stress->engine, (struct engine_session_id){stress->open[i].session}, stress->open[i].request))
            stress->wrong = "a request has neither an answer nor waits";
}

/* ---- what it is asked ---------------------------------------------------------------------------------------------- */

static struct engine_command ask(struct stress *stress, struct holder *holder, enum engine_op op)
{
    struct engine_command c = {.op = op, .session = {holder->session}, .request = holder->request_next++};
    c.queue = some_queue(stress);
    if (stress->open_count < OPEN_MAX)
        stress->open[stress->open_count++] = (struct open){holder->session, c.request, op};
    return c;
}

static uint32_t some_bodies(struct stress *stress, uint32_t list)
{
    uint32_t chunk = stress->chunk_next++, count = random_between(&stress->random, 1, BODIES);
    for (uint32_t i = 0; i < count; i++)
        stress->bodies[list][i] = (struct engine_body){chunk, i, random_below(&stress->random, 20)};
    stress->given[chunk] = count;
    return count;
}

static uint64_t some_timeout(struct stress *stress)
{
    uint32_t roll = random_below(&stress->random, 3);
    return roll == 0 ? 0 : roll == 1 ? ENGINE_FOREVER : random_between(&stress->random, 1, 10) * (uint64_t)MS;
}

static struct engine_ranges some_ranges(struct stress *stress, struct holder *holder)
{
    uint32_t count = 0;
    while (count < 2 && holder->held_count && chance(stress, 70)) { /* mostly one of the last */
        uint32_t back = random_below(&stress->random, chance(stress, 80) ? 3 : holder->held_count);
        stress->ranges[count++] = holder->held[holder->held_count - 1 - back % holder->held_count];
    }
    return (struct engine_ranges){stress->ranges, count};
}

static void declare(struct stress *stress, struct holder *holder)
{
    struct engine_command c = ask(stress, holder, ENGINE_DECLARE);
    struct engine_queue_options *o = &c.declare.options;
    o->max_messages = chance(stress, 60) ? random_between(&stress->random, 1, 6) : 0;
    o->bound = chance(stress, 40) ? ENGINE_BOUND_OUTSTANDING : ENGINE_BOUND_QUEUED;
    o->accounting = chance(stress, 20) ? ENGINE_COUNTER : ENGINE_LEASE;
    o->order = chance(stress, 30) ? random_between(&stress->random, 1, 2) : ENGINE_FIFO;
    o->lease_ms = o->accounting == ENGINE_LEASE && chance(stress, 30) ? random_between(&stress->random, 1, 8) : 0;
    o->ttl_ms = chance(stress, 15) ? random_between(&stress->random, 2, 20) : 0;
    o->dead_drop = o->accounting == ENGINE_LEASE && chance(stress, 30);
    o->max_deliveries = o->dead_drop && chance(stress, 50) ? 2 : 0;
    o->durable = chance(stress, 30);
    o->producer_grace_ms = 10000;
    step(stress, &c);
}

static void forward(struct stress *stress, struct holder *holder)
{
    struct engine_command c = ask(stress, holder, ENGINE_FORWARD);
    c.forward.done = some_ranges(stress, holder);
    c.forward.targets = stress->targets;
    c.forward.target_count = chance(stress, 60) ? 1 : 2;
    c.forward.timeout_ns = some_timeout(stress);
    for (uint32_t i = 0; i < c.forward.target_count; i++)
        stress->targets[i] = (struct engine_target){
            .queue = some_queue(stress), .bodies = stress->bodies[i], .count = some_bodies(stress, i)};
    c.once.number = chance(stress, 50) ? holder->number + !chance(stress, 30) : 0;
    holder->number = c.once.number > holder->number ? c.once.number : holder->number;
    step(stress, &c);
}

static void put(struct stress *stress, struct holder *holder)
{
    struct engine_command c = ask(stress, holder, ENGINE_PUT);
    c.put.count = some_bodies(stress, 0);
    c.put.bodies = stress->bodies[0];
    c.put.partial = chance(stress, 40);
    c.put.timeout_ns = some_timeout(stress);
    c.put.options.delay_ns = chance(stress, 15) ? MS : 0;
    c.once.number = chance(stress, 50) ? holder->number + !chance(stress, 30) : 0;
    holder->number = c.once.number > holder->number ? c.once.number : holder->number;
    step(stress, &c);
}

static void get(struct stress *stress, struct holder *holder)
{
    struct engine_command c = ask(stress, holder, ENGINE_GET);
    c.get.max = random_between(&stress->random, 1, 5);
    c.get.auto_ = chance(stress, 20);
    c.get.final = chance(stress, 30);
    c.get.timeout_ns = some_timeout(stress);
    c.get.done = some_ranges(stress, holder);
    c.get.others = stress->others;
    c.get.other_count = random_below(&stress->random, 3);
    for (uint32_t i = 0; i < c.get.other_count; i++)
        stress->others[i] = some_queue(stress);
    step(stress, &c);
}

static void join(struct stress *stress, struct holder *holder)
{
    struct engine_command c = ask(stress, holder, ENGINE_JOIN);
    uint32_t roll = random_below(&stress->random, 4);
    c.join.timeout_ns = some_timeout(stress);
    c.join.snapshot = roll == 0;
    c.join.mine = roll == 1;
    c.join.mark = roll == 2 ? stress->marks[random_below(&stress->random, QUEUES)] : 0;
    step(stress, &c);
}

static void settle(struct stress *stress, struct holder *holder, enum engine_op op)
{
    struct engine_command c = ask(stress, holder, op);
    c.settle.ranges = some_ranges(stress, holder);
    c.settle.delay_ns = op == ENGINE_NACK && chance(stress, 30) ? 2 * MS : 0;
    step(stress, &c);
}

static void on_queue(struct stress *stress, struct holder *holder, enum engine_op op)
{
    struct engine_command c = ask(stress, holder, op);
    if (op == ENGINE_MOVE) {
        c.move.to = some_queue(stress);
        c.move.count = random_below(&stress->random, 4);
    } else if (op == ENGINE_CLOSE) {
        c.close.immediate = chance(stress, 30);
        c.close.after_mine = chance(stress, 50);
    } else if (op == ENGINE_PAUSE) {
        c.pause.puts = chance(stress, 50);
        c.pause.gets = !c.pause.puts || chance(stress, 50);
        c.pause.resume = chance(stress, 60);
    } else if (op == ENGINE_TASK_DONE || op == ENGINE_PEEK || op == ENGINE_PUT_END) {
        c.count = 1;
    } else if (op == ENGINE_EXPORT) {
        c.export_.count = random_between(&stress->random, 1, 5);
    } else if (op == ENGINE_CANCEL) {
        c.target = random_between(&stress->random, 1, c.request);
    }
    step(stress, &c);
}

/* A step with which the session of the holder ends: what it still waits for gets no answer. */
static void step_last(struct stress *stress, struct holder *holder, const struct engine_command *command)
{
    stress->ending = holder->session;
    step(stress, command);
    stress->ending = 0;
    for (uint32_t i = stress->open_count; i-- > 0;)
        if (stress->open[i].session == holder->session)
            stress->open[i] = stress->open[--stress->open_count];
    holder->held_count = 0;
    holder->receipt = 0;
}

/* The same client again, whose old session may still stand. */
static void session_begins(struct stress *stress, struct holder *holder)
{
    struct engine_command c = {.op = ENGINE_SESSION_OPEN, .session = {stress->session_next++}};
    if (holder->session && chance(stress, 50)) {
        struct engine_command end = {.op = ENGINE_SESSION_END, .session = {holder->session}};
        step_last(stress, holder, &end);
    }
    c.open.client[0] = (uint8_t)(holder - stress->holders + 1);
    step_last(stress, holder, &c);
    holder->session = c.session.value;
    holder->request_next = 1;
}

static void receive(struct stress *stress, struct holder *holder)
{
    struct engine_command c = {.op = ENGINE_RECEIVED, .session = {holder->session}, .receipt = holder->receipt};
    step(stress, &c);
}

static void list(struct stress *stress, struct holder *holder)
{
    struct engine_command c = ask(stress, holder, ENGINE_LIST);
    c.list.max = ENGINE_LIST_MAX;
    step(stress, &c);
}

static void act(struct stress *stress, struct holder *holder)
{
    static const enum engine_op rest[] = {ENGINE_MOVE,   ENGINE_MOVE,      ENGINE_CLOSE,   ENGINE_PAUSE,
                                          ENGINE_PAUSE,  ENGINE_TASK_DONE, ENGINE_PEEK,    ENGINE_CANCEL,
                                          ENGINE_PURGE,  ENGINE_STAT,      ENGINE_PUT_END, ENGINE_REOPEN,
                                          ENGINE_REOPEN, ENGINE_DELETE,    ENGINE_EXPLAIN, ENGINE_EXPORT};
    uint32_t roll = random_below(&stress->random, 100);
    if (roll < 15)
        forward(stress, holder);
    else if (roll < 33)
        put(stress, holder);
    else if (roll < 55)
        get(stress, holder);
    else if (roll < 63)
        join(stress, holder);
    else if (roll < 73)
        settle(stress, holder, chance(stress, 60) ? ENGINE_DONE : chance(stress, 50) ? ENGINE_NACK : ENGINE_RELEASE);
    else if (roll < 76)
        session_begins(stress, holder);
    else if (roll < 79)
        declare(stress, holder);
    else if (roll < 82)
        receive(stress, holder);
    else if (roll < 84)
        on_queue(stress, holder, ENGINE_MARK);
    else
        on_queue(stress, holder, rest[random_below(&stress->random, sizeof rest / sizeof *rest)]);
}

/* ---- in the end ---------------------------------------------------------------------------------------------------- */

/* One session works off what there is: gets, finishes, lets time pass. */
static void work(struct stress *stress, struct holder *holder, uint32_t queue)
{
    struct engine_command c = ask(stress, holder, ENGINE_GET);
    c.queue = (struct engine_queue_ref){.name = {names[queue], 1}};
    c.get.max = ENGINE_BATCH_MAX;
    c.get.auto_ = true;
    step(stress, &c);
    receive(stress, holder);
    list(stress, holder);
    if (!stress->tasks[queue])
        return;
    c = ask(stress, holder, ENGINE_TASK_DONE);
    c.queue = (struct engine_queue_ref){.name = {names[queue], 1}};
    c.count = (uint32_t)stress->tasks[queue];
    step(stress, &c);
}

/* All that its session may still hold. */
static void finish_held(struct stress *stress, struct holder *holder)
{
    while (holder->held_count && !stress->wrong) {
        struct engine_command c = ask(stress, holder, ENGINE_DONE);
        stress->ranges[0] = holder->held[--holder->held_count];
        c.settle.ranges = (struct engine_ranges){stress->ranges, 1};
        step(stress, &c);
    }
    receive(stress, holder);
}

static void for_each(struct stress *stress, struct holder *holder, enum engine_op op)
{
    for (uint32_t q = 0; q < QUEUES; q++) {
        struct engine_command c = ask(stress, holder, op);
        c.queue = (struct engine_queue_ref){.name = {names[q], 1}};
        if (op == ENGINE_PAUSE)
            c.pause.puts = c.pause.gets = c.pause.resume = true;
        if (op == ENGINE_DELETE)
            c.delete_.force = true;
        step(stress, &c);
    }
}

static void drain_all(struct stress *stress)
{
    struct holder *last = &stress->holders[0];
    for_each(stress, last, ENGINE_PAUSE);
    for (uint32_t round = 0; round < 30 && !stress->wrong; round++) {
        stress->now += 5 * (uint64_t)MS;
        for (uint32_t h = 0; h < SESSIONS; h++)
            finish_held(stress, &stress->holders[h]);
        for (uint32_t q = 0; q < QUEUES && !stress->wrong; q++)
            work(stress, last, q);
    }
    for (uint32_t i = 0; i < stress->open_count && !stress->wrong; i++)
        if (stress->open[i].op != ENGINE_GET)
            stress->wrong = "a request waits for what can no longer happen";
    for_each(stress, last, ENGINE_CLOSE);
    if (stress->open_count && !stress->wrong)
        stress->wrong = "a get waits though all queues have ended";
    for_each(stress, last, ENGINE_DELETE);
    for (uint32_t chunk = 0; chunk < stress->chunk_next && !stress->wrong; chunk++)
        if (stress->given[chunk] != stress->released[chunk])
            stress->wrong = "a body was never released";
}

static bool round_of(uint64_t seed, bool verbose)
{
    struct stress *stress = calloc(1, sizeof *stress);
    JQ_ASSERT(stress);
    const struct engine_config config = {.incarnation_first = 100,
                                         .waiting_max = WAITING_MAX,
                                         .waiting_bytes_max = 1000000,
                                         .client_forget_ns = 50 * (uint64_t)MS};
    stress->random.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 7;
    stress->engine = engine_new(&config);
    JQ_ASSERT(stress->engine && engine_effects_init(&stress->effects) == JQ_OK);
    stress->now = 1000 * (uint64_t)MS;
    stress->session_next = 1;
    stress->verbose = verbose;
    for (uint32_t h = 0; h < SESSIONS; h++)
        session_begins(stress, &stress->holders[h]);
    for (uint32_t i = 0; i < STEPS && !stress->wrong; i++) {
        stress->now += chance(stress, 40) ? random_below(&stress->random, 3 * MS) : 0;
        act(stress, &stress->holders[random_below(&stress->random, SESSIONS)]);
        list(stress, &stress->holders[0]);
    }
    if (!stress->wrong)
        drain_all(stress);
    if (stress->wrong) {
        printf("round %" PRIu64 ": %s\n", seed, stress->wrong);
        for (uint32_t i = 0; i < stress->open_count; i++)
            printf("  open: s%" PRIu64 " #%u %s\n", stress->open[i].session, stress->open[i].request,
                   name_op(stress->open[i].op));
    }
    bool good = !stress->wrong;
    engine_free(stress->engine);
    engine_effects_fini(&stress->effects);
    free(stress);
    return good;
}

bool stress_rounds(uint32_t rounds, uint64_t first, bool verbose)
{
    for (uint32_t i = 0; i < rounds; i++)
        if (!round_of(first + i, verbose))
            return false;
    for (int op = 0; op < ENGINE_OP_COUNT; op++)
        for (int code = 0; code < 32; code++)
            if (answers[op][code])
                printf("%s %s %" PRIu64 "\n", name_op((enum engine_op)op), jqw_code_name(code), answers[op][code]);
    printf("%u rounds\n", rounds);
    return true;
}
