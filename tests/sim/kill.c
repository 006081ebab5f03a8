/* SPDX-License-Identifier: Apache-2.0 */
/* The bar: join with workers killed at random instants returns with every message finished. No model here: producers put, workers take
 * and finish and die in between, somebody joins; in the end each message was finished exactly once, and join says so. */
/* proves: JON-2 LSE-1 */
#include "names.h"
#include "sim.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRODUCERS_MAX = 3,
    WORKERS_MAX = 5,
    TICKS_MAX = 200000,
    JOINER = 1,
    FIRST = 100, /* incarnation */
};

struct worker {
    uint64_t session;
    uint32_t request; /* that waits; 0: none */
    bool hangs, auto_;
    struct engine_range *held;
    size_t held_count;
    struct engine_range *sent; /* in the done that is not answered */
    size_t sent_count;
    uint32_t sent_request;
    uint64_t receipt;
};

struct producer {
    uint64_t session;
    uint32_t request, left;
    bool attached, finished;
};

struct round {
    struct random random;
    struct engine *engine;
    struct engine_effects effects;
    uint64_t now, session_next;
    uint32_t request_next, seq_body, total, batch;
    struct producer producers[PRODUCERS_MAX];
    uint32_t producer_count;
    struct worker workers[WORKERS_MAX];
    uint32_t worker_count;
    uint32_t join_request;
    bool joined;
    uint8_t *finished; /* times, by sequence */
    bool *maybe;       /* named in a done whose answer died with its worker */
    uint64_t done;     /* as stat says in the end */
    struct engine_body bodies[ENGINE_BATCH_MAX];
    struct engine_queue_options options;
    const char *wrong;
    bool verbose;
};

static struct engine_command command(struct round *round, enum engine_op op, uint64_t session)
{
    (void)round;
    return (struct engine_command){.op = op, .session = {session}, .queue = {.name = {"jobs", 4}}};
}

static void take(struct round *round);

static void give(struct round *round, const struct engine_command *commands, size_t count)
{
    size_t taken = 0;
    for (size_t i = 0; round->verbose && i < count; i++) {
        printf("%" PRIu64 " ", round->now);
        print_command(stdout, &commands[i]);
    }
    do {
        taken += engine_step(round->engine, round->now, commands + taken, count - taken, &round->effects);
        take(round);
    } while (taken < count);
}

/* ---- what the engine says ------------------------------------------------------------------------------------------ */

static struct worker *worker_of(struct round *round, uint64_t session)
{
    for (uint32_t i = 0; i < round->worker_count; i++)
        if (round->workers[i].session == session)
            return &round->workers[i];
    return NULL;
}

static bool is_lost(const struct engine_range *lost, uint32_t count, uint64_t seq, uint32_t attempt)
{
    for (uint32_t i = 0; i < count; i++)
        if (attempt == lost[i].attempt && seq >= lost[i].first && seq < lost[i].first + lost[i].count)
            return true;
    return false;
}

/* What was sent as done is finished, but for what was lost. */
static void confirm(struct round *round, struct worker *worker, uint32_t request, const struct engine_range *lost,
                    uint32_t count)
{
    if (request != worker->sent_request)
        return;
    for (size_t r = 0; r < worker->sent_count; r++)
        for (uint32_t i = 0; i < worker->sent[r].count; i++) {
            uint64_t seq = worker->sent[r].first + i;
            if (!is_lost(lost, count, seq, worker->sent[r].attempt))
                round->finished[seq]++;
        }
    worker->sent_count = 0;
}

static void got(struct round *round, const struct engine_effect *effect)
{
    struct worker *worker = worker_of(round, effect->session.value);
    if (!worker)
        return;
    confirm(round, worker, effect->request, effect->got.lost, effect->got.lost_count);
    worker->request = 0;
    for (uint32_t r = 0; r < effect->got.run_count && effect->code == JQ_OK; r++) {
        const struct engine_run *run = &effect->got.runs[r];
        worker->held = realloc(worker->held, (worker->held_count + 1) * sizeof *worker->held);
        JQ_ASSERT(worker->held);
        worker->held[worker->held_count++] =
            (struct engine_range){effect->incarnation, run->first, run->count, run->attempt};
    }
    worker->receipt = effect->got.receipt;
}

