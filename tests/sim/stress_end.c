/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a stress round. The workload stops and holders end or finish; then one worker takes what there is, and every request that
 * still waits must be answered by that: a put, since room comes; a join, since all is finished; a close, since the puts before it are
 * answered. A get alone may still wait, for a put; when all is closed, it ends. */
/* proves: END-1 FLW-1 JON-2 */
#include "sim.h"
#include "stress.h"

enum { ROUNDS = 40 };

static struct engine_command on(struct stress *stress, struct stress_holder *holder, enum engine_op op, uint32_t queue)
{
    struct engine_command c = stress_ask(stress, holder, op);
    c.queue = stress_queue(queue);
    return c;
}

/* Gets and finishes what is there. */
static void work(struct stress *stress, struct stress_holder *holder, uint32_t queue)
{
    struct engine_command c = on(stress, holder, ENGINE_GET, queue);
    c.get.max = ENGINE_BATCH_MAX;
    c.get.auto_ = true;
    stress_step(stress, &c);
    stress_receive(stress, holder);
    stress_look(stress);
    if (!stress->tasks[queue])
        return;
    c = on(stress, holder, ENGINE_TASK_DONE, queue);
    c.count = (uint32_t)stress->tasks[queue];
    stress->told[queue].task_done += c.count;
    stress_step(stress, &c);
}

/* All that its session may still hold. */
static void finish_held(struct stress *stress, struct stress_holder *holder)
{
    while (holder->held_count && !stress->wrong) {
        struct engine_command c = stress_ask(stress, holder, ENGINE_DONE);
        stress->ranges[0] = holder->held[--holder->held_count];
        c.settle.ranges = (struct engine_ranges){stress->ranges, 1};
        stress_step(stress, &c);
    }
    stress_receive(stress, holder);
}

static void for_each(struct stress *stress, struct stress_holder *holder, enum engine_op op)
{
    for (uint32_t q = 0; q < STRESS_QUEUES; q++) {
        struct engine_command c = on(stress, holder, op, q);
        if (op == ENGINE_PAUSE)
            c.pause.puts = c.pause.gets = c.pause.resume = true;
        if (op == ENGINE_DELETE)
            c.delete_.force = true;
        stress_step(stress, &c);
    }
}

/* No more faults; and of those that hold something, half end. */
static void stop(struct stress *stress)
{
    stress->plan.refuses = stress->plan.lags = stress->plan.faults = false;
    for (uint32_t h = 0; h < STRESS_SESSIONS && !stress->wrong; h++) {
        struct stress_holder *holder = &stress->holders[h];
        struct engine_command c = {.op = ENGINE_OUTPUT_BLOCKED, .session = {holder->session}};
        stress_step(stress, &c);
        if (holder->held_count && stress_chance(stress, 50))
            stress_reopen(stress, holder);
    }
}

static void check_gets_wait(struct stress *stress)
{
    for (uint32_t i = 0; i < stress->open_count; i++)
        if (stress->open[i].op != ENGINE_GET)
            stress_wrong(stress, "a request waits for what can no longer happen");
}

static void check_bodies(struct stress *stress)
{
    for (uint32_t chunk = 0; chunk < stress->chunk_next; chunk++)
        if (stress->given[chunk] != stress->released[chunk])
            stress_wrong(stress, "a body was never released");
}

void stress_drain(struct stress *stress)
{
    struct stress_holder *last = &stress->holders[0];
    stop(stress);
    for_each(stress, last, ENGINE_PAUSE);
    for (uint32_t round = 0; round < ROUNDS && !stress->wrong; round++) {
        stress->now += 5 * (uint64_t)STRESS_MS;
        for (uint32_t h = 0; h < STRESS_SESSIONS; h++)
            finish_held(stress, &stress->holders[h]);
        for (uint32_t q = 0; q < STRESS_QUEUES && !stress->wrong; q++)
            work(stress, last, q);
    }
    check_gets_wait(stress);
    for_each(stress, last, ENGINE_CLOSE);
    if (stress->open_count)
        stress_wrong(stress, "a get waits though all queues have ended");
    stress_look(stress);
    if (stress->arrival_count)
        stress_wrong(stress, "an answer waits for a journal that has all");
    stress_told_all(stress);
    if (!stress->wrong)
        stress_restart(stress);
    for_each(stress, last, ENGINE_DELETE);
    check_bodies(stress);
}
