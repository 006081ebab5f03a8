/* SPDX-License-Identifier: Apache-2.0 */
/* Moves bytes between the core and its transport, and waits. */
#include "jqc_driver.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    OUT_EAGER = 64 * 1024, /* output from which a submission writes */
    PEER_ASK_MS = 5000,    /* between questions whether the peer's host is still there */
    PEER_SILENT_MS = 15000,
    LAST_READS = 64,       /* after a write has failed: more than a socket holds */
    UNHEARD_MAX = 2,       /* signs of life without an answer */
    SLOT_WAIT_MS = 1000,   /* for one of very many requests to be answered, before there are too many */
    OUT_MAX = 1024 * 1024, /* output above which a submission waits until some of it is written */
};

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t jqc_deadline(int64_t timeout_ms)
{
    if (timeout_ms < 0)
        return JQC_DEADLINE_NONE;
    int64_t now = clock_ns();
    return timeout_ms > (JQC_DEADLINE_NONE - now) / 1000000 ? JQC_DEADLINE_NONE : now + timeout_ms * 1000000;
}

int jqc_poll(int fd, int wanted, int64_t deadline_ns)
{
    struct pollfd watch = {.fd = fd};
    watch.events = (short)((wanted & JQW_WANT_READ ? POLLIN : 0) | (wanted & JQW_WANT_WRITE ? POLLOUT : 0));
    struct timespec left, *timeout = NULL;
    if (deadline_ns != JQC_DEADLINE_NONE) {
        int64_t left_ns = deadline_ns - clock_ns();
        left_ns = left_ns > 0 ? left_ns : 0;
        left = (struct timespec){.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        timeout = &left;
    }
    return ppoll(&watch, 1, timeout, NULL) == 0 ? JQ_TIMEOUT : JQ_OK;
}

void jqc_transport_close(struct joinq *client)
{
    if (client->transport.ops)
        client->transport.ops->close(&client->transport);
    client->transport.ops = NULL;
}

/* The connection has ended. */
static void connection_end(struct joinq *client, int error)
{
    if (client->core.lost != JQ_OK || !client->transport.ops)
        return;
    char why[JQW_TEXT_MAX + 1] = "the broker closed the connection", text[JQW_TEXT_MAX - 30];
    int code = error ? jqc_tls_failure(&client->transport, error, text, sizeof text) : JQ_DISCONNECTED;
    if (error != 0)
        snprintf(why, sizeof why, "%s%s", code == JQ_AUTH_FAILED ? "" : "the connection broke: ", text);
    if (!jqc_reconnect_begin(client)) {
        jqc_core_lose(&client->core, code, why);
        return;
    }
    jqc_transport_close(client);
    jqc_core_suspend(&client->core, why);
}

/* What the core has given up is closed. True while there is a connection. */
static bool connection_stands(struct joinq *client)
{
    if (client->core.lost == JQ_OK)
        return client->transport.ops != NULL;
    jqc_transport_close(client);
    return false;
}

/* Reads once. False if nothing came. */
static bool read_once(struct joinq *client)
{
    uint8_t *to;
    size_t room;
    if (jqc_core_room(&client->core, &to, &room) != JQ_OK) {
        jqc_core_lose(&client->core, JQ_OVERLOADED, "no memory to read what the broker sends");
        return false;
    }
    ssize_t size = jqw_read(&client->transport, to, room);
    if (size > 0)
        client->pings.unheard = 0;
    if (size > 0)
        jqc_core_filled(&client->core, (size_t)size);
    if (size > 0 || size == JQW_IO_AGAIN)
        client->reconnect.stood_ns = clock_ns();
    else
        connection_end(client, size == JQW_IO_ERROR ? errno : 0);
    return size > 0 && connection_stands(client);
}

/* Nothing can be sent any more; what the broker has said before is still heard. */
static void write_failed(struct joinq *client, int error)
{
    for (int reads = 0; reads < LAST_READS && read_once(client); reads++)
        continue;
    connection_end(client, error);
}

void jqc_write(struct joinq *client)
{
    while (connection_stands(client)) {
        size_t size;
        const uint8_t *bytes = jqc_core_output(&client->core, &size);
        if (size == 0)
            return;
        struct iovec iov = {.iov_len = size};
        memcpy(&iov.iov_base, &bytes, sizeof bytes); /* only read, whatever its type says */
        ssize_t sent = jqw_writev(&client->transport, &iov, 1);
        if (sent == JQW_IO_AGAIN)
            return;
        if (sent < 0)
            write_failed(client, sent == JQW_IO_ERROR ? errno : 0);
        else
            jqc_core_sent(&client->core, (size_t)sent);
    }
}

int64_t jqc_ping_due(const struct joinq *client)
{
    bool agreed = client->pings.wanted && client->core.broker.ping_ms && client->transport.ops;
    return agreed ? client->pings.next_ns : JQC_DEADLINE_NONE;
}

/* A broker that has not said a word to several is gone, or hangs. */
static void ping_when_due(struct joinq *client)
{
    int64_t due_ns = jqc_ping_due(client);
    if (due_ns == JQC_DEADLINE_NONE || due_ns > clock_ns())
        return;
    if (client->pings.unheard++ == UNHEARD_MAX) {
        connection_end(client, ETIMEDOUT);
        return;
    }
    client->pings.next_ns = jqc_deadline((int64_t)client->core.broker.ping_ms);
    jqc_core_ping(&client->core);
    jqc_write(client);
}

static bool output_left(const struct joinq *client)
{
    size_t size;
    jqc_core_output(&client->core, &size);
    return size > 0;
}

/* One round, after what can be written was: waits at most until the deadline, reads, and writes. Nothing is written before it waits:
 * whoever flushes would then wait for an answer that need not come. JQ_TIMEOUT: the deadline has passed. */
JQ_MUST_USE static int turn(struct joinq *client, int64_t deadline_ns)
{
    struct jqw_transport *transport = &client->transport;
    ping_when_due(client);
    if (!transport->ops) {
        int code = jqc_reconnect_step(client, deadline_ns);
        jqc_write(client); /* what is asked again: whoever did not wait for it may now watch the descriptor */
        return code;
    }
    if (!transport->ops->pending(transport)) {
        int user = JQW_WANT_READ | (output_left(client) ? JQW_WANT_WRITE : 0);
        int64_t until_ns = earlier(earlier(jqc_deadline(PEER_ASK_MS), jqc_ping_due(client)), deadline_ns);
        int code = jqc_poll(transport->ops->fd(transport), transport->ops->wanted(transport, user), until_ns);
        if (code != JQ_OK && jqw_transport_peer(transport, PEER_SILENT_MS) == JQW_PEER_GONE)
            connection_end(client, ETIMEDOUT);
        else if (code != JQ_OK)
            client->reconnect.stood_ns = clock_ns();
        if (code != JQ_OK)
            return clock_ns() >= deadline_ns ? JQ_TIMEOUT : JQ_OK;
    }
    read_once(client);
    jqc_write(client); /* what came may have had to be given back */
    if (transport->ops && transport->ops->pending(transport))
        return JQ_OK; /* the descriptor does not announce it to whoever watches that next */
    bool late = deadline_ns != JQC_DEADLINE_NONE && clock_ns() > deadline_ns;
    return late ? JQ_TIMEOUT : JQ_OK; /* however much comes that is no answer */
}

static bool slot_is_free(const struct joinq *client)
{
    const struct jqc_slots *slots = &client->core.requests.slots_once;
    return slots->free_count > 0 || slots->count < JQW_SLOTS_MAX;
}

bool jqc_slot_await(struct joinq *client)
{
    if (slot_is_free(client))
        return true;
    int64_t deadline_ns = jqc_deadline(SLOT_WAIT_MS);
    jqc_write(client);
    while (!slot_is_free(client) && client->core.lost == JQ_OK && turn(client, deadline_ns) == JQ_OK)
        continue;
    return slot_is_free(client);
}

int jqc_flush_here(struct joinq *client)
{
    const struct jqc_core *core = &client->core;
    uint32_t session = core->session;
    uint64_t end = jqc_core_end(core);
    jqc_write(client);
    while (core->session == session && core->out_sent < end && connection_stands(client)) {
        int code = turn(client, JQC_DEADLINE_NONE);
        JQ_ASSERT(code == JQ_OK);
    }
    return core->session == session && core->out_sent >= end ? JQ_OK : JQ_DISCONNECTED;
}

int jqc_flush(struct joinq *client)
{
    jqc_write(client);
    ping_when_due(client);
    if (client->core.suspended && client->core.lost == JQ_OK)
        (void)!turn(client, jqc_deadline(0)); /* whoever only flushes gets another connection, too */
    while (connection_stands(client) && output_left(client)) {
        int code = turn(client, JQC_DEADLINE_NONE);
        JQ_ASSERT(code == JQ_OK);
    }
    return client->core.lost == JQ_OK ? JQ_OK : JQ_DISCONNECTED;
}

/* Bytes to be sent, on this connection or the next. */
static size_t output_size(const struct joinq *client)
{
    size_t size;
    jqc_core_output(&client->core, &size);
    return size + client->core.kept.size;
}

void jqc_throttle(struct joinq *client)
{
    if (output_size(client) < OUT_EAGER)
        return;
    jqc_write(client);
    while (output_size(client) > OUT_MAX) {
        int code = turn(client, JQC_DEADLINE_NONE);
        JQ_ASSERT(code == JQ_OK);
    }
}

static bool is_answered(const struct joinq *client, const struct jqc_request *request)
{
    return request ? request->state == JQC_ANSWERED : client->core.requests.first != NULL;
}

int jqc_await(struct joinq *client, const struct jqc_request *request, int64_t deadline_ns)
{
    int code = JQ_OK;
    jqc_write(client);
    ping_when_due(client);
    while (code == JQ_OK && !is_answered(client, request))
        code = turn(client, deadline_ns);
    return is_answered(client, request) ? JQ_OK : code;
}
