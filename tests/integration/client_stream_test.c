/* SPDX-License-Identifier: Apache-2.0 */
/* joinq.h against a real broker, through the shared library: queues as a whole, how they are joined, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_api.h"
#include <stdio.h>
#include <string.h>

/* ---- join, close and end ---------------------------------------------------------------------------------------------------- */

/* proves: JON-1 */
static void a_join_waits_for_what_is_unfinished(void **state)
{
    joinq *q = *state;
    struct joinq_joined joined = JOINQ_JOINED_INIT;
    put_text(q, "join", "one");
    put_text(q, "join", "two");
    assert_int_equal(joinq_join(q, "join", 5, &joined), JOINQ_TIMEOUT);
    assert_int_equal(joined.remaining, 2);
    struct joinq_batch *batch = get_some(q, "join", 2);
    ok(q, joinq_done(q, batch, 0, 2));
    joinq_batch_free(batch);
    ok(q, joinq_join(q, "join", JOINQ_FOREVER, &joined));
    assert_int_equal(joined.remaining, 0);
}

/* proves: END-1 */
static void a_closed_queue_drains_and_ends(void **state)
{
    joinq *q = *state;
    struct joinq_batch *batch;
    put_text(q, "close", "x");
    ok(q, joinq_close(q, "close", false, true, NULL));
    assert_int_equal(joinq_put(q, "close", "y", 1, JOINQ_FOREVER), JOINQ_CLOSED);
    assert_string_equal(joinq_error(q), "queue 'close' is closed");
    batch = get_some(q, "close", 5);
    ok(q, joinq_done(q, batch, 0, 1));
    joinq_batch_free(batch);
    for (int i = 0; i < 2; i++)
        assert_int_equal(joinq_get(q, "close", JOINQ_FOREVER, &batch), JOINQ_END);
}

/* proves: END-4 */
static void an_immediate_close_discards(void **state)
{
    joinq *q = *state;
    uint64_t discarded = 0;
    put_text(q, "stop", "x");
    put_text(q, "stop", "y");
    ok(q, joinq_close(q, "stop", true, false, &discarded));
    assert_int_equal(discarded, 2);
}

/* proves: END-6 */
static void one_shot_ends_end_one_get_each(void **state)
{
    joinq *q = *state;
    struct joinq_batch *batch;
    put_text(q, "sentinel", "x");
    ok(q, joinq_put_end(q, "sentinel", 2));
    put_text(q, "sentinel", "y");
    batch = get_some(q, "sentinel", 10);
    assert_int_equal(joinq_batch_count(batch), 1);
    joinq_batch_free(batch);
    for (int i = 0; i < 2; i++)
        assert_int_equal(joinq_get(q, "sentinel", 0, &batch), JOINQ_END);
    batch = get_some(q, "sentinel", 10);
    expect_text(batch, 0, "y");
    joinq_batch_free(batch);
}

/* proves: PRD-1 PRD-2 */
static void the_last_producer_ends_the_queue(void **state)
{
    joinq *q = *state, *other = connect_one();
    struct joinq_queue_options shape = JOINQ_QUEUE_OPTIONS_INIT;
    struct joinq_attached attached = JOINQ_ATTACHED_INIT;
    struct joinq_batch *batch;
    shape.producers = 2;
    ok(q, joinq_declare(q, "producers", &shape));
    assert_int_equal(joinq_put(q, "producers", "x", 1, 0), JOINQ_INVALID);
    ok(q, joinq_attach(q, "producers", "a", 0, &attached));
    assert_false(attached.finished);
    assert_int_equal(joinq_attach(other, "producers", "a", 0, NULL), JOINQ_EXISTS);
    ok(other, joinq_attach(other, "producers", "b", 0, NULL));
    put_text(q, "producers", "x");
    ok(q, joinq_finish(q, "producers", "a"));
    ok(q, joinq_attach(q, "producers", "a", 0, &attached));
    assert_true(attached.finished);
    assert_int_equal(attached.accepted, 1);
    ok(other, joinq_finish(other, "producers", "b"));
    joinq_batch_free(get_some(q, "producers", 5));
    assert_int_equal(joinq_get(q, "producers", JOINQ_FOREVER, &batch), JOINQ_END);
    joinq_free(other);
}

