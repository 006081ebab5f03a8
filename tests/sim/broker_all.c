/* SPDX-License-Identifier: Apache-2.0 */
/* What must be so in the end of a history of the simulated broker, when everything was answered and taken out. */
#include "broker.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

static void check_numbers(const struct sim *sim, enum queue queue)
{
    const struct queue_told *told = &sim->queues[queue];
    const struct jqw_stat *stat = &sim->stats[queue];
    if ((stat->unfinished && queue != COUNTED) || stat->ready || stat->leased || stat->delayed)
        sim_fail("'%s' has something left that nobody gets", queue_text(queue));
    if (!queue_may_lose(sim, queue) && queue != GOING && queue != FLEETING && stat->put != told->put)
        sim_fail("%" PRIu64 " messages were told to be in '%s', and %" PRIu64 " came", told->put, queue_text(queue),
                 stat->put);
}

static int by_number(const void *a, const void *b)
{
    const struct told *const *x = a, *const *y = b;
    if ((*x)->queue != (*y)->queue)
        return (*x)->queue < (*y)->queue ? -1 : 1;
    if ((*x)->incarnation != (*y)->incarnation)
        return (*x)->incarnation < (*y)->incarnation ? -1 : 1;
    return (*x)->spots->sequence < (*y)->spots->sequence ? -1 : (*x)->spots->sequence > (*y)->spots->sequence;
}

/* What was put after something had been answered comes behind it. */
static void check_order(struct sim *sim)
{
    static const struct told *all[MESSAGES_MAX];
    uint32_t count = 0;
    uint64_t sent = 0;
    for (uint32_t i = 0; i < sim->message_count; i++)
        if (sim->messages[i].spots->placed)
            all[count++] = &sim->messages[i];
    qsort(all, count, sizeof *all, by_number);
    for (uint32_t i = 0; i < count; i++) {
        bool same = i && all[i]->queue == all[i - 1]->queue && all[i]->incarnation == all[i - 1]->incarnation;
        sent = same && sent > all[i]->sent ? sent : all[i]->sent;
        if (all[i]->answered && all[i]->answered < sent)
            sim_fail("%" PRIu64 " of '%s' stands behind what was put later", all[i]->spots->sequence,
                     queue_text(all[i]->queue));
    }
}

/* As many have come as have died, also across a crash. */
static void check_letters(struct sim *sim)
{
    const struct jqw_stat *stats = sim->stats;
    bool lost = sim->queues[FLEETING].doomed; /* and its numbers with it */
    if (lost ? stats[LETTERS].dead_in < stats[FAILS].dead + stats[FAILS].expired
             : stats[LETTERS].dead_in != stats[FAILS].dead + stats[FAILS].expired + stats[FLEETING].dead)
        sim_fail("%" PRIu64 " letters are not what died", stats[LETTERS].dead_in);
    if (stats[GRAVE].dead_in != stats[LETTERS].dead)
        sim_fail("%" PRIu64 " letters of letters are not what died", stats[GRAVE].dead_in);
    sim->coverage.letters_thrown += stats[LETTERS].discarded > 0;
}

void all_check(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->message_count; i++) {
        const struct told *message = &sim->messages[i];
        bool there = message->exists && !message->finished && !message->unknown;
        there = there && !(message->expires && queue_next(message->queue) == NOWHERE);
        if (there && !queue_is_doomed(sim, message))
            sim_fail("message %u of '%s' is lost", i, queue_text(message->queue));
    }
    for (uint32_t q = 0; q < QUEUES; q++)
        if (sim->queues[q].incarnation)
            check_numbers(sim, q);
    check_letters(sim);
    check_order(sim);
    stream_all(sim);
    count_all(sim);
}
