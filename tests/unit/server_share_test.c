/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: one client with a flood of requests, one that asks now and then. The loop is run by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "server_fixture.h"

enum {
    FLOOD = 3000,
    ROUNDS = 20,
    AT_ONCE = 64,
    SLICE = 8,
    TURNS = 2,       /* until a request is heard, and answered */
    TURN_MAX = 1024, /* of one connection, and of all together, ... */
    FLOODS = 8,      /* ... however many there are */
};

struct fixture {
    struct server *server;
    struct client greedy, modest;
    uint32_t heard; /* by the greedy one */
};

static void turns(struct server *server)
{
    for (int i = 0; i < TURNS; i++)
        ev_run(server->loop, EVRUN_NOWAIT);
}

static void ping(struct client *client, uint32_t request)
{
    client_send(client, &(struct jqw_message){.op = JQW_PING, .request = request, .ping.data = request});
}

/* In one piece: a socket pair has room for few small ones. */
static void flood(const struct client *client)
{
    struct jqw_buffer frames = {0};
    for (uint32_t i = 0; i < FLOOD; i++)
        assert_int_equal(
            jqw_encode(&frames, &(struct jqw_message){.op = JQW_PING, .request = 2 + i, .ping.data = 2 + i}), JQ_OK);
    assert_int_equal(send(client->fd, frames.data, frames.size, MSG_NOSIGNAL), frames.size);
    jqw_buffer_fini(&frames);
}

static void connect_one(struct fixture *f, struct client *client, const char *id)
{
    struct jqw_message message;
    assert_int_equal(client_connect(client, f->server), JQ_OK);
    client_send_hello(client, id);
    server_turns(f->server);
    assert_true(client_hear(client, &message));
    assert_int_equal(message.op, JQW_WELCOME);
}

static void start(struct fixture *f)
{
    struct server_config config;
    server_config_init(&config);
    *f = (struct fixture){0};
    assert_int_equal(server_new(&config, &f->server), JQ_OK);
    connect_one(f, &f->greedy, "the greedy one 1");
    connect_one(f, &f->modest, "the modest one 1");
}

static void stop(struct fixture *f)
{
    client_close(&f->greedy);
    client_close(&f->modest);
    server_free(f->server);
}

/* Answers to the flood come in its order. */
static void hear_flood(struct fixture *f)
{
    struct jqw_message message;
    while (client_hear(&f->greedy, &message)) {
        assert_int_equal(message.op, JQW_RESULT);
        assert_int_equal(message.result.count, 2 + f->heard);
        f->heard++;
    }
}

static void one_round(struct fixture *f, uint32_t round)
{
    struct jqw_message message;
    ping(&f->modest, round);
    turns(f->server);
    assert_true(client_hear(&f->modest, &message)); /* at once */
    assert_int_equal(message.request, round);
}

/* proves: FLW-1 */
static void a_flood_has_its_share_and_no_more(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    one_round(&f, 2);
    flood(&f.greedy);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        one_round(&f, 3 + round);
        hear_flood(&f);
        assert_true(f.heard <= AT_ONCE + (round + 1) * TURNS * SLICE);
    }
    assert_true(f.heard > AT_ONCE); /* it is not starved either */
    for (int i = 0; i < FLOOD && f.heard < FLOOD; i++) {
        turns(f.server);
        hear_flood(&f);
    }
    assert_int_equal(f.heard, FLOOD);
    stop(&f);
}

/* proves: FLW-1 */
static void who_is_alone_gets_much_at_a_time(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    for (int i = 0; i < 300; i++)
        turns(f.server); /* the hellos were modest, but that is past */
    flood(&f.greedy);
    for (int i = 0; i < 10; i++)
        turns(f.server);
    hear_flood(&f);
    assert_int_equal(f.heard, FLOOD);
    stop(&f);
}

static uint64_t pings(const struct server *server)
{
    return server->counters.requests[JQW_PING];
}

/* A turn has an end also where each client may ask for much in it: the last one begins before the bound. proves: FLW-1 */
static void all_in_the_line_together_have_a_bound(void **state)
{
    (void)state;
    struct fixture f;
    struct client others[FLOODS];
    char id[] = "another greedy 0";
    start(&f);
    for (int i = 0; i < FLOODS; i++, id[sizeof id - 2]++)
        connect_one(&f, &others[i], id);
    for (int i = 0; i < 300; i++)
        turns(f.server); /* the hellos were modest, but that is past */
    for (int i = 0; i < FLOODS; i++)
        flood(&others[i]);
    ev_run(f.server->loop, EVRUN_NOWAIT); /* nobody is known to be greedy yet */
    assert_int_equal(pings(f.server), FLOODS * TURN_MAX);
    uint64_t before = pings(f.server);
    for (int i = 0; i < 10 * FLOODS && before < (uint64_t)FLOODS * FLOOD; i++) {
        ev_run(f.server->loop, EVRUN_NOWAIT);
        uint64_t now = pings(f.server);
        assert_true(now - before < 2 * TURN_MAX);
        before = now;
    }
    assert_int_equal(before, FLOODS * FLOOD);
    for (int i = 0; i < FLOODS; i++)
        client_close(&others[i]);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_has_its_share_and_no_more),
        cmocka_unit_test(who_is_alone_gets_much_at_a_time),
        cmocka_unit_test(all_in_the_line_together_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
