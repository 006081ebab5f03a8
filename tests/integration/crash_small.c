/* SPDX-License-Identifier: Apache-2.0 */
/* Who declares small queues of its own, fills, purges, ends, drains, reopens and deletes them; and says at once what is wrong. */
#include "crash_load.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_NAMES = 2, SMALL_MAX = 5 * BATCH };

struct small {
    char queue[NAME];
    unsigned put;
    uint64_t last;        /* sequence number that any of its messages may have: one-shot ends have some, too */
    bool done[SMALL_MAX]; /* by sequence: it was acknowledged */
    bool discards;        /* some may have been discarded */
    bool sentinel;        /* there is a one-shot end, or was */
    uint64_t generation;
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

static void small_declare(struct client *client, struct small *small)
{
    struct joinq_queue_options options = JOINQ_QUEUE_OPTIONS_INIT;
    options.durable = true;
    int code;
    while (refused(code = joinq_declare(client->q, small->queue, &options)))
        continue;
    if (code != JOINQ_OK)
        wrong(client, "declare", code);
    if (small_stat(client, small).put != 0)
        wrong(client, "a deleted queue is back", 0);
}

static void small_fill(struct client *client, struct small *small, struct bodies *bodies)
{
    size_t accepted = 0;
    for (int i = 0; i < 2; i++) {
        bodies_make(client, bodies, 1 + pick(client, BATCH));
        int code;
        while (
            refused(code = joinq_put_many(client->q, small->queue, bodies->item, bodies->span.count, NULL, &accepted)))
            continue;
        if (code != JOINQ_OK || accepted != bodies->span.count)
            wrong(client, "put into a small queue", code);
        small->put += bodies->span.count;
        small->last += bodies->span.count;
    }
}

/* A one-shot end that was not confirmed before its broker died comes again. */
static int small_get(struct client *client, const struct small *small, const struct joinq_get_options *options,
                     struct joinq_batch **batch)
{
    int code;
    do {
        code = joinq_get_many(client->q, small->queue, options, batch);
    } while (refused(code) || (small->sentinel && code == JOINQ_DISCONNECTED));
    return code;
}

/* Until the end; nobody else takes anything. */
static void small_drain(struct client *client, struct small *small)
{
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    struct joinq_batch *batch;
    int code;
    options.max = 1 + pick(client, 5);
    while ((code = small_get(client, small, &options, &batch)) == JOINQ_OK) {
        size_t count = joinq_batch_count(batch);
        for (size_t i = 0; i < count; i++) {
            const struct joinq_message *m = joinq_batch_message(batch, i);
            if (m->sequence > small->last || small->done[m->sequence])
                wrong(client, "a finished message of a small queue is back", 0);
        }
        int done;
        while (refused(done = joinq_done(client->q, batch, 0, count)))
            continue;
        for (size_t i = 0; done == JOINQ_OK && i < count; i++)
            small->done[joinq_batch_message(batch, i)->sequence] = true;
        joinq_batch_free(batch);
    }
    if (code != JOINQ_END)
        wrong(client, "get from a small queue", code);
}

/* A one-shot end comes behind what was put before it: then nothing is unfinished. */
static void small_sentinel(struct client *client, struct small *small)
{
    int code;
    while (refused(code = joinq_put_end(client->q, small->queue, 1)))
        continue;
    if (code != JOINQ_OK)
        wrong(client, "put_end", code);
    small->last++;
    small->sentinel = true;
    small_drain(client, small);
    if (small_stat(client, small).unfinished != 0)
        wrong(client, "a one-shot end came early", 0);
}

static void small_purge(struct client *client, struct small *small)
{
    int code;
    while (refused(code = joinq_purge(client->q, small->queue, NULL)))
        continue;
    if (code != JOINQ_OK && code != JOINQ_DISCONNECTED)
        wrong(client, "purge", code);
    if (code == JOINQ_OK && small_stat(client, small).unfinished != 0)
        wrong(client, "a purge left something", 0);
    small->discards = true;
}

static void small_close(struct client *client, struct small *small)
{
    bool immediate = pick(client, 3) == 0;
    int code;
    while (refused(code = joinq_close(client->q, small->queue, immediate, false, NULL)))
        continue;
    if (code != JOINQ_OK)
        wrong(client, "close", code);
    small->discards |= immediate;
    while (refused(code = joinq_put(client->q, small->queue, "late", 4, 0)))
        continue;
    if (code != JOINQ_CLOSED)
        wrong(client, "put into what is closed", code);
}

static void small_check(struct client *client, const struct small *small)
{
    struct joinq_stat stat = small_stat(client, small);
    uint64_t known = 0;
    for (unsigned i = 0; i < SMALL_MAX; i++)
        known += small->done[i];
    if (stat.put != small->put || stat.done + stat.discarded != stat.put || stat.unfinished != 0 || stat.closed == 0)
        wrong(client, "the end of a small queue", 0);
    if (stat.done < known || (!small->discards && stat.discarded != 0))
        wrong(client, "the numbers of a small queue", 0);
    if (stat.generation != small->generation)
        wrong(client, "the generation of a small queue", 0);
}

/* Where the answer was lost with its broker one looks, and asks again. */
static void small_reopen(struct client *client, struct small *small)
{
    int code;
    while (refused(code = joinq_reopen(client->q, small->queue, NULL)) ||
           (code == JOINQ_DISCONNECTED && small_stat(client, small).generation == small->generation))
        continue;
    if (code != JOINQ_OK && code != JOINQ_DISCONNECTED)
        wrong(client, "reopen", code);
    small->generation++;
}

static void small_delete(struct client *client, const struct small *small)
{
    struct joinq_stats *stats;
    int code;
    while (refused(code = joinq_delete(client->q, small->queue, false, NULL)) || code == JOINQ_DISCONNECTED) {
        code = joinq_stat(client->q, small->queue, &stats);
        if (code == JOINQ_NO_QUEUE || code == JOINQ_DISCONNECTED)
            return;
        if (code != JOINQ_OK)
            wrong(client, "stat of what may be deleted", code);
        joinq_stats_free(stats);
    }
    if (code != JOINQ_OK)
        wrong(client, "delete", code);
}

static void small_generation(struct client *client, struct small *small, struct bodies *bodies)
{
    small_fill(client, small, bodies);
    if (pick(client, 4) == 0)
        small_sentinel(client, small);
    else if (pick(client, 4) == 0)
        small_purge(client, small);
    small_close(client, small);
    small_drain(client, small);
    small_check(client, small);
}

void run_owner(struct client *client, const struct role *role)
{
    struct bodies *bodies = malloc(sizeof *bodies);
    for (unsigned i = 0; !enough(); i++) {
        struct small small = {.generation = 1};
        snprintf(small.queue, sizeof small.queue, "%s-%u", role->queue, i % SMALL_NAMES);
        small_declare(client, &small);
        small_generation(client, &small, bodies);
        if (pick(client, 3) == 0) {
            small_reopen(client, &small);
            small_generation(client, &small, bodies);
        }
        small_delete(client, &small);
        told(client, "deleted %s", small.queue);
    }
    free(bodies);
}
