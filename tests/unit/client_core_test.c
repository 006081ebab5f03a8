/* SPDX-License-Identifier: Apache-2.0 */
/* The client core: requests in, bytes out; bytes in, outcomes out. No I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_peer.h"
#include "jqc_batch.h"
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct jqc_core core;
    struct peer peer;
    struct jqc_name *jobs;
};

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    if (!f || jqc_core_init(&f->core) != JQ_OK || jqc_names_find(&f->core.names, "jobs", &f->jobs) != JQ_OK)
        return -1;
    peer_init(&f->peer);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    jqc_core_fini(&f->core);
    peer_fini(&f->peer);
    free(f);
    return 0;
}

static struct jqc_request *submit(struct fixture *f, struct jqw_message message)
{
    struct jqc_request *request;
    assert_int_equal(jqc_core_submit(&f->core, &message, f->jobs, &request), JQ_OK);
    return request;
}

static struct jqc_request *submit_put(struct fixture *f, const char *text)
{
    struct jqw_bytes body = {(const uint8_t *)text, strlen(text)};
    return submit(f, (struct jqw_message){.op = JQW_PUT,
                                          .put = {.queue = jqc_name_queue(f->jobs),
                                                  .timeout_ms = JQW_TIMEOUT_FOREVER,
                                                  .bodies = {.item = &body, .count = 1}}});
}

static struct jqc_request *submit_get(struct fixture *f, uint32_t flags)
{
    return submit(f, (struct jqw_message){.op = JQW_GET,
                                          .get = {.queue = jqc_name_queue(f->jobs),
                                                  .timeout_ms = JQW_TIMEOUT_FOREVER,
                                                  .max = JQW_BATCH_MAX,
                                                  .flags = flags}});
}

static void close_request(struct fixture *f, struct jqc_request *request)
{
    jqc_request_close(&f->core.requests, request);
}

static void a_request_is_sent_and_answered(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_put(f, "hello");
    assert_int_equal(request->state, JQC_OPEN);
    assert_false(jqc_core_is_sent(&f->core, request));
    size_t size;
    jqc_core_output(&f->core, &size);
    jqc_core_sent(&f->core, 0);
    assert_false(jqc_core_is_sent(&f->core, request));
    peer_collect(&f->peer, &f->core);
    assert_true(jqc_core_is_sent(&f->core, request));
    assert_null(jqc_core_output(&f->core, &size));
    struct jqw_message *seen = peer_expect(&f->peer, JQW_PUT);
    assert_int_equal(seen->request, request->id);
    assert_int_equal(seen->put.bodies.count, 1);
    peer_result(&f->peer, request->id, JQ_OK, 7, 1);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(request->state, JQC_ANSWERED);
    assert_int_equal(request->answer.code, JQ_OK);
    assert_int_equal(request->answer.count, 1);
    close_request(f, request);
}

static void part_of_the_output_is_sent(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *first = submit_put(f, "one");
    size_t one, both;
    jqc_core_output(&f->core, &one);
    struct jqc_request *second = submit_put(f, "two");
    jqc_core_output(&f->core, &both);
    jqc_core_sent(&f->core, one);
    assert_true(jqc_core_is_sent(&f->core, first));
    assert_false(jqc_core_is_sent(&f->core, second));
    jqc_core_sent(&f->core, both - one);
    assert_true(jqc_core_is_sent(&f->core, second));
}

static void answers_come_in_any_order(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *first = submit_put(f, "one"), *second = submit_put(f, "two");
    jqc_request_ticket(&f->core.requests, first);
    jqc_request_ticket(&f->core.requests, second);
    peer_result(&f->peer, second->id, JQ_FULL, 7, 0);
    peer_feed(&f->peer, &f->core, 1);
    assert_int_equal(first->state, JQC_OPEN);
    assert_ptr_equal(f->core.requests.first, second);
    peer_result(&f->peer, first->id, JQ_OK, 7, 1);
    peer_feed(&f->peer, &f->core, 1);
    close_request(f, second);
    assert_ptr_equal(f->core.requests.first, first);
    assert_int_equal(second->answer.code, JQ_FULL);
}

static void an_old_id_finds_nothing(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_put(f, "x");
    uint32_t old = request->id;
    assert_ptr_equal(jqc_request_find(&f->core.requests, old), request);
    peer_result(&f->peer, old, JQ_OK, 7, 1);
    peer_feed(&f->peer, &f->core, 0);
    close_request(f, request);
    assert_null(jqc_request_find(&f->core.requests, old));
    struct jqc_request *next = submit_put(f, "y");
    assert_int_not_equal(next->id, old);
    assert_null(jqc_request_find(&f->core.requests, old));
    assert_null(jqc_request_find(&f->core.requests, 0));
    assert_null(jqc_request_find(&f->core.requests, 4711));
}

/* proves: RST-1 */
static void the_first_incarnation_is_named_until_declared_anew(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_put(f, "x");
    peer_collect(&f->peer, &f->core);
    assert_int_equal(peer_expect(&f->peer, JQW_PUT)->put.queue.incarnation, 0);
    peer_result(&f->peer, request->id, JQ_OK, 7, 1);
    peer_feed(&f->peer, &f->core, 0);
    close_request(f, request);
    for (int i = 0; i < 2; i++) {
        request = submit_put(f, "y");
        peer_collect(&f->peer, &f->core);
        assert_int_equal(peer_expect(&f->peer, JQW_PUT)->put.queue.incarnation, 7);
        peer_result(&f->peer, request->id, JQ_NO_QUEUE, 8, 0);
        peer_feed(&f->peer, &f->core, 0);
        close_request(f, request);
    }
    request =
        submit(f, (struct jqw_message){.op = JQW_DECLARE, .declare = {.queue.name = {(const uint8_t *)"jobs", 4}}});
    peer_result(&f->peer, request->id, JQ_OK, 9, 0);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(jqc_name_queue(f->jobs).incarnation, 9);
}

