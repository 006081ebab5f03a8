/* SPDX-License-Identifier: Apache-2.0 */
/* Random commands about queues as a whole. */
#include "generate.h"
#include "pick.h"

/* A queue that made itself is declared only in ways whose outcome the contract settles. */
static void declare_undeclared(const struct model_queue *queue, struct engine_command *c)
{
    bool lived = queue->producer_count || queue->closed || queue->seq_next > 1;
    if (lived) {
        c->declare.options.durable = false;
        c->declare.options.producers = 0;
    }
}

static void make_declare(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_DECLARE, session->id);
    const struct model_queue *queue = pick_queue(sim, command, PICK_ANY);
    struct engine_command *c = &command->command;
    sim_request(sim, command);
    c->queue.incarnation = 0;
    c->declare.existing_ok = pick_chance(sim, 20);
    pick_options(sim, queue, &c->declare.options);
    if (queue && queue->declared && pick_chance(sim, 50))
        c->declare.options = queue->as_declared;
    if (queue && !queue->declared)
        declare_undeclared(queue, c);
}

/* A missing queue is mostly declared before somebody makes it by using it. */
void generate_missing(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->profile.queues && sim->command_count < SIM_COMMANDS_MAX; i++) {
        struct sim_session *session = pick_session(sim);
        if (!session || model_named(sim->model, pick_name(i).data) != SIZE_MAX || pick_chance(sim, 50))
            continue;
        struct sim_command *command = sim_command(sim, ENGINE_DECLARE, session->id);
        command->command.queue.name = pick_name(i);
        sim_request(sim, command);
        pick_options(sim, NULL, &command->command.declare.options);
    }
}

static void make_delete(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_DELETE, session->id);
    const struct model_queue *queue = pick_queue(sim, command, PICK_CLOSED);
    if (queue && !queue->closed && pick_chance(sim, 60)) {
        sim->command_count--;
        return;
    }
    sim_request(sim, command);
    command->command.delete_.if_empty = pick_chance(sim, 30);
    command->command.delete_.force = pick_chance(sim, 50);
}

static void make_close(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_CLOSE, session->id);
    pick_queue(sim, command, pick_chance(sim, 60) ? PICK_MINE : PICK_OPEN);
    sim_request(sim, command);
    command->command.close.after_mine = pick_chance(sim, 50);
    command->command.close.immediate = pick_chance(sim, 30);
}

static void make_on_queue(struct sim *sim, struct sim_session *session, enum engine_op op)
{
    struct sim_command *command = sim_command(sim, op, session->id);
    const struct model_queue *queue = pick_queue(sim, command,
                                                 op == ENGINE_TASK_DONE ? PICK_COUNTER
                                                 : op == ENGINE_REOPEN  ? PICK_CLOSED
                                                                        : PICK_ANY);
    struct engine_command *c = &command->command;
    sim_request(sim, command);
    if (op == ENGINE_JOIN)
        c->join.timeout_ns = pick_timeout(sim);
    else if (op == ENGINE_PEEK)
        c->count = pick_chance(sim, 3) ? (pick_chance(sim, 50) ? 0 : ENGINE_BATCH_MAX + 1) : pick_between(sim, 1, 10);
    else if (op == ENGINE_TASK_DONE && queue && queue->tasks && pick_chance(sim, 90))
        c->count = pick_between(sim, 1, (uint32_t)queue->tasks);
    else if (op == ENGINE_TASK_DONE)
        c->count = pick_between(sim, 1, 4);
    if (op == ENGINE_TASK_DONE)
        pick_once(sim, session, c);
}

static void make_list(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_LIST, session->id);
    sim_request(sim, command);
    command->command.list.max = pick_chance(sim, 50) ? ENGINE_LIST_MAX : pick_between(sim, 1, 3);
    command->command.list.after =
        pick_chance(sim, 50) ? 0 : sim->model->config.incarnation_first + pick_between(sim, 0, 20);
}

static void make_pause(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_PAUSE, session->id);
    const struct model_queue *queue = pick_queue(sim, command, PICK_ANY);
    sim_request(sim, command);
    command->command.pause.puts = pick_chance(sim, 55);
    command->command.pause.gets = pick_chance(sim, 55);
    command->command.pause.resume = pick_chance(sim, queue && queue->paused ? 85 : 20);
}

/* Some of the options, mostly such as can be altered. */
static void make_alter(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_ALTER, session->id);
    const struct model_queue *queue = pick_queue(sim, command, PICK_ANY);
    struct engine_command *c = &command->command;
    sim_request(sim, command);
    pick_options(sim, queue, &c->declare.options);
    for (uint32_t i = 0; i < ENGINE_OPTION_COUNT; i++)
        c->declare.given |= pick_chance(sim, 30) ? 1u << i : 0;
    if (pick_chance(sim, 90))
        c->declare.given &= ~(1u << ENGINE_OPTION_ORDER | 1u << ENGINE_OPTION_ACCOUNTING | 1u << ENGINE_OPTION_DURABLE);
}

void generate_on_queue(struct sim *sim, struct sim_session *session, enum engine_op op)
{
    switch (op) {
    case ENGINE_DECLARE:
        make_declare(sim, session);
        break;
    case ENGINE_DELETE:
        make_delete(sim, session);
        break;
    case ENGINE_CLOSE:
        make_close(sim, session);
        break;
    case ENGINE_LIST:
        make_list(sim, session);
        break;
    case ENGINE_PAUSE:
        make_pause(sim, session);
        break;
    case ENGINE_ALTER:
        make_alter(sim, session);
        break;
    default:
        make_on_queue(sim, session, op);
        break;
    }
}
