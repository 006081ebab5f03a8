/* SPDX-License-Identifier: Apache-2.0 */
/* Records against atoms: all that must survive is written, nothing else is, and no effect may leave before what it rests on
 * (OUT-1). */
/* proves: OUT-1 OUT-2 */
#include "names.h"
#include "sim.h"
#include <string.h>

static bool same_body(const struct engine_body *a, const struct engine_body *b)
{
    return a->chunk == b->chunk && a->offset == b->offset && a->length == b->length;
}

static bool same(const struct sim *sim, const struct model_atom *atom, const struct sim_record *record)
{
    if (atom->number || atom->kind != record->kind ||
        sim->model->queues[atom->queue].incarnation != record->incarnation)
        return false;
    switch (atom->kind) {
    case ENGINE_RECORD_DECLARE:
    case ENGINE_RECORD_ALTER:
    case ENGINE_RECORD_DELETE:
        return true;
    case ENGINE_RECORD_ATTACH:
    case ENGINE_RECORD_FINISH:
        return strcmp(atom->name, record->name) == 0;
    case ENGINE_RECORD_PUT:
        if (atom->letter)
            return atom->value == record->value;
        return atom->value == record->value && atom->due_ns == record->due_ns &&
               same_body(&atom->body, &record->body) && strcmp(atom->name, record->name) == 0;
    case ENGINE_RECORD_RETURN:
        return atom->value == record->value && atom->due_ns == record->due_ns && atom->deliveries == record->deliveries;
    default:
        return atom->value == record->value;
    }
}

static void unexpected(struct sim *sim, const struct sim_record *record)
{
    sim_fail(sim, "record %llu is not called for: %s of queue %llu, %llu, deliveries %u, due %llu, name '%s'",
             (unsigned long long)record->number, name_record(record->kind), (unsigned long long)record->incarnation,
             (unsigned long long)record->value, record->deliveries, (unsigned long long)record->due_ns, record->name);
}

static void match_records(struct sim *sim)
{
    struct model *model = sim->model;
    size_t at = 0; /* where the last match was: the next is mostly close by */
    for (size_t i = 0; i < sim->record_count && !sim->failed; i++) {
        size_t tried = 0;
        while (tried < model->atom_count && !same(sim, &model->atoms[at], &sim->records[i])) {
            at = (at + 1) % model->atom_count;
            tried++;
        }
        if (tried == model->atom_count)
            unexpected(sim, &sim->records[i]);
        else
            model->atoms[at].number = sim->records[i].number;
    }
    for (size_t i = 0; i < model->atom_count && !sim->failed; i++)
        if (!model->atoms[i].number && !model->atoms[i].optional)
            sim_fail(sim, "no record says %s of queue '%s', %llu", name_record(model->atoms[i].kind),
                     model->queues[model->atoms[i].queue].name, (unsigned long long)model->atoms[i].value);
}

/* ---- output commit ------------------------------------------------------------------------------------------------- */

/* Records that come in slices need not be written when something is answered that does not depend on them. */
enum slices {
    SLICES_NONE,
    SLICES_SENTINELS, /* those that are put behind what is swept */
    SLICES_DISCARDS,
    SLICES_OTHERS, /* all but those of who waits idle */
    SLICES_ALL
};

static enum slices waits_for_slices(const struct model_effect *effect)
{
    if (effect->op == ENGINE_GET && effect->code == JQ_EMPTY)
        return SLICES_DISCARDS;
    if (effect->idle)
        return SLICES_OTHERS;
    bool earlier = effect->why == ENGINE_WHY_GENERATION_OLD; /* that generation was over before */
    bool ends = effect->op == ENGINE_GET && !earlier && (effect->code == JQ_END || effect->code == JQ_PRODUCER_LOST);
    bool says = effect->op == ENGINE_CLOSE && effect->count; /* how much it has discarded */
    bool joined = effect->op == ENGINE_JOIN && effect->code == JQ_OK;
    if (effect->op == ENGINE_PUT_END)
        return SLICES_SENTINELS;
    return ends || says || joined || effect->op == ENGINE_PURGE || effect->op == ENGINE_DELETE ? SLICES_ALL
                                                                                               : SLICES_NONE;
}

