/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where it is decided whether a request may be made: behind decoding, before anything is begun. It looks at what is asked
 * and at who asks, and not at queues: so a refusal is the same whether a queue is there or not. */
#include "audit.h"
#include "auth.h"
#include "bridge_state.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LIST_PATTERNS_MAX = 1000 /* of a user; queues that only further ones fit are not shown */ };
_Static_assert((LIST_PATTERNS_MAX + 1) * sizeof(struct engine_text) <= TURN_COMMAND_MEMORY, "they fit");

/* What a request needs. Of the queue at `queue` any of `verbs`; and whatever `more` looks at. */
struct asking {
    const struct connection *connection;
    const struct jqw_message *message;
    unsigned missing;       /* set when it is refused: the verb ... */
    struct jqw_bytes queue; /* ... and the queue */
};

struct need {
    unsigned verbs; /* 0: it names no queue in the usual place */
    size_t queue;   /* of its struct jqw_queue in the message */
    bool (*more)(struct asking *);
};

static bool may(struct asking *asking, unsigned verbs, struct jqw_bytes queue)
{
    if (auth_may(asking->connection->subject, verbs, (const char *)queue.data, queue.size))
        return true;
    asking->missing = verbs;
    asking->queue = queue;
    return false;
}

/* Dead letters are put into their queue. */
static bool may_send_letters(struct asking *asking)
{
    struct jqw_bytes letters = asking->message->declare.dead_letter;
    return letters.size == 0 || may(asking, AUTH_PUT, letters);
}

static bool may_get_others(struct asking *asking)
{
    const struct jqw_get *get = &asking->message->get;
    for (uint32_t i = 0; i < get->other_count; i++)
        if (!may(asking, AUTH_GET, get->others[i].name))
            return false;
    return true;
}

static bool may_put_targets(struct asking *asking)
{
    const struct jqw_forward *forward = &asking->message->forward;
    for (uint32_t i = 0; i < forward->target_count; i++)
        if (!may(asking, AUTH_PUT, forward->targets[i].queue.name))
            return false;
    return true;
}

static bool may_put_there(struct asking *asking)
{
    return may(asking, AUTH_PUT, asking->message->move.to.name);
}

/* What is about all queues is for who administers all. */
static bool may_rule(struct asking *asking)
{
    return may(asking, AUTH_ADMIN, (struct jqw_bytes){(const uint8_t *)"*", 1});
}

/* Who has a lease was permitted to get it; who asks nothing about queues needs nothing. Lists show what may be seen. */
#define NOTHING    \
    {              \
        0, 0, NULL \
    }
#define ON(verb, member)                                        \
    {                                                           \
        AUTH_##verb, offsetof(struct jqw_message, member), NULL \
    }
#define WITH(verb, member, function)                                \
    {                                                               \
        AUTH_##verb, offsetof(struct jqw_message, member), function \
    }

/* clang-format off */
#define NEED_HELLO     NOTHING /* has its own rules, */
#define NEED_AUTH      NOTHING /* and so has this: bridge_login.c */
#define NEED_DECLARE   WITH(DECLARE, declare.queue, may_send_letters)
#define NEED_ALTER     WITH(DECLARE, declare.queue, may_send_letters)
#define NEED_DELETE    ON(ADMIN, delete_.queue)
#define NEED_PUT       ON(PUT, put.queue)
#define NEED_GET       WITH(GET, get.queue, may_get_others)
#define NEED_DONE      NOTHING
#define NEED_NACK      NOTHING
#define NEED_RELEASE   NOTHING
#define NEED_TOUCH     NOTHING
#define NEED_RECEIVED  NOTHING
#define NEED_TASK_DONE ON(GET, count.queue)
#define NEED_JOIN      ON(JOIN, join.queue)
#define NEED_MARK      ON(JOIN, named.queue)
#define NEED_CLOSE     ON(CLOSE, close.queue)
#define NEED_PUT_END   ON(CLOSE, count.queue)
#define NEED_ATTACH    ON(PUT, producer.queue)
#define NEED_FINISH    ON(PUT, producer.queue)
#define NEED_CANCEL    NOTHING
#define NEED_STAT      ON(ANY, named.queue)
#define NEED_LIST      NOTHING
#define NEED_PEEK      ON(PEEK, count.queue)
#define NEED_EXPORT    ON(PEEK, export_.queue)
#define NEED_WHY       ON(PEEK, named.queue)
#define NEED_PURGE     ON(ADMIN, named.queue)
#define NEED_REOPEN    ON(ADMIN, named.queue)
#define NEED_PAUSE     ON(ADMIN, pause.queue)
#define NEED_MOVE      WITH(ADMIN, move.queue, may_put_there)
#define NEED_FORWARD   {0, 0, may_put_targets}
#define NEED_PING      NOTHING
#define NEED_BROKER    {0, 0, may_rule}
#define NEED_BYE       NOTHING
/* clang-format on */

/* An opcode of clients without its line above does not compile. What only a broker says is refused elsewhere. */
#define NEEDS_REQUEST(name) NEED_##name
#define NEEDS_NOTICE(name)  NEED_##name
#define NEEDS_ANSWER(name)  NOTHING
#define NEEDS_EVENT(name)   NOTHING
static const struct need needs[] = {
#define JQ_OP(name, lower, number, kind) [number] = NEEDS_##kind(name),
#include "opcodes.def"
#undef JQ_OP
};

