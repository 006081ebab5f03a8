/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client while its connection is gone: what it says, for how long, and what it keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_broker.h"
#include "jqc_driver.h"
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

static joinq_ticket submit_get(joinq *q, const struct joinq_get_options *options)
{
    joinq_ticket ticket;
    assert_int_equal(joinq_submit_get(q, "jobs", options, &ticket), JOINQ_OK);
    return ticket;
}

static int outcome_of(joinq *q, joinq_ticket ticket)
{
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    assert_int_equal(joinq_wait(q, ticket, JOINQ_FOREVER, &outcome), JOINQ_OK);
    joinq_batch_free(outcome.batch);
    return outcome.code;
}

static void pause_ms(int64_t ms)
{
    assert_int_equal(jqc_poll(-1, 0, jqc_deadline(ms)), JQ_TIMEOUT);
}

/* ---- before the welcome ------------------------------------------------------------------------------------------------ */

static void say_before_the_welcome(struct jqc_core *core, struct jqw_message *message)
{
    size_t before, after;
    struct jqc_request *request;
    jqc_core_output(core, &before);
    assert_int_equal(jqc_core_submit(core, message, NULL, &request), JQ_OK);
    jqc_core_output(core, &after);
    assert_true(after > before);
}

/* Who has a password says it on each connection, and none of it on another. proves: ONE-3 */
static void the_greeting_goes_out_on_its_own_connection(void **state)
{
    (void)state;
    static const uint8_t id[JQC_CLIENT_ID_SIZE];
    struct jqc_core core;
    size_t size;
    assert_int_equal(jqc_core_init(&core), JQ_OK);
    struct jqw_message hello = {.op = JQW_HELLO, .hello = {.version = JQW_VERSION, .client = {id, sizeof id}}};
    struct jqw_message auth = {.op = JQW_AUTH, .auth = {1, {(const uint8_t *)"n,,", 3}}};
    for (int connection = 0; connection < 3; connection++) {
        say_before_the_welcome(&core, &hello);
        say_before_the_welcome(&core, &auth);
        jqc_core_suspend(&core, "gone");
        assert_null(jqc_core_output(&core, &size));
    }
    jqc_core_resume(&core, 0, 0);
    assert_null(jqc_core_output(&core, &size));
    jqc_core_fini(&core);
}

/* ---- the same queue ---------------------------------------------------------------------------------------------------- */

static void met_meanwhile(struct broker *broker)
{
    broker_welcome(broker, 1000);
    assert_true(broker_expect(broker, JQW_GET)->get.queue.incarnation == 0);
    struct jqw_message *put = broker_expect(broker, JQW_PUT);
    peer_result(&broker->peer, put->request, JQ_OK, 7, 1);
    broker_send(broker);
    broker_break(broker);
    broker->instance++;
    broker_welcome(broker, 1000);
    struct jqw_message *get = broker_expect(broker, JQW_GET);
    assert_true(get->get.queue.incarnation == 7);
    peer_got_none(&broker->peer, get->request, JQ_NO_QUEUE, 0);
    broker_send(broker);
}

/* proves: RST-1 */
static void a_get_goes_to_the_queue_that_was_met_while_it_waited(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, met_meanwhile, JOINQ_FOREVER);
    joinq_ticket ticket = submit_get(q, NULL);
    assert_int_equal(joinq_put(q, "jobs", "x", 1, JOINQ_FOREVER), JOINQ_OK);
    assert_int_equal(outcome_of(q, ticket), JOINQ_DISCONNECTED);
    broker_end(&broker);
    joinq_free(q);
}

static void lose_two_queues(struct broker *broker)
{
    broker_welcome(broker, 1000);
    for (uint64_t incarnation = 7; incarnation <= 8; incarnation++) {
        peer_result(&broker->peer, broker_expect(broker, JQW_DECLARE)->request, JQ_OK, incarnation, 0);
        broker_send(broker);
    }
    broker_expect(broker, JQW_PING);
    broker_break(broker);
    broker->instance++;
    broker_welcome(broker, 1000);
    peer_result(&broker->peer, broker_expect(broker, JQW_PING)->request, JQ_OK, 0, 0);
    broker_send(broker);
    struct jqw_message settled = {.op = JQW_SETTLED, .settled.code = JQ_NO_QUEUE};
    settled.request = broker_expect(broker, JQW_FORWARD)->request;
    peer_say(&broker->peer, &settled);
    broker_send(broker);
    peer_result(&broker->peer, broker_expect(broker, JQW_MOVE)->request, JQ_NO_QUEUE, 0, 0);
    broker_send(broker);
    struct jqw_message got = {.op = JQW_GOT, .got = {.code = JQ_NO_QUEUE, .place = 1}};
    got.request = broker_expect(broker, JQW_GET)->request;
    peer_say(&broker->peer, &got);
    broker_send(broker);
}

