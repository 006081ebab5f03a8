/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and deliveries: what the simulated broker hands out, held against all that is known of it. It knows no other answers. */
#include "broker.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

uint64_t given_mark(const struct sim *sim)
{
    return sim->server->turn.written + 1;
}

/* ---- numbers ---- */

static struct place *place_of(struct sim *sim, uint64_t incarnation, uint64_t sequence)
{
    uint64_t at = (incarnation * UINT64_C(0x9e3779b97f4a7c15) ^ sequence * UINT64_C(0xff51afd7ed558ccd)) >> 40;
    for (uint32_t i = 0; i < PLACES_MAX; i++) {
        struct place *place = &sim->places[(at + i) % PLACES_MAX];
        if (place->incarnation == incarnation && place->sequence == sequence)
            return place;
        if (!place->incarnation) {
            *place = (struct place){.incarnation = incarnation, .sequence = sequence};
            return place;
        }
    }
    sim_fail("too many numbers for one history");
}

void given_handed_out(struct sim *sim, const struct engine_effect *effect)
{
    if (effect->kind != ENGINE_GOT || effect->code != JQ_OK)
        return;
    for (uint32_t r = 0; r < effect->got.run_count; r++) {
        for (uint32_t i = 0; i < effect->got.runs[r].count; i++) {
            struct place *place = place_of(sim, effect->incarnation, effect->got.runs[r].first + i);
            place->ended += place->out;
            place->out = true;
        }
    }
}

/* Only what a queue that may lose it has said is in doubt. */
static void lose(struct sim *sim, struct told *message, uint64_t durable)
{
    bool home = queue_may_lose(sim, message->queue) || message->queue == FLEETING;
    if (message->finished > durable + 1 && message->finished_within) {
        message->finished = 0;
        message->unknown++;
    }
    uint32_t queue = message->queue;
    for (uint32_t i = 0; queue != NOWHERE; i++, queue = queue_next(queue)) {
        struct spot *spot = &message->spots[i];
        bool within = queue_may_lose(sim, queue) || queue == FLEETING;
        if (within && spot->placed > durable + 1)
            spot->placed = spot->sequence = 0;
        if (within && spot->left > durable + 1)
            spot->left = 0;
        if (within && i && !message->spots[i - 1].left)
            spot->came = spot->placed ? spot->came : 0;
    }
    if (message->exists > durable + 1 && home && !message->spots[1].came)
        message->exists = message->answered = 0;
}

void given_power(struct sim *sim, uint64_t durable)
{
    for (uint32_t q = 0; q < QUEUES; q++)
        if (queue_may_lose(sim, q)) /* that it was closed, too */
            sim->queues[q].closed_at = sim->queues[q].ended = 0;
    for (uint32_t i = 0; i < sim->message_count; i++) {
        struct told *message = &sim->messages[i];
        lose(sim, message, durable);
        sim->coverage.within_lost += message->queue == WITHIN && message->sent && !message->exists;
    }
}

enum { AN_END = MESSAGES_MAX };

/* ---- deliveries ---- */

void given_is_over(struct sim *sim, uint32_t number, uint32_t queue)
{
    struct told *message = &sim->messages[number];
    bool within = queue_may_lose(sim, queue);
    if (message->finished && (within || !message->finished_within))
        return;
    message->finished = given_mark(sim);
    message->finished_within = within;
}

void given_has_left(struct sim *sim, uint32_t number, uint32_t queue)
{
    struct spot *spot = queue_spot(&sim->messages[number], queue);
    JQ_ASSERT(spot);
    spot->left = spot->left ? spot->left : given_mark(sim);
    if (queue_next(queue) == NOWHERE)
        given_is_over(sim, number, queue);
}

static bool still_holds(const struct sim *sim, uint32_t message)
{
    const struct told *told = &sim->messages[message];
    if (!told->holder)
        return false;
    const struct client *client = &sim->clients[told->holder - 1];
    for (uint32_t i = 0; client->connected && client->session == told->session && i < client->held_count; i++)
        if (client->held[i].message == message)
            return true;
    return false;
}

/* What somebody has at this moment comes back uncounted; of the rest, somebody may have given it back before. */
void given_stopped(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->message_count; i++)
        sim->messages[i].attempt = 0;
    for (uint32_t i = 0; i < PLACES_MAX; i++) {
        struct place *place = &sim->places[i];
        if (!place->out)
            continue;
        bool holds = place->named && still_holds(sim, place->message) && sim->messages[place->message].queue != EXPIRES;
        place->ended += !holds;
        place->out = false;
    }
}

