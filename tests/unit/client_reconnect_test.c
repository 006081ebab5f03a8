/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client when its connection breaks, against a broker that follows a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_broker.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static joinq *begin(struct broker *broker, void (*script)(struct broker *), int64_t try_ms)
{
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    joinq *q;
    options.reconnect_ms = try_ms;
    broker_start(broker, script);
    assert_int_equal(joinq_connect(&q, broker->url, &options), JOINQ_OK);
    return q;
}

/* ---- asked again ------------------------------------------------------------------------------------------------------- */

static void break_under_a_get(struct broker *broker)
{
    uint8_t id[16];
    struct jqw_message *hello = broker_expect(broker, JQW_HELLO);
    memcpy(id, hello->hello.client.data, sizeof id);
    broker_greet(broker, 1000);
    assert_true(broker_expect(broker, JQW_GET)->get.timeout_ms == 60000);
    broker_break(broker);
    hello = broker_expect(broker, JQW_HELLO);
    assert_memory_equal(hello->hello.client.data, id, sizeof id);
    broker_greet(broker, 1000);
    struct jqw_message *get = broker_expect(broker, JQW_GET);
    assert_in_range(get->get.timeout_ms, 1, 60000);
    peer_got(&broker->peer, get->request, 7, 0, 1, 3);
    broker_send(broker);
}

static void a_get_is_asked_again_by_the_same_client(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    joinq *q = begin(&broker, break_under_a_get, JOINQ_FOREVER);
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    options.timeout_ms = 60000;
    options.max = 3;
    assert_int_equal(joinq_get_many(q, "jobs", &options, &batch), JOINQ_OK);
    batch_check(batch, 1, 3);
    broker_end(&broker);
    joinq_batch_free(batch);
    joinq_free(q);
}

static void break_under_a_watched_get(struct broker *broker)
{
    broker_welcome(broker, 1000);
    broker_expect(broker, JQW_GET);
    broker_break(broker);
    broker_welcome(broker, 1000);
    peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, 0, 1, 1);
    broker_send(broker);
}

/* What is asked again has been sent when it is said that the descriptor may be watched for ever. */
static void so_it_is_for_a_program_that_watches_the_descriptor(void **state)
{
    (void)state;
    struct broker broker;
    joinq_ticket ticket;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    joinq *q = begin(&broker, break_under_a_watched_get, JOINQ_FOREVER);
    assert_int_equal(joinq_submit_get(q, "jobs", &options, &ticket), JOINQ_OK);
    assert_int_equal(joinq_flush(q), JOINQ_OK);
    while (joinq_wait(q, ticket, 0, &outcome) == JOINQ_EMPTY) {
        struct pollfd watch = {.fd = joinq_fd(q), .events = POLLIN};
        int64_t patience_ms = joinq_patience_ms(q);
        int ready = poll(&watch, 1, patience_ms == JOINQ_FOREVER ? 20000 : (int)patience_ms);
        assert_true(ready > 0 || patience_ms != JOINQ_FOREVER);
    }
    assert_int_equal(outcome.code, JOINQ_OK);
    joinq_batch_free(outcome.batch);
    broker_end(&broker);
    joinq_free(q);
}

