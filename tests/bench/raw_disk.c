/* SPDX-License-Identifier: Apache-2.0 */
/* The disk alone, in slices: a loop that appends so many bytes to a file and syncs it (fdatasync), and nothing else. */
#include "slices.h"
#include "tool.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void append_and_sync(struct slice *slice, int fd, const uint8_t *bytes, size_t size)
{
    uint64_t now = slice->begun_ns;
    while (now < slice->until_ns) {
        if (write(fd, bytes, size) != (ssize_t)size || fdatasync(fd) != 0)
            die_errno("the disk");
        now = slice_did(slice, 1, now);
    }
    slice_stop(slice);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: bench-disk FILE SIZE\n", stderr);
        return 2;
    }
    size_t size = number_of(argv[2]);
    uint8_t *bytes = allocate(size);
    memset(bytes, 0x5a, size);
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        die_errno(argv[1]);
    puts("ready");
    fflush(stdout);
    struct slice slice = {0};
    while (slice_begin(&slice)) {
        append_and_sync(&slice, fd, bytes, size);
        if (ftruncate(fd, 0) != 0 || fsync(fd) != 0)
            die_errno("truncate");
        slice_say(&slice);
    }
    unlink(argv[1]);
    close(fd);
    free(slice.took_ns);
    free(bytes);
    return 0;
}
