/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of the simulated broker were told, held against each other: whatever was said once stays true, but for what a queue that
 * is synced within a time may lose with the power. */
#include "broker.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

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
            sim_fail("the lease of message %u of '%s' is lost for nothing", done->message, queue_text(done->queue));
        if (!is && !refused)
            given_is_over(sim, done->message, done->queue);
    }
}

/* What came back: if as dead, it has gone on. */
static void returned(struct sim *sim, const struct open *open, const struct jqw_settled *answer)
{
    for (uint32_t i = 0; i < open->done_count; i++) {
        const struct held_message *held = &open->done[i];
        struct told *message = &sim->messages[held->message];
        bool is = is_lost(&answer->lost, &held->range);
        if (is && held->queue != EXPIRES && held->queue != GOING)
            sim_fail("the lease of message %u of '%s' is lost for nothing", held->message, queue_text(held->queue));
        if (is || !open->dead || answer->code != JQ_OK)
            continue;
        sim_say("    message %u is dead", held->message);
        given_has_left(sim, held->message, held->queue);
        queue_spot(message, held->queue)[1].came = ++sim->requests;
    }
}

static void put_answered(struct client *client, const struct open *open, bool accepted)
{
    struct sim *sim = client->sim;
    struct slot *slot = &client->slots[open->slot];
    struct queue_told *queue = &sim->queues[slot->sent.queue];
    slot->open = false;
    if (accepted)
        stream_put(client, open, &slot->sent);
    if (open->op != JQW_PUT && open->op != JQW_FORWARD)
        return;
    sim_say("    messages %u to %u of '%s'", slot->sent.first, slot->sent.first + slot->sent.count - 1,
            queue_text(slot->sent.queue));
    for (uint32_t i = slot->sent.first; i < slot->sent.first + slot->sent.count; i++) {
        struct told *message = &sim->messages[i];
        if (message->queue == FLEETING && message->incarnation <= queue->doomed)
            continue; /* lost with its queue, or dead before */
        message->refused = !accepted;
        if (!accepted && message->exists)
            sim_fail("message %u of '%s' is there, and its put is refused", i, queue_text(message->queue));
        if (!accepted)
            continue;
        if (queue->closed_at && message->sent > queue->closed_at)
            sim_fail("'%s' was closed, and takes message %u", queue_text(message->queue), i);
        message->answered = ++sim->requests;
        message->exists = message->exists ? message->exists : given_mark(sim);
    }
    queue->put += accepted ? slot->sent.count : 0;
    for (uint32_t i = 0; i < slot->sent.source_count; i++) {
        sim->messages[slot->sent.sources[i].message].unknown--;
        if (accepted)
            given_is_over(sim, slot->sent.sources[i].message, slot->sent.sources[i].queue);
    }
}

/* All that was there when it was asked is finished. */
static void nothing_left(struct sim *sim, const struct open *open)
{
    for (uint32_t i = 0; i < sim->message_count; i++) {
        struct told *message = &sim->messages[i];
        const struct spot *spot = queue_spot(message, open->queue);
        if (spot && spot > message->spots ? spot->came && spot->came < open->sent
                                          : spot && message->answered && message->answered < open->sent &&
                                                message->incarnation == sim->queues[open->queue].incarnation)
            given_has_left(sim, i, open->queue);
    }
}