static void check_place(struct sim *sim, uint32_t number, struct spot *spot, struct place *place, enum queue queue)
{
    if (place->named && place->message != number)
        sim_fail("number %" PRIu64 " of '%s' was given twice, to messages %u and %u", place->sequence,
                 queue_text(queue), place->message, number);
    if (spot->placed && spot->sequence != place->sequence)
        sim_fail("message %u is in '%s' twice, as %" PRIu64 " and %" PRIu64, number, queue_text(queue), spot->sequence,
                 place->sequence);
    place->named = true;
    place->message = number;
    spot->sequence = place->sequence;
    spot->placed = spot->placed ? spot->placed : given_mark(sim);
}

/* What the end takes out comes as the queue is ordered. */
static void check_order(struct sim *sim, enum queue queue, uint64_t sequence, int64_t priority)
{
    struct queue_told *told = &sim->queues[queue];
    bool lifo = queue == ORDERED && sim->lifo;
    bool behind = lifo ? sequence < told->drained : sequence > told->drained;
    if (queue == ORDERED && priority != told->drained_priority)
        behind = priority > told->drained_priority;
    if (sim->draining && queue != EXPIRES && told->drained && !behind)
        sim_fail("%" PRIu64 " of '%s' comes after %" PRIu64, sequence, queue_text(queue), told->drained);
    told->drained = sim->draining ? sequence : 0;
    told->drained_priority = priority;
}

static void check_message(struct sim *sim, uint32_t number, const struct jqw_bytes *body, const struct open *open,
                          bool stale)
{
    static uint8_t bytes[BODY_MAX];
    struct told *message = &sim->messages[number];
    if (number >= sim->message_count || message->size != body->size)
        sim_fail("what '%s' delivers was never put", queue_text(open->queue));
    ask_body(sim, number, bytes);
    if (memcmp(bytes, body->data, body->size) != 0)
        sim_fail("the body of message %u has changed", number);
    const struct spot *spot = queue_spot(message, open->queue);
    if (!spot)
        sim_fail("message %u of '%s' is in '%s'", number, queue_text(message->queue), queue_text(open->queue));
    if (message->refused)
        sim_fail("message %u of '%s' is there, although its put was refused", number, queue_text(message->queue));
    if (stale)
        return;
    if (message->finished)
        sim_fail("message %u of '%s' is finished and comes back", number, queue_text(open->queue));
    if (spot->left)
        sim_fail("message %u has left '%s' and comes back", number, queue_text(open->queue));
    for (const struct spot *next = spot + 1; next < message->spots + PLACES_DEEP; next++)
        if (next->placed || next->came)
            sim_fail("message %u has gone on from '%s' and comes back", number, queue_text(open->queue));
    if (still_holds(sim, number) && message->queue != EXPIRES)
        sim_fail("message %u of '%s' is handed out while client %u has it", number, queue_text(message->queue),
                 message->holder);
}

/* What a letter says of itself. */
static void check_letter(struct sim *sim, uint32_t number, const struct jqw_got *got, uint32_t body, enum queue queue)
{
    struct told *message = &sim->messages[number];
    const struct jqw_detail *detail = NULL;
    struct spot *from = queue_spot(message, queue) - 1;
    uint32_t source = message->queue;
    for (const struct spot *s = message->spots; s < from; s++)
        source = queue_next(source);
    for (uint32_t i = 0; i < got->detail_count; i++)
        if (got->details[i].index == body)
            detail = &got->details[i];
    if (!detail || detail->source.size != queue_name(source).size ||
        memcmp(detail->source.data, queue_text(source), detail->source.size) != 0)
        sim_fail("message %u does not say that it comes from '%s'", number, queue_text(source));
    if (from->placed && detail->source_sequence != from->sequence)
        sim_fail("message %u was %" PRIu64 " of '%s' and says %" PRIu64, number, from->sequence, queue_text(source),
                 detail->source_sequence);
    bool expired = detail->reason == JQW_REASON_EXPIRED && message->expires && from == message->spots;
    if (expired && message->clocks == sim->clocks && sim->now < message->expires)
        sim_fail("message %u has expired too early", number);
    sim->coverage.expired += expired;
    if (expired)
        return;
    if (detail->reason == JQW_REASON_DELIVERIES ? detail->source_deliveries != sim->deliveries_max
                                                : detail->reason != JQW_REASON_NACK || !message->dead_asked)
        sim_fail("message %u is dead for reason %u after %" PRIu64 " deliveries", number, detail->reason,
                 detail->source_deliveries);
    sim->coverage.letters++;
    sim->coverage.letters_deep += from > message->spots;
}

