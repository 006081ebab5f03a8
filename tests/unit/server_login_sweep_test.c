/* SPDX-License-Identifier: Apache-2.0 */
/* Users, passwords and permissions when memory is refused: the first allocation, the second, and so on fails, once or from then on.
 * Nobody comes in, and nothing is allowed, because of it; the next client is served, and nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth.h"
#include "countdown.h"
#include "jqc_scram.h"
#include "server_fixture.h"

#define LINES(...)                                                           \
    {                                                                        \
        .item = (const char *const[]){__VA_ARGS__},                          \
        .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) \
    }

static char users[] = "/tmp/joinq-users-XXXXXX";
static struct jqc_credentials ann = {.user = "ann", .password = "pencil", .password_size = 6};
static struct jqc_credentials thief = {.user = "ann", .password = "guess", .password_size = 5};

static int load(struct server *server, bool other)
{
    const struct auth_source one = {.users = users,
                                    .allow = LINES("@workers put,declare q*", "cert:*,bob get q"),
                                    .groups = LINES("workers ann,carol", "others x"),
                                    .quotas = LINES("ann connections=3 queues=2 messages=100 bytes=1M")};
    const struct auth_source two = {.users = users,
                                    .allow = LINES("ann get,peek q,r"),
                                    .groups = LINES("workers bob"),
                                    .quotas = LINES("bob queues=1")};
    char why[400];
    memory.armed = true;
    int code = server_access(server, other ? &two : &one, why, sizeof why);
    memory.armed = false;
    return code;
}

/* ---- a client ---- */

static void turns(struct server *server)
{
    memory.armed = true;
    server_turns(server);
    memory.armed = false;
}

static bool hear(struct client *client, struct jqw_message *message)
{
    turns(client->server);
    return client_hear(client, message);
}

static bool connect_client(struct client *client, struct server *server)
{
    memory.armed = true;
    int code = client_connect(client, server);
    memory.armed = false;
    struct connection *connection = code == JQ_OK ? sessions_find(&server->sessions, client->session) : NULL;
    if (connection)
        connection->methods = AUTH_PASSWORD;
    return connection != NULL;
}

static bool say(struct client *client, uint32_t request, const char *text, struct jqw_message *answer)
{
    client_send(client, &(struct jqw_message){.op = JQW_AUTH,
                                              .request = request,
                                              .auth = {JQW_SCRAM_SHA_256, {(const uint8_t *)text, strlen(text)}}});
    return hear(client, answer);
}

/* Whether it is let in. */
static bool log_in(struct client *client, struct server *server, struct jqc_credentials *who)
{
    static const char nonce[JQW_SCRAM_NONCE + 1] = "rOprNGfwEbeRWgbNEkqOabcd";
    struct jqc_scram scram;
    struct jqw_message answer;
    char text[JQW_SCRAM_MESSAGE_MAX + 1];
    if (!connect_client(client, server))
        return false;
    client_send(client, &(struct jqw_message){.op = JQW_HELLO,
                                              .request = 1,
                                              .hello = {.version = JQW_VERSION,
                                                        .client = {(const uint8_t *)"0123456789abcdef", 16},
                                                        .name = {(const uint8_t *)"a name", 6},
                                                        .flags = JQW_HELLO_PASSWORD}});
    if (!hear(client, &answer) || answer.op != JQW_CHALLENGE)
        return false;
    jqc_scram_first(&scram, who->user, nonce, JQC_BINDING_NONE, NULL, text);
    if (!say(client, 2, text, &answer) || answer.op != JQW_CHALLENGE)
        return false;
    assert_int_equal(
        jqc_scram_final(&scram, who, (const char *)answer.challenge.data.data, answer.challenge.data.size, text),
        JQ_OK);
    return say(client, 3, text, &answer) && answer.op == JQW_WELCOME;
}

/* The code of its answer; JQ_DISCONNECTED: there is none. */
static int put(struct client *client, uint32_t request, const char *queue)
{
    struct jqw_message answer;
    client_send_put(client, request, queue, "body", 4);
    if (!hear(client, &answer))
        return JQ_DISCONNECTED;
    assert_int_equal(answer.op, JQW_RESULT);
    return (int)answer.result.code;
}

static int list(struct client *client, uint32_t request)
{
    struct jqw_message answer;
    client_send(client, &(struct jqw_message){.op = JQW_LIST, .request = request, .list = {.max = 10}});
    return hear(client, &answer) ? (int)answer.op : JQ_DISCONNECTED;
}

/* ---- one run ---- */

static void assert_not_allowed(int code)
{
    assert_true(code == JQ_DENIED || code == JQ_OVERLOADED || code == JQ_DISCONNECTED);
}

/* Whether somebody was let in. */
static bool use(struct server *server)
{
    struct client client = {.fd = -1}, other = {.fd = -1};
    assert_false(log_in(&other, server, &thief));
    client_close(&other);
    bool in = log_in(&client, server, &ann);
    if (in) {
        assert_int_not_equal(put(&client, 4, "q"), JQ_DENIED);
        assert_not_allowed(put(&client, 5, "r"));
        (void)put(&client, 6, "q.second");
        (void)list(&client, 7);
        bool changed = load(server, true) == JQ_OK;
        int code = put(&client, 8, "q");
        if (changed)
            assert_not_allowed(code);
    }
    client_close(&client);
    turns(server);
    return in;
}

/* Memory is there again. */
static void assert_serves(struct server *server)
{
    struct client client = {.fd = -1};
    assert_int_equal(load(server, false), JQ_OK);
    assert_true(log_in(&client, server, &ann));
    assert_int_equal(put(&client, 4, "q"), JQ_OK);
    assert_int_equal(put(&client, 5, "r"), JQ_DENIED);
    client_close(&client);
    assert_false(log_in(&client, server, &thief));
    client_close(&client);
}

static void run_with(long before, bool for_good)
{
    struct server_config config;
    struct server *server;
    server_config_init(&config);
    config.refuse_ns = 0;
    memory = (struct countdown){.left = NEVER, .armed = true};
    assert_int_equal(server_new(&config, &server), JQ_OK);
    memory.armed = false;
    memory.left = before;
    memory.for_good = for_good;
    if (load(server, false) == JQ_OK)
        assert_true(use(server) || before < NEVER);
    else
        assert_false(auth_configured(server->auth));
    long left = memory.left;
    memory.left = NEVER;
    assert_serves(server);
    memory.armed = true;
    server_free(server);
    memory.armed = false;
    assert_int_equal(memory.live, 0);
    memory.left = left;
}

/* proves: AUT-2 AUT-4 AUT-6 */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    run_with(NEVER, false);
    long count = NEVER - memory.left;
    assert_true(count > 40);
    for (long before = 0; before < count; before++) {
        run_with(before, false);
        run_with(before, true);
    }
}

static int make_users(void **state)
{
    (void)state;
    char entry[AUTH_ENTRY_MAX], why[200];
    int fd = mkstemp(users);
    int code = auth_entry_make("ann", "pencil", 6, JQW_SCRAM_ITERATIONS_MIN, entry, why, sizeof why);
    if (fd < 0 || code != JQ_OK || dprintf(fd, "%s\n", entry) < 0)
        return -1;
    return close(fd);
}

static int remove_users(void **state)
{
    (void)state;
    return unlink(users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, make_users, remove_users);
}
