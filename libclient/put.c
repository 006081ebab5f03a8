/* SPDX-License-Identifier: Apache-2.0 */
/* Puts: checked, encoded straight into the output. */
#include "jqc_call.h"
#include <inttypes.h>

int jqc_bodies(struct joinq *client, const struct joinq_body *bodies, size_t count, uint32_t at)
{
    if (count == 0 || count > JOINQ_BATCH_MAX - (size_t)at)
        return jqc_fail(client, JQ_INVALID, "a batch is 1 to %d messages, not %zu", JOINQ_BATCH_MAX, at + count);
    uint64_t size_max = client->core.limits.message_max;
    for (size_t i = 0; i < count; i++) {
        if (bodies[i].size > size_max)
            return jqc_fail(client, JQ_TOO_LARGE, "a message of %zu bytes is over the broker's limit of %" PRIu64,
                            bodies[i].size, size_max);
        if (bodies[i].size > 0 && !bodies[i].data)
            return jqc_fail(client, JQ_INVALID, "message %zu has a size but no data", i);
        client->items[at + i] = (struct jqw_bytes){bodies[i].data, bodies[i].size};
    }
    return JQ_OK;
}

/* A time that is no time to wait: 0 or more. */
JQ_MUST_USE static int duration(struct joinq *client, const char *what, int64_t ms, uint64_t *out)
{
    if (ms < 0)
        return jqc_fail(client, JQ_INVALID, "%s is 0 or more, not %" PRId64 " ms", what, ms);
    return jqc_timeout(client, ms, out);
}

int jqc_put_options(struct joinq *client, const struct joinq_put_options *options, struct jqw_put_options *out)
{
    *out = (struct jqw_put_options){.generation = options->generation};
    int code = jqc_size(client, options->size, sizeof *options);
    if (code == JQ_OK)
        code = duration(client, "a time to live", options->ttl_ms, &out->ttl_ms);
    if (code == JQ_OK)
        code = duration(client, "a delay", options->delay_ms, &out->delay_ms);
    if (code != JQ_OK || !options->has_priority)
        return code;
    out->priority = (struct jqw_priority){.kind = JQW_PRIORITY_NUMBER, .number = options->priority};
    if (!options->priority_bytes)
        return JQ_OK;
    if (options->priority_size > JQW_PRIORITY_MAX)
        return jqc_fail(client, JQ_INVALID, "a priority is at most %d bytes, not %zu", JQW_PRIORITY_MAX,
                        options->priority_size);
    out->priority =
        (struct jqw_priority){.kind = JQW_PRIORITY_BYTES, .bytes = {options->priority_bytes, options->priority_size}};
    return JQ_OK;
}

/* Everything that can be wrong with a put is found here; *message is then ready to be submitted. */
JQ_MUST_USE static int put_prepare(struct joinq *client, const char *queue, const struct joinq_body *bodies,
                                   size_t count, const struct joinq_put_options *options, struct jqw_message *message,
                                   struct jqc_name **name)
{
    const struct joinq_put_options defaults = JOINQ_PUT_OPTIONS_INIT;
    if (!options)
        options = &defaults;
    struct jqw_put put = {.flags = options->partial ? JQW_PUT_PARTIAL : 0};
    int code = jqc_put_options(client, options, &put.options);
    if (code == JQ_OK)
        code = jqc_timeout(client, options->timeout_ms, &put.timeout_ms);
    if (code == JQ_OK)
        code = jqc_bodies(client, bodies, count, 0);
    if (code == JQ_OK)
        code = jqc_queue(client, queue, name);
    if (code != JQ_OK)
        return code;
    put.queue = jqc_name_queue(*name);
    put.bodies = (struct jqw_bodies){.item = client->items, .count = (uint32_t)count};
    *message = (struct jqw_message){.op = JQW_PUT, .put = put};
    return JQ_OK;
}

int joinq_put_many(joinq *client, const char *queue, const struct joinq_body *bodies, size_t count,
                   const struct joinq_put_options *options, size_t *accepted)
{
    struct jqw_message message;
    struct jqc_name *name;
    struct jqc_request *request = NULL;
    int code = put_prepare(client, queue, bodies, count, options, &message, &name);
    if (code == JQ_OK)
        code = jqc_call(client, &message, name, &request);
    if (accepted)
        *accepted = request ? (size_t)request->answer.count : 0;
    jqc_call_end(client, request);
    return code;
}

int joinq_put(joinq *client, const char *queue, const void *data, size_t size, int64_t timeout_ms)
{
    const struct joinq_body body = {data, size};
    struct joinq_put_options options = JOINQ_PUT_OPTIONS_INIT;
    options.timeout_ms = timeout_ms;
    return joinq_put_many(client, queue, &body, 1, &options, NULL);
}

int joinq_submit_put(joinq *client, const char *queue, const struct joinq_body *bodies, size_t count,
                     const struct joinq_put_options *options, joinq_ticket *ticket)
{
    struct jqw_message message;
    struct jqc_name *name;
    int code = put_prepare(client, queue, bodies, count, options, &message, &name);
    return code == JQ_OK ? jqc_submit_ticket(client, &message, name, ticket) : code;
}
