/* SPDX-License-Identifier: Apache-2.0 */
/* The client core over the memory pair: whatever small pieces a connection takes and gives, all arrives, and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_peer.h"
#include "transport.h"
#include <stdlib.h>
#include <string.h>

struct link {
    struct jqc_core core;
    struct peer peer;
    struct jqw_transport client, broker;
    struct jqc_name *jobs;
};

static void link_open(struct link *l, size_t capacity)
{
    assert_int_equal(jqc_core_init(&l->core), JQ_OK);
    assert_int_equal(jqc_names_find(&l->core.names, "jobs", &l->jobs), JQ_OK);
    peer_init(&l->peer);
    assert_int_equal(jqw_transport_pair(&l->client, &l->broker, capacity), JQ_OK);
}

static void link_close(struct link *l)
{
    l->client.ops->close(&l->client);
    l->broker.ops->close(&l->broker);
    jqc_core_fini(&l->core);
    peer_fini(&l->peer);
}

/* Client to pair, pair to broker. True if anything moved. */
static bool move_out(struct link *l)
{
    uint8_t bytes[64];
    size_t size;
    const uint8_t *output = jqc_core_output(&l->core, &size);
    ssize_t sent = 0;
    if (size > 0) {
        struct iovec iov = {.iov_len = size};
        memcpy(&iov.iov_base, &output, sizeof output);
        sent = jqw_writev(&l->client, &iov, 1);
    }
    if (sent > 0)
        jqc_core_sent(&l->core, (size_t)sent);
    ssize_t got = jqw_read(&l->broker, bytes, sizeof bytes);
    if (got > 0)
        assert_int_equal(jqw_buffer_append(&l->peer.in, bytes, (size_t)got), JQ_OK);
    return sent > 0 || got > 0;
}

/* Broker to pair, pair to client. True if anything moved. */
static bool move_in(struct link *l)
{
    ssize_t sent = 0;
    if (l->peer.out.size > 0)
        sent = jqw_writev(&l->broker, &(struct iovec){l->peer.out.data, l->peer.out.size}, 1);
    if (sent > 0)
        jqw_buffer_consume(&l->peer.out, (size_t)sent);
    uint8_t *to;
    size_t room;
    assert_int_equal(jqc_core_room(&l->core, &to, &room), JQ_OK);
    ssize_t got = jqw_read(&l->client, to, room);
    if (got > 0)
        jqc_core_filled(&l->core, (size_t)got);
    else if (got != JQW_IO_AGAIN)
        jqc_core_lose(&l->core, JQ_DISCONNECTED, "ended");
    return sent > 0 || got > 0;
}

static void move_all(struct link *l)
{
    bool out = true, in = true;
    while (out || in) {
        out = move_out(l);
        in = l->core.lost == JQ_OK && move_in(l);
    }
}

static struct jqc_request *submit_get(struct link *l)
{
    struct jqw_message message = {
        .op = JQW_GET,
        .get = {.queue = jqc_name_queue(l->jobs), .timeout_ms = JQW_TIMEOUT_FOREVER, .max = JQW_BATCH_MAX}};
    struct jqc_request *request;
    assert_int_equal(jqc_core_submit(&l->core, &message, l->jobs, &request), JQ_OK);
    return request;
}

enum { REQUESTS = 10 };

static void requests_and_answers_pass(size_t capacity)
{
    struct link *l = malloc(sizeof *l);
    struct jqc_request *requests[REQUESTS];
    assert_non_null(l);
    link_open(l, capacity);
    for (int i = 0; i < REQUESTS; i++)
        requests[i] = submit_get(l);
    move_all(l);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_true(jqc_core_is_sent(&l->core, requests[i]));
        uint32_t id = peer_expect(&l->peer, JQW_GET)->request;
        assert_int_equal(id, requests[i]->id);
        peer_got(&l->peer, id, 7, 0, 1000 * i, 1 + 20 * i);
    }
    move_all(l);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_int_equal(requests[i]->state, JQC_ANSWERED);
        batch_check(requests[i]->answer.batch, 1000 * i, 1 + 20 * i);
    }
    link_close(l);
    free(l);
}

static void through_one_byte(void **state)
{
    (void)state;
    requests_and_answers_pass(1);
}

static void through_a_few_bytes(void **state)
{
    (void)state;
    requests_and_answers_pass(13);
}

static void through_much(void **state)
{
    (void)state;
    requests_and_answers_pass((size_t)1 << 20);
}

static void an_end_in_the_middle_of_a_frame(void **state)
{
    (void)state;
    struct link *l = malloc(sizeof *l);
    assert_non_null(l);
    link_open(l, 4096);
    struct jqc_request *request = submit_get(l);
    move_all(l);
    peer_got(&l->peer, request->id, 7, 0, 0, 100);
    l->peer.out.size /= 2;
    move_all(l);
    assert_int_equal(request->state, JQC_OPEN);
    l->broker.ops->close(&l->broker);
    move_in(l);
    assert_int_equal(request->answer.code, JQ_DISCONNECTED);
    link_close(l);
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_one_byte),
        cmocka_unit_test(through_a_few_bytes),
        cmocka_unit_test(through_much),
        cmocka_unit_test(an_end_in_the_middle_of_a_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
