/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of the simulated broker: producers that attach and finish, one-shot ends, and queues that begin anew; what is asked of them, and
 * what was told of them held against each other. It knows no messages. */
#include "broker.h"
#include "codes.h"
#include <string.h>

enum { ENDS_MAX = 3 };

/* What is told of a request counts if no reopen was under way since it was sent. */
bool stream_counts(const struct sim *sim, const struct open *open)
{
    const struct queue_told *queue = &sim->queues[open->queue];
    return !queue->reopens && open->sent > queue->reopened_at;
}

static struct jqw_bytes producer_name(const struct client *client)
{
    static const char *const names[PRODUCERS] = {"one", "two"};
    const char *name = names[client->number - 1];
    return (struct jqw_bytes){(const uint8_t *)name, strlen(name)};
}

static struct open *send(struct client *client, struct jqw_message *message, enum queue queue)
{
    struct open *open = client_send(client, message);
    open->queue = queue;
    open->incarnation = client->sim->queues[queue].incarnation;
    open->generation = client->sim->queues[queue].generation;
    return open;
}

static struct jqw_queue queue_of(const struct sim *sim, enum queue queue)
{
    return (struct jqw_queue){queue_name(queue), sim->queues[queue].incarnation};
}

/* ---- what is asked ---- */

void stream_attach(struct client *client)
{
    struct jqw_message message = {.op = JQW_ATTACH,
                                  .producer = {queue_of(client->sim, STREAM), producer_name(client), 0}};
    client->attached = client->producing = true;
    (void)send(client, &message, STREAM);
}

static void finish(struct client *client)
{
    struct jqw_message message = {.op = JQW_FINISH,
                                  .producer = {queue_of(client->sim, STREAM), producer_name(client), 0}};
    client->sim->producers[client->number - 1].finish_sent = true;
    (void)send(client, &message, STREAM);
}

/* From here on nothing is known of what it was before. */
static void reopen(struct client *client, enum queue queue)
{
    struct sim *sim = client->sim;
    struct queue_told *told = &sim->queues[queue];
    struct jqw_message message = {.op = JQW_REOPEN, .named.queue = queue_of(sim, queue)};
    (void)send(client, &message, queue);
    told->reopens++;
    told->closed_at = told->ended = told->truncated_at = 0;
    for (uint32_t i = 0; queue == STREAM && i < PRODUCERS; i++)
        sim->producers[i].finished_at = sim->producers[i].accepted = 0;
}

/* One is over, by an answer or with its connection. */
void stream_reopened(struct sim *sim, enum queue queue)
{
    sim->queues[queue].reopens--;
    sim->queues[queue].reopened_at = ++sim->requests;
}

static void put_ends(struct client *client)
{
    struct sim *sim = client->sim;
    uint32_t at = sim_below(sim, SLOTS);
    struct slot *slot = &client->slots[at];
    if (slot->open)
        return;
    slot->sent = (struct sent){.op = JQW_PUT_END,
                               .queue = ENDS,
                               .incarnation = sim->queues[ENDS].incarnation,
                               .count = 1 + sim_below(sim, ENDS_MAX)};
    slot->number++;
    slot->open = true;
    (void)client_put(client, at);
}

void stream_ask(struct client *client)
{
    struct sim *sim = client->sim;
    uint32_t roll = sim_below(sim, 100);
    if (roll < 25)
        put_ends(client);
    else if (roll < 28 && !sim->ends_counted)
        ask_simple(client, JQW_CLOSE, ENDS);
    else if (roll < 34 && !sim->ends_counted)
        reopen(client, ENDS);
    else if (roll < 38)
        reopen(client, STREAM);
    else if (client->number > PRODUCERS)
        return;
    else if (!client->attached)
        stream_attach(client);
    else if (roll < 60)
        finish(client);
}

/* ---- what is told ---- */

static void finish_told(struct client *client, const struct jqw_result *result, const struct open *open)
{
    struct producer_told *producer = &client->sim->producers[client->number - 1];
    if (!stream_counts(client->sim, open) || result->code != JQ_OK)
        return;
    if (result->count < producer->accepted)
        sim_fail("client %u has put %" PRIu64 " messages, and finishes after %" PRIu64, client->number,
                 producer->accepted, result->count);
    producer->finished_at = producer->finished_at ? producer->finished_at : ++client->sim->requests;
    client->sim->coverage.finished++;
    for (uint32_t i = 0; i < PRODUCERS; i++)
        if (!client->sim->producers[i].finished_at)
            return;
    struct queue_told *queue = &client->sim->queues[STREAM];
    queue->closed_at = queue->closed_at ? queue->closed_at : ++client->sim->requests;
    client->sim->coverage.streams++;
}

