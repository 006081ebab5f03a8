/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: orders, times to live, delivery limits and dead letters. Letters that arrive in one step stand in an order that
 * the contract leaves open: which of them is which is learned from the engine when it shows one. */
#include "model_internal.h"
#include <string.h>

/* ---- orders -------------------------------------------------------------------------------------------------------- */

static int compare_bytes(const struct model_priority *a, const struct model_priority *b)
{
    uint32_t shorter = a->size < b->size ? a->size : b->size;
    int order = shorter ? memcmp(a->bytes, b->bytes, shorter) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Whether `a` is to be handed out before `b`, which is behind it in the order of sequence. */
static bool stays_before(const struct model_queue *queue, const struct model_message *a, const struct model_message *b)
{
    if (queue->options.order == ENGINE_LIFO)
        return false;
    if (queue->options.order != ENGINE_PRIORITY)
        return true;
    if (queue->priority_kind == ENGINE_PRIORITY_BYTES)
        return compare_bytes(&a->priority, &b->priority) <= 0;
    return a->priority.number <= b->priority.number;
}

struct model_message *model_head(struct model_queue *queue, uint64_t taken)
{
    struct model_message *head = NULL;
    for (size_t i = 0; i < queue->count; i++) {
        struct model_message *message = &queue->messages[i];
        if (message->state == MODEL_READY && message->shown != taken && (!head || !stays_before(queue, head, message)))
            head = message;
        if (head && queue->options.order == ENGINE_FIFO)
            break;
    }
    return head;
}

static void take_priority(struct model_priority *priority, const struct engine_put_options *o)
{
    *priority = (struct model_priority){.kind = (int)o->priority.kind, .number = o->priority.number};
    if (o->priority.kind != ENGINE_PRIORITY_BYTES)
        return;
    JQ_ASSERT(o->priority.bytes.size <= sizeof priority->bytes);
    priority->size = o->priority.bytes.size;
    memcpy(priority->bytes, o->priority.bytes.data, priority->size);
}

/* Whether a put's delay, time to live and priority make sense on this queue. */
int model_put_options_check(const struct model_queue *queue, const struct engine_put_options *o, int *why)
{
    uint64_t ttl_ns = o->ttl_ns ? o->ttl_ns : queue->options.ttl_ms * UINT64_C(1000000);
    *why = ENGINE_WHY_NONE;
    if (ttl_ns && o->delay_ns >= ttl_ns)
        *why = ENGINE_WHY_DELAY_BEYOND_TTL;
    else if (o->priority.kind != ENGINE_PRIORITY_NONE && queue->options.order != ENGINE_PRIORITY)
        *why = ENGINE_WHY_PRIORITY_WITHOUT_ORDER;
    else if (o->priority.kind != ENGINE_PRIORITY_NONE && queue->priority_kind != ENGINE_PRIORITY_NONE &&
             (int)o->priority.kind != queue->priority_kind)
        *why = ENGINE_WHY_PRIORITY_KIND;
    return *why == ENGINE_WHY_NONE ? JQ_OK : JQ_INVALID;
}

void model_put_options_take(struct model_wait *put, const struct engine_put_options *o)
{
    put->delay_ns = o->delay_ns;
    put->ttl_ns = o->ttl_ns;
    take_priority(&put->priority, o);
}

/* What an accepted message has of its put. */
void model_message_options(const struct model *model, struct model_queue *queue, struct model_message *message,
                           const struct model_wait *put)
{
    uint64_t ttl_ns = put->ttl_ns ? put->ttl_ns : queue->options.ttl_ms * UINT64_C(1000000);
    message->expires_ns = ttl_ns ? model->now + ttl_ns : ENGINE_FOREVER;
    message->priority = put->priority;
    if (queue->options.order == ENGINE_PRIORITY && queue->priority_kind == ENGINE_PRIORITY_NONE)
        queue->priority_kind =
            put->priority.kind == ENGINE_PRIORITY_BYTES ? ENGINE_PRIORITY_BYTES : ENGINE_PRIORITY_NUMBER;
}

bool model_other_kind(const struct model_queue *queue, const struct model_wait *put)
{
    return queue->options.order == ENGINE_PRIORITY && put->priority.kind != ENGINE_PRIORITY_NONE &&
           queue->priority_kind != ENGINE_PRIORITY_NONE && put->priority.kind != queue->priority_kind;
}

/* ---- dead letters -------------------------------------------------------------------------------------------------- */

static void letter(struct model *model, size_t to, const struct model_queue *source,
                   const struct model_message *message, enum engine_reason reason)
{
    struct model_queue *target = &model->queues[to];
    struct model_message *new = model_append(target);
    new->body = message->body;
    new->put_ns = model->now;
    new->state = MODEL_READY;
    new->expires_ns = target->options.ttl_ms ? model->now + target->options.ttl_ms *UINT64_C(1000000) : ENGINE_FOREVER;
    new->reason = (int)reason;
    new->source_seq = message->seq;
    new->source_deliveries = message->deliveries;
    new->group = model->steps;
    model->letters++;
    new->mixed = message->group != 0;
    memcpy(new->source, source->name, sizeof new->source);
    if (target->options.order == ENGINE_PRIORITY && target->priority_kind == ENGINE_PRIORITY_NONE)
        target->priority_kind = ENGINE_PRIORITY_NUMBER;
    target->tasks++;
    target->letters_now++;
    if (!target->options.durable)
        return;
    struct model_atom *atom = model_atom_of(model, ENGINE_RECORD_PUT, to);
    atom->value = new->seq;
    atom->letter = true;
}

/* The message at `index` is no more; it has been counted where it was. */
static void die(struct model *model, size_t q, size_t index, enum engine_reason reason)
{
    struct model_queue *queue = &model->queues[q];
    const struct model_message *message = &queue->messages[index];
    size_t to = model_letters_of(model, q);
    bool arrives = to != SIZE_MAX && model->queues[to].closed != 2;
    if (to != SIZE_MAX) {
        model->queues[to].dead_in++;
        model->queues[to].discarded += !arrives;
        queue->shared |= model->queues[to].options.durable;
    }
    bool plain = reason == ENGINE_REASON_EXPIRED && to == SIZE_MAX;
    model_atom(model, plain ? ENGINE_RECORD_EXPIRE : ENGINE_RECORD_DEAD, q, message->seq);
    if (arrives)
        letter(model, to, queue, message, reason);
    else
        model_release(model, &message->body);
    if (to != SIZE_MAX && !arrives) /* without a number of its own */
        model_atom(model, ENGINE_RECORD_DISCARD, to, 0);
    model_take_out(queue, index);
}

void model_expire(struct model *model, size_t q, size_t index)
{
    struct model_queue *queue = &model->queues[q];
    queue->expired++;
    model->expired++;
    queue->tasks -= queue->tasks > 0;
    queue->expired_now++;
    die(model, q, index, ENGINE_REASON_EXPIRED);
}

/* A lease has ended; true if the message has, too. */
bool model_dies(struct model *model, size_t q, size_t index, bool counted, bool dead)
{
    struct model_queue *queue = &model->queues[q];
    struct model_message *message = &queue->messages[index];
    if (message->sentinel)
        return false;
    uint64_t max = queue->options.max_deliveries;
    bool often = counted && max && message->deliveries >= max;
    if (dead || often) {
        queue->dead++;
        model->dead++;
        die(model, q, index, dead ? ENGINE_REASON_NACK : ENGINE_REASON_DELIVERIES);
        return true;
    }
    if (message->expires_ns > model->now)
        return false;
    model_expire(model, q, index);
    return true;
}

void model_expire_due(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    for (size_t i = queue->count; i-- > 0;) {
        const struct model_message *message = &queue->messages[i];
        bool in = message->state == MODEL_READY || message->state == MODEL_DELAYED;
        if (in && !message->sentinel && message->expires_ns <= model->now)
            model_expire(model, q, i);
    }
}

/* ---- which was first ------------------------------------------------------------------------------------------------- */

uint64_t model_unsure(const struct model_queue *queue)
{
    return queue->unsure + (queue->expired_now < queue->letters_now ? queue->expired_now : queue->letters_now);
}

void model_sure(struct model_queue *queue)
{
    queue->unsure = queue->expired_now = queue->letters_now = 0;
}

/* An instant begins, or a command: what happens from here on is after what was before. */
void model_moment(struct model *model)
{
    for (size_t q = 0; q < model->queue_count; q++) {
        struct model_queue *queue = &model->queues[q];
        queue->unsure = model_unsure(queue);
        queue->expired_now = queue->letters_now = 0;
    }
}

/* ---- which letter is which ----------------------------------------------------------------------------------------- */

static void swap_bodies(struct model_message *a, struct model_message *b)
{
    struct engine_body body = a->body;
    a->body = b->body;
    b->body = body;
}

static void swap_letters(struct model_message *a, struct model_message *b)
{
    struct model_message was = *a;
    a->reason = b->reason;
    a->source_seq = b->source_seq;
    a->source_deliveries = b->source_deliveries;
    memcpy(a->source, b->source, sizeof a->source);
    b->reason = was.reason;
    b->source_seq = was.source_seq;
    b->source_deliveries = was.source_deliveries;
    memcpy(b->source, was.source, sizeof b->source);
}

static bool same_body(const struct model_message *message, const struct model_item *shown)
{
    return message->body.chunk == shown->body.chunk && message->body.offset == shown->body.offset;
}

static bool same_source(const struct model_message *message, const struct model_item *shown)
{
    return message->source_seq == shown->source_seq && strcmp(message->source, shown->source) == 0;
}

void model_learn(struct model_queue *queue, struct model_message *message, const struct model_item *shown)
{
    if (!message->group || !shown || shown->seq != message->seq)
        return;
    bool mixed = false, found = false;
    for (size_t i = 0; i < queue->count; i++)
        mixed |= queue->messages[i].group == message->group && queue->messages[i].mixed;
    for (size_t i = 0; i < queue->count && mixed; i++) /* all are, and stay so when those that made it so are known */
        if (queue->messages[i].group == message->group)
            queue->messages[i].mixed = true;
    for (size_t i = 0; i < queue->count && !found; i++) {
        struct model_message *other = &queue->messages[i];
        found = other->group == message->group && same_body(other, shown);
        if (!found)
            continue;
        swap_bodies(message, other);
        if (!mixed)
            swap_letters(message, other);
    }
    if (mixed && !shown->reason)
        return;
    for (size_t i = 0; i < queue->count && mixed; i++) {
        struct model_message *other = &queue->messages[i];
        if (other->group != message->group || !same_source(other, shown))
            continue;
        swap_letters(message, other);
        break;
    }
    message->group = 0;
    message->mixed = false;
}

void model_shown(struct model *model, const struct engine_place *place)
{
    struct model_queue *queue = &model->queues[model_incarnation(model, place->incarnation)];
    struct model_item item = {.seq = place->sequence, .body = place->body};
    for (size_t i = 0; i < queue->count; i++)
        if (queue->messages[i].seq == place->sequence)
            model_learn(queue, &queue->messages[i], &item);
}
