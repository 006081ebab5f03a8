/* SPDX-License-Identifier: Apache-2.0 */
/* How a request is asked again on another connection: from what its caller still holds, or from a copy. What must not happen twice has
 * a slot and a number, by which the broker knows it again. Must not know sockets and clocks. */
#include "jqc_batch.h"
#include "jqc_core.h"
#include <stdlib.h>
#include <string.h>

/* What may be asked twice: it changes nothing, or what it changes the second time is nothing. */
#define OF(op) (UINT64_C(1) << (op))
static const uint64_t repeatable = OF(JQW_GET) | OF(JQW_JOIN) | OF(JQW_STAT) | OF(JQW_LIST) | OF(JQW_PEEK) |
                                   OF(JQW_EXPORT) | OF(JQW_WHY) | OF(JQW_PING) | OF(JQW_MARK) | OF(JQW_DECLARE) |
                                   OF(JQW_ALTER) | OF(JQW_PAUSE) | OF(JQW_CLOSE) | OF(JQW_ATTACH) | OF(JQW_FINISH) |
                                   OF(JQW_CANCEL) | OF(JQW_BROKER);
/* Of these, what looks at a queue, whichever has the name now. */
static const uint64_t looks = OF(JQW_STAT) | OF(JQW_PEEK) | OF(JQW_EXPORT) | OF(JQW_WHY);
static const uint64_t settles = OF(JQW_DONE) | OF(JQW_NACK) | OF(JQW_RELEASE) | OF(JQW_TOUCH);

bool jqc_request_settles(const struct jqc_request *request)
{
    return OF(request->op) & settles;
}

struct jqw_once *jqc_once_of(struct jqw_message *message)
{
    switch (message->op) {
    case JQW_PUT:
        return &message->put.once;
    case JQW_FORWARD:
        return &message->forward.once;
    case JQW_TASK_DONE:
    case JQW_PUT_END:
        return &message->count.once;
    case JQW_MOVE:
        return &message->move.once;
    default:
        return NULL;
    }
}

void jqc_request_remember(struct jqc_request *request, const struct jqw_message *message)
{
    request->remade = request->once.number || OF(message->op) & repeatable;
    if (jqc_request_settles(request))
        request->carried = jqc_ranges_total(&message->settle.ranges);
    if (message->op == JQW_GET)
        request->carried = jqc_ranges_total(&message->get.done);
    if (request->remade)
        request->again = *message;
    if (message->op == JQW_GET) /* their leases do not outlive the connection */
        request->again.get.done = request->again.get.release = (struct jqw_ranges){0};
}

void jqc_core_copy(struct jqc_core *core, struct jqc_request *request)
{
    const struct jqw_buffer *from = request->kept ? &core->kept : &core->out;
    if (request->once.number == 0)
        return;
    request->copy.size = 0;
    request->remade =
        jqw_buffer_append(&request->copy, from->data + from->size - request->frame_size, request->frame_size) == JQ_OK;
}

/* The message as it was submitted. Uses the scratch of the core. */
static void request_message(struct jqc_core *core, const struct jqc_request *request, struct jqw_message *out)
{
    const char *why;
    *out = request->again;
    if (request->copy.size == 0)
        return;
    int code = jqw_decode(request->copy.data + JQW_FRAME_HEADER, request->copy.size - JQW_FRAME_HEADER, out,
                          core->scratch, &why);
    JQ_ASSERT(code == JQ_OK); /* it was encoded here */
}

/* ---- the queues that it names ----------------------------------------------------------------------------------------- */

