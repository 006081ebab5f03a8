/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: done, nack, release, touch. */
#include "jqc_batch.h"
#include "jqc_call.h"
#include <inttypes.h>

/* Everything that can be wrong with settling messages of a batch is found here. */
int jqc_leases(struct joinq *client, struct joinq_batch *batch, size_t first, size_t count, struct jqw_ranges *out)
{
    if (!batch->leased)
        return jqc_fail(client, JQ_INVALID, "these messages are not leased: nothing is left to be done with them");
    if (count == 0 || first > batch->count || count > batch->count - first)
        return jqc_fail(client, JQ_INVALID, "no messages %zu to %zu in a batch of %" PRIu32, first, first + count,
                        batch->count);
    if (jqc_batch_prepare(batch, (uint32_t)count) != JQ_OK)
        return jqc_fail(client, JQ_OVERLOADED, NULL);
    if (batch->session != client->core.session) {
        jqc_batch_settle(batch, (uint32_t)first, (uint32_t)count);
        client->lost = count;
        return jqc_fail(client, JQ_LEASE_LOST, "the leases were lost with the connection that brought them");
    }
    struct jqw_range *ranges = client->core.scratch->ranges;
    *out = (struct jqw_ranges){ranges, jqc_batch_ranges(batch, (uint32_t)first, (uint32_t)count, ranges)};
    return JQ_OK;
}

JQ_MUST_USE static int settle(struct joinq *client, enum jqw_op op, struct joinq_batch *batch, size_t first,
                              size_t count, uint64_t delay_ms, uint32_t flags)
{
    struct jqw_message message = {.op = op, .settle.delay_ms = delay_ms, .settle.flags = flags};
    struct jqc_request *request;
    client->lost = 0;
    int code = jqc_leases(client, batch, first, count, &message.settle.ranges);
    if (code != JQ_OK)
        return code;
    code = jqc_call(client, &message, NULL, &request);
    if (op != JQW_TOUCH && (code == JQ_OK || code == JQ_LEASE_LOST))
        jqc_batch_settle(batch, (uint32_t)first, (uint32_t)count);
    client->lost = request ? request->answer.lost : 0;
    jqc_call_end(client, request);
    return code;
}

int joinq_done(joinq *client, struct joinq_batch *batch, size_t first, size_t count)
{
    return settle(client, JQW_DONE, batch, first, count, 0, 0);
}

int joinq_nack(joinq *client, struct joinq_batch *batch, size_t first, size_t count, int64_t delay_ms)
{
    if (delay_ms < 0 || (uint64_t)delay_ms > JQW_TIMEOUT_MS_MAX)
        return jqc_fail(client, JQ_INVALID, "a delay is 0 to %" PRIu64 " ms, not %" PRId64, JQW_TIMEOUT_MS_MAX,
                        delay_ms);
    return settle(client, JQW_NACK, batch, first, count, (uint64_t)delay_ms, 0);
}

int joinq_nack_dead(joinq *client, struct joinq_batch *batch, size_t first, size_t count)
{
    return settle(client, JQW_NACK, batch, first, count, 0, JQW_NACK_DEAD);
}

int joinq_release(joinq *client, struct joinq_batch *batch, size_t first, size_t count)
{
    return settle(client, JQW_RELEASE, batch, first, count, 0, 0);
}

int joinq_touch(joinq *client, struct joinq_batch *batch, size_t first, size_t count)
{
    return settle(client, JQW_TOUCH, batch, first, count, 0, 0);
}

size_t joinq_lost(const joinq *client)
{
    return client->lost;
}

int joinq_submit_done(joinq *client, struct joinq_batch *batch, size_t first, size_t count, joinq_ticket *ticket)
{
    struct jqw_message message = {.op = JQW_DONE};
    int code = jqc_leases(client, batch, first, count, &message.settle.ranges);
    if (code == JQ_OK)
        code = jqc_submit_ticket(client, &message, NULL, ticket);
    if (code == JQ_OK)
        jqc_batch_settle(batch, (uint32_t)first, (uint32_t)count);
    return code;
}
