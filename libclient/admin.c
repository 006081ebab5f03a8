/* SPDX-License-Identifier: Apache-2.0 */
/* What shapes queues (declare, alter, reopen, pause, move) and what waits for them (mark, join). */
#include "jqc_call.h"
#include <stdlib.h>
#include <string.h>

static struct jqw_bytes text_of(const char *text)
{
    return (struct jqw_bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

/* The entry of the queue, and the options as they are sent. */
static int options_message(struct joinq *client, const char *queue, const struct joinq_queue_options *options,
                           struct jqc_name **name, struct jqw_declare *out)
{
    int code = jqc_size(client, options->size, sizeof *options);
    if (code == JQ_OK)
        code = jqc_queue(client, queue, name);
    if (code != JQ_OK)
        return code;
    if (text_of(options->dead_letter).size > JQW_NAME_MAX)
        return jqc_fail(client, JQ_INVALID, "a queue name is 1 to %d bytes", JQW_NAME_MAX);
    *out = (struct jqw_declare){.queue = {.name = jqc_name_queue(*name).name}, /* whichever has the name */
                                .flags = (options->dead_drop ? JQW_DECLARE_DEAD_DROP : 0u) |
                                         (options->durable ? JQW_DECLARE_DURABLE : 0u),
                                .max_messages = options->max_messages,
                                .max_bytes = options->max_bytes,
                                .lease_ms = options->lease_ms,
                                .producers = options->producers,
                                .bound = options->bound,
                                .accounting = options->accounting,
                                .order = options->order,
                                .max_deliveries = options->max_deliveries,
                                .ttl_ms = options->ttl_ms,
                                .on_producer_lost = options->on_producer_lost,
                                .producer_grace_ms = options->producer_grace_ms,
                                .lifetime = options->lifetime,
                                .idle_delete_ms = options->idle_delete_ms,
                                .sync_ms = options->sync_ms,
                                .dead_letter = text_of(options->dead_letter)};
    return JQ_OK;
}

int joinq_declare(joinq *client, const char *queue, const struct joinq_queue_options *options)
{
    const struct joinq_queue_options defaults = JOINQ_QUEUE_OPTIONS_INIT;
    struct jqc_name *name;
    struct jqw_message message = {.op = JQW_DECLARE};
    int code = options_message(client, queue, options ? options : &defaults, &name, &message.declare);
    if (code != JQ_OK)
        return code;
    message.declare.flags |= options && options->existing_ok ? JQW_DECLARE_EXISTING_OK : 0;
    return jqc_call_count(client, &message, name, NULL);
}

int joinq_alter(joinq *client, const char *queue, unsigned given, const struct joinq_queue_options *options)
{
    struct jqc_name *name;
    struct jqw_message message = {.op = JQW_ALTER};
    int code = options_message(client, queue, options, &name, &message.declare);
    if (code != JQ_OK)
        return code;
    message.declare.queue = jqc_name_queue(name);
    message.declare.given = given | (given & JOINQ_GIVEN_DEAD_LETTER ? JQW_GIVEN_DEAD_DROP : 0);
    return jqc_call_count(client, &message, name, NULL);
}

/* A request that says no more than the queue. */
static int call_named(struct joinq *client, const char *queue, enum jqw_op op, uint64_t *count)
{
    struct jqc_name *name;
    int code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    struct jqw_message message = {.op = op, .named = {.queue = jqc_name_queue(name)}};
    return jqc_call_count(client, &message, name, count);
}

int joinq_reopen(joinq *client, const char *queue, uint64_t *generation)
{
    return call_named(client, queue, JQW_REOPEN, generation);
}

int joinq_mark(joinq *client, const char *queue, uint64_t *mark)
{
    return call_named(client, queue, JQW_MARK, mark);
}

static int call_pause(struct joinq *client, const char *queue, unsigned which, uint32_t flags)
{
    struct jqc_name *name;
    int code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    if (!which || which & ~(unsigned)(JOINQ_PAUSE_PUTS | JOINQ_PAUSE_GETS))
        return jqc_fail(client, JQ_INVALID, "pause what: puts, gets or both");
    struct jqw_message message = {.op = JQW_PAUSE, .pause = {.queue = jqc_name_queue(name), .flags = which | flags}};
    return jqc_call_count(client, &message, name, NULL);
}

int joinq_pause(joinq *client, const char *queue, unsigned which)
{
    return call_pause(client, queue, which, 0);
}

int joinq_resume(joinq *client, const char *queue, unsigned which)
{
    return call_pause(client, queue, which, JQW_PAUSE_RESUME);
}

int joinq_move(joinq *client, const char *from, const char *to, uint64_t count, uint64_t *moved)
{
    struct jqc_name *name, *target;
    int code = jqc_queue(client, from, &name);
    if (code == JQ_OK)
        code = jqc_queue(client, to, &target);
    if (code != JQ_OK)
        return code;
    struct jqw_message message = {
        .op = JQW_MOVE, .move = {.queue = jqc_name_queue(name), .to = jqc_name_queue(target), .count = count}};
    return jqc_call_count(client, &message, NULL, moved); /* its answer may be about either */
}

int joinq_ping(joinq *client)
{
    struct jqw_message message = {.op = JQW_PING};
    return jqc_call_count(client, &message, NULL, NULL);
}

int joinq_why(joinq *client, const char *queue, char **lines)
{
    struct jqc_name *name;
    struct jqc_request *request;
    int code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    struct jqw_message message = {.op = JQW_WHY, .named = {.queue = jqc_name_queue(name)}};
    code = jqc_call(client, &message, name, &request);
    if (code == JQ_OK) {
        *lines = request->answer.lines;
        request->answer.lines = NULL;
    }
    jqc_call_end(client, request);
    return code;
}

int joinq_broker_stat(joinq *client, struct joinq_broker_stat **out)
{
    struct jqc_request *request;
    struct jqw_message message = {.op = JQW_BROKER};
    int code = jqc_call(client, &message, NULL, &request);
    if (code == JQ_OK) {
        *out = request->answer.broker;
        request->answer.broker = NULL;
    }
    jqc_call_end(client, request);
    return code;
}

void joinq_broker_stat_free(struct joinq_broker_stat *stat)
{
    free(stat);
}

void joinq_lines_free(char *lines)
{
    free(lines);
}

/* ---- join ---------------------------------------------------------------------------------------------------------- */

int joinq_join_with(joinq *client, const char *queue, const struct joinq_join_options *options,
                    struct joinq_joined *out)
{
    const struct joinq_join_options defaults = JOINQ_JOIN_OPTIONS_INIT;
    options = options ? options : &defaults;
    struct jqc_name *name;
    struct jqc_request *request;
    struct jqw_message message = {.op = JQW_JOIN};
    int code = jqc_size(client, options->size, sizeof *options);
    if (code == JQ_OK && out)
        code = jqc_size(client, out->size, sizeof *out);
    if (code == JQ_OK)
        code = jqc_queue(client, queue, &name);
    if (code == JQ_OK)
        code = jqc_timeout(client, options->timeout_ms, &message.join.timeout_ms);
    if (code != JQ_OK)
        return code;
    message.join.queue = jqc_name_queue(name);
    message.join.mark = options->mark;
    message.join.flags = (options->mine ? JQW_JOIN_MINE : 0) | (options->snapshot ? JQW_JOIN_SNAPSHOT : 0);
    code = jqc_call(client, &message, name, &request);
    if (out && (code == JQ_OK || code == JQ_TIMEOUT)) {
        *out = request->answer.joined;
        out->size = sizeof *out;
    }
    jqc_call_end(client, request);
    return code;
}

int joinq_join(joinq *client, const char *queue, int64_t timeout_ms, struct joinq_joined *out)
{
    struct joinq_join_options options = JOINQ_JOIN_OPTIONS_INIT;
    options.timeout_ms = timeout_ms;
    return joinq_join_with(client, queue, &options, out);
}