static struct jqw_queue *first_queue(struct jqw_message *message)
{
    switch (message->op) {
    case JQW_PUT:
        return &message->put.queue;
    case JQW_GET:
        return &message->get.queue;
    case JQW_JOIN:
        return &message->join.queue;
    case JQW_CLOSE:
        return &message->close.queue;
    case JQW_PAUSE:
        return &message->pause.queue;
    case JQW_MOVE:
        return &message->move.queue;
    case JQW_EXPORT:
        return &message->export_.queue;
    case JQW_ALTER:
        return &message->declare.queue; /* JQW_DECLARE means whichever has the name */
    case JQW_ATTACH:
    case JQW_FINISH:
        return &message->producer.queue;
    case JQW_TASK_DONE:
    case JQW_PUT_END:
    case JQW_PEEK:
        return &message->count.queue;
    case JQW_STAT:
    case JQW_MARK:
    case JQW_WHY:
        return &message->named.queue;
    default:
        return NULL;
    }
}

/* The queues of a message that request_message has made, one by one; NULL: no more. */
static struct jqw_queue *queue_at(struct jqc_core *core, const struct jqc_request *request, struct jqw_message *message,
                                  uint32_t index)
{
    if (message->op == JQW_FORWARD) /* always from its copy */
        return index < message->forward.target_count ? &core->scratch->targets[index].queue : NULL;
    if (index == 0)
        return first_queue(message);
    if (message->op == JQW_MOVE)
        return index == 1 ? &message->move.to : NULL;
    return request->others && index <= request->others->count ? &request->others->queues[index - 1] : NULL;
}

/* What it may have met under a name that no answer has told of yet: a queue that was there before it was sent, if another run of the broker
 * has that. Under the name there may be one made since, which it must not mean (RST-1). */
static uint64_t unmet_queue(const struct jqc_core *core, const struct jqc_request *request)
{
    bool met_another_run = request->unsure && request->epoch != core->broker.epoch && !(OF(request->op) & looks);
    return met_another_run ? JQW_BELOW | request->incarnation_next : 0;
}

static uint64_t incarnation_met(const struct jqc_core *core, const struct jqw_queue *queue)
{
    const struct jqc_name *name = jqc_names_of(&core->names, queue);
    return queue->incarnation || !name ? queue->incarnation : jqc_name_queue(name).incarnation;
}

static void queues_complete(struct jqc_core *core, const struct jqc_request *request, struct jqw_message *message)
{
    struct jqw_queue *queue;
    for (uint32_t i = 0; (queue = queue_at(core, request, message, i)); i++) {
        queue->incarnation = incarnation_met(core, queue);
        if (queue->incarnation == 0)
            queue->incarnation = unmet_queue(core, request);
    }
}

bool jqc_request_knows_queues(struct jqc_core *core, const struct jqc_request *request)
{
    struct jqw_message message;
    const struct jqw_queue *queue;
    if (OF(request->op) & looks)
        return true;
    request_message(core, request, &message);
    for (uint32_t i = 0; (queue = queue_at(core, request, &message, i)); i++) {
        uint64_t incarnation = incarnation_met(core, queue);
        if (incarnation == 0 || incarnation & JQW_BELOW)
            return false;
    }
    return true;
}

/* The sentence for a queue that is missing, if it was lost with the run of the broker before this one. */
static bool queue_lost(const struct jqc_core *core, const struct jqc_request *request, const struct jqc_name *name,
                       bool unmet, char *to, size_t size)
{
    bool lost = name && jqc_name_is_lost(name, core->broker.epoch);
    if (name && unmet)
        jqc_name_unmet_text(name, request->once.number ? JQC_OUTCOME_UNKNOWN : ": ask again", to, size);
    else if (lost)
        jqc_name_lost_text(name, "", to, size);
    return lost || (name && unmet);
}

bool jqc_request_lost(struct jqc_core *core, const struct jqc_request *request, char *to, size_t size)
{
    struct jqw_message message;
    const struct jqw_queue *queue;
    bool lost = false;
    if (!request->remade)
        return queue_lost(core, request, request->name, false, to, size);
    request_message(core, request, &message);
    for (uint32_t i = 0; !lost && (queue = queue_at(core, request, &message, i)); i++)
        lost = queue_lost(core, request, jqc_names_of(&core->names, queue), queue->incarnation & JQW_BELOW, to, size);
    return lost;
}

/* ---- with what is left of its time ------------------------------------------------------------------------------------ */

