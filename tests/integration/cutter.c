/* SPDX-License-Identifier: Apache-2.0 */
/* One connection at a time: the client under test has no more. */
#include "cutter.h"
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE = 4096 };

struct cutter {
    pthread_t thread;
    pthread_mutex_t lock;
    int listener, stop[2];
    char broker[108], path[108], url[128];
    enum cut_direction direction;
    uint64_t at, bytes[2], cuts;
    bool armed; /* the next connection is to be cut */
};

/* ---- sockets ---- */

static int unix_socket(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int dial(const char *path)
{
    struct sockaddr_un address;
    int fd = unix_socket(path, &address);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* ---- passing on ---- */

/* How much of `size` bytes may pass; *cut is set if it ends there. */
static size_t allowed(struct cutter *cutter, enum cut_direction direction, size_t size, bool armed, bool *cut)
{
    pthread_mutex_lock(&cutter->lock);
    uint64_t left = cutter->at - cutter->bytes[direction];
    *cut = armed && cutter->direction == direction && size >= left;
    if (*cut)
        size = (size_t)left;
    cutter->bytes[direction] += size;
    cutter->cuts += *cut;
    pthread_mutex_unlock(&cutter->lock);
    return size;
}

/* False: the connection has ended, or is cut. */
static bool pass(struct cutter *cutter, int from, int to, enum cut_direction direction, bool armed)
{
    char bytes[PIECE];
    bool cut;
    ssize_t size = recv(from, bytes, sizeof bytes, 0);
    if (size <= 0)
        return false;
    size_t allowed_size = allowed(cutter, direction, (size_t)size, armed, &cut);
    return send_all(to, bytes, allowed_size) && !cut;
}

static void serve(struct cutter *cutter, int client)
{
    int broker = dial(cutter->broker);
    bool unused, armed, on = broker >= 0;
    pthread_mutex_lock(&cutter->lock);
    armed = cutter->armed;
    cutter->armed = false;
    bool at_once = armed && cutter->at == 0 && cutter->direction != CUT_NOTHING;
    pthread_mutex_unlock(&cutter->lock);
    if (at_once)
        on = allowed(cutter, cutter->direction, 0, true, &unused) > 0;
    while (on) {
        struct pollfd wait[3] = {{.fd = client, .events = POLLIN},
                                 {.fd = broker, .events = POLLIN},
                                 {.fd = cutter->stop[0], .events = POLLIN}};
        poll(wait, 3, -1);
        on = wait[2].revents == 0;
        if (on && wait[0].revents)
            on = pass(cutter, client, broker, CUT_REQUESTS, armed);
        if (on && wait[1].revents)
            on = pass(cutter, broker, client, CUT_ANSWERS, armed);
    }
    close(broker);
    close(client);
}

static void *run(void *context)
{
    struct cutter *cutter = context;
    for (;;) {
        struct pollfd wait[2] = {{.fd = cutter->listener, .events = POLLIN}, {.fd = cutter->stop[0], .events = POLLIN}};
        poll(wait, 2, -1);
        if (wait[1].revents)
            return NULL;
        int client = accept(cutter->listener, NULL, NULL);
        if (client >= 0)
            serve(cutter, client);
    }
}

/* ---- for the test ---- */

struct cutter *cutter_start(const char *broker)
{
    struct sockaddr_un address;
    struct cutter *cutter = calloc(1, sizeof *cutter);
    if (!cutter || pipe(cutter->stop) != 0)
        return NULL;
    snprintf(cutter->broker, sizeof cutter->broker, "%s", broker + strlen("unix://"));
    snprintf(cutter->path, sizeof cutter->path, "/tmp/joinq-cutter-%d", (int)getpid());
    snprintf(cutter->url, sizeof cutter->url, "unix://%s", cutter->path);
    pthread_mutex_init(&cutter->lock, NULL);
    unlink(cutter->path);
    cutter->listener = unix_socket(cutter->path, &address);
    if (bind(cutter->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(cutter->listener, 16) != 0 || pthread_create(&cutter->thread, NULL, run, cutter) != 0)
        return NULL;
    return cutter;
}

void cutter_stop(struct cutter *cutter)
{
    close(cutter->stop[1]);
    pthread_join(cutter->thread, NULL);
    close(cutter->stop[0]);
    close(cutter->listener);
    unlink(cutter->path);
    pthread_mutex_destroy(&cutter->lock);
    free(cutter);
}

const char *cutter_url(const struct cutter *cutter)
{
    return cutter->url;
}

void cutter_set(struct cutter *cutter, enum cut_direction direction, uint64_t at)
{
    pthread_mutex_lock(&cutter->lock);
    cutter->direction = direction;
    cutter->at = at;
    cutter->bytes[CUT_REQUESTS] = cutter->bytes[CUT_ANSWERS] = 0;
    cutter->armed = true;
    pthread_mutex_unlock(&cutter->lock);
}

uint64_t cutter_bytes(struct cutter *cutter, enum cut_direction direction)
{
    pthread_mutex_lock(&cutter->lock);
    uint64_t bytes = cutter->bytes[direction];
    pthread_mutex_unlock(&cutter->lock);
    return bytes;
}

uint64_t cutter_cuts(struct cutter *cutter)
{
    pthread_mutex_lock(&cutter->lock);
    uint64_t cuts = cutter->cuts;
    pthread_mutex_unlock(&cutter->lock);
    return cuts;
}
