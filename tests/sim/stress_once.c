/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered requests of a stress round: what has no answer is sent again by whoever comes back, and in the end as much has happened as
 * was told, no more and no less. */
/* proves: ONE-1 ONE-2 */
#include "sim.h"
#include "stress.h"
#include <string.h>

/* Only the last queue is in memory, and what concerns it alone is gone with a crash. */
static bool in_memory(const struct stress_sent *sent)
{
    const struct engine_command *c = &sent->command;
    uint32_t last = STRESS_QUEUES - 1;
    bool memory = stress_queue_index(c->queue.name) == last;
    if (c->op == ENGINE_MOVE)
        memory &= stress_queue_index(c->move.to.name) == last;
    for (uint32_t i = 0; c->op == ENGINE_FORWARD && i < c->forward.target_count; i++)
        memory = (i == 0 || memory) && stress_queue_index(sent->targets[i].name) == last;
    return memory;
}

static void keep(struct stress_sent *sent, const struct engine_command *command)
{
    sent->command = *command;
    if (command->op == ENGINE_PUT)
        sent->counts[0] = command->put.count;
    if (command->op != ENGINE_FORWARD)
        return;
    for (uint32_t i = 0; i < command->forward.target_count; i++) {
        sent->counts[i] = command->forward.targets[i].count;
        sent->targets[i] = command->forward.targets[i].queue;
    }
    for (uint32_t i = 0; i < command->forward.done.count; i++)
        sent->ranges[i] = command->forward.done.item[i];
}

/* Gives it the next number of a slot that is free. False: there is none. */
bool stress_number(struct stress *stress, struct stress_holder *holder, struct engine_command *command)
{
    uint32_t at = random_below(&stress->random, STRESS_SLOTS);
    struct stress_slot *slot = &holder->slots[at];
    if (slot->open)
        return false;
    command->once = (struct engine_once){++slot->number, at};
    slot->open = true;
    slot->changed = false;
    keep(&slot->sent, command);
    struct stress_open *open = &stress->open[stress->open_count - 1];
    JQ_ASSERT(open->request == command->request);
    open->number = slot->number;
    open->slot = at;
    return true;
}

/* The same request with the same number, by another session and with its bodies anew. */
static void send(struct stress *stress, struct stress_holder *holder, uint32_t at)
{
    struct stress_slot *slot = &holder->slots[at];
    struct engine_command c = stress_ask(stress, holder, slot->sent.command.op);
    struct engine_session_id session = c.session;
    uint32_t request = c.request;
    c = slot->sent.command;
    c.session = session;
    c.request = request;
    if (c.op == ENGINE_PUT) {
        stress_bodies(stress, 0, c.put.count);
        c.put.bodies = stress->bodies[0];
    }
    for (uint32_t i = 0; c.op == ENGINE_FORWARD && i < c.forward.target_count; i++) {
        stress->targets[i] = (struct engine_target){.queue = slot->sent.targets[i],
                                                    .bodies = stress->bodies[i],
                                                    .count = stress_bodies(stress, i, slot->sent.counts[i])};
        c.forward.targets = stress->targets;
    }
    if (c.op == ENGINE_FORWARD)
        c.forward.done.item = slot->sent.ranges;
    slot->open = true;
    stress->open[stress->open_count - 1].number = slot->number;
    stress->open[stress->open_count - 1].slot = at;
    stress_step(stress, &c);
}

void stress_again(struct stress *stress, struct stress_holder *holder)
{
    for (uint32_t i = 0; i < STRESS_SLOTS && !stress->wrong; i++)
        if (holder->slots[i].open)
            send(stress, holder, i);
}

void stress_repeat(struct stress *stress, struct stress_holder *holder)
{
    uint32_t at = random_below(&stress->random, STRESS_SLOTS);
    struct stress_slot *slot = &holder->slots[at];
    if (slot->number && !slot->open && (slot->changed || slot->sent.command.op == ENGINE_PUT))
        send(stress, holder, at);
}

/* ---- what is told -------------------------------------------------------------------------------------------------- */

