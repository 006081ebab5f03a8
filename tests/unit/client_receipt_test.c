/* SPDX-License-Identifier: Apache-2.0 */
/* The client when its connection breaks around what was delivered on receipt: nothing that was not confirmed is handed out, and what
 * nobody has seen is asked for again (GET-3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_broker.h"
#include "jqc_driver.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- at every byte of the confirmation ----------------------------------------------------------------------------------- */

struct fixture {
    struct jqc_core core;
    struct peer peer;
    struct jqc_name *jobs;
};

static void fixture_init(struct fixture *f)
{
    assert_int_equal(jqc_core_init(&f->core), JQ_OK);
    assert_int_equal(jqc_names_find(&f->core.names, "jobs", &f->jobs), JQ_OK);
    peer_init(&f->peer);
}

static void fixture_fini(struct fixture *f)
{
    jqc_core_fini(&f->core);
    peer_fini(&f->peer);
}

static struct jqc_request *ask(struct fixture *f)
{
    struct jqw_range done = {7, 1, 4, 1};
    struct jqw_message message = {.op = JQW_GET,
                                  .get = {.queue = jqc_name_queue(f->jobs),
                                          .timeout_ms = JQW_TIMEOUT_FOREVER,
                                          .max = JQW_BATCH_MAX,
                                          .flags = JQW_GET_AUTO,
                                          .done = {&done, 1}}};
    struct jqc_request *request;
    assert_int_equal(jqc_core_submit(&f->core, &message, f->jobs, &request), JQ_OK);
    peer_collect(&f->peer, &f->core);
    peer_expect(&f->peer, JQW_GET);
    return request;
}

/* Delivers three messages, or a one-shot end; confirms them; and breaks the connection when so many bytes of that were written. False: that is
 * more than there are. */
static bool break_at(struct fixture *f, struct jqc_request *request, bool end, size_t written)
{
    size_t size;
    if (end)
        peer_got_none(&f->peer, request->id, JQ_END, 1);
    else
        peer_got(&f->peer, request->id, 7, 1, 100, 3);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(jqc_core_receive(&f->core, &request->answer), JQ_OK);
    jqc_core_output(&f->core, &size);
    if (written > size)
        return false;
    jqc_core_sent(&f->core, written);
    jqc_core_suspend(&f->core, "gone");
    assert_int_equal(request->state, written == size ? JQC_ANSWERED : JQC_OPEN);
    return true;
}

static void expect_asked_again(struct fixture *f, struct jqc_request *request)
{
    assert_null(request->answer.batch);
    jqc_core_resume(&f->core, 0, 0);
    peer_collect(&f->peer, &f->core);
    const struct jqw_message *get = peer_expect(&f->peer, JQW_GET);
    assert_int_equal(get->request, request->id);
    assert_int_equal(get->get.done.count, 0); /* these are finished */
    peer_got(&f->peer, request->id, 7, 1, 100, 3);
    peer_feed(&f->peer, &f->core, 0);
    batch_check(request->answer.batch, 100, 3);
    assert_int_equal(request->answer.lost, 0);
    assert_int_equal(jqc_core_receive(&f->core, &request->answer), JQ_OK);
    peer_collect(&f->peer, &f->core);
    assert_int_equal(peer_expect(&f->peer, JQW_RECEIVED)->received.receipt, 1);
}

static void at_every_byte(bool end)
{
    bool more = true;
    size_t written = 0;
    for (; more; written++) {
        struct fixture f;
        fixture_init(&f);
        struct jqc_request *request = ask(&f);
        more = break_at(&f, request, end, written);
        if (more && request->state == JQC_OPEN)
            expect_asked_again(&f, request);
        else if (more)
            assert_int_equal(request->answer.code, end ? JQ_END : JQ_OK);
        fixture_fini(&f);
    }
    assert_true(written > JQW_FRAME_HEADER);
}

/* A frame that is not whole confirms nothing; a whole one does, as far as anybody here can know. proves: GET-3 */
static void what_is_not_wholly_confirmed_is_asked_for_again(void **state)
{
    (void)state;
    at_every_byte(false);
}

/* proves: END-6 GET-3 */
static void so_is_a_one_shot_end(void **state)
{
    (void)state;
    at_every_byte(true);
}