static uint64_t *timeout_of(struct jqw_message *message)
{
    switch (message->op) {
    case JQW_PUT:
        return &message->put.timeout_ms;
    case JQW_GET:
        return &message->get.timeout_ms;
    case JQW_FORWARD:
        return &message->forward.timeout_ms;
    case JQW_JOIN:
        return &message->join.timeout_ms;
    default:
        return NULL;
    }
}

/* What is left of a time to wait, on the wire: rounded up, so that 0 stays "do not wait". */
static uint64_t left_ms(int64_t deadline_ns, int64_t now_ns)
{
    return deadline_ns > now_ns ? (uint64_t)(deadline_ns - now_ns + 999999) / 1000000 : 1;
}

JQ_MUST_USE static int request_append(struct jqc_core *core, struct jqc_request *request, struct jqw_message *message)
{
    uint64_t *timeout = timeout_of(message);
    if (timeout && request->deadline_ns != INT64_MAX)
        *timeout = left_ms(request->deadline_ns, core->resumed_ns);
    if (!request->unsure)
        request->incarnation_next = core->broker.incarnation_next;
    queues_complete(core, request, message);
    message->request = request->id;
    size_t before = core->out.size;
    int code = jqw_encode(&core->out, message);
    if (code != JQ_OK)
        return code;
    request->frame_size = core->out.size - before;
    request->end = jqc_core_end(core);
    request->epoch = core->broker.epoch;
    request->data_epoch = core->broker.data_epoch;
    if (request->copy.size > 0)
        jqc_core_copy(core, request);
    else
        request->again = *message;
    return JQ_OK;
}

int jqc_request_remake(struct jqc_core *core, struct jqc_request *request)
{
    struct jqw_message message;
    request_message(core, request, &message);
    return request_append(core, request, &message);
}

/* ---- the rest of a put or move ---------------------------------------------------------------------------------------- */

/* Bytes of the bin header that stands there, which the encoder has made. */
static size_t header_size(const uint8_t *at)
{
    return 1 + ((size_t)1 << (*at & 3));
}

/* Without its first bodies. */
static void bodies_skip(struct jqw_bodies *bodies, uint32_t count)
{
    for (uint32_t i = 0; bodies->packed.data && i < count; i++) {
        size_t size = header_size(bodies->packed.data) + bodies->sizes[i];
        bodies->packed.data += size;
        bodies->packed.size -= size;
    }
    if (bodies->packed.data)
        bodies->sizes += count;
    else
        bodies->item += count;
    bodies->count -= count;
}

/* What is left to put of a batch that waits for room. False: nothing. */
static bool put_rest(struct jqw_put *put, const struct jqw_result *done)
{
    bool waits = put->flags & JQW_PUT_PARTIAL && put->timeout_ms != 0;
    if (!waits || done->count >= put->bodies.count)
        return false;
    bodies_skip(&put->bodies, (uint32_t)done->count);
    if (done->incarnation != 0)
        put->queue.incarnation = done->incarnation; /* where the first of them are */
    return true;
}

/* What is left to move; of all there is (0), all that there is now. */
static bool move_rest(struct jqw_move *move, const struct jqw_result *done)
{
    bool all = move->count == 0;
    if (!all && done->count >= move->count)
        return false;
    move->count -= all ? 0 : done->count;
    return true;
}

bool jqc_request_goes_on(struct jqc_core *core, struct jqc_request *request, const struct jqw_result *result)
{
    bool some = request->op == JQW_PUT || request->op == JQW_MOVE;
    if (!some || !request->unsure || result->code != JQ_OK || request->once.number == 0)
        return false;
    struct jqw_message message;
    request_message(core, request, &message);
    if (request->op == JQW_PUT ? !put_rest(&message.put, result) : !move_rest(&message.move, result))
        return false;
    jqc_slot_next(&core->requests.slots_once, &request->once);
    *jqc_once_of(&message) = request->once;
    if (request_append(core, request, &message) != JQ_OK)
        return false;
    request->unsure = false;
    request->done_before += result->count;
    return true;
}