/* The last record of a queue among the first so many atoms, with or without those that are written in slices. That a queue was closed at
 * once says as much as the discards that follow from it. */
static uint64_t watermark(const struct sim *sim, size_t q, size_t atoms, enum slices slices)
{
    const struct model *model = sim->model;
    uint64_t mark = model->queues[q].watermark;
    bool implied = model->queues[q].closed == 2;
    for (size_t i = 0; i < atoms; i++) {
        const struct model_atom *atom = &model->atoms[i];
        bool end = atom->kind == ENGINE_RECORD_END_TAKEN; /* nothing that is said rests on it */
        bool discard = atom->kind == ENGINE_RECORD_DISCARD, done = atom->kind == ENGINE_RECORD_DONE && sim->sliced;
        bool sentinel = atom->kind == ENGINE_RECORD_PUT_END && sim->sliced && slices == SLICES_NONE;
        bool others = slices == SLICES_OTHERS && !atom->idle;
        bool waits = !implied && (slices == SLICES_ALL || others || (slices == SLICES_DISCARDS && !done));
        bool counts = !end && atom->kind != ENGINE_RECORD_RETURN && (waits || (!discard && !done && !sentinel));
        if (atom->queue == q && counts && atom->number > mark)
            mark = atom->number;
    }
    return mark;
}

static uint64_t carried_after(const struct sim *sim, const struct model_carried *carried)
{
    uint64_t after = carried->after;
    for (size_t i = 0; i < carried->rest_count; i++) {
        uint64_t mark = watermark(sim, carried->rests[i], carried->atoms, SLICES_NONE);
        after = mark > after ? mark : after;
    }
    return after;
}

void records_settle(struct sim *sim)
{
    for (size_t i = 0; i < sim->model->wait_count; i++) {
        struct model_carried *carried = &sim->model->waits[i].carried;
        carried->after = carried_after(sim, carried);
        for (size_t k = 0; k < carried->rest_count; k++)
            carried->shared |= sim->model->queues[carried->rests[k]].shared;
        carried->rest_count = 0;
    }
}

static bool rests_on(const struct model_effect *effect, size_t q)
{
    for (size_t i = 0; i < effect->rest_count; i++)
        if (effect->rests[i] == q)
            return true;
    return false;
}

static void check_after(struct sim *sim, const struct sim_heard *heard, const struct model_effect *effect)
{
    const struct model *model = sim->model;
    uint64_t after = heard->effect.after;
    const struct model_carried *carried = &effect->carried;
    bool durable = effect->kept || carried->rest_count || carried->after || carried->shared;
    durable |= heard->effect.kind == ENGINE_STATS; /* a list says what is not there, too */
    for (size_t q = 0; q < model->queue_count && !sim->failed; q++) {
        bool rests = rests_on(effect, q);
        durable |= rests && (model->queues[q].options.durable || model->queues[q].shared);
        uint64_t mark = rests ? watermark(sim, q, effect->atoms, waits_for_slices(effect)) : 0;
        if (after < mark)
            sim_fail(sim,
                     "OUT-1: request %u of session %llu may leave after record %llu, but rests on record %llu of '%s'",
                     effect->request, (unsigned long long)effect->session, (unsigned long long)after,
                     (unsigned long long)mark, model->queues[q].name);
    }
    if (after < carried_after(sim, &effect->carried))
        sim_fail(sim, "OUT-1: request %u of session %llu may leave after record %llu, before what it carried",
                 effect->request, (unsigned long long)effect->session, (unsigned long long)after);
    if (after > sim->record_last)
        sim_fail(sim, "an effect waits for record %llu, which is not written", (unsigned long long)after);
    if (after && !durable && effect->code < JQ_NO_QUEUE)
        sim_fail(sim, "request %u of session %llu waits for the journal, but no durable queue took part",
                 effect->request, (unsigned long long)effect->session);
}

static void check_effects(struct sim *sim)
{
    for (size_t i = 0; i < sim->heard_count && !sim->failed; i++)
        if (sim->heard[i].expected)
            check_after(sim, &sim->heard[i], sim->heard[i].expected);
}

void records_compare(struct sim *sim)
{
    match_records(sim);
    if (!sim->failed)
        check_effects(sim);
}
