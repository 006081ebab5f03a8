/* SPDX-License-Identifier: Apache-2.0 */
/* Listening and accepting. A Unix socket that nobody answers any more is replaced, one that somebody answers is not; the
 * folder is locked meanwhile, so that two brokers that start at once cannot each take the other's for a stale one. */
#include "codes.h"
#include "transport_open.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int socket_new(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- TCP ---- */

static int tcp_bind(const struct addrinfo *at, int backlog, int *fd)
{
    int on = 1;
    int made = socket_new(at->ai_family);
    if (made < 0)
        return JQ_DISCONNECTED;
    (void)setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->ai_family == AF_INET6)
        (void)setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(made, at->ai_addr, at->ai_addrlen) != 0 || listen(made, backlog) != 0) {
        jqw_close_quietly(made);
        return JQ_DISCONNECTED;
    }
    *fd = made;
    return JQ_OK;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &length) != 0)
        return 0;
    return ntohs(own.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&own)->sin6_port
                                           : ((const struct sockaddr_in *)&own)->sin_port);
}

static int tcp_listen(struct jqw_url *url, int backlog, int *fd)
{
    struct addrinfo *found;
    int code = jqw_tcp_resolve(url, AI_PASSIVE, &found);
    if (code != JQ_OK)
        return code;
    code = tcp_bind(found, backlog, fd);
    int error = errno;
    freeaddrinfo(found);
    errno = error;
    if (code == JQ_OK)
        url->port = bound_port(*fd);
    return code;
}

/* ---- Unix ---- */

/* Opens the folder that holds the path and locks it; closing it unlocks. */
static int folder_lock(const char *path)
{
    char folder[sizeof((struct jqw_url *)0)->path];
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) : 0;
    snprintf(folder, sizeof folder, "%.*s/", length, path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int locked;
    do
        locked = flock(fd, LOCK_EX);
    while (locked != 0 && errno == EINTR);
    if (locked == 0)
        return fd;
    jqw_close_quietly(fd);
    return -1;
}

/* Whether the path is a socket that nobody listens on. */
static bool stale(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket_new(AF_UNIX);
    if (fd < 0)
        return false;
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int unix_bind(int fd, const struct sockaddr_un *address)
{
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (stale(address) && unlink(address->sun_path) == 0)
        return bind(fd, (const struct sockaddr *)address, sizeof *address);
    errno = EADDRINUSE;
    return -1;
}

static int unix_listen_locked(const struct sockaddr_un *address, int backlog, int *fd)
{
    int made = socket_new(AF_UNIX);
    if (made < 0)
        return JQ_DISCONNECTED;
    /* Linux gives the file the mode of the descriptor, less the umask: never wider, not for an instant. */
    if (fchmod(made, S_IRUSR | S_IWUSR) != 0 || unix_bind(made, address) != 0) {
        jqw_close_quietly(made);
        return JQ_DISCONNECTED;
    }
    if (chmod(address->sun_path, S_IRUSR | S_IWUSR) != 0 || listen(made, backlog) != 0) {
        jqw_close_quietly(made);
        (void)unlink(address->sun_path);
        return JQ_DISCONNECTED;
    }
    *fd = made;
    return JQ_OK;
}

static int unix_listen(const struct jqw_url *url, int backlog, int *fd)
{
    struct sockaddr_un address;
    jqw_unix_address(url, &address);
    int lock = folder_lock(url->path);
    if (lock < 0)
        return JQ_DISCONNECTED;
    int code = unix_listen_locked(&address, backlog, fd);
    jqw_close_quietly(lock);
    return code;
}

/* ---- both ---- */

int jqw_transport_listen(struct jqw_url *url, int backlog, int *fd)
{
    switch (url->scheme) {
    case JQW_URL_TCP:
    case JQW_URL_TLS:
        return tcp_listen(url, backlog, fd);
    case JQW_URL_UNIX:
        return unix_listen(url, backlog, fd);
    }
    return JQ_INVALID;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_UNIX)
        return true;
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return address->sa_family == AF_INET &&
           ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool jqw_listens_on_loopback(int listener)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    return getsockname(listener, (struct sockaddr *)&own, &length) == 0 && is_loopback((const struct sockaddr *)&own);
}

bool jqw_is_beyond_loopback(const struct jqw_url *url)
{
    struct addrinfo *found;
    if (url->scheme == JQW_URL_UNIX || jqw_tcp_resolve(url, AI_PASSIVE, &found) != JQ_OK)
        return false;
    bool beyond = !is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return beyond;
}

int jqw_transport_accept(int listener, bool unix_, struct jqw_transport *t)
{
    int fd;
    do
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? JQ_EMPTY : JQ_DISCONNECTED;
    if (!unix_)
        jqw_tcp_options(fd);
    jqw_transport_socket(t, fd, unix_);
    return JQ_OK;
}
