/* SPDX-License-Identifier: Apache-2.0 */
/* Output commit in the server: answers about a durable queue wait for the journal, others do not. The loop is run by hand over one
 * connection; the journal makes nothing durable until told. Durable queues cannot be asked for over the wire yet, so the one
 * here is declared by a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "server_fixture.h"

enum { DECLARE_ID = 1000 };

static void assert_hears(struct client *client, uint32_t request, int code)
{
    struct jqw_message message;
    assert_true(client_hear(client, &message));
    assert_int_equal(message.op, JQW_RESULT);
    assert_int_equal(message.request, request);
    assert_int_equal(message.result.code, code);
}

static void assert_silence(struct client *client)
{
    struct jqw_message message;
    assert_false(client_hear(client, &message));
}

static void put(struct client *client, uint32_t request, const char *queue)
{
    client_send_put(client, request, queue, "body", 4);
    server_turns(client->server);
}

static void declare(struct client *client, const char *name, bool durable, uint64_t lease_ms)
{
    turn_room(client->server);
    struct engine_command *command = turn_command(client->server);
    command->op = ENGINE_DECLARE;
    command->session.value = client->session;
    command->request = DECLARE_ID;
    command->queue.name = (struct engine_text){name, (uint32_t)strlen(name)};
    command->declare.options.durable = durable;
    command->declare.options.lease_ms = lease_ms;
    server_turns(client->server);
}

static void declare_durable(struct client *client)
{
    declare(client, "kept", true, 0);
}

static void sync_journal(struct client *client)
{
    journal_memory_sync(client->server->turn.journal);
    server_turns(client->server);
}

static void journal_defer(struct server *server)
{
    struct journal *deferred = journal_memory_new(server->turn.journal->listener, true);
    assert_non_null(deferred);
    journal_free(server->turn.journal);
    server->turn.journal = deferred;
}

static int setup(void **state)
{
    static struct client client;
    struct server_config config;
    struct server *server;
    struct jqw_message welcome;
    server_config_init(&config);
    assert_int_equal(server_new(&config, &server), JQ_OK);
    journal_defer(server);
    assert_int_equal(client_connect(&client, server), JQ_OK);
    client_send_hello(&client, "0123456789abcdef");
    server_turns(server);
    assert_true(client_hear(&client, &welcome));
    assert_int_equal(welcome.op, JQW_WELCOME);
    *state = &client;
    return 0;
}

static int teardown(void **state)
{
    struct client *client = *state;
    client_close(client);
    server_free(client->server);
    return 0;
}

/* proves: OUT-1 */
static void answers_wait_for_the_journal(void **state)
{
    struct client *client = *state;
    declare_durable(client);
    put(client, 2, "kept");
    put(client, 3, "passing");
    assert_hears(client, 3, JQ_OK);
    assert_silence(client);
    sync_journal(client);
    assert_hears(client, DECLARE_ID, JQ_OK);
    assert_hears(client, 2, JQ_OK);
    put(client, 4, "kept");
    assert_silence(client);
    sync_journal(client);
    assert_hears(client, 4, JQ_OK);
    assert_silence(client);
}

/* proves: OUT-2 */
static void refusing_journal_is_storage(void **state)
{
    struct client *client = *state;
    declare_durable(client);
    sync_journal(client);
    assert_hears(client, DECLARE_ID, JQ_OK);
    journal_memory_refuse(client->server->turn.journal, true);
    server_turns(client->server);
    put(client, 2, "kept");
    assert_hears(client, 2, JQ_STORAGE);
    put(client, 3, "passing");
    assert_hears(client, 3, JQ_OK);
    journal_memory_refuse(client->server->turn.journal, false);
    server_turns(client->server);
    put(client, 4, "kept");
    sync_journal(client);
    assert_hears(client, 4, JQ_OK);
}

