/* SPDX-License-Identifier: Apache-2.0 */
/* The records that are there, in order; see journal_recover.h. */
#include "journal_recover.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { TORN = -1 /* beside the codes: here it ends, and rightly */ };

/* First record of the next segment: from there on nothing before it counts. */
static uint64_t limit_of(const struct recovery *r, size_t index)
{
    for (size_t i = index + 1; i < r->count; i++) {
        if (r->segments[i].good)
            return r->segments[i].first;
    }
    return UINT64_MAX;
}

static void progress(struct recovery *r)
{
    const struct journal_replay *replay = &r->config->replay;
    if (replay->progress)
        replay->progress(replay->user, r->bytes, r->total);
}

/* ---- is it damage? ---- */

/* Whether a frame of this segment, from the offset on, says that the record was durable. */
static bool segment_attests(struct recovery *r, const struct recovery_segment *s, uint64_t offset, uint64_t record)
{
    struct journal_scan *scan = &r->ahead;
    struct journal_frame_header header;
    journal_scan_begin(scan, r->config->io, r->config->id, s->number, s->file_size);
    scan->offset = offset;
    for (;;) {
        if (journal_scan_next(scan, &header)) {
            if (header.synced >= record)
                return true;
        } else if (scan->error || !journal_scan_seek(scan)) {
            return false;
        }
    }
}

static bool somebody_attests(struct recovery *r, size_t index, uint64_t offset, uint64_t record)
{
    if (record <= r->config->until)
        return true;
    for (size_t i = index; i < r->count; i++) {
        const struct recovery_segment *s = &r->segments[i];
        bool behind = i > index || offset == 0;
        if (s->good && behind && s->first > record)
            return true;
        if (segment_attests(r, s, behind ? JOURNAL_SEGMENT_HEADER : offset, record))
            return true;
    }
    return false;
}

/* The next record does not stand here. TORN; JQ_STORAGE; JQ_OK: it has been told, go on behind it. */
static int missing(struct recovery *r, size_t index, uint64_t offset)
{
    char name[JOURNAL_NAME_SIZE];
    journal_segment_name(r->segments[index].number, name);
    if (r->told == r->expected)
        return JQ_OK;
    if (!somebody_attests(r, index, offset, r->expected)) {
        r->torn = true;
        r->torn_segment = index;
        r->torn_offset = offset;
        return TORN;
    }
    r->told = r->expected;
    if (r->mode != RECOVERY_OPEN) {
        journal_recovery_found(r, index, offset, 0,
                               offset ? "records that were durable cannot be read from here on, or are missing"
                                      : "records that were durable are missing before this file");
        return JQ_OK;
    }
    return journal_recovery_says(
        r, "segment %s is damaged at offset %" PRIu64 ": record %" PRIu64 ", which was durable, %s. " RECOVERY_ADVICE,
        name, offset, r->expected,
        offset ? "is neither there nor behind it: it is damaged, or cut off, or segments are missing"
               : "is missing before it");
}

/* ---- frames ---- */

static int read_failed(struct recovery *r, size_t index, uint64_t offset)
{
    const struct journal_scan *scan = &r->scan;
    if (scan->error == ENOMEM)
        return JQ_OVERLOADED;
    if (r->mode == RECOVERY_OPEN)
        return journal_recovery_says(r,
                                     "segment %s cannot be read at offset %" PRIu64
                                     ": %s. Nothing has been changed. Look after the disk, or run 'joinqd --repair', "
                                     "which keeps all that can be read",
                                     scan->name, offset, strerrordesc_np(scan->error));
    journal_recovery_found(r, index, offset, r->segments[index].file_size - offset, strerrordesc_np(scan->error));
    return JQ_OK;
}

static void lost(struct recovery *r, uint64_t first)
{
    r->report->lost = r->report->lost ? r->report->lost : first;
}

static void tell_gap(struct recovery *r, uint64_t next)
{
    const struct journal_replay *replay = &r->config->replay;
    if (next <= r->expected)
        return;
    lost(r, r->expected);
    if (replay->gap)
        replay->gap(replay->user, r->expected, next - 1);
}

/* A frame whose turn it is. */
static int take(struct recovery *r, size_t index, const struct journal_frame_header *header, const uint8_t *payload)
{
    const char *wrong = NULL;
    uint64_t size = JOURNAL_FRAME_HEADER + (uint64_t)header->payload, offset = r->scan.offset - size;
    struct journal_place place = {r->segments[index].number, (uint32_t)(offset + JOURNAL_FRAME_HEADER)};
    tell_gap(r, header->first);
    uint64_t from = header->first > r->expected ? header->first : r->expected;
    int code = journal_decode(&r->decoder, header, payload, place, from, &r->config->replay, &wrong);
    if (wrong && r->mode == RECOVERY_OPEN)
        return journal_recovery_says(r, "segment %s is damaged at offset %" PRIu64 ": %s. " RECOVERY_ADVICE,
                                     r->scan.name, offset, wrong);
    if (wrong) {
        journal_recovery_found(r, index, offset, size, wrong);
        lost(r, header->first);
    }
    if (code == JQ_STORAGE && !wrong)
        return journal_recovery_says(r,
                                     "segment %s, offset %" PRIu64 ": the records from %" PRIu64
                                     " on make no sense after what came before. " RECOVERY_ADVICE,
                                     r->scan.name, offset, header->first);
    if (code != JQ_OK && !wrong)
        return code;
    uint64_t next = header->first + header->count;
    r->report->records += wrong ? 0 : next - from;
    r->expected = next;
    r->bytes += size;
    progress(r);
    return JQ_OK;
}

