/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on their way from one queue into others: done and put in one, moved, and out of a queue that its broker takes along. */
#include "crash_load.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- done and put in one ---- */

int pass_on(struct client *client, const struct passing *passing, struct bodies *bodies)
{
    static const int64_t times[] = {JOINQ_FOREVER, JOINQ_FOREVER, 0, 50};
    int64_t time_ms = times[pick(client, sizeof times / sizeof *times)];
    struct joinq_target targets[2];
    size_t count = 0;
    bodies_make(client, bodies, 1 + pick(client, 2));
    for (; count < 2 && passing->to[count]; count++)
        targets[count] = (struct joinq_target){passing->to[count], bodies->item, bodies->span.count, NULL};
    ask(client);
    int code = joinq_forward(client->q, passing->batch, passing->first, passing->count, targets, count, time_ms);
    bool not_now = refused(code) || (time_ms >= 0 && (code == JOINQ_FULL || code == JOINQ_TIMEOUT));
    bool unknown = time_ms > 0 && code == JOINQ_DISCONNECTED;
    if (code != JOINQ_OK && code != JOINQ_LEASE_LOST && !not_now && !unknown)
        wrong(client, "forward", code);
    char verb[96];
    snprintf(verb, sizeof verb, "forward %u %u %s%s%s", bodies->span.first, bodies->span.count, passing->to[0],
             count > 1 ? "," : "", count > 1 ? passing->to[1] : "");
    told_settled(client, verb, passing->queue, code, passing->batch, passing->first, passing->count);
    return code;
}

/* Bit by bit. What is not done for want of room, or of time, goes back. */
static void pass_batch(struct client *client, const struct role *role, struct joinq_batch *batch, struct bodies *bodies)
{
    size_t count = joinq_batch_count(batch), at = 0;
    while (at < count) {
        struct passing passing = {role->queue, {role->to, pick(client, 2) ? "side" : NULL}, batch, at, 0};
        passing.count = 1 + pick(client, (uint32_t)(count - at));
        if (pass_on(client, &passing, bodies) != JOINQ_OK)
            break;
        at += passing.count;
    }
    if (at < count)
        told_back(client, role->queue, batch, at, count - at, pick(client, 2) == 0);
}

void run_forwarder(struct client *client, const struct role *role)
{
    struct bodies *bodies = malloc(sizeof *bodies);
    struct joinq_batch *held = NULL, *batch;
    int code;
    attach(client, role->to);
    do {
        code = get_some(client, role->queue, false, &held, &batch);
        if (code != JOINQ_OK)
            continue;
        pass_batch(client, role, batch, bodies);
        joinq_batch_free(batch);
    } while (code != JOINQ_END);
    finish(client, role->to);
    free(bodies);
}

/* ---- moved ---- */

void run_mover(struct client *client, const struct role *role)
{
    while (!enough()) {
        uint64_t moved = 0;
        ask(client);
        int code;
        while (refused(code = joinq_move(client->q, role->queue, role->to, 1 + pick(client, 50), &moved)))
            continue;
        if (code != JOINQ_OK)
            wrong(client, "move", code);
        if (moved > 0)
            told(client, "moved %s %s %" PRIu64, role->queue, role->to, moved);
    }
}

/* ---- out of a queue in memory ---- */

/* False: it went with its broker, and all that was in it. */
static bool there(struct client *client, const char *what, int code)
{
    if (code != JOINQ_OK && code != JOINQ_DISCONNECTED)
        wrong(client, what, code);
    return code == JOINQ_OK;
}

/* Every message once until the end, or the queue is gone. */
static void forgetful_drain(struct client *client, const struct role *role, unsigned put, struct bodies *bodies)
{
    struct joinq_batch *batch;
    unsigned finished = 0;
    int code;
    while ((code = joinq_get(client->q, role->queue, JOINQ_FOREVER, &batch)) == JOINQ_OK) {
        struct passing passing = {role->queue, {role->to}, batch, 0, 1};
        code = pick(client, 2) ? pass_on(client, &passing, bodies) : joinq_done(client->q, batch, 0, 1);
        if (code == JOINQ_OK)
            finished++;
        else if (code == JOINQ_FULL || code == JOINQ_TIMEOUT || code == JOINQ_STORAGE)
            told_back(client, role->queue, batch, 0, 1, false);
        else if (code != JOINQ_LEASE_LOST && code != JOINQ_DISCONNECTED)
            wrong(client, "done in a queue in memory", code);
        joinq_batch_free(batch);
    }
    if (code != JOINQ_END && code != JOINQ_DISCONNECTED)
        wrong(client, "get from a queue in memory", code);
    if (code == JOINQ_END && finished != put)
        wrong(client, "a queue that was lost has ended", 0);
}

static bool forgetful_fill(struct client *client, const struct role *role, struct bodies *bodies, unsigned *put)
{
    unsigned wanted = 1 + pick(client, 40);
    for (*put = 0; *put < wanted; *put += bodies->span.count) {
        bodies_make(client, bodies, 1 + pick(client, BATCH));
        int code = joinq_put_many(client->q, role->queue, bodies->item, bodies->span.count, NULL, NULL);
        if (!there(client, "put in memory", code))
            return false;
    }
    return there(client, "close", joinq_close(client->q, role->queue, false, false, NULL));
}

void run_forgetful(struct client *client, const struct role *role)
{
    struct bodies *bodies = malloc(sizeof *bodies);
    while (!enough()) {
        unsigned put;
        int code;
        while (refused(code = joinq_declare(client->q, role->queue, NULL)))
            continue;
        if (code != JOINQ_OK)
            wrong(client, "declare in memory", code);
        if (!forgetful_fill(client, role, bodies, &put))
            continue;
        forgetful_drain(client, role, put, bodies);
        (void)there(client, "delete in memory", joinq_delete(client->q, role->queue, false, NULL));
    }
    free(bodies);
}
