/* SPDX-License-Identifier: Apache-2.0 */
/* Who declares small queues, fills, closes, drains and deletes them; and who joins, and looks whether what is told of the queues adds
 * up. */
#include "crash_load.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- small queues -------------------------------------------------------------------------------------------------------- */

enum { SMALL_NAMES = 2 };

struct small {
    char queue[NAME];
    unsigned put;
    bool done[2 * BATCH + 1]; /* by sequence: it was acknowledged */
    bool immediate;
};

static struct joinq_stat small_stat(struct client *client, const struct small *small)
{
    struct joinq_stats *stats;
    int code = joinq_stat(client->q, small->queue, &stats);
    if (code != JOINQ_OK)
        wrong(client, "stat of a small queue", code);
    struct joinq_stat stat = *joinq_stats_at(stats, 0);
    joinq_stats_free(stats);
    return stat;
}

static void small_fill(struct client *client, struct small *small, struct bodies *bodies)
{
    struct joinq_queue_options options = JOINQ_QUEUE_OPTIONS_INIT;
    options.durable = true;
    ask(client);
    int code = joinq_declare(client->q, small->queue, &options);
    if (code != JOINQ_OK)
        wrong(client, "declare", code);
    if (small_stat(client, small).put != 0)
        wrong(client, "a deleted queue is back", 0);
    unsigned wanted = 1 + pick(client, BATCH);
    while (small->put < wanted) {
        size_t accepted = 0;
        bodies_make(client, bodies, 1 + pick(client, BATCH));
        code = joinq_put_many(client->q, small->queue, bodies->item, bodies->span.count, NULL, &accepted);
        if (code != JOINQ_OK || accepted != bodies->span.count)
            wrong(client, "put into a small queue", code);
        small->put += bodies->span.count;
    }
}

/* Until the end; nobody else takes anything. */
static void small_drain(struct client *client, struct small *small)
{
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    struct joinq_batch *batch;
    int code;
    options.max = 1 + pick(client, 5);
    while ((code = joinq_get_many(client->q, small->queue, &options, &batch)) == JOINQ_OK) {
        size_t count = joinq_batch_count(batch);
        for (size_t i = 0; i < count; i++) {
            const struct joinq_message *m = joinq_batch_message(batch, i);
            if (m->sequence > small->put || small->done[m->sequence])
                wrong(client, "a finished message of a small queue is back", 0);
        }
        int done = joinq_done(client->q, batch, 0, count);
        for (size_t i = 0; done == JOINQ_OK && i < count; i++)
            small->done[joinq_batch_message(batch, i)->sequence] = true;
        joinq_batch_free(batch);
    }
    if (code != JOINQ_END)
        wrong(client, "get from a small queue", code);
}

static void small_check(struct client *client, const struct small *small)
{
    struct joinq_stat stat = small_stat(client, small);
    uint64_t known = 0;
    for (unsigned i = 0; i <= small->put; i++)
        known += small->done[i];
    if (stat.put != small->put || stat.done + stat.discarded != stat.put || stat.unfinished != 0 || stat.closed == 0)
        wrong(client, "the end of a small queue", (int)stat.closed);
    if (stat.done < known || (!small->immediate && stat.discarded != 0))
        wrong(client, "the numbers of a small queue", 0);
}

/* Where the answer was lost with its broker one looks, and asks again. */
static void small_delete(struct client *client, const struct small *small)
{
    struct joinq_stats *stats;
    int code = joinq_delete(client->q, small->queue, false, NULL);
    while (code == JOINQ_DISCONNECTED) {
        code = joinq_stat(client->q, small->queue, &stats);
        if (code == JOINQ_NO_QUEUE || code == JOINQ_DISCONNECTED)
            return;
        if (code != JOINQ_OK)
            wrong(client, "stat of what may be deleted", code);
        joinq_stats_free(stats);
        code = joinq_delete(client->q, small->queue, false, NULL);
    }
    if (code != JOINQ_OK)
        wrong(client, "delete", code);
}

void run_owner(struct client *client, const struct role *role)
{
    struct bodies *bodies = malloc(sizeof *bodies);
    for (unsigned i = 0; !enough(); i++) {
        struct small small = {.immediate = pick(client, 3) == 0};
        snprintf(small.queue, sizeof small.queue, "%s-%u", role->queue, i % SMALL_NAMES);
        small_fill(client, &small, bodies);
        int code = joinq_close(client->q, small.queue, small.immediate, false, NULL);
        if (code != JOINQ_OK)
            wrong(client, "close", code);
        code = joinq_put(client->q, small.queue, "late", 4, 0);
        if (code != JOINQ_CLOSED)
            wrong(client, "put into what is closed", code);
        small_drain(client, &small);
        small_check(client, &small);
        small_delete(client, &small);
        told(client, "deleted %s", small.queue);
    }
    free(bodies);
}

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
            wrong(client, stat->name, 0);
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
        int code = joinq_mark(client->q, queue, &options.mark);
        if (code != JOINQ_OK)
            wrong(client, "mark", code);
        look(client);
    }
    int code = joinq_join_with(client->q, queue, &options, &joined);
    if (code != JOINQ_OK && code != JOINQ_TIMEOUT)
        wrong(client, "join", code);
    if (code == JOINQ_OK)
        told(client, "joined %s %s", queue, kind == 0 ? "all" : kind == 1 ? "snapshot" : "mark");
}

void run_joiner(struct client *client, const struct role *role)
{
    static const char *const queues[] = {"work", "in", "out", "side", "count"};
    (void)role;
    while (!atomic_load(&stopped)) {
        join_one(client, queues[pick(client, sizeof queues / sizeof *queues)]);
        look(client);
    }
}