static void break_after_an_attach(struct broker *broker)
{
    broker_welcome(broker, 1000);
    struct jqw_message attached = {.op = JQW_ATTACHED, .attached = {.code = JQ_OK, .incarnation = 7}};
    attached.request = broker_expect(broker, JQW_ATTACH)->request;
    peer_say(&broker->peer, &attached);
    broker_send(broker);
    broker_expect(broker, JQW_STAT);
    broker_break(broker);
    broker_welcome(broker, 1000);
    struct jqw_message *attach = broker_expect(broker, JQW_ATTACH);
    assert_memory_equal(attach->producer.producer.data, "me", 2);
    assert_true(attach->producer.queue.incarnation == 7);
    uint32_t request = broker_expect(broker, JQW_STAT)->request;
    peer_result(&broker->peer, request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
}

/* proves: PRD-1 */
static void producers_are_attached_again(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_stats *stats;
    joinq *q = begin(&broker, break_after_an_attach, JOINQ_FOREVER);
    assert_int_equal(joinq_attach(q, "jobs", "me", 0, NULL), JOINQ_OK);
    assert_int_equal(joinq_stat(q, "jobs", &stats), JOINQ_NO_QUEUE);
    broker_end(&broker);
    joinq_free(q);
}

/* ---- lost or not known --------------------------------------------------------------------------------------------------- */

static void break_under_a_put(struct broker *broker)
{
    broker_welcome(broker, 1000);
    struct jqw_once once = broker_expect(broker, JQW_PUT)->put.once;
    assert_true(once.number == 1);
    broker_break(broker);
    broker_welcome(broker, 1000);
    struct jqw_message *put = broker_expect(broker, JQW_PUT);
    assert_true(put->put.once.slot == once.slot && put->put.once.number == once.number);
    assert_int_equal(put->put.bodies.sizes[0], 1);
    peer_result(&broker->peer, put->request, JQ_OK, 7, 1);
    broker_send(broker);
    put = broker_expect(broker, JQW_PUT);
    assert_true(put->put.once.slot == once.slot && put->put.once.number == once.number + 1);
    peer_result(&broker->peer, put->request, JQ_OK, 7, 1);
    broker_send(broker);
}

/* proves: ONE-1 */
static void a_put_that_may_have_been_heard_is_sent_again_by_its_number(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, break_under_a_put, JOINQ_FOREVER);
    assert_int_equal(joinq_put(q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_OK);
    assert_int_equal(joinq_put(q, "jobs", "y", 1, JOINQ_FOREVER), JOINQ_OK);
    broker_end(&broker);
    joinq_free(q);
}

/* proves: ONE-1 */
static void so_is_one_that_was_submitted(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    joinq_ticket tickets[2];
    joinq *q = begin(&broker, break_under_a_put, JOINQ_FOREVER);
    char text = 'x';
    const struct joinq_body body = {&text, 1};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(joinq_submit_put(q, "jobs", &body, 1, NULL, &tickets[i]), JOINQ_OK);
        text = 'z'; /* the caller's again */
        assert_int_equal(joinq_wait(q, tickets[i], JOINQ_FOREVER, &outcome), JOINQ_OK);
        assert_int_equal(outcome.code, JOINQ_OK);
    }
    broker_end(&broker);
    joinq_free(q);
}

static void fill_a_part_and_break(struct broker *broker)
{
    broker_welcome(broker, 1000);
    struct jqw_once once = broker_expect(broker, JQW_PUT)->put.once;
    broker_break(broker);
    broker_welcome(broker, 1000);
    struct jqw_message *put = broker_expect(broker, JQW_PUT);
    assert_true(put->put.once.number == once.number && put->put.bodies.count == 3);
    peer_result(&broker->peer, put->request, JQ_OK, 7, 1); /* kept: what it had come to */
    broker_send(broker);
    put = broker_expect(broker, JQW_PUT);
    assert_true(put->put.once.slot == once.slot && put->put.once.number == once.number + 1);
    assert_true(put->put.bodies.count == 2 && put->put.bodies.sizes[0] == 2 && put->put.bodies.sizes[1] == 3);
    peer_result(&broker->peer, put->request, JQ_TIMEOUT, 7, 1);
    broker_send(broker);
}

/* proves: ONE-2 */
static void the_rest_of_a_put_goes_out_under_the_next_number(void **state)
{
    (void)state;
    const struct joinq_body bodies[] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
    struct joinq_put_options options = JOINQ_PUT_OPTIONS_INIT;
    options.partial = true;
    for (int submitted = 0; submitted < 2; submitted++) {
        struct broker broker;
        struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
        joinq_ticket ticket;
        joinq *q = begin(&broker, fill_a_part_and_break, JOINQ_FOREVER);
        size_t accepted = 0;
        if (submitted) {
            assert_int_equal(joinq_submit_put(q, "jobs", bodies, 3, &options, &ticket), JOINQ_OK);
            assert_int_equal(joinq_wait(q, ticket, JOINQ_FOREVER, &outcome), JOINQ_OK);
            assert_int_equal(outcome.code, JOINQ_TIMEOUT);
            accepted = (size_t)outcome.count;
        } else {
            assert_int_equal(joinq_put_many(q, "jobs", bodies, 3, &options, &accepted), JOINQ_TIMEOUT);
        }
        assert_int_equal(accepted, 2);
        broker_end(&broker);
        joinq_free(q);
    }
}

