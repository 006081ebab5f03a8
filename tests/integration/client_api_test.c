/* SPDX-License-Identifier: Apache-2.0 */
/* joinq.h against a real broker, through the shared library: messages, leases, and requests that are pipelined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_api.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages and leases ------------------------------------------------------------------------------------------------- */

/* proves: PUT-1 GET-1 */
static void messages_pass_in_order(void **state)
{
    joinq *q = *state;
    put_text(q, "order", "one");
    put_text(q, "order", "two");
    ok(q, joinq_put(q, "order", NULL, 0, JOINQ_FOREVER));
    struct joinq_batch *batch = get_some(q, "order", 10);
    assert_int_equal(joinq_batch_count(batch), 3);
    expect_text(batch, 0, "one");
    expect_text(batch, 1, "two");
    expect_text(batch, 2, "");
    ok(q, joinq_done(q, batch, 0, 3));
    joinq_batch_free(batch);
    expect_empty(q, "order");
    assert_string_equal(joinq_error(q), "queue 'order' has nothing ready");
}

static void large_bodies_pass(void **state)
{
    joinq *q = *state;
    enum { SIZE = 3 * 1024 * 1024 };
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7 >> 3);
    ok(q, joinq_put(q, "large", bytes, SIZE, JOINQ_FOREVER));
    struct joinq_batch *batch = get_some(q, "large", 1);
    assert_int_equal(joinq_batch_message(batch, 0)->size, SIZE);
    assert_memory_equal(joinq_batch_message(batch, 0)->data, bytes, SIZE);
    joinq_batch_free(batch);
    free(bytes);
}

/* proves: PUT-3 BND-1 BND-3 */
static void a_bound_refuses_or_takes_a_part(void **state)
{
    joinq *q = *state;
    struct joinq_queue_options shape = JOINQ_QUEUE_OPTIONS_INIT;
    struct joinq_put_options options = JOINQ_PUT_OPTIONS_INIT;
    const struct joinq_body bodies[5] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}};
    size_t accepted = 9;
    shape.max_messages = 3;
    ok(q, joinq_declare(q, "bound", &shape));
    options.timeout_ms = 0;
    assert_int_equal(joinq_put_many(q, "bound", bodies, 5, &options, &accepted), JOINQ_TOO_LARGE);
    assert_int_equal(accepted, 0);
    options.partial = true;
    int code = joinq_put_many(q, "bound", bodies, 5, &options, &accepted);
    assert_true(code == JOINQ_OK || code == JOINQ_FULL);
    assert_int_equal(accepted, 3);
    assert_int_equal(joinq_put(q, "bound", "x", 1, 0), JOINQ_FULL);
    assert_int_equal(joinq_put(q, "bound", "x", 1, 10), JOINQ_TIMEOUT);
    shape.max_messages = 4;
    assert_int_equal(joinq_declare(q, "bound", &shape), JOINQ_EXISTS);
    assert_string_equal(joinq_error(q), "queue 'bound' exists with max_messages 3");
    shape.existing_ok = true;
    ok(q, joinq_declare(q, "bound", &shape));
}

/* proves: LSE-3 LSE-4 */
static void leases_end_in_several_ways(void **state)
{
    joinq *q = *state;
    for (int i = 0; i < 4; i++)
        put_text(q, "lease", "x");
    struct joinq_batch *batch = get_some(q, "lease", 4);
    ok(q, joinq_touch(q, batch, 0, 4));
    ok(q, joinq_done(q, batch, 0, 1));
    assert_int_equal(joinq_done(q, batch, 0, 2), JOINQ_LEASE_LOST);
    assert_int_equal(joinq_lost(q), 1);
    ok(q, joinq_nack(q, batch, 2, 1, 0));
    ok(q, joinq_release(q, batch, 3, 1));
    joinq_batch_free(batch);
    batch = get_some(q, "lease", 4);
    assert_int_equal(joinq_batch_count(batch), 2);
    assert_int_equal(joinq_batch_message(batch, 0)->deliveries, 1);
    assert_int_equal(joinq_batch_message(batch, 1)->deliveries, 0);
    assert_int_equal(joinq_batch_message(batch, 1)->attempt, 2);
    assert_int_equal(joinq_nack(q, batch, 0, 1, -1), JOINQ_INVALID);
    assert_int_equal(joinq_done(q, batch, 1, 2), JOINQ_INVALID);
    ok(q, joinq_nack(q, batch, 0, 2, 3600 * 1000));
    joinq_batch_free(batch);
    assert_int_equal(stat_of(q, "lease").delayed, 2);
}

