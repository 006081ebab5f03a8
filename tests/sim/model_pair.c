/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: requests that wait, and what ends their waiting. */
#include "model_internal.h"
#include <stdlib.h>
#include <string.h>

/* ---- the list of waiters ------------------------------------------------------------------------------------------- */

struct model_wait *model_park(struct model *model, const struct engine_command *command, size_t queue,
                              uint64_t timeout_ns)
{
    model->waits = model_room(model->waits, &model->wait_capacity, model->wait_count, sizeof *model->waits);
    struct model_wait *wait = &model->waits[model->wait_count++];
    *wait = (struct model_wait){
        .op = command->op,
        .session = command->session.value,
        .request = command->request,
        .queue = queue,
        .deadline_ns = timeout_ns == ENGINE_FOREVER || !timeout_ns ? ENGINE_FOREVER : model->now + timeout_ns,
        .nowait = !timeout_ns,
    };
    return wait;
}

void model_unpark(struct model *model, size_t index)
{
    free(model->waits[index].bodies);
    free(model->waits[index].lost);
    memmove(&model->waits[index], &model->waits[index + 1], (model->wait_count - index - 1) * sizeof *model->waits);
    model->wait_count--;
}

size_t model_waits_of(const struct model *model, uint64_t session)
{
    size_t count = 0;
    for (size_t i = 0; i < model->wait_count; i++)
        count += model->waits[i].session == session;
    return count;
}

uint64_t model_waiting_bytes(const struct model *model, uint64_t session)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < model->wait_count; i++)
        if (model->waits[i].session == session)
            bytes += model->waits[i].bytes;
    return bytes;
}

size_t model_wait_of(const struct model *model, uint64_t session, uint32_t request)
{
    for (size_t i = 0; i < model->wait_count; i++)
        if (model->waits[i].session == session && model->waits[i].request == request)
            return i;
    return SIZE_MAX;
}

bool model_waits(const struct model *model, uint64_t session, uint32_t request)
{
    return model_wait_of(model, session, request) != SIZE_MAX;
}

