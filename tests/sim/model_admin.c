/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: declare, delete, close, purge, peek, stat, list and cancel. */
#include "model_internal.h"
#include <string.h>

static struct model_effect *say(struct model *model, const struct engine_command *command, size_t q, int code, int why)
{
    struct model_effect *effect = model_say(model, command->op, command->session.value, command->request, code, why);
    if (q != SIZE_MAX && code < JQ_INVALID) {
        model_rests(effect, q);
        effect->incarnation = model->queues[q].incarnation;
    }
    return effect;
}

/* ---- declare ------------------------------------------------------------------------------------------------------- */

/* A queue that made itself takes its options from its first declare, but its kind only while nothing was put. */
static bool may_adopt(const struct model_queue *queue, const struct engine_queue_options *options)
{
    bool used = queue->put || queue->dead_in || queue->count;
    bool lived =
        used || queue->closed || queue->paused || queue->generation > 1 || queue->producer_count || queue->seq_next > 1;
    return (!lived || options->durable == queue->options.durable) &&
           (!used || (options->accounting == queue->options.accounting && options->order == queue->options.order));
}

static int adopt(struct model *model, size_t q, const struct engine_command *command, int hint)
{
    struct model_queue *queue = &model->queues[q];
    const struct engine_queue_options *options = &command->declare.options;
    int why;
    if (!may_adopt(queue, options))
        return !model->accepts && hint == JQ_STORAGE ? JQ_STORAGE : JQ_EXISTS; /* either is true */
    if (model_options_check(model, q, &command->queue.name, options, &why) != JQ_OK)
        return JQ_INVALID;
    if (options->durable && !model->accepts)
        return JQ_STORAGE;
    queue->options = queue->as_declared = *options;
    queue->declared = true;
    model_atom(model, ENGINE_RECORD_DECLARE, q, 0);
    model_producers_altered(model, q);
    return JQ_OK;
}

static int declare_known(struct model *model, size_t q, const struct engine_command *command, int *why)
{
    struct model_queue *queue = &model->queues[q];
    if (!queue->declared && command->declare.existing_ok && !may_adopt(queue, &command->declare.options))
        return JQ_OK;
    if (!queue->declared)
        return adopt(model, q, command, model_hinted(model, command));
    int different = model_difference(&queue->as_declared, &command->declare.options);
    if (different == ENGINE_WHY_NONE || command->declare.existing_ok)
        return JQ_OK;
    if (!model->accepts && model_hinted(model, command) == JQ_STORAGE) /* of two things wrong either may be said */
        return JQ_STORAGE;
    *why = different;
    return JQ_EXISTS;
}

void model_declare(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    const struct engine_queue_options *options = &command->declare.options;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    bool missing = why == ENGINE_WHY_QUEUE_MISSING;
    int alone = MODEL_ANY_WHY;
    if ((missing || q != SIZE_MAX) && model_options_alone(options, &alone) != JQ_OK) {
        code = JQ_INVALID;
        why = alone;
    } else if (missing && model_options_check(model, SIZE_MAX, &command->queue.name, options, &alone) != JQ_OK) {
        code = JQ_INVALID;
        why = alone;
    } else if (missing && options->durable && !model->accepts) {
        code = JQ_STORAGE;
        why = ENGINE_WHY_JOURNAL;
    } else if (missing) {
        q = model_find(model, command, MODEL_CREATE, &code, &why);
        code = adopt(model, q, command, JQ_OK);
        why = MODEL_ANY_WHY;
    } else if (q != SIZE_MAX) {
        code = declare_known(model, q, command, &why);
    }
    say(model, command, q, code, why);
}

/* ---- delete, purge, close ------------------------------------------------------------------------------------------ */

static uint64_t discard_all(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    uint64_t count = 0;
    while (queue->count) {
        count += !queue->messages[queue->count - 1].sentinel;
        model_discard_message(model, q, queue->count - 1, true);
    }
    return count;
}

static bool empty(const struct model *model, size_t q, const struct engine_command *command)
{
    const struct model_queue *queue = &model->queues[q];
    uint64_t out = model_count_state(queue, MODEL_LEASED) + model_count_state(queue, MODEL_RECEIPT);
    if (model_waiting(queue) + out)
        return false;
    /* Nothing in it, but tasks unfinished or sentinels: the contract does not say. (A delete may be answered later.) */
    return (!model_unfinished(queue) && !queue->count) || model_hinted(model, command) != JQ_INVALID;
}

