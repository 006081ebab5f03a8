/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that agreed to be heard now and then, and those that did not. The loop is run by hand; a span is short here. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server_fixture.h"

enum { PING_MS = 10, GET_ID = 2, PING_ID = 3 };

static void turn(struct server *server)
{
    server_turns(server);
    (void)poll(NULL, 0, 1);
}

/* The next message, once it comes. */
static void hears(struct client *client, struct jqw_message *message)
{
    while (!client_hear(client, message))
        turn(client->server);
}

static void hello(struct client *client, struct server *server, const char *id, uint32_t flags)
{
    struct jqw_message message = {
        .op = JQW_HELLO,
        .request = 1,
        .hello = {.version = JQW_VERSION, .client = {(const uint8_t *)id, CLIENT_ID_SIZE}, .flags = flags}};
    assert_int_equal(client_connect(client, server), JQ_OK);
    client_send(client, &message);
    hears(client, &message);
    assert_int_equal(message.op, JQW_WELCOME);
    assert_int_equal(message.welcome.ping_ms, flags ? PING_MS : 0);
}

static void get(struct client *client)
{
    client_send(client,
                &(struct jqw_message){
                    .op = JQW_GET,
                    .request = GET_ID,
                    .get = {.queue.name = {(const uint8_t *)"jobs", 4}, .timeout_ms = JQW_TIMEOUT_FOREVER, .max = 1}});
}

static struct server *start(void)
{
    struct server_config config;
    struct server *server;
    server_config_init(&config);
    config.ping_ns = PING_MS * UINT64_C(1000000);
    assert_int_equal(server_new(&config, &server), JQ_OK);
    return server;
}

/* proves: LSE-1 */
static void who_agreed_and_is_silent_loses_its_leases(void **state)
{
    (void)state;
    struct server *server = start();
    struct client silent, patient;
    struct jqw_message message;
    hello(&silent, server, "the silent one 1", JQW_HELLO_PING);
    hello(&patient, server, "the patient one ", 0);
    client_send_put(&patient, PING_ID, "jobs", "body", 4);
    hears(&patient, &message);
    get(&silent);
    hears(&silent, &message);
    assert_int_equal(message.op, JQW_GOT);
    get(&patient); /* and says nothing more either */
    hears(&patient, &message);
    assert_int_equal(message.op, JQW_GOT);
    assert_int_equal(message.got.runs[0].deliveries, 1);
    hears(&silent, &message);
    assert_int_equal(message.op, JQW_RESULT);
    assert_int_equal(message.request, 0);
    assert_int_equal(message.result.code, JQ_DISCONNECTED);
    client_close(&silent);
    client_close(&patient);
    server_free(server);
}

/* proves: LSE-1 */
static void who_says_something_stays(void **state)
{
    (void)state;
    struct server *server = start();
    struct client silent, lively;
    struct jqw_message message = {.op = JQW_PING, .request = PING_ID};
    hello(&lively, server, "the lively one 1", JQW_HELLO_PING);
    hello(&silent, server, "the silent one 1", JQW_HELLO_PING);
    struct jqw_message heard;
    while (!client_hear(&silent, &heard)) { /* until that one has been silent for too long */
        client_send(&lively, &message);
        turn(server);
        assert_true(client_hear(&lively, &heard));
        assert_int_equal(heard.op, JQW_RESULT);
        assert_int_equal(heard.request, PING_ID);
        assert_int_equal(heard.result.code, JQ_OK);
    }
    assert_int_equal(heard.result.code, JQ_DISCONNECTED);
    client_close(&silent);
    client_close(&lively);
    server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_agreed_and_is_silent_loses_its_leases),
        cmocka_unit_test(who_says_something_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