static void put_answered(struct round *round, const struct engine_effect *effect)
{
    for (uint32_t i = 0; i < round->producer_count; i++) {
        struct producer *producer = &round->producers[i];
        if (producer->session != effect->session.value || producer->request != effect->request)
            continue;
        producer->request = 0;
        if (effect->code != JQ_OK)
            round->wrong = "a producer was refused";
    }
}

static void joined(struct round *round, const struct engine_effect *effect)
{
    round->join_request = 0;
    round->joined = true;
    if (effect->code != JQ_OK || effect->joined.remaining)
        round->wrong = "join did not say that all is finished";
}

static void print(const struct engine_effect *effect)
{
    printf("    s%" PRIu64 " #%u %s %s\n", effect->session.value, effect->request, name_effect(effect->kind),
           jqw_code_name((int)effect->code));
}

static void take(struct round *round)
{
    for (uint32_t i = 0; i < round->effects.effect_count; i++) {
        const struct engine_effect *effect = &round->effects.effects[i];
        struct worker *worker = worker_of(round, effect->session.value);
        if (round->verbose)
            print(effect);
        if (effect->kind == ENGINE_GOT)
            got(round, effect);
        else if (effect->kind == ENGINE_SETTLED && worker)
            confirm(round, worker, effect->request, effect->settled.lost, effect->settled.lost_count);
        else if (effect->kind == ENGINE_JOINED)
            joined(round, effect);
        else if (effect->kind == ENGINE_STATS)
            round->done = effect->stats.item->done;
        else if (effect->kind == ENGINE_ANSWER && effect->request)
            put_answered(round, effect);
    }
    engine_effects_reset(&round->effects);
}

/* ---- what everybody does --------------------------------------------------------------------------------------------- */

static void produce(struct round *round, struct producer *producer)
{
    struct engine_command c = command(round, ENGINE_PUT, producer->session);
    if (producer->request || producer->finished)
        return;
    c.request = producer->request = round->request_next++;
    if (!producer->attached) {
        c.op = ENGINE_ATTACH;
        c.producer.name = (struct engine_text){&"abc"[producer - round->producers], 1};
        producer->attached = true;
        producer->request = 0; /* answered by an effect of its own kind */
    } else if (!producer->left) {
        c.op = ENGINE_FINISH;
        c.producer.name = (struct engine_text){&"abc"[producer - round->producers], 1};
        producer->finished = true;
    } else {
        c.put.count = random_between(&round->random, 1, round->batch);
        c.put.count = c.put.count < producer->left ? c.put.count : producer->left;
        c.put.timeout_ns = ENGINE_FOREVER;
        c.put.bodies = round->bodies;
        producer->left -= c.put.count;
    }
    give(round, &c, 1);
}

/* Sends some of what it holds as done: alone, or with the next get. */
static void finish_some(struct round *round, struct worker *worker, uint32_t request, struct engine_ranges *out)
{
    size_t count = random_chance(&round->random, 50) ? worker->held_count : worker->held_count / 2;
    uint32_t messages = 0;
    for (size_t i = 0; i < count; i++) {
        messages += worker->held[i].count;
        if (messages > ENGINE_SETTLE_MAX)
            count = i;
    }
    if (worker->sent_count || !count)
        return;
    worker->sent = realloc(worker->sent, count * sizeof *worker->sent);
    JQ_ASSERT(worker->sent);
    memcpy(worker->sent, worker->held, count * sizeof *worker->sent);
    memmove(worker->held, worker->held + count, (worker->held_count - count) * sizeof *worker->held);
    worker->held_count -= count;
    worker->sent_count = count;
    worker->sent_request = request;
    *out = (struct engine_ranges){worker->sent, (uint32_t)count};
}

/* On receipt: what was received is finished. */
static struct engine_command receive(struct round *round, struct worker *worker)
{
    struct engine_command c = command(round, ENGINE_RECEIVED, worker->session);
    c.receipt = worker->receipt;
    for (size_t r = 0; r < worker->held_count; r++)
        for (uint32_t i = 0; i < worker->held[r].count; i++)
            round->finished[worker->held[r].first + i]++;
    worker->held_count = 0;
    worker->receipt = 0;
    return c;
}