/* proves: LSE-3 LSE-5 */
static void what_is_dead_goes_to_its_letters(void **state)
{
    joinq *q = *state;
    struct joinq_queue_options options = JOINQ_QUEUE_OPTIONS_INIT;
    ok(q, joinq_declare(q, "letters", &options));
    put_text(q, "alive", "x");
    struct joinq_batch *batch = get_some(q, "alive", 1);
    assert_int_equal(joinq_nack_dead(q, batch, 0, 1), JOINQ_INVALID);
    options.dead_letter = "letters";
    ok(q, joinq_alter(q, "alive", JOINQ_GIVEN_DEAD_LETTER, &options));
    ok(q, joinq_nack_dead(q, batch, 0, 1)); /* it was still held */
    assert_int_equal(joinq_nack_dead(q, batch, 0, 1), JOINQ_LEASE_LOST);
    joinq_batch_free(batch);
    batch = get_some(q, "letters", 1);
    assert_int_equal(joinq_batch_detail(batch, 0)->reason, JOINQ_DEAD_NACK);
    assert_string_equal(joinq_batch_detail(batch, 0)->source, "alive");
    ok(q, joinq_done(q, batch, 0, 1));
    joinq_batch_free(batch);
}

/* proves: GET-5 */
static void a_get_carries_dones(void **state)
{
    joinq *q = *state;
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    for (int i = 0; i < 6; i++)
        put_text(q, "carry", "x");
    struct joinq_batch *first = get_some(q, "carry", 4), *second;
    ok(q, joinq_done(q, first, 1, 1));
    options.done = first;
    ok(q, joinq_get_many(q, "carry", &options, &second));
    assert_int_equal(joinq_batch_lost(second), 0);
    struct joinq_stat stat = stat_of(q, "carry");
    assert_int_equal(stat.done, 4);
    assert_int_equal(stat.leased, 1);
    joinq_batch_free(first);
    joinq_batch_free(second);
}

/* proves: LSE-1 */
static void what_a_client_leased_comes_back_with_its_end(void **state)
{
    joinq *q = *state, *other = connect_one();
    struct joinq_batch *batch, *again;
    put_text(other, "back", "x");
    ok(other, joinq_get(other, "back", 0, &batch));
    expect_empty(q, "back");
    joinq_free(other);
    expect_text(batch, 0, "x");
    ok(q, joinq_get(q, "back", JOINQ_FOREVER, &again));
    assert_int_equal(joinq_batch_message(again, 0)->deliveries, 1);
    joinq_batch_free(again);
    joinq_batch_free(batch);
}

/* proves: GET-3 */
static void messages_are_finished_on_receipt(void **state)
{
    joinq *q = *state;
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    struct joinq_batch *batch;
    put_text(q, "receipt", "x");
    options.auto_done = true;
    ok(q, joinq_get_many(q, "receipt", &options, &batch));
    assert_int_equal(joinq_done(q, batch, 0, 1), JOINQ_INVALID);
    joinq_batch_free(batch);
    ok(q, joinq_join(q, "receipt", 0, NULL));
    assert_int_equal(stat_of(q, "receipt").done, 1);
}

static void peeking_changes_nothing(void **state)
{
    joinq *q = *state;
    put_text(q, "peek", "one");
    put_text(q, "peek", "two");
    struct joinq_batch *batch;
    ok(q, joinq_peek(q, "peek", 10, &batch));
    expect_text(batch, 1, "two");
    assert_int_equal(joinq_done(q, batch, 0, 1), JOINQ_INVALID);
    joinq_batch_free(batch);
    assert_int_equal(stat_of(q, "peek").ready, 2);
    uint64_t discarded;
    ok(q, joinq_purge(q, "peek", &discarded));
    assert_int_equal(discarded, 2);
}