/* proves: RST-1 */
static void lost_is_lost_also_where_several_queues_are_named(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    joinq *q = begin(&broker, lose_two_queues, JOINQ_FOREVER);
    const struct joinq_body body = {"x", 1};
    const struct joinq_target target = {"jobs", &body, 1, NULL};
    static const char *const others[] = {"jobs"};
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    options.others = others;
    options.other_count = 1;
    assert_int_equal(joinq_declare(q, "jobs", NULL), JOINQ_OK);
    assert_int_equal(joinq_declare(q, "rest", NULL), JOINQ_OK);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    assert_int_equal(joinq_forward(q, NULL, 0, 0, &target, 1, JOINQ_FOREVER), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_move(q, "new", "jobs", 0, NULL), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_get_many(q, "new", &options, &batch), JOINQ_DISCONNECTED);
    broker_end(&broker);
    joinq_free(q);
}

/* ---- producers --------------------------------------------------------------------------------------------------------- */

static void say_attached(struct broker *broker, uint32_t request, int code)
{
    struct jqw_message attached = {
        .op = JQW_ATTACHED, .request = request, .attached = {.code = (uint32_t)code, .incarnation = 7}};
    peer_say(&broker->peer, &attached);
    broker_send(broker);
}

static void another_name_finishes(struct broker *broker)
{
    broker_welcome(broker, 1000);
    say_attached(broker, broker_expect(broker, JQW_ATTACH)->request, JQ_OK);
    peer_result(&broker->peer, broker_expect(broker, JQW_FINISH)->request, JQ_OK, 7, 0);
    broker_send(broker);
    broker_expect(broker, JQW_PING);
    broker_break(broker);
    broker_welcome(broker, 1000);
    struct jqw_message *attach = broker_expect(broker, JQW_ATTACH);
    assert_int_equal(attach->producer.producer.size, 2);
    assert_memory_equal(attach->producer.producer.data, "me", 2);
    say_attached(broker, attach->request, JQ_OK);
    peer_result(&broker->peer, broker_expect(broker, JQW_PING)->request, JQ_OK, 0, 0);
    broker_send(broker);
}

/* proves: PRD-4 */
static void who_finishes_another_name_stays_attached(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, another_name_finishes, JOINQ_FOREVER);
    assert_int_equal(joinq_attach(q, "jobs", "me", 0, NULL), JOINQ_OK);
    assert_int_equal(joinq_finish(q, "jobs", "lost"), JOINQ_OK);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    broker_end(&broker);
    joinq_free(q);
}

static void ping_twice(struct broker *broker)
{
    peer_result(&broker->peer, broker_expect(broker, JQW_PING)->request, JQ_OK, 0, 0);
    broker_send(broker);
    broker_expect(broker, JQW_PING);
    broker_break(broker);
    broker_welcome(broker, 1000);
    peer_result(&broker->peer, broker_expect(broker, JQW_PING)->request, JQ_OK, 0, 0);
    broker_send(broker);
}

static void fence(struct broker *broker)
{
    broker_welcome(broker, 1000);
    say_attached(broker, broker_expect(broker, JQW_ATTACH)->request, JQ_OK);
    const struct jqw_message fenced = {
        .op = JQW_EVENT_FENCED,
        .fenced = {.queue = {{(const uint8_t *)"jobs", 4}, 7}, .producer = {(const uint8_t *)"me", 2}}};
    peer_say(&broker->peer, &fenced);
    broker_send(broker);
    ping_twice(broker);
}

