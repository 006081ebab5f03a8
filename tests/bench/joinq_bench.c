/* SPDX-License-Identifier: Apache-2.0 */
/* The load that tests/bench/run puts on a broker, over joinq.h and nothing else. One process, one role; each verifies what it gets and
 * counts exactly. Times are of the monotonic clock, so that those of two processes can be compared. */
#include "body.h"
#include "joinq.h"
#include "tool.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 1000, GROUP_MAX = JOINQ_BATCH_MAX };

struct arguments {
    const char *url, *queue;
    uint64_t first;   /* sequence number of the first message */
    uint64_t count;   /* messages, connections */
    uint64_t size;    /* bytes of a body */
    uint64_t group;   /* messages in a put */
    uint64_t bound;   /* of the queue; producers with none leave it as it is */
    uint64_t sources; /* producers that are to finish it */
    bool durable;
};

static void check(joinq *q, int code, const char *what)
{
    if (code != JOINQ_OK)
        die("%s: %s: %s", what, joinq_code_name(code), joinq_error(q));
}

static joinq *bench_connect(const struct arguments *a)
{
    joinq *q;
    char error[512];
    if (joinq_connect_error(&q, a->url, NULL, error, sizeof error) != JOINQ_OK)
        die("%s", error);
    return q;
}

/* ---- putting --------------------------------------------------------------------------------------------------------- */

struct producer {
    joinq *q;
    const struct arguments *a;
    struct body_pattern pattern;
    struct joinq_body bodies[GROUP_MAX];
    uint8_t bytes[GROUP_MAX * BODY_SIZE_MAX];
    uint64_t sent, answered;
};

/* The next messages, as many as a group has or there are left; returns how many. */
static uint64_t group_make(struct producer *p)
{
    uint64_t left = p->a->count - p->sent, count = left < p->a->group ? left : p->a->group;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *body = p->bytes + i * p->a->size;
        body_write(&p->pattern, p->a->first + p->sent + i, body, p->a->size);
        p->bodies[i] = (struct joinq_body){body, p->a->size};
    }
    p->sent += count;
    return count;
}

static void group_submit(struct producer *p)
{
    uint64_t count = group_make(p);
    joinq_ticket ticket;
    check(p->q, joinq_submit_put(p->q, p->a->queue, p->bodies, count, NULL, &ticket), "put");
}

static void answer_wait(struct producer *p)
{
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    check(p->q, joinq_wait(p->q, 0, JOINQ_FOREVER, &outcome), "wait");
    check(p->q, outcome.code, "put");
    p->answered += outcome.count;
}

static struct producer *producer_new(const struct arguments *a)
{
    struct producer *p = allocate(sizeof *p);
    p->a = a;
    p->q = bench_connect(a);
    body_pattern_init(&p->pattern);
    return p;
}

static void producer_declare(struct producer *p)
{
    struct joinq_queue_options options = JOINQ_QUEUE_OPTIONS_INIT;
    options.max_messages = p->a->bound;
    options.producers = p->a->sources;
    options.durable = p->a->durable;
    check(p->q, joinq_declare(p->q, p->a->queue, &options), "declare");
}

static void producer_pipelined(struct producer *p)
{
    while (p->answered < p->a->count) {
        while (p->sent < p->a->count && p->sent + p->a->group - p->answered <= WINDOW)
            group_submit(p);
        answer_wait(p);
    }
}

static void producer_lockstep(struct producer *p)
{
    for (; p->answered < p->a->count; p->answered++) {
        group_make(p);
        check(p->q, joinq_put(p->q, p->a->queue, p->bodies[0].data, p->bodies[0].size, JOINQ_FOREVER), "put");
    }
}

static void produce(const struct arguments *a)
{
    struct producer *p = producer_new(a);
    producer_declare(p);
    char name[32];
    snprintf(name, sizeof name, "from-%" PRIu64, a->first);
    if (a->sources > 0)
        check(p->q, joinq_attach(p->q, a->queue, name, 0, NULL), "attach");
    wait_for_start();
    uint64_t start = clock_ns();
    if (a->group == 1)
        producer_lockstep(p);
    else
        producer_pipelined(p);
    if (a->sources > 0)
        check(p->q, joinq_finish(p->q, a->queue, name), "finish");
    printf("started %" PRIu64 "\nfilled %" PRIu64 "\n", start, clock_ns());
    joinq_free(p->q);
    free(p);
}

/* ---- getting --------------------------------------------------------------------------------------------------------- */

struct consumer {
    joinq *q;
    const struct arguments *a;
    struct body_pattern pattern;
    uint64_t verified;
    uint64_t sum; /* of the sequence numbers */
};

static void batch_verify(struct consumer *c, const struct joinq_batch *batch)
{
    size_t count = joinq_batch_count(batch);
    const struct joinq_message *message = joinq_batch_message(batch, 0);
    bool ordered = c->a->sources == 0;
    for (size_t i = 0; i < count; i++, message++) {
        if (message->size != c->a->size || !body_verify(&c->pattern, message->data, message->size))
            die("a message of %zu bytes that nobody sent", message->size);
        uint64_t sequence = body_sequence(message->data);
        if (ordered && sequence != c->a->first + c->verified + i)
            die("message %" PRIu64 " where %" PRIu64 " was to come", sequence, c->a->first + c->verified + i);
        c->sum += sequence;
    }
    c->verified += count;
}