/* ---- pipelining ------------------------------------------------------------------------------------------------------------------ */

/* proves: CAN-1 FLW-1 */
static void a_waiting_get_is_cancelled(void **state)
{
    joinq *q = *state;
    joinq_ticket ticket;
    bool hit = false;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    ok(q, joinq_submit_get(q, "cancel", NULL, &ticket));
    assert_int_equal(joinq_wait(q, ticket, 5, &outcome), JOINQ_TIMEOUT);
    put_text(q, "other", "a put behind a waiting get");
    ok(q, joinq_cancel(q, ticket, &hit));
    assert_true(hit);
    ok(q, joinq_wait(q, ticket, JOINQ_FOREVER, &outcome));
    assert_int_equal(outcome.code, JOINQ_CANCELLED);
    put_text(q, "cancel", "x");
    assert_int_equal(stat_of(q, "cancel").ready, 1);
}

/* proves: CAN-1 */
static void a_forgotten_get_leaves_nothing_leased(void **state)
{
    joinq *q = *state, *other = connect_one();
    joinq_ticket ticket;
    struct joinq_batch *batch;
    for (int i = 0; i < 20; i++) {
        ok(q, joinq_submit_get(q, "forget", NULL, &ticket));
        ok(q, joinq_flush(q));
        put_text(other, "forget", "x");
        ok(q, joinq_forget(q, ticket)); /* cancelled in time or not */
        put_text(q, "other", "and an answer to wait for");
        ok(other, joinq_get(other, "forget", JOINQ_FOREVER, &batch));
        assert_int_equal(joinq_batch_message(batch, 0)->deliveries, 0);
        ok(other, joinq_done(other, batch, 0, 1));
        joinq_batch_free(batch);
    }
    assert_int_equal(stat_of(q, "forget").unfinished, 0);
    joinq_free(other);
}

static void requests_are_pipelined(void **state)
{
    joinq *q = *state;
    enum { MANY = 100 };
    joinq_ticket tickets[MANY];
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    char text[16];
    for (int i = 0; i < MANY; i++) {
        const struct joinq_body body = {text, (size_t)snprintf(text, sizeof text, "%d", i)};
        ok(q, joinq_submit_put(q, "pipeline", &body, 1, NULL, &tickets[i]));
    }
    for (int i = MANY; i-- > 0;) {
        ok(q, joinq_wait(q, tickets[i], JOINQ_FOREVER, &outcome));
        assert_int_equal(outcome.code, JOINQ_OK);
        assert_int_equal(outcome.count, 1);
    }
    struct joinq_batch *batch = get_some(q, "pipeline", MANY);
    assert_int_equal(joinq_batch_count(batch), MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "%d", i);
        expect_text(batch, (size_t)i, text);
    }
    ok(q, joinq_submit_done(q, batch, 0, MANY, &tickets[0]));
    ok(q, joinq_wait(q, 0, JOINQ_FOREVER, &outcome));
    assert_int_equal(outcome.count, MANY);
    joinq_batch_free(batch);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)
    const struct CMUnitTest tests[] = {
        TEST(messages_pass_in_order),
        TEST(large_bodies_pass),
        TEST(a_bound_refuses_or_takes_a_part),
        TEST(leases_end_in_several_ways),
        TEST(what_is_dead_goes_to_its_letters),
        TEST(a_get_carries_dones),
        TEST(what_a_client_leased_comes_back_with_its_end),
        TEST(messages_are_finished_on_receipt),
        TEST(peeking_changes_nothing),
        TEST(a_waiting_get_is_cancelled),
        TEST(a_forgotten_get_leaves_nothing_leased),
        TEST(requests_are_pipelined),
    };
    return cmocka_run_group_tests(tests, broker_start, broker_stop);
}
