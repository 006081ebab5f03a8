/* SPDX-License-Identifier: Apache-2.0 */
/* From frames to commands. A command points to nothing of its frame: names and lists are copied to the memory of the turn. */
#include "audit.h"
#include "bridge_queues.h"
#include "bridge_state.h"
#include <stdlib.h>
#include <string.h>

enum { GETS_MAX = 16 /* of a connection, before their answers are counted against its output limit */ };

struct bridge *bridge_new(void)
{
    return calloc(1, sizeof(struct bridge));
}

void bridge_free(struct bridge *bridge)
{
    if (!bridge)
        return;
    jqw_buffer_fini(&bridge->frame);
    jqw_buffer_fini(&bridge->repacked);
    free(bridge);
}

/* ---- pieces ---- */

uint64_t bridge_time_ns(uint64_t ms)
{
    return ms == JQW_TIMEOUT_FOREVER ? ENGINE_FOREVER : ms * 1000000;
}
_Static_assert(JQW_TIMEOUT_MS_MAX < UINT64_MAX / 1000000, "the longest time fits");

struct engine_text bridge_text(struct server *server, struct jqw_bytes bytes)
{
    char *copy = turn_alloc(server, bytes.size);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return (struct engine_text){copy, (uint32_t)bytes.size};
}

struct engine_ranges bridge_ranges(struct server *server, const struct jqw_ranges *ranges)
{
    struct engine_range *copy = turn_alloc(server, ranges->count * sizeof *copy);
    for (uint32_t i = 0; i < ranges->count; i++) {
        const struct jqw_range *range = &ranges->item[i];
        copy[i] = (struct engine_range){range->incarnation, range->first, range->count, range->attempt};
    }
    return (struct engine_ranges){copy, ranges->count};
}
_Static_assert((int)JQW_RANGES_MAX <= (int)ENGINE_RANGES_MAX && (int)JQW_BATCH_MAX <= (int)ENGINE_BATCH_MAX &&
                   (int)JQW_LIST_MAX <= (int)ENGINE_LIST_MAX && (int)JQW_TARGETS_MAX <= (int)ENGINE_TARGETS_MAX &&
                   (int)JQW_GET_OTHERS_MAX < (int)ENGINE_GET_QUEUES_MAX &&
                   (int)JQW_SLOTS_MAX <= (int)ENGINE_SLOTS_MAX && (int)JQW_NAME_MAX <= (int)ENGINE_NAME_MAX &&
                   JQW_BELOW == ENGINE_BELOW,
               "what can be decoded can be asked, and is counted on in TURN_COMMAND_MEMORY");

struct engine_command *bridge_command(struct connection *connection, enum engine_op op, uint32_t request,
                                      const struct jqw_queue *queue)
{
    struct engine_command *command = turn_command(connection->server);
    command->op = op;
    command->session.value = connection->id;
    command->request = request;
    if (queue) {
        command->queue.name = bridge_text(connection->server, queue->name);
        command->queue.incarnation = queue->incarnation;
        command->nothing_new = !server_memory_allows(connection->server, QUEUE_BYTES);
        command->makes_none = bridge_makes_none(connection, queue);
        command->maker = auth_number(connection->subject);
        command->queues_max = auth_quota(connection->subject)->queues;
    }
    return command;
}

/* ---- requests ---- */

static void take_hello(struct connection *connection, const struct jqw_message *message)
{
    bridge_hello(connection, message);
}

static void take_auth(struct connection *connection, const struct jqw_message *message)
{
    bridge_auth(connection, message);
}

static void take_put(struct connection *connection, const struct jqw_message *message)
{
    bridge_put(connection, message);
}

static void take_forward(struct connection *connection, const struct jqw_message *message)
{
    bridge_forward(connection, message);
}

static const struct engine_queue_ref *copy_queues(struct server *server, const struct jqw_queue *queues, uint32_t count)
{
    struct engine_queue_ref *copy = turn_alloc(server, count * sizeof *copy);
    for (uint32_t i = 0; i < count; i++)
        copy[i] = (struct engine_queue_ref){bridge_text(server, queues[i].name), queues[i].incarnation};
    return copy;
}

