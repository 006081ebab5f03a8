/* SPDX-License-Identifier: Apache-2.0 */
/* One process, one connection, blocking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_broker.h"
#include "transport.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void play(struct broker *broker, void (*script)(struct broker *))
{
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* an assertion that fails ends this process, not a test */
    broker->fd = accept(broker->listener, NULL, NULL);
    assert_true(broker->fd >= 0);
    script(broker);
    close(broker->fd);
    _exit(0);
}

void broker_start(struct broker *broker, void (*script)(struct broker *))
{
    struct jqw_url url;
    const char *why;
    peer_init(&broker->peer);
    broker->instance = 1;
    broker->data = 0;
    broker->incarnation_next = 1;
    broker->forgets = false;
    broker->ping_ms = 0;
    assert_int_equal(jqw_url_parse("joinq://127.0.0.1:0", &url, &why), JQ_OK);
    assert_int_equal(jqw_transport_listen(&url, 4, &broker->listener), JQ_OK);
    jqw_url_format(&url, broker->url, sizeof broker->url);
    assert_int_equal(fcntl(broker->listener, F_SETFL, 0), 0); /* the script may wait */
    broker->pid = fork();
    assert_true(broker->pid >= 0);
    if (broker->pid == 0)
        play(broker, script);
}

void broker_end(struct broker *broker)
{
    int status = -1;
    close(broker->listener);
    assert_int_equal(waitpid(broker->pid, &status, 0), broker->pid);
    assert_int_equal(status, 0);
    peer_fini(&broker->peer);
}

struct jqw_message *broker_expect(struct broker *broker, enum jqw_op op)
{
    while (!peer_next(&broker->peer)) {
        uint8_t bytes[65536];
        ssize_t size = recv(broker->fd, bytes, sizeof bytes, 0);
        assert_true(size > 0);
        assert_int_equal(jqw_buffer_append(&broker->peer.in, bytes, (size_t)size), JQ_OK);
    }
    assert_string_equal(jqw_op_name(broker->peer.seen.op), jqw_op_name(op));
    return &broker->peer.seen;
}

void broker_send(struct broker *broker)
{
    struct jqw_buffer *out = &broker->peer.out;
    while (out->size > 0) {
        ssize_t sent = send(broker->fd, out->data, out->size, MSG_NOSIGNAL);
        assert_true(sent > 0);
        jqw_buffer_consume(out, (size_t)sent);
    }
}

void broker_welcome(struct broker *broker, uint64_t message_max)
{
    broker_expect(broker, JQW_HELLO);
    broker_greet(broker, message_max);
}

void broker_greet(struct broker *broker, uint64_t message_max)
{
    const uint8_t data[16] = {broker->data};
    const uint8_t instance[16] = {broker->instance};
    const struct jqw_message *hello = &broker->peer.seen;
    assert_int_equal(hello->hello.version, JQW_VERSION);
    assert_int_equal(hello->hello.client.size, 16);
    struct jqw_message welcome = {.op = JQW_WELCOME,
                                  .request = hello->request,
                                  .welcome = {.version = JQW_VERSION,
                                              .instance = {instance, sizeof instance},
                                              .frame_max = JQW_FRAME_MAX,
                                              .message_max = message_max,
                                              .batch_max = JQW_BATCH_MAX,
                                              .settle_max = JQW_SETTLE_MAX,
                                              .waiting_max = 1000,
                                              .data = {data, sizeof data},
                                              .client_forget_ms = broker->forgets ? 0 : 3600000,
                                              .ping_ms = broker->ping_ms,
                                              .incarnation_next = broker->incarnation_next}};
    peer_say(&broker->peer, &welcome);
    broker_send(broker);
}

void broker_break(struct broker *broker)
{
    close(broker->fd);
    peer_fini(&broker->peer);
    peer_init(&broker->peer);
    broker->fd = accept(broker->listener, NULL, NULL);
    assert_true(broker->fd >= 0);
}

void broker_expect_end(struct broker *broker)
{
    uint8_t byte;
    assert_false(peer_next(&broker->peer));
    assert_int_equal(recv(broker->fd, &byte, 1, 0), 0);
}