static void delivered(struct client *client, const struct open *open, const struct jqw_got *got,
                      const struct jqw_run *run, uint64_t sequence, uint32_t index, const struct jqw_bytes *body)
{
    struct sim *sim = client->sim;
    uint32_t number = 0;
    for (uint32_t i = 0; i < BODY_MIN && body->size >= BODY_MIN; i++)
        number |= (uint32_t)body->data[i] << 8 * i;
    struct told *message = &sim->messages[number < sim->message_count ? number : 0];
    bool stale = open->queue == EXPIRES && run->attempt < message->attempt; /* it was long on its way */
    check_message(sim, number, body, open, stale);
    if (stale)
        return;
    message->attempt = run->attempt;
    struct spot *spot = queue_spot(message, open->queue);
    const struct queue_told *queue = &sim->queues[open->queue];
    if (spot > message->spots && queue_letters(message->queue) != NOWHERE)
        check_letter(sim, number, got, index, open->queue);
    else if (spot == message->spots && queue->ended && !queue->cut) /* at once: it may have been on its way */
        sim_fail("'%s' had ended, and delivers", queue_text(open->queue));
    struct place *place = place_of(sim, got->incarnation, sequence);
    check_place(sim, number, spot, place, open->queue);
    check_order(sim, open->queue, sequence, message->priority);
    if (run->deliveries > place->ended)
        sim_fail("message %u of '%s' was delivered %u times, and is said to have been %u times", number,
                 queue_text(open->queue), place->ended, run->deliveries);
    if (spot == message->spots && message->clocks == sim->clocks && sim->now < message->due)
        sim_fail("message %u of '%s' comes too early", number, queue_text(open->queue));
    message->exists = message->exists ? message->exists : given_mark(sim);
    spot->came = spot->came ? spot->came : ++sim->requests;
    for (uint32_t i = 0; i < message->source_count; i++) /* with its forward */
        given_is_over(sim, message->sources[i], open->queue);
    sim_say("    message %u, %" PRIu64 " attempt %u deliveries %u%s", number, sequence, run->attempt, run->deliveries,
            got->receipt ? " on receipt" : "");
    sim->coverage.delivered++;
    message->holder = 0;
    message->unknown += got->receipt > 0;
    if (got->receipt || client->held_count == HELD_MAX)
        return;
    message->holder = client->number;
    message->session = client->session;
    client->held[client->held_count++] =
        (struct held_message){number, (uint8_t)open->queue, {got->incarnation, sequence, 1, run->attempt}};
}

/* It has a number as a message has one. */
bool given_end(struct sim *sim, enum queue queue, const struct jqw_got *got)
{
    if (got->run_count != 1 || got->runs->count != 1)
        sim_fail("an end of '%s' has no number", queue_text(queue));
    struct place *place = place_of(sim, got->incarnation, got->runs->first);
    bool first = !place->named;
    if (place->named && place->message != AN_END)
        sim_fail("%" PRIu64 " of '%s' is an end, and was message %u", place->sequence, queue_text(queue),
                 place->message);
    check_order(sim, queue, place->sequence, 0);
    place->named = true;
    place->message = AN_END;
    sim_say("    end %" PRIu64 " of '%s'", place->sequence, queue_text(queue));
    return first;
}

void given_messages(struct client *client, const struct open *open, const struct jqw_got *got)
{
    const struct queue_told *queue = &client->sim->queues[open->queue];
    const uint8_t *at = got->bodies.packed.data;
    uint32_t body = 0;
    if (got->incarnation <= queue->dead && open->sent > queue->dead_at)
        sim_fail("'%s' was deleted, and delivers", queue_text(open->queue));
    client->receipt = got->receipt ? got->receipt : client->receipt;
    for (uint32_t r = 0; r < got->run_count; r++) {
        for (uint32_t i = 0; i < got->runs[r].count; i++, body++) {
            uint32_t size = got->bodies.sizes[body];
            at += *at == 0xc4 ? 2 : *at == 0xc5 ? 3 : 5;
            delivered(client, open, got, &got->runs[r], got->runs[r].first + i, body, &(struct jqw_bytes){at, size});
            at += size;
        }
    }
}