static void get_and_done(struct client *client, uint32_t request, const char *queue, struct jqw_range *done)
{
    const struct jqw_message message = {.op = JQW_GET,
                                        .request = request,
                                        .get = {.queue.name = {(const uint8_t *)queue, strlen(queue)},
                                                .max = 1,
                                                .flags = done ? 0 : JQW_GET_AUTO,
                                                .done = {done, done ? 1 : 0}}};
    client_send(client, &message);
    server_turns(client->server);
}

static void get(struct client *client, uint32_t request, const char *queue)
{
    get_and_done(client, request, queue, NULL);
}

static void assert_gets(struct client *client, uint32_t request, uint64_t receipt)
{
    struct jqw_message message;
    assert_true(client_hear(client, &message));
    assert_int_equal(message.op, JQW_GOT);
    assert_int_equal(message.request, request);
    assert_int_equal(message.got.receipt, receipt);
}

/* Whoever confirms the second confirms the first with it. proves: GET-3 OUT-1 */
static void deliveries_on_receipt_leave_in_their_order(void **state)
{
    struct client *client = *state;
    declare_durable(client);
    put(client, 2, "passing");
    put(client, 3, "kept");
    get(client, 4, "kept");
    get(client, 5, "passing");
    assert_hears(client, 2, JQ_OK);
    assert_silence(client);
    sync_journal(client);
    assert_hears(client, DECLARE_ID, JQ_OK);
    assert_hears(client, 3, JQ_OK);
    assert_gets(client, 4, 1);
    assert_gets(client, 5, 2);
}

/* The delivery waits for the done that its get carried, the event for nothing. proves: LSE-2 OUT-1 */
static void a_lease_is_lost_after_it_was_given(void **state)
{
    struct client *client = *state;
    const struct connection *connection = sessions_find(&client->server->sessions, client->session);
    struct jqw_message message;
    struct jqw_range none = {1, 1, 1, 1};
    bool early = false;
    declare_durable(client);
    put(client, 2, "kept");
    sync_journal(client);
    assert_hears(client, DECLARE_ID, JQ_OK);
    assert_hears(client, 2, JQ_OK);
    declare(client, "timed", false, 1);
    assert_hears(client, DECLARE_ID, JQ_OK);
    put(client, 3, "timed");
    assert_hears(client, 3, JQ_OK);
    get_and_done(client, 4, "kept", &none);
    assert_true(client_hear(client, &message));
    struct jqw_range done = {message.got.incarnation, message.got.runs[0].first, 1, message.got.runs[0].attempt};
    get_and_done(client, 5, "timed", &done);
    while (connection->held.count < 2 && !early) { /* until its time is up */
        server_turns(client->server);
        early = client_hear(client, &message);
    }
    assert_false(early);
    sync_journal(client);
    assert_gets(client, 5, 0);
    assert_true(client_hear(client, &message));
    assert_int_equal(message.op, JQW_EVENT_LEASE_LOST);
    assert_silence(client);
}

static void id_of_a_held_answer_is_in_use(void **state)
{
    struct client *client = *state;
    declare_durable(client);
    put(client, 2, "kept");
    put(client, 2, "passing");
    assert_silence(client); /* the refusal is the last word, behind what is held */
    sync_journal(client);
    assert_hears(client, DECLARE_ID, JQ_OK);
    assert_hears(client, 2, JQ_OK);
    assert_hears(client, 0, JQ_PROTOCOL);
}

static void held_answers_go_with_their_connection(void **state)
{
    struct client *client = *state;
    declare_durable(client);
    put(client, 2, "kept");
    assert_true(client->server->pool.bytes > 0);
    shutdown(client->fd, SHUT_RDWR);
    server_turns(client->server);
    sync_journal(client);
    assert_int_equal(client->server->connections, 0);
    assert_int_equal(client->server->pool.bytes, 0);
}

#define COMMITS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COMMITS(answers_wait_for_the_journal),
        COMMITS(refusing_journal_is_storage),
        COMMITS(deliveries_on_receipt_leave_in_their_order),
        COMMITS(a_lease_is_lost_after_it_was_given),
        COMMITS(id_of_a_held_answer_is_in_use),
        COMMITS(held_answers_go_with_their_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
