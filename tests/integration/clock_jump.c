/* SPDX-License-Identifier: Apache-2.0 */
/* The time of day for joinqd, which is started with this library before libc: beside the true one by so many seconds as the file named by
 * JOINQ_CLOCK says, which may change at any time. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long beside(void)
{
    char text[32] = "";
    const char *path = getenv("JOINQ_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    return got > 0 ? strtol(text, NULL, 10) : 0;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
    int code = (int)syscall(SYS_clock_gettime, clock, now);
    if (code == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += beside();
    return code;
}
