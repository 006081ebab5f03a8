/* SPDX-License-Identifier: Apache-2.0 */
/* Random choices for the generator. */
#include "pick.h"
#include <string.h>

enum { MEGABYTE = 1024 * 1024 };

static const char *const names[SIM_QUEUES] = {"q0", "q1", "q2", "q3"};

bool pick_chance(struct sim *sim, uint32_t percent)
{
    return random_chance(&sim->random, percent);
}

uint32_t pick_between(struct sim *sim, uint32_t low, uint32_t high)
{
    return random_between(&sim->random, low, high);
}

struct engine_text pick_text(const char *string)
{
    return (struct engine_text){.data = string, .size = (uint32_t)strlen(string)};
}

struct engine_text pick_name(uint32_t queue)
{
    return pick_text(names[queue]);
}

struct engine_text pick_known(const char *name)
{
    size_t i = 0;
    while (i + 1 < SIM_QUEUES && strcmp(names[i], name) != 0)
        i++;
    return pick_text(names[i]);
}

struct sim_session *pick_session(struct sim *sim)
{
    struct sim_session *live[SIM_SESSIONS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->profile.sessions; i++)
        if (sim->sessions[i].id)
            live[count++] = &sim->sessions[i];
    return count ? live[random_below(&sim->random, count)] : NULL;
}

uint64_t pick_timeout(struct sim *sim)
{
    static const uint32_t ms[] = {1, 1, 2, 3, 5, 10, 20};
    if (pick_chance(sim, 35))
        return 0;
    if (pick_chance(sim, 40))
        return ENGINE_FOREVER;
    return (uint64_t)ms[random_below(&sim->random, sizeof ms / sizeof *ms)] * SIM_MS;
}

uint64_t pick_delay(struct sim *sim, uint32_t percent)
{
    return pick_chance(sim, percent) ? (uint64_t)pick_between(sim, 1, 12) * SIM_MS : 0;
}

/* ---- queues -------------------------------------------------------------------------------------------------------- */

static bool puts_wait(const struct sim *sim, uint64_t session, size_t q)
{
    for (size_t i = 0; i < sim->model->wait_count; i++) {
        const struct model_wait *wait = &sim->model->waits[i];
        if (wait->op == ENGINE_PUT && wait->session == session && wait->queue == q)
            return true;
    }
    return false;
}

static bool is_like(const struct sim *sim, uint64_t session, size_t q, enum pick_queue kind)
{
    const struct model_queue *queue = q == SIZE_MAX ? NULL : &sim->model->queues[q];
    switch (kind) {
    case PICK_OPEN:
        return !queue || !queue->closed;
    case PICK_CLOSED:
        return queue && queue->closed;
    case PICK_COUNTER:
        return queue && queue->options.accounting == ENGINE_COUNTER && queue->tasks;
    case PICK_MINE:
        return queue && puts_wait(sim, session, q);
    default:
        return true;
    }
}

static const char *some_name(struct sim *sim, uint64_t session, enum pick_queue kind)
{
    uint32_t at = random_below(&sim->random, sim->profile.queues);
    for (uint32_t i = 0; i < sim->profile.queues && pick_chance(sim, 90); i++) {
        const char *name = names[(at + i) % sim->profile.queues];
        if (is_like(sim, session, model_named(sim->model, name), kind))
            return name;
    }
    return names[at];
}

const struct model_queue *pick_queue(struct sim *sim, struct sim_command *command, enum pick_queue kind)
{
    struct engine_queue_ref *ref = &command->command.queue;
    const char *name = some_name(sim, command->command.session.value, kind);
    size_t q = model_named(sim->model, name);
    ref->name = pick_text(pick_chance(sim, 1) ? "not a name" : name);
    if (q != SIZE_MAX && pick_chance(sim, 20))
        ref->incarnation = sim->model->queues[q].incarnation;
    else if (pick_chance(sim, 3))
        ref->incarnation = sim->model->config.incarnation_first + pick_between(sim, 0, 6);
    if (pick_chance(sim, 1))
        ref->incarnation = ENGINE_BELOW | (sim->model->config.incarnation_first + pick_between(sim, 0, 20));
    return q == SIZE_MAX ? NULL : &sim->model->queues[q];
}

static uint64_t some_grace(struct sim *sim)
{
    return pick_chance(sim, 40) ? 10000 : pick_between(sim, 0, 12);
}

static uint64_t some_producers(struct sim *sim)
{
    if (!pick_chance(sim, 25))
        return 0;
    return pick_chance(sim, 40) ? ENGINE_PRODUCERS_AUTO : pick_between(sim, 1, 3);
}

void pick_priority(struct sim *sim, const struct model_queue *queue, struct engine_put_options *options)
{
    static const char *const bytes[] = {"", "a", "ab", "b", "\xff"};
    bool ordered = queue && queue->options.order == ENGINE_PRIORITY;
    if (!sim->profile.orders || !pick_chance(sim, ordered ? 80 : 2))
        return;
    bool numbers =
        queue && queue->priority_kind ? queue->priority_kind == ENGINE_PRIORITY_NUMBER : pick_chance(sim, 50);
    options->priority.kind = numbers != pick_chance(sim, 5) ? ENGINE_PRIORITY_NUMBER : ENGINE_PRIORITY_BYTES;
    if (options->priority.kind == ENGINE_PRIORITY_NUMBER)
        options->priority.number = (int64_t)pick_between(sim, 0, 4) - 2;
    else
        options->priority.bytes = pick_text(bytes[random_below(&sim->random, sizeof bytes / sizeof *bytes)]);
}