static struct engine_command act(struct round *round, struct worker *worker)
{
    if (worker->receipt)
        return receive(round, worker);
    struct engine_command c = command(round, ENGINE_GET, worker->session);
    c.request = round->request_next++;
    if (!worker->request && random_chance(&round->random, 60)) {
        finish_some(round, worker, c.request, &c.get.done);
        worker->request = c.request;
        c.get.max = random_between(&round->random, 1, round->batch);
        c.get.timeout_ns = worker->sent_count                  ? 0
                           : random_chance(&round->random, 70) ? ENGINE_FOREVER
                                                               : (uint64_t)SIM_MS;
        c.get.auto_ = worker->auto_ && !worker->held_count && !worker->sent_count;
        return c;
    }
    memset(&c.get, 0, sizeof c.get);
    c.op = worker->sent_count ? ENGINE_TOUCH : ENGINE_DONE;
    if (c.op == ENGINE_DONE)
        finish_some(round, worker, c.request, &c.settle.ranges);
    return c;
}

/* What a worker sent as done when slices were under way, and never heard of, may be finished or not. */
static void forget_sent(struct round *round, struct worker *worker)
{
    for (size_t r = 0; r < worker->sent_count; r++)
        for (uint32_t i = 0; i < worker->sent[r].count; i++)
            round->maybe[worker->sent[r].first + i] = true;
    worker->sent_count = 0;
}

/* Dies, in the same turn as its last words or not, and is replaced. */
static void die(struct round *round, struct worker *worker)
{
    struct engine_command commands[3];
    size_t count = 0;
    if (random_chance(&round->random, 40) && !worker->hangs)
        commands[count++] = act(round, worker);
    commands[count++] = command(round, ENGINE_SESSION_END, worker->session);
    uint64_t next = round->session_next++;
    commands[count++] = command(round, ENGINE_SESSION_OPEN, next);
    give(round, commands, count);
    forget_sent(round, worker);
    worker->session = next;
    worker->request = 0;
    worker->held_count = 0;
    worker->receipt = 0;
    worker->hangs = round->options.lease_ms && random_chance(&round->random, 20);
    worker->auto_ = random_chance(&round->random, 20);
}

static void work(struct round *round, struct worker *worker)
{
    if (random_chance(&round->random, 8)) {
        die(round, worker);
        return;
    }
    bool stuck = worker->hangs && worker->held_count;
    if (stuck)
        return;
    struct engine_command c = act(round, worker);
    give(round, &c, 1);
    if (c.op == ENGINE_GET && worker->request == c.request &&
        !engine_waits(round->engine, (struct engine_session_id){worker->session}, c.request) &&
        engine_next(round->engine) != 0)
        round->wrong = "a get got no answer";
}

static void join(struct round *round)
{
    struct engine_command c = command(round, ENGINE_JOIN, JOINER);
    round->joined = false;
    c.request = round->join_request = round->request_next++;
    c.join.timeout_ns = ENGINE_FOREVER;
    give(round, &c, 1);
}

/* ---- a round ------------------------------------------------------------------------------------------------------- */

static void begin(struct round *round)
{
    struct random *random = &round->random;
    bool big = random_chance(random, 3);
    struct engine_config config = {.incarnation_first = FIRST, .waiting_max = 100, .waiting_bytes_max = 1000000};
    round->engine = engine_new(&config);
    JQ_ASSERT(round->engine && engine_effects_init(&round->effects) == JQ_OK);
    round->session_next = JOINER;
    round->request_next = 1;
    round->batch = big ? ENGINE_BATCH_MAX : random_between(random, 1, 8);
    round->producer_count = random_between(random, 1, PRODUCERS_MAX);
    round->worker_count = random_between(random, 1, WORKERS_MAX);
    round->options = (struct engine_queue_options){
        .max_messages = big || random_chance(random, 30) ? 0 : random_between(random, round->batch, 30),
        .bound = random_chance(random, 40) ? ENGINE_BOUND_OUTSTANDING : ENGINE_BOUND_QUEUED,
        .lease_ms = random_chance(random, 40) ? random_between(random, 1, 30) : 0,
        .producers = random_chance(random, 50) ? round->producer_count : 0,
    };
    struct engine_command commands[2 + PRODUCERS_MAX + WORKERS_MAX];
    size_t count = 0;
    commands[count++] = command(round, ENGINE_SESSION_OPEN, round->session_next++);
    for (uint32_t i = 0; i < round->producer_count; i++) {
        round->producers[i].session = round->session_next++;
        round->producers[i].left = random_between(random, 1, big ? 4000 : 60);
        round->total += round->producers[i].left;
        commands[count++] = command(round, ENGINE_SESSION_OPEN, round->producers[i].session);
    }
    for (uint32_t i = 0; i < round->worker_count; i++) {
        round->workers[i].session = round->session_next++;
        commands[count++] = command(round, ENGINE_SESSION_OPEN, round->workers[i].session);
    }
    commands[count] = command(round, ENGINE_DECLARE, JOINER);
    commands[count].declare.options = round->options;
    commands[count++].request = round->request_next++;
    round->finished = calloc(round->total + 1, 1);
    round->maybe = calloc(round->total + 1, sizeof *round->maybe);
    JQ_ASSERT(round->finished && round->maybe);
    give(round, commands, count);
}