static void tell(struct stress *stress, const struct stress_slot *slot, uint64_t count)
{
    const struct engine_command *c = &slot->sent.command;
    uint32_t queue = stress_queue_index(c->queue.name);
    if (stress->verbose)
        printf("    told: s%llu #%u, number %llu, %llu\n", (unsigned long long)c->session.value, c->request,
               (unsigned long long)slot->number, (unsigned long long)count);
    if (c->op == ENGINE_PUT)
        stress->told[queue].put += count;
    else if (c->op == ENGINE_MOVE)
        stress->told[queue].moved_out += count;
    else if (c->op == ENGINE_TASK_DONE)
        stress->told[queue].task_done += c->count;
    for (uint32_t i = 0; c->op == ENGINE_FORWARD && i < c->forward.target_count; i++)
        stress->told[stress_queue_index(slot->sent.targets[i].name)].put += slot->sent.counts[i];
}

static bool changed(enum engine_op op, int code, uint64_t count)
{
    return op == ENGINE_PUT || op == ENGINE_MOVE ? count > 0 : code == JQ_OK;
}

static struct stress_holder *holder_of(struct stress *stress, uint64_t session)
{
    for (uint32_t h = 0; h < STRESS_SESSIONS; h++)
        if (stress->holders[h].session == session)
            return &stress->holders[h];
    return NULL;
}

void stress_arrives(struct stress *stress, const struct stress_arrival *arrival)
{
    const struct stress_open *open = &arrival->open;
    struct stress_holder *holder = holder_of(stress, open->session);
    if (open->op == ENGINE_DONE && open->queue < STRESS_QUEUES)
        stress->told[open->queue].done += arrival->count;
    if (!holder || !open->number || !stress->plan.keeps)
        return;
    struct stress_slot *slot = &holder->slots[open->slot];
    if (!slot->open || slot->number != open->number)
        stress_wrong(stress, "ONE-1: a number that has its answer gets another one");
    slot->open = false;
    if (slot->changed && slot->answered == open->number) {
        coverage_fault(COVERAGE_KEPT, 1);
        if (slot->count != arrival->count)
            stress_wrong(stress, "ONE-1: the kept answer is not the one that was given");
        return;
    }
    slot->answered = open->number;
    slot->count = arrival->count;
    slot->changed = changed(open->op, arrival->code, arrival->count);
    if (slot->changed)
        tell(stress, slot, arrival->count);
}

void stress_told_crash(struct stress *stress)
{
    stress->told[STRESS_QUEUES - 1] = (struct stress_told){0};
    for (uint32_t h = 0; h < STRESS_SESSIONS; h++)
        for (uint32_t i = 0; i < STRESS_SLOTS; i++)
            if (in_memory(&stress->holders[h].slots[i].sent))
                stress->holders[h].slots[i].changed = false;
}

/* Nothing waits any more, and all answers have arrived. */
void stress_told_all(struct stress *stress)
{
    for (uint32_t q = 0; q < STRESS_QUEUES && stress->plan.keeps; q++) {
        const struct stress_told *told = &stress->told[q];
        const struct engine_stat *stat = &stress->stats[q];
        if (stress->verbose)
            printf("%s: put %llu told %llu, moved out %llu told %llu, task_done %llu told %llu\n", stress_names[q],
                   (unsigned long long)stat->put, (unsigned long long)told->put, (unsigned long long)stat->moved_out,
                   (unsigned long long)told->moved_out, (unsigned long long)stat->task_done,
                   (unsigned long long)told->task_done);
        if (q == STRESS_QUEUES - 1 && stress->crashes)
            continue; /* it was in memory, and what was kept of its part in something with others tells of before */
        if (stat->put != told->put || stat->moved_out != told->moved_out || stat->task_done != told->task_done)
            stress_wrong(stress, "ONE-1: what was told is not what happened");
        if (stat->options.accounting == ENGINE_LEASE && stat->done < told->done)
            stress_wrong(stress, "RST-2: what was finished has come back");
    }
}
