/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a history: the workload stops and holders end; those who only wait stay. A worker takes and finishes everything, so that room
 * comes for each put, each join is reached and each close takes effect; when all is closed, each get has its end. Then nothing may be left:
 * no request that waits for what can no longer happen, no message, no body. */
#include "coverage.h"
#include "model_internal.h"
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

static bool holds(const struct sim *sim, uint64_t session)
{
    for (size_t q = 0; q < sim->model->queue_count; q++)
        for (size_t i = 0; i < sim->model->queues[q].count; i++) {
            const struct model_message *message = &sim->model->queues[q].messages[i];
            bool out = message->state == MODEL_LEASED || message->state == MODEL_RECEIPT;
            if (out && message->session == session)
                return true;
        }
    return false;
}

/* The workload stops: sessions that hold something end, and the one whose place the worker takes. Those that only wait stay. */
static struct sim_session *worker(struct sim *sim)
{
    for (uint32_t i = 0; i < SIM_SESSIONS; i++) {
        struct sim_session *session = &sim->sessions[i];
        if (!session->id || session->id == SIM_OBSERVER)
            continue;
        if (i && model_session(sim->model, session->id) && !holds(sim, session->id)) {
            sim_command(sim, ENGINE_OUTPUT_BLOCKED, session->id)->command.blocked = false;
            run(sim);
            continue;
        }
        sim_command(sim, ENGINE_SESSION_END, session->id);
        if (!sim->profile.big) /* else slices are left over */
            sim_observe(sim);  /* what was given back, and in which order */
        run(sim);
        session->id = 0;
        session->held_count = 0;
    }
    struct sim_session *last = &sim->sessions[0];
    *last = (struct sim_session){
        .id = sim->session_next++, .request_next = 1, .held = last->held, .held_capacity = last->held_capacity};
    sim_command(sim, ENGINE_SESSION_OPEN, last->id);
    run(sim);
    return last;
}

/* ---- why they wait --------------------------------------------------------------------------------------------------- */

static bool put_before(const struct model *model, size_t index, bool same_session)
{
    for (size_t i = 0; i < index; i++)
        if (model->waits[i].op == ENGINE_PUT && model->waits[i].queue == model->waits[index].queue &&
            (!same_session || model->waits[i].session == model->waits[index].session))
            return true;
    return false;
}

static bool any_message(const struct model_queue *queue, bool ready)
{
    for (size_t i = 0; i < queue->count; i++)
        if (ready ? queue->messages[i].state == MODEL_READY : !queue->messages[i].sentinel)
            return true;
    return false;
}

/* What would have to come for it, and still can. */
static bool has_reason(const struct model *model, size_t index)
{
    const struct model_wait *wait = &model->waits[index];
    const struct model_queue *queue = &model->queues[wait->queue];
    uint32_t least = wait->partial ? 1 : wait->count - wait->accepted;
    uint64_t bytes = wait->op == ENGINE_PUT && wait->partial ? wait->bodies[wait->accepted].length : wait->bytes;
    switch (wait->op) {
    case ENGINE_PUT: /* room, or a resume */
        return !queue->closed && ((queue->paused & ENGINE_PAUSED_PUTS) || put_before(model, index, false) ||
                                  !model_fits(queue, least, bytes));
    case ENGINE_GET: /* a message, or a resume, or the end */
        return (queue->paused & ENGINE_PAUSED_GETS) || !any_message(queue, true);
    case ENGINE_JOIN: /* that something is finished */
        return queue->options.accounting == ENGINE_COUNTER ? queue->tasks > 0 : any_message(queue, false);
    case ENGINE_CLOSE:
    case ENGINE_FINISH: /* the end of a put */
        return put_before(model, index, true);
    default:
        return false;
    }
}

static void check_reasons(struct sim *sim)
{
    for (size_t i = 0; i < sim->model->wait_count; i++)
        if (!has_reason(sim->model, i))
            sim_fail(sim, "request %u of session %" PRIu64 " waits without a reason", sim->model->waits[i].request,
                     sim->model->waits[i].session);
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

/* Those who wait get some of it, too, and finish it. */
static void others_finish(struct sim *sim, uint64_t worker)
{
    for (uint32_t i = 0; i < SIM_SESSIONS; i++) {
        uint64_t id = sim->sessions[i].id;
        if (!id || id == worker || id == SIM_OBSERVER || !model_session(sim->model, id) || !holds(sim, id))
            continue;
        for (size_t q = 0; q < sim->model->queue_count && !sim->failed; q++)
            if (sim->model->queues[q].live)
                done_with_leases(sim, id, &sim->model->queues[q]);
        sim_command(sim, ENGINE_RECEIVED, id)->command.receipt = model_session(sim->model, id)->receipts;
        run(sim);
    }
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
        others_finish(sim, session);
    }
    if (!all_finished(sim))
        sim_fail(sim, "one worker cannot finish everything: what waits still waits");
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

static void end_all(struct sim *sim)
{
    for (uint32_t i = 0; i < SIM_SESSIONS && !sim->failed; i++) {
        if (!sim->sessions[i].id || sim->sessions[i].id == SIM_OBSERVER)
            continue;
        sim_command(sim, ENGINE_SESSION_END, sim->sessions[i].id);
        run(sim);
        sim->sessions[i].id = 0;
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
    struct sim_session *last = worker(sim);
    check_reasons(sim);
    for_each_queue(sim, ENGINE_PAUSE, last->id);
    for_each_queue(sim, ENGINE_JOIN, SIM_OBSERVER);
    if (!sim->failed)
        finish_all(sim, last->id);
    for_each_queue(sim, ENGINE_CLOSE, last->id);
    for_each_queue(sim, ENGINE_GET, last->id);
    if (!sim->failed)
        check_nothing_waits(sim);
    for_each_queue(sim, ENGINE_DELETE, last->id);
    end_all(sim);
    if (!sim->failed)
        check_nothing_left(sim);
}
