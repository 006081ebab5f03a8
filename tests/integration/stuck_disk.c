/* SPDX-License-Identifier: Apache-2.0 */
/* A disk for joinqd, which is started with this library before libc, that does not answer: syncs while there is a file sync in the folder
 * named by JOINQ_STUCK, reads while there is a file read. Once waited for, it never answers. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static void stuck(const char *what)
{
    char path[4096];
    const char *folder = getenv("JOINQ_STUCK");
    if (!folder)
        return;
    snprintf(path, sizeof path, "%s/%s", folder, what);
    if (access(path, F_OK) != 0)
        return;
    snprintf(path, sizeof path, "%s/%s-waits", folder, what);
    FILE *mark = fopen(path, "w");
    if (mark)
        fclose(mark);
    for (;;)
        pause();
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    stuck("sync");
    return fsync(fd);
}

__attribute__((visibility("default"))) ssize_t pread(int fd, void *to, size_t size, off_t offset)
{
    union {
        void *found;
        ssize_t (*call)(int, void *, size_t, off_t);
    } next = {.found = dlsym(RTLD_NEXT, "pread")};
    stuck("read");
    return next.call(fd, to, size, offset);
}