static void move_a_part_and_break(struct broker *broker)
{
    broker_welcome(broker, 1000);
    for (uint64_t asked = 0; asked <= 10; asked += 10) {
        struct jqw_once once = broker_expect(broker, JQW_MOVE)->move.once;
        broker_break(broker);
        broker_welcome(broker, 1000);
        struct jqw_message *move = broker_expect(broker, JQW_MOVE);
        assert_true(move->move.once.number == once.number && move->move.count == asked);
        peer_result(&broker->peer, move->request, JQ_OK, 7, 4); /* kept: what it had come to */
        broker_send(broker);
        move = broker_expect(broker, JQW_MOVE);
        assert_true(move->move.once.slot == once.slot && move->move.once.number == once.number + 1);
        assert_true(move->move.count == (asked ? 6 : 0));
        peer_result(&broker->peer, move->request, JQ_OK, 7, 6);
        broker_send(broker);
    }
}

/* It ends with its session, wherever it has come to. proves: ADM-1 ONE-1 */
static void the_rest_of_a_move_follows(void **state)
{
    (void)state;
    struct broker broker;
    uint64_t moved = 0;
    joinq *q = begin(&broker, move_a_part_and_break, JOINQ_FOREVER);
    for (uint64_t asked = 0; asked <= 10; asked += 10) {
        assert_int_equal(joinq_move(q, "jobs", "more", asked, &moved), JOINQ_OK);
        assert_int_equal(moved, 10);
    }
    broker_end(&broker);
    joinq_free(q);
}