/* Those that sent their dead letters here drop them from now on. */
static void forget_letters(struct model *model, size_t q)
{
    for (size_t i = 0; i < model->queue_count; i++) {
        if (!model->queues[i].live || model_letters_of(model, i) != q)
            continue;
        model->queues[i].options.dead_letter = (struct engine_text){0};
        model->queues[i].options.dead_drop = true;
    }
}

uint64_t model_delete_queue(struct model *model, size_t q)
{
    model_atom(model, ENGINE_RECORD_DELETE, q, 0);
    for (size_t i = 0; i < model->wait_count;) {
        if (model->waits[i].queue == q)
            model_answer_wait(model, i, JQ_NO_QUEUE, ENGINE_WHY_QUEUE_DELETED);
        else
            i++;
    }
    forget_letters(model, q);
    uint64_t count = discard_all(model, q);
    model->queues[q].live = false;
    model->queues[q].producer_count = 0;
    return count;
}

void model_delete(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (q != SIZE_MAX && command->delete_.if_empty && !empty(model, q, command)) {
        bool refused = model_refuses(model, q) && model_hinted(model, command) == JQ_STORAGE;
        code = refused ? JQ_STORAGE : JQ_INVALID; /* of two things wrong either may be said */
        why = refused ? ENGINE_WHY_JOURNAL : MODEL_ANY_WHY;
    } else if (q != SIZE_MAX && model_senders(model, q) && !command->delete_.force) {
        code = JQ_INVALID;
        why = ENGINE_WHY_LETTER_REFERENCED;
    } else if (q != SIZE_MAX && model_refuses(model, q)) {
        code = JQ_STORAGE;
        why = ENGINE_WHY_JOURNAL;
    }
    uint64_t count = code == JQ_OK ? model_delete_queue(model, q) : 0;
    say(model, command, q, code, why)->count = count;
}

void model_purge(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (q != SIZE_MAX && model_refuses(model, q) &&
        (model_waiting(&model->queues[q]) || model_hinted(model, command) == JQ_STORAGE)) {
        code = JQ_STORAGE;
        why = ENGINE_WHY_JOURNAL;
    }
    uint64_t count = 0;
    if (code == JQ_OK) {
        count = model_discard_waiting(model, q);
        model_discard_sentinels(model, q);
    }
    struct model_effect *effect = say(model, command, q, code, why);
    effect->count = count;
    effect->vague = q != SIZE_MAX && model->queues[q].closed == 2;
}

void model_close(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (q == SIZE_MAX) {
        say(model, command, q, code, why);
        return;
    }
    unsigned closed = command->close.immediate ? 2 : 1;
    bool waits = command->close.after_mine && model_has_put(model, command->session.value, q);
    if (model_refuses(model, q) && (closed > model->queues[q].closed || model_hinted(model, command) == JQ_STORAGE)) {
        say(model, command, q, JQ_STORAGE, ENGINE_WHY_JOURNAL);
    } else if (waits && model_waits_of(model, command->session.value) >= model->config.waiting_max) {
        say(model, command, q, JQ_BUSY, ENGINE_WHY_WAITING_TOO_MANY);
    } else if (waits) {
        model_park(model, command, q, ENGINE_FOREVER)->immediate = command->close.immediate;
    } else {
        uint64_t count = command->close.immediate ? model_discard_waiting(model, q) : 0;
        model_close_queue(model, q, command->close.immediate);
        say(model, command, q, JQ_OK, MODEL_ANY_WHY)->count = count;
    }
}

/* ---- looking ------------------------------------------------------------------------------------------------------- */

void model_peek(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (q != SIZE_MAX && (command->count < 1 || command->count > ENGINE_BATCH_MAX)) {
        code = JQ_INVALID;
        why = ENGINE_WHY_BATCH_COUNT;
    }
    struct model_effect *effect = say(model, command, q, code, why);
    uint64_t bytes = 0, taken = ++model->steps; /* marks what is shown */
    while (code == JQ_OK && effect->item_count < command->count) {
        struct model_message *message = model_head(&model->queues[q], taken);
        if (!message)
            break;
        message->shown = taken;
        bytes += message->body.length;
        if (message->sentinel)
            bytes -= message->body.length;
        else if (effect->item_count && bytes > ENGINE_GOT_BYTES)
            break;
        if (message->sentinel)
            continue;
        model_learn(&model->queues[q], message, model_hinted_item(model, effect));
        model_add_item(model, effect, message);
    }
}

