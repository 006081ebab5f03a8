/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between clients and the broker in memory: what a client reads has been told. A client that comes back sends again what has
 * a number and no answer. */
#include "broker.h"
#include "codes.h"
#include "frame.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the transport ---- */

static ssize_t sim_read(struct jqw_transport *t, void *to, size_t size)
{
    struct client *client = t->state;
    if (!client || !client->connected)
        return JQW_IO_CLOSED;
    size = size < client->out.size ? size : client->out.size;
    if (size == 0)
        return JQW_IO_AGAIN;
    memcpy(to, client->out.data, size);
    jqw_buffer_consume(&client->out, size);
    return (ssize_t)size;
}

static ssize_t sim_writev(struct jqw_transport *t, const struct iovec *iov, int count)
{
    struct client *client = t->state;
    ssize_t size = 0;
    if (!client || !client->connected) {
        errno = EPIPE;
        return JQW_IO_ERROR;
    }
    for (int i = 0; i < count; i++) {
        JQ_ASSERT(jqw_buffer_append(&client->in, iov[i].iov_base, iov[i].iov_len) == JQ_OK);
        size += (ssize_t)iov[i].iov_len;
    }
    return size;
}

static int sim_wanted(const struct jqw_transport *t, int user)
{
    (void)t;
    (void)user;
    return 0;
}

static bool sim_pending(const struct jqw_transport *t)
{
    const struct client *client = t->state;
    return client && client->connected && client->out.size > 0;
}

static int sim_fd(const struct jqw_transport *t)
{
    (void)t;
    return -1;
}

static void sim_shutdown(struct jqw_transport *t)
{
    struct client *client = t->state;
    if (client)
        client->connected = false;
}

static void sim_close(struct jqw_transport *t)
{
    struct client *client = t->state;
    t->state = NULL;
    if (!client)
        return;
    client->connected = false;
    client->connection = NULL;
}

static int sim_describe(const struct jqw_transport *t, char *to, size_t size)
{
    (void)t;
    return snprintf(to, size, "the simulation");
}

static const struct jqw_transport_ops sim_ops = {
    .name = "sim",
    .read = sim_read,
    .writev = sim_writev,
    .wanted = sim_wanted,
    .pending = sim_pending,
    .fd = sim_fd,
    .shutdown = sim_shutdown,
    .close = sim_close,
    .describe = sim_describe,
};

static struct connection *connection_of(struct server *server, const struct client *client)
{
    for (uint32_t i = 0; i < server->sessions.size; i++) {
        struct connection *connection = server->sessions.slots[i].connection;
        if (connection && connection->transport.state == client)
            return connection;
    }
    return NULL;
}

/* ---- a connection ---- */

/* What it held, and what it had asked without a number, it knows no more of. */
void client_break(struct client *client)
{
    struct server *server = client->sim->server;
    for (uint32_t i = 0; i < OPEN_MAX; i++)
        if (client->open[i].request && client->open[i].op == JQW_REOPEN)
            stream_reopened(client->sim, client->open[i].queue);
    client->attached = false;
    client->connected = client->welcome = false;
    if (server && client->connection)
        connection_kill(client->connection);
    client->connection = NULL;
    client->in.size = client->out.size = 0;
    client->held_count = 0;
    memset(client->open, 0, sizeof client->open);
    client->receipt = 0;
}

void client_connect(struct client *client)
{
    struct jqw_transport transport = {.ops = &sim_ops, .fd = -1, .state = client};
    uint8_t id[CLIENT_ID_SIZE] = {client->number};
    client_break(client);
    client->connected = true;
    client->session++;
    client->request_next = 1;
    if (connection_open(client->sim->server, &transport, AUTH_OPEN, NULL) != JQ_OK)
        sim_fail("a connection is refused");
    client->connection = connection_of(client->sim->server, client);
    struct jqw_message hello = {.op = JQW_HELLO, .hello = {.version = JQW_VERSION, .client = {id, sizeof id}}};
    (void)client_send(client, &hello);
}

void client_read(struct client *client)
{
    if (client->connection && client->out.size > 0)
        connection_read(client->connection);
}

struct open *client_open(struct client *client)
{
    for (uint32_t i = 0; i < OPEN_MAX; i++)
        if (!client->open[i].request)
            return &client->open[i];
    return NULL;
}