static void check_generation(struct sim *sim, const struct open *open, uint64_t generation)
{
    struct queue_told *queue = &sim->queues[open->queue];
    if (generation < open->generation)
        sim_fail("generation %" PRIu64 " of '%s' comes after %" PRIu64, generation, queue_text(open->queue),
                 open->generation);
    queue->generation = generation > queue->generation ? generation : queue->generation;
}

static void attached_told(struct client *client, const struct jqw_attached *attached, const struct open *open)
{
    struct sim *sim = client->sim;
    const struct producer_told *producer = &sim->producers[client->number - 1];
    if (attached->code != JQ_OK) {
        client->attached = false;
        return;
    }
    check_generation(sim, open, attached->generation);
    if (!stream_counts(sim, open))
        return;
    if (producer->finished_at && producer->finished_at < open->sent && !attached->finished)
        sim_fail("client %u had finished, and attaches as if it had not", client->number);
    if (attached->finished && !producer->finish_sent && sim->on_producer_lost != JQW_LOST_END)
        sim_fail("client %u never finished, and has", client->number);
    if (attached->accepted < producer->accepted && producer->accepted_at < open->sent)
        sim_fail("client %u has put %" PRIu64 " messages, and attaches with %" PRIu64, client->number,
                 producer->accepted, attached->accepted);
}

/* Its put was accepted. */
void stream_put(struct client *client, const struct open *open, const struct sent *sent)
{
    struct sim *sim = client->sim;
    if (sent->op == JQW_PUT_END) {
        sim->ends_put += sent->count;
        return;
    }
    if (sent->queue != STREAM || !stream_counts(sim, open))
        return;
    struct producer_told *producer = &sim->producers[client->number - 1];
    if (producer->finished_at && sim->messages[sent->first].sent > producer->finished_at)
        sim_fail("client %u had finished, and puts message %u", client->number, sent->first);
    if (sim->messages[sent->first].sent < sim->queues[STREAM].reopened_at)
        return; /* a kept answer, perhaps of the generation before */
    producer->accepted += sent->count;
    producer->accepted_at = ++sim->requests;
}

/* An end: one that somebody has put, or that of the queue. True: the first. */
bool stream_end(struct client *client, const struct jqw_got *got, const struct open *open)
{
    struct sim *sim = client->sim;
    struct queue_told *queue = &sim->queues[open->queue];
    bool shot = got->code == JQ_END && got->receipt;
    if (shot) {
        client->receipt = got->receipt;
        sim->ends_seen += given_end(sim, open->queue, got);
        sim->coverage.shots++;
    }
    if (shot || !stream_counts(sim, open))
        return shot;
    bool lost = got->code == JQ_PRODUCER_LOST;
    if (lost && (open->queue != STREAM || sim->on_producer_lost != JQW_LOST_FAIL))
        sim_fail("no producer of '%s' can be lost", queue_text(open->queue));
    if (!lost && queue->truncated_at && queue->truncated_at < open->sent)
        sim_fail("'%s' had lost a producer, and ends as if it had not", queue_text(open->queue));
    if (lost && !queue->truncated_at)
        queue->truncated_at = ++sim->requests;
    sim->coverage.truncated += lost;
    bool finished = true;
    for (uint32_t i = 0; i < PRODUCERS; i++)
        finished = finished && sim->producers[i].finish_sent;
    if (open->queue == STREAM && sim->on_producer_lost == JQW_LOST_WAIT && !finished && !queue->close_sent)
        sim_fail("'%s' ends before its producers have finished", queue_text(STREAM));
    return false;
}

bool stream_told(struct client *client, const struct jqw_message *message, const struct open *open)
{
    if (message->op == JQW_ATTACHED)
        attached_told(client, &message->attached, open);
    else if (open->op == JQW_FINISH && message->op == JQW_RESULT)
        finish_told(client, &message->result, open);
    else if (open->op == JQW_REOPEN) {
        if (message->op == JQW_RESULT && message->result.code == JQ_OK) {
            check_generation(client->sim, open, message->result.count);
            client->sim->coverage.reopened++;
        }
        stream_reopened(client->sim, open->queue);
    } else {
        return false;
    }
    return true;
}

void stream_all(const struct sim *sim)
{
    if (sim->ends_counted && sim->ends_seen != sim->ends_put)
        sim_fail("%" PRIu64 " ends were put, and %" PRIu64 " came", sim->ends_put, sim->ends_seen);
}
