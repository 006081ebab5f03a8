/* SPDX-License-Identifier: Apache-2.0 */
/* The transport over a connected, non-blocking stream socket, TCP or Unix: one set of functions, two tables, for they
 * differ in name and description only. It must not know how the socket came to be, nor what the bytes mean. */
#include "transport.h"
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What read and writev return for a system call that failed. */
static ssize_t failed(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? JQW_IO_AGAIN : JQW_IO_ERROR;
}

static ssize_t socket_read(struct jqw_transport *t, void *to, size_t size)
{
    JQ_ASSERT(size > 0);
    ssize_t got;
    do
        got = recv(t->fd, to, size, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return failed();
    return got > 0 ? got : JQW_IO_CLOSED;
}

static ssize_t socket_writev(struct jqw_transport *t, const struct iovec *iov, int count)
{
    struct msghdr message = {0};
    memcpy(&message.msg_iov, &iov, sizeof iov); /* sendmsg does not write to it, whatever its type says */
    message.msg_iovlen = (size_t)(count < IOV_MAX ? count : IOV_MAX);
    ssize_t sent;
    do
        sent = sendmsg(t->fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? failed() : sent;
}

static int socket_wanted(const struct jqw_transport *t, int user)
{
    (void)t;
    return user;
}

static int socket_ready(struct jqw_transport *t, int events)
{
    (void)t;
    return events;
}

static bool socket_pending(const struct jqw_transport *t)
{
    (void)t;
    return false;
}

static int socket_fd(const struct jqw_transport *t)
{
    return t->fd;
}

static void socket_shutdown(struct jqw_transport *t)
{
    if (t->fd >= 0)
        shutdown(t->fd, SHUT_WR);
}

static void socket_close(struct jqw_transport *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

static int tcp_describe(const struct jqw_transport *t, char *to, size_t size)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    char host[INET6_ADDRSTRLEN];
    if (getpeername(t->fd, (struct sockaddr *)&peer, &length) != 0)
        return snprintf(to, size, "tcp, not connected");
    if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&peer;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        return snprintf(to, size, "[%s]:%u", host, ntohs(in6->sin6_port));
    }
    const struct sockaddr_in *in = (const struct sockaddr_in *)&peer;
    inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    return snprintf(to, size, "%s:%u", host, ntohs(in->sin_port));
}

static int unix_describe(const struct jqw_transport *t, char *to, size_t size)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(t->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return snprintf(to, size, "unix, not connected");
    return snprintf(to, size, "unix: process %ld of user %lu", (long)peer.pid, (unsigned long)peer.uid);
}

static const struct jqw_transport_ops tcp_ops = {
    .name = "tcp",
    .read = socket_read,
    .writev = socket_writev,
    .wanted = socket_wanted,
    .ready = socket_ready,
    .pending = socket_pending,
    .fd = socket_fd,
    .shutdown = socket_shutdown,
    .close = socket_close,
    .describe = tcp_describe,
};

static const struct jqw_transport_ops unix_ops = {
    .name = "unix",
    .read = socket_read,
    .writev = socket_writev,
    .wanted = socket_wanted,
    .ready = socket_ready,
    .pending = socket_pending,
    .fd = socket_fd,
    .shutdown = socket_shutdown,
    .close = socket_close,
    .describe = unix_describe,
};

void jqw_transport_socket(struct jqw_transport *t, int fd, bool unix_)
{
    *t = (struct jqw_transport){.ops = unix_ ? &unix_ops : &tcp_ops, .fd = fd};
}

enum jqw_peer jqw_transport_peer(const struct jqw_transport *t, unsigned silent_ms)
{
    enum { ASKED_MIN = 2 /* one that is under way may still be answered */ };
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (t->fd < 0 || getsockopt(t->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return JQW_PEER_LOCAL;
    /* Not acknowledged and sent again; or its window is closed, and it is asked whether it still is. */
    unsigned asked = info.tcpi_retransmits > info.tcpi_probes ? info.tcpi_retransmits : info.tcpi_probes;
    if (asked >= ASKED_MIN && info.tcpi_last_ack_recv >= silent_ms)
        return JQW_PEER_GONE;
    int unsent = 0;
    if (info.tcpi_unacked > 0 || ioctl(t->fd, SIOCOUTQ, &unsent) != 0 || unsent > 0)
        return JQW_PEER_TAKES;
    return JQW_PEER_HAS_ALL;
}