bool model_has_put(const struct model *model, uint64_t session, size_t queue)
{
    for (size_t i = 0; i < model->wait_count; i++)
        if (model->waits[i].op == ENGINE_PUT && model->waits[i].session == session && model->waits[i].queue == queue)
            return true;
    return false;
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

void model_say_joined(struct model *model, const struct model_wait *wait, int code)
{
    const struct model_queue *queue = &model->queues[wait->queue];
    struct model_effect *effect = model_say(model, ENGINE_JOIN, wait->session, wait->request, code, MODEL_ANY_WHY);
    effect->vague = wait->vague;
    effect->pending = wait->pending;
    effect->remaining = code == JQ_OK ? 0 : model_unfinished(queue);
    effect->done = (model_counter(queue) ? queue->task_done : queue->done) - wait->done_before;
    effect->discarded = queue->discarded - wait->discarded_before;
    effect->dead = queue->dead - wait->dead_before;
    effect->expired = queue->expired - wait->expired_before;
    model_rests(effect, wait->queue);
}

static void add_lost(struct model *model, struct model_effect *effect, const struct model_wait *wait)
{
    for (size_t i = 0; i < wait->lost_count; i++) {
        model->lost = model_room(model->lost, &model->lost_capacity, model->lost_count, sizeof *model->lost);
        model->lost[model->lost_count++] = wait->lost[i];
    }
    effect->lost_count = wait->lost_count;
}

static struct model_effect *say(struct model *model, const struct model_wait *wait, int code, int why)
{
    struct model_effect *effect = model_say(model, wait->op, wait->session, wait->request, code, why);
    model_rests(effect, wait->queue);
    effect->carried = wait->carried;
    effect->incarnation = model->queues[wait->queue].incarnation;
    if (wait->op == ENGINE_PUT)
        effect->count = wait->accepted;
    add_lost(model, effect, wait);
    return effect;
}

void model_answer_wait(struct model *model, size_t index, int code, int why)
{
    struct model_wait *wait = &model->waits[index];
    for (uint32_t i = wait->accepted; wait->op == ENGINE_PUT && i < wait->count; i++)
        model_release(model, &wait->bodies[i]);
    if (wait->op == ENGINE_JOIN)
        model_say_joined(model, wait, code);
    else
        (void)say(model, wait, code, why);
    model_unpark(model, index);
}

/* ---- joins, and what waits for the session's own puts ---------------------------------------------------------------- */

/* Where what expires and what dies elsewhere come together, the last may have been finished before the next came: as was heard, of the
 * moment at which there was so much to tell. */
static bool all_finished(const struct model *model, const struct model_wait *wait)
{
    const struct model_queue *queue = &model->queues[wait->queue];
    uint64_t unsure = model_counter(queue) ? model_unsure(queue) : 0;
    if (!unsure)
        return !model_unfinished(queue);
    const struct model_effect *answered = model_hint(model, wait->session, wait->request);
    return answered && answered->code == JQ_OK && queue->tasks <= unsure &&
           answered->done == queue->task_done - wait->done_before &&
           answered->discarded == queue->discarded - wait->discarded_before &&
           answered->expired == queue->expired - wait->expired_before;
}

static bool pair_joins(struct model *model, size_t q)
{
    bool changed = false;
    for (size_t i = 0; i < model->wait_count;) {
        const struct model_wait *wait = &model->waits[i];
        if (wait->queue != q || wait->op != ENGINE_JOIN || !all_finished(model, wait)) {
            i++;
            continue;
        }
        model_answer_wait(model, i, JQ_OK, MODEL_ANY_WHY);
        model->queues[q].tasks = 0;
        model_sure(&model->queues[q]);
        changed = true;
    }
    return changed;
}

static bool put_before(const struct model *model, size_t index)
{
    const struct model_wait *wait = &model->waits[index];
    for (size_t i = 0; i < index; i++)
        if (model->waits[i].op == ENGINE_PUT && model->waits[i].session == wait->session &&
            model->waits[i].queue == wait->queue)
            return true;
    return false;
}

static void take_effect(struct model *model, size_t index)
{
    struct model_wait wait = model->waits[index];
    model_unpark(model, index);
    if (wait.op == ENGINE_CLOSE) {
        uint64_t count = wait.immediate ? model_discard_waiting(model, wait.queue) : 0;
        model_close_queue(model, wait.queue, wait.immediate);
        say(model, &wait, JQ_OK, MODEL_ANY_WHY)->count = count;
        return;
    }
    model_finish_now(model, wait.queue, wait.producer);
    say(model, &wait, JQ_OK, MODEL_ANY_WHY)->count = model->queues[wait.queue].producers[wait.producer].accepted;
}

/* A waiter that is to be served while memory fails does not hang: it is answered OVERLOADED, with nothing done. */
static bool overloaded(struct model *model, size_t index)
{
    const struct model_wait *wait = &model->waits[index];
    const struct model_effect *answered = model->faulty ? model_hint(model, wait->session, wait->request) : NULL;
    if (!answered || answered->code != JQ_OVERLOADED || answered->why != ENGINE_WHY_MEMORY)
        return false;
    if (wait->op == ENGINE_PUT && answered->count > wait->accepted) /* later */
        return false;
    model_answer_wait(model, index, JQ_OVERLOADED, ENGINE_WHY_MEMORY);
    return true;
}

/* close(after_mine) and finish take effect when every earlier put of their session to the queue is answered (END-5). */
static bool pair_after_mine(struct model *model, size_t q)
{
    for (size_t i = 0; i < model->wait_count; i++) {
        const struct model_wait *wait = &model->waits[i];
        if (wait->queue != q || (wait->op != ENGINE_CLOSE && wait->op != ENGINE_FINISH) || put_before(model, i) ||
            model_refuses(model, q))
            continue;
        if (!overloaded(model, i))
            take_effect(model, i);
        return true;
    }
    return false;
}

/* ---- puts ---------------------------------------------------------------------------------------------------------- */

static uint32_t how_many_fit(const struct model_queue *queue, const struct model_wait *put)
{
    uint32_t count = 0;
    uint64_t bytes = 0;
    while (put->accepted + count < put->count) {
        bytes += put->bodies[put->accepted + count].length;
        if (!model_fits(queue, count + 1, bytes))
            break;
        count++;
    }
    return put->partial || put->accepted + count == put->count ? count : 0;
}

/* The first waiting put takes what room there is. */
static bool pair_put(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    size_t i = 0;
    while (i < model->wait_count && (model->waits[i].op != ENGINE_PUT || model->waits[i].queue != q))
        i++;
    if (i == model->wait_count || queue->closed || model_refuses(model, q))
        return false;
    struct model_wait *put = &model->waits[i];
    if (model_other_kind(queue, put)) {
        model_answer_wait(model, i, JQ_INVALID, ENGINE_WHY_PRIORITY_KIND);
        return true;
    }
    uint32_t count = how_many_fit(queue, put);
    if (!count)
        return false;
    if (overloaded(model, i))
        return true;
    model_accept(model, put, count);
    if (put->accepted == put->count)
        model_answer_wait(model, i, JQ_OK, MODEL_ANY_WHY);
    return true;
}

/* ---- gets ---------------------------------------------------------------------------------------------------------- */

static struct model_message *head(struct model_queue *queue)
{
    return model_head(queue, UINT64_MAX);
}

static void hand_out(struct model *model, const struct model_wait *get, struct model_message *message, bool on_receipt)
{
    struct model_queue *queue = &model->queues[get->queue];
    message->state = on_receipt ? MODEL_RECEIPT : MODEL_LEASED;
    message->session = get->session;
    message->receipt = on_receipt ? model_session(model, get->session)->receipts : 0;
    message->attempt++;
    if (!on_receipt && queue->options.lease_ms)
        message->deadline_ns = model->now + queue->options.lease_ms * UINT64_C(1000000);
    if (message->sentinel)
        return;
    queue->delivered++;
    queue->redelivered += message->attempt > 1;
}

/* An answer holds so many messages and bytes, but one message of any size. */
static bool fits_answer(const struct model_message *next, const struct model_effect *effect, uint32_t max,
                        uint64_t *bytes)
{
    if (!next || next->sentinel || effect->item_count == max)
        return false;
    *bytes += next->body.length;
    return !effect->item_count || *bytes <= ENGINE_GOT_BYTES;
}

/* What the get finds at the head: a sentinel, or messages up to the next sentinel. */
static void serve(struct model *model, size_t index)
{
    struct model_wait *get = &model->waits[index];
    struct model_queue *queue = &model->queues[get->queue];
    bool sentinel = head(queue)->sentinel;
    bool on_receipt = sentinel || get->auto_ || model_counter(queue);
    struct model_session *session = model_session(model, get->session);
    session->receipts += on_receipt;
    struct model_effect *effect = say(model, get, sentinel ? JQ_END : JQ_OK, MODEL_ANY_WHY);
    effect->receipt = on_receipt ? session->receipts : 0;
    if (sentinel) {
        hand_out(model, get, head(queue), true);
    } else {
        uint64_t bytes = 0;
        for (struct model_message *next = head(queue); fits_answer(next, effect, get->max, &bytes);
             next = head(queue)) {
            hand_out(model, get, next, on_receipt);
            model_learn(queue, next, model_hinted_item(model, effect));
            model_add_item(model, effect, next);
        }
    }
    model_unpark(model, index);
}

static bool is_get(const struct model *model, size_t index, size_t q)
{
    return model->waits[index].op == ENGINE_GET && model->waits[index].queue == q;
}

static bool blocked(struct model *model, size_t index)
{
    return model_session(model, model->waits[index].session)->blocked && !model->waits[index].fresh;
}

/* The first get in line whose connection can take an answer. */
static bool pair_get(struct model *model, size_t q)
{
    if (!head(&model->queues[q]) || (model->queues[q].paused & ENGINE_PAUSED_GETS))
        return false;
    for (size_t i = 0; i < model->wait_count; i++) {
        if (!is_get(model, i, q) || blocked(model, i))
            continue;
        if (!overloaded(model, i))
            serve(model, i);
        return true;
    }
    return false;
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

static bool waits_idle(const struct model *model, uint64_t session, size_t q)
{
    for (size_t i = 0; i < model->wait_count; i++)
        if (is_get(model, i, q) && model->waits[i].session == session && !model->waits[i].final)
            return true;
    return false;
}

/* Whether nothing can come any more: to anybody (final), or as the getters that wait idle see it (END-2). */
static bool ended(const struct model *model, size_t q, bool final)
{
    const struct model_queue *queue = &model->queues[q];
    if (!queue->closed || model_waiting(queue))
        return false;
    for (size_t i = 0; i < queue->count; i++) {
        const struct model_message *message = &queue->messages[i];
        bool out = message->state == MODEL_LEASED || message->state == MODEL_RECEIPT;
        if (!out || message->sentinel || (queue->closed == 2 && !model_counter(queue)))
            continue;
        if (final || !waits_idle(model, message->session, q))
            return false;
    }
    return true;
}

/* What is confirmed by those who wait idle may as well be out when they are told that nothing else is. */
static void note_idle(struct model *model, size_t q)
{
    for (size_t i = 0; i < model->atom_count; i++)
        if (model->atoms[i].queue == q && model->atoms[i].holder)
            model->atoms[i].idle |= waits_idle(model, model->atoms[i].holder, q);
}

static bool answer_ends(struct model *model, size_t q, bool final)
{
    bool changed = false;
    note_idle(model, q);
    for (size_t i = 0; i < model->wait_count;) {
        if (!is_get(model, i, q) || blocked(model, i) || (!final && model->waits[i].final)) {
            i++;
            continue;
        }
        bool idle = !model->waits[i].final;
        model_answer_wait(model, i, model->queues[q].truncated ? JQ_PRODUCER_LOST : JQ_END, MODEL_ANY_WHY);
        model->effects[model->effect_count - 1].idle = idle;
        changed = true;
    }
    return changed;
}

static bool pair_final_end(struct model *model, size_t q)
{
    if (!ended(model, q, true))
        return false;
    if (!model_refuses(model, q))
        model_end_sentinels(model, q);
    return answer_ends(model, q, true);
}

static bool pair_idle_end(struct model *model, size_t q)
{
    return ended(model, q, false) && answer_ends(model, q, false);
}

/* ---- all together ---------------------------------------------------------------------------------------------------- */

/* The first waiting put of a closed queue. What waited for the last put of a session takes effect before the next put is told. */
static bool pair_closed(struct model *model, size_t q)
{
    for (size_t i = 0; i < model->wait_count && model->queues[q].closed; i++) {
        if (model->waits[i].op != ENGINE_PUT || model->waits[i].queue != q)
            continue;
        model_answer_wait(model, i, JQ_CLOSED, ENGINE_WHY_QUEUE_CLOSED);
        return true;
    }
    return false;
}

/* An alter has made the bound itself smaller than what a put still has to put (BND-3). */
static bool pair_shrunk(struct model *model, size_t q)
{
    for (size_t i = 0; i < model->wait_count; i++) {
        const struct model_wait *put = &model->waits[i];
        if (put->op != ENGINE_PUT || put->queue != q ||
            !model_too_large(&model->queues[q], put->bodies + put->accepted, put->count - put->accepted, put->partial))
            continue;
        model_answer_wait(model, i, JQ_TOO_LARGE, ENGINE_WHY_BATCH_OVER_BOUND);
        return true;
    }
    return false;
}

/* A get of a generation that is over. */
static bool pair_old(struct model *model, size_t q)
{
    const struct model_queue *queue = &model->queues[q];
    for (size_t i = 0; i < model->wait_count; i++) {
        if (!is_get(model, i, q) || blocked(model, i) || model->waits[i].generation >= queue->generation)
            continue;
        model_answer_wait(model, i, model_generation_end(queue, model->waits[i].generation), ENGINE_WHY_GENERATION_OLD);
        return true;
    }
    return false;
}

static bool pair_messages(struct model *model, size_t q)
{
    if (pair_joins(model, q))
        return true;
    if (model_stalled(model, q))
        return false;
    return pair_put(model, q) || pair_final_end(model, q) || pair_get(model, q) || pair_idle_end(model, q);
}

void model_pair(struct model *model, size_t q)
{
    while (model->queues[q].live && (pair_after_mine(model, q) || pair_closed(model, q) || pair_shrunk(model, q) ||
                                     pair_old(model, q) || pair_messages(model, q)))
        continue;
}

void model_pair_all(struct model *model)
{
    for (size_t q = 0; q < model->queue_count; q++)
        model_pair(model, q);
}