static void refuse_to_attach_again(struct broker *broker)
{
    broker_welcome(broker, 1000);
    say_attached(broker, broker_expect(broker, JQW_ATTACH)->request, JQ_OK);
    broker_expect(broker, JQW_PING);
    broker_break(broker);
    broker_welcome(broker, 1000);
    say_attached(broker, broker_expect(broker, JQW_ATTACH)->request, JQ_EXISTS);
    ping_twice(broker);
}

static void make_the_queue_anew(struct broker *broker)
{
    broker_welcome(broker, 1000);
    say_attached(broker, broker_expect(broker, JQW_ATTACH)->request, JQ_OK);
    peer_result(&broker->peer, broker_expect(broker, JQW_DECLARE)->request, JQ_OK, 9, 0);
    broker_send(broker);
    ping_twice(broker);
}

static void attach_and_ping(void (*script)(struct broker *), bool declare)
{
    struct broker broker;
    joinq *q = begin(&broker, script, JOINQ_FOREVER);
    assert_int_equal(joinq_attach(q, "jobs", "me", 0, NULL), JOINQ_OK);
    if (declare)
        assert_int_equal(joinq_declare(q, "jobs", NULL), JOINQ_OK);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    broker_end(&broker);
    joinq_free(q);
}

/* proves: PRD-1 */
static void who_was_fenced_is_not_attached_again(void **state)
{
    (void)state;
    attach_and_ping(fence, false);
    attach_and_ping(refuse_to_attach_again, false);
}

/* proves: PRD-1 RST-1 */
static void nobody_is_attached_to_a_queue_made_anew(void **state)
{
    (void)state;
    attach_and_ping(make_the_queue_anew, true);
}

/* ---- in bounds --------------------------------------------------------------------------------------------------------- */

static void welcome_and_go(struct broker *broker)
{
    broker_welcome(broker, 1 << 20);
}

static void what_is_given_up_takes_neither_time_nor_memory(void **state)
{
    (void)state;
    enum { SIZE = 256 * 1024 };
    struct broker broker;
    struct joinq_batch *batch;
    char *body = calloc(SIZE, 1);
    assert_non_null(body);
    joinq *q = begin(&broker, welcome_and_go, JOINQ_FOREVER);
    assert_int_equal(joinq_get(q, "jobs", 1, &batch), JOINQ_TIMEOUT); /* there is no connection now */
    for (int i = 0; i < 40; i++) {
        int64_t late_ns = jqc_deadline(1000);
        assert_int_equal(joinq_put(q, "jobs", body, SIZE, 1), JOINQ_TIMEOUT);
        assert_true(jqc_deadline(0) < late_ns); /* though the next try is far away */
    }
    assert_true(q->core.kept.capacity < 8 * SIZE);
    broker_end(&broker);
    joinq_free(q);
    free(body);
}

static void break_under_a_done(struct broker *broker)
{
    broker_welcome(broker, 1000);
    peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, 0, 1, 1);
    broker_send(broker);
    broker_expect(broker, JQW_DONE);
    broker_break(broker);
    broker_welcome(broker, 1000);
    peer_result(&broker->peer, broker_expect(broker, JQW_PING)->request, JQ_OK, 0, 0);
    broker_send(broker);
}

static void hear_a_put_and_go(struct broker *broker)
{
    broker_welcome(broker, 1000);
    broker_expect(broker, JQW_PUT);
}

/* A program that watches descriptors stays awake. proves: CAN-1 */
static void no_flush_or_cancel_waits_for_a_connection(void **state)
{
    (void)state;
    struct broker broker;
    const struct joinq_body body = {"x", 1};
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    joinq_ticket put;
    bool hit;
    joinq *q = begin(&broker, hear_a_put_and_go, JOINQ_FOREVER);
    assert_int_equal(joinq_submit_put(q, "jobs", &body, 1, NULL, &put), JOINQ_OK);
    while (joinq_fd(q) >= 0)
        assert_int_equal(joinq_wait(q, put, 10, &outcome), JOINQ_TIMEOUT);
    broker_end(&broker);
    joinq_ticket get = submit_get(q, NULL);
    assert_int_equal(joinq_flush(q), JOINQ_OK);
    assert_int_equal(joinq_cancel(q, get, &hit), JOINQ_OK);
    assert_true(hit);
    assert_int_equal(outcome_of(q, get), JOINQ_CANCELLED);
    assert_int_equal(joinq_cancel(q, put, &hit), JOINQ_OK);
    assert_false(hit);
    assert_int_equal(outcome_of(q, put), JOINQ_DISCONNECTED);
    joinq_free(q);
}

