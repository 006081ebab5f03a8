/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the engine and the time between them. It knows neither verbs nor expectations. */
#include "world.h"

#include "fault.h"
#include <inttypes.h>
#include <stdlib.h>

enum { STEPS_MAX = 100000 /* that one act may take: more is an engine that never comes to rest */ };

static size_t engine_call(struct world *world, const struct engine_command *commands, size_t count, bool watched)
{
    bool failed = false;
    if (watched)
        fault_begin(world->fail_at > world->allocations ? world->fail_at - world->allocations : 0);
    size_t taken = engine_step(world->engine, world->now, commands, count, &world->effects);
    if (watched)
        world->allocations += fault_end(&failed);
    world->failed = world->failed || failed;
    engine_check(world->engine);
    return taken;
}

/* Sessions that the engine does not know yet are opened in the same step, ahead of the commands. */
static size_t fresh_sessions(struct world *world, struct engine_command *out)
{
    size_t count = 0;
    for (struct session *session = world->sessions; session; session = session->next) {
        if (!session->fresh)
            continue;
        if (out)
            out[count] = (struct engine_command){.op = ENGINE_SESSION_OPEN, .session = session->id};
        session->fresh = out ? false : true;
        count++;
    }
    return count;
}

/* Without memory the get is answered otherwise. */
static void unread_step(struct world *world, const struct engine_command *command, bool watched)
{
    uint64_t fail_at = world->fail_at;
    bool failed = world->failed;
    if (world->short_of_memory)
        world->fail_at = world->allocations + 1;
    world_step(world, command, 1, watched);
    if (!world->short_of_memory)
        world->astray = world->astray || (world->failed && !failed);
    else if (!failed)
        world->failed = false;
    world->fail_at = fail_at;
}

void world_step(struct world *world, const struct engine_command *commands, size_t count, bool watched)
{
    size_t fresh = fresh_sessions(world, NULL);
    struct engine_command *all = must_alloc((fresh + count) * sizeof(*all));
    (void)fresh_sessions(world, all);
    for (size_t i = 0; i < count; i++)
        all[fresh + i] = commands[i];
    size_t done = 0;
    for (int calls = 0; calls == 0 || done < fresh + count; calls++) {
        done += engine_call(world, all + done, fresh + count - done, watched);
        world_carry_out(world, watched);
        if (calls == STEPS_MAX) {
            world_problem(world, "the engine does not take its commands");
            break;
        }
    }
    free(all);
    if (!world->disk_waits)
        world_disk_answers(world, watched);
}

void world_disk_answers(struct world *world, bool watched)
{
    world->disk_waits = false;
    for (struct engine_command command; world_unread(world, &command);)
        unread_step(world, &command, watched);
}

static void settle(struct world *world)
{
    for (int steps = 0; engine_next(world->engine) <= world->now && !world_broken(world); steps++) {
        world_step(world, NULL, 0, true);
        if (steps == STEPS_MAX)
            world_problem(world, "engine_next asks for a step again and again");
    }
}

void world_settle(struct world *world)
{
    if (!world->by_hand)
        settle(world);
}

void world_pass(struct world *world, uint64_t time, bool late)
{
    if (time < world->now) {
        world_problem(world, "time does not go back");
        return;
    }
    for (uint64_t next; !late && (next = engine_next(world->engine)) <= time && !world_broken(world);) {
        if (next <= world->now && world->by_hand)
            break;
        world->now = next > world->now ? next : world->now;
        world_step(world, NULL, 0, true);
        world_settle(world);
    }
    world->now = time;
    if (late) {
        world_step(world, NULL, 0, true);
        world_settle(world);
    }
}

void world_sync(struct world *world)
{
    struct said *said = world->held.first;
    journal_memory_sync(world->journal);
    world->held = (struct said_list){0};
    while (said) {
        struct said *next = said->next;
        if (said->session->live) {
            said->time = world->now;
            said_add(&world->said, said);
            if (said->request)
                said->request->held = false;
        }
        said = next;
    }
}

void world_journal_accepts(struct world *world, bool accepts)
{
    const struct engine_command command = {.op = ENGINE_JOURNAL, .journal_accepts = accepts};
    journal_memory_refuse(world->journal, !accepts);
    world_step(world, &command, 1, true);
    world_settle(world);
}

void world_journal_full(struct world *world)
{
    const struct engine_command command = {.op = ENGINE_JOURNAL, .journal_accepts = true, .journal_full = true};
    journal_memory_refuse(world->journal, false);
    world_step(world, &command, 1, true);
    world_settle(world);
}

static void end_sessions(struct world *world)
{
    for (struct session *session = world->sessions; session; session = session->next) {
        const struct engine_command command = {.op = ENGINE_SESSION_END, .session = session->id};
        if (!session->live || session == world->monitor)
            continue;
        session->fresh = false; /* if the engine does not know it, there is nothing to end */
        world_step(world, &command, 1, true);
        world_end(session);
    }
}

static void check_empty(struct world *world)
{
    struct engine_totals totals;
    engine_totals(world->engine, &totals);
    if (totals.sessions != 1 || totals.queues || totals.waiters || totals.messages || totals.leases || totals.clients)
        world_problem(world,
                      "left in the engine when all is over: sessions %" PRIu64 ", queues %" PRIu64 ", waiters %" PRIu64
                      ", messages %" PRIu64 ", leases %" PRIu64,
                      totals.sessions - 1, totals.queues, totals.waiters, totals.messages, totals.leases);
    if (world->bodies.held)
        world_problem(world, "%" PRIu64 " bodies are never released", world->bodies.held);
    if (engine_next(world->engine) != ENGINE_FOREVER)
        world_problem(world, "engine_next wants a step of an empty engine");
}

void world_close(struct world *world)
{
    world->by_hand = false;
    world->deferred = false;
    if (!journal_accepts(world->journal))
        world_journal_accepts(world, true);
    end_sessions(world);
    settle(world);
    monitor_delete_all(world);
    settle(world);
    world_pass(world, world->now + WORLD_CLIENT_FORGET, false); /* what was kept for clients goes, too */
    journal_memory_sync(world->journal);
    if (!world_broken(world))
        check_empty(world);
}
