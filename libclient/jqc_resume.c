/* SPDX-License-Identifier: Apache-2.0 */
/* From one connection to the next: what is asked again, what was never sent, and what is lost. Must not know sockets and clocks. */
#include "jqc_batch.h"
#include "jqc_core.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- producers ----------------------------------------------------------------------------------------------------- */

struct jqc_producer {
    struct jqc_producer *next;
    struct jqc_name *queue;
    uint64_t incarnation; /* to which it was attached */
    uint32_t request;     /* by which it was attached again; 0: not yet */
    size_t size;
    uint8_t text[];
};

static bool is_producer(const struct jqc_producer *producer, struct jqw_bytes text)
{
    return producer->size == text.size && memcmp(producer->text, text.data, text.size) == 0;
}

static struct jqc_producer **producer_find(struct jqc_core *core, const struct jqc_name *queue)
{
    struct jqc_producer **at = &core->producers;
    while (*at && (*at)->queue != queue)
        at = &(*at)->next;
    return at;
}

static void producer_remove(struct jqc_producer **at)
{
    struct jqc_producer *producer = *at;
    *at = producer->next;
    free(producer);
}

/* One name a queue: a later attach takes the place of the one before. Without memory it is not attached again, and puts say so. */
static void producer_attached(struct jqc_core *core, const struct jqc_request *request, struct jqw_bytes text)
{
    struct jqc_producer *producer = malloc(sizeof *producer + text.size);
    if (!producer)
        return;
    *producer =
        (struct jqc_producer){core->producers, request->name, jqc_name_queue(request->name).incarnation, 0, text.size};
    memcpy(producer->text, text.data, text.size);
    core->producers = producer;
}

void jqc_producer_note(struct jqc_core *core, const struct jqc_request *request)
{
    if (!request->name || request->forgotten)
        return;
    struct jqw_bytes text = request->again.producer.producer;
    struct jqc_producer **before = producer_find(core, request->name);
    if (*before && (request->op == JQW_ATTACH || is_producer(*before, text)))
        producer_remove(before);
    if (request->op == JQW_ATTACH)
        producer_attached(core, request, text);
}

void jqc_producer_refused(struct jqc_core *core, uint32_t request)
{
    struct jqc_producer **at = &core->producers;
    while (*at && (*at)->request != request)
        at = &(*at)->next;
    if (*at)
        producer_remove(at);
}

void jqc_producer_fenced(struct jqc_core *core, const struct jqw_event_fenced *fenced)
{
    struct jqc_producer **at = &core->producers;
    while (*at && ((*at)->incarnation != fenced->queue.incarnation || !is_producer(*at, fenced->producer)))
        at = &(*at)->next;
    if (*at)
        producer_remove(at);
}

void jqc_producers_fini(struct jqc_core *core)
{
    while (core->producers) {
        struct jqc_producer *producer = core->producers;
        core->producers = producer->next;
        free(producer);
    }
}

/* The broker has ended the session that held the names; one that another client took over meanwhile stays that client's. */
static void producers_attach(struct jqc_core *core)
{
    for (struct jqc_producer *at = core->producers; at; at = at->next) {
        struct jqw_message message = {
            .op = JQW_ATTACH, .producer = {.queue = jqc_name_queue(at->queue), .producer = {at->text, at->size}}};
        struct jqc_request *request;
        bool gone = message.producer.queue.incarnation != at->incarnation; /* and another was made in its place */
        if (gone || jqc_core_submit(core, &message, NULL, &request) != JQ_OK)
            continue;
        at->request = request->id;
        jqc_request_forget(&core->requests, request);
    }
}

/* ---- the end of a connection ------------------------------------------------------------------------------------------ */

static void request_answer(struct jqc_core *core, struct jqc_request *request, int code, const char *why)
{
    request->kept = false;
    request->answer.code = code;
    request->answer.count = request->done_before;
    request->answer.lost = code == JQ_LEASE_LOST ? request->carried : request->lost_before;
    jqc_text_copy(request->answer.text, why, strlen(why));
    jqc_request_answered(&core->requests, request);
}

