/* SPDX-License-Identifier: Apache-2.0 */
/* The load of the crash test: crash_load URL FOLDER SEED. Every client is a thread with a handle of its own; all go on,
 * whatever becomes of their broker, until standard input ends; then until the queues have ended. */
#include "crash_load.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct role roles[] = {
    {"p1", "work", NULL, run_producer},  {"p2", "work", NULL, run_producer}, {"p3", "work", NULL, run_producer},
    {"a1", "in", NULL, run_producer},    {"a2", "in", NULL, run_producer},   {"k1", "count", NULL, run_producer},
    {"k2", "count", NULL, run_producer}, {"w1", "work", NULL, run_consumer}, {"w2", "work", NULL, run_consumer},
    {"w3", "work", NULL, run_consumer},  {"f1", "in", "out", run_forwarder}, {"f2", "in", "out", run_forwarder},
    {"d1", "out", NULL, run_consumer},   {"d2", "out", NULL, run_consumer},  {"c1", "count", NULL, run_counter},
    {"c2", "count", NULL, run_counter},  {"m1", "side", "pool", run_mover},  {"g1", "loose", "side", run_forgetful},
    {"s1", "small-1", NULL, run_owner},  {"s2", "small-2", NULL, run_owner},
};
enum { ROLES = sizeof roles / sizeof *roles };

static const struct role joiner = {"j1", NULL, NULL, run_joiner};

static atomic_bool told_enough;

bool enough(void)
{
    return atomic_load(&told_enough);
}

static void await_enough(void)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    atomic_store(&told_enough, true);
}

struct running {
    pthread_t thread;
    struct client client;
    const struct load *load;
    const struct role *role;
};

static void *run(void *user)
{
    struct running *running = user;
    client_open(&running->client, running->load, running->role->name);
    running->role->run(&running->client, running->role);
    client_close(&running->client);
    return NULL;
}

static void start(struct running *running, const struct load *load, const struct role *role)
{
    running->load = load;
    running->role = role;
    if (pthread_create(&running->thread, NULL, run, running) != 0)
        abort();
}

/* ---- the queues ---- */

static void declare(struct client *client, const char *queue, uint64_t producers, uint64_t max,
                    const struct joinq_queue_options *like)
{
    struct joinq_queue_options options = *like;
    options.durable = true;
    options.producers = producers;
    options.max_messages = max;
    int code;
    while (refused(code = joinq_declare(client->q, queue, &options)))
        continue;
    if (code != JOINQ_OK)
        wrong(client, queue, code);
}

static void declare_all(struct client *client)
{
    struct joinq_queue_options plain = JOINQ_QUEUE_OPTIONS_INIT, work = plain, counter = plain, out = plain;
    declare(client, "grave", 0, 0, &plain);
    work.order = (enum joinq_order)client->load->order;
    work.dead_letter = "grave";
    work.max_deliveries = 2;
    declare(client, "work", 3, 60 + pick(client, 100), &work);
    declare(client, "in", 2, 30 + pick(client, 50), &plain);
    out.bound = pick(client, 2) ? JOINQ_BOUND_OUTSTANDING : JOINQ_BOUND_QUEUED;
    declare(client, "out", 2, 20 + pick(client, 30), &out);
    declare(client, "side", 0, 0, &plain);
    declare(client, "pool", 0, 0, &plain);
    counter.accounting = JOINQ_ACCOUNTING_COUNTER;
    declare(client, "count", 2, 20 + pick(client, 30), &counter);
}

/* What has no producers of its own ends when all else has. */
static void drain(struct client *client, const char *queue)
{
    const struct role role = {"main", queue, NULL, run_consumer};
    int code;
    while (refused(code = joinq_close(client->q, queue, false, false, NULL)))
        continue;
    if (code != JOINQ_OK)
        wrong(client, "close", code);
    run_consumer(client, &role);
}

static void join_all(struct client *client)
{
    static const char *const queues[] = {"work", "in", "out", "count", "grave", "side", "pool"};
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        ask(client);
        int code;
        while (refused(code = joinq_join(client->q, queues[i], JOINQ_FOREVER, NULL)))
            continue;
        if (code != JOINQ_OK)
            wrong(client, "the last join", code);
        told(client, "joined %s all", queues[i]);
    }
}

static void play(const struct load *load)
{
    static struct running running[ROLES], joining;
    struct client client;
    client_open(&client, load, "main");
    declare_all(&client);
    start(&joining, load, &joiner);
    for (size_t i = 0; i < ROLES; i++)
        start(&running[i], load, &roles[i]);
    await_enough();
    for (size_t i = 0; i < ROLES; i++)
        pthread_join(running[i].thread, NULL);
    drain(&client, "grave");
    drain(&client, "side");
    drain(&client, "pool");
    joiner_stop();
    pthread_join(joining.thread, NULL);
    join_all(&client);
    client_close(&client);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: crash_load URL FOLDER SEED\n", stderr);
        return 2;
    }
    struct load load = {.url = argv[1], .folder = argv[2], .seed = strtoull(argv[3], NULL, 10)};
    load.order = load.seed % 3;
    load.big = load.seed % 5 == 0;
    play(&load);
    return 0;
}
