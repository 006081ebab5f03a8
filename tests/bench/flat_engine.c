/* SPDX-License-Identifier: Apache-2.0 */
/* Drives the engine alone, so that the instructions of put, get and done can be counted: all that is counted happens in measured().
 * `flat` runs it under callgrind with little and with much in the way, and compares. */
#include "engine.h"
#include "tool.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OWN = 1, FIRST_WAITER = 2, BATCH = ENGINE_BATCH_MAX, ENDED = 3 * ENGINE_BATCH_MAX };

struct world {
    struct engine *engine;
    struct engine_effects effects;
    uint64_t now;
    uint32_t request;
    struct engine_body bodies[BATCH];
    /* of the last delivery */
    uint64_t session;
    struct engine_range got;
};

static void effects_look(struct world *w)
{
    for (uint32_t i = 0; i < w->effects.effect_count; i++) {
        const struct engine_effect *effect = &w->effects.effects[i];
        if (effect->code != JQ_OK)
            die("an answer that is not OK: %d", (int)effect->code);
        if (effect->kind == ENGINE_GOT) {
            const struct engine_run *run = &effect->got.runs[0];
            w->session = effect->session.value;
            w->got = (struct engine_range){effect->incarnation, run->first, run->count, run->attempt};
        }
    }
    engine_effects_reset(&w->effects);
}

/* One step, with one command or (NULL) with none. */
static void step(struct world *w, const struct engine_command *command)
{
    w->now += 1000;
    size_t count = command ? 1 : 0;
    if (engine_step(w->engine, w->now, command, count, &w->effects) != count)
        die("a step without room for its effects");
    effects_look(w);
}

static struct engine_command command(struct world *w, enum engine_op op, uint64_t session, const char *queue)
{
    return (struct engine_command){
        .op = op, .session = {session}, .request = ++w->request, .queue = {.name = {queue, (uint32_t)strlen(queue)}}};
}

static void put(struct world *w, const char *queue, uint32_t count)
{
    struct engine_command c = command(w, ENGINE_PUT, OWN, queue);
    c.put.bodies = w->bodies;
    c.put.count = count;
    c.put.timeout_ns = ENGINE_FOREVER;
    step(w, &c);
}

/* A get that finishes what the last one brought, or nothing. */
static void get(struct world *w, const char *queue, uint64_t session, uint32_t max, bool finish)
{
    struct engine_command c = command(w, ENGINE_GET, session, queue);
    const struct engine_range range = w->got;
    c.get.max = max;
    c.get.timeout_ns = ENGINE_FOREVER;
    if (finish) {
        c.get.done.item = &range;
        c.get.done.count = 1;
    }
    step(w, &c);
}

static void done(struct world *w)
{
    struct engine_command c = command(w, ENGINE_DONE, w->session, "");
    const struct engine_range range = w->got;
    c.settle.ranges.item = &range;
    c.settle.ranges.count = 1;
    step(w, &c);
}

static void session_open(struct world *w, uint64_t session)
{
    struct engine_command c = {.op = ENGINE_SESSION_OPEN, .session = {session}};
    step(w, &c);
}

static void fill(struct world *w, const char *queue, uint64_t count)
{
    for (; count > BATCH; count -= BATCH)
        put(w, queue, BATCH);
    if (count > 0)
        put(w, queue, (uint32_t)count);
}

/* ---- scenarios: what is there before, and one round --------------------------------------------------------------------- */

struct scenario {
    const char *name;
    void (*prepare)(struct world *w, uint64_t size);
    void (*round)(struct world *w, uint64_t size, uint64_t number);
};

static void prepare_queued(struct world *w, uint64_t size)
{
    fill(w, "queue", size);
}

static void round_queued(struct world *w, uint64_t size, uint64_t number)
{
    (void)size, (void)number;
    put(w, "queue", 1);
    get(w, "queue", OWN, 1, false);
    done(w);
}

/* So many clients wait for the queue; whoever is served waits again, behind the others. */
static void prepare_waiting(struct world *w, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        session_open(w, FIRST_WAITER + i);
        get(w, "queue", FIRST_WAITER + i, 1, false);
    }
}

static void round_waiting(struct world *w, uint64_t size, uint64_t number)
{
    (void)size, (void)number;
    put(w, "queue", 1);
    get(w, "queue", w->session, 1, true);
}

static const char *queue_name(uint64_t number)
{
    static char name[32];
    snprintf(name, sizeof name, "queue-%05" PRIu64, number);
    return name;
}

static void round_queues(struct world *w, uint64_t size, uint64_t number)
{
    const char *name = queue_name(number * 7919 % size);
    put(w, name, 1);
    get(w, name, OWN, 1, false);
    done(w);
}

static void prepare_queues(struct world *w, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        round_queues(w, size, i);
}

