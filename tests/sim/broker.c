/* SPDX-License-Identifier: Apache-2.0 */
/* The whole broker on a bad disk: clients ask at random, writes are torn, reordered and lost, syncs fail, the disk is full, the broker is
 * killed or loses its power at any instant and is started again; in the end all clients get their answers, everything is taken out,
 * and whatever was told must have been true. A seed replays exactly. */
/* proves: OUT-1 OUT-2 ONE-1 ONE-2 RST-2 CSV-1 END-1 JON-1 DCL-7 LSE-4 LSE-5 LSE-7 END-6 END-7 PRD-1 PRD-4 PUT-5 CNT-2 ADM-1 */
#include "broker.h"
#include "codes.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALM_STEPS = 20000, LONG_NS = 400000 * (uint64_t)MS /* more than any delay */ };
enum { COVERED = 1000 /* seeds by which everything has happened */ };

struct sim *sim_now;

void sim_fail(const char *format, ...)
{
    va_list arguments;
    printf("seed %" PRIu64 ": ", sim_now->seed);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\nto see it again: joinq-broker-sim --seed %" PRIu64 " --verbose\n", sim_now->seed);
    exit(1);
}

void sim_say(const char *format, ...)
{
    va_list arguments;
    if (!sim_now->verbose)
        return;
    printf("%" PRIu64 ".%03u ", sim_now->now / MS, (unsigned)(sim_now->now / 1000 % 1000));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

bool sim_chance(struct sim *sim, uint32_t percent)
{
    return random_chance(&sim->random, percent);
}

uint32_t sim_below(struct sim *sim, uint32_t below)
{
    return random_below(&sim->random, below);
}

/* ---- until there is nothing left to do ---- */

static bool is_still(const struct sim *sim)
{
    const struct turn *turn = &sim->server->turn;
    uint64_t next = run_next(sim);
    for (uint32_t c = 0; c < CLIENTS; c++)
        if (sim->clients[c].out.size > 0)
            return false;
    return next > sim->now && next - sim->now >= LONG_NS && !turn->full && !journal_backlog(turn->journal) &&
           !sim->server->holding;
}

static bool is_answered(const struct sim *sim)
{
    for (uint32_t i = 0; i < OPEN_MAX; i++)
        if (sim->clients[0].open[i].request && sim->clients[0].open[i].slot == SLOTS)
            return false;
    return true;
}

/* The disk is well, and time passes as far as somebody waits for it. */
static void settle_until(struct sim *sim, bool (*done)(const struct sim *sim))
{
    sim->disk.fault_percent = 0;
    sim->disk.capacity = UINT64_MAX;
    for (uint32_t i = 0; i < CALM_STEPS; i++) {
        journal_io_poll(&sim->disk.io);
        run_turn(sim);
        if (disk_step(&sim->disk))
            continue;
        if (done(sim))
            return;
        uint64_t next = run_next(sim);
        sim->now = next > sim->now && next - sim->now < LONG_NS ? next : sim->now + MS;
    }
    sim_fail("it never comes to rest");
}

static void settle(struct sim *sim)
{
    settle_until(sim, is_still);
}

/* ---- the end of a history ---- */

static void drain_queue(struct sim *sim, enum queue queue)
{
    struct client *client = &sim->clients[0];
    struct queue_told *told = &sim->queues[queue];
    told->empty = !told->incarnation;
    while (!told->empty) {
        ask_get(client, queue, HELD_MAX, 0, JQW_GET_FINAL, false);
        settle_until(sim, is_answered);
        while (client->held_count) {
            ask_done(client, 4);
            settle_until(sim, is_answered);
        }
        if (client->receipt)
            ask_receive(client);
    }
}

static bool slots_open(const struct sim *sim)
{
    for (uint32_t c = 0; c < CLIENTS; c++)
        for (uint32_t i = 0; i < SLOTS; i++)
            if (sim->clients[c].slots[i].open)
                return true;
    return false;
}

static void look_at_all(struct sim *sim)
{
    for (uint32_t q = 0; q < QUEUES; q++)
        if (sim->queues[q].incarnation)
            ask_simple(&sim->clients[0], JQW_STAT, q);
    settle(sim);
}

static void connect_all(struct sim *sim)
{
    for (uint32_t i = 0; i < CLIENTS; i++)
        client_connect(&sim->clients[i]);
    settle(sim);
}

/* Whatever comes after the last answer: it is closed, it ends, and after another loss of power it still does. */
static void check_end(struct sim *sim)
{
    struct jqw_stat before[QUEUES];
    for (uint32_t q = 0; q < QUEUES; q++)
        if (sim->queues[q].incarnation)
            ask_simple(&sim->clients[0], JQW_CLOSE, q);
    settle(sim);
    look_at_all(sim);
    memcpy(before, sim->stats, sizeof before);
    sim->now += 2 * SYNC_MS * (uint64_t)MS;
    settle(sim);
    run_stop(sim, sim_chance(sim, 50) ? STOP_POWER : STOP_KILL);
    run_start(sim);
    connect_all(sim);
    look_at_all(sim);
    for (uint32_t q = 0; q < QUEUES; q++) {
        const struct jqw_stat *now = &sim->stats[q], *was = &before[q];
        if (sim->queues[q].incarnation &&
            (now->put != was->put || now->done != was->done || now->closed != was->closed ||
             now->incarnation != was->incarnation || now->discarded != was->discarded))
            sim_fail("'%s' is not as it was", queue_text(q));
        sim->queues[q].empty = false;
        if (!sim->queues[q].incarnation)
            continue;
        uint64_t ended = sim->coverage.ended;
        ask_get(&sim->clients[0], q, 1, UINT64_MAX, JQW_GET_FINAL, false);
        ask_simple(&sim->clients[1], JQW_JOIN, q);
        settle(sim);
        if (sim->coverage.ended == ended)
            sim_fail("'%s' does not end", queue_text(q));
    }
}

static void end(struct sim *sim)
{
    settle(sim);
    connect_all(sim);
    sim->now += LONG_NS;
    settle(sim);
    sim->draining = true;
    do {
        for (uint32_t q = 0; q < QUEUES; q++)
            drain_queue(sim, q);
        settle(sim);
    } while (slots_open(sim) && sim->now < 100 * LONG_NS);
    if (slots_open(sim))
        sim_fail("a put is never answered");
    for (uint32_t q = 0; q < QUEUES; q++)
        drain_queue(sim, q);
    look_at_all(sim);
    all_check(sim);
    check_end(sim);
}

/* ---- a history ---- */

static void trouble(struct sim *sim)
{
    sim->disk.fault_percent = sim_chance(sim, 50) ? 0 : sim_below(sim, 30);
    sim->disk.capacity = sim_chance(sim, 70) ? UINT64_MAX : (uint64_t)(4 + sim_below(sim, 20)) * 16 * 1024;
    sim->disk.sync_ns = sim_chance(sim, 50) ? 0 : sim_below(sim, 20 * MS);
    sim_say("faults %u%%, capacity %" PRIu64, sim->disk.fault_percent, sim->disk.capacity);
}

static void stop_and_start(struct sim *sim, enum stop how)
{
    run_stop(sim, how);
    run_start(sim);
    for (uint32_t steps = sim_below(sim, 12); steps > 0; steps--) { /* perhaps again before it has got far */
        (void)disk_step(&sim->disk);
        journal_io_poll(&sim->disk.io);
        run_turn(sim);
    }
}

static void stop(struct sim *sim)
{
    do {
        uint32_t roll = sim_below(sim, 100);
        stop_and_start(sim, roll < 60 ? STOP_POWER : roll < 95 ? STOP_KILL : STOP_END);
    } while (sim_chance(sim, 30));
}

/* What a killed broker left in the page cache is all that the next one sees, and may then be gone. */
static void stop_twice(struct sim *sim)
{
    stop_and_start(sim, STOP_KILL);
    stop_and_start(sim, STOP_POWER);
}

static void act(struct sim *sim)
{
    struct client *client = &sim->clients[sim_below(sim, CLIENTS)];
    if (!client->connected && sim_chance(sim, 50))
        client_connect(client);
    else if (client->welcome && sim_chance(sim, 2))
        client_break(client);
    else if (client->welcome)
        ask_something(client);
}

static void step(struct sim *sim)
{
    uint32_t roll = sim_below(sim, 1000);
    if (sim->server->storage.needed.busy && roll < 10) /* one file takes the place of another */
        stop_twice(sim);
    else if (roll < 400)
        act(sim);
    else if (roll < 600)
        run_turn(sim);
    else if (roll < 780)
        (void)disk_step(&sim->disk);
    else if (roll < 900)
        journal_io_poll(&sim->disk.io);
    else if (roll < 970)
        sim->now += sim_below(sim, 5 * MS);
    else if (roll < 975)
        trouble(sim);
    else if (roll < 988)
        sim->now += 500 * (uint64_t)MS; /* a snapshot is looked for */
    else if (roll < 996)
        stop(sim);
}

static void begin(struct sim *sim)
{
    static const uint64_t residents[] = {0, 3000, 100000, UINT64_MAX};
    disk_init(&sim->disk, &sim->random);
    sim->now = 1000 * (uint64_t)MS;
    sim->wall = UINT64_C(1700000000000000000);
    sim->resident_max = residents[sim_below(sim, 4)];
    queues_choose(sim);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        sim->clients[i].sim = sim;
        sim->clients[i].number = (uint8_t)(i + 1);
    }
    run_start(sim);
    connect_all(sim);
    for (uint32_t i = 0; i < sim->played_count; i++)
        ask_declare(&sim->clients[0], sim->played[i]);
    settle(sim);
}