static void pick_deaths(struct sim *sim, struct engine_queue_options *options)
{
    options->ttl_ms = pick_chance(sim, 25) ? pick_between(sim, 1, 20) : 0;
    if (options->accounting == ENGINE_COUNTER && pick_chance(sim, 95))
        return;
    if (pick_chance(sim, 50))
        options->dead_letter = pick_name(random_below(&sim->random, sim->profile.queues));
    else
        options->dead_drop = pick_chance(sim, 40);
    bool dies = options->dead_letter.size || options->dead_drop;
    options->max_deliveries = pick_chance(sim, dies ? 50 : 3) ? pick_between(sim, 1, 3) : 0;
}

static bool slot_known(const struct sim *sim, uint32_t client, uint32_t slot, uint64_t number)
{
    for (size_t i = 0; i < MODEL_CLIENTS_MAX; i++)
        if (sim->model->clients[i].id == client)
            return sim->model->clients[i].slots[slot].number == number;
    return false;
}

/* The numbers of a client rise, whatever the broker has forgotten. */
void pick_once(struct sim *sim, const struct sim_session *session, struct engine_command *command)
{
    uint32_t slot = pick_between(sim, 0, 1), client = session->client;
    uint64_t *last = &sim->numbers[client][slot];
    if (!sim->profile.once || (pick_chance(sim, 30) && !pick_chance(sim, 2)))
        return;
    command->once.slot = pick_chance(sim, 1) ? ENGINE_SLOTS_MAX : slot;
    if (*last && pick_chance(sim, 30))
        command->once.number = *last;
    else if (*last > 1 && !sim->profile.faults && slot_known(sim, client, slot, *last) && pick_chance(sim, 3))
        command->once.number = *last - 1;
    else
        command->once.number = ++*last;
}

uint64_t pick_generation(struct sim *sim, const struct model_queue *queue)
{
    uint64_t now = queue ? queue->generation : 1;
    if (pick_chance(sim, 80))
        return 0;
    return pick_chance(sim, 70) ? now : pick_between(sim, 1, (uint32_t)now + (pick_chance(sim, 20) ? 1 : 0));
}

void pick_options(struct sim *sim, const struct model_queue *queue, struct engine_queue_options *options)
{
    (void)queue;
    bool big = sim->profile.big;
    uint32_t bytes =
        sim->profile.heavy ? pick_between(sim, 4, 30) * MEGABYTE : pick_between(sim, 20, big ? 40000 : 150);
    *options = (struct engine_queue_options){
        .max_messages = pick_chance(sim, big ? 80 : 35) ? 0 : pick_between(sim, 1, big ? 3000 : 7),
        .max_bytes = pick_chance(sim, big ? 95 : 70) ? 0 : bytes,
        .bound = pick_chance(sim, 35) ? ENGINE_BOUND_OUTSTANDING : ENGINE_BOUND_QUEUED,
        .accounting = pick_chance(sim, 25) ? ENGINE_COUNTER : ENGINE_LEASE,
        .producers = some_producers(sim),
        .on_producer_lost = pick_chance(sim, 50) ? ENGINE_LOST_WAIT : pick_between(sim, 1, 2),
        .durable = sim->profile.durable && pick_chance(sim, 60),
        .producer_grace_ms = some_grace(sim),
    };
    if (sim->profile.orders && pick_chance(sim, 50))
        options->order = pick_between(sim, ENGINE_LIFO, ENGINE_PRIORITY);
    if (sim->profile.deaths)
        pick_deaths(sim, options);
    if (pick_chance(sim, options->accounting == ENGINE_COUNTER ? 5 : 35))
        options->lease_ms = pick_between(sim, 1, 8);
}

/* ---- messages ------------------------------------------------------------------------------------------------------ */

uint32_t pick_count(struct sim *sim, uint32_t usual)
{
    if (sim->profile.big && pick_chance(sim, 50))
        return pick_between(sim, 1, ENGINE_BATCH_MAX);
    if (pick_chance(sim, 1))
        return pick_chance(sim, 50) ? 0 : ENGINE_BATCH_MAX + 1;
    return pick_between(sim, 1, pick_chance(sim, 60) ? 2 : usual);
}

static uint32_t some_length(struct sim *sim)
{
    if (sim->profile.heavy && pick_chance(sim, 60))
        return pick_between(sim, 1, pick_chance(sim, 10) ? ENGINE_GOT_BYTES : 3 * MEGABYTE);
    return pick_between(sim, 0, pick_chance(sim, 5) ? 200 : 30);
}

/* In a chunk of their own, or with the last ones. The engine makes nothing of where they lie. */
void pick_bodies(struct sim *sim, struct sim_command *command, uint32_t count)
{
    uint32_t chunk = sim->chunk_next && pick_chance(sim, 30) ? sim->chunk_next - 1 : sim->chunk_next++;
    struct model_chunk *given = model_chunk(sim->model, chunk);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = some_length(sim);
        command->bodies[i] = (struct engine_body){chunk, (uint32_t)given->given, length};
        given->given++;
        given->given_bytes += length;
    }
}
