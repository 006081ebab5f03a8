/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about queues as a whole. What their options mean is the engine's to say. */
#include "bridge_queues.h"

static void take_options(struct server *server, const struct jqw_declare *from, struct engine_queue_options *out)
{
    *out = (struct engine_queue_options){
        .max_messages = from->max_messages,
        .max_bytes = from->max_bytes,
        .lease_ms = from->lease_ms,
        .producers = from->producers,
        .bound = from->bound,
        .accounting = from->accounting,
        .order = from->order,
        .max_deliveries = from->max_deliveries,
        .ttl_ms = from->ttl_ms,
        .on_producer_lost = from->on_producer_lost,
        .producer_grace_ms = from->producer_grace_ms ? from->producer_grace_ms : JQW_PRODUCER_GRACE_MS,
        .lifetime = from->lifetime,
        .idle_delete_ms = from->idle_delete_ms,
        .sync_ms = from->sync_ms,
        .dead_drop = (from->flags & JQW_DECLARE_DEAD_DROP) != 0,
        .dead_letter = bridge_text(server, from->dead_letter),
    };
}
_Static_assert((int)JQW_BOUND_OUTSTANDING == (int)ENGINE_BOUND_OUTSTANDING &&
                   (int)JQW_ACCOUNTING_COUNTER == (int)ENGINE_COUNTER && (int)JQW_ORDER_LIFO == (int)ENGINE_LIFO &&
                   (int)JQW_ORDER_PRIORITY == (int)ENGINE_PRIORITY && (int)JQW_LOST_END == (int)ENGINE_LOST_END &&
                   (int)JQW_LOST_FAIL == (int)ENGINE_LOST_FAIL && (int)JQW_LIFETIME_SESSION == (int)ENGINE_OF_SESSION &&
                   (int)JQW_LIFETIME_USERS == (int)ENGINE_OF_USERS && JQW_PRODUCERS_AUTO == ENGINE_PRODUCERS_AUTO,
               "choices have the same numbers here and there");

void take_declare(struct connection *connection, const struct jqw_message *message)
{
    const struct jqw_declare *declare = &message->declare;
    bool durable = declare->flags & JQW_DECLARE_DURABLE;
    if (durable && !connection->server->config.data) {
        bridge_result(connection, message->request, JQ_INVALID,
                      "this broker keeps no data: it was started without --data");
        return;
    }
    struct engine_command *command = bridge_command(connection, ENGINE_DECLARE, message->request, &declare->queue);
    command->declare.existing_ok = declare->flags & JQW_DECLARE_EXISTING_OK;
    take_options(connection->server, declare, &command->declare.options);
    command->declare.options.durable = durable;
}

/* By the numbers of options in the protocol. */
static const enum engine_option options[] = {
    [1] = ENGINE_OPTION_MAX_MESSAGES,
    [2] = ENGINE_OPTION_MAX_BYTES,
    [3] = ENGINE_OPTION_LEASE_MS,
    [4] = ENGINE_OPTION_PRODUCERS,
    [5] = ENGINE_OPTION_BOUND,
    [6] = ENGINE_OPTION_ACCOUNTING,
    [7] = ENGINE_OPTION_ORDER,
    [8] = ENGINE_OPTION_MAX_DELIVERIES,
    [9] = ENGINE_OPTION_TTL_MS,
    [10] = ENGINE_OPTION_ON_PRODUCER_LOST,
    [11] = ENGINE_OPTION_PRODUCER_GRACE_MS,
    [12] = ENGINE_OPTION_LIFETIME,
    [13] = ENGINE_OPTION_IDLE_DELETE_MS,
    [14] = ENGINE_OPTION_SYNC_MS,
    [15] = ENGINE_OPTION_DEAD_LETTER,
};

void take_alter(struct connection *connection, const struct jqw_message *message)
{
    const struct jqw_declare *alter = &message->declare;
    struct engine_command *command = bridge_command(connection, ENGINE_ALTER, message->request, &alter->queue);
    take_options(connection->server, alter, &command->declare.options);
    for (uint32_t key = 1; key < sizeof options / sizeof *options; key++) {
        if (alter->given >> key & 1)
            command->declare.given |= 1u << options[key];
    }
    if (alter->given & JQW_GIVEN_DEAD_DROP)
        command->declare.given |= 1u << ENGINE_OPTION_DEAD_DROP;
}

void take_delete(struct connection *connection, const struct jqw_message *message)
{
    struct engine_command *command =
        bridge_command(connection, ENGINE_DELETE, message->request, &message->delete_.queue);
    command->delete_.if_empty = message->delete_.flags & JQW_DELETE_IF_EMPTY;
    command->delete_.force = message->delete_.flags & JQW_DELETE_FORCE;
}

void take_purge(struct connection *connection, const struct jqw_message *message)
{
    (void)bridge_command(connection, ENGINE_PURGE, message->request, &message->named.queue);
}

void take_reopen(struct connection *connection, const struct jqw_message *message)
{
    (void)bridge_command(connection, ENGINE_REOPEN, message->request, &message->named.queue);
}

void take_mark(struct connection *connection, const struct jqw_message *message)
{
    (void)bridge_command(connection, ENGINE_MARK, message->request, &message->named.queue);
}

void take_pause(struct connection *connection, const struct jqw_message *message)
{
    struct engine_command *command = bridge_command(connection, ENGINE_PAUSE, message->request, &message->pause.queue);
    command->pause.puts = message->pause.flags & JQW_PAUSE_PUTS;
    command->pause.gets = message->pause.flags & JQW_PAUSE_GETS;
    command->pause.resume = message->pause.flags & JQW_PAUSE_RESUME;
}

void take_move(struct connection *connection, const struct jqw_message *message)
{
    const struct jqw_move *move = &message->move;
    struct engine_command *command = bridge_command(connection, ENGINE_MOVE, message->request, &move->queue);
    command->move.to.name = bridge_text(connection->server, move->to.name);
    command->move.to.incarnation = move->to.incarnation;
    command->move.count = move->count;
    command->once = (struct engine_once){move->once.number, move->once.slot};
}

/* Looks through much, says little. */
void take_why(struct connection *connection, const struct jqw_message *message)
{
    (void)bridge_command(connection, ENGINE_EXPLAIN, message->request, &message->named.queue);
    connection->looks++;
    turn_execute(connection->server);
}

/* As for why; and the bodies are copied. */
void take_export(struct connection *connection, const struct jqw_message *message)
{
    struct engine_command *command =
        bridge_command(connection, ENGINE_EXPORT, message->request, &message->export_.queue);
    command->export_.from = message->export_.from;
    command->export_.count = message->export_.count;
    connection->looks++;
    turn_execute(connection->server);
}

/* It needs nobody but the connection. */
void take_ping(struct connection *connection, const struct jqw_message *message)
{
    bridge_send(connection, &(struct jqw_message){.op = JQW_RESULT,
                                                  .request = message->request,
                                                  .result = {.code = JQ_OK, .count = message->ping.data}});
}
