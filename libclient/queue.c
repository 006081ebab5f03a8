/* SPDX-License-Identifier: Apache-2.0 */
/* Queues as a whole: declare, delete, purge, join, close, ends, producers, and what is known of them. */
#include "jqc_call.h"
#include "jqc_stats.h"
#include <string.h>

int joinq_delete(joinq *client, const char *queue, bool if_empty, uint64_t *discarded)
{
    struct jqc_name *name;
    int code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    struct jqw_message message = {
        .op = JQW_DELETE, .delete_ = {.queue = jqc_name_queue(name), .flags = if_empty ? JQW_DELETE_IF_EMPTY : 0}};
    return jqc_call_count(client, &message, name, discarded);
}

int joinq_purge(joinq *client, const char *queue, uint64_t *discarded)
{
    struct jqc_name *name;
    int code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    struct jqw_message message = {.op = JQW_PURGE, .named = {.queue = jqc_name_queue(name)}};
    return jqc_call_count(client, &message, name, discarded);
}

/* ---- what is known of them ----------------------------------------------------------------------------------------- */

/* Takes the statistics out of an answer. */
static int stats_call(struct joinq *client, struct jqw_message *message, struct jqc_name *name,
                      struct joinq_stats **out, bool *more)
{
    struct jqc_request *request;
    int code = jqc_call(client, message, name, &request);
    if (code == JQ_OK) {
        *out = request->answer.stats;
        *more = request->answer.more;
        request->answer.stats = NULL;
    }
    jqc_call_end(client, request);
    return code;
}

int joinq_stat(joinq *client, const char *queue, struct joinq_stats **out)
{
    struct jqc_name *name;
    bool more;
    int code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    struct jqw_message message = {.op = JQW_STAT, .named = {.queue = jqc_name_queue(name)}};
    return stats_call(client, &message, name, out, &more);
}

/* The queues that follow those in `stats`, as many as one answer holds. */
JQ_MUST_USE static int list_more(struct joinq *client, struct joinq_stats *stats, bool *more)
{
    struct jqw_message message = {.op = JQW_LIST, .list = {.max = JQW_LIST_MAX}};
    size_t count = joinq_stats_count(stats);
    if (count > 0)
        message.list.after = joinq_stats_at(stats, count - 1)->incarnation;
    struct joinq_stats *page;
    int code = stats_call(client, &message, NULL, &page, more);
    if (code != JQ_OK)
        return code;
    *more = *more && joinq_stats_count(page) > 0;
    code = jqc_stats_join(stats, page);
    if (code == JQ_OK)
        return JQ_OK;
    joinq_stats_free(page);
    return jqc_fail(client, code, NULL);
}

int joinq_list(joinq *client, struct joinq_stats **out)
{
    const struct jqw_stats none = {0};
    struct joinq_stats *stats;
    if (jqc_stats_new(&none, &stats) != JQ_OK)
        return jqc_fail(client, JQ_OVERLOADED, NULL);
    bool more = true;
    int code = JQ_OK;
    while (code == JQ_OK && more)
        code = list_more(client, stats, &more);
    if (code == JQ_OK)
        *out = stats;
    else
        joinq_stats_free(stats);
    return code;
}

/* ---- join and end -------------------------------------------------------------------------------------------------- */

int joinq_close(joinq *client, const char *queue, bool immediate, bool after_mine, uint64_t *discarded)
{
    struct jqc_name *name;
    int code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    uint32_t flags = (immediate ? JQW_CLOSE_IMMEDIATE : 0U) | (after_mine ? JQW_CLOSE_AFTER_MINE : 0U);
    struct jqw_message message = {.op = JQW_CLOSE, .close = {.queue = jqc_name_queue(name), .flags = flags}};
    return jqc_call_count(client, &message, name, discarded);
}

/* put_end and task_done */
static int count_call(struct joinq *client, enum jqw_op op, const char *queue, uint32_t count, uint64_t *out)
{
    struct jqc_name *name;
    int code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    struct jqw_message message = {.op = op, .count = {.queue = jqc_name_queue(name), .count = count}};
    return jqc_call_count(client, &message, name, out);
}

int joinq_put_end(joinq *client, const char *queue, uint32_t count)
{
    return count_call(client, JQW_PUT_END, queue, count, NULL);
}

int joinq_task_done(joinq *client, const char *queue, uint32_t count, uint64_t *unfinished)
{
    return count_call(client, JQW_TASK_DONE, queue, count, unfinished);
}

/* ---- producers ----------------------------------------------------------------------------------------------------- */

JQ_MUST_USE static int producer_prepare(struct joinq *client, enum jqw_op op, const char *queue, const char *producer,
                                        struct jqw_message *message, struct jqc_name **name)
{
    size_t size = producer ? strnlen(producer, JQW_NAME_MAX + 1) : 0;
    if (size == 0 || size > JQW_NAME_MAX)
        return jqc_fail(client, JQ_INVALID, "a producer name is 1 to %d bytes", JQW_NAME_MAX);
    int code = jqc_queue(client, queue, name);
    if (code != JQ_OK)
        return code;
    *message = (struct jqw_message){
        .op = op, .producer = {.queue = jqc_name_queue(*name), .producer = {(const uint8_t *)producer, size}}};
    return JQ_OK;
}

int joinq_attach(joinq *client, const char *queue, const char *producer, unsigned flags, struct joinq_attached *out)
{
    struct jqw_message message;
    struct jqc_name *name;
    struct jqc_request *request;
    if (flags & ~(unsigned)JOINQ_TAKEOVER)
        return jqc_fail(client, JQ_INVALID, "unknown flags: %#x", flags);
    int code = producer_prepare(client, JQW_ATTACH, queue, producer, &message, &name);
    if (code == JQ_OK && out)
        code = jqc_size(client, out->size, sizeof *out);
    if (code != JQ_OK)
        return code;
    message.producer.flags = flags & JOINQ_TAKEOVER ? JQW_ATTACH_TAKEOVER : 0;
    code = jqc_call(client, &message, name, &request);
    if (out && code == JQ_OK) {
        *out = request->answer.attached;
        out->size = sizeof *out;
    }
    jqc_call_end(client, request);
    return code;
}

int joinq_finish(joinq *client, const char *queue, const char *producer)
{
    struct jqw_message message;
    struct jqc_name *name;
    int code = producer_prepare(client, JQW_FINISH, queue, producer, &message, &name);
    return code == JQ_OK ? jqc_call_count(client, &message, name, NULL) : code;
}
