/* SPDX-License-Identifier: Apache-2.0 */
/* The folder at a start: the segments and their headers. */
#include "journal_recover.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what recovery says ---- */

int journal_recovery_says(struct recovery *recovery, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(recovery->report->text, sizeof recovery->report->text, format, arguments);
    va_end(arguments);
    return JQ_STORAGE;
}

void journal_recovery_found(struct recovery *recovery, size_t index, uint64_t offset, uint64_t size, const char *text)
{
    const struct journal_replay *replay = &recovery->config->replay;
    char name[JOURNAL_NAME_SIZE];
    journal_segment_name(recovery->segments[index].number, name);
    recovery->segments[index].damaged = true;
    recovery->report->damages++;
    if (replay->found)
        replay->found(replay->user, name, offset, size, text);
}

void journal_recovery_fini(struct recovery *recovery)
{
    free(recovery->segments);
    journal_scan_fini(&recovery->scan);
    journal_scan_fini(&recovery->ahead);
    journal_decoder_fini(&recovery->decoder);
}

/* ---- segments ---- */

struct listing {
    struct recovery *recovery;
    bool memory;
};

static void list_entry(void *user, const char *name, uint64_t size)
{
    struct listing *listing = user;
    struct recovery *r = listing->recovery;
    uint64_t number;
    if (!journal_segment_number(name, &number))
        return;
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? r->capacity * 2 : 64;
        struct recovery_segment *segments = realloc(r->segments, capacity * sizeof *segments);
        if (!segments) {
            listing->memory = true;
            return;
        }
        r->segments = segments;
        r->capacity = capacity;
    }
    r->segments[r->count++] = (struct recovery_segment){.number = number, .file_size = size};
    r->number_next = number >= r->number_next ? number + 1 : r->number_next;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct recovery_segment *)a)->number, y = ((const struct recovery_segment *)b)->number;
    return x < y ? -1 : x > y;
}

/* Without its header it is known by its frames, if one was durable: otherwise it was given up, or is what a crash left of a first
 * write. `limit`: the first record of the next segment. */
static int header_from_frames(struct recovery *r, size_t index, uint64_t limit)
{
    struct recovery_segment *s = &r->segments[index];
    struct journal_frame_header frame;
    struct journal_scan *scan = &r->ahead;
    uint64_t first = 0, synced = 0, last = 0;
    journal_scan_begin(scan, r->config->io, r->config->id, s->number, s->file_size);
    for (scan->offset = 0; journal_scan_seek(scan) && journal_scan_next(scan, &frame); scan->offset -= JOURNAL_ALIGN) {
        first = first ? first : frame.first;
        synced = frame.synced;
        last = frame.first + frame.count <= limit ? frame.first + frame.count - 1 : last;
    }
    if (!first || first >= limit || (limit == UINT64_MAX && synced < first))
        return JQ_OK;
    s->good = s->loose =
        limit != UINT64_MAX && last < r->config->from; /* it may hold bodies: they are read without it */
    s->first = first;
    s->last = last;
    if (s->good)
        return JQ_OK;
    if (r->mode == RECOVERY_OPEN)
        return journal_recovery_says(r,
                                     "segment %s is damaged at offset 0: it has no header. Nothing has been changed. "
                                     "Restore the file from a copy, or run 'joinqd --repair'",
                                     scan->name);
    s->good = s->headless = true;
    s->last = first - 1;
    journal_recovery_found(r, index, 0, JOURNAL_SEGMENT_HEADER, "the header is damaged, but not what follows it");
    return JQ_OK;
}

static int header_read(struct recovery *r, size_t index)
{
    struct recovery_segment *s = &r->segments[index];
    struct journal_scan *scan = &r->ahead;
    struct journal_header header;
    journal_scan_begin(scan, r->config->io, r->config->id, s->number, s->file_size);
    const uint8_t *at = journal_scan_bytes(scan, 0, JOURNAL_SEGMENT_HEADER);
    if (scan->error == ENOMEM)
        return JQ_OVERLOADED;
    if (scan->error && r->mode == RECOVERY_OPEN)
        return journal_recovery_says(r, "segment %s cannot be read: %s", scan->name, strerrordesc_np(scan->error));
    if (scan->error)
        journal_recovery_found(r, index, 0, 0, strerrordesc_np(scan->error));
    enum journal_header_kind kind = at ? journal_header_get(at, &header) : JOURNAL_HEADER_BAD;
    if (kind == JOURNAL_HEADER_NEWER)
        return journal_recovery_says(r, "segment %s was written by a newer joinqd: start that one, or a newer one",
                                     scan->name);
    if (kind == JOURNAL_HEADER_GOOD && memcmp(header.id, r->config->id, sizeof header.id) != 0)
        return journal_recovery_says(r, "segment %s belongs to another data folder: move it away", scan->name);
    s->good = kind == JOURNAL_HEADER_GOOD && header.number == s->number;
    if (kind == JOURNAL_HEADER_GOOD && !s->good) {
        s->own_number = header.number;
        s->own_first = header.first;
    }
    s->first = s->good ? header.first : 0;
    s->last = s->good ? header.first - 1 : 0;
    return JQ_OK;
}

static int headers(struct recovery *r)
{
    uint64_t limit = UINT64_MAX;
    int code = JQ_OK;
    for (size_t i = 0; i < r->count && code == JQ_OK; i++)
        code = header_read(r, i);
    for (size_t i = r->count; i-- > 0 && code == JQ_OK;) {
        if (!r->segments[i].good)
            code = header_from_frames(r, i, limit);
        limit = r->segments[i].good ? r->segments[i].first : limit;
    }
    return code;
}

int journal_recovery_list(struct recovery *r)
{
    struct listing listing = {.recovery = r};
    struct journal_io_request list = {.op = JOURNAL_IO_LIST, .entry = list_entry, .user = &listing};
    r->number_next = 1;
    r->scan.tolerant = r->ahead.tolerant = r->mode != RECOVERY_OPEN;
    int error = journal_io_run(r->config->io, &list);
    if (error)
        return journal_recovery_says(r, "the data folder cannot be read: %s", strerrordesc_np(error));
    if (listing.memory)
        return JQ_OVERLOADED;
    if (r->count > 0)
        qsort(r->segments, r->count, sizeof *r->segments, by_number);
    return headers(r);
}
