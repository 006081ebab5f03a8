/* SPDX-License-Identifier: Apache-2.0 */
/* What a stress round asks: every operation, with options at random. It knows nothing of the engine's state but what clients heard. */
#include "sim.h"
#include "stress.h"
#include <string.h>

static uint32_t below(struct stress *stress, uint32_t count)
{
    return random_below(&stress->random, count);
}

static struct engine_queue_ref some_queue(struct stress *stress)
{
    uint32_t q = below(stress, STRESS_QUEUES);
    struct engine_queue_ref ref = stress_queue(q);
    if (stress_chance(stress, 5))
        ref.incarnation = stress->incarnations[q];
    if (stress_chance(stress, 1))
        ref.name = (struct engine_text){"not a name", 10};
    return ref;
}

static uint64_t some_timeout(struct stress *stress)
{
    uint32_t roll = below(stress, 3);
    return roll == 0 ? 0 : roll == 1 ? ENGINE_FOREVER : random_between(&stress->random, 1, 10) * (uint64_t)STRESS_MS;
}

static struct engine_ranges some_ranges(struct stress *stress, struct stress_holder *holder)
{
    uint32_t count = 0;
    while (count < 2 && holder->held_count && stress_chance(stress, 70)) { /* mostly one of the last */
        uint32_t back = below(stress, stress_chance(stress, 80) ? 3 : holder->held_count);
        stress->ranges[count++] = holder->held[holder->held_count - 1 - back % holder->held_count];
    }
    if (count && stress_chance(stress, 2))
        stress->ranges[0].count = ENGINE_SETTLE_MAX + 1;
    return (struct engine_ranges){stress->ranges, count};
}

/* Where changes go by numbers, none goes without; otherwise some do, and not always by the right one. False: there is none to go by. */
static bool some_number(struct stress *stress, struct stress_holder *holder, struct engine_command *c)
{
    if (stress->plan.keeps) {
        bool free_slot = stress_number(stress, holder, c);
        stress->open_count -= !free_slot;
        return free_slot;
    }
    if (stress_chance(stress, 50))
        return true;
    struct stress_slot *slot = &holder->slots[0];
    c->once.slot = stress_chance(stress, 2) ? ENGINE_SLOTS_MAX : 0;
    c->once.number = slot->number + (stress_chance(stress, 70) ? 1 : 0);
    slot->number = c->once.number;
    return true;
}

/* ---- queues -------------------------------------------------------------------------------------------------------- */

static void some_options(struct stress *stress, struct engine_queue_options *o)
{
    *o = (struct engine_queue_options){
        .max_messages = stress_chance(stress, 60) ? random_between(&stress->random, 1, 6) : 0,
        .max_bytes = stress_chance(stress, 10) ? random_between(&stress->random, 10, 80) : 0,
        .bound = stress_chance(stress, 40) ? ENGINE_BOUND_OUTSTANDING : ENGINE_BOUND_QUEUED,
        .accounting = stress_chance(stress, 20) ? ENGINE_COUNTER : ENGINE_LEASE,
        .order = stress_chance(stress, 30) ? random_between(&stress->random, 1, 2) : ENGINE_FIFO,
        .ttl_ms = stress_chance(stress, 15) ? random_between(&stress->random, 2, 20) : 0,
        .durable = stress_chance(stress, 40),
        .producer_grace_ms = stress_chance(stress, 50) ? 10000 : random_between(&stress->random, 1, 9),
        .on_producer_lost = below(stress, 3),
    };
    if (stress_chance(stress, 12))
        o->producers = stress_chance(stress, 50) ? ENGINE_PRODUCERS_AUTO : random_between(&stress->random, 1, 2);
    if (o->accounting == ENGINE_LEASE) {
        o->lease_ms = stress_chance(stress, 30) ? random_between(&stress->random, 1, 8) : 0;
        o->dead_drop = stress_chance(stress, 25);
        if (!o->dead_drop && stress_chance(stress, 30))
            o->dead_letter = stress_queue(below(stress, STRESS_QUEUES)).name;
        o->max_deliveries = stress_chance(stress, o->dead_drop || o->dead_letter.size ? 50 : 3) ? 2 : 0;
    }
    if (stress->plan.keeps)
        return;
    o->lifetime = stress_chance(stress, 20) ? random_between(&stress->random, 1, 2) : ENGINE_PERMANENT;
    o->idle_delete_ms = stress_chance(stress, 20) ? random_between(&stress->random, 1, 10) : 0;
}

