/* SPDX-License-Identifier: Apache-2.0 */
/* Segments are copied from the newest to the oldest: what is added to one while it is read is in order as far as it has come, and all that
 * came before lies in those that are copied after it. Of the newest, so much as is whole frames one behind the other: their crcs tell what the
 * writer has not come to yet. Of others all, if there is more than zeros behind those: bodies may lie behind damage. The data id comes last:
 * without it a copy that was broken off is not taken for data. */
#include "journal_copy.h"
#include "codes.h"
#include "journal_scan.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1024 * 1024, SMALL_FILES_MAX = 16 };

static const char id_name[] = "data-id", needed_prefix[] = "needed-";

struct segment {
    uint64_t number, size;
};

struct copying {
    struct journal_io *from, *to;
    struct journal_copied *copied;
    char *text;
    uint8_t *piece;
    struct segment *segments;
    size_t count, capacity;
    char small[SMALL_FILES_MAX][JOURNAL_NAME_SIZE];
    unsigned small_count;
    bool memory, data; /* it ran out; there is a data id */
    bool newer;        /* one has been copied: nothing comes to those that are older */
    struct journal_scan scan;
};

static int says(const struct copying *c, const char *name, int error)
{
    snprintf(c->text, JOURNAL_TEXT_SIZE, "file '%s': %s", name, strerrordesc_np(error));
    return error == ENOMEM ? JQ_OVERLOADED : JQ_STORAGE;
}

/* ---- what there is ---- */

static void add_segment(struct copying *c, uint64_t number, uint64_t size)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? c->capacity * 2 : 64;
        struct segment *segments = realloc(c->segments, capacity * sizeof *segments);
        if (!segments) {
            c->memory = true;
            return;
        }
        c->segments = segments;
        c->capacity = capacity;
    }
    c->segments[c->count++] = (struct segment){number, size};
}

static void on_entry(void *user, const char *name, uint64_t size)
{
    struct copying *c = user;
    uint64_t number;
    if (journal_segment_number(name, &number))
        add_segment(c, number, size);
    c->data |= strcmp(name, id_name) == 0;
    if (strncmp(name, needed_prefix, sizeof needed_prefix - 1) == 0 && c->small_count < SMALL_FILES_MAX)
        snprintf(c->small[c->small_count++], JOURNAL_NAME_SIZE, "%s", name);
}

static int list(struct copying *c, struct journal_io *io)
{
    struct journal_io_request list = {.op = JOURNAL_IO_LIST, .entry = on_entry, .user = c};
    c->count = c->small_count = 0;
    c->data = false;
    int error = journal_io_run(io, &list);
    return error || c->memory ? says(c, ".", error ? error : ENOMEM) : JQ_OK;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = ((const struct segment *)a)->number, y = ((const struct segment *)b)->number;
    return x > y ? -1 : x < y;
}

/* ---- one file ---- */

static int make(const struct copying *c, const char *name)
{
    struct journal_io_request create = {.op = JOURNAL_IO_CREATE};
    snprintf(create.name, sizeof create.name, "%s", name);
    int error = journal_io_run(c->to, &create);
    return error ? says(c, name, error) : JQ_OK;
}

/* The first `end` bytes, as far as there are so many; `head`, if not NULL, in the place of the first. */
static int copy_file(struct copying *c, const char *name, uint64_t end, const uint8_t *head)
{
    struct journal_io_request read = {.op = JOURNAL_IO_READ, .bytes = c->piece};
    struct journal_io_request write = {.op = JOURNAL_IO_WRITE, .part_count = 1}, sync = {.op = JOURNAL_IO_SYNC};
    snprintf(read.name, sizeof read.name, "%s", name);
    snprintf(write.name, sizeof write.name, "%s", name);
    snprintf(sync.name, sizeof sync.name, "%s", name);
    int code = make(c, name), error = 0;
    for (bool over = false; code == JQ_OK && !over && read.offset < end; read.offset += read.got) {
        read.size = end - read.offset < PIECE ? end - read.offset : PIECE;
        error = journal_io_run(c->from, &read);
        if (error)
            return says(c, name, error);
        if (head && read.offset == 0 && read.got >= JOURNAL_SEGMENT_HEADER)
            memcpy(c->piece, head, JOURNAL_SEGMENT_HEADER);
        struct iovec part = {c->piece, read.got};
        write.parts = &part;
        write.offset = read.offset;
        over = read.got < read.size;
        error = read.got ? journal_io_run(c->to, &write) : 0;
        code = error ? says(c, name, error) : JQ_OK;
        c->copied->bytes += read.got;
    }
    if (code != JQ_OK)
        return code;
    c->copied->files++;
    error = journal_io_run(c->to, &sync);
    return error ? says(c, name, error) : JQ_OK;
}

/* ---- segments ---- */

