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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waited_is_not_asked_again_of_another_broker),
        cmocka_unit_test(so_is_one_of_several_queues_that_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
