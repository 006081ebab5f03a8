/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client when another run of the broker is there after a break: what waited has lost its queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_broker.h"

static joinq *begin(struct broker *broker, void (*script)(struct broker *))
{
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    joinq *q;
    options.reconnect_ms = JOINQ_FOREVER;
    broker_start(broker, script);
    assert_int_equal(joinq_connect(&q, broker->url, &options), JOINQ_OK);
    return q;
}

static void break_for_another_broker(struct broker *broker)
{
    broker_break(broker);
    broker->instance++;
    broker_welcome(broker, 1000);
}

static void another_broker_while_they_wait(struct broker *broker)
{
    broker_welcome(broker, 1000);
    assert_true(broker_expect(broker, JQW_JOIN)->join.queue.incarnation == 0);
    break_for_another_broker(broker);
    broker_expect(broker, JQW_GET);
    break_for_another_broker(broker);
    assert_int_equal(broker_expect(broker, JQW_GET)->get.other_count, 1);
    break_for_another_broker(broker);
    broker_expect(broker, JQW_CLOSE);
    break_for_another_broker(broker);
    broker_expect(broker, JQW_STAT);
    break_for_another_broker(broker);
    peer_result(&broker->peer, broker_expect(broker, JQW_STAT)->request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
    broker_expect_end(broker);
}

/* They had never heard which queue it was; one of that name, made since, is another. proves: RST-1 */
static void what_waited_is_not_asked_again_of_another_broker(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    struct joinq_stats *stats;
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    const char *others[] = {"more"};
    options.others = others;
    options.other_count = 1;
    joinq *q = begin(&broker, another_broker_while_they_wait);
    assert_int_equal(joinq_join(q, "jobs", JOINQ_FOREVER, NULL), JOINQ_DISCONNECTED);
    assert_string_equal(joinq_error(q), "queue 'jobs' was lost with its broker");
    assert_int_equal(joinq_get(q, "jobs", JOINQ_FOREVER, &batch), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_get_many(q, "jobs", &options, &batch), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_close(q, "jobs", false, false, NULL), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_stat(q, "jobs", &stats), JOINQ_NO_QUEUE); /* asks about whatever is there */
    joinq_free(q);
    broker_end(&broker);
}

static void another_broker_after_a_get_of_two(struct broker *broker)
{
    broker_welcome(broker, 1000);
    peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, 0, 1, 1);
    broker_send(broker);
    broker_expect(broker, JQW_STAT);
    break_for_another_broker(broker);
    peer_result(&broker->peer, broker_expect(broker, JQW_STAT)->request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
    struct jqw_message *get = broker_expect(broker, JQW_GET);
    assert_true(get->get.queue.incarnation == 7);
    peer_result(&broker->peer, get->request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
    broker_expect_end(broker);
}

/* proves: RST-1 */
static void so_is_one_of_several_queues_that_is_lost(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    struct joinq_stats *stats;
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    const char *others[] = {"more"};
    options.others = others;
    options.other_count = 1;
    joinq *q = begin(&broker, another_broker_after_a_get_of_two);
    assert_int_equal(joinq_get_many(q, "jobs", &options, &batch), JOINQ_OK);
    joinq_batch_free(batch);
    assert_int_equal(joinq_stat(q, "jobs", &stats), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_get_many(q, "jobs", &options, &batch), JOINQ_DISCONNECTED);
    assert_string_equal(joinq_error(q), "queue 'jobs' was lost with its broker");
    joinq_free(q);
    broker_end(&broker);
}

/* ---- on the same data ------------------------------------------------------------------------------------------------- */

static void welcome_with_data(struct broker *broker)
{
    broker->data = 1;
    broker->incarnation_next = 100;
    broker_welcome(broker, 1000);
}

/* Another run on the same data, where many queues were made since. */
static void begin_anew(struct broker *broker)
{
    broker->instance++;
    broker->incarnation_next += 1000;
    broker_break(broker);
    broker_welcome(broker, 1000);
}

static const uint64_t below_100 = JQW_BELOW | 100;

static void say_joined(struct broker *broker, uint32_t request, int code)
{
    const struct jqw_message joined = {
        .op = JQW_JOINED, .request = request, .joined = {.code = (uint32_t)code, .incarnation = code == JQ_OK ? 7 : 0}};
    peer_say(&broker->peer, &joined);
    broker_send(broker);
}

static void go_on_in_the_queue_that_was_there(struct broker *broker)
{
    welcome_with_data(broker);
    assert_true(broker_expect(broker, JQW_JOIN)->join.queue.incarnation == 0);
    begin_anew(broker);
    assert_true(broker_expect(broker, JQW_JOIN)->join.queue.incarnation == below_100);
    begin_anew(broker);
    const struct jqw_message *join = broker_expect(broker, JQW_JOIN);
    assert_true(join->join.queue.incarnation == below_100);
    say_joined(broker, join->request, JQ_OK);
    const struct jqw_message *get = broker_expect(broker, JQW_GET);
    assert_true(get->get.queue.incarnation == 7 && get->get.others[0].incarnation == 0);
    begin_anew(broker);
    get = broker_expect(broker, JQW_GET);
    assert_true(get->get.queue.incarnation == 7 && get->get.others[0].incarnation == (JQW_BELOW | 2100));
    peer_got(&broker->peer, get->request, 7, 0, 1, 1);
    broker_send(broker);
    broker_expect_end(broker);
}

/* It was there before it was asked for, and so is the one that was meant. proves: RST-1 RST-2 */
static void what_waited_goes_on_in_a_queue_that_was_there_before(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    const char *others[] = {"more"};
    options.others = others;
    options.other_count = 1;
    joinq *q = begin(&broker, go_on_in_the_queue_that_was_there);
    assert_int_equal(joinq_join(q, "jobs", JOINQ_FOREVER, NULL), JOINQ_OK);
    assert_int_equal(joinq_get_many(q, "jobs", &options, &batch), JOINQ_OK);
    joinq_batch_free(batch);
    joinq_free(q);
    broker_end(&broker);
}

static void have_one_made_since(struct broker *broker)
{
    welcome_with_data(broker);
    broker_expect(broker, JQW_JOIN);
    begin_anew(broker);
    const struct jqw_message *join = broker_expect(broker, JQW_JOIN);
    assert_true(join->join.queue.incarnation == below_100);
    say_joined(broker, join->request, JQ_NO_QUEUE);
    join = broker_expect(broker, JQW_JOIN);
    assert_true(join->join.queue.incarnation == 0); /* a new question */
    broker_break(broker);
    broker_welcome(broker, 1000);
    join = broker_expect(broker, JQW_JOIN);
    assert_true(join->join.queue.incarnation == 0); /* of the same run */
    say_joined(broker, join->request, JQ_NO_QUEUE);
    broker_expect_end(broker);
}

/* proves: RST-1 */
static void one_that_may_be_another_is_not_taken_for_it(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, have_one_made_since);
    assert_int_equal(joinq_join(q, "jobs", JOINQ_FOREVER, NULL), JOINQ_DISCONNECTED);
    assert_string_equal(joinq_error(q), "the broker began anew before it had told which queue 'jobs' is: ask again");
    assert_int_equal(joinq_join(q, "jobs", JOINQ_FOREVER, NULL), JOINQ_NO_QUEUE);
    joinq_free(q);
    broker_end(&broker);
}

static void tell_of_a_later_queue(struct broker *broker)
{
    welcome_with_data(broker);
    peer_result(&broker->peer, broker_expect(broker, JQW_PUT)->request, JQ_OK, 120, 1);
    broker_send(broker);
    broker_expect(broker, JQW_JOIN);
    begin_anew(broker);
    const struct jqw_message *join = broker_expect(broker, JQW_JOIN);
    assert_true(join->join.queue.incarnation == (JQW_BELOW | 121));
    say_joined(broker, join->request, JQ_OK);
}

/* proves: RST-1 */
static void every_answer_tells_what_was_there_before(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, tell_of_a_later_queue);
    assert_int_equal(joinq_put(q, "more", "x", 1, JOINQ_FOREVER), JOINQ_OK);
    assert_int_equal(joinq_join(q, "jobs", JOINQ_FOREVER, NULL), JOINQ_OK);
    broker_end(&broker);
    joinq_free(q);
}

