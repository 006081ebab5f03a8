/* SPDX-License-Identifier: Apache-2.0 */
/* Random commands. They look into the model only to be to the point: to name what exists, mostly. */
#include "coverage.h"
#include "sim.h"
#include <string.h>

enum { BACKLOG_MAX = 6000 }; /* messages in a queue: a model that scans is slow with more */

static const char *const queue_names[SIM_QUEUES] = {"q0", "q1", "q2", "q3"};
static const char *const producer_names[] = {"p0", "p1", "p2", "p3", "p4"};

static bool chance(struct sim *sim, uint32_t percent)
{
    return random_chance(&sim->random, percent);
}

static uint32_t between(struct sim *sim, uint32_t low, uint32_t high)
{
    return random_between(&sim->random, low, high);
}

static struct engine_text text(const char *string)
{
    return (struct engine_text){.data = string, .size = (uint32_t)strlen(string)};
}

/* ---- what is chosen ------------------------------------------------------------------------------------------------ */

static struct sim_session *some_session(struct sim *sim)
{
    struct sim_session *live[SIM_SESSIONS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->profile.sessions; i++)
        if (sim->sessions[i].id)
            live[count++] = &sim->sessions[i];
    return count ? live[random_below(&sim->random, count)] : NULL;
}

static uint64_t some_timeout(struct sim *sim)
{
    static const uint32_t ms[] = {1, 1, 2, 3, 5, 10, 20};
    if (chance(sim, 35))
        return 0;
    if (chance(sim, 40))
        return ENGINE_FOREVER;
    return (uint64_t)ms[random_below(&sim->random, sizeof ms / sizeof *ms)] * SIM_MS;
}

static uint64_t some_delay(struct sim *sim, uint32_t percent)
{
    return chance(sim, percent) ? (uint64_t)between(sim, 1, 12) * SIM_MS : 0;
}

/* Names a queue: by its name alone, with its incarnation, or, at times, wrongly. */
static size_t choose_queue(struct sim *sim, struct sim_command *command)
{
    const char *name = queue_names[random_below(&sim->random, sim->profile.queues)];
    size_t q = model_named(sim->model, name);
    command->command.queue.name = text(chance(sim, 1) ? "not a name" : name);
    if (q != SIZE_MAX && chance(sim, 20))
        command->command.queue.incarnation = sim->model->queues[q].incarnation;
    else if (chance(sim, 3))
        command->command.queue.incarnation = sim->model->config.incarnation_first + between(sim, 0, 6);
    return q;
}

static const struct model_queue *queue_at(const struct sim *sim, size_t q)
{
    return q == SIZE_MAX ? NULL : &sim->model->queues[q];
}

/* ---- put and get --------------------------------------------------------------------------------------------------- */

static uint32_t some_count(struct sim *sim, uint32_t usual)
{
    if (sim->profile.big && chance(sim, 50))
        return between(sim, 1, ENGINE_BATCH_MAX);
    if (chance(sim, 1))
        return chance(sim, 50) ? 0 : ENGINE_BATCH_MAX + 1;
    return between(sim, 1, chance(sim, 60) ? 2 : usual);
}

static void make_bodies(struct sim *sim, struct sim_command *command, uint32_t count)
{
    uint32_t chunk = sim->chunk_next && chance(sim, 30) ? sim->chunk_next - 1 : sim->chunk_next++;
    struct model_chunk *given = model_chunk(sim->model, chunk);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = between(sim, 0, chance(sim, 5) ? 200 : 30);
        command->bodies[i] = (struct engine_body){chunk, (uint32_t)given->given_bytes, length};
        given->given++;
        given->given_bytes += length;
    }
}

/* Whether a get waits on the queue that a command names, or will. While slices are under way a put is not aimed at such a queue: whether
 * the get takes the message along with what comes back is left open. */
static bool get_waits(const struct sim *sim, const struct sim_command *command)
{
    const struct engine_text *name = &command->command.queue.name;
    for (size_t i = 0; i < sim->model->wait_count; i++)
        if (sim->model->waits[i].op == ENGINE_GET &&
            strncmp(sim->model->queues[sim->model->waits[i].queue].name, name->data, name->size) == 0)
            return true;
    for (uint32_t i = 0; i < sim->command_count; i++)
        if (sim->commands[i].command.op == ENGINE_GET && sim->commands[i].command.queue.name.data == name->data)
            return true;
    return false;
}

