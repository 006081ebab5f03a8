/* SPDX-License-Identifier: Apache-2.0 */
/* Consumers: by lease, which they finish or give back in every way there is, and on receipt; and those of a counter queue. Each goes
 * on until it hears the end. */
#include "crash_load.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- by lease -------------------------------------------------------------------------------------------------------- */

static int told_done(struct client *client, const char *queue, struct joinq_batch *batch, size_t first, size_t count)
{
    ask(client);
    int code;
    while (refused(code = joinq_done(client->q, batch, first, count)))
        continue;
    if (code != JOINQ_OK && code != JOINQ_LEASE_LOST)
        wrong(client, "done", code);
    told_settled(client, "done", queue, code, batch, first, count);
    return code;
}

void told_back(struct client *client, const char *queue, struct joinq_batch *batch, size_t first, size_t count,
               bool failed)
{
    ask(client);
    int code;
    do {
        code = failed ? joinq_nack(client->q, batch, first, count, pick(client, 20))
                      : joinq_release(client->q, batch, first, count);
    } while (refused(code));
    if (code != JOINQ_OK && code != JOINQ_LEASE_LOST)
        wrong(client, failed ? "nack" : "release", code);
    told_settled(client, failed ? "nack" : "release", queue, code, batch, first, count);
}

/* Each half by a ticket. */
static void done_pipelined(struct client *client, const char *queue, struct joinq_batch *batch)
{
    size_t count = joinq_batch_count(batch), half = count / 2;
    const size_t first[2] = {0, half}, counts[2] = {half, count - half};
    joinq_ticket tickets[2];
    int codes[2];
    ask(client);
    for (int i = half ? 0 : 1; i < 2; i++) {
        codes[i] = joinq_submit_done(client->q, batch, first[i], counts[i], &tickets[i]);
        if (codes[i] != JOINQ_OK && codes[i] != JOINQ_LEASE_LOST)
            wrong(client, "submit done", codes[i]);
    }
    for (int i = half ? 0 : 1; i < 2; i++) {
        struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
        int code = codes[i] == JOINQ_OK ? joinq_wait(client->q, tickets[i], JOINQ_FOREVER, &outcome) : JOINQ_OK;
        if (code != JOINQ_OK)
            wrong(client, "wait", code);
        code = codes[i] == JOINQ_OK ? outcome.code : codes[i];
        if (refused(code)) {
            (void)told_done(client, queue, batch, first[i], counts[i]);
            continue;
        }
        if (code != JOINQ_OK && code != JOINQ_LEASE_LOST)
            wrong(client, "done by ticket", code);
        told_settled(client, "done", queue, code, batch, first[i], counts[i]);
    }
}

/* False: it is to be finished by the next get. */
static bool settle(struct client *client, const char *queue, struct joinq_batch *batch)
{
    size_t count = joinq_batch_count(batch), some = pick(client, (uint32_t)count + 1);
    switch (pick(client, 8)) {
    case 0:
    case 1:
        return false;
    case 2:
        done_pipelined(client, queue, batch);
        return true;
    case 3:
    case 4:
        if (some > 0)
            told_back(client, queue, batch, 0, some, pick(client, 2) == 0);
        break;
    case 5:
        if (some > 0)
            (void)told_done(client, queue, batch, 0, some);
        break;
    default:
        some = 0;
        break;
    }
    if (some < count)
        (void)told_done(client, queue, batch, some, count - some);
    return true;
}

/* What the get before this one brought is finished by it. */
static void carried(struct client *client, const char *queue, struct joinq_batch **held)
{
    int code = joinq_lost(client->q) == 0 ? JOINQ_OK : JOINQ_LEASE_LOST;
    if (!*held)
        return;
    told_settled(client, "done", queue, code, *held, 0, joinq_batch_count(*held));
    joinq_batch_free(*held);
    *held = NULL;
}

int get_some(struct client *client, const char *queue, bool auto_done, struct joinq_batch **held,
             struct joinq_batch **batch)
{
    static const int64_t times[] = {JOINQ_FOREVER, JOINQ_FOREVER, 0, 10};
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    options.timeout_ms = times[pick(client, sizeof times / sizeof *times)];
    options.max = 1 + pick(client, 8);
    options.auto_done = auto_done;
    options.final = true;
    options.done = *held;
    ask(client);
    int code;
    while (refused(code = joinq_get_many(client->q, queue, &options, batch)))
        continue;
    if (code >= JOINQ_NO_QUEUE)
        wrong(client, "get", code);
    if (code >= JOINQ_NO_QUEUE && *held) {
        joinq_batch_free(*held);
        *held = NULL;
    }
    carried(client, queue, held);
    if (code == JOINQ_END)
        told(client, "end %s", queue);
    else if (code == JOINQ_OK)
        told_got(client, auto_done ? "auto" : "got", queue, *batch);
    return code;
}

void run_consumer(struct client *client, const struct role *role)
{
    struct joinq_batch *held = NULL, *batch;
    int code;
    do {
        bool auto_done = pick(client, 4) == 0;
        code = get_some(client, role->queue, auto_done, &held, &batch);
        if (code != JOINQ_OK)
            continue;
        if (!auto_done && pick(client, 60) == 0) {
            told_settled(client, "release", role->queue, JOINQ_OK, batch, 0, joinq_batch_count(batch));
            client_renew(client);
            joinq_batch_free(batch);
        } else if (!auto_done && !settle(client, role->queue, batch)) {
            held = batch;
        } else {
            joinq_batch_free(batch);
        }
    } while (code != JOINQ_END);
}

/* ---- a counter queue ---------------------------------------------------------------------------------------------------- */

enum { SEEN = 1000000 };
static atomic_bool seen[10][SEEN]; /* by the digit in the producer's name */

/* What comes again, for its receipt was not confirmed before the broker died, has been counted. */
static uint32_t count_new(struct client *client, const struct joinq_batch *batch)
{
    uint32_t count = 0;
    for (size_t i = 0; i < joinq_batch_count(batch); i++) {
        char word[NAME];
        body_word(client, joinq_batch_message(batch, i), word);
        unsigned long number = strtoul(strchr(word, '-') + 1, NULL, 10);
        if (number >= SEEN)
            wrong(client, "too many messages", 0);
        count += !atomic_exchange(&seen[(unsigned)(word[1] - '0') % 10][number], true);
    }
    return count;
}

void run_counter(struct client *client, const struct role *role)
{
    struct joinq_batch *none = NULL, *batch;
    int code;
    do {
        code = get_some(client, role->queue, true, &none, &batch);
        if (code != JOINQ_OK)
            continue;
        uint32_t count = count_new(client, batch);
        uint64_t unfinished = 0;
        joinq_batch_free(batch);
        if (count == 0)
            continue;
        ask(client);
        int done;
        while (refused(done = joinq_task_done(client->q, role->queue, count, &unfinished)))
            continue;
        if (done != JOINQ_OK)
            wrong(client, "task_done", done);
        told(client, "task_done %s %" PRIu32 " %" PRIu64, role->queue, count, unfinished);
    } while (code != JOINQ_END);
}