static void declare(struct stress *stress, struct stress_holder *holder, enum engine_op op)
{
    struct engine_command c = stress_ask(stress, holder, op);
    some_options(stress, &c.declare.options);
    if (stress->plan.keeps)
        c.declare.options.durable = false; /* what has no records stays so */
    if (op == ENGINE_DECLARE)
        c.declare.existing_ok = stress_chance(stress, 10);
    for (uint32_t i = 0; op == ENGINE_ALTER && i < ENGINE_OPTION_COUNT; i++)
        c.declare.given |= stress_chance(stress, 25) ? 1u << i : 0;
    if (stress_chance(stress, 90))
        c.declare.given &= ~(1u << ENGINE_OPTION_ORDER | 1u << ENGINE_OPTION_ACCOUNTING | 1u << ENGINE_OPTION_DURABLE);
    if (stress_chance(stress, 3))
        c.queue.name = (struct engine_text){"not a name", 10};
    stress_step(stress, &c);
}

/* All there are, but for the last durable: they stay for the round. */
static void declare_kept(struct stress *stress)
{
    for (uint32_t q = 0; q < STRESS_QUEUES; q++) {
        struct engine_command c = stress_ask(stress, &stress->holders[0], ENGINE_DECLARE);
        c.queue = stress_queue(q);
        some_options(stress, &c.declare.options);
        struct engine_queue_options *o = &c.declare.options;
        o->durable = q + 1 < STRESS_QUEUES;
        o->dead_letter = (struct engine_text){0};
        if (q && o->accounting == ENGINE_LEASE && !o->dead_drop && stress_chance(stress, 50))
            o->dead_letter = stress_queue(q - 1).name;
        if (!o->dead_drop && !o->dead_letter.size)
            o->max_deliveries = 0;
        stress_step(stress, &c);
        c = stress_ask(stress, &stress->holders[0], ENGINE_DECLARE); /* should that not have made sense */
        c.queue = stress_queue(q);
        c.declare.existing_ok = true;
        c.declare.options.durable = q + 1 < STRESS_QUEUES;
        stress_step(stress, &c);
    }
}

/* ---- messages ------------------------------------------------------------------------------------------------------ */

static void some_put(struct stress *stress, struct engine_put_options *o)
{
    static const char *const bytes[] = {"", "a", "ab", "b"};
    o->delay_ns = stress_chance(stress, 15) ? random_between(&stress->random, 1, 5) * (uint64_t)STRESS_MS : 0;
    o->ttl_ns = stress_chance(stress, 10) ? random_between(&stress->random, 3, 30) * (uint64_t)STRESS_MS : 0;
    if (!stress_chance(stress, 12))
        return;
    o->priority.kind = stress_chance(stress, 50) ? ENGINE_PRIORITY_NUMBER : ENGINE_PRIORITY_BYTES;
    o->priority.number = o->priority.kind == ENGINE_PRIORITY_NUMBER ? below(stress, 4) : 0;
    const char *text = bytes[below(stress, 4)];
    if (o->priority.kind == ENGINE_PRIORITY_BYTES)
        o->priority.bytes = (struct engine_text){text, (uint32_t)strlen(text)};
}

static uint64_t some_generation(struct stress *stress)
{
    return stress_chance(stress, 90) ? 0 : random_between(&stress->random, 1, 3);
}

static void forward(struct stress *stress, struct stress_holder *holder)
{
    struct engine_command c = stress_ask(stress, holder, ENGINE_FORWARD);
    c.forward.done = some_ranges(stress, holder);
    c.forward.targets = stress->targets;
    c.forward.target_count = stress_chance(stress, 60) ? 1 : 2;
    c.forward.timeout_ns = some_timeout(stress);
    for (uint32_t i = 0; i < c.forward.target_count; i++)
        stress->targets[i] = (struct engine_target){
            .queue = some_queue(stress),
            .bodies = stress->bodies[i],
            .count = stress_bodies(stress, i, random_between(&stress->random, 1, STRESS_BODIES))};
    if (some_number(stress, holder, &c))
        stress_step(stress, &c);
    else
        for (uint32_t i = 0; i < c.forward.target_count; i++)
            stress->given[stress->bodies[i][0].chunk] = 0;
}

static void put(struct stress *stress, struct stress_holder *holder)
{
    struct engine_command c = stress_ask(stress, holder, ENGINE_PUT);
    c.queue = some_queue(stress);
    c.generation = some_generation(stress);
    c.put.count = stress_bodies(stress, 0, random_between(&stress->random, 1, STRESS_BODIES));
    c.put.bodies = stress->bodies[0];
    c.put.partial = stress_chance(stress, 40);
    c.put.timeout_ns = some_timeout(stress);
    some_put(stress, &c.put.options);
    if (some_number(stress, holder, &c))
        stress_step(stress, &c);
    else
        stress->given[stress->bodies[0][0].chunk] = 0;
}