struct open *client_send(struct client *client, struct jqw_message *message)
{
    struct open *open = client_open(client);
    JQ_ASSERT(open);
    message->request = client->request_next++;
    *open = (struct open){.request = message->request,
                          .op = message->op,
                          .queue = NOWHERE,
                          .slot = SLOTS,
                          .sent = ++client->sim->requests};
    JQ_ASSERT(jqw_encode(&client->out, message) == JQ_OK);
    client->sim->coverage.requests++;
    sim_say("client %u: #%u %s", client->number, message->request, jqw_op_name(message->op));
    return open;
}

/* ---- answers ---- */

static void take(struct client *client, const struct jqw_message *message)
{
    if (message->request == 0) {
        if (message->op == JQW_RESULT)
            sim_fail("client %u is refused: %.*s", client->number, (int)message->result.text.size,
                     (const char *)message->result.text.data);
        return;
    }
    for (uint32_t i = 0; i < OPEN_MAX; i++) {
        struct open open = client->open[i];
        if (open.request != message->request)
            continue;
        client->open[i].request = 0;
        client->sim->coverage.answers++;
        if (open.op == JQW_HELLO) {
            client->welcome = true;
            client_again(client);
        } else {
            told_answer(client, message, open);
        }
        return;
    }
    sim_fail("client %u gets an answer to %u, which it has not asked", client->number, message->request);
}

void client_hear(struct client *client)
{
    static struct jqw_scratch scratch;
    struct jqw_frame_parser parser = {.frame_max = JQW_FRAME_MAX};
    struct jqw_frame frame;
    size_t at = 0, size;
    const char *why;
    while (jqw_frame_next(&parser, client->in.data + at, client->in.size - at, &frame, &size, NULL) == JQW_FRAME_ONE) {
        struct jqw_message message;
        if (jqw_decode(frame.data, frame.size, &message, &scratch, &why) != JQ_OK)
            sim_fail("what client %u is told is no message: %s", client->number, why);
        at += size;
        take(client, &message);
    }
    if (at > 0)
        jqw_buffer_consume(&client->in, at);
}

/* ---- what goes by numbers ---- */

static void sent_open(const struct client *client, struct open *open, uint32_t slot)
{
    open->queue = client->slots[slot].sent.queue;
    open->incarnation = client->slots[slot].sent.incarnation;
    open->slot = slot;
}

static void send_forward(struct client *client, struct jqw_message *message, const struct slot *slot,
                         const struct jqw_bodies *bodies)
{
    const struct sent *sent = &slot->sent;
    struct jqw_range ranges[2];
    const struct jqw_target target = {
        .queue = {queue_name(sent->queue), sent->incarnation}, .count = sent->count, .options = sent->options};
    for (uint32_t i = 0; i < sent->source_count; i++)
        ranges[i] = sent->sources[i].range;
    message->forward = (struct jqw_forward){.timeout_ms = sent->timeout_ms,
                                            .done = {ranges, sent->source_count},
                                            .targets = &target,
                                            .target_count = 1,
                                            .bodies = *bodies,
                                            .once = {slot->number, (uint32_t)(slot - client->slots)}};
    sent_open(client, client_send(client, message), (uint32_t)(slot - client->slots));
}

bool client_put(struct client *client, uint32_t at)
{
    static uint8_t bytes[PUT_MAX][BODY_MAX];
    const struct slot *slot = &client->slots[at];
    const struct sent *sent = &slot->sent;
    struct jqw_bytes items[PUT_MAX];
    struct jqw_message message = {.op = sent->op};
    const struct jqw_bodies bodies = {.item = items, .count = sent->count};
    if (!client_open(client))
        return false;
    if (sent->op == JQW_PUT_END || sent->op == JQW_TASK_DONE || sent->op == JQW_MOVE) {
        count_message(client->sim, slot, at, &message);
        sent_open(client, client_send(client, &message), at);
        return true;
    }
    for (uint32_t i = 0; i < sent->count; i++) {
        ask_body(client->sim, sent->first + i, bytes[i]);
        items[i] = (struct jqw_bytes){bytes[i], client->sim->messages[sent->first + i].size};
    }
    if (sent->op == JQW_FORWARD) {
        send_forward(client, &message, slot, &bodies);
        return true;
    }
    message.put = (struct jqw_put){.queue = {queue_name(sent->queue), sent->incarnation},
                                   .timeout_ms = sent->timeout_ms,
                                   .bodies = bodies,
                                   .options = sent->options,
                                   .once = {slot->number, at}};
    sent_open(client, client_send(client, &message), at);
    return true;
}

void client_again(struct client *client)
{
    if (client->producing)
        stream_attach(client);
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (client->slots[i].open && client_put(client, i))
            client->sim->coverage.again++;
    }
}
