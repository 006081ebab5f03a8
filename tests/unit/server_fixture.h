/* SPDX-License-Identifier: Apache-2.0 */
/* A server whose loop is run by hand, and clients of it on socket pairs, in one process and thread. For tests of the server's insides. */
#ifndef JOINQ_TESTS_UNIT_SERVER_FIXTURE_H
#define JOINQ_TESTS_UNIT_SERVER_FIXTURE_H

#include "buffer.h"
#include "message.h"
#include "state.h"

struct client {
    struct server *server;
    int fd; /* -1: not connected */
    uint64_t session;
    struct jqw_buffer in;
    struct jqw_scratch scratch;
};

/* Lets the loop do what there is to do. */
void server_turns(struct server *server);

/* JQ_OK, or JQ_OVERLOADED when the server has no memory for it. */
JQ_MUST_USE int client_connect(struct client *client, struct server *server);
void client_close(struct client *client);
/* Sends a message; the loop has to be run for it to be heard. */
void client_send(struct client *client, const struct jqw_message *message);
void client_send_hello(struct client *client, const char *id); /* 16 bytes */
void client_send_put(struct client *client, uint32_t request, const char *queue, const void *body, size_t size);
/* The next message, if one has come. Valid until the next call but for its texts and lists. */
bool client_hear(struct client *client, struct jqw_message *message);

#endif
