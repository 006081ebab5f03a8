/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a history: all sessions but one end, that one takes and finishes everything, and then nothing may be left: no request that
 * waits for what can no longer happen, no message, no body. */
#include "coverage.h"
#include "sim.h"
#include <inttypes.h>

enum { ROUNDS_MAX = 20000 };

static void run(struct sim *sim)
{
    sim_run(sim, true);
    journal_memory_sync(sim->journal);
    heard_leave(sim);
    sim->command_count = 0;
}

static struct sim_command *on_queue(struct sim *sim, enum engine_op op, uint64_t session,
                                    const struct model_queue *queue)
{
    struct sim_command *command = sim_command(sim, op, session);
    sim_request(sim, command);
    command->command.queue.name = (struct engine_text){queue->name, (uint32_t)__builtin_strlen(queue->name)};
    return command;
}

/* Ends every session but one, which it returns. */
static struct sim_session *survivor(struct sim *sim)
{
    struct sim_session *last = NULL;
    for (uint32_t i = 0; i < SIM_SESSIONS; i++) {
        struct sim_session *session = &sim->sessions[i];
        if (!session->id || session->id == SIM_OBSERVER)
            continue;
        if (!last && model_session(sim->model, session->id)) {
            last = session;
            continue;
        }
        sim_command(sim, ENGINE_SESSION_END, session->id);
        run(sim);
        session->id = 0;
        session->held_count = 0;
    }
    if (!last) {
        last = &sim->sessions[0];
        *last = (struct sim_session){
            .id = sim->session_next++, .request_next = 1, .held = last->held, .held_capacity = last->held_capacity};
        sim_command(sim, ENGINE_SESSION_OPEN, last->id);
    }
    sim_command(sim, ENGINE_OUTPUT_BLOCKED, last->id)->command.blocked = false;
    run(sim);
    return last;
}

static void restore_journal(struct sim *sim)
{
    if (!sim->accepts)
        journal_memory_refuse(sim->journal, false);
    if (!sim->accepts_told)
        sim_command(sim, ENGINE_JOURNAL, SIM_OBSERVER)->command.journal_accepts = true;
    sim->accepts_told = true;
    run(sim);
}

/* ---- finishing ----------------------------------------------------------------------------------------------------- */

static void done_with_leases(struct sim *sim, uint64_t session, const struct model_queue *queue)
{
    struct sim_command *command = NULL;
    struct engine_ranges *ranges = NULL;
    uint32_t total = 0;
    for (size_t i = 0; i < queue->count; i++) {
        const struct model_message *message = &queue->messages[i];
        if (message->state != MODEL_LEASED || message->session != session)
            continue;
        if (!command) {
            command = sim_command(sim, ENGINE_DONE, session);
            sim_request(sim, command);
            ranges = &command->command.settle.ranges;
            ranges->item = command->ranges[0];
        }
        struct engine_range *last = ranges->count ? &command->ranges[0][ranges->count - 1] : NULL;
        if (++total > ENGINE_SETTLE_MAX)
            break;
        if (last && last->attempt == message->attempt && last->first + last->count == message->seq)
            last->count++;
        else if (ranges->count < SIM_RANGES_MAX)
            command->ranges[0][ranges->count++] =
                (struct engine_range){queue->incarnation, message->seq, 1, message->attempt};
        else
            break;
    }
    if (command)
        run(sim);
}

/* The model's array of queues moves when one is made, but none is made here. */
static void work_on(struct sim *sim, uint64_t session, const struct model_queue *queue)
{
    struct sim_command *command = on_queue(sim, ENGINE_GET, session, queue);
    command->command.get.max = ENGINE_BATCH_MAX;
    command->command.get.final = true;
    run(sim);
    done_with_leases(sim, session, queue);
    sim_command(sim, ENGINE_RECEIVED, session)->command.receipt = model_session(sim->model, session)->receipts;
    run(sim);
    if (queue->options.accounting != ENGINE_COUNTER || !queue->tasks)
        return;
    on_queue(sim, ENGINE_TASK_DONE, session, queue)->command.count = (uint32_t)queue->tasks;
    run(sim);
}

static bool finished(const struct sim *sim, const struct model_queue *queue)
{
    bool tasks = queue->options.accounting == ENGINE_COUNTER && queue->tasks;
    for (size_t i = 0; i < sim->model->wait_count; i++) {
        enum engine_op op = sim->model->waits[i].op;
        bool on = &sim->model->queues[sim->model->waits[i].queue] == queue;
        if (on && (op == ENGINE_PUT || op == ENGINE_FINISH || op == ENGINE_CLOSE || op == ENGINE_JOIN))
            return false;
    }
    for (size_t i = 0; i < queue->count; i++)
        if (!queue->messages[i].sentinel || queue->messages[i].state == MODEL_RECEIPT)
            return false;
    return !tasks;
}

