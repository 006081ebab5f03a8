/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: what holders do with what they hold, and what becomes of it when they die. */
#include "model_internal.h"

/* ---- ranges -------------------------------------------------------------------------------------------------------- */

/* The place of a message if this session holds this delivery of it; SIZE_MAX if not. A delivery on receipt is held only as far as a
 * release goes. */
static size_t held(const struct model *model, size_t q, uint64_t session, uint64_t seq, uint32_t attempt,
                   enum engine_op op)
{
    const struct model_queue *queue = &model->queues[q];
    for (size_t i = 0; i < queue->count; i++) {
        const struct model_message *message = &queue->messages[i];
        if (message->seq != seq)
            continue;
        bool is = message->state == MODEL_LEASED || (message->state == MODEL_RECEIPT && op == ENGINE_RELEASE);
        return is && !message->confirmed && !message->discarding && message->session == session &&
                       message->attempt == attempt
                   ? i
                   : SIZE_MAX;
    }
    return SIZE_MAX;
}

static bool holds_any(const struct model *model, size_t q, uint64_t session, enum engine_op op,
                      const struct engine_range *range)
{
    for (uint32_t i = 0; i < range->count; i++)
        if (held(model, q, session, range->first + i, range->attempt, op) != SIZE_MAX)
            return true;
    return false;
}

static bool needs_record(const struct model *model, size_t q, enum engine_op op)
{
    return op == ENGINE_DONE || (model->queues[q].closed == 2 && op != ENGINE_TOUCH);
}

enum model_ranges model_check_ranges(const struct model *model, const struct engine_command *command, enum engine_op op,
                                     const struct engine_ranges *ranges)
{
    uint64_t total = 0;
    bool counter = false, refused = false;
    for (uint32_t i = 0; i < ranges->count; i++) {
        const struct engine_range *range = &ranges->item[i];
        size_t q = model_incarnation(model, range->incarnation);
        total += range->count;
        if (q == SIZE_MAX || total > ENGINE_SETTLE_MAX)
            continue;
        counter |= model_counter(&model->queues[q]) && op != ENGINE_RELEASE;
        if (!model_refuses(model, q))
            continue;
        refused |= needs_record(model, q, op) && holds_any(model, q, command->session.value, op, range);
        refused |= model_hinted(model, command) == JQ_STORAGE; /* of two things wrong either may be said */
    }
    if (ranges->count > ENGINE_RANGES_MAX || total > ENGINE_SETTLE_MAX)
        return MODEL_RANGES_TOO_MANY;
    return counter ? MODEL_RANGES_COUNTER : refused ? MODEL_RANGES_REFUSED : MODEL_RANGES_GOOD;
}

static void settle(struct model *model, const struct engine_command *command, enum engine_op op, size_t q, size_t index)
{
    struct model_message *message = &model->queues[q].messages[index];
    const struct engine_queue_options *options = &model->queues[q].options;
    switch (op) {
    case ENGINE_DONE:
        model_finish_message(model, q, index);
        break;
    case ENGINE_NACK:
        model_return(model, q, index, true, command->settle.dead, command->settle.delay_ns);
        break;
    case ENGINE_RELEASE:
        model_return(model, q, index, false, false, 0);
        break;
    default:
        message->deadline_ns = options->lease_ms ? model->now + options->lease_ms * UINT64_C(1000000) : ENGINE_FOREVER;
        break;
    }
}

uint64_t model_settle_ranges(struct model *model, const struct engine_command *command, enum engine_op op,
                             const struct engine_ranges *ranges)
{
    uint64_t settled = 0;
    for (uint32_t r = 0; r < ranges->count; r++) {
        const struct engine_range *range = &ranges->item[r];
        size_t q = model_incarnation(model, range->incarnation);
        for (uint32_t i = 0; i < range->count; i++) {
            uint64_t seq = range->first + i;
            size_t index = q == SIZE_MAX ? SIZE_MAX : held(model, q, command->session.value, seq, range->attempt, op);
            if (index != SIZE_MAX) {
                settle(model, command, op, q, index);
                settled++;
                continue;
            }
            model->lost = model_room(model->lost, &model->lost_capacity, model->lost_count, sizeof *model->lost);
            model->lost[model->lost_count++] = (struct model_lost){range->incarnation, seq, range->attempt};
        }
    }
    return settled;
}

/* ---- done, nack, release, touch ------------------------------------------------------------------------------------ */

/* Whether one of them is on a queue whose dead letters go nowhere. */
static bool no_letters(const struct model *model, const struct engine_ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->count; i++) {
        size_t q = model_incarnation(model, ranges->item[i].incarnation);
        if (q != SIZE_MAX && model_letters_of(model, q) == SIZE_MAX && !model->queues[q].options.dead_drop)
            return true;
    }
    return false;
}