static void get(struct stress *stress, struct stress_holder *holder)
{
    struct engine_command c = stress_ask(stress, holder, ENGINE_GET);
    c.get.max = random_between(&stress->random, stress_chance(stress, 2) ? 0 : 1, 5);
    c.get.auto_ = stress_chance(stress, 20);
    c.get.final = stress_chance(stress, 30);
    c.get.timeout_ns = some_timeout(stress);
    c.get.done = some_ranges(stress, holder);
    c.get.others = stress->others;
    c.get.other_count = below(stress, 3);
    if (!c.get.other_count)
        c.generation = some_generation(stress);
    for (uint32_t i = 0; i < c.get.other_count; i++)
        stress->others[i] = some_queue(stress);
    stress_step(stress, &c);
}

static void join(struct stress *stress, struct stress_holder *holder)
{
    struct engine_command c = stress_ask(stress, holder, ENGINE_JOIN);
    uint32_t roll = below(stress, 4);
    c.join.timeout_ns = some_timeout(stress);
    c.join.snapshot = roll == 0;
    c.join.mine = roll == 1;
    c.join.mark = roll == 2 ? stress->marks[below(stress, STRESS_QUEUES)] : 0;
    stress_step(stress, &c);
}

static void settle(struct stress *stress, struct stress_holder *holder, enum engine_op op)
{
    struct engine_command c = stress_ask(stress, holder, op);
    struct stress_open *open = &stress->open[stress->open_count - 1];
    c.settle.ranges = some_ranges(stress, holder);
    c.settle.delay_ns = op == ENGINE_NACK && stress_chance(stress, 30) ? 2 * STRESS_MS : 0;
    c.settle.dead = op == ENGINE_NACK && stress_chance(stress, 20);
    for (uint32_t q = 0; c.settle.ranges.count == 1 && q < STRESS_QUEUES; q++)
        if (stress->plan.keeps && stress->incarnations[q] == stress->ranges[0].incarnation)
            open->queue = q;
    stress_step(stress, &c);
}

/* ---- the rest ------------------------------------------------------------------------------------------------------ */

static void producer(struct stress *stress, struct stress_holder *holder, enum engine_op op)
{
    static const char *const producers[] = {"p", "q", "r"};
    struct engine_command c = stress_ask(stress, holder, op);
    c.producer.name = (struct engine_text){producers[below(stress, 3)], stress_chance(stress, 97)};
    c.producer.takeover = op == ENGINE_ATTACH && stress_chance(stress, 30);
    stress_step(stress, &c);
}

static void fill(struct stress *stress, struct engine_command *c)
{
    if (c->op == ENGINE_MOVE) {
        c->move.to = some_queue(stress);
        c->move.count = below(stress, 4);
    } else if (c->op == ENGINE_CLOSE) {
        c->close.immediate = stress_chance(stress, 30);
        c->close.after_mine = stress_chance(stress, 50);
    } else if (c->op == ENGINE_PAUSE) {
        c->pause.puts = stress_chance(stress, 50);
        c->pause.gets = stress_chance(stress, 50);
        c->pause.resume = stress_chance(stress, 60);
    } else if (c->op == ENGINE_TASK_DONE || c->op == ENGINE_PEEK || c->op == ENGINE_PUT_END) {
        c->count = stress_chance(stress, 95) ? 1 : 0;
    } else if (c->op == ENGINE_EXPORT) {
        c->export_.count = random_between(&stress->random, stress_chance(stress, 5) ? 0 : 1, 5);
    } else if (c->op == ENGINE_CANCEL) {
        c->target = random_between(&stress->random, 1, c->request);
    } else if (c->op == ENGINE_DELETE) {
        c->delete_.if_empty = stress_chance(stress, 30);
        c->delete_.force = stress_chance(stress, 50);
    }
}

static void on_queue(struct stress *stress, struct stress_holder *holder, enum engine_op op)
{
    struct engine_command c = stress_ask(stress, holder, op);
    if (op != ENGINE_CANCEL && stress_chance(stress, 50))
        c.queue = some_queue(stress);
    fill(stress, &c);
    if ((op == ENGINE_TASK_DONE || op == ENGINE_MOVE) && !some_number(stress, holder, &c))
        return;
    stress_step(stress, &c);
}

static void block(struct stress *stress, struct stress_holder *holder)
{
    struct engine_command c = {.op = ENGINE_OUTPUT_BLOCKED, .session = {holder->session}};
    c.blocked = stress_chance(stress, 40);
    coverage_fault(COVERAGE_OUTPUT_BLOCKED, c.blocked);
    stress->faults += c.blocked;
    stress_step(stress, &c);
}

