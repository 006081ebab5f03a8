/* SPDX-License-Identifier: Apache-2.0 */
/* Requests into bytes, bytes into frames. What the frames say is in jqc_answers.c. */
#include "jqc_core.h"
#include "jqc_batch.h"
#include <stdlib.h>
#include <string.h>

enum { OUT_SENT_MAX = 64 * 1024 /* bytes already sent that the output may carry in front before it moves up */ };

int jqc_core_init(struct jqc_core *core)
{
    *core = (struct jqc_core){.parser = {.frame_max = JQW_FRAME_MAX},
                              .limits = {JQW_FRAME_MAX, JQW_MESSAGE_MAX, JQW_BATCH_MAX}};
    core->scratch = malloc(sizeof *core->scratch);
    int code = core->scratch ? jqc_pool_new(&core->pool) : JQ_OVERLOADED;
    if (code != JQ_OK) {
        jqc_core_fini(core);
        return code;
    }
    jqc_input_init(&core->input, core->pool);
    return JQ_OK;
}

void jqc_core_fini(struct jqc_core *core)
{
    jqc_requests_fini(&core->requests);
    jqc_names_fini(&core->names);
    jqc_input_fini(&core->input);
    if (core->pool)
        jqc_pool_close(core->pool);
    core->pool = NULL;
    free(core->scratch);
    core->scratch = NULL;
    jqw_buffer_fini(&core->out);
    jqw_buffer_fini(&core->kept);
    jqc_producers_fini(core);
}

