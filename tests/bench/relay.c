/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's one process: epoll, a ring of bytes, and the ends of the messages in it. */
#include "relay.h"
#include "tool.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    RING_SIZE = 32 * 1024 * 1024,
    IN_SIZE = 256 * 1024,
    MESSAGES_MAX = 1 << 20, /* in the ring */
};

struct connection {
    int fd; /* -1: not there */
    bool watched;
    size_t in_size;
    uint8_t in[IN_SIZE];
};

/* Places are counted from the start of time; in the ring they are taken modulo its size. */
struct relay {
    int epoll;
    uint64_t bound;
    struct connection producer, consumer;
    uint8_t ring[RING_SIZE];
    uint64_t ends[MESSAGES_MAX]; /* of each message: the place behind it */
    uint64_t put;                /* messages, and the place behind them */
    uint64_t put_place;
    uint64_t taken; /* messages that were handed on */
    uint64_t taken_place;
    uint64_t done; /* messages that the consumer has finished with */
    uint64_t done_place;
    uint32_t answers;         /* groups to be answered */
    bool take;                /* the consumer waits for a batch */
    struct relay_header head; /* of the batch on its way */
    size_t head_left;
    uint64_t sent_place; /* how far the batch was sent; all of it: taken_place */
};

static void watch(struct relay *relay, struct connection *connection, uint32_t events, bool on)
{
    struct epoll_event event = {.events = events, .data = {.ptr = connection}};
    int operation = on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
    if (connection->watched != on && epoll_ctl(relay->epoll, operation, connection->fd, &event) != 0)
        die_errno("epoll_ctl");
    connection->watched = on;
}

static void connection_end(struct relay *relay, struct connection *connection)
{
    watch(relay, connection, 0, false);
    close(connection->fd);
    connection->fd = -1;
}

/* Reads what there is behind what is left of last time. False if nothing came. */
static bool connection_read(struct relay *relay, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->in + connection->in_size, IN_SIZE - connection->in_size, 0);
    if (got < 0 && errno != EAGAIN)
        die_errno("relay: read");
    if (got == 0)
        connection_end(relay, connection);
    if (got <= 0)
        return false;
    connection->in_size += (size_t)got;
    return true;
}

static void connection_consume(struct connection *connection, size_t size)
{
    connection->in_size -= size;
    memmove(connection->in, connection->in + size, connection->in_size);
}

/* ---- the producer's side --------------------------------------------------------------------------------------------- */

static void ring_put(struct relay *relay, const uint8_t *bytes, size_t size)
{
    size_t at = relay->put_place % RING_SIZE;
    if (size <= RING_SIZE - at) {
        memcpy(relay->ring + at, bytes, size);
    } else {
        memcpy(relay->ring + at, bytes, RING_SIZE - at);
        memcpy(relay->ring, bytes + (RING_SIZE - at), size - (RING_SIZE - at));
    }
    relay->put_place += size;
    relay->ends[relay->put++ % MESSAGES_MAX] = relay->put_place;
}

static void messages_take(struct relay *relay)
{
    struct connection *producer = &relay->producer;
    size_t at = 0;
    struct relay_header header;
    while (producer->in_size - at >= sizeof header) {
        memcpy(&header, producer->in + at, sizeof header);
        if (header.kind > RELAY_LAST || header.size > IN_SIZE - sizeof header)
            die("relay: no message");
        size_t size = sizeof header + header.size;
        if (producer->in_size - at < size)
            break;
        ring_put(relay, producer->in + at, size);
        relay->answers += header.kind == RELAY_LAST;
        at += size;
    }
    connection_consume(producer, at);
}

/* Answers are few and small: they always fit. */
static void answers_send(struct relay *relay)
{
    struct relay_header answers[64];
    uint32_t count = 0;
    for (; relay->answers > 0 && count < 64; relay->answers--)
        answers[count++] = (struct relay_header){1, RELAY_ANSWER};
    if (count > 0 && send(relay->producer.fd, answers, count * sizeof answers[0], MSG_NOSIGNAL) !=
                         (ssize_t)(count * sizeof answers[0]))
        die("relay: an answer did not go out");
}

static bool has_room(const struct relay *relay)
{
    return relay->put - relay->done < relay->bound && RING_SIZE - (relay->put_place - relay->done_place) > IN_SIZE;
}