static void another_broker_after_a_put(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t request = broker_expect(broker, JQW_PUT)->request;
    peer_result(&broker->peer, request, JQ_OK, 7, 1);
    broker_send(broker);
    broker_expect(broker, JQW_PUT);
    broker_break(broker);
    broker->instance++;
    broker_welcome(broker, 1000);
    struct jqw_message *join = broker_expect(broker, JQW_JOIN);
    assert_true(join->join.queue.incarnation == 7);
    peer_result(&broker->peer, join->request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
    struct jqw_message *declare = broker_expect(broker, JQW_DECLARE);
    assert_true(declare->declare.queue.incarnation == 0);
    peer_result(&broker->peer, declare->request, JQ_OK, 9, 0);
    broker_send(broker);
    join = broker_expect(broker, JQW_JOIN);
    assert_true(join->join.queue.incarnation == 9);
    peer_result(&broker->peer, join->request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
}

/* proves: ONE-3 RST-1 */
static void what_another_broker_cannot_know_is_not_sent_again(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, another_broker_after_a_put, JOINQ_FOREVER);
    assert_int_equal(joinq_put(q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_OK);
    assert_int_equal(joinq_put(q, "jobs", "y", 1, JOINQ_FOREVER), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_join(q, "jobs", JOINQ_FOREVER, NULL), JOINQ_DISCONNECTED); /* lost with its broker */
    assert_int_equal(joinq_declare(q, "jobs", NULL), JOINQ_OK);
    assert_int_equal(joinq_join(q, "jobs", JOINQ_FOREVER, NULL), JOINQ_NO_QUEUE); /* deleted */
    broker_end(&broker);
    joinq_free(q);
}

static void forget_a_put(struct broker *broker)
{
    broker_welcome(broker, 1000);
    broker_expect(broker, JQW_PUT);
    broker_break(broker);
    broker->forgets = true;
    broker_welcome(broker, 1000);
    struct jqw_message *put = broker_expect(broker, JQW_PUT);
    assert_true(put->put.once.number == 2);
    peer_result(&broker->peer, put->request, JQ_OK, 7, 1);
    broker_send(broker);
}

/* proves: ONE-3 */
static void what_the_broker_may_have_forgotten_is_not_sent_again(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, forget_a_put, JOINQ_FOREVER);
    assert_int_equal(joinq_put(q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_put(q, "jobs", "y", 1, JOINQ_FOREVER), JOINQ_OK);
    broker_end(&broker);
    joinq_free(q);
}

static void break_under_a_done(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t request = broker_expect(broker, JQW_GET)->request;
    peer_got(&broker->peer, request, 7, 0, 1, 3);
    broker_send(broker);
    broker_expect(broker, JQW_DONE);
    broker_break(broker);
    broker_welcome(broker, 1000);
    struct jqw_message *get = broker_expect(broker, JQW_GET);
    assert_int_equal(get->get.done.count, 0);
    peer_got(&broker->peer, get->request, 7, 0, 1, 3);
    broker_send(broker);
}

/* proves: LSE-3 */
static void leases_are_lost_with_their_connection(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch, *again;
    joinq *q = begin(&broker, break_under_a_done, JOINQ_FOREVER);
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    options.max = 3;
    assert_int_equal(joinq_get_many(q, "jobs", &options, &batch), JOINQ_OK);
    assert_int_equal(joinq_done(q, batch, 0, 1), JOINQ_LEASE_LOST); /* on its way */
    assert_int_equal(joinq_lost(q), 1);
    assert_int_equal(joinq_nack(q, batch, 1, 1, 0), JOINQ_LEASE_LOST); /* not even asked */
    assert_int_equal(joinq_lost(q), 1);
    options.done = batch;
    assert_int_equal(joinq_get_many(q, "jobs", &options, &again), JOINQ_OK);
    assert_int_equal(joinq_lost(q), 1);
    broker_end(&broker);
    joinq_batch_free(batch);
    joinq_batch_free(again);
    joinq_free(q);
}

/* ---- every wait ends ------------------------------------------------------------------------------------------------------ */

static void welcome_and_go(struct broker *broker)
{
    broker_welcome(broker, 1000);
}

/* The listener stands, and nobody accepts. */
static void a_time_that_passes_without_a_connection_is_a_timeout(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    struct joinq_joined joined = JOINQ_JOINED_INIT;
    joinq *q = begin(&broker, welcome_and_go, JOINQ_FOREVER);
    assert_int_equal(joinq_get(q, "jobs", 50, &batch), JOINQ_TIMEOUT);
    assert_int_equal(joinq_join(q, "jobs", 50, &joined), JOINQ_TIMEOUT);
    assert_true(joined.remaining == UINT64_MAX);
    broker_end(&broker);
    joinq_free(q);
}

static void it_is_given_up_after_so_long(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    joinq *q = begin(&broker, welcome_and_go, 100);
    broker_end(&broker);
    assert_int_equal(joinq_get(q, "jobs", JOINQ_FOREVER, &batch), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_put(q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_flush(q), JOINQ_DISCONNECTED);
    joinq_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_is_asked_again_by_the_same_client),
        cmocka_unit_test(so_it_is_for_a_program_that_watches_the_descriptor),
        cmocka_unit_test(producers_are_attached_again),
        cmocka_unit_test(a_put_that_may_have_been_heard_is_sent_again_by_its_number),
        cmocka_unit_test(so_is_one_that_was_submitted),
        cmocka_unit_test(the_rest_of_a_put_goes_out_under_the_next_number),
        cmocka_unit_test(the_rest_of_a_move_follows),
        cmocka_unit_test(what_another_broker_cannot_know_is_not_sent_again),
        cmocka_unit_test(what_the_broker_may_have_forgotten_is_not_sent_again),
        cmocka_unit_test(leases_are_lost_with_their_connection),
        cmocka_unit_test(a_time_that_passes_without_a_connection_is_a_timeout),
        cmocka_unit_test(it_is_given_up_after_so_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
