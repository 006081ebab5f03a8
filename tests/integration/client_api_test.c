/* SPDX-License-Identifier: Apache-2.0 */
/* joinq.h against a real broker, through the shared library: every function does what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <joinq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    pid_t pid;
    char folder[64];
    char url[128];
} broker;

/* ---- a broker for all tests, a client and a queue for each --------------------------------------------------------------- */

static int broker_start(void **state)
{
    (void)state;
    int out[2];
    const char *joinqd = getenv("JOINQD");
    snprintf(broker.folder, sizeof broker.folder, "/tmp/joinq-api-XXXXXX");
    if (!joinqd || !mkdtemp(broker.folder) || pipe(out) != 0)
        return -1;
    snprintf(broker.url, sizeof broker.url, "unix://%s/socket", broker.folder);
    broker.pid = fork();
    if (broker.pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(joinqd, joinqd, "--listen", broker.url, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    char line[256] = "";
    while (said && fgets(line, sizeof line, said) && !strstr(line, "ready"))
        continue;
    if (said)
        fclose(said);
    return strstr(line, "ready") ? 0 : -1;
}

static int broker_stop(void **state)
{
    (void)state;
    int status = -1;
    kill(broker.pid, SIGTERM);
    waitpid(broker.pid, &status, 0);
    rmdir(broker.folder);
    return status;
}

static joinq *connect_one(void)
{
    joinq *q;
    assert_int_equal(joinq_connect(&q, broker.url, NULL), JOINQ_OK);
    return q;
}

static int client_start(void **state)
{
    *state = connect_one();
    return 0;
}

static int client_stop(void **state)
{
    joinq_free(*state);
    return 0;
}

static void ok(joinq *q, int code)
{
    if (code != JOINQ_OK)
        print_error("%s: %s\n", joinq_code_name(code), joinq_error(q));
    assert_int_equal(code, JOINQ_OK);
}

static void put_text(joinq *q, const char *queue, const char *text)
{
    ok(q, joinq_put(q, queue, text, strlen(text), 0));
}

static void expect_text(const struct joinq_batch *batch, size_t index, const char *text)
{
    const struct joinq_message *message = joinq_batch_message(batch, index);
    assert_non_null(message);
    assert_int_equal(message->size, strlen(text));
    assert_memory_equal(message->data, text, message->size);
}

static struct joinq_batch *get_some(joinq *q, const char *queue, size_t max)
{
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    struct joinq_batch *batch;
    options.timeout_ms = 0;
    options.max = max;
    ok(q, joinq_get_many(q, queue, &options, &batch));
    return batch;
}

static void expect_empty(joinq *q, const char *queue)
{
    struct joinq_batch *batch;
    assert_int_equal(joinq_get(q, queue, 0, &batch), JOINQ_EMPTY);
}

static struct joinq_stat stat_of(joinq *q, const char *queue)
{
    struct joinq_stats *stats;
    ok(q, joinq_stat(q, queue, &stats));
    assert_int_equal(joinq_stats_count(stats), 1);
    struct joinq_stat stat = *joinq_stats_at(stats, 0);
    assert_string_equal(stat.name, queue);
    assert_null(joinq_stats_at(stats, 1));
    joinq_stats_free(stats);
    stat.name = queue;
    return stat;
}

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
        TEST(a_get_carries_dones),
        TEST(what_a_client_leased_comes_back_with_its_end),
        TEST(messages_are_finished_on_receipt),
        TEST(peeking_changes_nothing),
        TEST(a_join_waits_for_what_is_unfinished),
        TEST(a_closed_queue_drains_and_ends),
        TEST(an_immediate_close_discards),
        TEST(one_shot_ends_end_one_get_each),
        TEST(the_last_producer_ends_the_queue),
        TEST(a_counter_queue_counts),
        TEST(a_deleted_queue_is_not_taken_for_its_successor),
        TEST(a_list_is_longer_than_an_answer),
        TEST(a_waiting_get_is_cancelled),
        TEST(a_forgotten_get_leaves_nothing_leased),
        TEST(requests_are_pipelined),
    };
    return cmocka_run_group_tests(tests, broker_start, broker_stop);
}
