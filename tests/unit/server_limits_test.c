/* SPDX-License-Identifier: Apache-2.0 */
/* What one client may take by limits that are off unless configured: connections of an address, requests a second, idling. The loop
 * is run by hand; a span is short here. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "server_fixture.h"

enum { REQUESTS = 5, FEW = 10, TURNS = 2, IDLE_MS = 10, SPAN_MS = 100, PIECE = 256, GET_ID = 2, PUT_ID = 3 };

static struct server *start(const struct server_config *config)
{
    struct server *server;
    assert_int_equal(server_new(config, &server), JQ_OK);
    return server;
}

/* The next message, once it comes. */
static void hears(struct client *client, struct jqw_message *message)
{
    while (!client_hear(client, message)) {
        server_turns(client->server);
        (void)poll(NULL, 0, 1);
    }
}

static void greet(struct client *client, struct server *server, const char *id)
{
    struct jqw_message message;
    assert_int_equal(client_connect(client, server), JQ_OK);
    client_send_hello(client, id);
    hears(client, &message);
    assert_int_equal(message.op, JQW_WELCOME);
}

static void so_many_connections_of_an_address(void **state)
{
    (void)state;
    struct server_config config;
    struct client clients[3];
    server_config_init(&config);
    config.address_max = 2;
    struct server *server = start(&config);
    greet(&clients[0], server, "the first one  1");
    greet(&clients[1], server, "the second one 1");
    assert_int_equal(client_connect(&clients[2], server), JQ_BUSY);
    client_close(&clients[0]);
    server_turns(server);
    greet(&clients[2], server, "the third one  1");
    assert_int_equal(client_connect(&clients[0], server), JQ_BUSY);
    client_close(&clients[1]);
    client_close(&clients[2]);
    server_free(server);
}

static void so_many_requests_a_second(void **state)
{
    (void)state;
    struct server_config config;
    struct client client;
    struct jqw_message message;
    uint32_t heard = 0;
    server_config_init(&config);
    config.requests_max = 20; /* one in each twentieth */
    struct server *server = start(&config);
    greet(&client, server, "the busy one   1");
    for (uint32_t i = 0; i < REQUESTS; i++)
        client_send(&client, &(struct jqw_message){.op = JQW_PING, .request = 2 + i, .ping.data = i});
    for (int i = 0; i < TURNS; i++)
        ev_run(server->loop, EVRUN_NOWAIT);
    while (client_hear(&client, &message))
        heard++;
    assert_true(heard <= TURNS); /* without the limit all */
    for (; heard < REQUESTS; heard++) {
        hears(&client, &message);
        assert_int_equal(message.result.count, heard);
    }
    client_close(&client);
    server_free(server);
}

/* Also where they are fewer than spans: so many take almost a second, however quick the machine is. */
static void so_few_requests_a_second(void **state)
{
    (void)state;
    struct server_config config;
    struct client client;
    struct jqw_message message;
    server_config_init(&config);
    config.requests_max = FEW;
    struct server *server = start(&config);
    uint64_t began_ns = server_now();
    greet(&client, server, "the slow one   1");
    for (uint32_t i = 0; i < FEW; i++)
        client_send(&client, &(struct jqw_message){.op = JQW_PING, .request = 2 + i, .ping.data = i});
    for (uint32_t i = 0; i < FEW; i++) {
        hears(&client, &message);
        assert_int_equal(message.result.count, i);
    }
    assert_true(server_now() - began_ns > 900 * UINT64_C(1000000));
    client_close(&client);
    server_free(server);
}

static void who_waits_or_holds_is_not_idle(void **state)
{
    (void)state;
    struct server_config config;
    struct client idle, waits, holds;
    struct jqw_message message;
    const struct jqw_message get = {
        .op = JQW_GET,
        .request = GET_ID,
        .get = {.queue.name = {(const uint8_t *)"jobs", 4}, .timeout_ms = JQW_TIMEOUT_FOREVER, .max = 1}};
    server_config_init(&config);
    config.idle_ns = IDLE_MS * UINT64_C(1000000);
    struct server *server = start(&config);
    greet(&holds, server, "one that holds 1");
    client_send_put(&holds, PUT_ID, "jobs", "body", 4);
    client_send(&holds, &get);
    hears(&holds, &message);
    hears(&holds, &message);
    assert_int_equal(message.op, JQW_GOT);
    greet(&waits, server, "one that waits 1");
    client_send(&waits, &get);
    greet(&idle, server, "an idle one    1");
    hears(&idle, &message);
    assert_int_equal(message.op, JQW_RESULT);
    assert_int_equal(message.result.code, JQ_DISCONNECTED);
    for (int i = 0; i < 5 * IDLE_MS; i++) {
        server_turns(server);
        (void)poll(NULL, 0, 1);
    }
    assert_false(client_hear(&holds, &message));
    assert_false(client_hear(&waits, &message));
    client_close(&idle);
    client_close(&waits);
    client_close(&holds);
    server_free(server);
}

/* A put of which a piece comes every millisecond, until it is whole or the broker answers. */
static void send_slowly(struct client *client, size_t size, size_t piece, struct jqw_message *answer)
{
    struct jqw_buffer frame = {0};
    uint8_t *body = calloc(1, size);
    const struct jqw_bytes item = {body, size};
    const struct jqw_message put = {
        .op = JQW_PUT,
        .request = PUT_ID,
        .put = {.queue.name = {(const uint8_t *)"jobs", 4}, .bodies = {.item = &item, .count = 1}}};
    assert_non_null(body);
    assert_int_equal(jqw_encode(&frame, &put), JQ_OK);
    for (size_t at = 0; !client_hear(client, answer); at += piece) {
        piece = at + piece > frame.size ? frame.size - at : piece;
        (void)send(client->fd, frame.data + at, piece, MSG_NOSIGNAL);
        server_turns(client->server);
        (void)poll(NULL, 0, 1);
    }
    jqw_buffer_fini(&frame);
    free(body);
}

static void a_frame_that_was_begun_comes_in_time(void **state)
{
    (void)state;
    struct server_config config;
    struct client trickles, slow;
    struct jqw_message message;
    server_config_init(&config);
    config.hello_ns = SPAN_MS * UINT64_C(1000000);
    struct server *server = start(&config);
    greet(&trickles, server, "a byte at times1");
    greet(&slow, server, "slow and honest1");
    for (int i = 0; i < 3 * SPAN_MS; i++) { /* who sends nothing has begun none */
        server_turns(server);
        (void)poll(NULL, 0, 1);
    }
    assert_false(client_hear(&trickles, &message));
    send_slowly(&slow, 4 * SPAN_MS * PIECE, PIECE, &message);
    assert_int_equal(message.op, JQW_RESULT);
    assert_int_equal(message.request, PUT_ID);
    assert_int_equal(message.result.code, JQ_OK);
    send_slowly(&trickles, 40 * SPAN_MS, 1, &message); /* fewer in a second than BEGUN_RATE */
    assert_int_equal(message.op, JQW_RESULT);
    assert_int_equal(message.request, 0);
    assert_int_equal(message.result.code, JQ_DISCONNECTED);
    client_close(&trickles);
    client_close(&slow);
    server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_connections_of_an_address),
        cmocka_unit_test(so_many_requests_a_second),
        cmocka_unit_test(so_few_requests_a_second),
        cmocka_unit_test(who_waits_or_holds_is_not_idle),
        cmocka_unit_test(a_frame_that_was_begun_comes_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
