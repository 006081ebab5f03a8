/* SPDX-License-Identifier: Apache-2.0 */
/* What the clients of the simulated broker ask, at random, knowing no more than what they were told. */
#include "broker.h"
#include <string.h>

enum {
    OPEN_ASKED_MAX = 14,
    GETS_MAX = 2,
    RECEIVE_PERCENT = 70,
    SIZE_SMALL = 120,
    SIZE_MIDDLE = 3000,
    DELAY_MAX_MS = 2000
};

static struct jqw_queue queue_of(const struct sim *sim, enum queue queue)
{
    return (struct jqw_queue){queue_name(queue), sim->queues[queue].incarnation};
}

void ask_body(const struct sim *sim, uint32_t message, uint8_t *to)
{
    struct random bytes = {sim->seed ^ (uint64_t)message << 32};
    uint32_t size = sim->messages[message].size;
    for (uint32_t i = 0; i < BODY_MIN; i++)
        to[i] = (uint8_t)(message >> 8 * i);
    for (uint32_t i = BODY_MIN; i < size; i += 8) {
        uint64_t some = random_next(&bytes);
        memcpy(to + i, &some, size - i < 8 ? size - i : 8);
    }
}

static uint64_t some_timeout(struct sim *sim)
{
    uint32_t roll = sim_below(sim, 3);
    return roll == 0 ? 0 : roll == 1 ? UINT64_MAX : 1 + sim_below(sim, 10);
}

static uint32_t open_count(const struct client *client, enum jqw_op op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < OPEN_MAX; i++)
        count += client->open[i].request && (op == JQW_HELLO || client->open[i].op == op);
    return count;
}

/* ---- puts ---- */

static uint32_t some_size(struct sim *sim)
{
    uint32_t roll = sim_below(sim, 100);
    return BODY_MIN + sim_below(sim, roll < 85 ? SIZE_SMALL : roll < 97 ? SIZE_MIDDLE : BODY_MAX - BODY_MIN);
}

static struct slot *free_slot(struct client *client)
{
    uint32_t at = sim_below(client->sim, SLOTS);
    return client->slots[at].open ? NULL : &client->slots[at];
}

static struct jqw_put_options some_options(struct sim *sim, enum queue queue)
{
    struct jqw_put_options options = {0};
    bool timed = sim->queues[ORDERED].incarnation && (queue == ORDERED || queue == FAILS);
    if (timed && sim_chance(sim, 30))
        options.delay_ms = 1 + sim_below(sim, DELAY_MAX_MS);
    if (timed && sim_chance(sim, 15))
        options.ttl_ms = options.delay_ms + 1 + sim_below(sim, DELAY_MAX_MS);
    if (queue == ORDERED && !sim->lifo)
        options.priority = (struct jqw_priority){.kind = JQW_PRIORITY_NUMBER, .number = (int64_t)sim_below(sim, 5) - 2};
    sim->coverage.delayed += options.delay_ms > 0;
    return options;
}

static void put(struct client *client, enum jqw_op op, enum queue queue, struct slot *slot)
{
    struct sim *sim = client->sim;
    struct sent *sent = &slot->sent;
    uint32_t count = 1 + sim_below(sim, PUT_MAX);
    if (sim->message_count + count > MESSAGES_MAX || !sim->queues[queue].incarnation)
        return;
    if (queue == STREAM && !client->attached)
        return;
    if (op == JQW_FORWARD && queue == FLEETING) /* what is durable cannot go there */
        return;
    *sent = (struct sent){.op = op,
                          .queue = queue,
                          .incarnation = sim->queues[queue].incarnation,
                          .timeout_ms = some_timeout(sim),
                          .first = sim->message_count,
                          .options = some_options(sim, queue),
                          .count = count};
    for (uint32_t i = 0; op == JQW_FORWARD && i < 2 && client->held_count; i++)
        sent->sources[sent->source_count++] = client->held[--client->held_count];
    for (uint32_t i = 0; i < count; i++) {
        struct told *message = &sim->messages[sim->message_count++];
        *message = (struct told){.queue = (uint8_t)queue,
                                 .incarnation = sent->incarnation,
                                 .due = sent->options.delay_ms ? sim->now + sent->options.delay_ms * MS : 0,
                                 .expires = sent->options.ttl_ms ? sim->now + sent->options.ttl_ms * MS : 0,
                                 .clocks = sim->clocks,
                                 .priority = sent->options.priority.number,
                                 .size = some_size(sim),
                                 .sent = sim->requests + 1};
        for (uint32_t k = 0; k < sent->source_count; k++)
            message->sources[message->source_count++] = sent->sources[k].message;
    }
    for (uint32_t k = 0; k < sent->source_count; k++)
        sim->messages[sent->sources[k].message].unknown++;
    slot->number++;
    slot->open = true;
    sim->coverage.forwards += op == JQW_FORWARD;
    (void)client_put(client, (uint32_t)(slot - client->slots));
}

