/* SPDX-License-Identifier: Apache-2.0 */
/* After all has been read: what is behind the last record goes, so that nothing of it can be taken for what comes, and what is left is
 * durable before anything follows it. Each step leaves a folder that is read the same way. */
#include "journal_recover.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1024 * 1024 };

static int run(struct recovery *r, struct journal_io_request *request)
{
    int error = journal_io_run(r->config->io, request);
    if (!error)
        return JQ_OK;
    return journal_recovery_says(r, "the data folder cannot be written (%s): %s", request->name,
                                 strerrordesc_np(error));
}

static int truncate_to(struct recovery *r, struct recovery_segment *s, uint64_t size)
{
    struct journal_io_request request = {.op = JOURNAL_IO_TRUNCATE, .size = size};
    journal_segment_name(s->number, request.name);
    s->file_size = size;
    return run(r, &request);
}

static int unlink_segment(struct recovery *r, struct recovery_segment *s)
{
    struct journal_io_request request = {.op = JOURNAL_IO_UNLINK};
    journal_segment_name(s->number, request.name);
    s->good = false;
    s->gone = true;
    return run(r, &request);
}

/* Behind which there are only zeros. */
static uint64_t last_byte(struct recovery *r, const struct recovery_segment *s, uint64_t offset)
{
    struct journal_scan *scan = &r->ahead;
    uint64_t end = offset;
    journal_scan_begin(scan, r->config->io, r->config->id, s->number, s->file_size);
    for (uint64_t at = offset, size; at < scan->file_size; at += size) {
        size = scan->file_size - at < PIECE ? scan->file_size - at : PIECE;
        const uint8_t *bytes = journal_scan_bytes(scan, at, size);
        if (!bytes)
            break;
        for (uint64_t i = size; i > 0; i--) {
            if (bytes[i - 1]) {
                end = at + i;
                break;
            }
        }
    }
    return end;
}

static void tell_cut(struct recovery *r)
{
    struct recovery_segment *s = &r->segments[r->torn_segment];
    const struct journal_replay *replay = &r->config->replay;
    uint64_t end = last_byte(r, s, r->torn_offset);
    for (size_t i = r->torn_segment + 1; i < r->count; i++)
        end += r->segments[i].good ? last_byte(r, &r->segments[i], 0) : 0;
    if (end == r->torn_offset)
        return;
    r->report->cut_offset = r->torn_offset;
    r->report->cut_bytes = end - r->torn_offset;
    journal_segment_name(s->number, r->report->cut_file);
    if (r->mode != RECOVERY_OPEN && replay->found)
        replay->found(replay->user, r->report->cut_file, r->torn_offset, r->report->cut_bytes,
                      "the end of the log, torn off by a crash: nobody was told that it was durable");
}

static int cut_end(struct recovery *r)
{
    int code = JQ_OK;
    struct recovery_segment *torn = &r->segments[r->torn_segment];
    tell_cut(r);
    if (r->torn_offset > JOURNAL_SEGMENT_HEADER && torn->file_size > r->torn_offset)
        code = truncate_to(r, torn, r->torn_offset);
    for (size_t i = r->count; i-- > r->torn_segment + 1 && code == JQ_OK;) {
        if (r->segments[i].good)
            code = unlink_segment(r, &r->segments[i]);
    }
    return code;
}

/* What was void, or never used, gives its space back. */
static int cut_rest(struct recovery *r)
{
    int code = JQ_OK;
    for (size_t i = 0; i < r->count && code == JQ_OK; i++) {
        struct recovery_segment *s = &r->segments[i];
        if (!s->good || !s->end || s->damaged || s->file_size <= s->end)
            continue;
        code = truncate_to(r, s, s->end);
    }
    for (size_t i = r->count; i-- > 0 && code == JQ_OK;) {
        struct recovery_segment *s = &r->segments[i];
        if (s->good && s->end && !s->damaged && s->last < s->first)
            code = unlink_segment(r, s);
    }
    return code;
}

/* Where the frames end that have a record before `expected`. */
static uint64_t end_before(struct recovery *r, const struct recovery_segment *s)
{
    struct journal_scan *scan = &r->ahead;
    struct journal_frame_header header;
    uint64_t end = JOURNAL_SEGMENT_HEADER;
    journal_scan_begin(scan, r->config->io, r->config->id, s->number, s->file_size);
    while (journal_scan_next(scan, &header) && header.first < r->expected)
        end = scan->offset;
    return end;
}

/* A void frame is void because of the segment behind it: the last one that stays has none behind it, and so no such frame. */
static int cut_last(struct recovery *r)
{
    for (size_t i = r->count; i-- > 0;) {
        struct recovery_segment *s = &r->segments[i];
        if (!s->good || s->damaged)
            continue;
        if (s->first < r->expected)
            return s->end || s->loose ? JQ_OK : truncate_to(r, s, end_before(r, s));
        int code = unlink_segment(r, s);
        if (code != JQ_OK)
            return code;
    }
    return JQ_OK;
}