/* proves: GET-3 */
static void a_delivery_on_receipt_is_confirmed_once(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_get(f, JQW_GET_AUTO);
    peer_collect(&f->peer, &f->core);
    peer_expect(&f->peer, JQW_GET);
    peer_got(&f->peer, request->id, 7, 5, 100, 3);
    peer_feed(&f->peer, &f->core, 0);
    batch_check(request->answer.batch, 100, 3);
    assert_false(request->answer.batch->leased);
    peer_collect(&f->peer, &f->core);
    assert_false(peer_next(&f->peer));
    for (int i = 0; i < 2; i++)
        assert_int_equal(jqc_core_receive(&f->core, &request->answer), JQ_OK);
    peer_collect(&f->peer, &f->core);
    assert_int_equal(peer_expect(&f->peer, JQW_RECEIVED)->received.receipt, 5);
    assert_false(peer_next(&f->peer));
    jqc_core_lose(&f->core, JQ_DISCONNECTED, "gone");
    assert_int_equal(jqc_core_receive(&f->core, &request->answer), JQ_OK);
    request->answer.receipt = 6;
    assert_int_equal(jqc_core_receive(&f->core, &request->answer), JQ_DISCONNECTED);
}

/* proves: END-6 */
static void a_sentinel_is_confirmed_too(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_get(f, 0);
    peer_got_none(&f->peer, request->id, JQ_END, 1);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(request->answer.code, JQ_END);
    assert_int_equal(jqc_core_receive(&f->core, &request->answer), JQ_OK);
    peer_collect(&f->peer, &f->core);
    peer_expect(&f->peer, JQW_GET);
    assert_int_equal(peer_expect(&f->peer, JQW_RECEIVED)->received.receipt, 1);
}

