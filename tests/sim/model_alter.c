/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: options, as they are declared, compared and altered. */
#include "model_internal.h"
#include <string.h>

static const struct {
    size_t offset;
    int why;
} options[] = {
#define OPTION(name, member) {offsetof(struct engine_queue_options, member), ENGINE_WHY_OPTION_##name},
    ENGINE_OPTIONS(OPTION)
#undef OPTION
};

static uint64_t *option(struct engine_queue_options *o, size_t i)
{
    return (uint64_t *)(void *)((char *)o + options[i].offset);
}

static uint64_t option_of(const struct engine_queue_options *o, size_t i)
{
    return *(const uint64_t *)(const void *)((const char *)o + options[i].offset);
}

static bool same_letter(const struct engine_queue_options *a, const struct engine_queue_options *b)
{
    const struct engine_text *x = &a->dead_letter, *y = &b->dead_letter;
    return x->size == y->size && (!x->size || memcmp(x->data, y->data, x->size) == 0);
}

int model_difference(const struct engine_queue_options *a, const struct engine_queue_options *b)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (option_of(a, i) != option_of(b, i))
            return options[i].why;
    return same_letter(a, b) ? ENGINE_WHY_NONE : ENGINE_WHY_OPTION_DEAD_LETTER;
}

/* ---- whether they make sense --------------------------------------------------------------------------------------- */

int model_options_alone(const struct engine_queue_options *o, int *why)
{
    bool dies = o->dead_drop || o->dead_letter.size;
    if (o->accounting == ENGINE_COUNTER && (o->lease_ms || o->max_deliveries || dies))
        *why = ENGINE_WHY_COUNTER_HAS_NO_LEASES;
    else if (o->max_deliveries > UINT16_MAX)
        *why = ENGINE_WHY_DELIVERIES_LIMIT;
    else if (o->max_deliveries && !dies)
        *why = ENGINE_WHY_DELIVERIES_NEED_LETTER;
    else
        return JQ_OK;
    return JQ_INVALID;
}

size_t model_letters_of(const struct model *model, size_t q)
{
    const struct engine_text *to = &model->queues[q].options.dead_letter;
    for (size_t i = 0; i < model->queue_count && to->size; i++)
        if (model->queues[i].live && model_text_is(to, model->queues[i].name))
            return i;
    return SIZE_MAX;
}

uint64_t model_senders(const struct model *model, size_t q)
{
    uint64_t count = 0;
    for (size_t i = 0; i < model->queue_count; i++)
        count += model->queues[i].live && model_letters_of(model, i) == q;
    return count;
}

/* LSE-5: the target is there for good, durable if the source is, and leads nowhere back. */
int model_options_check(const struct model *model, size_t q, const struct engine_text *name,
                        const struct engine_queue_options *o, int *why)
{
    int code = model_options_alone(o, why);
    if (code != JQ_OK || !o->dead_letter.size)
        return code;
    size_t to = 0;
    while (to < model->queue_count &&
           !(model->queues[to].live && model_text_is(&o->dead_letter, model->queues[to].name)))
        to++;
    bool itself = name->size == o->dead_letter.size && memcmp(name->data, o->dead_letter.data, name->size) == 0;
    *why = ENGINE_WHY_NONE;
    if (itself)
        *why = ENGINE_WHY_LETTER_CYCLE;
    else if (to == model->queue_count)
        *why = ENGINE_WHY_LETTER_MISSING;
    else if (model->queues[to].options.lifetime != ENGINE_PERMANENT)
        *why = ENGINE_WHY_LETTER_NOT_PERMANENT;
    else if (o->durable && !model->queues[to].options.durable)
        *why = ENGINE_WHY_LETTER_NOT_DURABLE;
    for (size_t at = to; *why == ENGINE_WHY_NONE && at != SIZE_MAX; at = model_letters_of(model, at))
        *why = at == q ? ENGINE_WHY_LETTER_CYCLE : ENGINE_WHY_NONE;
    return *why == ENGINE_WHY_NONE ? JQ_OK : JQ_INVALID;
}

/* ---- alter --------------------------------------------------------------------------------------------------------- */

static void merge(const struct engine_command *command, struct engine_queue_options *o)
{
    const struct engine_queue_options *new = &command->declare.options;
    uint32_t given = command->declare.given;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (given & 1u << i)
            *option(o, i) = option_of(new, i);
    if (given & (1u << ENGINE_OPTION_DEAD_LETTER | 1u << ENGINE_OPTION_DEAD_DROP)) {
        o->dead_letter = new->dead_letter;
        o->dead_drop = new->dead_drop;
    }
}

static int check(const struct model *model, size_t q, const struct engine_command *command,
                 const struct engine_queue_options *o, int *why)
{
    const struct engine_queue_options *is = &model->queues[q].options;
    if (o->order != is->order || o->accounting != is->accounting || o->durable != is->durable) {
        *why = ENGINE_WHY_ALTER_FIXED;
        return JQ_INVALID;
    }
    if (o->lifetime != ENGINE_PERMANENT && model_senders(model, q)) {
        *why = ENGINE_WHY_LETTER_REFERENCED;
        return JQ_INVALID;
    }
    int code = model_options_check(model, q, &command->queue.name, o, why);
    if (code != JQ_OK)
        return code;
    *why = model_refuses(model, q) ? ENGINE_WHY_JOURNAL : MODEL_ANY_WHY;
    return model_refuses(model, q) ? JQ_STORAGE : JQ_OK;
}

void model_alter(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (q != SIZE_MAX) {
        struct engine_queue_options o = model->queues[q].options;
        merge(command, &o);
        code = check(model, q, command, &o, &why);
        if (code == JQ_OK) {
            model->queues[q].options = o;
            model_atom(model, ENGINE_RECORD_ALTER, q, 0);
            model_producers_altered(model, q);
        }
    }
    struct model_effect *effect = model_say(model, ENGINE_ALTER, command->session.value, command->request, code, why);
    if (code != JQ_OK)
        return;
    model_rests(effect, q);
    effect->incarnation = model->queues[q].incarnation;
}
