/* SPDX-License-Identifier: Apache-2.0 */
/* Counter queues and moves of the simulated broker: what is asked of them, and what the numbers that were told must come to. */
#include "broker.h"
#include "codes.h"
#include <string.h>

enum { TASKS_MAX = 3 };

static void ask(struct client *client, enum jqw_op op, enum queue queue, uint32_t count)
{
    uint32_t at = sim_below(client->sim, SLOTS);
    struct slot *slot = &client->slots[at];
    if (slot->open)
        return;
    slot->sent = (struct sent){.op = op,
                               .queue = queue,
                               .incarnation = client->sim->queues[queue].incarnation,
                               .count = count,
                               .tasks = client->sim->queues[COUNTED].put};
    client->sim->tasks_sent += op == JQW_TASK_DONE ? count : 0;
    slot->number++;
    slot->open = true;
    (void)client_put(client, at);
}

void count_ask(struct client *client)
{
    if (sim_chance(client->sim, 70))
        ask(client, JQW_TASK_DONE, COUNTED, 1 + sim_below(client->sim, TASKS_MAX));
    else
        ask(client, JQW_MOVE, YARD, sim_below(client->sim, 4));
}

void count_message(const struct sim *sim, const struct slot *slot, uint32_t at, struct jqw_message *message)
{
    const struct sent *sent = &slot->sent;
    const struct jqw_queue queue = {queue_name(sent->queue), sent->incarnation};
    const struct jqw_once once = {slot->number, at};
    if (sent->op == JQW_MOVE)
        message->move =
            (struct jqw_move){queue,
                              {queue_name(queue_next(sent->queue)), sim->queues[queue_next(sent->queue)].incarnation},
                              sent->count,
                              once};
    else
        message->count = (struct jqw_count){queue, sent->count, once};
}

/* What was told is what became of it, whether it is told again or not. */
void count_answered(struct sim *sim, const struct sent *sent, const struct jqw_result *result)
{
    if (sent->op == JQW_MOVE) {
        sim->moved += result->count;
        sim->coverage.moved += result->count;
        return;
    }
    if (result->code == JQ_OK) {
        sim->tasks_done += sent->count;
        sim->coverage.tasks++;
    } else if (result->code == JQ_INVALID && sim->tasks_sent <= sent->tasks) {
        sim_fail("%u tasks cannot be done, of %" PRIu64, sent->count, sent->tasks);
    }
}

/* All that had been put when it was asked is done: so many must have said so. */
void count_joined(const struct sim *sim, const struct open *open)
{
    uint64_t put = 0;
    for (uint32_t i = 0; i < sim->message_count; i++)
        put += sim->messages[i].queue == COUNTED && sim->messages[i].answered && sim->messages[i].answered < open->sent;
    if (put > sim->tasks_sent)
        sim_fail("'%s' is joined, and only %" PRIu64 " of %" PRIu64 " tasks can be done", queue_text(COUNTED),
                 sim->tasks_sent, put);
}

void count_stat(const struct jqw_stat *s)
{
    if (s->unfinished != s->put + s->moved_in - s->task_done)
        sim_fail("'%s' counts %" PRIu64 " unfinished", queue_text(COUNTED), s->unfinished);
}

void count_all(const struct sim *sim)
{
    const struct jqw_stat *stats = sim->stats;
    if (!sim->queues[COUNTED].incarnation)
        return;
    if (stats[COUNTED].task_done != sim->tasks_done)
        sim_fail("%" PRIu64 " tasks were told to be done, and %" PRIu64 " are", sim->tasks_done,
                 stats[COUNTED].task_done);
    if (stats[YARD].moved_out != sim->moved || stats[BOUND].moved_in != sim->moved)
        sim_fail("%" PRIu64 " messages were told to be moved, %" PRIu64 " went and %" PRIu64 " came", sim->moved,
                 stats[YARD].moved_out, stats[BOUND].moved_in);
}
