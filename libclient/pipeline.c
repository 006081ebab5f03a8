/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets: waiting for what was submitted, cancelling it, forgetting it. */
#include "jqc_call.h"
#include <inttypes.h>

enum { CANCEL_MS = 5000 /* for a cancel to be answered, which waits for nothing but the broker itself */ };

int joinq_flush(joinq *client)
{
    int code = jqc_flush(client);
    return code == JQ_OK ? JQ_OK : jqc_fail(client, code, "%s", client->core.why);
}

/* The request of a ticket; NULL, with the sentence set, where there is none. */
static struct jqc_request *ticket_find(struct joinq *client, joinq_ticket ticket)
{
    struct jqc_request *request = jqc_request_find(&client->core.requests, ticket);
    if (request && request->ticket)
        return request;
    jqc_fail(client, JQ_INVALID, "no ticket %" PRIu32, ticket);
    return NULL;
}

/* Checks what a wait is for. JQ_OK: *out is the request, NULL for any. */
JQ_MUST_USE static int awaited(struct joinq *client, joinq_ticket ticket, struct jqc_request **out)
{
    *out = NULL;
    if (ticket == 0 && client->core.requests.tickets == 0)
        return jqc_fail(client, JQ_INVALID, "nothing was submitted that could be waited for");
    if (ticket != 0)
        *out = ticket_find(client, ticket);
    return ticket == 0 || *out ? JQ_OK : JQ_INVALID;
}

int joinq_wait(joinq *client, joinq_ticket ticket, int64_t timeout_ms, struct joinq_outcome *out)
{
    uint64_t checked;
    struct jqc_request *request;
    int code = jqc_size(client, out->size, sizeof *out);
    if (code == JQ_OK)
        code = jqc_timeout(client, timeout_ms, &checked);
    if (code == JQ_OK)
        code = awaited(client, ticket, &request);
    if (code != JQ_OK)
        return code;
    int64_t deadline_ns = jqc_deadline(timeout_ms);
    do {
        if (jqc_await(client, request, deadline_ns) != JQ_OK)
            return jqc_fail(client, timeout_ms == 0 ? JQ_EMPTY : JQ_TIMEOUT, "not answered yet");
    } while (!jqc_take(client, request ? request : client->core.requests.first, out));
    return JQ_OK;
}

/* Asks the broker; what it does not answer in time is not asked again. */
JQ_MUST_USE static int cancel(struct joinq *client, joinq_ticket ticket, uint64_t *count)
{
    struct jqw_message message = {.op = JQW_CANCEL, .cancel = {.target = ticket}};
    struct jqc_request *request;
    int code = jqc_submit(client, &message, NULL, &request);
    if (code != JQ_OK)
        return code;
    if (jqc_await(client, request, jqc_deadline(CANCEL_MS)) != JQ_OK) {
        jqc_request_forget(&client->core.requests, request);
        return jqc_fail(client, JQ_DISCONNECTED, "the broker has not answered for %d s", CANCEL_MS / 1000);
    }
    struct joinq_outcome outcome;
    if (jqc_take(client, request, &outcome))
        *count = outcome.count;
    return outcome.code;
}

int joinq_cancel(joinq *client, joinq_ticket ticket, bool *hit)
{
    struct jqc_request *request = ticket_find(client, ticket);
    if (!request)
        return JQ_INVALID;
    uint64_t count = 0;
    int code = JQ_OK;
    request->cancelled = true;
    if (request->state == JQC_OPEN && request->kept) {
        jqc_core_withdraw(&client->core, request);
        count = request->answer.code == JQ_CANCELLED;
    } else if (request->state == JQC_OPEN) {
        code = cancel(client, ticket, &count);
    }
    if (code == JQ_OK && hit)
        *hit = count > 0;
    return code;
}

int joinq_forget(joinq *client, joinq_ticket ticket)
{
    struct jqc_request *request = ticket_find(client, ticket);
    if (!request)
        return JQ_INVALID;
    jqc_core_forget(&client->core, request);
    (void)!jqc_flush_here(client);
    if (client->core.lost == JQ_OK) /* where another connection is to come, the request has ended with this one */
        return JQ_OK;
    return jqc_fail(client, JQ_DISCONNECTED, "%s", client->core.why);
}
