/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: pauses and generations. */
#include "model_internal.h"

static struct model_effect *say(struct model *model, const struct engine_command *command, size_t q, int code, int why)
{
    struct model_effect *effect = model_say(model, command->op, command->session.value, command->request, code, why);
    if (q != SIZE_MAX && code < JQ_INVALID) {
        model_rests(effect, q);
        effect->incarnation = model->queues[q].incarnation;
    }
    return effect;
}

/* ---- pause --------------------------------------------------------------------------------------------------------- */

void model_pause(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    unsigned which = (command->pause.puts ? ENGINE_PAUSED_PUTS : 0u) | (command->pause.gets ? ENGINE_PAUSED_GETS : 0u);
    if (code == JQ_OK && !which) {
        code = JQ_INVALID;
        why = ENGINE_WHY_PAUSE_WHAT;
    }
    if (code == JQ_OK) {
        struct model_queue *queue = &model->queues[q];
        unsigned paused = command->pause.resume ? queue->paused & ~which : queue->paused | which;
        if (paused != queue->paused && model_refuses(model, q)) {
            code = JQ_STORAGE;
            why = ENGINE_WHY_JOURNAL;
        } else if (paused != queue->paused) {
            queue->paused = paused;
            model_atom(model, ENGINE_RECORD_PAUSE, q, paused);
        }
    }
    say(model, command, q, code, why);
}

/* ---- generations --------------------------------------------------------------------------------------------------- */

int model_generation_end(const struct model_queue *queue, uint64_t generation)
{
    return queue->truncated_last >= generation ? JQ_PRODUCER_LOST : JQ_END;
}

/* What waited for the old generation is told in pairing. */
static void begin_anew(struct model *model, size_t q)
{
    struct model_queue *queue = &model->queues[q];
    if (queue->truncated)
        queue->truncated_last = queue->generation;
    queue->truncated = false;
    queue->closed = 0;
    queue->generation++;
    queue->producer_count = 0;
    queue->fenced_count = 0;
    for (size_t i = 0; i < queue->count; i++)
        queue->messages[i].over = queue->messages[i].ended;
    model_atom(model, ENGINE_RECORD_REOPEN, q, queue->generation);
}

void model_reopen(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (code == JQ_OK && model->queues[q].closed && model_refuses(model, q)) {
        code = JQ_STORAGE;
        why = ENGINE_WHY_JOURNAL;
    } else if (code == JQ_OK && model->queues[q].closed) {
        begin_anew(model, q);
    }
    struct model_effect *effect = say(model, command, q, code, why);
    effect->count = code == JQ_OK ? model->queues[q].generation : 0;
}