static void expect_release(struct fixture *f, uint64_t first, uint32_t count)
{
    peer_collect(&f->peer, &f->core);
    struct jqw_message *release = peer_expect(&f->peer, JQW_RELEASE);
    assert_int_equal(release->settle.ranges.count, 1);
    assert_int_equal(release->settle.ranges.item[0].incarnation, 7);
    assert_int_equal(release->settle.ranges.item[0].first, first);
    assert_int_equal(release->settle.ranges.item[0].count, count);
    struct jqw_message settled = {.op = JQW_SETTLED, .request = release->request, .settled = {.count = count}};
    peer_say(&f->peer, &settled);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(f->core.lost, JQ_OK);
}

/* proves: CAN-1 */
static void what_nobody_waits_for_is_cancelled_and_given_back(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_get(f, 0);
    uint32_t id = request->id;
    jqc_core_forget(&f->core, request);
    peer_collect(&f->peer, &f->core);
    peer_expect(&f->peer, JQW_GET);
    struct jqw_message *cancel = peer_expect(&f->peer, JQW_CANCEL);
    assert_int_equal(cancel->cancel.target, id);
    peer_got(&f->peer, id, 7, 0, 100, 3); /* it came before the cancel */
    peer_result(&f->peer, cancel->request, JQ_OK, 0, 0);
    peer_feed(&f->peer, &f->core, 0);
    assert_null(jqc_request_find(&f->core.requests, id));
    expect_release(f, 100, 3);
}

/* proves: CAN-1 */
static void what_has_come_already_is_given_back(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_get(f, JQW_GET_AUTO);
    peer_collect(&f->peer, &f->core);
    peer_expect(&f->peer, JQW_GET);
    peer_got(&f->peer, request->id, 7, 9, 100, 3);
    peer_feed(&f->peer, &f->core, 0);
    jqc_core_forget(&f->core, request);
    expect_release(f, 100, 3);
}

static void every_open_request_ends_with_the_connection(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *answered = submit_put(f, "one"), *open = submit_get(f, 0);
    struct jqc_request *forgotten = submit_get(f, 0);
    uint32_t forgotten_id = forgotten->id;
    jqc_core_forget(&f->core, forgotten);
    peer_result(&f->peer, answered->id, JQ_OK, 7, 1);
    peer_feed(&f->peer, &f->core, 0);
    jqc_core_lose(&f->core, JQ_DISCONNECTED, "the broker closed the connection");
    jqc_core_lose(&f->core, JQ_PROTOCOL, "a later reason");
    assert_int_equal(answered->answer.code, JQ_OK);
    assert_int_equal(open->state, JQC_ANSWERED);
    assert_int_equal(open->answer.code, JQ_DISCONNECTED);
    assert_string_equal(open->answer.text, "the broker closed the connection");
    assert_null(jqc_request_find(&f->core.requests, forgotten_id));
    struct jqw_message message = {.op = JQW_LIST};
    struct jqc_request *request;
    assert_int_equal(jqc_core_submit(&f->core, &message, NULL, &request), JQ_DISCONNECTED);
}

static void what_the_broker_says_before_it_closes_is_the_reason(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_put(f, "x");
    struct jqw_message message = {.op = JQW_RESULT,
                                  .result = {.code = JQ_PROTOCOL, .text = {(const uint8_t *)"malformed", 9}}};
    peer_say(&f->peer, &message);
    peer_feed(&f->peer, &f->core, 0);
    jqc_core_lose(&f->core, JQ_DISCONNECTED, "the broker closed the connection");
    assert_string_equal(request->answer.text, "malformed");
}

static void events_are_no_answers(void **state)
{
    struct fixture *f = *state;
    const struct jqw_range range = {7, 100, 1, 1};
    struct jqw_message lost = {.op = JQW_EVENT_LEASE_LOST, .lease_lost = {.ranges = {&range, 1}}};
    struct jqw_message draining = {.op = JQW_EVENT_DRAINING, .draining = {.within_ms = 1000}};
    const uint8_t later_version[] = {0, 0, 0, 4, 0x93, 120, 0, 0xc0};
    peer_say(&f->peer, &lost);
    peer_say(&f->peer, &draining);
    assert_int_equal(jqw_buffer_append(&f->peer.out, later_version, sizeof later_version), JQ_OK);
    struct jqc_request *request = submit_put(f, "x");
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(f->core.lost, JQ_OK);
    assert_int_equal(request->state, JQC_OPEN);
}