static void producer_ready(struct relay *relay)
{
    if (!connection_read(relay, &relay->producer))
        return;
    messages_take(relay);
    answers_send(relay);
}

/* ---- the consumer's side --------------------------------------------------------------------------------------------- */

/* The batch on its way: its head, and one or two pieces of the ring. */
static int batch_pieces(struct relay *relay, struct iovec pieces[3])
{
    int count = 0;
    if (relay->head_left > 0) {
        uint8_t *head = (uint8_t *)&relay->head;
        pieces[count++] = (struct iovec){head + sizeof relay->head - relay->head_left, relay->head_left};
    }
    size_t at = relay->sent_place % RING_SIZE, size = relay->taken_place - relay->sent_place;
    size_t first = size < RING_SIZE - at ? size : RING_SIZE - at;
    pieces[count++] = (struct iovec){relay->ring + at, first};
    if (size > first)
        pieces[count++] = (struct iovec){relay->ring, size - first};
    return count;
}

static void batch_send(struct relay *relay)
{
    while (relay->head_left > 0 || relay->sent_place < relay->taken_place) {
        struct iovec pieces[3];
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)batch_pieces(relay, pieces)};
        ssize_t sent = sendmsg(relay->consumer.fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            die_errno("relay: write");
        if (sent < 0)
            return;
        size_t head = (size_t)sent < relay->head_left ? (size_t)sent : relay->head_left;
        relay->head_left -= head;
        relay->sent_place += (size_t)sent - head;
    }
}

static void batch_begin(struct relay *relay)
{
    uint64_t count = relay->put - relay->taken;
    if (!relay->take || count == 0)
        return;
    if (count > RELAY_BATCH_MAX)
        count = RELAY_BATCH_MAX;
    relay->taken += count;
    relay->taken_place = relay->ends[(relay->taken - 1) % MESSAGES_MAX];
    relay->head = (struct relay_header){(uint32_t)count, RELAY_BATCH};
    relay->head_left = sizeof relay->head;
    relay->take = false;
    batch_send(relay);
}

static void take_begin(struct relay *relay)
{
    struct connection *consumer = &relay->consumer;
    struct relay_header header;
    if (consumer->in_size < sizeof header)
        return;
    memcpy(&header, consumer->in, sizeof header);
    if (header.kind != RELAY_TAKE || relay->done + header.size != relay->taken)
        die("relay: a take of a kind");
    connection_consume(consumer, sizeof header);
    relay->done = relay->taken;
    relay->done_place = relay->taken_place;
    relay->take = true;
}

static void consumer_ready(struct relay *relay)
{
    while (connection_read(relay, &relay->consumer))
        take_begin(relay);
}

/* ---- the loop -------------------------------------------------------------------------------------------------------- */

static bool batch_waits(const struct relay *relay)
{
    return relay->head_left > 0 || relay->sent_place < relay->taken_place;
}

static void turn(struct relay *relay)
{
    struct epoll_event events[2];
    if (relay->producer.fd >= 0)
        watch(relay, &relay->producer, EPOLLIN, has_room(relay));
    int count = epoll_wait(relay->epoll, events, 2, -1);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &relay->producer)
            producer_ready(relay);
        else if (events[i].events & EPOLLOUT && batch_waits(relay))
            batch_send(relay);
        if (events[i].data.ptr == &relay->consumer && events[i].events & ~(uint32_t)EPOLLOUT)
            consumer_ready(relay);
    }
    if (relay->consumer.fd >= 0)
        batch_begin(relay);
}

static void connection_begin(struct relay *relay, struct connection *connection, int listener, uint32_t events)
{
    connection->fd = tcp_accept(listener);
    if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0)
        die_errno("fcntl");
    watch(relay, connection, events, true);
}

void relay_serve(uint64_t bound)
{
    uint16_t port;
    int listener = tcp_listen(&port);
    struct relay *relay = allocate(sizeof *relay);
    relay->bound = bound < MESSAGES_MAX ? bound : MESSAGES_MAX;
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    printf("port %u\n", port);
    fflush(stdout);
    connection_begin(relay, &relay->producer, listener, EPOLLIN); /* the producer connects first */
    connection_begin(relay, &relay->consumer, listener, EPOLLIN | EPOLLOUT | EPOLLET);
    while (relay->producer.fd >= 0 || relay->consumer.fd >= 0)
        turn(relay);
    close(relay->epoll);
    close(listener);
    free(relay);
}