/* ---- repair: what cannot be read is kept for who wants to look at it ---- */

static int copy_away(struct recovery *r, const struct recovery_segment *s)
{
    struct journal_io_request create = {.op = JOURNAL_IO_CREATE};
    struct journal_io_request write = {.op = JOURNAL_IO_WRITE, .part_count = 1};
    struct journal_io_request away = {.op = JOURNAL_IO_UNLINK};
    struct iovec part;
    int n = snprintf(create.name, sizeof create.name, "%020" PRIu64 ".jql.damaged", s->number);
    memcpy(write.name, create.name, (size_t)n + 1);
    memcpy(away.name, create.name, (size_t)n + 1);
    (void)journal_io_run(r->config->io, &away); /* of a repair before */
    int code = run(r, &create);
    journal_scan_begin(&r->ahead, r->config->io, r->config->id, s->number, s->file_size);
    for (uint64_t at = 0, size; at < s->file_size && code == JQ_OK; at += size) {
        size = s->file_size - at < PIECE ? s->file_size - at : PIECE;
        const uint8_t *bytes = journal_scan_bytes(&r->ahead, at, size);
        r->ahead.error = 0;
        if (!bytes)
            continue; /* the disk does not give it back */
        part = (struct iovec){(void *)(uintptr_t)bytes, size};
        write.parts = &part;
        write.offset = at;
        code = run(r, &write);
    }
    write.op = JOURNAL_IO_SYNC;
    return code == JQ_OK ? run(r, &write) : code;
}

/* What nobody says to be durable may be in the page cache alone, and clean there, if a sync of the last run failed: it is written
 * once more, so that this run's sync means something. */
static int write_again(struct recovery *r, const struct recovery_segment *s)
{
    struct journal_scan *scan = &r->ahead;
    struct journal_frame_header header;
    struct iovec part;
    struct journal_io_request write = {.op = JOURNAL_IO_WRITE, .parts = &part, .part_count = 1};
    struct journal_io_request sync = {.op = JOURNAL_IO_SYNC};
    int code = JQ_OK;
    journal_segment_name(s->number, write.name);
    journal_segment_name(s->number, sync.name);
    journal_scan_begin(scan, r->config->io, r->config->id, s->number, s->file_size);
    while (code == JQ_OK && scan->offset < s->end) {
        write.offset = scan->offset;
        const uint8_t *payload = journal_scan_next(scan, &header);
        if (!payload)
            break;
        part = (struct iovec){(void *)(uintptr_t)(payload - JOURNAL_FRAME_HEADER), scan->offset - write.offset};
        if (header.first + header.count - 1 > r->attested)
            code = run(r, &write);
    }
    const uint8_t *head = journal_scan_bytes(scan, 0, JOURNAL_SEGMENT_HEADER);
    part = (struct iovec){(void *)(uintptr_t)head, JOURNAL_SEGMENT_HEADER};
    write.offset = 0;
    if (head && code == JQ_OK)
        code = run(r, &write);
    return code == JQ_OK ? run(r, &sync) : code;
}

static int header_anew(struct recovery *r, const struct recovery_segment *s)
{
    struct journal_header header = {.number = s->number, .first = s->first};
    uint8_t bytes[JOURNAL_SEGMENT_HEADER];
    struct iovec part = {bytes, sizeof bytes};
    struct journal_io_request request = {.op = JOURNAL_IO_WRITE, .parts = &part, .part_count = 1};
    memcpy(header.id, r->config->id, sizeof header.id);
    journal_header_put(bytes, &header);
    journal_segment_name(s->number, request.name);
    int code = run(r, &request);
    request.op = JOURNAL_IO_SYNC;
    return code == JQ_OK ? run(r, &request) : code;
}

int journal_recovery_cut(struct recovery *r)
{
    int code = JQ_OK;
    for (size_t i = 0; i < r->count && code == JQ_OK; i++) {
        if (r->segments[i].damaged)
            code = copy_away(r, &r->segments[i]);
        if (r->segments[i].headless && code == JQ_OK)
            code = header_anew(r, &r->segments[i]);
    }
    if (code == JQ_OK && r->torn)
        code = cut_end(r);
    if (code == JQ_OK)
        code = cut_rest(r);
    if (code == JQ_OK)
        code = cut_last(r);
    for (size_t i = 0; i < r->count && code == JQ_OK; i++) {
        const struct recovery_segment *s = &r->segments[i];
        if (s->good && s->end && s->last > r->attested)
            code = write_again(r, s);
    }
    struct journal_io_request folder = {.op = JOURNAL_IO_SYNC_FOLDER};
    return code == JQ_OK ? run(r, &folder) : code;
}