/* Looks at what stands at the scan's offset. `over`: this segment has no more that counts. */
static int read_next(struct recovery *r, size_t index, uint64_t limit, bool *over)
{
    struct recovery_segment *s = &r->segments[index];
    struct journal_scan *scan = &r->scan;
    struct journal_frame_header header;
    uint64_t offset = scan->offset;
    const uint8_t *payload = journal_scan_next(scan, &header);
    if (!payload && scan->error) {
        int code = read_failed(r, index, offset);
        scan->error = 0;
        scan->offset = offset;
        *over = code != JQ_OK || !journal_scan_seek(scan);
        return code;
    }
    uint64_t next = payload ? header.first + header.count : 0;
    if (payload && header.synced > r->attested)
        r->attested = header.synced;
    bool counts = payload && next <= limit;
    if (!counts && r->expected >= limit) {
        *over = true;
        return JQ_OK;
    }
    bool again = counts && header.first < r->expected && next > r->expected && r->expected != r->config->from;
    if (!counts || header.first > r->expected || again) {
        int code = missing(r, index, offset);
        if (code != JQ_OK)
            return code;
        s->damaged = true;
    }
    if (!counts || again) {
        scan->offset = offset;
        *over = !journal_scan_seek(scan);
        return scan->error ? read_failed(r, index, offset) : JQ_OK;
    }
    int code = next > r->expected ? take(r, index, &header, payload) : JQ_OK;
    if (code == JQ_OK) {
        s->last = next - 1;
        s->end = scan->offset;
    }
    return code;
}

static int read_segment(struct recovery *r, size_t index, uint64_t limit)
{
    struct recovery_segment *s = &r->segments[index];
    r->attested = s->first - 1 > r->attested ? s->first - 1 : r->attested;
    if (limit <= r->expected && limit <= r->config->from) {
        s->last = limit - 1 >= s->first ? limit - 1 : s->last;
        r->bytes += s->file_size;
        return r->mode == RECOVERY_CHECK ? journal_recovery_check_old(r, index, limit) : JQ_OK;
    }
    int code = s->first > r->expected ? missing(r, index, 0) : JQ_OK;
    journal_scan_begin(&r->scan, r->config->io, r->config->id, s->number, s->file_size);
    s->end = JOURNAL_SEGMENT_HEADER;
    for (bool over = false; !over && code == JQ_OK;)
        code = read_next(r, index, limit, &over);
    return code;
}

/* Segments may be missing of which nobody knows but who says what is needed. */
static int end_missing(struct recovery *r)
{
    if (r->expected > r->config->until)
        return JQ_OK;
    lost(r, r->expected);
    if (r->mode == RECOVERY_REPAIR)
        return JQ_OK;
    return journal_recovery_says(r,
                                 "record %" PRIu64 ", which was durable, is not there, nor any behind it: segments are "
                                 "missing, or are damaged. " RECOVERY_ADVICE,
                                 r->expected);
}

/* A segment under the name of another would be taken for one that was never used; but one that was let go has old records in it. */
static int misnamed(struct recovery *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct recovery_segment *s = &r->segments[i];
        char name[JOURNAL_NAME_SIZE], own[JOURNAL_NAME_SIZE];
        if (!s->own_number || s->own_first < r->config->from)
            continue;
        journal_segment_name(s->number, name);
        journal_segment_name(s->own_number, own);
        if (r->mode == RECOVERY_OPEN)
            return journal_recovery_says(
                r, "segment %s is %s under another name. Nothing has been changed. Give it its name back", name, own);
        journal_recovery_found(r, i, 0, s->file_size, "it is another segment under this name");
    }
    return JQ_OK;
}

int journal_recovery_read(struct recovery *r)
{
    int code = JQ_OK;
    r->expected = r->config->from ? r->config->from : 1;
    for (size_t i = 0; i < r->count; i++)
        r->total += r->segments[i].good ? r->segments[i].file_size : 0;
    for (size_t i = 0; i < r->count && code == JQ_OK; i++) {
        if (r->segments[i].good)
            code = read_segment(r, i, limit_of(r, i));
    }
    if (code == JQ_OK || code == TORN)
        code = end_missing(r);
    if (code == JQ_OK)
        code = misnamed(r);
    r->report->last = r->expected - 1;
    r->report->bytes = r->scan.read + r->ahead.read;
    if (code == JQ_OK) {
        r->bytes = r->total;
        progress(r);
    }
    return code;
}
