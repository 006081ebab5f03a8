/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of a history of the simulated broker: what they are, and where messages go on to from them. */
#include "broker.h"
#include <string.h>

static const char *const names[QUEUES] = {
    [ALWAYS] = "always", [BOUND] = "bound",       [WITHIN] = "within",   [EXPIRES] = "expires", [GOING] = "going",
    [FAILS] = "fails",   [FLEETING] = "fleeting", [LETTERS] = "letters", [GRAVE] = "grave",     [STREAM] = "stream",
    [ENDS] = "ends",     [COUNTED] = "counted",   [YARD] = "yard",       [ORDERED] = "ordered",
};

struct jqw_bytes queue_name(enum queue queue)
{
    return (struct jqw_bytes){(const uint8_t *)names[queue], strlen(names[queue])};
}

const char *queue_text(uint32_t queue)
{
    return names[queue];
}

/* Half of the histories are about the plain ones, and each of the others about something. Targets come before what needs them. */
void queues_choose(struct sim *sim)
{
    static const enum queue plain[] = {ALWAYS, BOUND, WITHIN, EXPIRES, GOING};
    static const enum queue deadly[] = {GRAVE, LETTERS, FAILS, FLEETING, ALWAYS};
    static const enum queue streams[] = {STREAM, ENDS, ALWAYS};
    static const enum queue counted[] = {COUNTED, YARD, BOUND};
    static const enum queue ordered[] = {ORDERED, ALWAYS, GRAVE, LETTERS, FAILS};
    static const struct {
        const enum queue *queues;
        uint32_t count;
    } themes[] = {{plain, sizeof plain / sizeof *plain},       {plain, sizeof plain / sizeof *plain},
                  {deadly, sizeof deadly / sizeof *deadly},    {streams, sizeof streams / sizeof *streams},
                  {counted, sizeof counted / sizeof *counted}, {ordered, sizeof ordered / sizeof *ordered}};
    uint32_t theme = sim_below(sim, sizeof themes / sizeof *themes);
    sim->played_count = themes[theme].count;
    memcpy(sim->played, themes[theme].queues, sim->played_count * sizeof *sim->played);
    sim->fails_within = sim_chance(sim, 30);
    sim->letters_within = sim_chance(sim, 30);
    sim->deliveries_max = 1 + sim_below(sim, 2);
    sim->bound = sim_chance(sim, 50);
    sim->on_producer_lost = sim_below(sim, JQW_LOST_FAIL + 1);
    sim->lifo = sim_chance(sim, 30);
    sim->ends_counted = sim_chance(sim, 50);
}

struct jqw_declare queue_shape(const struct sim *sim, enum queue queue)
{
    struct jqw_declare shape = {
        .queue = {.name = queue_name(queue)},
        .flags = JQW_DECLARE_EXISTING_OK | (queue == FLEETING ? 0 : JQW_DECLARE_DURABLE),
        .bound = sim->bound ? JQW_BOUND_OUTSTANDING : JQW_BOUND_QUEUED,
        .sync_ms = queue_may_lose(sim, queue) ? SYNC_MS : 0,
    };
    if (queue == BOUND || queue == LETTERS)
        shape.max_messages = 4;
    if (queue == STREAM) {
        shape.producers = PRODUCERS;
        shape.on_producer_lost = sim->on_producer_lost;
        shape.producer_grace_ms = 300;
    }
    if (queue == EXPIRES)
        shape.lease_ms = 20;
    if (queue == ORDERED)
        shape.order = sim->lifo ? JQW_ORDER_LIFO : JQW_ORDER_PRIORITY;
    if (queue == COUNTED)
        shape.accounting = JQW_ACCOUNTING_COUNTER;
    if (queue_letters(queue) != NOWHERE) {
        shape.max_deliveries = sim->deliveries_max;
        shape.dead_letter = queue_name(queue_letters(queue));
    }
    return shape;
}

enum queue queue_letters(uint32_t queue)
{
    return queue == FAILS || queue == FLEETING ? LETTERS : queue == LETTERS ? GRAVE : NOWHERE;
}

enum queue queue_next(uint32_t queue)
{
    return queue == YARD ? BOUND : queue_letters(queue);
}

struct spot *queue_spot(struct told *message, uint32_t queue)
{
    uint32_t at = message->queue;
    for (uint32_t deep = 0; at != NOWHERE; deep++, at = queue_next(at))
        if (at == queue)
            return &message->spots[deep];
    return NULL;
}

bool queue_may_lose(const struct sim *sim, uint32_t queue)
{
    return queue == WITHIN || (queue == FAILS && sim->fails_within) || (queue == LETTERS && sim->letters_within);
}

/* What has come to letters is lost only if these were closed at once. */
bool queue_is_doomed(const struct sim *sim, const struct told *message)
{
    const struct queue_told *home = &sim->queues[message->queue];
    bool letter = message->spots[1].came || message->spots[1].placed;
    for (uint32_t q = message->queue; q != NOWHERE; q = queue_next(q))
        if (sim->queues[q].cut)
            return true;
    return !letter && (message->incarnation <= home->doomed || message->incarnation <= home->purged);
}