static bool all_put(const struct round *round)
{
    for (uint32_t i = 0; i < round->producer_count; i++)
        if (!round->producers[i].finished || round->producers[i].request)
            return false;
    return true;
}

static void tick(struct round *round)
{
    uint32_t who = random_below(&round->random, round->producer_count + round->worker_count);
    uint64_t next = engine_next(round->engine);
    if (random_chance(&round->random, 30))
        round->now += random_below(&round->random, 2 * SIM_MS);
    if (next != ENGINE_FOREVER && next > round->now && random_chance(&round->random, 10))
        round->now = next;
    if (!next || random_chance(&round->random, 10))
        give(round, NULL, 0);
    if (who < round->producer_count)
        produce(round, &round->producers[who]);
    else
        work(round, &round->workers[who - round->producer_count]);
}

/* Plays until a join that was asked after the last put has returned. */
static void run(struct round *round)
{
    bool last = false;
    join(round);
    for (uint32_t ticks = 0; !round->wrong; ticks++) {
        tick(round);
        if (round->joined && last)
            return;
        last |= all_put(round) && round->joined;
        if (round->joined)
            join(round);
        if (round->joined && last)
            return;
        if (ticks == TICKS_MAX)
            round->wrong = "join does not return";
    }
}

static void ask_stat(struct round *round)
{
    struct engine_command c = command(round, ENGINE_STAT, JOINER);
    while (engine_next(round->engine) == 0)
        give(round, NULL, 0);
    c.request = round->request_next++;
    give(round, &c, 1);
}

static void check(struct round *round)
{
    ask_stat(round);
    for (uint32_t i = 1; i <= round->total && !round->wrong; i++) {
        if (round->verbose && round->finished[i] != 1)
            printf("message %u was finished %u times\n", i, round->finished[i]);
        if (round->finished[i] > 1)
            round->wrong = "a message was finished twice";
        if (!round->finished[i] && !round->maybe[i])
            round->wrong = "join returned before a message was finished";
    }
    if (round->done != round->total && !round->wrong)
        round->wrong = "not every message was finished";
    engine_check(round->engine);
}

static void end(struct round *round)
{
    engine_free(round->engine);
    engine_effects_fini(&round->effects);
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        free(round->workers[i].held);
        free(round->workers[i].sent);
    }
    free(round->finished);
    free(round->maybe);
}

bool kill_rounds(uint32_t rounds, uint64_t first, bool verbose)
{
    uint64_t messages = 0, sessions = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        struct round round = {.random = {(first + i) * UINT64_C(0x9e3779b97f4a7c15)}, .verbose = verbose};
        begin(&round);
        run(&round);
        if (!round.wrong)
            check(&round);
        messages += round.total;
        sessions += round.session_next;
        end(&round);
        if (!round.wrong)
            continue;
        printf("round %" PRIu64 ": %s\n  replay:   joinq-sim --kill-rounds 1 --first %" PRIu64 " --verbose\n",
               first + i, round.wrong, first + i);
        return false;
    }
    printf("%u rounds, %" PRIu64 " messages, %" PRIu64 " sessions: every join returned with every message finished\n",
           rounds, messages, sessions);
    return true;
}
