/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies a folder and changes nothing in it; see journal_file.h. */
#include "journal_recover.h"

/* Everything in it is decoded, and goes nowhere. What stands behind something that is no frame was given up, unless it says that what
 * is missing was durable; and a hole behind the segment may be what was released. */
int journal_recovery_check_old(struct recovery *r, size_t index, uint64_t limit)
{
    static const struct journal_replay nowhere;
    struct recovery_segment *s = &r->segments[index];
    struct journal_scan *scan = &r->scan;
    struct journal_frame_header header;
    const char *wrong = NULL;
    if (s->loose)
        return JQ_OK;
    s->last = s->first - 1;
    s->end = JOURNAL_SEGMENT_HEADER;
    journal_scan_begin(scan, r->config->io, r->config->id, s->number, s->file_size);
    for (uint64_t good = scan->offset;;) { /* behind the last good one */
        uint64_t offset = scan->offset;
        const uint8_t *payload = journal_scan_next(scan, &header);
        bool behind = payload && offset != good; /* something that is no frame */
        if (payload && (header.first + header.count > limit || (behind && header.synced <= s->last)))
            return JQ_OK;
        if (!payload && !scan->error && journal_scan_seek(scan))
            continue;
        if (scan->error || behind)
            journal_recovery_found(r, index, good, scan->error ? 0 : offset - good, "bodies cannot be read here");
        if (!payload)
            return JQ_OK;
        struct journal_place place = {s->number, (uint32_t)offset + JOURNAL_FRAME_HEADER};
        int code = journal_decode(&r->decoder, &header, payload, place, header.first, &nowhere, &wrong);
        if (wrong)
            journal_recovery_found(r, index, offset, JOURNAL_FRAME_HEADER + (uint64_t)header.payload, wrong);
        else if (code != JQ_OK)
            return code;
        good = s->end = scan->offset;
        s->last = header.first + header.count - 1;
    }
}

static void tell_whole(const struct recovery *r)
{
    const struct journal_replay *replay = &r->config->replay;
    for (size_t i = 0; i < r->count && replay->whole; i++) {
        const struct recovery_segment *s = &r->segments[i];
        uint64_t end = s->loose ? s->file_size : s->end;
        if (s->good && end)
            replay->whole(replay->user, s->number, end);
    }
}

int journal_check(const struct journal_config *config, struct journal_report *report)
{
    struct recovery recovery = {.config = config, .report = report, .mode = RECOVERY_CHECK};
    *report = (struct journal_report){0};
    int code = journal_recovery_list(&recovery);
    if (code == JQ_OK)
        code = journal_recovery_read(&recovery);
    if (code == JQ_OK)
        tell_whole(&recovery);
    journal_recovery_fini(&recovery);
    if (code == JQ_OK && report->damages > 0)
        code = JQ_STORAGE;
    return code;
}
