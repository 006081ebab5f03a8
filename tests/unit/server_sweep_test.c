/* SPDX-License-Identifier: Apache-2.0 */
/* The server when memory is refused: the first allocation, the second, and so on fails, once or from then on. What cannot be done is
 * refused or costs the connection; the next client is served, and nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "countdown.h"
#include "server_fixture.h"

enum { LARGE = 100 * 1000 };

/* ---- one run -------------------------------------------------------------------------------------------------------- */

static void turns(struct server *server)
{
    memory.armed = true;
    server_turns(server);
    memory.armed = false;
}

static int connect_client(struct client *client, struct server *server)
{
    memory.armed = true;
    int code = client_connect(client, server);
    memory.armed = false;
    return code;
}

/* Whatever the server says is proper; a request is answered at most once. */
static int hear_all(struct client *client, int code_of[])
{
    struct jqw_message message;
    int heard = 0;
    turns(client->server);
    for (; client_hear(client, &message); heard++)
        if (message.request > 0 && message.op == JQW_RESULT) {
            assert_int_equal(code_of[message.request], -1);
            code_of[message.request] = (int)message.result.code;
        }
    return heard;
}

static struct jqw_queue queue_named(const char *name)
{
    return (struct jqw_queue){.name = {(const uint8_t *)name, strlen(name)}};
}

/* A bit of everything that takes memory. */
static void use(struct client *client)
{
    static const uint8_t large[LARGE];
    int code_of[16];
    for (size_t i = 0; i < sizeof code_of / sizeof *code_of; i++)
        code_of[i] = -1;
    client_send_hello(client, "0123456789abcdef");
    hear_all(client, code_of);
    client_send_put(client, 2, "q", "small", 5);
    client_send_put(client, 3, "q", large, sizeof large);
    hear_all(client, code_of);
    client_send(client,
                &(struct jqw_message){.op = JQW_PEEK, .request = 4, .count = {.queue = queue_named("q"), .count = 10}});
    client_send(client, &(struct jqw_message){.op = JQW_LIST, .request = 5, .list = {.max = 10}});
    client_send(client,
                &(struct jqw_message){.op = JQW_GET, .request = 6, .get = {.queue = queue_named("q"), .max = 10}});
    hear_all(client, code_of);
    client_send(client, &(struct jqw_message){
                            .op = JQW_GET,
                            .request = 7,
                            .get = {.queue = queue_named("q"), .max = 1, .timeout_ms = JQW_TIMEOUT_FOREVER},
                        });
    client_send_put(client, 8, "q", large, sizeof large);
    hear_all(client, code_of);
    (void)send(client->fd, "\0\0\x10", 3, MSG_NOSIGNAL);
    hear_all(client, code_of);
}

/* Memory is there again: somebody else is served as if nothing had been. */
static void assert_serves(struct server *server)
{
    struct client client;
    struct jqw_message message;
    assert_int_equal(connect_client(&client, server), JQ_OK);
    client_send_hello(&client, "fedcba9876543210");
    client_send_put(&client, 2, "other", "body", 4);
    turns(server);
    assert_true(client_hear(&client, &message));
    assert_int_equal(message.op, JQW_WELCOME);
    assert_true(client_hear(&client, &message));
    assert_int_equal(message.result.code, JQ_OK);
    client_close(&client);
}

static void run_with(long before, bool for_good)
{
    struct server_config config;
    struct server *server = NULL;
    struct client client = {.fd = -1};
    server_config_init(&config);
    memory.left = before;
    memory.for_good = for_good;
    memory.live = 0;
    memory.armed = true;
    int code = server_new(&config, &server);
    memory.armed = false;
    if (code == JQ_OK && connect_client(&client, server) == JQ_OK)
        use(&client);
    long left = memory.left;
    memory.left = NEVER;
    if (code == JQ_OK)
        assert_serves(server);
    client_close(&client);
    memory.armed = true;
    server_free(server);
    memory.armed = false;
    assert_int_equal(memory.live, 0);
    memory.left = left;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    run_with(NEVER, false);
    long count = NEVER - memory.left;
    assert_true(count > 20);
    for (long before = 0; before < count; before++) {
        run_with(before, false);
        run_with(before, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