/* Nothing of its frame was sent: its bytes go out on the next connection. */
JQ_MUST_USE static bool bytes_keep(struct jqc_core *core, struct jqc_request *request)
{
    uint64_t start = request->end - request->frame_size;
    if (request->end < request->frame_size || start < core->out_sent)
        return false;
    const uint8_t *from = core->out.data + core->out_start + (start - core->out_sent);
    request->kept_start = core->kept.size;
    return jqw_buffer_append(&core->kept, from, request->frame_size) == JQ_OK;
}

static void request_suspend(struct jqc_core *core, struct jqc_request *request, const char *why)
{
    if (request->kept)
        return;
    request->unsure |= request->end < request->frame_size || request->end - request->frame_size < core->out_sent;
    request->lost_before += request->op == JQW_GET ? request->carried : 0;
    if (request->op == JQW_GET)
        request->carried = 0;
    request->kept_start = 0;
    if (request->forgotten)
        jqc_request_close(&core->requests, request);
    else if (jqc_request_settles(request))
        request_answer(core, request, JQ_LEASE_LOST, "the leases were lost with the connection");
    else if (request->remade || (!jqc_op_greets(request->op) && bytes_keep(core, request)))
        request->kept = true;
    else
        request_answer(core, request, JQ_DISCONNECTED, why);
}

/* What was delivered on receipt, and the caller has not seen yet (GET-3). By how much of its confirmation was written:
 *
 * - all of it: the caller gets what was delivered. The broker may not have come to read it, and then delivers it again; to ask
 *   again instead would lose it if the broker has;
 * - nothing, or a part, which the broker cannot take for a frame: it gives the delivery back with the session, and so does its
 *   next run on the same data. The get is asked again, as one that had not been answered; what it finished stays finished. A queue
 *   that another run does not have is lost, as for any request;
 * - the same, where the caller has asked to give the get up: it ends, with nothing. */
static void receipt_suspend(struct jqc_core *core, struct jqc_request *request)
{
    uint64_t receipt = request->answer.receipt;
    request->answer.receipt = 0;
    if (receipt <= core->receipt_told)
        return;
    request->lost_before = request->answer.lost;
    request->carried = 0;
    jqc_request_reopen(&core->requests, request);
    request->unsure = true;
    if (request->cancelled)
        request_answer(core, request, JQ_CANCELLED, "");
    else
        request->kept = true;
}

void jqc_core_suspend(struct jqc_core *core, const char *why)
{
    if (core->why[0] == '\0')
        jqc_text_copy(core->why, why, strlen(why));
    jqc_core_unconfirm(core);
    for (uint32_t i = 0; i < core->requests.count; i++) {
        struct jqc_request *request = core->requests.slots[i];
        if (request->state == JQC_OPEN)
            request_suspend(core, request, core->why);
        else if (request->state == JQC_ANSWERED)
            receipt_suspend(core, request);
    }
    core->suspended = true;
    core->session++;
    core->receipt_told = core->receipt_sent = 0;
    core->out_sent = core->receipt_end = jqc_core_end(core);
    core->out.size = core->out_start = 0;
    core->parser = (struct jqw_frame_parser){.frame_max = JQW_FRAME_MAX};
    jqc_input_fini(&core->input);
    jqc_input_init(&core->input, core->pool);
}

/* ---- the next one ------------------------------------------------------------------------------------------------------ */

static int by_order(const void *a, const void *b)
{
    const struct jqc_request *const *one = a, *const *other = b;
    return ((*one)->order > (*other)->order) - ((*one)->order < (*other)->order);
}

/* Whether the broker would know again what it may have done once (ONE-3). */
static bool once_holds(const struct jqc_core *core, const struct jqc_request *request, uint64_t gap_ms)
{
    const struct jqc_broker *broker = &core->broker;
    bool remembered = broker->known || gap_ms < broker->client_forget_ms / 2;
    return remembered && request->data_epoch == broker->data_epoch;
}

static void once_lost_text(const struct jqc_core *core, const struct jqc_request *request, char *to, size_t size)
{
    if (request->data_epoch == core->broker.data_epoch)
        snprintf(to, size, "the broker does not know this client any more%s", JQC_OUTCOME_UNKNOWN);
    else if (request->name)
        jqc_name_lost_text(request->name, JQC_OUTCOME_UNKNOWN, to, size);
    else
        snprintf(to, size, "the queues were lost with their broker%s", JQC_OUTCOME_UNKNOWN);
}

