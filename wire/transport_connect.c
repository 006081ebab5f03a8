/* SPDX-License-Identifier: Apache-2.0 */
/* From a URL to a connection on its way, and what to know of TCP and Unix addresses for that. Nothing here waits, but for the
 * resolver. It must not know what will be said over the connection. */
#include "codes.h"
#include "transport_open.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KEEP_IDLE_S = 5, /* before the first probe */
    KEEP_INTERVAL_S = 3,
    KEEP_PROBES = 3, /* 5 + 3 * 3: gone after 14 s */
};

void jqw_close_quietly(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
}

static void set_int(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value); /* a connection without it still works */
}

void jqw_tcp_options(int fd)
{
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES);
}

void jqw_unix_address(const struct jqw_url *url, struct sockaddr_un *out)
{
    _Static_assert(sizeof url->path == sizeof out->sun_path, "a path of a URL fits an address");
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, url->path, sizeof out->sun_path);
}

/* The errno that tells best what the resolver said. */
static int resolver_errno(int error)
{
    switch (error) {
    case EAI_SYSTEM:
        return errno;
    case EAI_MEMORY:
        return ENOMEM;
    case EAI_AGAIN:
        return EAGAIN;
    default:
        return EHOSTUNREACH;
    }
}

int jqw_tcp_resolve(const struct jqw_url *url, int flags, struct addrinfo **found)
{
    char port[8];
    snprintf(port, sizeof port, "%u", url->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    int error = getaddrinfo(url->host, port, &hints, found);
    if (error == 0)
        return JQ_OK;
    errno = resolver_errno(error);
    return JQ_DISCONNECTED;
}

static int connect_start(struct jqw_transport *t, const struct sockaddr *address, socklen_t length, bool unix_)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return JQ_DISCONNECTED;
    if (!unix_)
        jqw_tcp_options(fd);
    if (connect(fd, address, length) != 0 && errno != EINPROGRESS && errno != EINTR) {
        jqw_close_quietly(fd);
        return JQ_DISCONNECTED;
    }
    jqw_transport_socket(t, fd, unix_);
    return JQ_OK;
}

static int connect_tcp(struct jqw_transport *t, const struct jqw_url *url, unsigned address)
{
    struct addrinfo *found;
    int code = jqw_tcp_resolve(url, 0, &found);
    if (code != JQ_OK)
        return code;
    const struct addrinfo *at = found;
    while (at && address-- > 0)
        at = at->ai_next;
    code = at ? connect_start(t, at->ai_addr, at->ai_addrlen, false) : JQ_NO_QUEUE;
    int error = errno;
    freeaddrinfo(found);
    errno = error;
    return code;
}

int jqw_transport_connect(struct jqw_transport *t, const struct jqw_url *url, unsigned address)
{
    struct sockaddr_un path;
    switch (url->scheme) {
    case JQW_URL_TCP:
    case JQW_URL_TLS:
        return connect_tcp(t, url, address);
    case JQW_URL_UNIX:
        if (address > 0)
            return JQ_NO_QUEUE;
        jqw_unix_address(url, &path);
        return connect_start(t, (const struct sockaddr *)&path, sizeof path, true);
    }
    return JQ_INVALID;
}

int jqw_transport_connected(struct jqw_transport *t)
{
    int error = 0;
    socklen_t length = sizeof error;
    struct sockaddr_storage peer;
    socklen_t peer_length = sizeof peer;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return JQ_DISCONNECTED;
    if (error != 0) {
        errno = error;
        return JQ_DISCONNECTED;
    }
    return getpeername(t->fd, (struct sockaddr *)&peer, &peer_length) == 0 ? JQ_OK : JQ_DISCONNECTED;
}
