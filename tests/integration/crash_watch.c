/* SPDX-License-Identifier: Apache-2.0 */
/* Who joins, looks whether what is told of the queues adds up, and changes and pauses them meanwhile. */
#include "crash_load.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- joins ---------------------------------------------------------------------------------------------------------------- */

static atomic_bool stopped;

void joiner_stop(void)
{
    atomic_store(&stopped, true);
}

static bool adds_up(const struct joinq_stat *s)
{
    uint64_t came = s->put + s->moved_in + s->dead_in;
    uint64_t left = s->expired + s->discarded + s->moved_out;
    if (s->accounting == JOINQ_ACCOUNTING_COUNTER)
        return left == 0 && came == s->task_done + s->unfinished;
    return came == s->done + s->ready + s->delayed + s->leased + s->dead + left;
}

/* At every moment (CSV-1). */
static void look(struct client *client)
{
    struct joinq_stats *stats;
    const struct joinq_stat *stat;
    int code = joinq_list(client->q, &stats);
    if (code != JOINQ_OK)
        wrong(client, "list", code);
    for (size_t i = 0; (stat = joinq_stats_at(stats, i)); i++) {
        if (!adds_up(stat)) {
            told(client, "sums %s put %" PRIu64 " dead_in %" PRIu64 " done %" PRIu64 " unfinished %" PRIu64, stat->name,
                 stat->put, stat->dead_in, stat->done, stat->unfinished);
            wrong(client, "the numbers of a queue do not add up", 0);
        }
    }
    joinq_stats_free(stats);
}

/* What is asked for is what was put before `since`. */
static void join_one(struct client *client, const char *queue)
{
    static const int64_t times[] = {0, 5, 20, 200};
    struct joinq_join_options options = JOINQ_JOIN_OPTIONS_INIT;
    struct joinq_joined joined = JOINQ_JOINED_INIT;
    options.timeout_ms = times[pick(client, sizeof times / sizeof *times)];
    uint32_t kind = pick(client, 3);
    options.snapshot = kind == 1;
    ask(client);
    if (kind == 2) {
        int code;
        while (refused(code = joinq_mark(client->q, queue, &options.mark)))
            continue;
        if (code != JOINQ_OK)
            wrong(client, "mark", code);
        look(client);
    }
    int code;
    while (refused(code = joinq_join_with(client->q, queue, &options, &joined)))
        continue;
    if (code != JOINQ_OK && code != JOINQ_TIMEOUT)
        wrong(client, "join", code);
    if (code == JOINQ_OK)
        told(client, "joined %s %s", queue, kind == 0 ? "all" : kind == 1 ? "snapshot" : "mark");
}

/* Another bound; a pause. Both are over before the end. */
static void disturb(struct client *client)
{
    static const char *const queues[] = {"work", "in", "out", "count"};
    const char *queue = queues[pick(client, sizeof queues / sizeof *queues)];
    struct joinq_queue_options options = JOINQ_QUEUE_OPTIONS_INIT;
    unsigned which = 1 + pick(client, 3);
    options.max_messages = 20 + pick(client, 100);
    int code;
    while (refused(code = joinq_alter(client->q, queue, JOINQ_GIVEN_MAX_MESSAGES, &options)))
        continue;
    if (code == JOINQ_OK)
        while (refused(code = joinq_pause(client->q, queue, which)))
            continue;
    if (code == JOINQ_OK)
        look(client);
    if (code == JOINQ_OK)
        while (refused(code = joinq_resume(client->q, queue, JOINQ_PAUSE_PUTS | JOINQ_PAUSE_GETS)))
            continue;
    if (code != JOINQ_OK)
        wrong(client, "alter, pause or resume", code);
}

void run_joiner(struct client *client, const struct role *role)
{
    static const char *const queues[] = {"work", "in", "out", "side", "count"};
    (void)role;
    while (!atomic_load(&stopped)) {
        join_one(client, queues[pick(client, sizeof queues / sizeof *queues)]);
        look(client);
        if (pick(client, 4) == 0)
            disturb(client);
    }
}