static void make_put(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_PUT, session->id);
    struct engine_command *c = &command->command;
    const struct model_queue *queue = queue_at(sim, choose_queue(sim, command));
    if ((queue && queue->count > BACKLOG_MAX) || (sim->loose && get_waits(sim, command))) {
        sim->command_count--;
        return;
    }
    sim_request(sim, command);
    c->put.count = some_count(sim, 6);
    c->put.bodies = command->bodies;
    c->put.partial = chance(sim, 40);
    c->put.timeout_ns = some_timeout(sim);
    c->put.delay_ns = some_delay(sim, 12);
    make_bodies(sim, command, c->put.count);
}

static void make_get(struct sim *sim, struct sim_session *session)
{
    const struct model_session *known = model_session(sim->model, session->id);
    if (sim->loose &&
        (!known || known->blocked)) /* whether it is a waiting get by then, to be passed over, is left open */
        return;
    struct sim_command *command = sim_command(sim, ENGINE_GET, session->id);
    struct engine_command *c = &command->command;
    choose_queue(sim, command);
    sim_request(sim, command);
    c->get.max = some_count(sim, 6);
    c->get.auto_ = chance(sim, 20);
    c->get.final = chance(sim, 30);
    c->get.timeout_ns = some_timeout(sim);
    if (!sim->loose && chance(sim, 30))
        generate_ranges(sim, session, command, 0, &c->get.done);
    if (!sim->loose && chance(sim, 12))
        generate_ranges(sim, session, command, 1, &c->get.release);
}

static void make_settle(struct sim *sim, struct sim_session *session, enum engine_op op)
{
    struct sim_command *command = sim_command(sim, op, session->id);
    sim_request(sim, command);
    generate_ranges(sim, session, command, 0, &command->command.settle.ranges);
    command->command.settle.delay_ns = op == ENGINE_NACK ? some_delay(sim, 40) : 0;
    command->command.settle.dead = op == ENGINE_NACK && chance(sim, 4);
}

static void make_received(struct sim *sim, struct sim_session *session)
{
    if (!sim->accepts) /* what becomes of a confirmation that cannot be recorded is not settled by the contract */
        return;
    struct sim_command *command = sim_command(sim, ENGINE_RECEIVED, session->id);
    uint64_t seen = session->receipt_seen;
    command->command.receipt = seen - (seen && chance(sim, 30) ? between(sim, 0, 1) : 0);
    size_t kept = 0;
    for (size_t i = 0; i < session->held_count; i++)
        if (!session->held[i].receipt || session->held[i].receipt > command->command.receipt)
            session->held[kept++] = session->held[i];
    session->held_count = kept;
}

static void make_put_end(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_PUT_END, session->id);
    size_t q = choose_queue(sim, command);
    if (sim->profile.refuses && q != SIZE_MAX && queue_at(sim, q)->options.durable) { /* see make_received */
        sim->command_count--;
        return;
    }
    sim_request(sim, command);
    command->command.count = chance(sim, 3) ? (chance(sim, 50) ? 0 : ENGINE_BATCH_MAX + 1) : between(sim, 1, 3);
}

/* ---- queues -------------------------------------------------------------------------------------------------------- */

static void choose_options(struct sim *sim, struct engine_queue_options *options)
{
    bool big = sim->profile.big;
    *options = (struct engine_queue_options){
        .max_messages = chance(sim, big ? 80 : 35) ? 0 : between(sim, 1, big ? 3000 : 7),
        .max_bytes = chance(sim, big ? 95 : 70) ? 0 : between(sim, 20, big ? 40000 : 150),
        .bound = chance(sim, 35) ? ENGINE_BOUND_OUTSTANDING : ENGINE_BOUND_QUEUED,
        .accounting = chance(sim, 25) ? ENGINE_COUNTER : ENGINE_LEASE,
        .producers = chance(sim, 20) ? between(sim, 1, 3) : 0,
        .durable = sim->profile.durable && chance(sim, 60),
    };
    if (chance(sim, options->accounting == ENGINE_COUNTER ? 5 : 35))
        options->lease_ms = between(sim, 1, 8);
}

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
    const struct model_queue *queue = queue_at(sim, choose_queue(sim, command));
    struct engine_command *c = &command->command;
    sim_request(sim, command);
    c->queue.incarnation = 0;
    c->declare.existing_ok = chance(sim, 20);
    choose_options(sim, &c->declare.options);
    if (queue && queue->declared && chance(sim, 50))
        c->declare.options = queue->options;
    if (queue && !queue->declared)
        declare_undeclared(queue, c);
}

