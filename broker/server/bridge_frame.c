/* SPDX-License-Identifier: Apache-2.0 */
/* A frame that has come: is it one, is it this one's turn, is its request id free? */
#include "bridge_state.h"

/* Whether a request of this connection with this id is unanswered. A batch in which the ids of the connection rise holds none
 * twice; where they do not, it is carried out first, and the engine knows the rest. */
static bool is_in_use(struct connection *connection, uint32_t request)
{
    struct server *server = connection->server;
    struct turn *turn = &server->turn;
    if (connection->batch_number == turn->number && request <= connection->batch_id_max)
        turn_execute(server);
    if (connection->batch_number != turn->number)
        connection->batch_gets = 0;
    connection->batch_number = turn->number;
    connection->batch_id_max = request;
    if (held_has(connection, request))
        return true;
    return connection->in_session && engine_waits(turn->engine, (struct engine_session_id){connection->id}, request);
}

/* What is wrong with the order of the first messages; NULL: nothing. */
static const char *out_of_turn(const struct connection *connection, enum jqw_op op)
{
    if (connection->state != CONNECTION_GREETING)
        return NULL;
    if (!connection->greeted)
        return op == JQW_HELLO ? NULL : "the first message is hello";
    return op == JQW_HELLO || op == JQW_AUTH ? NULL : "nothing is done before the welcome";
}

/* A frame that is no proper message, but says what its answer would be to. */
static void refuse_message(struct connection *connection, const struct jqw_message *message, int code, const char *why)
{
    if (message->request == 0)
        bridge_refuse(connection, JQ_PROTOCOL, why);
    else if (connection->state == CONNECTION_GREETING)
        bridge_refuse(connection, JQ_PROTOCOL,
                      out_of_turn(connection, message->op) ? out_of_turn(connection, message->op) : why);
    else if (is_in_use(connection, message->request))
        bridge_refuse(connection, JQ_PROTOCOL, "the request id is in use");
    else
        bridge_result(connection, message->request, (enum jqw_code)code, why);
}

void bridge_frame(struct connection *connection, const struct jqw_frame *frame)
{
    struct server *server = connection->server;
    struct jqw_message message;
    const char *why = "";
    turn_room(server);
    int code = jqw_decode(frame->data, frame->size, &message, &server->bridge->scratch, &why);
    if (code == JQ_PROTOCOL)
        bridge_refuse(connection, JQ_PROTOCOL, why);
    else if (code != JQ_OK)
        refuse_message(connection, &message, code, why);
    else if (out_of_turn(connection, message.op))
        bridge_refuse(connection, JQ_PROTOCOL, out_of_turn(connection, message.op));
    else if (message.request != 0 && is_in_use(connection, message.request))
        bridge_refuse(connection, JQ_PROTOCOL, "the request id is in use");
    else if (connection->state == CONNECTION_GREETING || bridge_permits(connection, &message))
        bridge_message(connection, &message);
}
