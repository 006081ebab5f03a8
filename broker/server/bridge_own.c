/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker itself asks of its engine, in a session without a connection: it declares the queues that the configuration wants. */
#include "bridge_state.h"
#include <string.h>

/* The session of the broker, which no connection has. */
static const struct engine_session_id own = {UINT64_MAX};
enum { REQUEST = 1 };

static void open_session(struct server *server)
{
    if (server->own.open)
        return;
    turn_room(server);
    struct engine_command *command = turn_command(server);
    command->op = ENGINE_SESSION_OPEN;
    command->session = own;
    server->own.open = true;
}

bool bridge_own_effect(struct server *server, const struct engine_effect *effect)
{
    if (effect->session.value != own.value)
        return false;
    if (effect->request != REQUEST)
        return true;
    struct server_answer *answer = &server->own.answer;
    *answer = (struct server_answer){.code = (int)effect->code, .is = effect->limit};
    answer->text[bridge_why(effect, answer->text, sizeof answer->text - 1)] = '\0';
    answer->differs = effect->code == JQ_EXISTS && effect->why >= ENGINE_WHY_OPTION_MAX_MESSAGES &&
                      effect->why <= ENGINE_WHY_OPTION_DEAD_LETTER;
    if (answer->differs)
        answer->option = (enum engine_option)(effect->why - ENGINE_WHY_OPTION_MAX_MESSAGES);
    return true;
}
_Static_assert((int)ENGINE_WHY_OPTION_DEAD_LETTER - (int)ENGINE_WHY_OPTION_MAX_MESSAGES ==
                   (int)ENGINE_OPTION_DEAD_LETTER,
               "options and what is said of them are in the same order");

/* Carries out what has been put together, with the others of the turn; it is answered at once. */
static const struct server_answer *ask(struct server *server)
{
    server->own.answer = (struct server_answer){.code = JQ_INTERNAL};
    turn_execute(server);
    return &server->own.answer;
}

static struct engine_command *own_command(struct server *server, enum engine_op op, const char *name)
{
    size_t size = strlen(name);
    JQ_ASSERT(size <= ENGINE_NAME_MAX);
    open_session(server);
    turn_room(server);
    struct engine_command *command = turn_command(server);
    command->op = op;
    command->session = own;
    command->request = REQUEST;
    command->queue.name = bridge_text(server, (struct jqw_bytes){(const uint8_t *)name, size});
    return command;
}

bool server_has_queue(struct server *server, const char *name)
{
    (void)own_command(server, ENGINE_STAT, name);
    return ask(server)->code == JQ_OK;
}

void server_undeclare(struct server *server, const char *name)
{
    own_command(server, ENGINE_DELETE, name)->delete_.if_empty = true;
    (void)ask(server);
}

int server_declare(struct server *server, const char *name, const struct engine_queue_options *options,
                   struct server_answer *answer)
{
    JQ_ASSERT(options->dead_letter.size <= ENGINE_NAME_MAX);
    struct engine_command *command = own_command(server, ENGINE_DECLARE, name);
    command->declare.options = *options;
    command->declare.options.dead_letter =
        bridge_text(server, (struct jqw_bytes){(const uint8_t *)options->dead_letter.data, options->dead_letter.size});
    *answer = *ask(server);
    return answer->code;
}
