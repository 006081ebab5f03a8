/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture knows the wire as any client does, and the server's insides only to open a connection. */
#include "server_fixture.h"
#include "auth.h"
#include "frame.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

void server_turns(struct server *server)
{
    for (int i = 0; i < 5; i++)
        ev_run(server->loop, EVRUN_NOWAIT);
}

int client_connect(struct client *client, struct server *server)
{
    struct jqw_transport transport;
    int fds[2];
    *client = (struct client){.server = server, .fd = -1};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    jqw_transport_socket(&transport, fds[1], true);
    int code = connection_open(server, &transport, AUTH_OPEN, NULL);
    if (code != JQ_OK) {
        close(fds[0]);
        close(fds[1]);
        return code;
    }
    client->fd = fds[0];
    for (uint32_t i = 0; i < server->sessions.size; i++) {
        const struct connection *connection = server->sessions.slots[i].connection;
        if (connection && connection->transport.fd == fds[1])
            client->session = connection->id;
    }
    return JQ_OK;
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    jqw_buffer_fini(&client->in);
}

void client_send(struct client *client, const struct jqw_message *message)
{
    struct jqw_buffer frame = {0};
    assert_int_equal(jqw_encode(&frame, message), JQ_OK);
    (void)send(client->fd, frame.data, frame.size, MSG_NOSIGNAL); /* the server may have closed already */
    jqw_buffer_fini(&frame);
}

void client_send_hello(struct client *client, const char *id)
{
    client_send(client, &(struct jqw_message){
                            .op = JQW_HELLO,
                            .request = 1,
                            .hello = {.version = JQW_VERSION, .client = {(const uint8_t *)id, CLIENT_ID_SIZE}},
                        });
}

void client_send_put(struct client *client, uint32_t request, const char *queue, const void *body, size_t size)
{
    const struct jqw_bytes item = {body, size};
    client_send(client, &(struct jqw_message){
                            .op = JQW_PUT,
                            .request = request,
                            .put = {.queue.name = {(const uint8_t *)queue, strlen(queue)},
                                    .bodies = {.item = &item, .count = 1}},
                        });
}

static void take_in(struct client *client)
{
    uint8_t bytes[65536];
    ssize_t got;
    while ((got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        assert_int_equal(jqw_buffer_append(&client->in, bytes, (size_t)got), JQ_OK);
}

bool client_hear(struct client *client, struct jqw_message *message)
{
    struct jqw_frame_parser parser = {.frame_max = JQW_FRAME_MAX};
    struct jqw_frame frame;
    size_t size;
    const char *why;
    take_in(client);
    if (jqw_frame_next(&parser, client->in.data, client->in.size, &frame, &size, NULL) != JQW_FRAME_ONE)
        return false;
    assert_int_equal(jqw_decode(frame.data, frame.size, message, &client->scratch, &why), JQ_OK);
    jqw_buffer_consume(&client->in, size);
    return true;
}
