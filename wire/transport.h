/* SPDX-License-Identifier: Apache-2.0 */
/* A connected stream of bytes behind one table of functions: tcp, unix, TLS (tls.h), and a memory pair for tests. TLS is why a
 * transport is asked which events it waits for (wanted), what may be done when one has come (ready), and whether bytes lie inside
 * (pending). No event loop here. */
#ifndef JOINQ_WIRE_TRANSPORT_H
#define JOINQ_WIRE_TRANSPORT_H

#include "base.h"
#include "url.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { JQW_WANT_READ = 1, JQW_WANT_WRITE = 2 };

/* What read and writev return besides a count of bytes. */
enum { JQW_IO_AGAIN = -1, JQW_IO_CLOSED = -2 /* orderly end */, JQW_IO_ERROR = -3 /* errno says which */ };

struct jqw_transport;

struct jqw_transport_ops {
    const char *name;
    ssize_t (*read)(struct jqw_transport *, void *to, size_t size);
    /* What it has taken, the system has. What it has not, or AGAIN, is to be what the next call begins with. */
    ssize_t (*writev)(struct jqw_transport *, const struct iovec *iov, int count);
    /* JQW_WANT_*: the events that the transport itself waits for before it can go on, given what its user waits for. */
    int (*wanted)(const struct jqw_transport *, int user);
    /* These events have come: what its user may try now. Does what the transport itself has left to do. */
    int (*ready)(struct jqw_transport *, int events);
    bool (*pending)(const struct jqw_transport *); /* bytes or an end inside that no event will announce */
    int (*fd)(const struct jqw_transport *);       /* -1: none (memory pair) */
    void (*shutdown)(struct jqw_transport *);      /* no more writes from here; the peer reads an end */
    void (*close)(struct jqw_transport *);         /* releases everything; idempotent */
    int (*describe)(const struct jqw_transport *, char *to, size_t size); /* the peer, for logs: "127.0.0.1:4711" */
};

struct jqw_transport {
    const struct jqw_transport_ops *ops;
    int fd;
    void *state;
};

static inline ssize_t jqw_read(struct jqw_transport *t, void *to, size_t size)
{
    return t->ops->read(t, to, size);
}
static inline ssize_t jqw_writev(struct jqw_transport *t, const struct iovec *iov, int count)
{
    return t->ops->writev(t, iov, count);
}

/* Takes a connected, non-blocking socket; `unix_` chooses how it is described. */
void jqw_transport_socket(struct jqw_transport *t, int fd, bool unix_);

/* Two connected ends in memory, each direction holding at most `capacity` bytes. JQ_OK or JQ_OVERLOADED. */
JQ_MUST_USE int jqw_transport_pair(struct jqw_transport *a, struct jqw_transport *b, size_t capacity);

/* Connects without blocking, for a joinqs URL a TCP connection over which nothing may be said before jqw_transport_tls (names of hosts are resolved, which may block): *t is set and its descriptor becomes writable when the
 * connection stands or has failed; then jqw_transport_connected says which. Tries the address-th address of the name (from 0).
 * JQ_OK; JQ_INVALID for a scheme it does not have; JQ_DISCONNECTED with errno set; JQ_NO_QUEUE when there are no more addresses. */
JQ_MUST_USE int jqw_transport_connect(struct jqw_transport *t, const struct jqw_url *url, unsigned address);
JQ_MUST_USE int jqw_transport_connected(struct jqw_transport *t); /* JQ_OK or JQ_DISCONNECTED with errno set */

/* Listens. JQ_OK: *fd, and url->port is the real one. JQ_INVALID or JQ_DISCONNECTED with errno set. A Unix socket is made with mode
 * 0600; a stale one (nobody accepts) is replaced, a live one is EADDRINUSE. */
JQ_MUST_USE int jqw_transport_listen(struct jqw_url *url, int backlog, int *fd);
/* Whether only this machine can reach it: an address of the loopback, or a Unix socket. */
bool jqw_listens_on_loopback(int listener);
/* Whether a listener at this address could be reached from elsewhere; false also where that cannot be told. It may ask the resolver. */
bool jqw_is_beyond_loopback(const struct jqw_url *url);
/* Accepts one. JQ_OK, or JQ_EMPTY when there is none, or JQ_DISCONNECTED with errno set. On TCP, here and in connect: no delay, and
 * keep-alive that notices within 15 s that the peer's host is gone while nothing is on its way to it. */
JQ_MUST_USE int jqw_transport_accept(int listener, bool unix_, struct jqw_transport *t);

/* Whether the peer's host still takes what was sent to it. A peer that does not read is no reason to doubt its host, which the
 * system's own limit for it (TCP_USER_TIMEOUT) cannot tell apart; so whoever has sent something asks now and then. */
enum jqw_peer {
    JQW_PEER_LOCAL,   /* no connection over TCP: its end is always heard of */
    JQW_PEER_HAS_ALL, /* nothing is under way: keep-alive watches over it */
    JQW_PEER_TAKES,
    JQW_PEER_GONE, /* it has not said a word for `silent_ms`, although asked again and again */
};
enum jqw_peer jqw_transport_peer(const struct jqw_transport *t, unsigned silent_ms);

/* Fills with random bytes from OpenSSL; JQ_OK or JQ_INTERNAL. */
JQ_MUST_USE int jqw_random(void *to, size_t size);

#endif
