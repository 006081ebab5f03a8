/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a broker that refuses, and one that keeps to the format and makes no sense all the same. */
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
    assert_int_equal(joinq_connect(&f->q, f->broker.url, NULL), JOINQ_OK);
    return f;
}

static void end(struct fixture *f)
{
    joinq_free(f->q);
    broker_end(&f->broker);
    free(f);
}

/* ---- a get that carries dones ------------------------------------------------------------------------------------------- */

static void refuse_the_second_get(struct broker *broker)
{
    broker_welcome(broker, 1000);
    peer_got(&broker->peer, broker_expect(broker, JQW_GET)->request, 7, 0, 1, 3);
    broker_send(broker);
    struct jqw_message *get = broker_expect(broker, JQW_GET);
    assert_int_equal(get->get.done.count, 1);
    peer_result(&broker->peer, get->request, JQ_BUSY, 0, 0);
    broker_send(broker);
    get = broker_expect(broker, JQW_GET);
    assert_int_equal(get->get.done.count, 1); /* again: nothing had happened */
    assert_int_equal(get->get.done.item[0].count, 3);
    peer_got_none(&broker->peer, get->request, JQ_EMPTY, 0);
    broker_send(broker);
    get = broker_expect(broker, JQW_GET);
    assert_int_equal(get->get.done.count, 0); /* done is done */
    peer_got_none(&broker->peer, get->request, JQ_EMPTY, 0);
    broker_send(broker);
    broker_expect_end(broker);
}

/* proves: GET-5 */
static void a_refused_get_finishes_nothing(void **state)
{
    (void)state;
    struct fixture *f = begin(refuse_the_second_get);
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    struct joinq_batch *batch, *more;
    options.max = 3;
    assert_int_equal(joinq_get_many(f->q, "jobs", &options, &batch), JOINQ_OK);
    options.done = batch;
    assert_int_equal(joinq_get_many(f->q, "jobs", &options, &more), JOINQ_BUSY);
    assert_int_equal(joinq_get_many(f->q, "jobs", &options, &more), JOINQ_EMPTY);
    assert_int_equal(joinq_get_many(f->q, "jobs", &options, &more), JOINQ_EMPTY);
    joinq_batch_free(batch);
    end(f);
}

/* ---- what makes no sense ------------------------------------------------------------------------------------------------ */

static void welcome_with(struct broker *broker, uint32_t version, uint32_t batch_max)
{
    static const uint8_t instance[16] = {1};
    struct jqw_message welcome = {.op = JQW_WELCOME,
                                  .request = broker_expect(broker, JQW_HELLO)->request,
                                  .welcome = {.version = version,
                                              .instance = {instance, sizeof instance},
                                              .frame_max = JQW_FRAME_MAX,
                                              .message_max = JQW_MESSAGE_MAX,
                                              .batch_max = batch_max,
                                              .settle_max = JQW_SETTLE_MAX,
                                              .waiting_max = 1000}};
    peer_say(&broker->peer, &welcome);
    broker_send(broker);
}

static void welcome_in_another_version(struct broker *broker)
{
    welcome_with(broker, JQW_VERSION + 1, JQW_BATCH_MAX);
}

static void welcome_without_batches(struct broker *broker)
{
    welcome_with(broker, JQW_VERSION, 0);
}

static void welcome_with_more_than_there_is(struct broker *broker)
{
    welcome_with(broker, JQW_VERSION, JQW_BATCH_MAX + 1);
}

static void a_welcome_must_make_sense(void **state)
{
    (void)state;
    void (*const scripts[])(struct broker *) = {welcome_in_another_version, welcome_without_batches,
                                                welcome_with_more_than_there_is};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct broker broker;
        joinq *q = NULL;
        broker_start(&broker, scripts[i]);
        assert_int_equal(joinq_connect(&q, broker.url, NULL), JOINQ_PROTOCOL);
        assert_null(q);
        broker_end(&broker);
    }
}

static void give_nothing(struct broker *broker)
{
    broker_welcome(broker, 1000);
    peer_got_none(&broker->peer, broker_expect(broker, JQW_GET)->request, JQ_OK, 0);
    broker_send(broker);
    broker_expect_end(broker);
}

static void a_get_never_brings_nothing(void **state)
{
    (void)state;
    struct fixture *f = begin(give_nothing);
    struct joinq_batch *batch = NULL;
    assert_int_equal(joinq_get(f->q, "jobs", JOINQ_FOREVER, &batch), JOINQ_PROTOCOL);
    assert_null(batch);
    end(f);
}

static void know_of_nothing(struct broker *broker)
{
    broker_welcome(broker, 1000);
    struct jqw_message stats = {.op = JQW_STATS, .request = broker_expect(broker, JQW_STAT)->request};
    peer_say(&broker->peer, &stats);
    broker_send(broker);
    broker_expect_end(broker);
}

static void a_stat_is_of_one_queue(void **state)
{
    (void)state;
    struct fixture *f = begin(know_of_nothing);
    struct joinq_stats *stats = NULL;
    assert_int_equal(joinq_stat(f->q, "jobs", &stats), JOINQ_PROTOCOL);
    assert_null(stats);
    end(f);
}

/* ---- a connection given up ---------------------------------------------------------------------------------------------- */

/* OVERLOADED would say that nothing has happened. */
static void what_was_on_its_way_has_an_unknown_outcome(void **state)
{
    (void)state;
    struct jqc_core core;
    struct jqc_request *hello, *put;
    struct jqw_message message = {.op = JQW_HELLO};
    assert_int_equal(jqc_core_init(&core), JQ_OK);
    assert_int_equal(jqc_core_submit(&core, &message, NULL, &hello), JQ_OK);
    message = (struct jqw_message){.op = JQW_PUT};
    assert_int_equal(jqc_core_submit(&core, &message, NULL, &put), JQ_OK);
    jqc_core_lose(&core, JQ_OVERLOADED, "no memory to read what the broker sends");
    assert_int_equal(hello->answer.code, JQ_OVERLOADED);
    assert_int_equal(put->answer.code, JQ_DISCONNECTED);
    assert_string_equal(put->answer.text, "no memory to read what the broker sends");
    jqc_core_fini(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_get_finishes_nothing),
        cmocka_unit_test(a_welcome_must_make_sense),
        cmocka_unit_test(a_get_never_brings_nothing),
        cmocka_unit_test(a_stat_is_of_one_queue),
        cmocka_unit_test(what_was_on_its_way_has_an_unknown_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