static int id_read(const struct copying *c, uint8_t id[JOURNAL_ID_SIZE])
{
    struct journal_io_request read = {.op = JOURNAL_IO_READ, .name = "data-id", .size = JOURNAL_ID_SIZE, .bytes = id};
    int error = journal_io_run(c->from, &read);
    if (!error && read.got != JOURNAL_ID_SIZE)
        error = EIO;
    return error ? says(c, id_name, error) : JQ_OK;
}

static int head_read(const struct copying *c, const char *name, uint8_t head[JOURNAL_SEGMENT_HEADER])
{
    struct journal_io_request read = {.op = JOURNAL_IO_READ, .size = JOURNAL_SEGMENT_HEADER, .bytes = head};
    snprintf(read.name, sizeof read.name, "%s", name);
    memset(head, 0, JOURNAL_SEGMENT_HEADER);
    return journal_io_run(c->from, &read);
}

/* Header and frames as they belong together: after a fault the header is written last, and changes what frames count. */
static int look(struct copying *c, const uint8_t *id, const struct segment *segment, uint8_t *head)
{
    struct journal_scan *scan = &c->scan;
    struct journal_frame_header frame;
    uint8_t after[JOURNAL_SEGMENT_HEADER];
    int error;
    do {
        journal_scan_begin(scan, c->from, id, segment->number, segment->size);
        error = head_read(c, scan->name, head);
        while (!error && journal_scan_next(scan, &frame))
            continue;
        error = error ? error : scan->error;
        error = error ? error : head_read(c, scan->name, after);
    } while (!error && memcmp(head, after, sizeof after) != 0);
    return error;
}

/* All of it, if behind the frames that stand one behind the other there is something yet. */
static int with_rest(struct copying *c, const struct segment *segment, uint64_t *end)
{
    struct journal_io_request read = {.op = JOURNAL_IO_READ, .offset = *end, .bytes = c->piece};
    journal_segment_name(segment->number, read.name);
    for (bool over = false; !over && read.offset < segment->size; read.offset += read.got) {
        read.size = segment->size - read.offset < PIECE ? segment->size - read.offset : PIECE;
        int error = journal_io_run(c->from, &read);
        if (error)
            return error;
        over = read.got < read.size;
        for (uint64_t i = 0; i < read.got; i++) {
            if (c->piece[i]) {
                *end = segment->size;
                return 0;
            }
        }
    }
    return 0;
}

static int copy_segment(struct copying *c, const uint8_t *id, const struct segment *segment)
{
    uint8_t head[JOURNAL_SEGMENT_HEADER];
    struct journal_header header;
    int error = look(c, id, segment, head);
    uint64_t end = c->scan.offset;
    if (!error && c->newer)
        error = with_rest(c, segment, &end);
    bool used = end > JOURNAL_SEGMENT_HEADER || journal_header_get(head, &header) != JOURNAL_HEADER_BAD;
    if (error == ENOENT || (!error && !used))
        return JQ_OK; /* gone, for nothing of it was needed; or the next, still empty */
    c->newer = true;
    return error ? says(c, c->scan.name, error) : copy_file(c, c->scan.name, end, head);
}

static int copy_all(struct copying *c)
{
    uint8_t id[JOURNAL_ID_SIZE];
    struct journal_io_request folder = {.op = JOURNAL_IO_SYNC_FOLDER};
    int code = id_read(c, id);
    for (unsigned i = 0; i < c->small_count && code == JQ_OK; i++)
        code = copy_file(c, c->small[i], PIECE, NULL);
    if (c->count > 0)
        qsort(c->segments, c->count, sizeof *c->segments, newest_first);
    for (size_t i = 0; i < c->count && code == JQ_OK; i++)
        code = copy_segment(c, id, &c->segments[i]);
    if (code == JQ_OK)
        code = copy_file(c, id_name, JOURNAL_ID_SIZE, NULL);
    int error = code == JQ_OK ? journal_io_run(c->to, &folder) : 0;
    return error ? says(c, ".", error) : code;
}

int journal_copy(struct journal_io *from, struct journal_io *to, struct journal_copied *copied,
                 char text[JOURNAL_TEXT_SIZE])
{
    struct copying c = {.from = from, .to = to, .copied = copied, .text = text, .piece = malloc(PIECE)};
    *copied = (struct journal_copied){0};
    int code = c.piece ? list(&c, to) : says(&c, ".", ENOMEM);
    if (code == JQ_OK && (c.count || c.small_count || c.data)) {
        snprintf(text, JOURNAL_TEXT_SIZE, "there is data in it already");
        code = JQ_STORAGE;
    }
    if (code == JQ_OK)
        code = list(&c, from);
    if (code == JQ_OK)
        code = copy_all(&c);
    journal_scan_fini(&c.scan);
    free(c.segments);
    free(c.piece);
    return code;
}