static void hear_puts_again(struct broker *broker)
{
    welcome_with_data(broker);
    struct jqw_once once = broker_expect(broker, JQW_PUT)->put.once;
    for (int run = 0; run < 2; run++) {
        begin_anew(broker);
        const struct jqw_message *put = broker_expect(broker, JQW_PUT);
        assert_true(put->put.queue.incarnation == below_100);
        assert_true(put->put.once.slot == once.slot && put->put.once.number == once.number);
    }
    peer_result(&broker->peer, broker->peer.seen.request, JQ_OK, 7, 1); /* of three: kept */
    broker_send(broker);
    const struct jqw_message *put = broker_expect(broker, JQW_PUT);
    assert_true(put->put.queue.incarnation == 7 && put->put.bodies.count == 2);
    peer_result(&broker->peer, put->request, JQ_OK, 7, 2);
    broker_send(broker);
    put = broker_expect(broker, JQW_PUT);
    assert_true(put->put.queue.incarnation == 0);
    begin_anew(broker);
    put = broker_expect(broker, JQW_PUT);
    assert_true(put->put.queue.incarnation & JQW_BELOW);
    peer_result(&broker->peer, put->request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
}

static int put_three(joinq *q, const char *queue, bool submit, uint64_t *accepted)
{
    const struct joinq_body bodies[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    struct joinq_put_options options = JOINQ_PUT_OPTIONS_INIT;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    joinq_ticket ticket;
    size_t count = 0;
    options.partial = true;
    if (!submit) {
        int code = joinq_put_many(q, queue, bodies, 3, &options, &count);
        *accepted = count;
        return code;
    }
    assert_int_equal(joinq_submit_put(q, queue, bodies, 3, &options, &ticket), JOINQ_OK);
    assert_int_equal(joinq_wait(q, ticket, JOINQ_FOREVER, &outcome), JOINQ_OK);
    *accepted = outcome.count;
    return outcome.code;
}

/* One to a queue in memory may have been done, and what it put may have been finished. proves: ONE-3 RST-1 */
static void a_put_does_not_make_its_queue_anew(void **state)
{
    (void)state;
    for (int submit = 0; submit < 2; submit++) {
        struct broker broker;
        uint64_t accepted;
        joinq *q = begin(&broker, hear_puts_again);
        assert_int_equal(put_three(q, "jobs", submit, &accepted), JOINQ_OK);
        assert_true(accepted == 3);
        assert_int_equal(put_three(q, "new", submit, &accepted), JOINQ_DISCONNECTED);
        if (!submit)
            assert_string_equal(joinq_error(q), "the broker began anew before it had told which queue 'new' is; the "
                                                "outcome of the request is not known");
        broker_end(&broker);
        joinq_free(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waited_is_not_asked_again_of_another_broker),
        cmocka_unit_test(so_is_one_of_several_queues_that_is_lost),
        cmocka_unit_test(what_waited_goes_on_in_a_queue_that_was_there_before),
        cmocka_unit_test(one_that_may_be_another_is_not_taken_for_it),
        cmocka_unit_test(every_answer_tells_what_was_there_before),
        cmocka_unit_test(a_put_does_not_make_its_queue_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
