/* SPDX-License-Identifier: Apache-2.0 */
/* Random commands. They look into the model only to be to the point: to name what exists, mostly. */
#include "generate.h"
#include "coverage.h"
#include "pick.h"
#include <string.h>

enum { BACKLOG_MAX = 6000 }; /* messages in a queue: a model that scans is slow with more */

static const char *const producer_names[] = {"p0", "p1", "p2", "p3", "p4"};

/* ---- put and get --------------------------------------------------------------------------------------------------- */

/* Whether a get waits on the queue that a command names, or will, or for slices, though it is not to wait. While these are under way a
 * put is not aimed at such a queue: whether the get takes the message along with what comes back is left open. */
static bool get_waits(const struct sim *sim, const struct sim_command *command)
{
    const struct engine_text *name = &command->command.queue.name;
    for (size_t i = 0; i < sim->model->wait_count; i++)
        if (sim->model->waits[i].op == ENGINE_GET &&
            strncmp(sim->model->queues[sim->model->waits[i].queue].name, name->data, name->size) == 0)
            return true;
    for (size_t i = 0; i < sim->model->effect_count; i++) {
        const struct model_effect *effect = &sim->model->effects[i];
        size_t q = effect->op == ENGINE_GET ? model_incarnation(sim->model, effect->incarnation) : SIZE_MAX;
        if (q != SIZE_MAX && strncmp(sim->model->queues[q].name, name->data, name->size) == 0)
            return true;
    }
    for (uint32_t i = 0; i < sim->command_count; i++)
        if (sim->commands[i].command.op == ENGINE_GET && sim->commands[i].command.queue.name.data == name->data)
            return true;
    return false;
}

static void make_put(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_PUT, session->id);
    struct engine_command *c = &command->command;
    const struct model_queue *queue = pick_queue(sim, command, PICK_OPEN);
    if ((queue && queue->count > BACKLOG_MAX) || (sim->loose && get_waits(sim, command))) {
        sim->command_count--;
        return;
    }
    sim_request(sim, command);
    sim->puts_asked = true;
    c->put.count = pick_count(sim, 6);
    c->put.bodies = command->bodies;
    c->put.partial = pick_chance(sim, 40);
    c->put.timeout_ns = pick_timeout(sim);
    c->put.options.delay_ns = pick_delay(sim, 12);
    c->put.options.ttl_ns = sim->profile.deaths && pick_chance(sim, 15) ? pick_delay(sim, 100) : 0;
    pick_priority(sim, queue, &c->put.options);
    c->generation = pick_generation(sim, queue);
    pick_bodies(sim, command, c->put.count);
    pick_once(sim, session, c);
}

static void make_get(struct sim *sim, struct sim_session *session)
{
    const struct model_session *known = model_session(sim->model, session->id);
    uint64_t timeout_ns = pick_timeout(sim);
    if (sim->loose && timeout_ns && (!known || known->blocked)) /* whether it is a waiting get by then is left open */
        return;
    struct sim_command *command = sim_command(sim, ENGINE_GET, session->id);
    struct engine_command *c = &command->command;
    const struct model_queue *queue = pick_queue(sim, command, pick_chance(sim, 70) ? PICK_OPEN : PICK_ANY);
    sim_request(sim, command);
    c->generation = pick_generation(sim, queue);
    c->get.max = pick_count(sim, 6);
    c->get.auto_ = pick_chance(sim, 20);
    c->get.final = pick_chance(sim, 30);
    c->get.timeout_ns = timeout_ns;
    bool carries = !sim->loose;
    if (carries && pick_chance(sim, 30))
        generate_ranges(sim, session, command, 0, &c->get.done);
    if (carries && pick_chance(sim, 12))
        generate_ranges(sim, session, command, 1, &c->get.release);
}

static void make_settle(struct sim *sim, struct sim_session *session, enum engine_op op)
{
    if (!session->held_count && pick_chance(sim, 90))
        return;
    struct sim_command *command = sim_command(sim, op, session->id);
    sim_request(sim, command);
    generate_ranges(sim, session, command, 0, &command->command.settle.ranges);
    command->command.settle.delay_ns = op == ENGINE_NACK ? pick_delay(sim, 40) : 0;
    command->command.settle.dead = op == ENGINE_NACK && pick_chance(sim, sim->profile.deaths ? 25 : 4);
}