static bool is_permitted(struct asking *asking)
{
    const struct need *need = &needs[asking->message->op];
    if (need->verbs) {
        const struct jqw_queue *queue = (const void *)((const char *)asking->message + need->queue);
        if (!may(asking, need->verbs, queue->name))
            return false;
    }
    return !need->more || need->more(asking);
}

static void refuse(struct asking *asking)
{
    char text[JQW_TEXT_MAX + 1];
    struct connection *connection = sessions_find(&asking->connection->server->sessions, asking->connection->id);
    const char *verb =
        asking->missing == AUTH_ANY ? "put, get, join, close, declare, peek or admin" : auth_verb_name(asking->missing);
    snprintf(text, sizeof text, "user '%.100s' has no permission %s for queue '%.*s'", auth_name(connection->subject),
             verb, (int)(asking->queue.size < 200 ? asking->queue.size : 200), (const char *)asking->queue.data);
    audit_refused(connection, "denied", verb, (const char *)asking->queue.data, asking->queue.size);
    bridge_result(connection, asking->message->request, JQ_DENIED, text);
}

bool bridge_makes_none(const struct connection *connection, const struct jqw_queue *queue)
{
    return !auth_may(connection->subject, AUTH_DECLARE, (const char *)queue->name.data, queue->name.size);
}

bool bridge_may_see(const struct server *server, struct engine_session_id session, struct engine_text name)
{
    const struct connection *connection = sessions_find(&server->sessions, session.value);
    return connection && auth_may(connection->subject, AUTH_ANY, name.data, name.size);
}

/* The names of patterns stay where they are: a list is carried out at once. */
void bridge_list_patterns(struct connection *connection, struct engine_command *command)
{
    const char *patterns[LIST_PATTERNS_MAX];
    if (auth_may_everything(connection->subject))
        return;
    size_t count = auth_patterns(connection->subject, patterns, LIST_PATTERNS_MAX);
    struct engine_text *texts = turn_alloc(connection->server, (count + 1) * sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = (struct engine_text){patterns[i], (uint32_t)strlen(patterns[i])};
    command->list.patterns = texts;
    command->list.pattern_count = (uint32_t)count;
}

/* Whether its quota of this second has room for what is put. */
static bool is_within_rate(struct connection *connection, const struct jqw_message *message)
{
    const struct auth_quota *quota = auth_quota(connection->subject);
    const struct jqw_bodies *bodies = message->op == JQW_PUT       ? &message->put.bodies
                                      : message->op == JQW_FORWARD ? &message->forward.bodies
                                                                   : NULL;
    if (!bodies || bodies->count == 0 || (quota->messages == 0 && quota->bytes == 0))
        return true;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < bodies->count; i++)
        bytes += bodies->sizes[i];
    enum auth_rate over = auth_spend(connection->subject, bodies->count, bytes, server_now());
    if (over == AUTH_RATE_NONE)
        return true;
    char text[JQW_TEXT_MAX + 1];
    bool is_bytes = over == AUTH_RATE_BYTES;
    snprintf(text, sizeof text, "user '%.200s' puts more than %" PRIu64 " %s a second, try later",
             auth_name(connection->subject), is_bytes ? quota->bytes : quota->messages,
             is_bytes ? "bytes" : "messages");
    bridge_result(connection, message->request, JQ_OVERLOADED, text);
    return false;
}

bool bridge_permits(struct connection *connection, const struct jqw_message *message)
{
    struct asking asking = {.connection = connection, .message = message};
    if (auth_is_over(connection->subject)) {
        bridge_refuse(connection, JQ_AUTH_FAILED, "this user has changed, and has to prove itself anew");
        return false;
    }
    if (auth_may_everything(connection->subject) || is_permitted(&asking))
        return is_within_rate(connection, message);
    refuse(&asking);
    return false;
}

/* ---- permissions that have changed ---- */

enum { REVIEW_MAX = 256 /* requests at once */ };

struct review {
    const struct connection *connection;
    uint32_t count;
    uint32_t requests[REVIEW_MAX]; /* that wait for what is not permitted any more */
};

static void look_at(void *user, const struct engine_wait *wait)
{
    static const unsigned verbs[] = {
        [ENGINE_WAITS_TO_PUT] = AUTH_PUT, [ENGINE_WAITS_TO_GET] = AUTH_GET, [ENGINE_WAITS_TO_JOIN] = AUTH_JOIN};
    struct review *review = user;
    bool known = review->count > 0 && review->requests[review->count - 1] == wait->request;
    if (known || review->count == REVIEW_MAX ||
        auth_may(review->connection->subject, verbs[wait->what], wait->queue.data, wait->queue.size))
        return;
    review->requests[review->count++] = wait->request;
}

void bridge_review(struct connection *connection)
{
    struct server *server = connection->server;
    struct review review = {.connection = connection};
    turn_execute(server);
    do {
        review.count = 0;
        engine_waiting(server->turn.engine, (struct engine_session_id){connection->id}, look_at, &review);
        for (uint32_t i = 0; i < review.count; i++) {
            turn_room(server);
            bridge_command(connection, ENGINE_WITHDRAW, 0, NULL)->target = review.requests[i];
        }
        turn_execute(server);
    } while (review.count == REVIEW_MAX);
}