static void nonsense_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    const uint8_t length_4g[] = {0xff, 0xff, 0xff, 0xff, 0x93};
    struct jqc_request *request = submit_put(f, "x");
    assert_int_equal(jqw_buffer_append(&f->peer.out, length_4g, sizeof length_4g), JQ_OK);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(f->core.lost, JQ_PROTOCOL);
    assert_int_equal(request->answer.code, JQ_PROTOCOL);
}

static void an_answer_to_nothing_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    peer_result(&f->peer, 4711, JQ_OK, 0, 0);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(f->core.lost, JQ_PROTOCOL);
}

static void an_answer_of_another_kind_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_get(f, 0);
    peer_result(&f->peer, request->id, JQ_OK, 7, 0);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(f->core.lost, JQ_PROTOCOL);
}

static void a_result_may_refuse_any_request(void **state)
{
    struct fixture *f = *state;
    struct jqc_request *request = submit_get(f, 0);
    peer_result(&f->peer, request->id, JQ_INVALID, 0, 0);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(f->core.lost, JQ_OK);
    assert_int_equal(request->answer.code, JQ_INVALID);
}

static void requests_without_an_outcome_are_limited(void **state)
{
    struct fixture *f = *state;
    struct jqw_message message = {.op = JQW_LIST};
    struct jqc_request *request;
    uint8_t *ids = calloc(1, JQC_REQUESTS_MAX + 1);
    assert_non_null(ids);
    for (uint32_t i = 0; i < JQC_REQUESTS_MAX; i++) {
        assert_int_equal(jqc_core_submit(&f->core, &message, NULL, &request), JQ_OK);
        assert_in_range(request->id, 1, JQC_REQUESTS_MAX);
        assert_int_equal(ids[request->id]++, 0);
    }
    free(ids);
    assert_int_equal(jqc_core_submit(&f->core, &message, NULL, &request), JQ_BUSY);
    close_request(f, jqc_request_find(&f->core.requests, 4711));
    assert_int_equal(jqc_core_submit(&f->core, &message, NULL, &request), JQ_OK);
    assert_int_equal(request->id, 4711 + 65536);
}

static void limits_of_the_broker_are_kept(void **state)
{
    struct fixture *f = *state;
    struct jqw_message hello = {.op = JQW_HELLO,
                                .hello = {.version = 1, .client = {(const uint8_t *)"0123456789abcdef", 16}}};
    struct jqc_request *request = submit(f, hello);
    struct jqw_message welcome = {.op = JQW_WELCOME,
                                  .request = request->id,
                                  .welcome = {.version = 1,
                                              .instance = {(const uint8_t *)"0123456789abcdef", 16},
                                              .frame_max = 64,
                                              .message_max = 50,
                                              .batch_max = 10,
                                              .data = {(const uint8_t *)"0123456789abcdef", 16}}};
    peer_say(&f->peer, &welcome);
    peer_feed(&f->peer, &f->core, 0);
    assert_int_equal(request->answer.code, JQ_OK);
    peer_collect(&f->peer, &f->core);
    char text[100];
    struct jqw_bytes body = {memset(text, 'x', sizeof text), sizeof text};
    struct jqw_message put = {.op = JQW_PUT,
                              .put = {.queue = jqc_name_queue(f->jobs), .bodies = {.item = &body, .count = 1}}};
    assert_int_equal(jqc_core_submit(&f->core, &put, f->jobs, &request), JQ_TOO_LARGE);
    size_t size;
    assert_null(jqc_core_output(&f->core, &size));
}

