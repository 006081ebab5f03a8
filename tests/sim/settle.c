/* SPDX-License-Identifier: Apache-2.0 */
/* Random ranges: mostly of what the session holds, sometimes of what it does not. */
#include "sim.h"

static const struct model_message *message_of(const struct sim *sim, const struct sim_held *held)
{
    size_t q = model_incarnation(sim->model, held->incarnation);
    if (q == SIZE_MAX)
        return NULL;
    const struct model_queue *queue = &sim->model->queues[q];
    size_t low = 0, high = queue->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (queue->messages[middle].seq < held->seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < queue->count && queue->messages[low].seq == held->seq ? &queue->messages[low] : NULL;
}

/* Drops what is no longer the session's, so that not too much is asked in vain. */
static void prune(struct sim *sim, struct sim_session *session)
{
    size_t kept = 0;
    for (size_t i = 0; i < session->held_count; i++) {
        const struct model_message *message = message_of(sim, &session->held[i]);
        if (message && message->session == session->id && message->attempt == session->held[i].attempt)
            session->held[kept++] = session->held[i];
    }
    session->held_count = kept;
}

static void take(struct sim_session *session, size_t first, size_t count)
{
    for (size_t i = first; i + count < session->held_count; i++)
        session->held[i] = session->held[i + count];
    session->held_count -= count;
}

static void distort(struct sim *sim, struct engine_range *range)
{
    switch (random_below(&sim->random, 4)) {
    case 0:
        range->attempt++;
        break;
    case 1:
        range->first += random_between(&sim->random, 1, 3);
        break;
    case 2:
        range->incarnation = sim->model->config.incarnation_first + random_below(&sim->random, 8);
        break;
    default:
        range->count += random_between(&sim->random, 1, 2);
        break;
    }
}

/* A run of neighbours that the session holds. */
static struct engine_range some_range(struct sim *sim, struct sim_session *session)
{
    uint32_t most = sim->profile.big && random_chance(&sim->random, 50) ? 1000 : random_between(&sim->random, 1, 4);
    size_t first = random_below(&sim->random, (uint32_t)session->held_count), count = 1;
    const struct sim_held *held = &session->held[first];
    while (first + count < session->held_count && count < most && held[count].incarnation == held->incarnation &&
           held[count].attempt == held->attempt && held[count].seq == held->seq + count)
        count++;
    struct engine_range range = {held->incarnation, held->seq, (uint32_t)count, held->attempt};
    if (!random_chance(&sim->random, 4))
        take(session, first, count);
    return range;
}

static struct sim_session *whose(struct sim *sim, struct sim_session *session)
{
    struct sim_session *other = &sim->sessions[random_below(&sim->random, sim->profile.sessions)];
    return random_chance(&sim->random, 4) && other->held_count ? other : session;
}

void generate_ranges(struct sim *sim, struct sim_session *session, struct sim_command *command, unsigned list,
                     struct engine_ranges *out)
{
    uint32_t count = random_chance(&sim->random, 60) ? 1 : random_between(&sim->random, 1, 5);
    struct engine_range *ranges = command->ranges[list];
    if (random_chance(&sim->random, 90))
        prune(sim, session);
    out->item = ranges;
    for (uint32_t i = 0; i < count; i++) {
        struct sim_session *owner = whose(sim, session);
        if (!owner->held_count)
            continue;
        struct engine_range range = some_range(sim, owner);
        if (random_chance(&sim->random, 4))
            distort(sim, &range);
        ranges[out->count++] = range;
    }
    if (out->count && random_chance(&sim->random, 1))
        ranges[0].count = ENGINE_SETTLE_MAX + 1;
    if (out->count)
        return;
    ranges[out->count++] =
        (struct engine_range){sim->model->config.incarnation_first, random_between(&sim->random, 1, 5), 1, 1};
}
