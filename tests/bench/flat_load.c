/* SPDX-License-Identifier: Apache-2.0 */
/* Drives a broker whose instructions are counted: prepares little or much, then does so many rounds of put, get and done, one thing
 * after the other, so that every run does the same. */
#include "joinq.h"
#include "tool.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY = 100 };

struct load {
    const char *url;
    joinq *q;
    joinq **waiting;       /* clients that wait in a get on the queue, */
    joinq_ticket *tickets; /* with these */
    uint64_t size;
};

static void check(joinq *q, int code, const char *what)
{
    if (code != JOINQ_OK)
        die("%s: %s: %s", what, joinq_code_name(code), joinq_error(q));
}

static joinq *load_connect(const struct load *load)
{
    joinq *q;
    char error[512];
    if (joinq_connect_error(&q, load->url, NULL, error, sizeof error) != JOINQ_OK)
        die("%s", error);
    return q;
}

static void put(struct load *load, const char *queue, size_t count)
{
    static const char body[BODY];
    static struct joinq_body bodies[JOINQ_BATCH_MAX];
    for (size_t i = 0; i < count; i++)
        bodies[i] = (struct joinq_body){body, sizeof body};
    check(load->q, joinq_put_many(load->q, queue, bodies, count, NULL, NULL), "put");
}

static void get_and_finish(struct load *load, const char *queue)
{
    struct joinq_batch *batch;
    check(load->q, joinq_get(load->q, queue, JOINQ_FOREVER, &batch), "get");
    check(load->q, joinq_done(load->q, batch, 0, 1), "done");
    joinq_batch_free(batch);
}

/* ---- scenarios -------------------------------------------------------------------------------------------------------- */

static void prepare_queued(struct load *load)
{
    uint64_t left = load->size;
    for (; left > JOINQ_BATCH_MAX; left -= JOINQ_BATCH_MAX)
        put(load, "queue", JOINQ_BATCH_MAX);
    if (left > 0)
        put(load, "queue", left);
}

static void round_queued(struct load *load, uint64_t number)
{
    (void)number;
    put(load, "queue", 1);
    get_and_finish(load, "queue");
}

static void wait_in_get(struct load *load, uint64_t place, struct joinq_batch *finished)
{
    joinq *q = load->waiting[place];
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    options.done = finished;
    check(q, joinq_submit_get(q, "queue", &options, &load->tickets[place]), "get");
    check(q, joinq_flush(q), "get");
}

/* Each connection has said hello, so its get follows in the broker's next turns; the last one's answer to stat says that all wait. */
static void prepare_waiting(struct load *load)
{
    load->waiting = allocate(load->size * sizeof *load->waiting);
    load->tickets = allocate(load->size * sizeof *load->tickets);
    put(load, "queue", 1);
    get_and_finish(load, "queue");
    for (uint64_t i = 0; i < load->size; i++) {
        struct joinq_stats *stats;
        load->waiting[i] = load_connect(load);
        wait_in_get(load, i, NULL);
        check(load->waiting[i], joinq_stat(load->waiting[i], "queue", &stats), "stat");
        joinq_stats_free(stats);
    }
}

/* The one that has waited longest is served, and waits again. */
static void round_waiting(struct load *load, uint64_t number)
{
    uint64_t place = number % load->size;
    joinq *q = load->waiting[place];
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    put(load, "queue", 1);
    check(q, joinq_wait(q, load->tickets[place], JOINQ_FOREVER, &outcome), "wait");
    check(q, outcome.code, "get");
    wait_in_get(load, place, outcome.batch);
    joinq_batch_free(outcome.batch);
}

static void round_queues(struct load *load, uint64_t number)
{
    char queue[32];
    snprintf(queue, sizeof queue, "queue-%05" PRIu64, number * 7919 % load->size);
    put(load, queue, 1);
    get_and_finish(load, queue);
}

static void prepare_queues(struct load *load)
{
    for (uint64_t i = 0; i < load->size; i++)
        round_queues(load, i);
}

static const struct scenario {
    const char *name;
    void (*prepare)(struct load *load);
    void (*round)(struct load *load, uint64_t number);
} scenarios[] = {
    {"queued", prepare_queued, round_queued},
    {"waiting", prepare_waiting, round_waiting},
    {"queues", prepare_queues, round_queues},
};

static const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    die("no scenario '%s'", name);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("usage: flat-load URL queued|waiting|queues SIZE ROUNDS");
    const struct scenario *s = scenario_find(argv[2]);
    struct load load = {.url = argv[1], .size = number_of(argv[3])};
    uint64_t rounds = number_of(argv[4]);
    load.q = load_connect(&load);
    s->prepare(&load);
    for (uint64_t i = 0; i < rounds; i++)
        s->round(&load, i);
    for (uint64_t i = 0; load.waiting && i < load.size; i++)
        joinq_free(load.waiting[i]);
    free(load.waiting);
    free(load.tickets);
    joinq_free(load.q);
    return 0;
}