static void play(struct sim *sim, uint64_t seed)
{
    const struct sim before = {.verbose = sim->verbose, .coverage = sim->coverage};
    struct disk_coverage disk = sim->disk.coverage;
    *sim = before;
    sim->seed = seed;
    sim->random = (struct random){seed * UINT64_C(0x2545f4914f6cdd1d) + 11};
    begin(sim);
    sim->disk.coverage = disk;
    for (int i = 0; i < STEPS; i++)
        step(sim);
    end(sim);
    run_stop(sim, STOP_END);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        jqw_buffer_fini(&sim->clients[i].in);
        jqw_buffer_fini(&sim->clients[i].out);
    }
    disk_fini(&sim->disk);
}

static bool show(const char *name, uint64_t count)
{
    printf("%-16s %" PRIu64 "\n", name, count);
    return count > 0;
}

static bool coverage_show(const struct sim *sim)
{
    const struct disk_coverage *d = &sim->disk.coverage;
    bool all = show("requests", sim->coverage.requests) & show("answers", sim->coverage.answers) &
               show("delivered", sim->coverage.delivered) & show("sent again", sim->coverage.again) &
               show("forwards", sim->coverage.forwards) & show("joined", sim->coverage.joined) &
               show("ended", sim->coverage.ended) & show("closed", sim->coverage.closed) &
               show("deleted", sim->coverage.deleted) & show("purged", sim->coverage.purged) &
               show("letters", sim->coverage.letters) & show("finished", sim->coverage.finished) &
               show("whole streams", sim->coverage.streams) & show("truncated", sim->coverage.truncated) &
               show("reopened", sim->coverage.reopened) & show("ends put", sim->coverage.shots) &
               show("tasks", sim->coverage.tasks) & show("delayed", sim->coverage.delayed) &
               show("expired", sim->coverage.expired) & show("moved", sim->coverage.moved) &
               show("letters of letters", sim->coverage.letters_deep) &
               show("letters thrown", sim->coverage.letters_thrown);
    all &= show("power losses", sim->coverage.powers) & show("kills", sim->coverage.kills) &
           show("orderly ends", sim->coverage.ends) & show("snapshots", sim->coverage.snapshots) &
           show("released", sim->coverage.released) & show("read back", sim->coverage.loads) &
           show("unreadable", sim->coverage.unread) & show("lost within", sim->coverage.within_lost);
    all &= show("writes", d->writes) & show("failed writes", d->failed_writes) & show("syncs", d->syncs) &
           show("failed syncs", d->failed_syncs) & show("failed creates", d->failed_creates) & show("full", d->full) &
           show("torn writes", d->torn) & show("lost writes", d->lost) & show("lost entries", d->entries_lost);
    return all;
}