static int settle_check(const struct model *model, const struct engine_command *command, int *why)
{
    const struct engine_ranges *ranges = &command->settle.ranges;
    enum model_ranges checked = model_check_ranges(model, command, command->op, ranges);
    if (!model->accepts && model_hinted(model, command) == JQ_STORAGE) /* of two things wrong either may be said */
        checked = checked == MODEL_RANGES_GOOD ? checked : MODEL_RANGES_REFUSED;
    if (command->op == ENGINE_NACK && command->settle.dead && no_letters(model, ranges) &&
        model_hinted(model, command) == JQ_INVALID)
        return JQ_INVALID; /* of two things wrong either may be said */
    switch (checked) {
    case MODEL_RANGES_TOO_MANY:
        *why = MODEL_ANY_WHY; /* there may be more wrong with them */
        return JQ_INVALID;
    case MODEL_RANGES_COUNTER:
        *why = MODEL_ANY_WHY;
        return JQ_INVALID;
    case MODEL_RANGES_REFUSED:
        *why = ENGINE_WHY_JOURNAL;
        return JQ_STORAGE;
    default:
        break;
    }
    if (command->op != ENGINE_NACK || !command->settle.dead)
        return JQ_OK;
    return no_letters(model, ranges) ? JQ_INVALID : JQ_OK;
}

void model_settle(struct model *model, const struct engine_command *command)
{
    int why = MODEL_ANY_WHY, code = settle_check(model, command, &why);
    size_t first = model->lost_count;
    uint64_t settled = 0;
    if (code == JQ_OK) {
        settled = model_settle_ranges(model, command, command->op, &command->settle.ranges);
        code = model->lost_count > first ? JQ_LEASE_LOST : JQ_OK;
    }
    struct model_effect *effect = model_say(model, command->op, command->session.value, command->request, code, why);
    effect->count = settled;
    effect->lost_first = first;
    effect->lost_count = model->lost_count - first;
    for (uint32_t i = 0; code < JQ_NO_QUEUE && i < command->settle.ranges.count; i++) {
        size_t q = model_incarnation(model, command->settle.ranges.item[i].incarnation);
        if (q != SIZE_MAX)
            model_rests(effect, q);
    }
}

/* ---- on receipt ---------------------------------------------------------------------------------------------------- */

void model_received(struct model *model, const struct engine_command *command)
{
    for (size_t q = 0; q < model->queue_count; q++) {
        struct model_queue *queue = &model->queues[q];
        for (size_t i = queue->count; i-- > 0;) {
            struct model_message *message = &queue->messages[i];
            if (message->state != MODEL_RECEIPT || message->session != command->session.value ||
                message->receipt > command->receipt)
                continue;
            if (model_refuses(model, q))
                message->confirmed = true;
            else
                model_finish_message(model, q, i);
        }
    }
}

/* What had to wait for the journal. */
void model_accepts(struct model *model)
{
    for (size_t q = 0; q < model->queue_count; q++) {
        struct model_queue *queue = &model->queues[q];
        model_producers_owed(model, q);
        for (size_t i = queue->count; i-- > 0;) {
            if (queue->messages[i].confirmed)
                model_finish_message(model, q, i);
            else if (queue->messages[i].discarding) {
                if (queue->messages[i].expiring)
                    model_say_expired(model, q, i);
                model_discard_message(model, q, i, false);
            }
        }
    }
}

/* ---- the end of a session ------------------------------------------------------------------------------------------ */

static void withdraw(struct model *model, uint64_t session)
{
    for (size_t i = model->wait_count; i-- > 0;) {
        struct model_wait *wait = &model->waits[i];
        if (wait->session != session)
            continue;
        model_once_withdraw(model, wait);
        for (uint32_t b = wait->accepted; wait->op == ENGINE_PUT && b < wait->count; b++)
            model_release(model, &wait->bodies[b]);
        model_unpark(model, i);
    }
}

static void forget_fence(struct model_queue *queue, uint64_t session)
{
    for (size_t i = 0; i < queue->fenced_count; i++)
        if (queue->fenced[i] == session)
            queue->fenced[i] = queue->fenced[--queue->fenced_count];
}

void model_session_end(struct model *model, const struct engine_command *command)
{
    uint64_t session = command->session.value;
    model_once_keep(model);
    withdraw(model, session);
    for (size_t q = 0; q < model->queue_count; q++) {
        struct model_queue *queue = &model->queues[q];
        model_detach(model, q, session);
        forget_fence(queue, session);
        for (size_t i = queue->count; i-- > 0;) {
            const struct model_message *message = &queue->messages[i];
            bool out = message->state == MODEL_LEASED || message->state == MODEL_RECEIPT;
            if (message->session == session && out && !message->confirmed)
                model_return(model, q, i, message->state == MODEL_LEASED, false, 0);
        }
    }
    model_client_leaves(model, session);
    model_session(model, session)->id = 0;
}
