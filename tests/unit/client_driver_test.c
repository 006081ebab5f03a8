/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client against a broker that follows a script: what is sent when, and that nothing hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_broker.h"
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct broker broker;
    joinq *q;
};

static struct fixture *begin(void (*script)(struct broker *))
{
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    broker_start(&f->broker, script);
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    options.reconnect_ms = 0;
    assert_int_equal(joinq_connect(&f->q, f->broker.url, &options), JOINQ_OK);
    return f;
}

static void end(struct fixture *f)
{
    joinq_free(f->q);
    broker_end(&f->broker);
    free(f);
}

/* ---- connecting ------------------------------------------------------------------------------------------------------ */

static void say_nothing(struct broker *broker)
{
    broker_expect(broker, JQW_HELLO);
    broker_expect_end(broker);
}

static void hello_is_waited_for_so_long(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    char error[256];
    joinq *q = NULL;
    options.connect_timeout_ms = 30;
    broker_start(&broker, say_nothing);
    assert_int_equal(joinq_connect_error(&q, broker.url, &options, error, sizeof error), JOINQ_TIMEOUT);
    assert_null(q);
    assert_non_null(strstr(error, broker.url));
    broker_end(&broker);
}

static void refuse_hello(struct broker *broker)
{
    uint32_t request = broker_expect(broker, JQW_HELLO)->request;
    struct jqw_message refusal = {
        .op = JQW_RESULT, .request = request, .result = {.code = JQ_INVALID, .text = {(const uint8_t *)"not you", 7}}};
    peer_say(&broker->peer, &refusal);
    broker_send(broker);
}

static void hello_may_be_refused(void **state)
{
    (void)state;
    struct broker broker;
    char error[256];
    joinq *q = NULL;
    broker_start(&broker, refuse_hello);
    assert_int_equal(joinq_connect_error(&q, broker.url, NULL, error, sizeof error), JOINQ_INVALID);
    assert_non_null(strstr(error, "not you"));
    broker_end(&broker);
}

static void nobody_is_there(void **state)
{
    (void)state;
    char error[256];
    joinq *q = NULL;
    assert_int_equal(joinq_connect_error(&q, "unix:///nowhere/at/all", NULL, error, sizeof error), JOINQ_DISCONNECTED);
    assert_string_equal(error, "cannot connect to unix:///nowhere/at/all: No such file or directory");
    assert_int_equal(joinq_connect(&q, "http://127.0.0.1", NULL), JOINQ_INVALID);
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    options.size = 0;
    assert_int_equal(joinq_connect(&q, "unix:///nowhere", &options), JOINQ_INVALID);
    assert_null(q);
    joinq_free(NULL);
}

static void the_environment_says_where(void **state)
{
    (void)state;
    char error[256];
    joinq *q = NULL;
    setenv("JOINQ_URL", "unix:///nowhere/by/environment", 1);
    assert_int_equal(joinq_connect_error(&q, NULL, NULL, error, sizeof error), JOINQ_DISCONNECTED);
    assert_non_null(strstr(error, "unix:///nowhere/by/environment"));
    unsetenv("JOINQ_URL");
    setenv("XDG_RUNTIME_DIR", "/nowhere/at/run", 1);
    assert_int_equal(joinq_connect_error(&q, NULL, NULL, error, sizeof error), JOINQ_DISCONNECTED);
    assert_non_null(strstr(error, "unix:///nowhere/at/run/joinq/joinqd.sock"));
}

/* ---- a connection that ends ------------------------------------------------------------------------------------------- */

static void die_in_the_middle(struct broker *broker)
{
    broker_welcome(broker, 1000);
    broker_expect(broker, JQW_GET);
    broker_expect(broker, JQW_PUT);
}

