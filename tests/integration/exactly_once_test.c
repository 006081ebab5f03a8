/* SPDX-License-Identifier: Apache-2.0 */
/* Exactly once, at every byte: a proxy cuts the connection after so many bytes in one direction, the library goes on by itself, and in the
 * end there is one of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_api.h"
#include "cutter.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGES = 4 };
static const char *const texts[MESSAGES] = {"single", "of the batch 1", "of the batch 2", "of the batch 3"};

static bool submits; /* by ticket, so that what is sent again is a copy */

static uint64_t outcome_of(joinq *q, joinq_ticket ticket, int *code)
{
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    ok(q, joinq_wait(q, ticket, JOINQ_FOREVER, &outcome));
    *code = outcome.code;
    return outcome.count;
}

static void put_some(joinq *q, const char *queue, const struct joinq_body *bodies, size_t count)
{
    size_t accepted = 0;
    joinq_ticket ticket;
    int code = JOINQ_OK;
    if (submits) {
        ok(q, joinq_submit_put(q, queue, bodies, count, NULL, &ticket));
        accepted = (size_t)outcome_of(q, ticket, &code);
    } else {
        code = joinq_put_many(q, queue, bodies, count, NULL, &accepted);
    }
    ok(q, code);
    assert_int_equal(accepted, count);
}

static int forward_one(joinq *q, struct joinq_batch *batch, const struct joinq_target *target)
{
    joinq_ticket ticket;
    if (!submits)
        return joinq_forward(q, batch, 0, 1, target, 1, JOINQ_FOREVER);
    int code = joinq_submit_forward(q, batch, 0, 1, target, 1, JOINQ_FOREVER, &ticket);
    if (code == JOINQ_OK)
        outcome_of(q, ticket, &code);
    return code;
}

static void put_all(joinq *q, const char *queue)
{
    struct joinq_body bodies[MESSAGES];
    for (int i = 0; i < MESSAGES; i++)
        bodies[i] = (struct joinq_body){texts[i], strlen(texts[i])};
    put_some(q, queue, bodies, 1);
    put_some(q, queue, bodies + 1, MESSAGES - 1);
}

/* Passes on what is in one queue to another. A lease that went with its connection is no loss: the message comes again. */
static void forward_all(joinq *q, const char *from, const char *to)
{
    struct joinq_batch *batch;
    int code;
    while ((code = joinq_get(q, from, 0, &batch)) == JOINQ_OK) {
        const struct joinq_message *message = joinq_batch_message(batch, 0);
        const struct joinq_body body = {message->data, message->size};
        const struct joinq_target target = {to, &body, 1, NULL};
        code = forward_one(q, batch, &target);
        if (code != JOINQ_OK && code != JOINQ_LEASE_LOST)
            ok(q, code);
        joinq_batch_free(batch);
    }
    assert_int_equal(code, JOINQ_EMPTY);
}

/* The exchange that is cut. */
static void exchange(const char *url, const char *from, const char *to)
{
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    joinq *q;
    int code;
    options.reconnect_interval_ms = 1;
    options.connect_timeout_ms = 60000;
    do { /* a connection that never was is the program's to make again */
        code = joinq_connect(&q, url, &options);
    } while (code == JOINQ_DISCONNECTED);
    assert_int_equal(code, JOINQ_OK);
    put_all(q, from);
    forward_all(q, from, to);
    joinq_free(q);
}

/* What a client sees that was not cut. */
static void check(joinq *q, const char *from, const char *to)
{
    struct joinq_stat in = stat_of(q, from), out = stat_of(q, to);
    assert_int_equal(in.put, MESSAGES);
    assert_int_equal(in.done, MESSAGES);
    assert_int_equal(in.unfinished, 0);
    assert_int_equal(out.put, MESSAGES);
    struct joinq_batch *batch = get_some(q, to, 2 * MESSAGES);
    assert_int_equal(joinq_batch_count(batch), MESSAGES);
    for (size_t i = 0; i < MESSAGES; i++)
        expect_text(batch, i, texts[i]);
    joinq_batch_free(batch);
}

/* One exchange over queues of its own, whose names are as long as every other's. */
static void run(joinq *q, struct cutter *cutter, enum cut_direction direction, uint64_t at)
{
    static unsigned number;
    char from[32], to[32];
    snprintf(from, sizeof from, "from%06u", ++number);
    snprintf(to, sizeof to, "to%06u", number);
    ok(q, joinq_declare(q, from, NULL));
    ok(q, joinq_declare(q, to, NULL));
    cutter_set(cutter, direction, at);
    exchange(cutter_url(cutter), from, to);
    check(q, from, to);
    ok(q, joinq_delete(q, from, false, NULL));
    ok(q, joinq_delete(q, to, false, NULL));
}

static void cut_everywhere(joinq *q, enum cut_direction direction, bool by_ticket)
{
    submits = by_ticket;
    struct cutter *cutter = cutter_start(broker_url());
    assert_non_null(cutter);
    run(q, cutter, CUT_NOTHING, 0);
    uint64_t total = cutter_bytes(cutter, direction);
    assert_true(total > 400);
    for (uint64_t at = 0; at <= total; at++)
        run(q, cutter, direction, at);
    print_message("%" PRIu64 " bytes, %" PRIu64 " cuts\n", total, cutter_cuts(cutter));
    assert_true(cutter_cuts(cutter) >= total);
    cutter_stop(cutter);
}

/* proves: ONE-1 FWD-1 */
static void a_connection_cut_at_every_byte_that_is_sent(void **state)
{
    cut_everywhere(*state, CUT_REQUESTS, false);
    cut_everywhere(*state, CUT_REQUESTS, true);
}

/* proves: ONE-1 FWD-1 */
static void a_connection_cut_at_every_byte_that_comes(void **state)
{
    cut_everywhere(*state, CUT_ANSWERS, false);
    cut_everywhere(*state, CUT_ANSWERS, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_cut_at_every_byte_that_is_sent, client_start, client_stop),
        cmocka_unit_test_setup_teardown(a_connection_cut_at_every_byte_that_comes, client_start, client_stop),
    };
    return cmocka_run_group_tests(tests, broker_start, broker_stop);
}