static void make_delete(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_DELETE, session->id);
    const struct model_queue *queue = queue_at(sim, choose_queue(sim, command));
    if (queue && !queue->closed && chance(sim, 60)) {
        sim->command_count--;
        return;
    }
    sim_request(sim, command);
    command->command.delete_.if_empty = chance(sim, 30);
}

static void make_close(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_CLOSE, session->id);
    const struct model_queue *queue = queue_at(sim, choose_queue(sim, command));
    bool durable = queue && queue->options.durable;
    sim_request(sim, command);
    command->command.close.after_mine = chance(sim, 50);
    command->command.close.immediate = chance(sim, 30) && !(sim->profile.refuses && durable); /* see make_received */
}

static void make_on_queue(struct sim *sim, struct sim_session *session, enum engine_op op)
{
    struct sim_command *command = sim_command(sim, op, session->id);
    const struct model_queue *queue = queue_at(sim, choose_queue(sim, command));
    struct engine_command *c = &command->command;
    sim_request(sim, command);
    if (op == ENGINE_JOIN)
        c->join.timeout_ns = some_timeout(sim);
    else if (op == ENGINE_PEEK)
        c->count = chance(sim, 3) ? (chance(sim, 50) ? 0 : ENGINE_BATCH_MAX + 1) : between(sim, 1, 10);
    else if (op == ENGINE_TASK_DONE && queue && queue->tasks && chance(sim, 90))
        c->count = between(sim, 1, (uint32_t)queue->tasks);
    else if (op == ENGINE_TASK_DONE)
        c->count = between(sim, 1, 4);
    else if (op == ENGINE_LIST)
        c->list.max = between(sim, 1, ENGINE_LIST_MAX);
}

static void make_list(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_LIST, session->id);
    sim_request(sim, command);
    command->command.list.max = chance(sim, 50) ? ENGINE_LIST_MAX : between(sim, 1, 3);
    command->command.list.after = chance(sim, 50) ? 0 : sim->model->config.incarnation_first + between(sim, 0, 20);
}

/* ---- producers and cancel ------------------------------------------------------------------------------------------ */

static bool has_waiting_put(const struct sim *sim, uint64_t session)
{
    for (size_t i = 0; i < sim->model->wait_count; i++)
        if (sim->model->waits[i].session == session && sim->model->waits[i].op == ENGINE_PUT)
            return true;
    for (uint32_t i = 0; i < sim->command_count; i++)
        if (sim->commands[i].command.session.value == session && sim->commands[i].command.op == ENGINE_PUT)
            return true;
    return false;
}

static const char *own_name(const struct sim *sim, uint64_t session, size_t q)
{
    const struct model_queue *queue = queue_at(sim, q);
    for (size_t i = 0; queue && i < queue->producer_count; i++)
        for (size_t n = 0; n < sizeof producer_names / sizeof *producer_names; n++)
            if (queue->producers[i].session == session && strcmp(queue->producers[i].name, producer_names[n]) == 0)
                return producer_names[n];
    return NULL;
}

/* With puts of its own waiting a session attaches under no new name and finishes no other one: the contract does not say
 * whose puts they would be. */
static void make_producer(struct sim *sim, struct sim_session *session, enum engine_op op)
{
    struct sim_command *command = sim_command(sim, op, session->id);
    size_t q = choose_queue(sim, command);
    const char *own = own_name(sim, session->id, q);
    const char *name = producer_names[random_below(&sim->random, sizeof producer_names / sizeof *producer_names)];
    if (own && chance(sim, 70))
        name = own;
    if (name != own && has_waiting_put(sim, session->id)) {
        sim->command_count--;
        return;
    }
    sim_request(sim, command);
    command->command.producer.name = text(chance(sim, 1) ? "" : name);
    command->command.producer.takeover = op == ENGINE_ATTACH && chance(sim, 40);
}

static void make_cancel(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_CANCEL, session->id);
    uint32_t mine = 0;
    sim_request(sim, command);
    command->command.target = between(sim, 1, command->command.request);
    for (size_t i = 0; i < sim->request_count; i++) {
        const struct sim_request *request = &sim->requests[i];
        bool candidate = request->session == session->id && request->request != command->command.request;
        if (candidate && random_below(&sim->random, ++mine) == 0 && !chance(sim, 5))
            command->command.target = request->request;
    }
}

/* ---- faults -------------------------------------------------------------------------------------------------------- */