/* ---- the rest ---- */

static uint32_t take_done(struct client *client, struct open *open, struct jqw_range *ranges, uint32_t max)
{
    uint32_t count = 0;
    while (count < max && client->held_count) {
        struct held_message *held = &client->held[sim_below(client->sim, client->held_count)];
        ranges[count] = held->range;
        open->done[count++] = *held;
        *held = client->held[--client->held_count];
    }
    open->done_count = count;
    return count;
}

static void note_done(struct client *client, const struct open *open)
{
    for (uint32_t i = 0; i < open->done_count; i++)
        client->sim->messages[open->done[i].message].unknown++;
}

void ask_get(struct client *client, enum queue queue, uint32_t max, uint64_t timeout_ms, uint32_t flags, bool with_done)
{
    struct open taken = {0};
    struct jqw_range ranges[2];
    uint32_t count = with_done ? take_done(client, &taken, ranges, 2) : 0;
    struct jqw_message message = {.op = JQW_GET,
                                  .get = {.queue = queue_of(client->sim, queue),
                                          .timeout_ms = timeout_ms,
                                          .max = max,
                                          .flags = flags,
                                          .done = {ranges, count}}};
    struct open *open = client_send(client, &message);
    open->queue = queue;
    open->incarnation = client->sim->queues[queue].incarnation;
    open->final = flags & JQW_GET_FINAL;
    memcpy(open->done, taken.done, sizeof open->done);
    open->done_count = count;
    note_done(client, open);
}

void ask_done(struct client *client, uint32_t count)
{
    struct open taken = {0};
    struct jqw_range ranges[4];
    struct jqw_message message = {.op = JQW_DONE};
    message.settle.ranges = (struct jqw_ranges){ranges, take_done(client, &taken, ranges, count < 4 ? count : 4)};
    struct open *open = client_send(client, &message);
    memcpy(open->done, taken.done, sizeof open->done);
    open->done_count = taken.done_count;
    note_done(client, open);
}

static void give_back(struct client *client, enum jqw_op op)
{
    struct open taken = {0};
    struct jqw_range range;
    struct jqw_message message = {.op = op};
    message.settle.ranges = (struct jqw_ranges){&range, take_done(client, &taken, &range, 1)};
    message.settle.delay_ms = op == JQW_NACK && sim_chance(client->sim, 30) ? 2 : 0;
    bool dead = op == JQW_NACK && queue_letters(taken.done[0].queue) != NOWHERE && sim_chance(client->sim, 40);
    message.settle.flags = dead ? JQW_NACK_DEAD : 0;
    struct open *open = client_send(client, &message);
    memcpy(open->done, taken.done, sizeof open->done);
    open->done_count = taken.done_count;
    open->dead = dead;
    client->sim->messages[taken.done[0].message].dead_asked |= dead;
}

