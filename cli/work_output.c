/* SPDX-License-Identifier: Apache-2.0 */
/* Output goes to a file in memory: nobody has to read it while the program runs. */
#include "work_output.h"
#include "allocate.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_MAX = 16 * 1024 * 1024 /* bytes of one program; above what a broker takes at once */ };

int work_output_open(void)
{
    return memfd_create("joinq-output", MFD_CLOEXEC);
}

static bool read_all(int fd, char *to, size_t size)
{
    size_t at = 0;
    while (at < size) {
        ssize_t got = pread(fd, to + at, size - at, (off_t)at);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* The last line need not end with a newline. */
static size_t lines_count(const char *data, size_t size)
{
    size_t count = size > 0 && data[size - 1] != '\n' ? 1 : 0;
    for (size_t i = 0; i < size; i++)
        count += data[i] == '\n';
    return count;
}

static void lines_split(struct work_output *output, size_t size)
{
    const char *at = output->data, *end = at + size;
    for (size_t i = 0; i < output->count; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        output->lines[i] = (struct joinq_body){at, (size_t)(stop - at)};
        at = stop + 1;
    }
}

bool work_output_take(int fd, struct work_output *out, char *why, size_t size)
{
    struct stat found;
    *out = (struct work_output){0};
    bool known = fstat(fd, &found) == 0;
    bool fits = known && found.st_size <= OUTPUT_MAX;
    if (fits) {
        out->data = allocate((size_t)found.st_size + 1);
        known = read_all(fd, out->data, (size_t)found.st_size);
    }
    if (!known)
        snprintf(why, size, "printed what cannot be read: %s", strerror(errno));
    else if (!fits)
        snprintf(why, size, "printed more than %d bytes", OUTPUT_MAX);
    close(fd);
    if (known && fits)
        out->count = lines_count(out->data, (size_t)found.st_size);
    if (out->count > JOINQ_BATCH_MAX) {
        snprintf(why, size, "printed %zu lines; at most %d can be put in one step", out->count, JOINQ_BATCH_MAX);
        fits = false;
    }
    if (!known || !fits) {
        work_output_fini(out);
        return false;
    }
    out->lines = allocate((out->count + 1) * sizeof *out->lines);
    lines_split(out, (size_t)found.st_size);
    return true;
}

void work_output_fini(struct work_output *output)
{
    free(output->data);
    free(output->lines);
    *output = (struct work_output){0};
}