static void make_received(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_RECEIVED, session->id);
    uint64_t seen = session->receipt_seen;
    command->command.receipt = seen - (seen && pick_chance(sim, 30) ? pick_between(sim, 0, 1) : 0);
    size_t kept = 0;
    for (size_t i = 0; i < session->held_count; i++)
        if (!session->held[i].receipt || session->held[i].receipt > command->command.receipt)
            session->held[kept++] = session->held[i];
    session->held_count = kept;
}

static void make_put_end(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_PUT_END, session->id);
    pick_queue(sim, command, PICK_OPEN);
    if (sim->loose && get_waits(sim, command)) {
        sim->command_count--;
        return;
    }
    sim_request(sim, command);
    command->command.count =
        pick_chance(sim, 3) ? (pick_chance(sim, 50) ? 0 : ENGINE_BATCH_MAX + 1) : pick_between(sim, 1, 3);
    pick_once(sim, session, &command->command);
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

static const char *own_name(uint64_t session, const struct model_queue *queue)
{
    for (size_t i = 0; queue && i < queue->producer_count; i++)
        for (size_t n = 0; n < sizeof producer_names / sizeof *producer_names; n++)
            if (queue->producers[i].session == session && strcmp(queue->producers[i].name, producer_names[n]) == 0)
                return producer_names[n];
    return NULL;
}

/* Takes over from a session whose finish or put waits. */
static bool aim_takeover(struct sim *sim, struct sim_command *command)
{
    for (size_t i = 0; i < sim->model->wait_count; i++) {
        const struct model_wait *wait = &sim->model->waits[i];
        const struct model_queue *queue = &sim->model->queues[wait->queue];
        const char *name = own_name(wait->session, queue);
        bool good = wait->op == ENGINE_FINISH || (wait->op == ENGINE_PUT && pick_chance(sim, 20));
        if (!good || !name || has_waiting_put(sim, command->command.session.value))
            continue;
        sim_request(sim, command);
        command->command.queue.name = pick_known(queue->name);
        command->command.producer.name = pick_text(name);
        command->command.producer.takeover = true;
        return true;
    }
    return false;
}

/* With puts of its own waiting a session attaches under no new name and finishes no other one: the contract does not say
 * whose puts they would be. */
static void make_producer(struct sim *sim, struct sim_session *session, enum engine_op op)
{
    struct sim_command *command = sim_command(sim, op, session->id);
    if (op == ENGINE_ATTACH && pick_chance(sim, 50) && aim_takeover(sim, command))
        return;
    const struct model_queue *queue = pick_queue(sim, command, op == ENGINE_FINISH ? PICK_MINE : PICK_OPEN);
    const char *own = own_name(session->id, queue);
    const char *name = producer_names[random_below(&sim->random, sizeof producer_names / sizeof *producer_names)];
    if (own && pick_chance(sim, 70))
        name = own;
    if (name != own && has_waiting_put(sim, session->id)) {
        sim->command_count--;
        return;
    }
    sim_request(sim, command);
    command->command.producer.name = pick_text(pick_chance(sim, 1) ? "" : name);
    command->command.producer.takeover = op == ENGINE_ATTACH && pick_chance(sim, 40);
}

static void make_cancel(struct sim *sim, struct sim_session *session)
{
    struct sim_command *command = sim_command(sim, ENGINE_CANCEL, session->id);
    uint32_t mine = 0;
    sim_request(sim, command);
    command->command.target = pick_between(sim, 1, command->command.request);
    for (size_t i = 0; i < sim->request_count; i++) {
        const struct sim_request *request = &sim->requests[i];
        bool rare = request->op == ENGINE_FINISH || request->op == ENGINE_CLOSE;
        if (request->session != session->id || request->request == command->command.request)
            continue;
        if ((random_below(&sim->random, ++mine) == 0 || rare) && !pick_chance(sim, 5))
            command->command.target = request->request;
    }
}

/* ---- faults -------------------------------------------------------------------------------------------------------- */

static void note_death(const struct sim *sim, uint64_t session)
{
    bool leases = false, receipts = false, confirmed = false;
    for (size_t q = 0; q < sim->model->queue_count; q++)
        for (size_t i = 0; i < sim->model->queues[q].count; i++) {
            const struct model_message *message = &sim->model->queues[q].messages[i];
            leases |= message->session == session && message->state == MODEL_LEASED;
            receipts |= message->session == session && message->state == MODEL_RECEIPT;
            confirmed |= message->session == session && message->confirmed;
        }
    coverage_fault(COVERAGE_SESSION_DIED, leases);
    coverage_fault(COVERAGE_RECEIPT_DIED, receipts);
    coverage_fault(COVERAGE_CONFIRMED_DEAD, confirmed);
}