static void a_dead_broker_ends_everything(void **state)
{
    (void)state;
    struct fixture *f = begin(die_in_the_middle);
    const struct joinq_body body = {"x", 1};
    joinq_ticket get, put;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    assert_true(joinq_fd(f->q) >= 0);
    assert_int_equal(joinq_submit_get(f->q, "jobs", NULL, &get), JOINQ_OK);
    assert_int_equal(joinq_submit_put(f->q, "jobs", &body, 1, NULL, &put), JOINQ_OK);
    assert_int_equal(joinq_wait(f->q, put, JOINQ_FOREVER, &outcome), JOINQ_OK);
    assert_int_equal(outcome.code, JOINQ_DISCONNECTED);
    assert_int_equal(joinq_wait(f->q, 0, 0, &outcome), JOINQ_OK);
    assert_int_equal(outcome.ticket, get);
    assert_int_equal(outcome.code, JOINQ_DISCONNECTED);
    assert_int_equal(joinq_wait(f->q, 0, JOINQ_FOREVER, &outcome), JOINQ_INVALID);
    for (int i = 0; i < 3; i++)
        assert_int_equal(joinq_put(f->q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_fd(f->q), -1);
    assert_int_equal(joinq_flush(f->q), JOINQ_DISCONNECTED);
    end(f);
}

/* The signal that writing to nobody raises would end this process. */
static void a_dead_broker_ends_a_blocking_put(void **state)
{
    (void)state;
    struct fixture *f = begin(die_in_the_middle);
    joinq_ticket ticket;
    assert_int_equal(joinq_submit_get(f->q, "jobs", NULL, &ticket), JOINQ_OK);
    assert_int_equal(joinq_put(f->q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_DISCONNECTED);
    assert_non_null(strstr(joinq_error(f->q), "connection"));
    end(f);
}

static void half_a_frame(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t request = broker_expect(broker, JQW_GET)->request;
    peer_got(&broker->peer, request, 7, 0, 1, 100);
    broker->peer.out.size /= 2;
    broker_send(broker);
}

static void half_an_answer_is_none(void **state)
{
    (void)state;
    struct fixture *f = begin(half_a_frame);
    struct joinq_batch *batch = NULL;
    assert_int_equal(joinq_get(f->q, "jobs", JOINQ_FOREVER, &batch), JOINQ_DISCONNECTED);
    assert_null(batch);
    end(f);
}

/* ---- what is sent when ------------------------------------------------------------------------------------------------ */

static void answer_then_confirm(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t request = broker_expect(broker, JQW_GET)->request;
    peer_got(&broker->peer, request, 7, 5, 1, 3);
    broker_send(broker);
    assert_int_equal(broker_expect(broker, JQW_RECEIVED)->received.receipt, 5);
}

/* proves: GET-3 */
static void a_receipt_is_confirmed_before_the_caller_has_it(void **state)
{
    (void)state;
    struct fixture *f = begin(answer_then_confirm);
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    struct joinq_batch *batch;
    options.auto_done = true;
    options.max = 10;
    assert_int_equal(joinq_get_many(f->q, "jobs", &options, &batch), JOINQ_OK);
    broker_end(&f->broker); /* it has seen RECEIVED, and nothing was called since */
    batch_check(batch, 1, 3);
    assert_int_equal(joinq_done(f->q, batch, 0, 3), JOINQ_INVALID);
    joinq_batch_free(batch);
    joinq_free(f->q);
    free(f);
}

static void receive_then_more(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t request = broker_expect(broker, JQW_GET)->request;
    peer_got_none(&broker->peer, request, JQ_END, 1);
    broker_send(broker);
    assert_int_equal(broker_expect(broker, JQW_RECEIVED)->received.receipt, 1);
    peer_result(&broker->peer, broker_expect(broker, JQW_PUT)->request, JQ_OK, 7, 1);
    broker_send(broker);
    broker_expect_end(broker);
}

/* proves: END-6 */
static void a_sentinel_is_confirmed_before_the_caller_knows(void **state)
{
    (void)state;
    struct fixture *f = begin(receive_then_more);
    struct joinq_batch *batch;
    assert_int_equal(joinq_get(f->q, "jobs", JOINQ_FOREVER, &batch), JOINQ_END);
    assert_int_equal(joinq_put(f->q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_OK);
    end(f);
}

static void take_back(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t get = broker_expect(broker, JQW_GET)->request;
    struct jqw_message *cancel = broker_expect(broker, JQW_CANCEL);
    assert_int_equal(cancel->cancel.target, get);
    peer_result(&broker->peer, cancel->request, JQ_OK, 0, 0); /* missed */
    peer_got(&broker->peer, get, 7, 0, 1, 3);
    peer_result(&broker->peer, broker_expect(broker, JQW_PUT)->request, JQ_OK, 7, 1);
    broker_send(broker);
    assert_int_equal(broker_expect(broker, JQW_RELEASE)->settle.ranges.item[0].count, 3);
}

/* proves: CAN-1 */
static void a_forgotten_get_gives_back(void **state)
{
    (void)state;
    struct fixture *f = begin(take_back);
    joinq_ticket ticket;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    assert_int_equal(joinq_submit_get(f->q, "jobs", NULL, &ticket), JOINQ_OK);
    assert_int_equal(joinq_forget(f->q, ticket), JOINQ_OK);
    assert_int_equal(joinq_wait(f->q, ticket, 0, &outcome), JOINQ_INVALID);
    assert_int_equal(joinq_put(f->q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_OK);
    broker_end(&f->broker); /* it has seen RELEASE, and nothing was called since */
    joinq_free(f->q);
    free(f);
}

static void take_ends_back(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t late = broker_expect(broker, JQW_GET)->request;
    uint32_t early = broker_expect(broker, JQW_GET)->request;
    struct jqw_message *cancel = broker_expect(broker, JQW_CANCEL);
    assert_int_equal(cancel->cancel.target, late);
    peer_result(&broker->peer, cancel->request, JQ_OK, 0, 0); /* missed */
    peer_got_none(&broker->peer, late, JQ_END, 1);
    peer_got_none(&broker->peer, early, JQ_END, 2);
    peer_result(&broker->peer, broker_expect(broker, JQW_PUT)->request, JQ_OK, 7, 1);
    broker_send(broker);
    for (int i = 0; i < 2; i++) { /* and neither is confirmed */
        const struct jqw_ranges *ranges = &broker_expect(broker, JQW_RELEASE)->settle.ranges;
        assert_int_equal(ranges->count, 1);
        assert_int_equal(ranges->item[0].first, PEER_END);
        assert_int_equal(ranges->item[0].count, 1);
    }
    broker_expect_end(broker);
}

/* proves: CAN-1 END-6 */
static void a_sentinel_that_nobody_takes_is_given_back(void **state)
{
    (void)state;
    struct fixture *f = begin(take_ends_back);
    joinq_ticket late, early;
    assert_int_equal(joinq_submit_get(f->q, "jobs", NULL, &late), JOINQ_OK);
    assert_int_equal(joinq_submit_get(f->q, "jobs", NULL, &early), JOINQ_OK);
    assert_int_equal(joinq_forget(f->q, late), JOINQ_OK); /* before it comes */
    assert_int_equal(joinq_put(f->q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_OK);
    assert_int_equal(joinq_forget(f->q, early), JOINQ_OK); /* once it has come */
    end(f);
}

static void answer_in_reverse(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t requests[3];
    for (int i = 0; i < 3; i++)
        requests[i] = broker_expect(broker, JQW_PUT)->request;
    for (int i = 3; i-- > 0;)
        peer_result(&broker->peer, requests[i], JQ_OK, 7, (uint64_t)i + 1);
    broker_send(broker);
    broker_expect_end(broker);
}

static void answers_are_taken_as_they_come(void **state)
{
    (void)state;
    struct fixture *f = begin(answer_in_reverse);
    const struct joinq_body bodies[3] = {{"a", 1}, {"b", 1}, {NULL, 0}};
    joinq_ticket tickets[3];
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(joinq_submit_put(f->q, "jobs", bodies, i + 1, NULL, &tickets[i]), JOINQ_OK);
    for (size_t i = 3; i-- > 0;) {
        assert_int_equal(joinq_wait(f->q, 0, JOINQ_FOREVER, &outcome), JOINQ_OK);
        assert_int_equal(outcome.ticket, tickets[i]);
        assert_int_equal(outcome.count, i + 1);
    }
    end(f);
}

static void answer_when_asked_again(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t get = broker_expect(broker, JQW_GET)->request;
    uint32_t cancel = broker_expect(broker, JQW_CANCEL)->request;
    peer_got_none(&broker->peer, get, JQ_CANCELLED, 0);
    peer_result(&broker->peer, cancel, JQ_OK, 0, 1);
    broker_send(broker);
    broker_expect_end(broker);
}

static void waiting_has_its_own_deadline(void **state)
{
    (void)state;
    struct fixture *f = begin(answer_when_asked_again);
    joinq_ticket ticket;
    bool hit = false;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    assert_int_equal(joinq_submit_get(f->q, "jobs", NULL, &ticket), JOINQ_OK);
    assert_int_equal(joinq_wait(f->q, ticket, 0, &outcome), JOINQ_EMPTY);
    assert_int_equal(joinq_wait(f->q, 0, 10, &outcome), JOINQ_TIMEOUT);
    assert_int_equal(joinq_wait(f->q, ticket, -2, &outcome), JOINQ_INVALID);
    assert_int_equal(joinq_cancel(f->q, ticket, &hit), JOINQ_OK);
    assert_true(hit);
    assert_int_equal(joinq_cancel(f->q, ticket, &hit), JOINQ_OK);
    assert_false(hit);
    assert_int_equal(joinq_wait(f->q, ticket, JOINQ_FOREVER, &outcome), JOINQ_OK);
    assert_int_equal(outcome.code, JOINQ_CANCELLED);
    end(f);
}

static void answer_late(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t put = broker_expect(broker, JQW_PUT)->request;
    uint32_t cancel = broker_expect(broker, JQW_CANCEL)->request;
    uint32_t stat = broker_expect(broker, JQW_STAT)->request; /* it is not waited for any more */
    peer_result(&broker->peer, cancel, JQ_OK, 0, 0);
    peer_result(&broker->peer, put, JQ_OK, 7, 1);
    peer_result(&broker->peer, stat, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
    broker_expect_end(broker);
}

/* proves: CAN-1 */
static void a_cancel_that_is_not_answered_is_not_waited_for(void **state)
{
    (void)state;
    struct fixture *f = begin(answer_late);
    const struct joinq_body body = {"a", 1};
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    struct joinq_stats *stats;
    joinq_ticket ticket;
    bool hit = true;
    assert_int_equal(joinq_submit_put(f->q, "jobs", &body, 1, NULL, &ticket), JOINQ_OK);
    assert_int_equal(joinq_cancel(f->q, ticket, &hit), JOINQ_DISCONNECTED);
    assert_true(hit); /* as it was */
    assert_string_equal(joinq_error(f->q), "the broker has not answered for 5 s");
    assert_int_equal(joinq_wait(f->q, ticket, 0, &outcome), JOINQ_EMPTY);
    assert_int_equal(joinq_stat(f->q, "jobs", &stats), JOINQ_NO_QUEUE);
    assert_int_equal(joinq_wait(f->q, ticket, JOINQ_FOREVER, &outcome), JOINQ_OK);
    assert_int_equal(outcome.code, JOINQ_OK);
    end(f);
}

enum { MANY = 64, MUCH = 1024 * 1024 };

/* Answers while it still reads: neither side may wait for the other to read first. */
static void answer_much_with_much(struct broker *broker)
{
    broker_welcome(broker, MUCH);
    for (int i = 0; i < MANY; i++) {
        uint32_t request = broker_expect(broker, JQW_PUT)->request;
        static const uint8_t text[JQW_TEXT_MAX];
        struct jqw_message unasked = {.op = JQW_RESULT, .result = {.text = {text, sizeof text}}};
        for (int j = 0; j < 500; j++)
            peer_say(&broker->peer, &unasked);
        peer_result(&broker->peer, request, JQ_OK, 7, 1);
        broker_send(broker);
    }
    broker_expect_end(broker);
}

static void much_both_ways(void **state)
{
    (void)state;
    struct fixture *f = begin(answer_much_with_much);
    char *bytes = calloc(1, MUCH);
    const struct joinq_body body = {bytes, MUCH};
    joinq_ticket ticket;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(joinq_submit_put(f->q, "jobs", &body, 1, NULL, &ticket), JOINQ_OK);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(joinq_wait(f->q, 0, JOINQ_FOREVER, &outcome), JOINQ_OK);
        assert_int_equal(outcome.code, JOINQ_OK);
    }
    free(bytes);
    end(f);
}

/* ---- arguments ---------------------------------------------------------------------------------------------------------- */

static void welcome_only(struct broker *broker)
{
    broker_welcome(broker, 1000);
    broker_expect_end(broker); /* nothing wrong is sent */
}

static void wrong_puts_are_not_sent(void **state)
{
    (void)state;
    struct fixture *f = begin(welcome_only);
    static struct joinq_body bodies[JOINQ_BATCH_MAX + 1];
    struct joinq_put_options options = JOINQ_PUT_OPTIONS_INIT;
    char large[1001] = {0};
    size_t accepted = 9;
    assert_int_equal(joinq_put_many(f->q, "jobs", bodies, 0, NULL, &accepted), JOINQ_INVALID);
    assert_int_equal(accepted, 0);
    assert_int_equal(joinq_put_many(f->q, "jobs", bodies, JOINQ_BATCH_MAX + 1, NULL, NULL), JOINQ_INVALID);
    assert_string_equal(joinq_error(f->q), "a batch is 1 to 1000 messages, not 1001");
    assert_int_equal(joinq_put(f->q, "jobs", large, sizeof large, 0), JOINQ_TOO_LARGE);
    assert_string_equal(joinq_error(f->q), "a message of 1001 bytes is over the broker's limit of 1000");
    assert_int_equal(joinq_put(f->q, "jobs", "x", 1, -2), JOINQ_INVALID);
    assert_int_equal(joinq_put(f->q, "", "x", 1, 0), JOINQ_INVALID);
    assert_int_equal(joinq_put(f->q, NULL, "x", 1, 0), JOINQ_INVALID);
    assert_int_equal(joinq_put(f->q, "jobs", NULL, 1, 0), JOINQ_INVALID);
    options.delay_ms = -1;
    assert_int_equal(joinq_put_many(f->q, "jobs", bodies, 1, &options, NULL), JOINQ_INVALID);
    options = (struct joinq_put_options)JOINQ_PUT_OPTIONS_INIT;
    options.size = 4;
    assert_int_equal(joinq_put_many(f->q, "jobs", bodies, 1, &options, NULL), JOINQ_INVALID);
    end(f);
}

static void wrong_gets_are_not_sent(void **state)
{
    (void)state;
    struct fixture *f = begin(welcome_only);
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    struct joinq_batch *batch;
    struct joinq_joined joined = JOINQ_JOINED_INIT;
    options.max = 0;
    assert_int_equal(joinq_get_many(f->q, "jobs", &options, &batch), JOINQ_INVALID);
    options.max = JOINQ_BATCH_MAX + 1;
    assert_int_equal(joinq_get_many(f->q, "jobs", &options, &batch), JOINQ_INVALID);
    assert_int_equal(joinq_get(f->q, "jobs", -5, &batch), JOINQ_INVALID);
    assert_int_equal(joinq_peek(f->q, "jobs", 0, &batch), JOINQ_INVALID);
    joined.size = 1;
    assert_int_equal(joinq_join(f->q, "jobs", 0, &joined), JOINQ_INVALID);
    assert_int_equal(joinq_attach(f->q, "jobs", "", 0, NULL), JOINQ_INVALID);
    assert_int_equal(joinq_attach(f->q, "jobs", "name", 8, NULL), JOINQ_INVALID);
    assert_int_equal(joinq_finish(f->q, "jobs", NULL), JOINQ_INVALID);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_is_waited_for_so_long),
        cmocka_unit_test(hello_may_be_refused),
        cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(the_environment_says_where),
        cmocka_unit_test(a_dead_broker_ends_everything),
        cmocka_unit_test(a_dead_broker_ends_a_blocking_put),
        cmocka_unit_test(half_an_answer_is_none),
        cmocka_unit_test(a_receipt_is_confirmed_before_the_caller_has_it),
        cmocka_unit_test(a_sentinel_is_confirmed_before_the_caller_knows),
        cmocka_unit_test(a_forgotten_get_gives_back),
        cmocka_unit_test(a_sentinel_that_nobody_takes_is_given_back),
        cmocka_unit_test(answers_are_taken_as_they_come),
        cmocka_unit_test(waiting_has_its_own_deadline),
        cmocka_unit_test(a_cancel_that_is_not_answered_is_not_waited_for),
        cmocka_unit_test(much_both_ways),
        cmocka_unit_test(wrong_puts_are_not_sent),
        cmocka_unit_test(wrong_gets_are_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
