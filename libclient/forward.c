/* SPDX-License-Identifier: Apache-2.0 */
/* Done and put in one: leases finished and messages put to other queues, all of it or nothing. */
#include "jqc_batch.h"
#include "jqc_call.h"

JQ_MUST_USE static int target_prepare(struct joinq *client, const struct joinq_target *target, uint32_t at,
                                      struct jqw_target *out)
{
    const struct joinq_put_options defaults = JOINQ_PUT_OPTIONS_INIT;
    struct jqc_name *name;
    int code = jqc_put_options(client, target->options ? target->options : &defaults, &out->options);
    if (code == JQ_OK)
        code = jqc_bodies(client, target->bodies, target->count, at);
    if (code == JQ_OK)
        code = jqc_queue(client, target->queue, &name);
    if (code != JQ_OK)
        return code;
    out->queue = jqc_name_queue(name);
    out->count = (uint32_t)target->count;
    return JQ_OK;
}

/* What is finished and what is put. */
struct forward {
    struct joinq_batch *batch;
    size_t first, count;
    struct jqw_target targets[JOINQ_TARGETS_MAX];
    struct jqw_message message;
};

/* Everything that can be wrong with it is found here; forward->message is then ready to be submitted. */
JQ_MUST_USE static int forward_prepare(struct joinq *client, struct forward *forward,
                                       const struct joinq_target *targets, size_t count, int64_t timeout_ms)
{
    struct jqw_forward *out = &forward->message.forward;
    if (count == 0 || count > JOINQ_TARGETS_MAX)
        return jqc_fail(client, JQ_INVALID, "a forward puts into 1 to %d queues, not %zu", JOINQ_TARGETS_MAX, count);
    forward->message = (struct jqw_message){.op = JQW_FORWARD};
    client->lost = 0;
    int code = jqc_timeout(client, timeout_ms, &out->timeout_ms);
    uint32_t bodies = 0;
    for (size_t i = 0; i < count && code == JQ_OK; i++) {
        code = target_prepare(client, &targets[i], bodies, &forward->targets[i]);
        bodies += forward->targets[i].count;
    }
    if (code == JQ_OK && client->core.once)
        (void)jqc_slot_await(client); /* now: what is read meanwhile takes the place of the ranges */
    if (code == JQ_OK && forward->batch)
        code = jqc_leases(client, forward->batch, forward->first, forward->count, &out->done);
    out->targets = forward->targets;
    out->target_count = (uint32_t)count;
    out->bodies = (struct jqw_bodies){.item = client->items, .count = bodies};
    return code;
}

int joinq_forward(joinq *client, struct joinq_batch *batch, size_t first, size_t count,
                  const struct joinq_target *targets, size_t target_count, int64_t timeout_ms)
{
    struct forward forward = {.batch = batch, .first = first, .count = count};
    struct jqc_request *request;
    int code = forward_prepare(client, &forward, targets, target_count, timeout_ms);
    if (code != JQ_OK)
        return code;
    code = jqc_call(client, &forward.message, NULL, &request);
    if (code == JQ_OK && batch)
        jqc_batch_settle(batch, (uint32_t)first, (uint32_t)count);
    client->lost = request ? request->answer.lost : 0;
    jqc_call_end(client, request);
    return code;
}

int joinq_submit_forward(joinq *client, struct joinq_batch *batch, size_t first, size_t count,
                         const struct joinq_target *targets, size_t target_count, int64_t timeout_ms,
                         joinq_ticket *ticket)
{
    struct forward forward = {.batch = batch, .first = first, .count = count};
    int code = forward_prepare(client, &forward, targets, target_count, timeout_ms);
    if (code == JQ_OK)
        code = jqc_submit_ticket(client, &forward.message, NULL, ticket);
    if (code == JQ_OK && batch)
        jqc_batch_settle(batch, (uint32_t)first, (uint32_t)count);
    return code;
}