static void make_session_end(struct sim *sim, struct sim_session *session)
{
    note_death(sim, session->id);
    sim_command(sim, ENGINE_SESSION_END, session->id);
    session->id = 0;
    session->held_count = 0;
    session->receipt_seen = session->receipt_last = 0;
}

static const struct model_message *some_message(struct sim *sim, uint64_t *incarnation)
{
    if (!sim->model->queue_count)
        return NULL;
    const struct model_queue *queue =
        &sim->model->queues[random_below(&sim->random, (uint32_t)sim->model->queue_count)];
    *incarnation = queue->incarnation;
    return queue->count ? &queue->messages[random_below(&sim->random, (uint32_t)queue->count)] : NULL;
}

/* Some bodies have been copied to a chunk of their own; of some, the message is not where it was thought to be. */
static void make_move(struct sim *sim)
{
    struct sim_command *command = sim_command(sim, ENGINE_RELOCATE, SIM_OBSERVER);
    struct engine_command *c = &command->command;
    uint32_t chunk = sim->chunk_next++, count = pick_between(sim, 1, SIM_MOVES_MAX);
    struct model_chunk *given = model_chunk(sim->model, chunk);
    c->relocate.item = command->moves;
    for (uint32_t i = 0; i < count; i++) {
        struct engine_relocation *move = &command->moves[c->relocate.count];
        const struct model_message *message = some_message(sim, &move->from.incarnation);
        if (!message || message->sentinel || message->group)
            continue;
        move->from.sequence = message->seq + pick_chance(sim, 5);
        move->from.body = message->body;
        move->to = (struct engine_body){chunk, c->relocate.count, message->body.length};
        given->given++;
        given->given_bytes += move->to.length;
        c->relocate.count++;
    }
    coverage_fault(COVERAGE_MOVED, c->relocate.count);
    if (!c->relocate.count)
        sim->command_count--;
}

static void make_blocked(struct sim *sim, struct sim_session *session)
{
    struct model_session *known = model_session(sim->model, session->id);
    struct sim_command *command = sim_command(sim, ENGINE_OUTPUT_BLOCKED, session->id);
    command->command.blocked = known ? !known->blocked : pick_chance(sim, 50);
    coverage_fault(COVERAGE_OUTPUT_BLOCKED, command->command.blocked);
}

/* Mostly the client that was here before, with another connection; at times while the last one still stands. */
static void open_session(struct sim *sim, struct sim_session *session, uint32_t client)
{
    struct sim_command *command = sim_command(sim, ENGINE_SESSION_OPEN, session->id);
    session->client = client;
    command->command.open.client[0] = (uint8_t)session->client;
    if (session->client)
        sim_request(sim, command);
}

/* The connection is gone, and before anybody has noticed the client is back. */
static void make_return(struct sim *sim, struct sim_session *session)
{
    uint32_t client = session->client;
    if (!client)
        return;
    note_death(sim, session->id);
    session->id = sim->session_next++;
    session->request_next = 1;
    session->held_count = 0;
    session->receipt_seen = session->receipt_last = 0;
    open_session(sim, session, client);
}

static void make_session(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->profile.sessions; i++) {
        struct sim_session *session = &sim->sessions[i];
        if (session->id || sim->command_count == SIM_COMMANDS_MAX || pick_chance(sim, 40))
            continue;
        session->id = sim->session_next++;
        session->request_next = 1;
        open_session(sim, session, sim->profile.once && pick_chance(sim, 85) ? i + 1 : 0);
    }
}

/* ---- the step ------------------------------------------------------------------------------------------------------ */

/* Mostly by the seed's weights; while the journal refuses, what then has to wait for it comes more often. */
static enum engine_op some_op(struct sim *sim)
{
    static const enum engine_op due[] = {ENGINE_RECEIVED, ENGINE_SESSION_END, ENGINE_NACK, ENGINE_RELEASE, ENGINE_GET};
    if (!sim->accepts && pick_chance(sim, 30))
        return due[random_below(&sim->random, sizeof due / sizeof *due)];
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
        if (session->client && pick_chance(sim, 30))
            make_return(sim, session);
        else
            make_session_end(sim, session);
        break;
    case ENGINE_OUTPUT_BLOCKED:
        make_blocked(sim, session);
        break;
    case ENGINE_RECEIVED:
        make_received(sim, session);
        break;
    case ENGINE_RELOCATE:
        make_move(sim);
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
    default:
        generate_on_queue(sim, session, op);
        break;
    }
}

