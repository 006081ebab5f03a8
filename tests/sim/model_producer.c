/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: named producers. */
#include "model_internal.h"
#include <string.h>

static size_t by_name(const struct model_queue *queue, const char *name)
{
    for (size_t i = 0; i < queue->producer_count; i++)
        if (strcmp(queue->producers[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static size_t by_session(const struct model_queue *queue, uint64_t session)
{
    for (size_t i = 0; i < queue->producer_count; i++)
        if (queue->producers[i].session == session)
            return i;
    return SIZE_MAX;
}

static bool name_is_bad(const struct engine_text *name)
{
    return name->size < 1 || name->size > ENGINE_NAME_MAX;
}

static size_t add(struct model *model, size_t q, const char *name)
{
    struct model_queue *queue = &model->queues[q];
    JQ_ASSERT(queue->producer_count < MODEL_PRODUCERS_MAX);
    struct model_producer *producer = &queue->producers[queue->producer_count];
    *producer = (struct model_producer){.lost_ns = ENGINE_FOREVER};
    memcpy(producer->name, name, MODEL_NAME_SIZE);
    return queue->producer_count++;
}

static bool too_many(const struct model_queue *queue)
{
    return queue->options.producers && queue->options.producers != ENGINE_PRODUCERS_AUTO &&
           queue->producer_count >= queue->options.producers;
}

static void record(struct model *model, size_t q, enum engine_record_kind kind, const char *name, bool optional)
{
    if (!model->queues[q].options.durable)
        return;
    struct model_atom *atom = model_atom_of(model, kind, q);
    memcpy(atom->name, name, sizeof atom->name);
    atom->optional = optional;
}

/* ---- attach -------------------------------------------------------------------------------------------------------- */

static int attach_check(const struct model *model, size_t q, const struct engine_command *command, const char *name,
                        int *why)
{
    const struct model_queue *queue = &model->queues[q];
    size_t mine = by_session(queue, command->session.value), named = by_name(queue, name);
    uint64_t holder = named == SIZE_MAX ? 0 : queue->producers[named].session;
    if (mine != SIZE_MAX && mine != named) {
        *why = ENGINE_WHY_PRODUCER_ATTACHED;
        return JQ_INVALID;
    }
    if (named == SIZE_MAX && too_many(queue)) {
        bool refused = model_refuses(model, q) && model_hinted(model, command) == JQ_STORAGE;
        *why = refused ? ENGINE_WHY_JOURNAL : ENGINE_WHY_PRODUCER_TOO_MANY;
        return refused ? JQ_STORAGE : JQ_INVALID; /* of two things wrong either may be said */
    }
    if (holder && holder != command->session.value && !command->producer.takeover) {
        *why = ENGINE_WHY_PRODUCER_IN_USE;
        return JQ_EXISTS;
    }
    if (model_refuses(model, q) && (named == SIZE_MAX || model_hinted(model, command) == JQ_STORAGE)) {
        *why = ENGINE_WHY_JOURNAL;
        return JQ_STORAGE;
    }
    return JQ_OK;
}

/* It has a holder again, or has finished. */
static void found(struct model_producer *producer)
{
    producer->lost = producer->owed = false;
    producer->lost_ns = ENGINE_FOREVER;
}

static void fence(struct model *model, size_t q, size_t producer)
{
    struct model_queue *queue = &model->queues[q];
    uint64_t old = queue->producers[producer].session;
    for (size_t i = 0; i < model->wait_count;) {
        const struct model_wait *wait = &model->waits[i];
        if (wait->queue == q && wait->session == old && (wait->op == ENGINE_PUT || wait->op == ENGINE_FINISH))
            model_answer_wait(model, i, JQ_EXISTS, ENGINE_WHY_PRODUCER_FENCED);
        else
            i++;
    }
    struct model_effect *effect = model_say(model, ENGINE_SESSION_OPEN, old, 0, JQ_OK, MODEL_ANY_WHY);
    effect->kind = ENGINE_EVENT_FENCED;
    memcpy(effect->producer, queue->producers[producer].name, MODEL_NAME_SIZE);
    effect->incarnation = queue->incarnation;
    queue->fenced[queue->fenced_count++] = old;
}

static void unfence(struct model_queue *queue, uint64_t session)
{
    for (size_t i = 0; i < queue->fenced_count; i++)
        if (queue->fenced[i] == session)
            queue->fenced[i--] = queue->fenced[--queue->fenced_count];
}

static size_t attach(struct model *model, size_t q, const struct engine_command *command, const char *name)
{
    size_t producer = by_name(&model->queues[q], name);
    record(model, q, ENGINE_RECORD_ATTACH, name, producer != SIZE_MAX);
    if (producer == SIZE_MAX)
        producer = add(model, q, name);
    struct model_queue *queue = &model->queues[q];
    uint64_t holder = queue->producers[producer].session;
    if (holder && holder != command->session.value)
        fence(model, q, producer);
    unfence(queue, command->session.value);
    queue->producers[producer].session = command->session.value;
    found(&queue->producers[producer]);
    return producer;
}

void model_attach(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    char name[MODEL_NAME_SIZE] = {0};
    size_t q = model_find(model, command, MODEL_FIND, &code, &why), producer = 0;
    if (code == JQ_OK && name_is_bad(&command->producer.name)) {
        code = JQ_INVALID;
        why = MODEL_ANY_WHY;
    } else if (code == JQ_OK) {
        model_copy_name(name, &command->producer.name);
    }
    if (code == JQ_OK)
        code = attach_check(model, q, command, name, &why);
    if (code == JQ_OK)
        producer = attach(model, q, command, name);
    struct model_effect *effect = model_say(model, ENGINE_ATTACH, command->session.value, command->request, code, why);
    if (code != JQ_OK)
        return;
    model_rests(effect, q);
    effect->count = model->queues[q].producers[producer].accepted;
    effect->finished = model->queues[q].producers[producer].finished;
    effect->generation = model->queues[q].generation;
}

/* ---- finish -------------------------------------------------------------------------------------------------------- */

static int finish_check(const struct model *model, size_t q, const struct engine_command *command, const char *name,
                        int *why)
{
    const struct model_queue *queue = &model->queues[q];
    size_t named = by_name(queue, name);
    uint64_t holder = named == SIZE_MAX ? 0 : queue->producers[named].session;
    if (named == SIZE_MAX && too_many(queue)) {
        bool refused = model_refuses(model, q) && model_hinted(model, command) == JQ_STORAGE;
        *why = refused ? ENGINE_WHY_JOURNAL : ENGINE_WHY_PRODUCER_TOO_MANY;
        return refused ? JQ_STORAGE : JQ_INVALID; /* of two things wrong either may be said */
    }
    if (holder && holder != command->session.value)
        return JQ_EXISTS;
    bool finished = named != SIZE_MAX && queue->producers[named].finished;
    if (model_refuses(model, q) && (!finished || model_hinted(model, command) == JQ_STORAGE)) {
        *why = ENGINE_WHY_JOURNAL;
        return JQ_STORAGE;
    }
    if (!finished && model_has_put(model, command->session.value, q) &&
        model_waits_of(model, command->session.value) >= model->config.waiting_max) {
        *why = ENGINE_WHY_WAITING_TOO_MANY;
        return JQ_BUSY;
    }
    return JQ_OK;
}

void model_all_finished(struct model *model, size_t q)
{
    const struct model_queue *queue = &model->queues[q];
    uint64_t finished = 0;
    for (size_t i = 0; i < queue->producer_count; i++)
        finished += queue->producers[i].finished;
    bool over = queue->options.producers == ENGINE_PRODUCERS_AUTO
                    ? finished && finished == queue->producer_count
                    : queue->options.producers && finished >= queue->options.producers;
    if (!over || queue->closed)
        return;
    size_t atoms = model->atom_count;
    model_close_queue(model, q, false);
    if (model->atom_count > atoms)
        model->atoms[atoms].optional = true; /* the last finish says as much */
}

void model_finish_now(struct model *model, size_t q, size_t producer)
{
    struct model_queue *queue = &model->queues[q];
    if (queue->producers[producer].finished)
        return;
    found(&queue->producers[producer]);
    queue->producers[producer].finished = true;
    record(model, q, ENGINE_RECORD_FINISH, queue->producers[producer].name, false);
    model_all_finished(model, q);
}

void model_finish(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    char name[MODEL_NAME_SIZE] = {0};
    size_t q = model_find(model, command, MODEL_FIND, &code, &why), producer = SIZE_MAX;
    if (code == JQ_OK && name_is_bad(&command->producer.name)) {
        code = JQ_INVALID;
        why = MODEL_ANY_WHY;
    } else if (code == JQ_OK) {
        model_copy_name(name, &command->producer.name);
    }
    if (code == JQ_OK)
        code = finish_check(model, q, command, name, &why);
    if (code == JQ_OK) {
        producer = by_name(&model->queues[q], name);
        if (producer == SIZE_MAX) {
            record(model, q, ENGINE_RECORD_ATTACH, name, true);
            producer = add(model, q, name);
        }
        if (model_has_put(model, command->session.value, q) && !model->queues[q].producers[producer].finished) {
            model_park(model, command, q, ENGINE_FOREVER)->producer = producer;
            return;
        }
        model_finish_now(model, q, producer);
    }
    struct model_effect *effect = model_say(model, ENGINE_FINISH, command->session.value, command->request, code, why);
    if (code != JQ_OK)
        return;
    model_rests(effect, q);
    effect->count = model->queues[q].producers[producer].accepted;
}

/* ---- loss ---------------------------------------------------------------------------------------------------------- */

void model_detach(struct model *model, size_t q, uint64_t session)
{
    struct model_queue *queue = &model->queues[q];
    size_t i = by_session(queue, session);
    if (i == SIZE_MAX)
        return;
    queue->producers[i].session = 0;
    if (!queue->producers[i].finished)
        queue->producers[i].lost_ns = model->now + queue->options.producer_grace_ms * UINT64_C(1000000);
    queue->producers[i].left_ns = model->now;
    queue->producers[i].left_order = ++model->left_last;
}

/* What the loss means for the queue (PRD-4). */
static void lose(struct model *model, size_t q, size_t producer)
{
    struct model_queue *queue = &model->queues[q];
    if (queue->options.on_producer_lost == ENGINE_LOST_WAIT || queue->closed)
        return;
    if (model_refuses(model, q)) {
        queue->producers[producer].owed = true;
    } else if (queue->options.on_producer_lost == ENGINE_LOST_END) {
        model_finish_now(model, q, producer);
    } else {
        queue->truncated = true;
        model_close_queue(model, q, false);
    }
}

/* Who left first is lost first. */
static size_t next_lost(const struct model_queue *queue, uint64_t now)
{
    size_t next = SIZE_MAX;
    for (size_t i = 0; i < queue->producer_count; i++) {
        const struct model_producer *producer = &queue->producers[i];
        if (producer->lost_ns <= now && (next == SIZE_MAX || producer->left_order < queue->producers[next].left_order))
            next = i;
    }
    return next;
}

void model_producers_due(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    for (size_t i = next_lost(queue, model->now); i != SIZE_MAX; i = next_lost(queue, model->now)) {
        queue->producers[i].lost_ns = ENGINE_FOREVER;
        queue->producers[i].lost = true;
        lose(model, q, i);
    }
}

void model_producers_owed(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    for (size_t i = 0; i < queue->producer_count; i++) {
        if (!queue->producers[i].owed)
            continue;
        queue->producers[i].owed = false;
        lose(model, q, i);
    }
}

/* What options say of producers holds for those that are gone, and lost, too (DCL-3). */
void model_producers_altered(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    model_all_finished(model, q);
    for (size_t i = 0; i < queue->producer_count; i++) {
        struct model_producer *producer = &queue->producers[i];
        if (producer->lost_ns != ENGINE_FOREVER)
            producer->lost_ns = producer->left_ns + queue->options.producer_grace_ms * UINT64_C(1000000);
        if (producer->lost_ns <= model->now) {
            producer->lost_ns = ENGINE_FOREVER;
            producer->lost = true;
            producer->owed = false;
            lose(model, q, i);
        } else if (producer->lost && !producer->owed) {
            lose(model, q, i);
        }
    }
}

uint64_t model_producers_next(const struct model_queue *queue)
{
    uint64_t next = ENGINE_FOREVER;
    for (size_t i = 0; i < queue->producer_count; i++)
        next = queue->producers[i].lost_ns < next ? queue->producers[i].lost_ns : next;
    return next;
}