/* A program that works for long between its calls. */
static void it_is_not_given_up_before_it_was_tried(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    joinq *q = begin(&broker, break_under_a_done, 100);
    assert_int_equal(joinq_get(q, "jobs", JOINQ_FOREVER, &batch), JOINQ_OK);
    assert_int_equal(joinq_done(q, batch, 0, 1), JOINQ_LEASE_LOST);
    pause_ms(300);
    assert_int_equal(joinq_ping(q), JOINQ_OK);
    broker_end(&broker);
    joinq_batch_free(batch);
    joinq_free(q);
}

static void there_is_no_patience_after_the_end(void **state)
{
    (void)state;
    struct broker broker;
    joinq *q = begin(&broker, welcome_and_go, 100);
    broker_end(&broker);
    assert_int_equal(joinq_ping(q), JOINQ_DISCONNECTED);
    assert_int_equal(joinq_patience_ms(q), JOINQ_FOREVER);
    joinq_free(q);
}

/* ---- many at once ------------------------------------------------------------------------------------------------------ */

static void answer_late(struct broker *broker)
{
    uint32_t first = 0;
    broker_welcome(broker, 1000);
    peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, 0, 1, 1);
    broker_send(broker);
    for (int i = 0; i < JQW_SLOTS_MAX; i++) {
        uint32_t request = broker_expect(broker, JQW_PUT)->request;
        first = i == 0 ? request : first;
    }
    struct jqw_range lost = {7, 99, 1, 1};
    const struct jqw_message event = {.op = JQW_EVENT_LEASE_LOST, .lease_lost.ranges = {&lost, 1}};
    peer_say(&broker->peer, &event);
    peer_result(&broker->peer, first, JQ_OK, 7, 1);
    broker_send(broker);
    struct jqw_message *forward = broker_expect(broker, JQW_FORWARD);
    assert_int_equal(forward->forward.done.count, 1);
    assert_int_equal(forward->forward.done.item[0].first, 1);
    struct jqw_message settled = {.op = JQW_SETTLED, .request = forward->request, .settled.count = 1};
    peer_say(&broker->peer, &settled);
    broker_send(broker);
}

/* proves: FWD-1 */
static void a_forward_that_waits_for_a_slot_finishes_its_own(void **state)
{
    (void)state;
    struct broker broker;
    struct joinq_batch *batch;
    joinq_ticket ticket;
    joinq *q = begin(&broker, answer_late, JOINQ_FOREVER);
    const struct joinq_body body = {"x", 1};
    const struct joinq_target target = {"out", &body, 1, NULL};
    assert_int_equal(joinq_get(q, "jobs", JOINQ_FOREVER, &batch), JOINQ_OK);
    for (int i = 0; i < JQW_SLOTS_MAX; i++)
        assert_int_equal(joinq_submit_put(q, "jobs", &body, 1, NULL, &ticket), JOINQ_OK);
    assert_int_equal(joinq_forward(q, batch, 0, 1, &target, 1, JOINQ_FOREVER), JOINQ_OK);
    broker_end(&broker);
    joinq_batch_free(batch);
    joinq_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greeting_goes_out_on_its_own_connection),
        cmocka_unit_test(a_get_goes_to_the_queue_that_was_met_while_it_waited),
        cmocka_unit_test(lost_is_lost_also_where_several_queues_are_named),
        cmocka_unit_test(who_finishes_another_name_stays_attached),
        cmocka_unit_test(who_was_fenced_is_not_attached_again),
        cmocka_unit_test(nobody_is_attached_to_a_queue_made_anew),
        cmocka_unit_test(what_is_given_up_takes_neither_time_nor_memory),
        cmocka_unit_test(no_flush_or_cancel_waits_for_a_connection),
        cmocka_unit_test(it_is_not_given_up_before_it_was_tried),
        cmocka_unit_test(there_is_no_patience_after_the_end),
        cmocka_unit_test(a_forward_that_waits_for_a_slot_finishes_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
