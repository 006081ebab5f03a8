/* SPDX-License-Identifier: Apache-2.0 */
/* Puts: checked, encoded straight into the output. */
#include "jqc_call.h"
#include <inttypes.h>

/* The bodies as the encoder takes them, in the client's array. */
JQ_MUST_USE static int bodies_check(struct joinq *client, const struct joinq_body *bodies, size_t count)
{
    if (count == 0 || count > JOINQ_BATCH_MAX)
        return jqc_fail(client, JQ_INVALID, "a batch is 1 to %d messages, not %zu", JOINQ_BATCH_MAX, count);
    uint64_t size_max = client->core.limits.message_max;
    for (size_t i = 0; i < count; i++) {
        if (bodies[i].size > size_max)
            return jqc_fail(client, JQ_TOO_LARGE, "a message of %zu bytes is over the broker's limit of %" PRIu64,
                            bodies[i].size, size_max);
        if (bodies[i].size > 0 && !bodies[i].data)
            return jqc_fail(client, JQ_INVALID, "message %zu has a size but no data", i);
        client->items[i] = (struct jqw_bytes){bodies[i].data, bodies[i].size};
    }
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
    int code = jqc_size(client, options->size, sizeof *options);
    if (code == JQ_OK)
        code = jqc_timeout(client, options->timeout_ms, &put.timeout_ms);
    if (code == JQ_OK && options->ttl_ms < 0)
        code = jqc_fail(client, JQ_INVALID, "a time to live is 0 or more, not %" PRId64 " ms", options->ttl_ms);
    if (code == JQ_OK)
        code = jqc_timeout(client, options->ttl_ms, &put.options.ttl_ms);
    if (code == JQ_OK && options->delay_ms < 0)
        code = jqc_fail(client, JQ_INVALID, "a delay is 0 or more, not %" PRId64 " ms", options->delay_ms);
    if (code == JQ_OK)
        code = jqc_timeout(client, options->delay_ms, &put.options.delay_ms);
    if (code == JQ_OK)
        code = bodies_check(client, bodies, count);
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