/* An assertion of the broker itself. */
static void on_trap(int number)
{
    char text[128];
    int size = snprintf(text, sizeof text, "the broker trapped: joinq-broker-sim --seed %" PRIu64 " --verbose\n",
                        sim_now->seed);
    signal(number, SIG_DFL);
    if (write(STDOUT_FILENO, text, (size_t)size) == size)
        raise(number);
}

static bool number(char **argv, int *at, int argc, const char *name, uint64_t *to)
{
    if (strcmp(argv[*at], name) != 0 || *at + 1 >= argc)
        return false;
    *to = strtoull(argv[++*at], NULL, 10);
    return true;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, seeds = 100, seed = 0;
    sim_now = calloc(1, sizeof *sim_now);
    JQ_ASSERT(sim_now);
    signal(SIGILL, on_trap);
    signal(SIGTRAP, on_trap);
    signal(SIGABRT, on_trap);
    signal(SIGSEGV, on_trap);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            sim_now->verbose = true;
        else if (!number(argv, &i, argc, "--seeds", &seeds) && !number(argv, &i, argc, "--first", &first) &&
                 !number(argv, &i, argc, "--seed", &seed)) {
            fprintf(stderr, "usage: joinq-broker-sim [--seeds N] [--first N] [--seed N] [--verbose]\n");
            return 2;
        }
    }
    first = seed ? seed : first;
    seeds = seed ? 1 : seeds;
    for (uint64_t s = first; s < first + seeds; s++)
        play(sim_now, s);
    bool all = coverage_show(sim_now);
    free(sim_now);
    bool enough = all || seeds < COVERED; /* of fewer it is too much to ask */
    if (!enough)
        printf("something above never happened\n");
    return !enough;
}
