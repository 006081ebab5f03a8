/* SPDX-License-Identifier: Apache-2.0 */
/* Where `put` takes messages from: arguments, whole files, or the records of standard input. It knows no connection. */
#include "put_source.h"
#include "allocate.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024 };

void put_source_init(struct put_source *source, enum put_source_kind kind, char **words, char separator)
{
    memset(source, 0, sizeof *source);
    source->kind = kind;
    source->words = words;
    source->separator = separator;
}

void put_source_fini(struct put_source *source)
{
    source->again = false;
    put_source_release(source);
    free(source->kept);
    free(source->data);
}

/* ---- standard input --------------------------------------------------------------------------------------------------- */

static enum put_source_state next_record(struct put_source *source, struct joinq_body *out)
{
    const char *found = NULL;
    if (source->seen < source->end)
        found = memchr(source->data + source->seen, source->separator, source->end - source->seen);
    size_t stop = found != NULL ? (size_t)(found - source->data) : source->end;
    source->seen = stop;
    if (stop - source->start > PUT_RECORD_MAX) {
        snprintf(source->error, sizeof source->error, "standard input: a message of more than %d MiB",
                 PUT_RECORD_MAX / (1024 * 1024));
        return PUT_SOURCE_FAILED;
    }
    if (found == NULL && !source->ended)
        return source->error[0] != '\0' ? PUT_SOURCE_FAILED : PUT_SOURCE_WAIT;
    if (found == NULL && source->start == source->end)
        return PUT_SOURCE_END;
    *out = (struct joinq_body){source->data + source->start, stop - source->start};
    source->start = source->seen = found != NULL ? stop + 1 : stop;
    return PUT_SOURCE_READY;
}

static void make_room(struct put_source *source)
{
    size_t left = source->end - source->start;
    if (left > 0 && source->start > 0)
        memmove(source->data, source->data + source->start, left);
    source->seen -= source->start;
    source->start = 0;
    source->end = left;
    if (source->capacity - source->end >= READ_SIZE)
        return;
    source->capacity = source->capacity * 2 + READ_SIZE;
    source->data = allocate_again(source->data, source->capacity);
}

void put_source_fill(struct put_source *source)
{
    make_room(source);
    ssize_t got = read(STDIN_FILENO, source->data + source->end, READ_SIZE);
    if (got > 0)
        source->end += (size_t)got;
    else if (got == 0)
        source->ended = true;
    else if (errno != EINTR && errno != EAGAIN)
        snprintf(source->error, sizeof source->error, "standard input: %s", strerror(errno));
}

/* ---- files ------------------------------------------------------------------------------------------------------------ */

/* Appends all of a descriptor to *data; false: errno says why. */
static bool read_all(int fd, char **data, size_t *size)
{
    size_t capacity = 0;
    for (;;) {
        if (*size > PUT_RECORD_MAX) {
            errno = EFBIG;
            return false;
        }
        if (capacity - *size < READ_SIZE) {
            capacity = capacity * 2 + READ_SIZE;
            *data = allocate_again(*data, capacity);
        }
        ssize_t got = read(fd, *data + *size, capacity - *size);
        if (got == 0)
            return true;
        if (got < 0)
            return false;
        *size += (size_t)got;
    }
}

/* "-" is standard input. */
static bool read_file(const char *path, char **data, size_t *size)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, data, size);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = read_all(fd, data, size);
    int error = errno;
    close(fd);
    errno = error;
    return good;
}

static enum put_source_state next_file(struct put_source *source, struct joinq_body *out)
{
    char *data = NULL;
    size_t size = 0;
    if (!read_file(source->words[0], &data, &size)) {
        snprintf(source->error, sizeof source->error, "%.300s: %s", source->words[0], strerror(errno));
        free(data);
        return PUT_SOURCE_FAILED;
    }
    source->kept = allocate_again(source->kept, (source->kept_count + 1) * sizeof *source->kept);
    source->kept[source->kept_count++] = data;
    source->words++;
    *out = (struct joinq_body){data, size};
    return PUT_SOURCE_READY;
}

/* ---- any of them ------------------------------------------------------------------------------------------------------ */

static enum put_source_state next_word(struct put_source *source, struct joinq_body *out)
{
    *out = (struct joinq_body){source->words[0], strlen(source->words[0])};
    source->words++;
    return PUT_SOURCE_READY;
}

enum put_source_state put_source_next(struct put_source *source, struct joinq_body *out)
{
    enum put_source_state state = PUT_SOURCE_READY;
    if (source->again)
        *out = source->last;
    else if (source->kind == PUT_SOURCE_INPUT)
        state = next_record(source, out);
    else if (source->words[0] == NULL)
        state = PUT_SOURCE_END;
    else if (source->kind == PUT_SOURCE_FILES)
        state = next_file(source, out);
    else
        state = next_word(source, out);
    source->again = false;
    if (state == PUT_SOURCE_READY)
        source->last = *out;
    return state;
}

void put_source_again(struct put_source *source)
{
    source->again = true;
}

void put_source_release(struct put_source *source)
{
    size_t keep = source->again && source->kept_count > 0 ? 1 : 0;
    for (size_t i = 0; i + keep < source->kept_count; i++)
        free(source->kept[i]);
    if (keep > 0)
        source->kept[0] = source->kept[source->kept_count - 1];
    source->kept_count = keep;
}
