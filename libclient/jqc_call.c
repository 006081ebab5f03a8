/* SPDX-License-Identifier: Apache-2.0 */
/* One request from the caller's arguments to its outcome. */
#include "jqc_call.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int jqc_fail(struct joinq *client, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (format)
        vsnprintf(client->error, sizeof client->error, format, arguments);
    else
        snprintf(client->error, sizeof client->error, "%s", jqw_code_text(code));
    va_end(arguments);
    return code;
}

int jqc_timeout(struct joinq *client, int64_t ms, uint64_t *out)
{
    if (ms != JOINQ_FOREVER && (ms < 0 || (uint64_t)ms > JQW_TIMEOUT_MS_MAX))
        return jqc_fail(client, JQ_INVALID, "a time is 0 to %" PRIu64 " ms, not %" PRId64, JQW_TIMEOUT_MS_MAX, ms);
    *out = ms == JOINQ_FOREVER ? JQW_TIMEOUT_FOREVER : (uint64_t)ms;
    return JQ_OK;
}

int jqc_queue(struct joinq *client, const char *queue, struct jqc_name **out)
{
    int code = jqc_names_find(&client->core.names, queue, out);
    if (code == JQ_INVALID)
        return jqc_fail(client, code, "a queue name is 1 to %d bytes", JQW_NAME_MAX);
    return code == JQ_OK ? JQ_OK : jqc_fail(client, code, "no memory for the name of a queue");
}

int jqc_size(struct joinq *client, size_t given, size_t known)
{
    if (given == known)
        return JQ_OK;
    return jqc_fail(client, JQ_INVALID, "a struct of %zu bytes where this library has %zu: not initialised, or newer",
                    given, known);
}

/* Why nothing was submitted. */
static int not_submitted(struct joinq *client, int code)
{
    switch (code) {
    case JQ_DISCONNECTED:
        return jqc_fail(client, code, "%s", client->core.why);
    case JQ_BUSY:
        return jqc_fail(client, code, "too many requests without an outcome");
    case JQ_TOO_LARGE:
        return jqc_fail(client, code, "the request is over the broker's limit of %" PRIu64 " bytes",
                        client->core.limits.frame_max);
    default:
        return jqc_fail(client, code, NULL);
    }
}

int jqc_submit(struct joinq *client, struct jqw_message *message, struct jqc_name *name, struct jqc_request **out)
{
    int code = jqc_core_submit(&client->core, message, name, out);
    bool waits =
        client->core.once && message->op != JQW_FORWARD; /* that has waited before: its ranges lie in the scratch */
    if (code == JQ_BUSY && waits && jqc_slot_await(client))
        code = jqc_core_submit(&client->core, message, name, out);
    if (code != JQ_OK)
        return not_submitted(client, code);
    if (message->op == JQW_GET)
        (*out)->lost_before = client->stale;
    uint64_t wait_ms = message->op == JQW_PUT       ? message->put.timeout_ms
                       : message->op == JQW_GET     ? message->get.timeout_ms
                       : message->op == JQW_JOIN    ? message->join.timeout_ms
                       : message->op == JQW_FORWARD ? message->forward.timeout_ms
                                                    : 0;
    if (client->reconnect.try_ms != 0 && wait_ms > 0 && wait_ms != JQW_TIMEOUT_FOREVER)
        (*out)->deadline_ns = jqc_deadline((int64_t)wait_ms);
    if (message->op == JQW_FORWARD) /* its ranges lie in the scratch */
        jqc_core_copy(&client->core, *out);
    return JQ_OK;
}

void jqc_ticket(struct joinq *client, struct jqc_request *request, joinq_ticket *ticket)
{
    jqc_core_copy(&client->core, request);
    jqc_request_ticket(&client->core.requests, request);
    *ticket = request->id;
    jqc_throttle(client);
}

int jqc_submit_ticket(struct joinq *client, struct jqw_message *message, struct jqc_name *name, joinq_ticket *ticket)
{
    struct jqc_request *request;
    int code = jqc_submit(client, message, name, &request);
    if (code == JQ_OK)
        jqc_ticket(client, request, ticket);
    return code;
}

/* The sentence for an answer: the broker's, or what the code means. */
static void tell(struct joinq *client, const struct jqc_answer *answer)
{
    if (answer->code != JQ_OK && answer->text[0] != '\0')
        jqc_fail(client, answer->code, "%s", answer->text);
    else if (answer->code != JQ_OK)
        jqc_fail(client, answer->code, NULL);
}

int jqc_call(struct joinq *client, struct jqw_message *message, struct jqc_name *name, struct jqc_request **out)
{
    *out = NULL;
    int code = jqc_submit(client, message, name, out);
    if (code != JQ_OK)
        return code;
    code = jqc_await(client, *out, JQC_DEADLINE_NONE);
    JQ_ASSERT(code == JQ_OK);
    tell(client, &(*out)->answer);
    return (*out)->answer.code;
}

void jqc_call_end(struct joinq *client, struct jqc_request *request)
{
    if (request)
        jqc_request_close(&client->core.requests, request);
}

int jqc_call_count(struct joinq *client, struct jqw_message *message, struct jqc_name *name, uint64_t *count)
{
    struct jqc_request *request;
    int code = jqc_call(client, message, name, &request);
    if (count && code == JQ_OK)
        *count = request->answer.count;
    jqc_call_end(client, request);
    return code;
}

/* Confirms a delivery on receipt. If the connection ends meanwhile, what becomes of the request has been decided there
 * (jqc_core_suspend): it may be asked again. Where there is no other to come the delivery goes back, and the caller must not have it. */
static void confirm(struct joinq *client, struct jqc_request *request)
{
    struct jqc_answer *answer = &request->answer;
    if (jqc_core_receive(&client->core, answer) == JQ_OK)
        (void)!jqc_flush_here(client);
    if (request->state != JQC_ANSWERED || answer->receipt <= client->core.receipt_told)
        return;
    const char *why = client->core.why[0] ? client->core.why : "the connection broke before the delivery was confirmed";
    answer->code = JQ_DISCONNECTED;
    jqc_text_copy(answer->text, why, strlen(why));
}

bool jqc_take(struct joinq *client, struct jqc_request *request, struct joinq_outcome *out)
{
    struct jqc_answer *answer = &request->answer;
    if (answer->receipt > client->core.receipt_told)
        confirm(client, request);
    if (request->state != JQC_ANSWERED)
        return false;
    tell(client, answer);
    client->lost = answer->lost;
    *out = (struct joinq_outcome){sizeof *out, request->id, answer->code, answer->count, answer->lost, NULL};
    if (answer->code == JQ_OK) {
        out->batch = answer->batch;
        answer->batch = NULL;
    }
    jqc_request_close(&client->core.requests, request);
    return true;
}