static void declared(struct sim *sim, const struct open *open, const struct jqw_result *result)
{
    struct queue_told *queue = &sim->queues[open->queue];
    if (open->queue != GOING && queue->incarnation && queue->incarnation != result->incarnation)
        sim_fail("'%s' is another queue by now", queue_text(open->queue));
    if (result->incarnation <= queue->dead && open->sent > queue->dead_at)
        sim_fail("incarnation %" PRIu64 " of '%s' was there before", result->incarnation, queue_text(open->queue));
    if (result->incarnation < queue->incarnation && open->sent > queue->dead_at)
        sim_fail("incarnation %" PRIu64 " of '%s' came before %" PRIu64, result->incarnation, queue_text(open->queue),
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
    if (open->op == JQW_TASK_DONE || open->op == JQW_MOVE)
        count_answered(sim, &client->slots[open->slot].sent, result);
    if (open->slot != SLOTS)
        put_answered(client, open, result->code == JQ_OK);
    else if (open->op == JQW_DECLARE && result->code == JQ_OK)
        declared(sim, open, result);
    else if (open->op == JQW_DELETE && result->code == JQ_OK)
        deleted(sim, open);
    else if (open->op == JQW_PURGE && result->code == JQ_OK)
        sim->coverage.purged++;
    else if (open->op == JQW_CLOSE && result->code == JQ_OK && !sim->queues[open->queue].closed_at &&
             stream_counts(sim, open)) {
        sim->queues[open->queue].closed_at = ++sim->requests;
        sim->coverage.closed++;
    }
}

static void got_told(struct client *client, const struct jqw_got *got, const struct open *open)
{
    struct sim *sim = client->sim;
    bool known = got->code == JQ_OK || got->code == JQ_EMPTY || got->code == JQ_TIMEOUT || got->code == JQ_END ||
                 got->code == JQ_PRODUCER_LOST;
    if (known)
        settled(sim, open, &got->lost, false);
    if (got->code == JQ_OK)
        given_messages(client, open, got);
    bool end = got->code == JQ_END || got->code == JQ_PRODUCER_LOST;
    if (end && stream_end(client, got, open))
        return;
    if (end || got->code == JQ_EMPTY)
        sim->queues[open->queue].empty = true;
    if (end && !sim->queues[open->queue].close_sent && open->queue != STREAM)
        sim_fail("'%s' ends and was never closed", queue_text(open->queue));
    if (!end || !open->final || !stream_counts(sim, open))
        return;
    sim->queues[open->queue].ended = given_mark(sim);
    if (!sim->queues[open->queue].cut) /* otherwise what is leased is not waited for */
        nothing_left(sim, open);
    sim->coverage.ended++;
}

static void stat_told(struct sim *sim, const struct jqw_stats *stats, const struct open *open)
{
    if (stats->code != JQ_OK || stats->count != 1)
        return;
    const struct jqw_stat *s = stats->item;
    sim->stats[open->queue] = *s;
    if (open->queue == COUNTED) {
        count_stat(s);
        return;
    }
    if (s->put + s->moved_in + s->dead_in !=
        s->done + s->ready + s->delayed + s->leased + s->dead + s->expired + s->discarded + s->moved_out)
        sim_fail("what was put into '%s' is not what became of it", queue_text(open->queue));
}

/* Only what somebody has asked to delete may be gone. */
static void gone_told(struct sim *sim, const struct open *open)
{
    struct queue_told *queue = &sim->queues[open->queue];
    if (open->incarnation != queue->incarnation || !queue->incarnation)
        return; /* it was about another one */
    if (queue->doomed < queue->incarnation)
        sim_fail("'%s' is lost", queue_text(open->queue));
    queue->incarnation = 0;
    queue->empty = true;
}

void told_answer(struct client *client, const struct jqw_message *message, struct open open)
{
    struct sim *sim = client->sim;
    const uint32_t code = message->result.code; /* stands first in each */
    sim_say("  client %u: #%u %s of '%s' %s", client->number, open.request, jqw_op_name(open.op),
            open.queue == NOWHERE ? "" : queue_text(open.queue), jqw_code_name((int)code));
    if ((code == JQ_NO_QUEUE || code == JQ_DISCONNECTED) && open.queue != NOWHERE)
        gone_told(sim, &open);
    bool nameless = open.queue == STREAM && (open.op == JQW_PUT || open.op == JQW_FORWARD); /* since a new beginning */
    bool invalid = nameless || open.op == JQW_TASK_DONE;                                    /* too many */
    if ((code == JQ_INVALID && !invalid) || code == JQ_INTERNAL)
        sim_fail("%s is %s", jqw_op_name(open.op), jqw_code_name((int)code));
    if (nameless && code == JQ_INVALID)
        client->attached = false;
    if (stream_told(client, message, &open))
        return;
    if (message->op == JQW_GOT)
        got_told(client, &message->got, &open);
    else if (message->op == JQW_SETTLED && open.op == JQW_FORWARD)
        put_answered(client, &open, code == JQ_OK);
    else if (message->op == JQW_SETTLED && open.op == JQW_DONE)
        settled(sim, &open, &message->settled.lost, code != JQ_OK && code != JQ_LEASE_LOST);
    else if (message->op == JQW_SETTLED)
        returned(sim, &open, &message->settled);
    else if (message->op == JQW_STATS)
        stat_told(sim, &message->stats, &open);
    else if (message->op == JQW_RESULT)
        result_told(client, &message->result, &open);
    else if (message->op == JQW_JOINED && code == JQ_OK) {
        if (open.queue == COUNTED)
            count_joined(sim, &open);
        else
            nothing_left(sim, &open);
        sim->coverage.joined++;
    }
}