/* ---- as a program sees it ------------------------------------------------------------------------------------------------- */

static joinq *begin(struct broker *broker, void (*script)(struct broker *), int64_t try_ms)
{
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    joinq *q;
    options.reconnect_ms = try_ms;
    broker_start(broker, script);
    assert_int_equal(joinq_connect(&q, broker->url, &options), JOINQ_OK);
    return q;
}

static void finish(struct broker *broker, joinq *q)
{
    joinq_free(q);
    broker_end(broker);
}

static joinq_ticket submit_auto(joinq *q, int64_t timeout_ms)
{
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    joinq_ticket ticket;
    options.auto_done = true;
    options.timeout_ms = timeout_ms;
    assert_int_equal(joinq_submit_get(q, "jobs", &options, &ticket), JOINQ_OK);
    return ticket;
}

static int outcome_of(joinq *q, joinq_ticket ticket, uint64_t first, uint32_t count)
{
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    assert_int_equal(joinq_wait(q, ticket, JOINQ_FOREVER, &outcome), JOINQ_OK);
    assert_int_equal(outcome.code == JOINQ_OK, outcome.batch != NULL);
    if (outcome.batch)
        batch_check(outcome.batch, first, count);
    joinq_batch_free(outcome.batch);
    return outcome.code;
}

static void pause_ms(int64_t ms)
{
    assert_int_equal(jqc_poll(-1, 0, jqc_deadline(ms)), JQ_TIMEOUT);
}

/* Answers get after get, and a ping behind them; what is delivered is not confirmed. */
static void deliver(struct broker *broker, int gets)
{
    for (int i = 1; i <= gets; i++)
        peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, (uint64_t)i, (uint64_t)i, 1);
    peer_result(&broker->peer, broker_expect(broker, JQW_PING)->request, JQ_OK, 0, 0);
    broker_send(broker);
}

static void reset_on_close(struct broker *broker)
{
    const struct linger at_once = {1, 0}; /* the next write of the client fails */
    assert_int_equal(setsockopt(broker->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
}

static void deliver_two_and_reset(struct broker *broker)
{
    broker_welcome(broker, 1000);
    deliver(broker, 2);
    reset_on_close(broker);
}

static void deliver_two_again(struct broker *broker)
{
    deliver_two_and_reset(broker);
    broker_break(broker);
    broker_welcome(broker, 1000);
    peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, 1, 1, 1);
    peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, 2, 2, 1);
    broker_send(broker);
    assert_true(broker_expect(broker, JQW_RECEIVED)->received.receipt == 2);
    broker_expect_end(broker);
}

/* The write of the confirmation fails. proves: GET-3 */
static void what_could_not_be_confirmed_is_delivered_again(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, deliver_two_again, JOINQ_FOREVER);
    joinq_ticket first = submit_auto(q, JOINQ_FOREVER), second = submit_auto(q, JOINQ_FOREVER);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    pause_ms(100); /* until the reset has come */
    assert_int_equal(outcome_of(q, second, 2, 1), JOINQ_OK);
    assert_int_equal(outcome_of(q, first, 1, 1), JOINQ_OK);
    finish(&broker, q);
}

/* proves: GET-3 */
static void without_another_connection_it_is_not_handed_out(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, deliver_two_and_reset, 0);
    joinq_ticket first = submit_auto(q, JOINQ_FOREVER), second = submit_auto(q, JOINQ_FOREVER);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    pause_ms(100);
    assert_int_equal(outcome_of(q, second, 2, 1), JOINQ_DISCONNECTED);
    assert_int_equal(outcome_of(q, first, 1, 1), JOINQ_DISCONNECTED);
    finish(&broker, q);
}

