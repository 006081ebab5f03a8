/* SPDX-License-Identifier: Apache-2.0 */
/* A slow disk for joinqd, which is started with this library before libc: syncs take a while, writes come in two parts, so that more is on
 * its way when the broker is killed; and some fail. JOINQ_DISK: a seed, milliseconds that a sync may take, how many calls fail. */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    SPARED = 40, /* calls before any fails: what reads its data may give up, what runs must not */
    RARELY = 60,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t chance, calls, faults;
static int slow_ms = -1;

static void begin(void)
{
    const char *text = getenv("JOINQ_DISK");
    char *at = NULL;
    chance = strtoull(text ? text : "1 0 0", &at, 10) * 2 + 1;
    slow_ms = (int)strtol(at, &at, 10);
    faults = strtoull(at, NULL, 10);
}

static uint32_t pick(uint32_t below)
{
    pthread_mutex_lock(&lock);
    if (slow_ms < 0)
        begin();
    chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint32_t some = (uint32_t)(chance >> 33) % below;
    pthread_mutex_unlock(&lock);
    return some;
}

static bool fails(void)
{
    bool rare = pick(RARELY) == 0;
    pthread_mutex_lock(&lock);
    bool now = ++calls > SPARED && rare && faults > 0;
    faults -= now;
    pthread_mutex_unlock(&lock);
    errno = now ? EIO : errno;
    return now;
}

static void wait_some(void)
{
    uint32_t some = pick(1000);
    if (slow_ms > 0)
        (void)poll(NULL, 0, (int)(some % (unsigned)slow_ms));
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    wait_some();
    if (fails())
        return -1;
    return real(fd);
}

__attribute__((visibility("default"))) ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t (*real)(int, const struct iovec *, int, off_t);
    *(void **)&real = dlsym(RTLD_NEXT, "pwritev");
    if (fails())
        return -1;
    if (count < 1 || parts->iov_len < 2 || pick(4) != 0)
        return real(fd, parts, count, offset);
    ssize_t some = pwrite(fd, parts->iov_base, 1 + pick((uint32_t)(parts->iov_len - 1)), offset);
    wait_some();
    return some; /* the caller writes the rest */
}