/* True: what the broker before may have begun must not be asked of this one, and its caller is told. */
static bool is_lost(struct jqc_core *core, struct jqc_request *request, uint64_t gap_ms)
{
    char why[JQW_TEXT_MAX + 1];
    bool once = request->once.number > 0, same_data = request->data_epoch == core->broker.data_epoch;
    if (!request->unsure || (once && once_holds(core, request, gap_ms)))
        return false;
    if (!once && (same_data || request->epoch == core->broker.epoch || jqc_request_knows_queues(core, request)))
        return false;
    if (once)
        once_lost_text(core, request, why, sizeof why);
    else
        jqc_name_lost_text(request->name, "", why, sizeof why); /* only moves and forwards lack it, and go by number */
    request_answer(core, request, JQ_DISCONNECTED, why);
    return true;
}

static void request_resume(struct jqc_core *core, struct jqc_request *request, uint64_t gap_ms)
{
    size_t before = core->out.size;
    int code = JQ_OK;
    if (is_lost(core, request, gap_ms))
        return;
    request->kept = false;
    if (request->remade) {
        code = jqc_request_remake(core, request);
    } else {
        code = jqw_buffer_append(&core->out, core->kept.data + request->kept_start, request->frame_size);
        request->frame_size = core->out.size - before;
        request->end = jqc_core_end(core);
    }
    if (code != JQ_OK)
        request_answer(core, request, request->unsure ? JQ_DISCONNECTED : JQ_OVERLOADED, "no memory to ask again");
}

void jqc_core_resume(struct jqc_core *core, int64_t now_ns, uint64_t gap_ms)
{
    uint32_t count = 0;
    struct jqc_request **kept = calloc(core->requests.count + 1U, sizeof *kept);
    core->suspended = false;
    core->resumed_ns = now_ns;
    core->why[0] = '\0';
    if (!kept) {
        jqc_core_lose(core, JQ_OVERLOADED, "no memory to ask again");
        return;
    }
    for (uint32_t i = 0; i < core->requests.count; i++) {
        struct jqc_request *request = core->requests.slots[i];
        if (request->state == JQC_OPEN && request->kept && request->forgotten)
            jqc_request_close(&core->requests, request);
        else if (request->state == JQC_OPEN && request->kept)
            kept[count++] = request;
    }
    producers_attach(core);
    qsort(kept, count, sizeof *kept, by_order);
    for (uint32_t i = 0; i < count; i++)
        request_resume(core, kept[i], gap_ms);
    core->kept.size = 0;
    free(kept);
}

/* What a connection may have carried before is not said to have been in vain. */
static void kept_end(struct jqc_core *core, struct jqc_request *request, int code, const char *why)
{
    request->answer.joined.remaining = UINT64_MAX; /* nobody could be asked */
    if (request->unsure && request->once.number > 0)
        request_answer(core, request, JQ_DISCONNECTED, "no connection to the broker in time to ask what came of it");
    else
        request_answer(core, request, code, why);
}

/* Bytes behind the last request that waits for a connection are not kept any longer. */
static void kept_trim(struct jqc_core *core)
{
    size_t end = 0;
    for (uint32_t i = 0; i < core->requests.count; i++) {
        const struct jqc_request *request = core->requests.slots[i];
        size_t request_end = request->kept_start + request->frame_size;
        if (request->state == JQC_OPEN && request->kept && request_end > end)
            end = request_end;
    }
    if (end < core->kept.size)
        core->kept.size = end;
    if (core->kept.size == 0)
        jqw_buffer_fini(&core->kept);
}

void jqc_core_withdraw(struct jqc_core *core, struct jqc_request *request)
{
    kept_end(core, request, JQ_CANCELLED, "");
    kept_trim(core);
}

int64_t jqc_core_expire(struct jqc_core *core, int64_t now_ns)
{
    int64_t next = INT64_MAX;
    bool expired = false;
    for (uint32_t i = 0; i < core->requests.count; i++) {
        struct jqc_request *request = core->requests.slots[i];
        if (request->state != JQC_OPEN || !request->kept)
            continue;
        if (request->deadline_ns <= now_ns) {
            kept_end(core, request, JQ_TIMEOUT, "no connection to the broker in time");
            expired = true;
        } else if (request->deadline_ns < next) {
            next = request->deadline_ns;
        }
    }
    if (!expired)
        return next;
    kept_trim(core);
    return now_ns;
}
