/* SPDX-License-Identifier: Apache-2.0 */
/* Two connected transports in memory, for tests and for programs that hold both ends: a ring of bytes in each direction.
 * No descriptor and no event: who waits asks pending. Both ends belong to one thread. */
#include "codes.h"
#include "transport.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One direction. */
struct ring {
    uint8_t *bytes;
    size_t capacity;
    size_t start; /* of what lies there, below capacity */
    size_t size;  /* of what lies there */
    bool ended;   /* by the writing end: no more bytes come */
};

struct pair_end {
    struct pair *pair;
    struct ring in; /* what this end reads */
    bool open;
};

struct pair {
    struct pair_end end[2];
};

static struct pair_end *other_end(struct pair_end *end)
{
    return &end->pair->end[end == &end->pair->end[0]];
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t ring_take(struct ring *ring, uint8_t *to, size_t size)
{
    size_t taken = 0;
    while (taken < size && ring->size > 0) {
        size_t piece = min_size(min_size(size - taken, ring->size), ring->capacity - ring->start);
        memcpy(to + taken, ring->bytes + ring->start, piece);
        ring->start = (ring->start + piece) % ring->capacity;
        ring->size -= piece;
        taken += piece;
    }
    return taken;
}

static size_t ring_give(struct ring *ring, const uint8_t *from, size_t size)
{
    size_t given = 0;
    while (given < size && ring->size < ring->capacity) {
        size_t at = (ring->start + ring->size) % ring->capacity;
        size_t piece = min_size(min_size(size - given, ring->capacity - ring->size), ring->capacity - at);
        memcpy(ring->bytes + at, from + given, piece);
        ring->size += piece;
        given += piece;
    }
    return given;
}

static ssize_t pair_read(struct jqw_transport *t, void *to, size_t size)
{
    JQ_ASSERT(size > 0);
    struct pair_end *end = t->state;
    if (!end) {
        errno = EBADF;
        return JQW_IO_ERROR;
    }
    if (end->in.size > 0)
        return (ssize_t)ring_take(&end->in, to, size);
    return end->in.ended ? JQW_IO_CLOSED : JQW_IO_AGAIN;
}

static size_t iov_size(const struct iovec *iov, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    return size;
}

static ssize_t pair_writev(struct jqw_transport *t, const struct iovec *iov, int count)
{
    struct pair_end *end = t->state;
    if (!end || !other_end(end)->open || other_end(end)->in.ended) {
        errno = end ? EPIPE : EBADF;
        return JQW_IO_ERROR;
    }
    struct ring *out = &other_end(end)->in;
    size_t given = 0;
    for (int i = 0; i < count && out->size < out->capacity; i++)
        given += ring_give(out, iov[i].iov_base, iov[i].iov_len);
    return given == 0 && iov_size(iov, count) > 0 ? JQW_IO_AGAIN : (ssize_t)given;
}

static int pair_wanted(const struct jqw_transport *t, int user)
{
    (void)t;
    return user;
}

static int pair_ready(struct jqw_transport *t, int events)
{
    (void)t;
    return events;
}

static bool pair_pending(const struct jqw_transport *t)
{
    const struct pair_end *end = t->state;
    return end && (end->in.size > 0 || end->in.ended);
}

static int pair_fd(const struct jqw_transport *t)
{
    (void)t;
    return -1;
}

static void pair_shutdown(struct jqw_transport *t)
{
    struct pair_end *end = t->state;
    if (end)
        other_end(end)->in.ended = true;
}

static void pair_close(struct jqw_transport *t)
{
    struct pair_end *end = t->state;
    if (!end)
        return;
    t->state = NULL;
    end->open = false;
    other_end(end)->in.ended = true;
    if (!other_end(end)->open)
        free(end->pair);
}

static int pair_describe(const struct jqw_transport *t, char *to, size_t size)
{
    return snprintf(to, size, t->state ? "memory pair" : "memory pair, closed");
}

static const struct jqw_transport_ops pair_ops = {
    .name = "pair",
    .read = pair_read,
    .writev = pair_writev,
    .wanted = pair_wanted,
    .ready = pair_ready,
    .pending = pair_pending,
    .fd = pair_fd,
    .shutdown = pair_shutdown,
    .close = pair_close,
    .describe = pair_describe,
};

int jqw_transport_pair(struct jqw_transport *a, struct jqw_transport *b, size_t capacity)
{
    JQ_ASSERT(capacity > 0 && capacity < SIZE_MAX / 4);
    struct pair *pair = malloc(sizeof *pair + 2 * capacity);
    if (!pair)
        return JQ_OVERLOADED;
    uint8_t *bytes = (uint8_t *)(pair + 1);
    for (int i = 0; i < 2; i++)
        pair->end[i] = (struct pair_end){
            .pair = pair,
            .open = true,
            .in = {.bytes = bytes + (size_t)i * capacity, .capacity = capacity},
        };
    *a = (struct jqw_transport){.ops = &pair_ops, .fd = -1, .state = &pair->end[0]};
    *b = (struct jqw_transport){.ops = &pair_ops, .fd = -1, .state = &pair->end[1]};
    return JQ_OK;
}