void ask_simple(struct client *client, enum jqw_op op, enum queue queue)
{
    struct jqw_message message = {.op = op};
    if (op == JQW_JOIN)
        message.join =
            (struct jqw_join){.queue = queue_of(client->sim, queue), .timeout_ms = some_timeout(client->sim)};
    else if (op == JQW_CLOSE)
        message.close.queue = queue_of(client->sim, queue);
    else if (op == JQW_DELETE)
        message.delete_.queue = queue_of(client->sim, queue);
    else
        message.named.queue = queue_of(client->sim, queue);
    if (op == JQW_DELETE)
        client->sim->queues[queue].doomed = client->sim->queues[queue].incarnation;
    client->sim->queues[queue].close_sent |= op == JQW_CLOSE;
    if (op == JQW_CLOSE && queue == LETTERS && sim_chance(client->sim, 30)) {
        message.close.flags = JQW_CLOSE_IMMEDIATE;
        client->sim->queues[queue].cut = true;
    }
    if (op == JQW_PURGE)
        client->sim->queues[queue].purged = client->sim->queues[queue].incarnation;
    struct open *open = client_send(client, &message);
    open->queue = queue;
    open->incarnation = client->sim->queues[queue].incarnation;
}

void ask_declare(struct client *client, enum queue queue)
{
    struct jqw_message message = {.op = JQW_DECLARE, .declare = queue_shape(client->sim, queue)};
    client_send(client, &message)->queue = queue;
}

static void get_something(struct client *client, enum queue queue)
{
    struct sim *sim = client->sim;
    uint32_t flags = (sim_chance(sim, 15) ? JQW_GET_AUTO : 0) | (sim_chance(sim, 50) ? JQW_GET_FINAL : 0);
    if (open_count(client, JQW_GET) < GETS_MAX)
        ask_get(client, queue, 1 + sim_below(sim, 4), some_timeout(sim), flags, sim_chance(sim, 20));
}

void ask_receive(struct client *client)
{
    struct jqw_message message = {.op = JQW_RECEIVED, .received.receipt = client->receipt};
    JQ_ASSERT(jqw_encode(&client->out, &message) == JQ_OK);
    client->receipt = 0;
}

static void close_something(struct client *client)
{
    if (client->sim->queues[EXPIRES].incarnation)
        ask_simple(client, JQW_CLOSE, EXPIRES);
    else if (client->sim->queues[LETTERS].incarnation && sim_chance(client->sim, 30))
        ask_simple(client, JQW_CLOSE, LETTERS);
}

static void declare_again(struct client *client)
{
    for (uint32_t i = 0; i < client->sim->played_count; i++)
        if (client->sim->played[i] == GOING || client->sim->played[i] == FLEETING)
            ask_declare(client, client->sim->played[i]);
}

static void on_queue(struct client *client, enum queue queue, uint32_t roll)
{
    if (roll < 50)
        ask_simple(client, JQW_JOIN, queue);
    else if (roll < 90)
        ask_simple(client, JQW_STAT, queue);
    else if (roll < 92)
        close_something(client);
    else if (roll < 96)
        declare_again(client);
    else if (client->sim->queues[GOING].incarnation)
        ask_simple(client, roll < 98 ? JQW_PURGE : JQW_DELETE, GOING);
}

void ask_something(struct client *client)
{
    struct sim *sim = client->sim;
    uint32_t roll = sim_below(sim, 100);
    enum queue queue = sim->played[sim_below(sim, sim->played_count)];
    struct slot *slot = free_slot(client);
    if (open_count(client, JQW_HELLO) > OPEN_ASKED_MAX || !sim->queues[queue].incarnation)
        return;
    if (client->receipt && sim_chance(sim, RECEIVE_PERCENT))
        ask_receive(client);
    if (sim->queues[STREAM].incarnation && sim_chance(sim, 25)) {
        stream_ask(client);
    } else if (sim->queues[COUNTED].incarnation && sim_chance(sim, 25)) {
        count_ask(client);
    } else if (roll < 32) {
        if (slot)
            put(client, JQW_PUT, queue, slot);
    } else if (roll < 57) {
        get_something(client, queue);
    } else if (roll < 90 && client->held_count) {
        if (roll < (sim->queues[FAILS].incarnation ? 63 : 77))
            ask_done(client, 1 + sim_below(sim, 3));
        else if (roll < 80)
            give_back(client, JQW_NACK);
        else if (roll < 83)
            give_back(client, JQW_RELEASE);
        else if (slot)
            put(client, JQW_FORWARD, queue, slot);
    } else if (roll >= 90) {
        on_queue(client, queue, sim_below(sim, 100));
    }
}
