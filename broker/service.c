/* SPDX-License-Identifier: Apache-2.0 */
/* systemd, by its library where the build has found it. */
#include "service.h"
#include "codes.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#ifdef JOINQ_SYSTEMD
#include <systemd/sd-daemon.h>
#else
static int sd_notify(int unset, const char *lines)
{
    (void)unset;
    (void)lines;
    return 0;
}

static int sd_watchdog_enabled(int unset, uint64_t *usec)
{
    (void)unset;
    (void)usec;
    return 0;
}

static int sd_listen_fds_with_names(int unset, char ***names)
{
    (void)unset;
    (void)names;
    return 0;
}

enum { SD_LISTEN_FDS_START = 3 };
#endif

void service_tell(const char *lines)
{
    (void)sd_notify(0, lines);
}

void service_tell_reloading(void)
{
    char lines[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    service_tell(lines);
}

uint64_t service_alive_ns(void)
{
    uint64_t usec = 0;
    return sd_watchdog_enabled(0, &usec) > 0 ? usec * 1000 / 2 : 0;
}

/* ---- sockets ---- */

union address {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static const char *url_of(const union address *own, socklen_t length, struct jqw_url *url)
{
    size_t path = length > offsetof(struct sockaddr_un, sun_path) ? length - offsetof(struct sockaddr_un, sun_path) : 0;
    switch (own->any.sa_family) {
    case AF_INET:
        url->port = ntohs(own->in.sin_port);
        inet_ntop(AF_INET, &own->in.sin_addr, url->host, sizeof url->host);
        return NULL;
    case AF_INET6:
        url->port = ntohs(own->in6.sin6_port);
        inet_ntop(AF_INET6, &own->in6.sin6_addr, url->host, sizeof url->host);
        return NULL;
    case AF_UNIX:
        if (path == 0 || own->local.sun_path[0] != '/' || path > sizeof url->path)
            return "it has no path, so that nobody could say who may use it";
        url->scheme = JQW_URL_UNIX;
        snprintf(url->path, sizeof url->path, "%.*s", (int)path, own->local.sun_path);
        return NULL;
    default:
        return "it is neither TCP nor a Unix socket";
    }
}

static const char *look_at(struct service_socket *socket, const char *name)
{
    union address own = {0};
    socklen_t length = sizeof own;
    int type = 0, listens = 0;
    socklen_t size = sizeof type;
    if (getsockopt(socket->fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return "it is no stream socket";
    size = sizeof listens;
    if (getsockopt(socket->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens)
        return "nobody listens on it";
    int flags = fcntl(socket->fd, F_GETFL);
    if (flags < 0 || fcntl(socket->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        getsockname(socket->fd, &own.any, &length) != 0)
        return strerror(errno);
    socket->url.scheme = name && strcmp(name, "joinqs") == 0 ? JQW_URL_TLS : JQW_URL_TCP;
    return url_of(&own, length, &socket->url);
}

int service_sockets(struct service_sockets *out, char *why, size_t why_size)
{
    char **names = NULL;
    const char *wrong = NULL;
    *out = (struct service_sockets){0};
    int count = sd_listen_fds_with_names(1, &names);
    if (count > SERVICE_SOCKETS_MAX)
        wrong = "there are too many";
    for (int i = 0; i < count && !wrong; i++) {
        struct service_socket *socket = &out->list[i];
        socket->fd = SD_LISTEN_FDS_START + i;
        wrong = look_at(socket, names ? names[i] : NULL);
        out->left = ++out->count;
    }
    for (int i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
    if (!wrong)
        return JQ_OK;
    snprintf(why, why_size, "a socket that the service manager passes cannot be used: %s", wrong);
    return JQ_INVALID;
}

static bool same_place(const struct jqw_url *a, const struct jqw_url *b)
{
    if ((a->scheme == JQW_URL_UNIX) != (b->scheme == JQW_URL_UNIX))
        return false;
    if (a->scheme == JQW_URL_UNIX)
        return strcmp(a->path, b->path) == 0;
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

int service_take(struct service_sockets *sockets, const struct jqw_url *url)
{
    for (unsigned i = 0; i < sockets->count; i++) {
        struct service_socket *socket = &sockets->list[i];
        if (socket->fd == 0 || !same_place(&socket->url, url))
            continue;
        int fd = socket->fd;
        socket->fd = 0;
        sockets->left--;
        return fd;
    }
    return 0;
}