static bool any_waits(const struct sim *sim, enum engine_op op)
{
    for (size_t i = 0; i < sim->model->wait_count; i++)
        if (sim->model->waits[i].op == op)
            return true;
    return false;
}

static bool any_lease_ends(const struct sim *sim)
{
    for (size_t q = 0; q < sim->model->queue_count; q++)
        if (sim->model->queues[q].live && sim->model->queues[q].options.lease_ms)
            return true;
    return false;
}

/* Not answered by the engine, whatever the model knows already. */
static bool any_open(const struct sim *sim, enum engine_op op)
{
    for (size_t i = 0; i < sim->request_count; i++)
        if (sim->requests[i].op == op)
            return true;
    return false;
}

/* Whether something may be asked while messages come back or go in slices: what is looked at, or given back, in between is no
 * business of the contract's. */
static bool allowed(const struct sim *sim, enum engine_op op)
{
    if (sim->loose && op == ENGINE_SESSION_END &&
        (sim->puts_asked || any_waits(sim, ENGINE_PUT) || any_lease_ends(sim)))
        return false; /* what a put finds before that comes back, or whether leases have expired or come back, is left open */
    if (sim->loose && op == ENGINE_CLOSE && any_waits(sim, ENGINE_PUT)) /* or whether there is room for it in between */
        return false;
    if (sim->confirms_late && op == ENGINE_GET)
        return false; /* whether it hears of the end together with those that waited is left open */
    bool sweeps = op == ENGINE_SESSION_END || op == ENGINE_PURGE || op == ENGINE_CLOSE;
    if (sim->loose && sweeps) /* what a get sees first of what comes and goes is left open */
        return !sim->gets_asked && !any_open(sim, ENGINE_GET);
    if (sim->loose && (op == ENGINE_DONE || op == ENGINE_TOUCH)) /* it may make room for a put that came before it */
        return !sim->puts_asked && !any_open(sim, ENGINE_PUT);
    return !sim->loose || op == ENGINE_PUT || op == ENGINE_GET || op == ENGINE_JOIN || op == ENGINE_PUT_END;
}

static bool starts_slices(enum engine_op op)
{
    return op == ENGINE_SESSION_END || op == ENGINE_PURGE || op == ENGINE_CLOSE || op == ENGINE_DELETE ||
           op == ENGINE_RECEIVED;
}

/* Leases by the thousand may have just expired: somebody is done with some, too late, though not all have come back yet. */
static void make_too_late(struct sim *sim)
{
    struct sim_session *session = pick_session(sim);
    for (uint32_t i = 0; session && i < sim->profile.sessions; i++)
        if (sim->sessions[i].id && sim->sessions[i].held_count > session->held_count)
            session = &sim->sessions[i];
    if (session && allowed(sim, ENGINE_DONE) && pick_chance(sim, 60))
        make_settle(sim, session, pick_chance(sim, 80) ? ENGINE_DONE : ENGINE_TOUCH);
}

void generate_step(struct sim *sim)
{
    uint32_t count = pick_chance(sim, 50) ? 1 : pick_between(sim, 0, SIM_COMMANDS_MAX - 1);
    make_session(sim);
    if (!sim->loose)
        generate_missing(sim);
    else
        make_too_late(sim);
    for (uint32_t i = 0; i < count && sim->command_count < SIM_COMMANDS_MAX; i++) {
        struct sim_session *session = pick_session(sim);
        enum engine_op op = some_op(sim);
        if (!session || !allowed(sim, op))
            continue;
        make(sim, session, op);
        if (op == ENGINE_PUT && sim->command_count < SIM_COMMANDS_MAX && session->id && !sim->loose &&
            pick_chance(sim, 8)) {
            op = pick_chance(sim, 60) ? ENGINE_FINISH : ENGINE_CLOSE;
            make(sim, session, op);
        }
        sim->gets_asked |= op == ENGINE_GET;
        sim->loose |= sim->profile.big && starts_slices(op);
    }
}
