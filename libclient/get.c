/* SPDX-License-Identifier: Apache-2.0 */
/* Gets, which may carry the dones of a batch before, and peeks. */
#include "jqc_batch.h"
#include "jqc_call.h"
#include <stdlib.h>

/* As many as the broker gives at once. */
JQ_MUST_USE static int max_check(struct joinq *client, size_t max, uint32_t *out)
{
    if (max == 0 || max > JOINQ_BATCH_MAX)
        return jqc_fail(client, JQ_INVALID, "a get is for 1 to %d messages, not %zu", JOINQ_BATCH_MAX, max);
    *out = (uint32_t)max < client->core.limits.batch_max ? (uint32_t)max : client->core.limits.batch_max;
    return JQ_OK;
}

/* The further queues of a get, owned by its request once that is submitted. */
JQ_MUST_USE static int others_prepare(struct joinq *client, const struct joinq_get_options *options,
                                      struct jqc_name *first, struct jqc_others **out)
{
    *out = NULL;
    if (options->other_count == 0)
        return JQ_OK;
    if (options->other_count > JOINQ_GET_OTHERS_MAX)
        return jqc_fail(client, JQ_INVALID, "a get is from at most %d queues, not %zu", 1 + JOINQ_GET_OTHERS_MAX,
                        1 + options->other_count);
    struct jqc_others *others = calloc(1, sizeof *others);
    if (!others)
        return jqc_fail(client, JQ_OVERLOADED, NULL);
    int code = JQ_OK;
    others->first = first;
    for (; others->count < options->other_count && code == JQ_OK; others->count++) {
        struct jqc_name **name = &others->names[others->count];
        code = jqc_queue(client, options->others[others->count], name);
        if (code == JQ_OK)
            others->queues[others->count] = jqc_name_queue(*name);
    }
    if (code == JQ_OK)
        *out = others;
    else
        free(others);
    return code;
}

/* Everything that can be wrong with a get is found here. */
JQ_MUST_USE static int get_prepare(struct joinq *client, const char *queue, const struct joinq_get_options *options,
                                   struct jqw_message *message, struct jqc_name **name, struct jqc_others **others)
{
    struct jqw_get get = {.generation = options->generation};
    int code = jqc_size(client, options->size, sizeof *options);
    if (code == JQ_OK)
        code = jqc_timeout(client, options->timeout_ms, &get.timeout_ms);
    if (code == JQ_OK)
        code = max_check(client, options->max, &get.max);
    if (code == JQ_OK)
        code = jqc_queue(client, queue, name);
    if (code == JQ_OK)
        code = others_prepare(client, options, *name, others);
    if (code != JQ_OK)
        return code;
    if (*others) {
        get.others = (*others)->queues;
        get.other_count = (*others)->count;
    }
    get.queue = jqc_name_queue(*name);
    get.flags = (options->auto_done ? JQW_GET_AUTO : 0U) | (options->final ? JQW_GET_FINAL : 0U);
    client->stale = 0;
    if (options->done && options->done->session == client->core.session) {
        struct jqw_range *ranges = client->core.scratch->ranges;
        get.done = (struct jqw_ranges){ranges, jqc_batch_held(options->done, ranges)};
    }
    if (options->done && options->done->session != client->core.session)
        client->stale = jqc_batch_held_count(options->done);
    *message = (struct jqw_message){.op = JQW_GET, .get = get};
    return JQ_OK;
}

JQ_MUST_USE static int get_submit(struct joinq *client, const char *queue, const struct joinq_get_options *options,
                                  struct jqc_request **out)
{
    struct jqw_message message;
    struct jqc_name *name;
    struct jqc_others *others;
    int code = get_prepare(client, queue, options, &message, &name, &others);
    if (code == JQ_OK)
        code = jqc_submit(client, &message, name, out);
    else
        return code;
    if (code == JQ_OK)
        (*out)->others = others;
    else
        free(others);
    return code;
}

int joinq_get_many(joinq *client, const char *queue, const struct joinq_get_options *options, struct joinq_batch **out)
{
    const struct joinq_get_options defaults = JOINQ_GET_OPTIONS_INIT;
    if (!options)
        options = &defaults;
    struct jqc_request *request;
    int code = get_submit(client, queue, options, &request);
    if (code != JQ_OK)
        return code;
    struct joinq_outcome outcome;
    do {
        code = jqc_await(client, request, JQC_DEADLINE_NONE);
        JQ_ASSERT(code == JQ_OK);
    } while (!jqc_take(client, request, &outcome));
    code = outcome.code;
    if (options->done && code < JQ_NO_QUEUE) /* a result; after an error they may still be held */
        jqc_batch_settle_all(options->done);
    if (code == JQ_OK)
        *out = outcome.batch;
    return code;
}

int joinq_get(joinq *client, const char *queue, int64_t timeout_ms, struct joinq_batch **out)
{
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    options.timeout_ms = timeout_ms;
    return joinq_get_many(client, queue, &options, out);
}

int joinq_submit_get(joinq *client, const char *queue, const struct joinq_get_options *options, joinq_ticket *ticket)
{
    const struct joinq_get_options defaults = JOINQ_GET_OPTIONS_INIT;
    if (!options)
        options = &defaults;
    struct jqc_request *request;
    int code = get_submit(client, queue, options, &request);
    if (code == JQ_OK)
        jqc_ticket(client, request, ticket);
    if (code == JQ_OK && options->done)
        jqc_batch_settle_all(options->done);
    return code;
}

/* Takes the messages out of an answer: they were only looked at. */
JQ_MUST_USE static int look(struct joinq *client, struct jqw_message *message, struct jqc_name *name,
                            struct joinq_batch **out, uint64_t *count)
{
    struct jqc_request *request;
    int code = jqc_call(client, message, name, &request);
    if (code == JQ_OK) {
        *out = request->answer.batch;
        *count = request->answer.count;
        request->answer.batch = NULL;
    }
    jqc_call_end(client, request);
    return code;
}

int joinq_peek(joinq *client, const char *queue, size_t max, struct joinq_batch **out)
{
    struct jqw_message message = {.op = JQW_PEEK};
    struct jqc_name *name;
    uint64_t count;
    int code = max_check(client, max, &message.count.count);
    if (code == JQ_OK)
        code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    message.count.queue = jqc_name_queue(name);
    return look(client, &message, name, out, &count);
}

int joinq_export(joinq *client, const char *queue, uint64_t from, size_t max, struct joinq_batch **out, uint64_t *next)
{
    struct jqw_message message = {.op = JQW_EXPORT, .export_.from = from};
    struct jqc_name *name;
    int code = max_check(client, max, &message.export_.count);
    if (code == JQ_OK)
        code = jqc_queue(client, queue, &name);
    if (code != JQ_OK)
        return code;
    message.export_.queue = jqc_name_queue(name);
    return look(client, &message, name, out, next);
}
