/* SPDX-License-Identifier: Apache-2.0 */
/* Odds and ends of the bench's programs. A bench that cannot go on says why and dies. */
#include "tool.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void die_errno(const char *what)
{
    die("%s: %s", what, strerror(errno));
}

uint64_t number_of(const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0)
        die("'%s' is not a number", text);
    return value;
}

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void *allocate(size_t size)
{
    void *bytes = calloc(1, size);
    if (!bytes)
        die("no memory for %zu bytes", size);
    return bytes;
}

static void no_delay(int fd)
{
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0)
        die_errno("TCP_NODELAY");
}

int tcp_listen(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 16) != 0)
        die_errno("cannot listen");
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die_errno("getsockname");
    *port = ntohs(address.sin_port);
    return fd;
}

int tcp_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die_errno("accept");
    no_delay(fd);
    return fd;
}

int tcp_connect(uint64_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die_errno("cannot connect");
    no_delay(fd);
    return fd;
}

void write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            die_errno("write");
        at += sent;
        size -= (size_t)sent;
    }
}

size_t read_some(int fd, void *to, size_t size)
{
    ssize_t got;
    do
        got = recv(fd, to, size, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        die_errno("read");
    return (size_t)got;
}

void wait_for_start(void)
{
    char line[64];
    printf("ready\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        die("never told to start");
}