/* Takes until so many have come, or (from several producers) the end; each get carries the dones of the one before. */
static void consumer_run(struct consumer *c)
{
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    options.max = c->a->group;
    int code = JOINQ_OK;
    while (c->a->sources > 0 || c->verified < c->a->count) {
        struct joinq_batch *batch, *before = options.done;
        code = joinq_get_many(c->q, c->a->queue, &options, &batch);
        joinq_batch_free(before);
        options.done = NULL;
        if (code == JOINQ_END && c->a->sources > 0)
            break;
        check(c->q, code, "get");
        batch_verify(c, batch);
        options.done = batch;
    }
    if (options.done)
        check(c->q, joinq_done(c->q, options.done, 0, joinq_batch_count(options.done)), "done");
    joinq_batch_free(options.done);
}

/* One at a time, each finished before the next is asked for. */
static void consumer_lockstep(struct consumer *c)
{
    while (c->verified < c->a->count) {
        struct joinq_batch *batch;
        check(c->q, joinq_get(c->q, c->a->queue, JOINQ_FOREVER, &batch), "get");
        batch_verify(c, batch);
        check(c->q, joinq_done(c->q, batch, 0, 1), "done");
        joinq_batch_free(batch);
    }
}

/* Nothing is left, and the broker too counts what was counted here (and before the first). */
static void broker_counts(struct consumer *c)
{
    struct joinq_stats *stats;
    check(c->q, joinq_stat(c->q, c->a->queue, &stats), "stat");
    const struct joinq_stat *stat = joinq_stats_at(stats, 0);
    if (stat->done != c->a->first + c->verified || stat->unfinished != 0)
        die("the broker counts %" PRIu64 " done and %" PRIu64 " unfinished", stat->done, stat->unfinished);
    joinq_stats_free(stats);
}

static void consume(const struct arguments *a)
{
    struct consumer *c = allocate(sizeof *c);
    c->a = a;
    c->q = bench_connect(a);
    body_pattern_init(&c->pattern);
    wait_for_start();
    if (a->group == 1)
        consumer_lockstep(c);
    else
        consumer_run(c);
    uint64_t end = clock_ns();
    if (a->sources == 0)
        broker_counts(c);
    printf("ended %" PRIu64 "\nverified %" PRIu64 "\nsum %" PRIu64 "\n", end, c->verified, c->sum);
    joinq_free(c->q);
    free(c);
}

/* ---- kept ------------------------------------------------------------------------------------------------------------- */

/* After a restart all are there, and the first of them are whole. */
static void look_at_kept(const struct arguments *a)
{
    struct consumer *c = allocate(sizeof *c);
    struct joinq_stats *stats;
    struct joinq_batch *batch;
    c->a = a;
    c->q = bench_connect(a);
    body_pattern_init(&c->pattern);
    wait_for_start();
    check(c->q, joinq_stat(c->q, a->queue, &stats), "stat");
    uint64_t ready = joinq_stats_at(stats, 0)->ready;
    joinq_stats_free(stats);
    check(c->q, joinq_peek(c->q, a->queue, a->group, &batch), "peek");
    batch_verify(c, batch);
    joinq_batch_free(batch);
    printf("ready %" PRIu64 "\nverified %" PRIu64 "\n", ready, c->verified);
    joinq_free(c->q);
    free(c);
}

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

/* So many connections, each with a get that waits, until told to go on; then each gets its message. */
static void wait_in_get(const struct arguments *a)
{
    joinq **all = allocate(a->count * sizeof(joinq *));
    for (uint64_t i = 0; i < a->count; i++) {
        joinq_ticket ticket;
        all[i] = bench_connect(a);
        check(all[i], joinq_submit_get(all[i], a->queue, NULL, &ticket), "get");
        check(all[i], joinq_flush(all[i]), "get");
    }
    wait_for_start();
    uint64_t sum = 0;
    for (uint64_t i = 0; i < a->count; i++) {
        struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
        check(all[i], joinq_wait(all[i], 0, JOINQ_FOREVER, &outcome), "wait");
        check(all[i], outcome.code, "get");
        sum += body_sequence(joinq_batch_message(outcome.batch, 0)->data);
        joinq_batch_free(outcome.batch);
        joinq_free(all[i]);
    }
    free(all);
    printf("verified %" PRIu64 "\nsum %" PRIu64 "\n", a->count, sum);
}

int main(int argc, char **argv)
{
    if (argc != 10) {
        fputs("usage: joinq-bench produce|keep|kept|consume|wait URL QUEUE FIRST COUNT SIZE GROUP BOUND SOURCES\n",
              stderr);
        return 2;
    }
    struct arguments a = {argv[2],
                          argv[3],
                          number_of(argv[4]),
                          number_of(argv[5]),
                          number_of(argv[6]),
                          number_of(argv[7]),
                          number_of(argv[8]),
                          number_of(argv[9]),
                          false};
    if (a.size < BODY_SIZE_MIN || a.size > BODY_SIZE_MAX || a.group < 1 || a.group > GROUP_MAX)
        die("sizes are %d to %d, groups 1 to %d", BODY_SIZE_MIN, BODY_SIZE_MAX, GROUP_MAX);
    a.durable = strcmp(argv[1], "keep") == 0;
    if (a.durable || strcmp(argv[1], "produce") == 0)
        produce(&a);
    else if (strcmp(argv[1], "consume") == 0)
        consume(&a);
    else if (strcmp(argv[1], "kept") == 0)
        look_at_kept(&a);
    else if (strcmp(argv[1], "wait") == 0)
        wait_in_get(&a);
    else
        die("no role '%s'", argv[1]);
    return 0;
}