void stress_receive(struct stress *stress, struct stress_holder *holder)
{
    struct engine_command c = {.op = ENGINE_RECEIVED, .session = {holder->session}, .receipt = holder->receipt};
    stress_step(stress, &c);
}

/* ---- sessions ------------------------------------------------------------------------------------------------------ */

/* A step with which the session of the holder ends: what it still waits for gets no answer. */
static void step_last(struct stress *stress, struct stress_holder *holder, uint64_t session,
                      const struct engine_command *command)
{
    stress->faults += holder->held_count > 0;
    coverage_fault(COVERAGE_SESSION_DIED, holder->held_count > 0);
    stress->ending = session;
    stress_step(stress, command);
    stress->ending = 0;
    for (uint32_t i = stress->open_count; i-- > 0;) {
        if (stress->open[i].session != session)
            continue;
        coverage_waited(stress->open[i].op, COVERAGE_SESSION_END);
        stress->open[i] = stress->open[--stress->open_count];
    }
    holder->held_count = 0;
    holder->receipt = 0;
}

void stress_ends(struct stress *stress, struct stress_holder *holder)
{
    struct engine_command end = {.op = ENGINE_SESSION_END, .session = {holder->session}};
    end.end.forget = !stress->plan.keeps && stress_chance(stress, 20);
    step_last(stress, holder, holder->session, &end);
}

/* The old session may still stand. */
void stress_reopen(struct stress *stress, struct stress_holder *holder)
{
    uint64_t old = holder->session;
    holder->session = stress->session_next++;
    holder->request_next = 1;
    struct engine_command c = stress_ask(stress, holder, ENGINE_SESSION_OPEN);
    c.queue = (struct engine_queue_ref){0};
    c.open.client[0] = (uint8_t)(holder - stress->holders + 1);
    step_last(stress, holder, old, &c);
    if (stress->plan.keeps)
        stress_again(stress, holder);
}

static void session_begins(struct stress *stress, struct stress_holder *holder)
{
    if (stress_chance(stress, 50))
        stress_ends(stress, holder);
    stress_reopen(stress, holder);
}

void stress_begins(struct stress *stress)
{
    struct stress_plan plan = stress->plan;
    stress->plan.refuses = stress->plan.lags = stress->plan.faults = false; /* not yet */
    for (uint32_t h = 0; h < STRESS_SESSIONS; h++)
        stress_reopen(stress, &stress->holders[h]);
    if (stress->plan.keeps)
        declare_kept(stress);
    stress->plan = plan;
}

/* ---- the choice ---------------------------------------------------------------------------------------------------- */

static void act_else(struct stress *stress, struct stress_holder *holder)
{
    static const enum engine_op rest[] = {
        ENGINE_MOVE,      ENGINE_MOVE,   ENGINE_CLOSE,  ENGINE_PAUSE,   ENGINE_PAUSE,  ENGINE_TASK_DONE,
        ENGINE_TASK_DONE, ENGINE_PEEK,   ENGINE_CANCEL, ENGINE_PURGE,   ENGINE_STAT,   ENGINE_PUT_END,
        ENGINE_REOPEN,    ENGINE_REOPEN, ENGINE_DELETE, ENGINE_EXPLAIN, ENGINE_EXPORT, ENGINE_MARK};
    enum engine_op op = rest[below(stress, sizeof rest / sizeof *rest)];
    if (op != ENGINE_DELETE || !stress->plan.keeps)
        on_queue(stress, holder, op);
}

void stress_act(struct stress *stress, struct stress_holder *holder)
{
    static const enum engine_op settles[] = {ENGINE_DONE, ENGINE_DONE, ENGINE_DONE,    ENGINE_NACK,
                                             ENGINE_NACK, ENGINE_NACK, ENGINE_RELEASE, ENGINE_TOUCH};
    uint32_t roll = below(stress, 100);
    if (roll < 13)
        forward(stress, holder);
    else if (roll < 31)
        put(stress, holder);
    else if (roll < 51)
        get(stress, holder);
    else if (roll < 58)
        join(stress, holder);
    else if (roll < 69)
        settle(stress, holder, settles[below(stress, sizeof settles / sizeof *settles)]);
    else if (roll < 72)
        session_begins(stress, holder);
    else if (roll < 75)
        declare(stress, holder, stress_chance(stress, 60) ? ENGINE_DECLARE : ENGINE_ALTER);
    else if (roll < 78)
        stress_receive(stress, holder);
    else if (roll < 82)
        producer(stress, holder, stress_chance(stress, 50) ? ENGINE_ATTACH : ENGINE_FINISH);
    else if (roll < 84)
        block(stress, holder);
    else if (roll < 86 && stress->plan.keeps)
        stress_repeat(stress, holder);
    else
        act_else(stress, holder);
}