void jqc_text_copy(char to[JQW_TEXT_MAX + 1], const void *text, size_t size)
{
    if (size > JQW_TEXT_MAX)
        size = JQW_TEXT_MAX;
    if (size > 0)
        memcpy(to, text, size);
    to[size] = '\0';
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* Encodes at the end of the output; a frame beyond what the broker takes is withdrawn. */
JQ_MUST_USE static int message_append(struct jqc_core *core, struct jqw_buffer *out, const struct jqw_message *message)
{
    size_t before = out->size;
    int code = jqw_encode(out, message);
    if (code != JQ_OK)
        return code;
    if (out->size - before - JQW_FRAME_HEADER > core->limits.frame_max) {
        out->size = before;
        return JQ_TOO_LARGE;
    }
    return JQ_OK;
}

/* A new request, with a slot where it must not happen twice. */
JQ_MUST_USE static int request_open(struct jqc_core *core, struct jqw_message *message, struct jqc_request **out)
{
    int code = jqc_request_open(&core->requests, out);
    struct jqw_once *once = core->once ? jqc_once_of(message) : NULL;
    if (code != JQ_OK || !once)
        return code;
    code = jqc_slot_take(&core->requests.slots_once, once);
    if (code == JQ_OK)
        (*out)->once = *once;
    else
        jqc_request_close(&core->requests, *out);
    return code;
}

int jqc_core_submit(struct jqc_core *core, struct jqw_message *message, struct jqc_name *name, struct jqc_request **out)
{
    if (core->lost != JQ_OK)
        return JQ_DISCONNECTED;
    struct jqc_request *request;
    int code = request_open(core, message, &request);
    if (code != JQ_OK)
        return code;
    message->request = request->id;
    bool keep = core->suspended && !jqc_op_greets(message->op);
    struct jqw_buffer *to = keep ? &core->kept : &core->out;
    size_t before = to->size;
    code = message_append(core, to, message);
    if (code != JQ_OK) {
        jqc_request_close(&core->requests, request);
        return code;
    }
    request->op = message->op;
    request->name = name;
    request->order = ++core->submitted;
    request->kept = keep;
    request->kept_start = before;
    request->frame_size = to->size - before;
    request->end = jqc_core_end(core);
    request->epoch = core->broker.epoch;
    request->data_epoch = core->broker.data_epoch;
    request->incarnation_next = core->broker.incarnation_next;
    jqc_request_remember(request, message);
    *out = request;
    return JQ_OK;
}

bool jqc_op_greets(enum jqw_op op)
{
    return op == JQW_HELLO || op == JQW_AUTH;
}

bool jqc_core_is_sent(const struct jqc_core *core, const struct jqc_request *request)
{
    return !request->kept && core->out_sent >= request->end;
}

uint64_t jqc_core_end(const struct jqc_core *core)
{
    return core->out_sent + (core->out.size - core->out_start);
}

/* Submits a request whose answer nobody waits for; a connection without memory for it is given up, and with it all leases. */
static void submit_forgotten(struct jqc_core *core, struct jqw_message *message)
{
    struct jqc_request *request;
    int code = jqc_core_submit(core, message, NULL, &request);
    if (code == JQ_OK)
        jqc_request_forget(&core->requests, request);
    else if (code != JQ_DISCONNECTED)
        jqc_core_lose(core, JQ_OVERLOADED, "no memory to give back what nobody waits for");
}

void jqc_core_ping(struct jqc_core *core)
{
    struct jqw_message message = {.op = JQW_PING};
    submit_forgotten(core, &message);
}

void jqc_core_release_ranges(struct jqc_core *core, const struct jqw_ranges *ranges)
{
    struct jqw_message message = {.op = JQW_RELEASE, .settle = {.ranges = *ranges}};
    submit_forgotten(core, &message);
}

void jqc_core_release(struct jqc_core *core, uint64_t incarnation, const struct jqw_run *runs, uint32_t count)
{
    if (count == 0)
        return;
    struct jqw_range *ranges = core->scratch->ranges;
    jqc_ranges_of_runs(incarnation, runs, count, ranges);
    jqc_core_release_ranges(core, &(struct jqw_ranges){ranges, count});
}

void jqc_core_forget(struct jqc_core *core, struct jqc_request *request)
{
    if (request->state == JQC_ANSWERED) {
        struct joinq_batch *batch = request->answer.batch;
        if (batch && request->op == JQW_GET && batch->session == core->session)
            jqc_core_release(core, batch->incarnation, batch->runs, batch->run_count);
        if (request->answer.receipt && request->answer.end.count)
            jqc_core_release_ranges(core, &(struct jqw_ranges){&request->answer.end, 1});
        jqc_request_close(&core->requests, request);
        return;
    }
    jqc_request_forget(&core->requests, request);
    struct jqw_message message = {.op = JQW_CANCEL, .cancel = {.target = request->id}};
    submit_forgotten(core, &message);
}

int jqc_core_receive(struct jqc_core *core, const struct jqc_answer *answer)
{
    if (answer->receipt <= core->receipt_told)
        return JQ_OK;
    if (core->lost != JQ_OK || core->suspended)
        return JQ_DISCONNECTED;
    struct jqw_message message = {.op = JQW_RECEIVED, .received = {.receipt = answer->receipt}};
    if (message_append(core, &core->out, &message) != JQ_OK) {
        jqc_core_lose(core, JQ_OVERLOADED, "no memory to confirm what was received");
        return JQ_DISCONNECTED;
    }
    if (core->out_sent >= core->receipt_end)
        core->receipt_sent = core->receipt_told;
    core->receipt_told = answer->receipt;
    core->receipt_end = jqc_core_end(core);
    return JQ_OK;
}

void jqc_core_unconfirm(struct jqc_core *core)
{
    if (core->out_sent < core->receipt_end)
        core->receipt_told = core->receipt_sent;
}

/* ---- bytes -------------------------------------------------------------------------------------------------------- */

const uint8_t *jqc_core_output(const struct jqc_core *core, size_t *size)
{
    *size = core->out.size - core->out_start;
    return *size > 0 ? core->out.data + core->out_start : NULL;
}

void jqc_core_sent(struct jqc_core *core, size_t size)
{
    JQ_ASSERT(size <= core->out.size - core->out_start);
    core->out_start += size;
    core->out_sent += size;
    if (core->out_start == core->out.size) {
        core->out.size = 0;
        core->out_start = 0;
    } else if (core->out_start > OUT_SENT_MAX && core->out_start > core->out.size / 2) {
        jqw_buffer_consume(&core->out, core->out_start);
        core->out_start = 0;
    }
}

int jqc_core_room(struct jqc_core *core, uint8_t **to, size_t *size)
{
    return jqc_input_room(&core->input, to, size);
}

JQ_MUST_USE static int frame_take(struct jqc_core *core, const struct jqw_frame *frame, const char **why)
{
    struct jqw_message message;
    int code = jqw_decode(frame->data, frame->size, &message, core->scratch, why);
    if (code == JQ_OK)
        return jqc_answer_take(core, &message, why);
    bool event_of_later_version = code == JQ_INVALID && message.request == 0;
    return event_of_later_version ? JQ_OK : JQ_PROTOCOL;
}

void jqc_core_filled(struct jqc_core *core, size_t size)
{
    struct jqc_input *input = &core->input;
    jqc_input_filled(input, size);
    const char *why = "the broker sent no frame";
    while (core->lost == JQ_OK && input->end > input->start) {
        struct jqw_frame frame;
        size_t consumed;
        enum jqw_frame_status status = jqw_frame_next(&core->parser, input->chunk->data + input->start,
                                                      input->end - input->start, &frame, &consumed, &input->wanted);
        if (status == JQW_FRAME_NONE)
            return;
        if (status == JQW_FRAME_ERROR || frame_take(core, &frame, &why) != JQ_OK) {
            jqc_core_lose(core, JQ_PROTOCOL, why);
            return;
        }
        jqc_input_consume(input, consumed);
    }
}

static void request_lose(struct jqc_core *core, struct jqc_request *request)
{
    if (request->forgotten) {
        jqc_request_close(&core->requests, request);
        return;
    }
    /* OVERLOADED would say that nothing has happened; only before the welcome that is so. */
    bool unknown = core->lost == JQ_OVERLOADED && !jqc_op_greets(request->op);
    request->answer.code = unknown ? JQ_DISCONNECTED : core->lost;
    request->answer.count = request->done_before;
    memcpy(request->answer.text, core->why, sizeof core->why);
    jqc_request_answered(&core->requests, request);
}

void jqc_core_lose(struct jqc_core *core, int code, const char *why)
{
    if (core->lost != JQ_OK)
        return;
    core->lost = code;
    jqc_core_unconfirm(core);
    if (core->why[0] == '\0' || code != JQ_DISCONNECTED)
        jqc_text_copy(core->why, why, strlen(why));
    for (uint32_t i = 0; i < core->requests.count; i++) {
        if (core->requests.slots[i]->state == JQC_OPEN)
            request_lose(core, core->requests.slots[i]);
    }
    core->out.size = 0;
    core->out_start = 0;
    core->kept.size = 0;
}