/* Batches lie where they were read, whatever the sizes of what is read. */
static void batches_hold_while_more_is_read(void **state)
{
    struct fixture *f = *state;
    enum { GETS = 60, EACH = 1000 };
    struct joinq_batch *batches[GETS];
    const size_t pieces[] = {0, 1000, 65536, 7};
    for (uint32_t i = 0; i < GETS; i++) {
        struct jqc_request *request = submit_get(f, 0);
        peer_got(&f->peer, request->id, 7, 0, i * EACH, EACH);
        peer_feed(&f->peer, &f->core, pieces[i % 4]);
        assert_int_equal(request->state, JQC_ANSWERED);
        batches[i] = request->answer.batch;
        request->answer.batch = NULL;
        close_request(f, request);
        if (i % 3 == 2) {
            joinq_batch_free(batches[i - 1]);
            batches[i - 1] = NULL;
        }
    }
    for (uint32_t i = 0; i < GETS; i++) {
        if (batches[i])
            batch_check(batches[i], i * EACH, EACH);
        joinq_batch_free(batches[i]);
    }
}

static void a_batch_outlives_its_client(void **state)
{
    (void)state;
    void *own;
    assert_int_equal(setup(&own), 0);
    struct fixture *f = own;
    struct jqc_request *request = submit_get(f, 0);
    peer_got(&f->peer, request->id, 7, 0, 1, 10);
    peer_feed(&f->peer, &f->core, 0);
    struct joinq_batch *batch = request->answer.batch;
    request->answer.batch = NULL;
    teardown(&own);
    batch_check(batch, 1, 10);
    joinq_batch_free(batch);
}

static void a_large_frame_grows_with_what_comes(void **state)
{
    struct fixture *f = *state;
    enum { SIZE = 3 * 1024 * 1024 };
    uint8_t *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    struct jqc_request *request = submit_get(f, 0);
    const struct jqw_run run = {1, 1, 1, 0};
    struct jqw_bytes body = {bytes, SIZE};
    struct jqw_message got = {
        .op = JQW_GOT,
        .request = request->id,
        .got = {.incarnation = 7, .runs = &run, .run_count = 1, .bodies = {.item = &body, .count = 1}}};
    peer_say(&f->peer, &got);
    size_t whole = f->peer.out.size;
    f->peer.out.size = 100;
    peer_feed(&f->peer, &f->core, 0);
    uint8_t *to;
    size_t room;
    assert_int_equal(jqc_core_room(&f->core, &to, &room), JQ_OK);
    assert_true(room <= JQC_CHUNK_SIZE);
    memmove(f->peer.out.data, f->peer.out.data + 100, whole - 100);
    f->peer.out.size = whole - 100;
    peer_feed(&f->peer, &f->core, 100000);
    assert_int_equal(request->state, JQC_ANSWERED);
    const struct joinq_message *message = joinq_batch_message(request->answer.batch, 0);
    assert_int_equal(message->size, SIZE);
    assert_memory_equal(message->data, bytes, SIZE);
    free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_sent_and_answered),
        TEST(part_of_the_output_is_sent),
        TEST(answers_come_in_any_order),
        TEST(an_old_id_finds_nothing),
        TEST(the_first_incarnation_is_named_until_declared_anew),
        TEST(a_delivery_on_receipt_is_confirmed_once),
        TEST(a_sentinel_is_confirmed_too),
        TEST(what_nobody_waits_for_is_cancelled_and_given_back),
        TEST(what_has_come_already_is_given_back),
        TEST(every_open_request_ends_with_the_connection),
        TEST(what_the_broker_says_before_it_closes_is_the_reason),
        TEST(events_are_no_answers),
        TEST(nonsense_ends_the_connection),
        TEST(an_answer_to_nothing_ends_the_connection),
        TEST(an_answer_of_another_kind_ends_the_connection),
        TEST(a_result_may_refuse_any_request),
        TEST(requests_without_an_outcome_are_limited),
        TEST(limits_of_the_broker_are_kept),
        TEST(batches_hold_while_more_is_read),
        cmocka_unit_test(a_batch_outlives_its_client),
        TEST(a_large_frame_grows_with_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
