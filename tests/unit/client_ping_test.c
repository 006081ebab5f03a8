/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client that agreed to be heard, and to hear its broker, against a broker that follows a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_broker.h"
#include <sys/socket.h>

enum { PING_MS = 20 };

static joinq *begin(struct broker *broker, void (*script)(struct broker *), bool ping)
{
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    joinq *q;
    options.ping = ping;
    broker_start(broker, script);
    assert_int_equal(joinq_connect(&q, broker->url, &options), JOINQ_OK);
    return q;
}

static void greet(struct broker *broker, uint32_t flags)
{
    assert_int_equal(broker_expect(broker, JQW_HELLO)->hello.flags, flags);
    broker->ping_ms = PING_MS;
    broker_greet(broker, 1000);
}

static void answer_ping(struct broker *broker)
{
    peer_result(&broker->peer, broker_expect(broker, JQW_PING)->request, JQ_OK, 0, 0);
    broker_send(broker);
}

static void hang(struct broker *broker)
{
    uint8_t bytes[4096];
    greet(broker, JQW_HELLO_PING);
    broker_expect(broker, JQW_GET);
    for (int i = 0; i < 3; i++)
        answer_ping(broker);
    broker_expect(broker, JQW_PING); /* not answered: it hangs, and its connection stands */
    while (recv(broker->fd, bytes, sizeof bytes, 0) > 0)
        continue;
    broker_break(broker);
    greet(broker, JQW_HELLO_PING);
    peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, 0, 1, 1);
    broker_send(broker);
}

/* proves: LSE-1 */
static void a_broker_that_hangs_is_left(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    joinq *q = begin(&broker, hang, true);
    assert_int_equal(joinq_get(q, "jobs", JOINQ_FOREVER, &batch), JOINQ_OK);
    batch_check(batch, 1, 1);
    assert_in_range(joinq_patience_ms(q), 0, PING_MS + 1);
    broker_end(&broker);
    joinq_batch_free(batch);
    joinq_free(q);
}

static void welcome_and_listen(struct broker *broker)
{
    greet(broker, 0);
    broker_expect_end(broker);
}

static void who_did_not_ask_is_not_bound(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, welcome_and_listen, false);
    assert_int_equal(joinq_patience_ms(q), JOINQ_FOREVER); /* whatever the broker says */
    joinq_free(q);
    broker_end(&broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_that_hangs_is_left),
        cmocka_unit_test(who_did_not_ask_is_not_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