/* proves: CNT-1 DCL-6 */
static void a_counter_queue_counts(void **state)
{
    joinq *q = *state;
    struct joinq_queue_options shape = JOINQ_QUEUE_OPTIONS_INIT;
    uint64_t unfinished;
    shape.accounting = JOINQ_ACCOUNTING_COUNTER;
    ok(q, joinq_declare(q, "counter", &shape));
    put_text(q, "counter", "x");
    put_text(q, "counter", "y");
    struct joinq_batch *batch = get_some(q, "counter", 1);
    ok(q, joinq_task_done(q, "counter", 1, &unfinished));
    assert_int_equal(unfinished, 1);
    assert_int_equal(joinq_task_done(q, "counter", 2, NULL), JOINQ_INVALID);
    assert_int_equal(joinq_done(q, batch, 0, 1), JOINQ_INVALID);
    joinq_batch_free(batch);
    ok(q, joinq_task_done(q, "counter", 1, &unfinished));
    ok(q, joinq_join(q, "counter", JOINQ_FOREVER, NULL));
}

/* ---- queues -------------------------------------------------------------------------------------------------------------------- */

/* proves: DCL-7 RST-1 */
static void a_deleted_queue_is_not_taken_for_its_successor(void **state)
{
    joinq *q = *state, *other = connect_one();
    uint64_t discarded;
    put_text(q, "deleted", "x");
    assert_int_equal(joinq_delete(other, "deleted", true, NULL), JOINQ_INVALID);
    ok(other, joinq_delete(other, "deleted", false, &discarded));
    assert_int_equal(discarded, 1);
    ok(other, joinq_declare(other, "deleted", NULL));
    put_text(other, "deleted", "new");
    assert_int_equal(joinq_put(q, "deleted", "y", 1, 0), JOINQ_NO_QUEUE);
    assert_int_equal(joinq_join(q, "deleted", 0, NULL), JOINQ_NO_QUEUE);
    ok(q, joinq_declare(q, "deleted", NULL));
    struct joinq_batch *batch = get_some(q, "deleted", 5);
    expect_text(batch, 0, "new");
    joinq_batch_free(batch);
    joinq_free(other);
}

static void a_list_is_longer_than_an_answer(void **state)
{
    joinq *q = *state;
    char name[32];
    struct joinq_stats *stats;
    for (int i = 0; i < 250; i++) {
        snprintf(name, sizeof name, "list-%03d", i);
        ok(q, joinq_declare(q, name, NULL));
    }
    ok(q, joinq_list(q, &stats));
    int found = 0;
    for (size_t i = 0; i < joinq_stats_count(stats); i++) {
        snprintf(name, sizeof name, "list-%03d", found);
        found += strcmp(joinq_stats_at(stats, i)->name, name) == 0;
    }
    assert_int_equal(found, 250);
    joinq_stats_free(stats);
    assert_int_equal(joinq_stat(q, "no such", &stats), JOINQ_INVALID);
    assert_int_equal(joinq_stat(q, "missing", &stats), JOINQ_NO_QUEUE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, client_start, client_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_join_waits_for_what_is_unfinished),
        TEST(a_closed_queue_drains_and_ends),
        TEST(an_immediate_close_discards),
        TEST(one_shot_ends_end_one_get_each),
        TEST(the_last_producer_ends_the_queue),
        TEST(a_counter_queue_counts),
        TEST(a_deleted_queue_is_not_taken_for_its_successor),
        TEST(a_list_is_longer_than_an_answer),
    };
    return cmocka_run_group_tests(tests, broker_start, broker_stop);
}
