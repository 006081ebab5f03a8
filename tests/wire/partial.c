/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of random size over any transport. It knows only the table of functions. */
#include "partial.h"

static uint64_t next_random(struct partial *partial)
{
    uint64_t x = partial->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    partial->random = x;
    return x >> 11;
}

static struct partial *partial_of(const struct jqw_transport *t)
{
    return t->state;
}

static bool nothing_now(struct partial *partial)
{
    return next_random(partial) % 100 < partial->again_percent;
}

static size_t piece_of(struct partial *partial, size_t size)
{
    size_t piece = 1 + next_random(partial) % partial->piece_max;
    return piece < size ? piece : size;
}

static ssize_t partial_read(struct jqw_transport *t, void *to, size_t size)
{
    struct partial *partial = partial_of(t);
    if (nothing_now(partial))
        return JQW_IO_AGAIN;
    return jqw_read(&partial->inner, to, piece_of(partial, size));
}

/* A piece that ends anywhere in the list: whole entries, and a part of the last. */
static ssize_t partial_writev(struct jqw_transport *t, const struct iovec *iov, int count)
{
    struct partial *partial = partial_of(t);
    struct iovec some[8];
    int used = 0;
    size_t left = partial->offered ? partial->offered : 1 + next_random(partial) % partial->piece_max;
    if (nothing_now(partial))
        return JQW_IO_AGAIN;
    partial->offered = left; /* until it is taken: no less may be offered */
    for (; used < count && used < 8 && left > 0; used++) {
        some[used] = iov[used];
        if (some[used].iov_len > left)
            some[used].iov_len = left;
        left -= some[used].iov_len;
    }
    ssize_t taken = jqw_writev(&partial->inner, some, used);
    partial->offered = taken == JQW_IO_AGAIN ? partial->offered : 0;
    return taken;
}

static int partial_wanted(const struct jqw_transport *t, int user)
{
    return partial_of(t)->inner.ops->wanted(&partial_of(t)->inner, user);
}

static int partial_ready(struct jqw_transport *t, int events)
{
    return partial_of(t)->inner.ops->ready(&partial_of(t)->inner, events);
}

/* After a piece there may be more that no event announces. */
static bool partial_pending(const struct jqw_transport *t)
{
    (void)t;
    return true;
}

static int partial_fd(const struct jqw_transport *t)
{
    return partial_of(t)->inner.ops->fd(&partial_of(t)->inner);
}

static void partial_shutdown(struct jqw_transport *t)
{
    partial_of(t)->inner.ops->shutdown(&partial_of(t)->inner);
}

static void partial_close(struct jqw_transport *t)
{
    partial_of(t)->inner.ops->close(&partial_of(t)->inner);
}

static int partial_describe(const struct jqw_transport *t, char *to, size_t size)
{
    return partial_of(t)->inner.ops->describe(&partial_of(t)->inner, to, size);
}

static const struct jqw_transport_ops partial_ops = {
    .name = "partial",
    .read = partial_read,
    .writev = partial_writev,
    .wanted = partial_wanted,
    .ready = partial_ready,
    .pending = partial_pending,
    .fd = partial_fd,
    .shutdown = partial_shutdown,
    .close = partial_close,
    .describe = partial_describe,
};

void partial_wrap(struct jqw_transport *t, struct partial *partial, uint64_t seed, size_t piece_max,
                  unsigned again_percent)
{
    *partial =
        (struct partial){.inner = *t, .random = seed | 1, .piece_max = piece_max, .again_percent = again_percent};
    *t = (struct jqw_transport){.ops = &partial_ops, .fd = t->fd, .state = partial};
}
