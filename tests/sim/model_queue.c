/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: what can happen to the messages of one queue. */
#include "model_internal.h"
#include <stdlib.h>
#include <string.h>

/* ---- finding ------------------------------------------------------------------------------------------------------- */

size_t model_named(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->queue_count; i++)
        if (model->queues[i].live && strcmp(model->queues[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

size_t model_incarnation(const struct model *model, uint64_t incarnation)
{
    for (size_t i = 0; i < model->queue_count; i++)
        if (model->queues[i].live && model->queues[i].incarnation == incarnation)
            return i;
    return SIZE_MAX;
}

static bool name_is_good(const struct engine_text *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:";
    if (name->size < 1 || name->size > ENGINE_NAME_MAX)
        return false;
    for (uint32_t i = 0; i < name->size; i++)
        if (!memchr(allowed, name->data[i], sizeof allowed - 1))
            return false;
    return true;
}

static size_t create(struct model *model, const struct engine_command *command)
{
    model->queues = model_room(model->queues, &model->queue_capacity, model->queue_count, sizeof *model->queues);
    struct model_queue *queue = &model->queues[model->queue_count];
    *queue = (struct model_queue){
        .incarnation = model->incarnation_next++,
        .live = true,
        .seq_next = 1,
        .generation = 1,
        .options.producer_grace_ms = 10000,
    };
    model_copy_name(queue->name, &command->queue.name);
    return model->queue_count++;
}

void model_unmake(struct model *model, size_t count_before)
{
    if (model->queue_count == count_before)
        return;
    model->queue_count--;
    model->incarnation_next--;
}

size_t model_find(struct model *model, const struct engine_command *command, enum model_find how, int *code, int *why)
{
    const struct engine_queue_ref *ref = &command->queue;
    if (!name_is_good(&ref->name)) {
        *code = JQ_INVALID;
        *why = ENGINE_WHY_QUEUE_NAME;
        return SIZE_MAX;
    }
    char name[MODEL_NAME_SIZE];
    model_copy_name(name, &ref->name);
    size_t found = model_named(model, name);
    uint64_t below = ref->incarnation & ENGINE_BELOW ? ref->incarnation & ~ENGINE_BELOW : 0;
    bool is = found != SIZE_MAX &&
              (below ? model->queues[found].incarnation < below : model->queues[found].incarnation == ref->incarnation);
    bool other = ref->incarnation && !is;
    if (found == SIZE_MAX && !ref->incarnation && how == MODEL_CREATE)
        return create(model, command);
    if (found != SIZE_MAX && !other)
        return found;
    *code = JQ_NO_QUEUE;
    *why = other ? ENGINE_WHY_QUEUE_OTHER : ENGINE_WHY_QUEUE_MISSING;
    return SIZE_MAX;
}

/* ---- counting ------------------------------------------------------------------------------------------------------ */

uint64_t model_count_state(const struct model_queue *queue, enum model_state state)
{
    uint64_t count = 0;
    for (size_t i = 0; i < queue->count; i++)
        count += queue->messages[i].state == state && !queue->messages[i].sentinel;
    return count;
}

bool model_counter(const struct model_queue *queue)
{
    return queue->options.accounting == ENGINE_COUNTER;
}

uint64_t model_waiting(const struct model_queue *queue)
{
    return model_count_state(queue, MODEL_READY) + model_count_state(queue, MODEL_DELAYED);
}

uint64_t model_unfinished(const struct model_queue *queue)
{
    if (model_counter(queue))
        return queue->tasks;
    return model_waiting(queue) + model_count_state(queue, MODEL_LEASED) + model_count_state(queue, MODEL_RECEIPT);
}

/* What counts to the bound: messages and bytes (BND-1). */
static void depth(const struct model_queue *queue, uint64_t *count, uint64_t *bytes)
{
    bool outstanding = queue->options.bound == ENGINE_BOUND_OUTSTANDING && !model_counter(queue);
    *count = *bytes = 0;
    for (size_t i = 0; i < queue->count; i++) {
        const struct model_message *message = &queue->messages[i];
        bool in = message->state == MODEL_READY || message->state == MODEL_DELAYED ||
                  (outstanding && message->state == MODEL_LEASED);
        if (!in || message->sentinel)
            continue;
        *count += 1;
        *bytes += message->body.length;
    }
    if (queue->options.bound == ENGINE_BOUND_OUTSTANDING && model_counter(queue))
        *count = queue->tasks;
}

bool model_fits(const struct model_queue *queue, uint64_t count, uint64_t bytes)
{
    uint64_t count_now, bytes_now;
    if (queue->paused & ENGINE_PAUSED_PUTS)
        return false;
    depth(queue, &count_now, &bytes_now);
    const struct engine_queue_options *options = &queue->options;
    return (!options->max_messages || count_now + count <= options->max_messages) &&
           (!options->max_bytes || bytes_now + bytes <= options->max_bytes);
}

bool model_too_large(const struct model_queue *queue, const struct engine_body *bodies, uint32_t count, bool partial)
{
    uint64_t bytes = 0, largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += bodies[i].length;
        largest = bodies[i].length > largest ? bodies[i].length : largest;
    }
    if (queue->options.max_messages && !partial && count > queue->options.max_messages)
        return true;
    return queue->options.max_bytes && (partial ? largest : bytes) > queue->options.max_bytes;
}

/* ---- messages come and go ------------------------------------------------------------------------------------------ */

struct model_message *model_append(struct model_queue *queue)
{
    queue->messages = model_room(queue->messages, &queue->capacity, queue->count, sizeof *queue->messages);
    struct model_message *message = &queue->messages[queue->count++];
    *message =
        (struct model_message){.seq = queue->seq_next++, .deadline_ns = ENGINE_FOREVER, .expires_ns = ENGINE_FOREVER};
    return message;
}

static struct model_producer *producer_of(struct model_queue *queue, uint64_t session)
{
    for (size_t i = 0; i < queue->producer_count; i++)
        if (queue->producers[i].session == session)
            return &queue->producers[i];
    return NULL;
}

/* Accepts the next `count` bodies of a put. */
void model_accept(struct model *model, struct model_wait *put, uint32_t count)
{
    struct model_queue *queue = &model->queues[put->queue];
    struct model_producer *producer = producer_of(queue, put->session);
    for (uint32_t i = 0; i < count; i++) {
        struct model_message *message = model_append(queue);
        message->body = put->bodies[put->accepted++];
        message->put_ns = model->now;
        model_message_options(model, queue, message, put);
        message->state = put->delay_ns ? MODEL_DELAYED : MODEL_READY;
        message->due_ns = put->delay_ns ? model->now + put->delay_ns : 0;
        put->bytes -= message->body.length;
        queue->put++;
        queue->tasks++;
        if (producer)
            producer->accepted++;
        if (!queue->options.durable)
            continue;
        struct model_atom *atom = model_atom_of(model, ENGINE_RECORD_PUT, put->queue);
        atom->value = message->seq;
        atom->body = message->body;
        atom->due_ns = message->due_ns;
        if (producer)
            memcpy(atom->name, producer->name, sizeof atom->name);
    }
}

void model_put_end(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    bool good = command->count >= 1 && command->count <= ENGINE_BATCH_MAX;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (q != SIZE_MAX && model->queues[q].closed)
        code = JQ_CLOSED, why = ENGINE_WHY_QUEUE_CLOSED;
    else if (q != SIZE_MAX && model->queues[q].options.order != ENGINE_FIFO)
        code = JQ_INVALID, why = MODEL_ANY_WHY;
    else if (q != SIZE_MAX && !good)
        code = JQ_INVALID, why = ENGINE_WHY_BATCH_COUNT;
    else if (q != SIZE_MAX && model_refuses(model, q))
        code = JQ_STORAGE, why = ENGINE_WHY_JOURNAL;
    for (uint32_t i = 0; code == JQ_OK && i < command->count; i++) {
        struct model_message *message = model_append(&model->queues[q]);
        message->sentinel = true;
        model_atom(model, ENGINE_RECORD_PUT_END, q, message->seq);
    }
    struct model_effect *effect = model_say(model, ENGINE_PUT_END, command->session.value, command->request, code, why);
    effect->count = code == JQ_OK ? command->count : 0;
    if (q != SIZE_MAX && code != JQ_STORAGE)
        model_rests(effect, q);
}

void model_take_out(struct model_queue *queue, size_t index)
{
    memmove(&queue->messages[index], &queue->messages[index + 1], (queue->count - index - 1) * sizeof *queue->messages);
    queue->count--;
}

static void remove_message(struct model *model, struct model_queue *queue, size_t index)
{
    if (!queue->messages[index].sentinel)
        model_release(model, &queue->messages[index].body);
    model_take_out(queue, index);
}

/* Finished by a consumer: done, or received. */
void model_finish_message(struct model *model, size_t q, size_t index)
{
    struct model_queue *queue = &model->queues[q];
    const struct model_message *message = &queue->messages[index];
    model_atom(model, message->sentinel ? ENGINE_RECORD_END_TAKEN : ENGINE_RECORD_DONE, q, message->seq);
    if (queue->options.durable && message->state == MODEL_RECEIPT)
        model->atoms[model->atom_count - 1].holder = message->session;
    queue->done += !message->sentinel;
    remove_message(model, queue, index);
}

void model_discard_message(struct model *model, size_t q, size_t index, bool optional)
{
    struct model_queue *queue = &model->queues[q];
    const struct model_message *message = &queue->messages[index];
    if (queue->options.durable) {
        struct model_atom *atom =
            model_atom_of(model, message->sentinel ? ENGINE_RECORD_END_TAKEN : ENGINE_RECORD_DISCARD, q);
        atom->value = message->seq;
        atom->optional = optional;
    }
    if (!message->sentinel) {
        queue->discarded++;
        queue->tasks -= queue->tasks > 0;
    }
    remove_message(model, queue, index);
}

uint64_t model_discard_waiting(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    uint64_t count = 0;
    for (size_t i = queue->count; i-- > 0;) {
        const struct model_message *message = &queue->messages[i];
        if (message->sentinel || (message->state != MODEL_READY && message->state != MODEL_DELAYED))
            continue;
        model_discard_message(model, q, i, false);
        count++;
    }
    return count;
}

void model_discard_sentinels(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    for (size_t i = queue->count; i-- > 0;)
        if (queue->messages[i].sentinel && queue->messages[i].state == MODEL_READY)
            model_discard_message(model, q, i, false);
}

/* The final end, or an immediate close: what is out does not come back either. */
void model_end_sentinels(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    model_discard_sentinels(model, q);
    for (size_t i = 0; i < queue->count; i++)
        queue->messages[i].ended = queue->messages[i].sentinel;
}

void model_return(struct model *model, size_t q, size_t index, bool counted, bool dead, uint64_t delay_ns)
{
    struct model_queue *queue = &model->queues[q];
    struct model_message *message = &queue->messages[index];
    if (message->over && !(queue->closed == 2 && model_refuses(model, q))) {
        model_discard_message(model, q, index, true);
        return;
    }
    bool gone = message->sentinel ? message->ended : queue->closed == 2;
    if (gone && model_refuses(model, q))
        gone = queue->closed == 2; /* a sentinel of a drained queue can as well lie there until the journal accepts */
    else if (gone) {
        model_discard_message(model, q, index, false);
        return;
    }
    message->session = message->receipt = message->renumbered = 0;
    message->deadline_ns = ENGINE_FOREVER;
    message->discarding = gone;
    message->expiring = false;
    if (gone) /* counts as before */
        return;
    message->deliveries += counted;
    if (model_dies(model, q, index, counted, dead))
        return;
    message->state = delay_ns ? MODEL_DELAYED : MODEL_READY;
    message->due_ns = delay_ns ? model->now + delay_ns : 0;
    if (!queue->options.durable || message->sentinel)
        return;
    struct model_atom *atom = model_atom_of(model, ENGINE_RECORD_RETURN, q);
    atom->value = message->seq;
    atom->deliveries = message->deliveries;
    atom->due_ns = message->due_ns;
    atom->optional = !delay_ns || !model->accepts;
}

/* ---- closing ------------------------------------------------------------------------------------------------------- */

/* Whose puts wait is told in pairing. */
void model_close_queue(struct model *model, size_t q, bool immediate)
{
    struct model_queue *queue = &model->queues[q];
    unsigned closed = immediate ? 2 : 1;
    if (closed <= queue->closed)
        return;
    queue->closed = closed;
    if (immediate)
        model_end_sentinels(model, q);
    model_atom(model, ENGINE_RECORD_CLOSE, q, immediate);
}