static void take_get(struct connection *connection, const struct jqw_message *message)
{
    const struct jqw_get *get = &message->get;
    struct engine_command *command = bridge_command(connection, ENGINE_GET, message->request, &get->queue);
    command->get.max = get->max;
    command->get.timeout_ns = bridge_time_ns(get->timeout_ms);
    command->get.auto_ = get->flags & JQW_GET_AUTO;
    command->get.final = get->flags & JQW_GET_FINAL;
    command->get.done = bridge_ranges(connection->server, &get->done);
    command->get.release = bridge_ranges(connection->server, &get->release);
    command->get.others = copy_queues(connection->server, get->others, get->other_count);
    command->get.other_count = get->other_count;
    for (uint32_t i = 0; i < get->other_count; i++)
        command->makes_none = command->makes_none || bridge_makes_none(connection, &get->others[i]);
    command->generation = get->generation;
    if (++connection->batch_gets == GETS_MAX)
        turn_execute(connection->server);
}

static struct engine_command *take_ranges(struct connection *connection, const struct jqw_message *message,
                                          enum engine_op op)
{
    struct engine_command *command = bridge_command(connection, op, message->request, NULL);
    command->settle.ranges = bridge_ranges(connection->server, &message->settle.ranges);
    return command;
}

static void take_done(struct connection *connection, const struct jqw_message *message)
{
    (void)take_ranges(connection, message, ENGINE_DONE);
}

static void take_nack(struct connection *connection, const struct jqw_message *message)
{
    struct engine_command *command = take_ranges(connection, message, ENGINE_NACK);
    command->settle.delay_ns = bridge_time_ns(message->settle.delay_ms);
    command->settle.dead = message->settle.flags & JQW_NACK_DEAD;
}

static void take_release(struct connection *connection, const struct jqw_message *message)
{
    (void)take_ranges(connection, message, ENGINE_RELEASE);
}

static void take_touch(struct connection *connection, const struct jqw_message *message)
{
    (void)take_ranges(connection, message, ENGINE_TOUCH);
}

static void take_count(struct connection *connection, const struct jqw_message *message, enum engine_op op)
{
    struct engine_command *command = bridge_command(connection, op, message->request, &message->count.queue);
    command->count = message->count.count;
    command->once = (struct engine_once){message->count.once.number, message->count.once.slot};
}

static void take_task_done(struct connection *connection, const struct jqw_message *message)
{
    take_count(connection, message, ENGINE_TASK_DONE);
}

/* Ends have no bodies and no bound, but each has its place. */
static void take_put_end(struct connection *connection, const struct jqw_message *message)
{
    if (server_memory_allows(connection->server, message->count.count * (uint64_t)MESSAGE_BYTES))
        take_count(connection, message, ENGINE_PUT_END);
    else
        bridge_result(connection, message->request, JQ_OVERLOADED, "the broker's memory is full");
}

/* A small request with a large answer, so its size is to be seen before the next one is taken. */
static void take_peek(struct connection *connection, const struct jqw_message *message)
{
    take_count(connection, message, ENGINE_PEEK);
    connection->looks++;
    turn_execute(connection->server);
}

static void take_producer(struct connection *connection, const struct jqw_message *message, enum engine_op op)
{
    const struct jqw_producer *producer = &message->producer;
    struct engine_command *command = bridge_command(connection, op, message->request, &producer->queue);
    command->producer.name = bridge_text(connection->server, producer->producer);
    command->producer.takeover = producer->flags & JQW_ATTACH_TAKEOVER;
}

static void take_attach(struct connection *connection, const struct jqw_message *message)
{
    take_producer(connection, message, ENGINE_ATTACH);
}

static void take_finish(struct connection *connection, const struct jqw_message *message)
{
    take_producer(connection, message, ENGINE_FINISH);
}

static void take_close(struct connection *connection, const struct jqw_message *message)
{
    struct engine_command *command = bridge_command(connection, ENGINE_CLOSE, message->request, &message->close.queue);
    command->close.immediate = message->close.flags & JQW_CLOSE_IMMEDIATE;
    command->close.after_mine = message->close.flags & JQW_CLOSE_AFTER_MINE;
}

static void take_join(struct connection *connection, const struct jqw_message *message)
{
    struct engine_command *command = bridge_command(connection, ENGINE_JOIN, message->request, &message->join.queue);
    command->join.timeout_ns = bridge_time_ns(message->join.timeout_ms);
    command->join.mine = message->join.flags & JQW_JOIN_MINE;
    command->join.snapshot = message->join.flags & JQW_JOIN_SNAPSHOT;
    command->join.mark = message->join.mark;
}

static void take_cancel(struct connection *connection, const struct jqw_message *message)
{
    bridge_command(connection, ENGINE_CANCEL, message->request, NULL)->target = message->cancel.target;
}

static void take_stat(struct connection *connection, const struct jqw_message *message)
{
    (void)bridge_command(connection, ENGINE_STAT, message->request, &message->named.queue);
}

