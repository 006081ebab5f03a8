/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of the simulated broker were told, held against each other: whatever was said once stays true, but for what a queue that
 * is synced within a time may lose with the power. */
#include "broker.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

static uint64_t mark(const struct sim *sim)
{
    return sim->server->turn.written + 1;
}

static const char *name_of(uint32_t queue)
{
    return (const char *)ask_name(queue).data;
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

void told_handed_out(struct sim *sim, const struct engine_effect *effect)
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

static void lose(struct told *message, uint64_t durable)
{
    if (message->finished > durable + 1) {
        message->finished = 0;
        message->unknown++;
    }
    if (message->exists > durable + 1)
        message->exists = message->answered = 0;
    if (message->placed > durable + 1)
        message->placed = message->sequence = 0;
}

void told_power(struct sim *sim, uint64_t durable)
{
    for (uint32_t i = 0; i < sim->message_count; i++) {
        struct told *message = &sim->messages[i];
        if (message->queue == WITHIN)
            lose(message, durable);
        sim->coverage.within_lost += message->queue == WITHIN && message->sent && !message->exists;
    }
}

/* ---- deliveries ---- */

static void is_over(struct sim *sim, uint32_t message)
{
    if (!sim->messages[message].finished)
        sim->messages[message].finished = mark(sim);
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
void told_stopped(struct sim *sim)
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

static void check_place(struct sim *sim, uint32_t number, struct told *message, struct place *place)
{
    if (place->named && place->message != number)
        sim_fail("number %" PRIu64 " of '%s' was given twice, to messages %u and %u", place->sequence,
                 name_of(message->queue), place->message, number);
    if (message->placed && message->sequence != place->sequence)
        sim_fail("message %u is in '%s' twice, as %" PRIu64 " and %" PRIu64, number, name_of(message->queue),
                 message->sequence, place->sequence);
    place->named = true;
    place->message = number;
    message->sequence = place->sequence;
    message->placed = message->placed ? message->placed : mark(sim);
}

static void check_order(struct sim *sim, enum queue queue, uint64_t sequence)
{
    struct queue_told *told = &sim->queues[queue];
    if (sim->draining && queue != EXPIRES && sequence <= told->drained)
        sim_fail("%" PRIu64 " of '%s' comes after %" PRIu64, sequence, name_of(queue), told->drained);
    told->drained = sim->draining ? sequence : 0;
}

static void check_message(const struct sim *sim, uint32_t number, const struct jqw_bytes *body, const struct open *open,
                          bool stale)
{
    static uint8_t bytes[BODY_MAX];
    const struct told *message = &sim->messages[number];
    if (number >= sim->message_count || message->size != body->size)
        sim_fail("what '%s' delivers was never put", name_of(open->queue));
    ask_body(sim, number, bytes);
    if (memcmp(bytes, body->data, body->size) != 0)
        sim_fail("the body of message %u has changed", number);
    if (message->queue != open->queue)
        sim_fail("message %u of '%s' is in '%s'", number, name_of(message->queue), name_of(open->queue));
    if (message->refused)
        sim_fail("message %u of '%s' is there, although its put was refused", number, name_of(message->queue));
    if (stale)
        return;
    if (message->finished)
        sim_fail("message %u of '%s' is finished and comes back", number, name_of(message->queue));
    if (still_holds(sim, number) && message->queue != EXPIRES)
        sim_fail("message %u of '%s' is handed out while client %u has it", number, name_of(message->queue),
                 message->holder);
}

static void delivered(struct client *client, const struct open *open, const struct jqw_got *got,
                      const struct jqw_run *run, uint64_t sequence, const struct jqw_bytes *body)
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
    if (sim->queues[open->queue].ended)
        sim_fail("'%s' had ended, and delivers", name_of(open->queue));
    struct place *place = place_of(sim, got->incarnation, sequence);
    check_place(sim, number, message, place);
    check_order(sim, open->queue, sequence);
    if (run->deliveries > place->ended)
        sim_fail("message %u of '%s' was delivered %u times, and is said to have been %u times", number,
                 name_of(open->queue), place->ended, run->deliveries);
    message->exists = message->exists ? message->exists : mark(sim);
    for (uint32_t i = 0; message->queue != WITHIN && i < message->source_count; i++)
        is_over(sim, message->sources[i]); /* with its forward, which cannot be lost any more */
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

static void take_messages(struct client *client, const struct open *open, const struct jqw_got *got)
{
    const struct queue_told *queue = &client->sim->queues[open->queue];
    const uint8_t *at = got->bodies.packed.data;
    uint32_t body = 0;
    if (got->incarnation <= queue->dead && open->sent > queue->dead_at)
        sim_fail("'%s' was deleted, and delivers", name_of(open->queue));
    client->receipt = got->receipt ? got->receipt : client->receipt;
    for (uint32_t r = 0; r < got->run_count; r++) {
        for (uint32_t i = 0; i < got->runs[r].count; i++, body++) {
            uint32_t size = got->bodies.sizes[body];
            at += *at == 0xc4 ? 2 : *at == 0xc5 ? 3 : 5;
            delivered(client, open, got, &got->runs[r], got->runs[r].first + i, &(struct jqw_bytes){at, size});
            at += size;
        }
    }
}

/* ---- answers ---- */

static bool is_lost(const struct jqw_ranges *lost, const struct jqw_range *range)
{
    for (uint32_t i = 0; i < lost->count; i++)
        if (lost->item[i].incarnation == range->incarnation && lost->item[i].attempt == range->attempt &&
            range->first >= lost->item[i].first && range->first - lost->item[i].first < lost->item[i].count)
            return true;
    return false;
}

/* What was asked to be finished is, but for what is said to be lost; nothing, where the disk refused. */
static void settled(struct sim *sim, const struct open *open, const struct jqw_ranges *lost, bool refused)
{
    for (uint32_t i = 0; i < open->done_count; i++) {
        const struct held_message *done = &open->done[i];
        bool is = is_lost(lost, &done->range);
        sim_say("    done of message %u%s", done->message, is ? " is lost" : refused ? " is refused" : "");
        sim->messages[done->message].unknown--;
        if (is && done->queue != EXPIRES && done->queue != GOING)
            sim_fail("the lease of message %u of '%s' is lost for nothing", done->message, name_of(done->queue));
        if (!is && !refused)
            is_over(sim, done->message);
    }
}

static void put_answered(struct client *client, const struct open *open, bool accepted)
{
    struct sim *sim = client->sim;
    struct slot *slot = &client->slots[open->slot];
    struct queue_told *queue = &sim->queues[slot->sent.queue];
    slot->open = false;
    sim_say("    messages %u to %u of '%s'", slot->sent.first, slot->sent.first + slot->sent.count - 1,
            name_of(slot->sent.queue));
    for (uint32_t i = slot->sent.first; i < slot->sent.first + slot->sent.count; i++) {
        struct told *message = &sim->messages[i];
        message->refused = !accepted;
        if (!accepted && message->exists)
            sim_fail("message %u of '%s' is there, and its put is refused", i, name_of(message->queue));
        if (!accepted)
            continue;
        if (queue->closed_at && message->sent > queue->closed_at)
            sim_fail("'%s' was closed, and takes message %u", name_of(message->queue), i);
        message->answered = ++sim->requests;
        message->exists = message->exists ? message->exists : mark(sim);
    }
    queue->put += accepted ? slot->sent.count : 0;
    for (uint32_t i = 0; i < slot->sent.source_count; i++) {
        sim->messages[slot->sent.sources[i].message].unknown--;
        if (accepted)
            is_over(sim, slot->sent.sources[i].message);
    }
}

/* All that was there when it was asked is finished. */
static void nothing_left(struct sim *sim, const struct open *open)
{
    for (uint32_t i = 0; i < sim->message_count; i++) {
        const struct told *message = &sim->messages[i];
        if (message->queue == open->queue && message->answered && message->answered < open->sent &&
            message->incarnation == sim->queues[open->queue].incarnation)
            is_over(sim, i);
    }
}

static void declared(struct sim *sim, const struct open *open, const struct jqw_result *result)
{
    struct queue_told *queue = &sim->queues[open->queue];
    if (open->queue != GOING && queue->incarnation && queue->incarnation != result->incarnation)
        sim_fail("'%s' is another queue by now", name_of(open->queue));
    if (result->incarnation <= queue->dead && open->sent > queue->dead_at)
        sim_fail("incarnation %" PRIu64 " of '%s' was there before", result->incarnation, name_of(open->queue));
    if (result->incarnation < queue->incarnation && open->sent > queue->dead_at)
        sim_fail("incarnation %" PRIu64 " of '%s' came before %" PRIu64, result->incarnation, name_of(open->queue),
                 queue->incarnation);
    if (result->incarnation <= queue->dead || result->incarnation == queue->incarnation)
        return;
    queue->incarnation = result->incarnation;
}

static void deleted(struct sim *sim, const struct open *open)
{
    struct queue_told *queue = &sim->queues[open->queue];
    queue->dead = queue->doomed > queue->dead ? queue->doomed : queue->dead;
    queue->dead_at = ++sim->requests;
    if (queue->incarnation <= queue->dead)
        queue->incarnation = 0;
    sim->coverage.deleted++;
}

static void result_told(struct client *client, const struct jqw_result *result, const struct open *open)
{
    struct sim *sim = client->sim;
    if (open->op == JQW_PUT)
        put_answered(client, open, result->code == JQ_OK);
    else if (open->op == JQW_DECLARE && result->code == JQ_OK)
        declared(sim, open, result);
    else if (open->op == JQW_DELETE && result->code == JQ_OK)
        deleted(sim, open);
    else if (open->op == JQW_PURGE && result->code == JQ_OK)
        sim->coverage.purged++;
    else if (open->op == JQW_CLOSE && result->code == JQ_OK && !sim->queues[open->queue].closed_at) {
        sim->queues[open->queue].closed_at = ++sim->requests;
        sim->coverage.closed++;
    }
}

static void got_told(struct client *client, const struct jqw_got *got, const struct open *open)
{
    struct sim *sim = client->sim;
    bool known = got->code == JQ_OK || got->code == JQ_EMPTY || got->code == JQ_TIMEOUT || got->code == JQ_END;
    if (known)
        settled(sim, open, &got->lost, false);
    if (got->code == JQ_OK)
        take_messages(client, open, got);
    if (got->code == JQ_EMPTY || got->code == JQ_END)
        sim->queues[open->queue].empty = true;
    if (got->code == JQ_END && !sim->queues[open->queue].closed_at && open->queue != EXPIRES)
        sim_fail("'%s' ends and was never closed", name_of(open->queue));
    if (got->code != JQ_END || !open->final)
        return;
    sim->queues[open->queue].ended = mark(sim);
    nothing_left(sim, open);
    sim->coverage.ended++;
}

static void stat_told(struct sim *sim, const struct jqw_stats *stats, const struct open *open)
{
    if (stats->code != JQ_OK || stats->count != 1)
        return;
    const struct jqw_stat *s = stats->item;
    if (s->put + s->moved_in + s->dead_in !=
        s->done + s->ready + s->delayed + s->leased + s->dead + s->expired + s->discarded + s->moved_out)
        sim_fail("what was put into '%s' is not what became of it", name_of(open->queue));
    sim->stats[open->queue] = *s;
}

/* Only what somebody has asked to delete may be gone. */
static void gone_told(struct sim *sim, const struct open *open)
{
    struct queue_told *queue = &sim->queues[open->queue];
    if (open->incarnation != queue->incarnation || !queue->incarnation)
        return; /* it was about another one */
    if (queue->doomed < queue->incarnation)
        sim_fail("'%s' is lost", name_of(open->queue));
    queue->incarnation = 0;
    queue->empty = true;
}

void told_answer(struct client *client, const struct jqw_message *message, struct open open)
{
    struct sim *sim = client->sim;
    const uint32_t code = message->result.code; /* stands first in each */
    sim_say("  client %u: #%u %s of '%s' %s", client->number, open.request, jqw_op_name(open.op),
            open.queue == NOWHERE ? "" : name_of(open.queue), jqw_code_name((int)code));
    if ((code == JQ_NO_QUEUE || code == JQ_DISCONNECTED) && open.queue != NOWHERE)
        gone_told(sim, &open);
    if (code == JQ_INVALID || code == JQ_INTERNAL)
        sim_fail("%s is %s", jqw_op_name(open.op), jqw_code_name((int)code));
    if (message->op == JQW_GOT)
        got_told(client, &message->got, &open);
    else if (message->op == JQW_SETTLED && open.op == JQW_FORWARD)
        put_answered(client, &open, code == JQ_OK);
    else if (message->op == JQW_SETTLED && open.op == JQW_DONE)
        settled(sim, &open, &message->settled.lost, code != JQ_OK && code != JQ_LEASE_LOST);
    else if (message->op == JQW_STATS)
        stat_told(sim, &message->stats, &open);
    else if (message->op == JQW_RESULT)
        result_told(client, &message->result, &open);
    else if (message->op == JQW_JOINED && code == JQ_OK) {
        nothing_left(sim, &open);
        sim->coverage.joined++;
    }
}

/* ---- in the end ---- */

static void check_numbers(const struct sim *sim, enum queue queue)
{
    const struct queue_told *told = &sim->queues[queue];
    const struct jqw_stat *stat = &sim->stats[queue];
    if (stat->unfinished || stat->ready || stat->leased || stat->delayed)
        sim_fail("'%s' has something left that nobody gets", name_of(queue));
    if (queue != WITHIN && queue != GOING && stat->put != told->put)
        sim_fail("%" PRIu64 " messages were told to be in '%s', and %" PRIu64 " came", told->put, name_of(queue),
                 stat->put);
}

void told_all(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->message_count; i++) {
        const struct told *message = &sim->messages[i];
        const struct queue_told *going = &sim->queues[GOING];
        bool doomed =
            message->queue == GOING && (message->incarnation <= going->doomed || message->incarnation <= going->purged);
        if (message->exists && !message->finished && !message->unknown && !doomed)
            sim_fail("message %u of '%s' is lost", i, name_of(message->queue));
    }
    for (uint32_t q = 0; q < QUEUES; q++)
        if (sim->queues[q].incarnation)
            check_numbers(sim, q);
    told_order(sim);
}

static int by_number(const void *a, const void *b)
{
    const struct told *const *x = a, *const *y = b;
    if ((*x)->queue != (*y)->queue)
        return (*x)->queue < (*y)->queue ? -1 : 1;
    if ((*x)->incarnation != (*y)->incarnation)
        return (*x)->incarnation < (*y)->incarnation ? -1 : 1;
    return (*x)->sequence < (*y)->sequence ? -1 : (*x)->sequence > (*y)->sequence;
}

/* What was put after something had been answered comes behind it. */
void told_order(struct sim *sim)
{
    static const struct told *all[MESSAGES_MAX];
    uint32_t count = 0;
    uint64_t sent = 0;
    for (uint32_t i = 0; i < sim->message_count; i++)
        if (sim->messages[i].placed)
            all[count++] = &sim->messages[i];
    qsort(all, count, sizeof *all, by_number);
    for (uint32_t i = 0; i < count; i++) {
        bool same = i && all[i]->queue == all[i - 1]->queue && all[i]->incarnation == all[i - 1]->incarnation;
        sent = same && sent > all[i]->sent ? sent : all[i]->sent;
        if (all[i]->answered && all[i]->answered < sent)
            sim_fail("%" PRIu64 " of '%s' stands behind what was put later", all[i]->sequence, name_of(all[i]->queue));
    }
}