/* A session with so many leases has just ended, and they go back in slices; or (size 0) has not. */
static void prepare_ending(struct world *w, uint64_t size)
{
    struct engine_command end = {.op = ENGINE_SESSION_END, .session = {FIRST_WAITER}};
    round_queued(w, 0, 0);
    session_open(w, FIRST_WAITER);
    fill(w, "leased", size);
    for (uint64_t i = 0; i < size; i += BATCH)
        get(w, "leased", FIRST_WAITER, BATCH, false);
    step(w, &end);
}

/* The same steps without commands: what the slices alone take. */
static void round_idle(struct world *w, uint64_t size, uint64_t number)
{
    (void)size, (void)number;
    for (int i = 0; i < 3; i++)
        step(w, NULL);
}

/* A closed queue whose last messages are being finished one by one, while so many gets wait for its end. */
static void prepare_ended(struct world *w, uint64_t size)
{
    fill(w, "queue", ENDED);
    for (int i = 0; i < ENDED; i += BATCH)
        get(w, "queue", OWN, BATCH, false);
    for (uint64_t i = 0; i < size; i++) {
        session_open(w, FIRST_WAITER + i);
        struct engine_command c = command(w, ENGINE_GET, FIRST_WAITER + i, "queue");
        c.get.max = 1;
        c.get.timeout_ns = ENGINE_FOREVER;
        c.get.final = true;
        step(w, &c);
    }
    struct engine_command close = command(w, ENGINE_CLOSE, OWN, "queue");
    step(w, &close);
}

static void round_ended(struct world *w, uint64_t size, uint64_t number)
{
    (void)size;
    w->got.first = number + 1;
    w->got.count = 1;
    done(w);
}

/* A durable queue with so many delayed messages; a round is a slice of a snapshot. */
static void prepare_snapshot(struct world *w, uint64_t size)
{
    struct engine_command c = command(w, ENGINE_DECLARE, OWN, "queue");
    c.declare.options.durable = true;
    step(w, &c);
    for (uint64_t left = size; left > 0; left -= c.put.count) {
        c = command(w, ENGINE_PUT, OWN, "queue");
        c.put.bodies = w->bodies;
        c.put.count = left < BATCH ? (uint32_t)left : BATCH;
        c.put.options.delay_ns = 1000000000000 + left % 1000 * 1000000;
        step(w, &c);
    }
}

static void round_snapshot(struct world *w, uint64_t size, uint64_t number)
{
    (void)size, (void)number;
    const struct engine_command c = {.op = ENGINE_SNAPSHOT, .snapshot_max = ENGINE_SLICE};
    step(w, &c);
}

static const struct scenario scenarios[] = {
    {"queued", prepare_queued, round_queued},       {"waiting", prepare_waiting, round_waiting},
    {"queues", prepare_queues, round_queues},       {"ending", prepare_ending, round_queued},
    {"ending-idle", prepare_ending, round_idle},    {"ended", prepare_ended, round_ended},
    {"snapshot", prepare_snapshot, round_snapshot},
};

__attribute__((noinline)) static void measured(struct world *w, const struct scenario *s, uint64_t size,
                                               uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; i++)
        s->round(w, size, i);
}

static const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    die("no scenario '%s'", name);
}

/* No step handles more than a slice; and the rounds were over before the slices were. */
/* proves: BLK-1 */
static void slices_check(const struct world *w, uint64_t size)
{
    struct engine_totals totals;
    engine_totals(w->engine, &totals);
    printf("slice_max %" PRIu64 "\nsliced %" PRIu64 "\n", totals.slice_max, totals.sliced);
    if (totals.slice_max > ENGINE_SLICE)
        die("a step handled %" PRIu64 " messages", totals.slice_max);
    if (size > 0 && (totals.sliced == 0 || totals.sliced >= size))
        die("%" PRIu64 " of %" PRIu64 " messages handled while it was measured", totals.sliced, size);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        die("usage: flat-engine queued|waiting|queues|ending|ending-idle|ended|snapshot SIZE ROUNDS");
    const struct scenario *s = scenario_find(argv[1]);
    uint64_t size = number_of(argv[2]), rounds = number_of(argv[3]);
    const struct engine_config config = {.incarnation_first = 1, .waiting_max = 1000, .waiting_bytes_max = UINT64_MAX};
    struct world *w = allocate(sizeof *w);
    w->engine = engine_new(&config);
    if (!w->engine || engine_effects_init(&w->effects) != JQ_OK)
        die("no memory");
    for (int i = 0; i < BATCH; i++)
        w->bodies[i] = (struct engine_body){.chunk = 1, .offset = (uint32_t)i * 102, .length = 100};
    session_open(w, OWN);
    s->prepare(w, size);
    measured(w, s, size, rounds);
    if (s->prepare == prepare_ending)
        slices_check(w, size);
    engine_effects_fini(&w->effects);
    engine_free(w->engine);
    free(w);
    return 0;
}