static void take_list(struct connection *connection, const struct jqw_message *message)
{
    struct engine_command *command = bridge_command(connection, ENGINE_LIST, message->request, NULL);
    command->list.after = message->list.after;
    command->list.max = message->list.max;
    bridge_list_patterns(connection, command);
    connection->looks++;
    turn_execute(connection->server); /* as for peek */
}

/* What was not delivered cannot have been received. */
static void take_received(struct connection *connection, const struct jqw_message *message)
{
    if (message->received.receipt > connection->receipt)
        bridge_refuse(connection, JQ_PROTOCOL, "received confirms what was not delivered");
    else
        bridge_command(connection, ENGINE_RECEIVED, 0, NULL)->receipt = message->received.receipt;
}

static void take_bye(struct connection *connection, const struct jqw_message *message)
{
    connection->forget = message->bye.flags & JQW_BYE_FORGET;
}

static void take_from_broker(struct connection *connection, const struct jqw_message *message)
{
    if (message->request == 0)
        bridge_refuse(connection, JQ_PROTOCOL, "only a broker says this");
    else
        bridge_result(connection, message->request, JQ_INVALID, "only a broker says this");
}

/* ---- the table; about queues as a whole: bridge_queues.c ---- */

#define TAKE_REQUEST(lower) take_##lower
#define TAKE_NOTICE(lower)  take_##lower
#define TAKE_ANSWER(lower)  take_from_broker
#define TAKE_EVENT(lower)   take_from_broker
static take_message *const takes[] = {
#define JQ_OP(name, lower, number, kind) [number] = TAKE_##kind(lower),
#include "opcodes.def"
#undef JQ_OP
};

/* A finish in the name of a producer that this session is not. What it asked for before may make it one. */
static bool finishes_other(struct connection *connection, const struct jqw_producer *producer)
{
    struct server *server = connection->server;
    turn_execute(server);
    const struct engine_queue_ref queue = {bridge_text(server, producer->queue.name), producer->queue.incarnation};
    return !engine_produces(server->turn.engine, (struct engine_session_id){connection->id}, queue,
                            bridge_text(server, producer->producer));
}

/* What administers queues is for the audit. A close that lets consumers drain is part of the work, and so is one's own finish. */
static void note_act(struct connection *connection, const struct jqw_message *message)
{
    static const struct {
        const char *name;
        size_t queue;
    } acts[] = {[JQW_DECLARE] = {"declare", offsetof(struct jqw_message, declare.queue)},
                [JQW_ALTER] = {"alter", offsetof(struct jqw_message, declare.queue)},
                [JQW_DELETE] = {"delete", offsetof(struct jqw_message, delete_.queue)},
                [JQW_PURGE] = {"purge", offsetof(struct jqw_message, named.queue)},
                [JQW_MOVE] = {"move", offsetof(struct jqw_message, move.queue)},
                [JQW_PAUSE] = {"pause", offsetof(struct jqw_message, pause.queue)},
                [JQW_REOPEN] = {"reopen", offsetof(struct jqw_message, named.queue)},
                [JQW_CLOSE] = {"close immediate", offsetof(struct jqw_message, close.queue)},
                [JQW_FINISH] = {"finish", offsetof(struct jqw_message, producer.queue)}};
    const bool known = (size_t)message->op < sizeof acts / sizeof *acts && acts[message->op].name;
    if (!known || (message->op == JQW_CLOSE && !(message->close.flags & JQW_CLOSE_IMMEDIATE)) ||
        (message->op == JQW_FINISH && !finishes_other(connection, &message->producer)))
        return;
    const struct jqw_queue *queue = (const void *)((const char *)message + acts[message->op].queue);
    struct audit_act act = {.name = acts[message->op].name,
                            .queue = field_bytes("queue", queue->name.data, queue->name.size)};
    if (message->op == JQW_PAUSE && message->pause.flags & JQW_PAUSE_RESUME)
        act.name = "resume";
    if (message->op == JQW_MOVE)
        act.more = field_bytes("to", message->move.to.name.data, message->move.to.name.size);
    if (message->op == JQW_FINISH)
        act.more = field_bytes("producer", message->producer.producer.data, message->producer.producer.size);
    audit_begin(connection, message->request, &act);
}

void bridge_message(struct connection *connection, const struct jqw_message *message)
{
    JQ_ASSERT((size_t)message->op < sizeof takes / sizeof *takes && takes[message->op]);
    if ((size_t)message->op < FIGURE_REQUESTS)
        connection->server->counters.requests[message->op]++;
    note_act(connection, message);
    takes[message->op](connection, message);
}