static uint64_t waiters(const struct model *model, size_t q, enum engine_op op)
{
    uint64_t count = 0;
    for (size_t i = 0; i < model->wait_count; i++)
        count += model->waits[i].queue == q && model->waits[i].op == op;
    return count;
}

static void stat_messages(const struct model *model, const struct model_queue *queue, struct model_stat *out)
{
    for (size_t i = queue->count; i-- > 0;) {
        const struct model_message *message = &queue->messages[i];
        bool in = message->state == MODEL_READY || message->state == MODEL_DELAYED;
        out->stat.ends += message->sentinel && in;
        if (message->state == MODEL_READY)
            out->age_unknown = message->sentinel || queue->options.order != ENGINE_FIFO;
        if (message->sentinel)
            continue;
        out->stat.ready_bytes += in ? message->body.length : 0;
        if (message->state != MODEL_READY)
            continue;
        out->stat.age_ns = model->now - message->put_ns;
        out->age_at_least = message->attempt > 0;
    }
}

static struct engine_stat stat_of(const struct model *model, size_t q)
{
    const struct model_queue *queue = &model->queues[q];
    return (struct engine_stat){
        .incarnation = queue->incarnation,
        .options = queue->options,
        .closed = queue->closed,
        .paused = queue->paused,
        .truncated = queue->truncated,
        .generation = queue->generation,
        .ready = model_count_state(queue, MODEL_READY),
        .delayed = model_count_state(queue, MODEL_DELAYED),
        .leased = model_count_state(queue, MODEL_LEASED) + model_count_state(queue, MODEL_RECEIPT),
        .unfinished = model_unfinished(queue),
        .put = queue->put,
        .done = model_counter(queue) ? 0 : queue->done,
        .dead = queue->dead,
        .expired = queue->expired,
        .dead_in = queue->dead_in,
        .moved_in = queue->moved_in,
        .moved_out = queue->moved_out,
        .discarded = queue->discarded,
        .delivered = queue->delivered,
        .redelivered = queue->redelivered,
        .lease_expired = queue->lease_expired,
        .task_done = queue->task_done,
        .getters_waiting = waiters(model, q, ENGINE_GET),
        .putters_waiting = waiters(model, q, ENGINE_PUT),
        .joiners_waiting = waiters(model, q, ENGINE_JOIN),
    };
}

void model_stat(const struct model *model, size_t q, struct model_stat *out)
{
    const struct model_queue *queue = &model->queues[q];
    out->stat = stat_of(model, q);
    memcpy(out->name, queue->name, sizeof out->name);
    model_copy_name(out->dead_letter, &queue->options.dead_letter);
    for (size_t i = 0; i < queue->producer_count; i++) {
        out->stat.producers_attached += queue->producers[i].session != 0;
        out->stat.producers_finished += queue->producers[i].finished;
        out->stat.producers_lost += queue->producers[i].lost;
    }
    out->age_at_least = out->age_unknown = false;
    stat_messages(model, queue, out);
}

static void add_stat(struct model *model, struct model_effect *effect, size_t q)
{
    model->stats = model_room(model->stats, &model->stat_capacity, model->stat_count, sizeof *model->stats);
    model_stat(model, q, &model->stats[model->stat_count++]);
    effect->stat_count++;
}

void model_stat_one(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    struct model_effect *effect = say(model, command, q, code, why);
    if (q != SIZE_MAX)
        add_stat(model, effect, q);
}

void model_list(struct model *model, const struct engine_command *command)
{
    struct model_effect *effect = say(model, command, SIZE_MAX, JQ_OK, MODEL_ANY_WHY);
    for (size_t q = 0; q < model->queue_count; q++) {
        const struct model_queue *queue = &model->queues[q];
        if (!queue->live || queue->incarnation <= command->list.after)
            continue;
        effect->more = effect->stat_count == command->list.max || effect->stat_count == ENGINE_LIST_MAX;
        if (effect->more)
            break;
        model_rests(effect, q);
        add_stat(model, effect, q);
    }
}

/* ---- cancel -------------------------------------------------------------------------------------------------------- */

void model_cancel(struct model *model, const struct engine_command *command)
{
    size_t index = model_wait_of(model, command->session.value, command->target);
    if (index != SIZE_MAX)
        model_answer_wait(model, index, JQ_CANCELLED, MODEL_ANY_WHY);
    say(model, command, SIZE_MAX, JQ_OK, MODEL_ANY_WHY)->count = index != SIZE_MAX;
}