static bool all_finished(const struct sim *sim)
{
    for (size_t q = 0; q < sim->model->queue_count; q++)
        if (sim->model->queues[q].live && !finished(sim, &sim->model->queues[q]))
            return false;
    return true;
}

static void finish_all(struct sim *sim, uint64_t session)
{
    uint32_t rounds = 0;
    while (!all_finished(sim) && !sim->failed && rounds++ < ROUNDS_MAX) {
        uint64_t next = model_next(sim->model);
        if (next != ENGINE_FOREVER && next > sim->now)
            sim->now = next;
        for (size_t q = 0; q < sim->model->queue_count && !sim->failed; q++)
            if (sim->model->queues[q].live && !finished(sim, &sim->model->queues[q]))
                work_on(sim, session, &sim->model->queues[q]);
    }
    if (!all_finished(sim))
        sim_fail(sim, "one session alone cannot finish everything");
}

static void for_each_queue(struct sim *sim, enum engine_op op, uint64_t session)
{
    for (size_t q = 0; q < sim->model->queue_count && !sim->failed; q++) {
        if (!sim->model->queues[q].live)
            continue;
        struct sim_command *command = on_queue(sim, op, session, &sim->model->queues[q]);
        if (op == ENGINE_JOIN)
            command->command.join.timeout_ns = ENGINE_FOREVER;
        if (op == ENGINE_GET)
            command->command.get.max = 1;
        if (op == ENGINE_PAUSE)
            command->command.pause.puts = command->command.pause.gets = command->command.pause.resume = true;
        if (op == ENGINE_DELETE)
            command->command.delete_.force = true;
        run(sim);
    }
}

/* ---- nothing is left ----------------------------------------------------------------------------------------------- */

static void check_nothing_waits(struct sim *sim)
{
    struct engine_totals totals;
    engine_totals(sim->engine, &totals);
    if (sim->request_count || totals.waiters)
        sim_fail(sim, "%zu requests (engine: %" PRIu64 ") wait for what can no longer happen", sim->request_count,
                 totals.waiters);
}

static void check_nothing_left(struct sim *sim)
{
    struct engine_totals totals;
    engine_totals(sim->engine, &totals);
    if (totals.queues || totals.messages || totals.leases || totals.waiters || totals.sessions != 1)
        sim_fail(sim,
                 "left over: %" PRIu64 " queues, %" PRIu64 " messages, %" PRIu64 " leases, %" PRIu64
                 " waiters, %" PRIu64 " sessions",
                 totals.queues, totals.messages, totals.leases, totals.waiters, totals.sessions);
    for (size_t i = 0; i < sim->model->chunk_count; i++) {
        const struct model_chunk *chunk = &sim->model->chunks[i];
        uint64_t released = i < sim->chunk_count ? sim->chunks[i].released : 0;
        if (released != chunk->given)
            sim_fail(sim, "%" PRIu64 " of %" PRIu64 " bodies of chunk %zu were never released", chunk->given - released,
                     chunk->given, i);
    }
}

void drain(struct sim *sim)
{
    coverage_fault(COVERAGE_KEPT, sim->model->kept);
    coverage_fault(COVERAGE_EXPIRED, sim->model->expired);
    coverage_fault(COVERAGE_DEAD, sim->model->dead);
    coverage_fault(COVERAGE_LETTERS, sim->model->letters);
    sim->command_count = 0;
    sim->profile.faults = false;
    run(sim);
    restore_journal(sim);
    struct sim_session *last = survivor(sim);
    for_each_queue(sim, ENGINE_PAUSE, last->id);
    for_each_queue(sim, ENGINE_JOIN, SIM_OBSERVER);
    if (!sim->failed)
        finish_all(sim, last->id);
    for_each_queue(sim, ENGINE_CLOSE, last->id);
    for_each_queue(sim, ENGINE_GET, last->id);
    if (!sim->failed)
        check_nothing_waits(sim);
    for_each_queue(sim, ENGINE_DELETE, last->id);
    sim_command(sim, ENGINE_SESSION_END, last->id);
    run(sim);
    last->id = 0;
    if (!sim->failed)
        check_nothing_left(sim);
}
