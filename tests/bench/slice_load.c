/* SPDX-License-Identifier: Apache-2.0 */
/* Producers in slices, over joinq.h and nothing else: one that pipelines groups, or several of which each waits for its answer. Behind each
 * slice the broker must count what was counted here; then the queue is emptied. */
#include "body.h"
#include "joinq.h"
#include "slices.h"
#include "tool.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { GROUP = 250, UNANSWERED_GROUPS = 16, BODY = 100, PRODUCERS_MAX = 64 };

struct producer {
    joinq *q;
    uint64_t since_ns; /* of the request that is on its way */
};

struct load {
    const char *queue;
    struct producer producers[PRODUCERS_MAX];
    uint64_t count; /* producers */
    uint64_t put;   /* messages so far */
    struct body_pattern pattern;
    uint8_t bytes[GROUP * BODY];
    struct joinq_body bodies[GROUP];
    struct slice slice;
};

static void check(joinq *q, int code, const char *what)
{
    if (code != JOINQ_OK)
        die("%s: %s: %s", what, joinq_code_name(code), joinq_error(q));
}

static void load_connect(struct load *load, const char *url, bool durable)
{
    struct joinq_queue_options options = JOINQ_QUEUE_OPTIONS_INIT;
    char error[512];
    options.durable = durable;
    for (uint64_t i = 0; i < load->count; i++) {
        struct producer *p = &load->producers[i];
        if (joinq_connect_error(&p->q, url, NULL, error, sizeof error) != JOINQ_OK)
            die("%s", error);
        check(p->q, joinq_declare(p->q, load->queue, &options), "declare");
    }
}

static void submit(struct load *load, struct producer *p, uint64_t count, uint64_t now)
{
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *body = load->bytes + i * BODY;
        body_write(&load->pattern, load->put + i, body, BODY);
        load->bodies[i] = (struct joinq_body){body, BODY};
    }
    joinq_ticket ticket;
    check(p->q, joinq_submit_put(p->q, load->queue, load->bodies, count, NULL, &ticket), "put");
    load->put += count;
    p->since_ns = now;
}

/* False: no answer has come (where it was told not to wait for one). */
static bool answered(struct producer *p, uint64_t count, int64_t timeout_ms)
{
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    int code = joinq_wait(p->q, 0, timeout_ms, &outcome);
    if (code == JOINQ_EMPTY)
        return false;
    check(p->q, code, "wait");
    check(p->q, outcome.code, "put");
    if (outcome.count != count)
        die("%" PRIu64 " messages of %" PRIu64 " were put", outcome.count, count);
    return true;
}

/* ---- groups, many on their way ---- */

static void run_pipelined(struct load *load)
{
    struct producer *p = load->producers;
    struct slice *slice = &load->slice;
    uint64_t on_their_way = 0, now = slice->begun_ns;
    do {
        for (; now < slice->until_ns && on_their_way < UNANSWERED_GROUPS; on_their_way++)
            submit(load, p, GROUP, now);
        answered(p, GROUP, JOINQ_FOREVER);
        on_their_way--;
        now = slice_did(slice, GROUP, now); /* since the answer before */
    } while (on_their_way > 0);
}

/* ---- each waits for its answer ---- */

static void begin_next(struct load *load, struct producer *p, uint64_t now)
{
    submit(load, p, 1, now);
    check(p->q, joinq_flush(p->q), "flush");
}

static void run_one(struct load *load)
{
    struct producer *p = load->producers;
    uint64_t now = load->slice.begun_ns;
    do {
        submit(load, p, 1, now);
        answered(p, 1, JOINQ_FOREVER);
        now = slice_did(&load->slice, 1, p->since_ns);
    } while (now < load->slice.until_ns);
}

/* Takes the answer, if it is there, and sends what comes next; true once nothing more is on its way. */
static bool go_on(struct load *load, struct producer *p)
{
    if (!answered(p, 1, 0))
        return false;
    uint64_t now = slice_did(&load->slice, 1, p->since_ns);
    if (now >= load->slice.until_ns)
        return true;
    begin_next(load, p, now);
    return false;
}

static void run_several(struct load *load)
{
    struct pollfd polled[PRODUCERS_MAX];
    uint64_t busy = load->count;
    for (uint64_t i = 0; i < load->count; i++) {
        struct producer *p = &load->producers[i];
        begin_next(load, p, load->slice.begun_ns);
        polled[i] = (struct pollfd){.fd = joinq_fd(p->q), .events = POLLIN};
        if (go_on(load, p))
            busy--;
    }
    while (busy > 0) {
        if (poll(polled, load->count, -1) < 0)
            die_errno("poll");
        for (uint64_t i = 0; i < load->count; i++)
            if (polled[i].revents && go_on(load, &load->producers[i]))
                busy--;
    }
}

/* ---- */

static void empty(const struct load *load)
{
    joinq *q = load->producers[0].q;
    uint64_t discarded;
    check(q, joinq_purge(q, load->queue, &discarded), "purge");
    if (discarded != load->slice.count)
        die("the broker had %" PRIu64 " messages where %" PRIu64 " were put", discarded, load->slice.count);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: bench-slices pipelined|lockstep URL QUEUE[:durable] PRODUCERS\n", stderr);
        return 2;
    }
    struct load *load = allocate(sizeof *load);
    char *durable = strchr(argv[3], ':');
    bool pipelined = strcmp(argv[1], "pipelined") == 0;
    load->queue = argv[3];
    load->count = number_of(argv[4]);
    if (durable)
        *durable = '\0';
    if (load->count < 1 || load->count > PRODUCERS_MAX || (pipelined && load->count > 1))
        die("producers are 1 to %d, and 1 that pipelines", PRODUCERS_MAX);
    body_pattern_init(&load->pattern);
    load_connect(load, argv[2], durable);
    puts("ready");
    fflush(stdout);
    while (slice_begin(&load->slice)) {
        if (pipelined)
            run_pipelined(load);
        else if (load->count == 1)
            run_one(load);
        else
            run_several(load);
        slice_stop(&load->slice);
        empty(load);
        slice_say(&load->slice);
    }
    for (uint64_t i = 0; i < load->count; i++)
        joinq_free(load->producers[i].q);
    free(load->slice.took_ns);
    free(load);
    return 0;
}