static void break_after_two_gets(struct broker *broker)
{
    broker_welcome(broker, 1000);
    uint32_t first = broker_expect(broker, JQW_GET)->request, second = broker_expect(broker, JQW_GET)->request;
    peer_got(&broker->peer, first, 7, 1, 1, 1);
    peer_got(&broker->peer, second, 7, 0, 2, 1);
    broker_send(broker);
    broker_expect(broker, JQW_STAT);
    broker_break(broker);
    broker->instance++;
    broker_welcome(broker, 1000);
    const struct jqw_message *get = broker_expect(broker, JQW_GET);
    assert_true(get->get.queue.incarnation == 7);
    peer_got(&broker->peer, get->request, 7, 1, 1, 1);
    broker_send(broker);
    peer_result(&broker->peer, broker_expect(broker, JQW_STAT)->request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
    assert_true(broker_expect(broker, JQW_RECEIVED)->received.receipt == 1);
    broker_expect_end(broker);
}

/* Answered, and not looked at when the connection broke; of the broker's next run too. proves: GET-3 RST-2 */
static void what_was_not_looked_at_is_asked_for_again(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_stats *stats;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    joinq_ticket lease;
    joinq *q = begin(&broker, break_after_two_gets, JOINQ_FOREVER);
    joinq_ticket receipt = submit_auto(q, JOINQ_FOREVER);
    assert_int_equal(joinq_submit_get(q, "jobs", NULL, &lease), JOINQ_OK);
    assert_int_equal(joinq_wait(q, lease, JOINQ_FOREVER, &outcome), JOINQ_OK);
    joinq_batch_free(outcome.batch);
    assert_int_equal(joinq_stat(q, "jobs", &stats), JOINQ_NO_QUEUE);
    assert_int_equal(outcome_of(q, receipt, 1, 1), JOINQ_OK);
    finish(&broker, q);
}

static void deliver_one_and_lose_the_queue(struct broker *broker)
{
    broker_welcome(broker, 1000);
    deliver(broker, 1);
    reset_on_close(broker);
    broker_break(broker);
    broker->instance++;
    broker_welcome(broker, 1000);
    const struct jqw_message *get = broker_expect(broker, JQW_GET);
    assert_true(get->get.queue.incarnation == 7);
    peer_got_none(&broker->peer, get->request, JQ_NO_QUEUE, 0);
    broker_send(broker);
    broker_expect_end(broker);
}

/* proves: GET-3 RST-1 */
static void what_was_lost_with_its_broker_is_said_to_be(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, deliver_one_and_lose_the_queue, JOINQ_FOREVER);
    joinq_ticket ticket = submit_auto(q, JOINQ_FOREVER);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    pause_ms(100);
    assert_int_equal(outcome_of(q, ticket, 0, 0), JOINQ_DISCONNECTED);
    finish(&broker, q);
}

static void deliver_one_and_go(struct broker *broker)
{
    broker_welcome(broker, 1000);
    deliver(broker, 1);
    reset_on_close(broker);
}

/* The listener stands, and nobody accepts. proves: GET-3 */
static void it_is_asked_for_no_longer_than_its_time(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    joinq *q = begin(&broker, deliver_one_and_go, JOINQ_FOREVER);
    joinq_ticket ticket = submit_auto(q, 200);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    pause_ms(50);
    assert_int_equal(joinq_wait(q, ticket, 0, &outcome), JOINQ_EMPTY);
    assert_int_equal(outcome_of(q, ticket, 0, 0), JOINQ_TIMEOUT);
    finish(&broker, q);
}

/* Who has asked to give it up does not wait for another message. proves: GET-3 CAN-1 */
static void what_was_to_be_cancelled_is_not_asked_for_again(void **state)
{
    (void)state;
    struct broker broker;
    bool hit = true;
    joinq *q = begin(&broker, deliver_one_and_go, JOINQ_FOREVER);
    joinq_ticket ticket = submit_auto(q, JOINQ_FOREVER);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    pause_ms(50);
    assert_int_equal(joinq_cancel(q, ticket, &hit), JOINQ_OK);
    assert_false(hit);
    assert_int_equal(outcome_of(q, ticket, 0, 0), JOINQ_CANCELLED);
    finish(&broker, q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_wholly_confirmed_is_asked_for_again),
        cmocka_unit_test(so_is_a_one_shot_end),
        cmocka_unit_test(what_could_not_be_confirmed_is_delivered_again),
        cmocka_unit_test(without_another_connection_it_is_not_handed_out),
        cmocka_unit_test(what_was_not_looked_at_is_asked_for_again),
        cmocka_unit_test(what_was_lost_with_its_broker_is_said_to_be),
        cmocka_unit_test(it_is_asked_for_no_longer_than_its_time),
        cmocka_unit_test(what_was_to_be_cancelled_is_not_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
