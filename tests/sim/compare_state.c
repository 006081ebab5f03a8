/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine holds against what the model holds, once the engine is at rest: bodies released, requests that wait, the next timer,
 * totals, and where bodies lie. */
#include "sim.h"
#include <inttypes.h>

/* ---- bodies -------------------------------------------------------------------------------------------------------- */

static void compare_bodies(struct sim *sim)
{
    for (size_t i = 0; i < sim->model->chunk_count && !sim->failed; i++) {
        const struct model_chunk *expected = &sim->model->chunks[i];
        struct model_chunk got = i < sim->chunk_count ? sim->chunks[i] : (struct model_chunk){0};
        if (expected->released != got.released || expected->released_bytes != got.released_bytes)
            sim_fail(sim,
                     "bodies of chunk %zu: %" PRIu64 " (%" PRIu64 " bytes) were released, not %" PRIu64 " (%" PRIu64
                     ")",
                     i, got.released, got.released_bytes, expected->released, expected->released_bytes);
    }
    if (sim->chunk_count > sim->model->chunk_count && !sim->failed)
        sim_fail(sim, "bodies of a chunk that was never given were released");
}

static void compare_waiting(struct sim *sim)
{
    for (size_t i = 0; i < sim->request_count && !sim->failed; i++) {
        struct sim_request *request = &sim->requests[i];
        bool expected = model_waits(sim->model, request->session, request->request);
        bool got = engine_waits(sim->engine, (struct engine_session_id){request->session}, request->request);
        request->parked = true;
        if (expected != got)
            sim_fail(sim, "request %u of session %" PRIu64 " %s, but engine_waits says %d", request->request,
                     request->session, expected ? "waits" : "does not wait", got);
    }
}

static void compare_time(struct sim *sim)
{
    uint64_t expected = model_next(sim->model), got = engine_next(sim->engine);
    if ((got <= sim->now && expected > sim->now) ||
        got > expected) /* earlier is allowed: what the model knows nothing of may come about then */
        sim_fail(sim, "engine_next is %" PRIu64 " at %" PRIu64 ", but something is due at %" PRIu64, got, sim->now,
                 expected);
}

static void compare_totals(struct sim *sim)
{
    struct engine_totals got, expected = {.waiters = sim->model->wait_count};
    engine_totals(sim->engine, &got);
    for (size_t i = 0; i < MODEL_SESSIONS_MAX; i++)
        expected.sessions += sim->model->sessions[i].id != 0;
    for (size_t q = 0; q < sim->model->queue_count; q++) {
        const struct model_queue *queue = &sim->model->queues[q];
        expected.queues += queue->live;
        for (size_t i = 0; i < queue->count; i++) {
            enum model_state state = queue->messages[i].state;
            expected.leases += /* the engine counts runs of them */ state == MODEL_LEASED || state == MODEL_RECEIPT;
            expected.messages++; /* and sentinels */
        }
    }
    if (got.sessions != expected.sessions || got.queues != expected.queues || got.waiters != expected.waiters ||
        got.messages != expected.messages || got.leases > expected.leases || !got.leases != !expected.leases)
        sim_fail(sim,
                 "totals: sessions %" PRIu64 " queues %" PRIu64 " waiters %" PRIu64 " messages %" PRIu64
                 " leases %" PRIu64 ", not %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                 got.sessions, got.queues, got.waiters, got.messages, got.leases, expected.sessions, expected.queues,
                 expected.waiters, expected.messages, expected.leases);
}

/* ---- where bodies lie ---------------------------------------------------------------------------------------------- */

static const struct model_message *message_at(const struct model *model, const struct engine_place *place)
{
    size_t q = model_incarnation(model, place->incarnation);
    for (size_t i = 0; q != SIZE_MAX && i < model->queues[q].count; i++)
        if (model->queues[q].messages[i].seq == place->sequence)
            return &model->queues[q].messages[i];
    return NULL;
}

static uint64_t count_bodies(const struct model *model)
{
    uint64_t count = 0;
    for (size_t q = 0; q < model->queue_count; q++)
        for (size_t i = 0; i < model->queues[q].count; i++)
            count += !model->queues[q].messages[i].sentinel;
    return count;
}

static void compare_place(struct sim *sim, const struct engine_place *place)
{
    const struct model_message *message = message_at(sim->model, place);
    const struct engine_body *body = &place->body;
    if (message && message->group)
        model_shown(sim->model, place);
    if (!message || message->sentinel || message->body.chunk != body->chunk || message->body.offset != body->offset ||
        message->body.length != body->length)
        sim_fail(sim, "a survey finds message %" PRIu64 " of queue %" PRIu64 " at %u:%u", place->sequence,
                 place->incarnation, body->chunk, body->offset);
}

/* A survey finds every body once. */
void compare_survey(struct sim *sim)
{
    struct engine_command command = {.op = ENGINE_SURVEY};
    uint64_t found = 0;
    do {
        if (engine_step(sim->engine, sim->now, &command, 1, &sim->effects) != 1 || !sim->effects.surveyed.some)
            sim_fail(sim, "a survey says nothing");
        found += sim->effects.place_count;
        for (uint32_t i = 0; i < sim->effects.place_count && !sim->failed; i++)
            compare_place(sim, &sim->effects.places[i]);
        command.survey.incarnation = sim->effects.surveyed.incarnation;
        command.survey.sequence = sim->effects.surveyed.sequence;
        bool end = sim->effects.surveyed.end;
        engine_effects_reset(&sim->effects);
        if (end)
            break;
    } while (!sim->failed);
    if (found != count_bodies(sim->model) && !sim->failed)
        sim_fail(sim, "a survey finds %" PRIu64 " of %" PRIu64 " bodies", found, count_bodies(sim->model));
}

void compare_state(struct sim *sim)
{
    compare_bodies(sim);
    if (!sim->failed)
        compare_waiting(sim);
    if (!sim->failed)
        compare_time(sim);
    if (!sim->failed)
        compare_totals(sim);
}