static void note_death(const struct sim *sim, uint64_t session)
{
    bool leases = false, receipts = false;
    for (size_t q = 0; q < sim->model->queue_count; q++)
        for (size_t i = 0; i < sim->model->queues[q].count; i++) {
            const struct model_message *message = &sim->model->queues[q].messages[i];
            leases |= message->session == session && message->state == MODEL_LEASED;
            receipts |= message->session == session && message->state == MODEL_RECEIPT;
        }
    coverage_fault(COVERAGE_SESSION_DIED, leases);
    coverage_fault(COVERAGE_RECEIPT_DIED, receipts);
}

static void make_session_end(struct sim *sim, struct sim_session *session)
{
    note_death(sim, session->id);
    sim_command(sim, ENGINE_SESSION_END, session->id);
    session->id = 0;
    session->held_count = 0;
    session->receipt_seen = session->receipt_last = 0;
}

static void make_blocked(struct sim *sim, struct sim_session *session)
{
    struct model_session *known = model_session(sim->model, session->id);
    struct sim_command *command = sim_command(sim, ENGINE_OUTPUT_BLOCKED, session->id);
    command->command.blocked = known ? !known->blocked : chance(sim, 50);
    coverage_fault(COVERAGE_OUTPUT_BLOCKED, command->command.blocked);
}

static void make_session(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->profile.sessions; i++) {
        struct sim_session *session = &sim->sessions[i];
        if (session->id || sim->command_count == SIM_COMMANDS_MAX || chance(sim, 40))
            continue;
        session->id = sim->session_next++;
        session->request_next = 1;
        sim_command(sim, ENGINE_SESSION_OPEN, session->id);
    }
}

/* ---- the step ------------------------------------------------------------------------------------------------------ */

static enum engine_op some_op(struct sim *sim)
{
    uint32_t total = 0;
    for (int op = 0; op < ENGINE_OP_COUNT; op++)
        total += sim->profile.weights[op];
    uint32_t at = random_below(&sim->random, total);
    int op = 0;
    while (at >= sim->profile.weights[op])
        at -= sim->profile.weights[op++];
    return (enum engine_op)op;
}

static void make(struct sim *sim, struct sim_session *session, enum engine_op op)
{
    switch (op) {
    case ENGINE_SESSION_END:
        make_session_end(sim, session);
        break;
    case ENGINE_OUTPUT_BLOCKED:
        make_blocked(sim, session);
        break;
    case ENGINE_RECEIVED:
        make_received(sim, session);
        break;
    case ENGINE_DECLARE:
        make_declare(sim, session);
        break;
    case ENGINE_DELETE:
        make_delete(sim, session);
        break;
    case ENGINE_PUT:
        make_put(sim, session);
        break;
    case ENGINE_GET:
        make_get(sim, session);
        break;
    case ENGINE_DONE:
    case ENGINE_NACK:
    case ENGINE_RELEASE:
    case ENGINE_TOUCH:
        make_settle(sim, session, op);
        break;
    case ENGINE_CLOSE:
        make_close(sim, session);
        break;
    case ENGINE_PUT_END:
        make_put_end(sim, session);
        break;
    case ENGINE_ATTACH:
    case ENGINE_FINISH:
        make_producer(sim, session, op);
        break;
    case ENGINE_CANCEL:
        make_cancel(sim, session);
        break;
    case ENGINE_LIST:
        make_list(sim, session);
        break;
    default:
        make_on_queue(sim, session, op);
        break;
    }
}

/* Whether something may be asked while messages come back or go in slices: what is looked at, or given back, in between is no
 * business of the contract's. */
static bool allowed(const struct sim *sim, enum engine_op op)
{
    return !sim->loose || op == ENGINE_PUT || op == ENGINE_GET || op == ENGINE_JOIN || op == ENGINE_CLOSE ||
           op == ENGINE_PURGE || op == ENGINE_SESSION_END || op == ENGINE_PUT_END;
}

static bool starts_slices(enum engine_op op)
{
    return op == ENGINE_SESSION_END || op == ENGINE_PURGE || op == ENGINE_CLOSE || op == ENGINE_DELETE ||
           op == ENGINE_RECEIVED;
}

void generate_step(struct sim *sim)
{
    uint32_t count = chance(sim, 50) ? 1 : between(sim, 0, SIM_COMMANDS_MAX - 1);
    make_session(sim);
    for (uint32_t i = 0; i < count && sim->command_count < SIM_COMMANDS_MAX; i++) {
        struct sim_session *session = some_session(sim);
        enum engine_op op = some_op(sim);
        if (!session || !allowed(sim, op))
            continue;
        make(sim, session, op);
        sim->loose |= sim->profile.big && starts_slices(op);
    }
}
