/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies a folder and changes nothing in it; see journal_file.h. */
#include "journal_recover.h"
#include <errno.h>

static void hole(struct recovery *r, size_t index, uint64_t offset, uint64_t size)
{
    const struct journal_replay *replay = &r->config->replay;
    struct recovery_segment *s = &r->segments[index];
    s->hole = s->hole ? s->hole : offset;
    if (replay->hole)
        replay->hole(replay->user, s->number, offset, size);
    else
        journal_recovery_found(r, index, offset, size, "bodies cannot be read here");
}

/* A frame, decoded; its records go nowhere. */
static int look_at(struct recovery *r, size_t index, const struct journal_frame_header *header, const uint8_t *payload,
                   uint64_t offset)
{
    static const struct journal_replay nowhere;
    struct recovery_segment *s = &r->segments[index];
    const char *wrong = NULL;
    struct journal_place place = {s->number, (uint32_t)offset + JOURNAL_FRAME_HEADER};
    int code = journal_decode(&r->decoder, header, payload, place, header->first, &nowhere, &wrong);
    if (wrong)
        journal_recovery_found(r, index, offset, JOURNAL_FRAME_HEADER + (uint64_t)header->payload, wrong);
    s->end = r->scan.offset;
    s->last = header->first + header->count - 1;
    return wrong ? JQ_OK : code;
}

/* What stands behind something that is no frame counts, too, but for what a later segment made void: a repair may have left it so. What
 * follows the last frame that can be found is a torn end, or the next to come. */
int journal_recovery_check_old(struct recovery *r, size_t index, uint64_t limit)
{
    struct recovery_segment *s = &r->segments[index];
    struct journal_scan *scan = &r->scan;
    struct journal_frame_header header;
    bool failed = false;
    int code = JQ_OK;
    s->bodies = true;
    if (s->loose)
        return JQ_OK;
    s->last = s->first - 1;
    s->end = JOURNAL_SEGMENT_HEADER;
    journal_scan_begin(scan, r->config->io, r->config->id, s->number, s->file_size);
    while (code == JQ_OK) {
        uint64_t offset = scan->offset;
        const uint8_t *payload = journal_scan_next(scan, &header);
        if (scan->error == ENOMEM)
            return JQ_OVERLOADED;
        if (!payload) {
            failed |= scan->error != 0;
            scan->error = 0;
            if (journal_scan_seek(scan))
                continue;
            failed |= scan->error != 0;
            break;
        }
        if (header.first + header.count > limit)
            break;
        if (offset != s->end)
            hole(r, index, s->end, offset - s->end);
        failed = false;
        code = look_at(r, index, &header, payload, offset);
    }
    if (failed)
        hole(r, index, s->end, 0);
    return scan->error == ENOMEM ? JQ_OVERLOADED : code;
}

static void tell_whole(const struct recovery *r)
{
    const struct journal_replay *replay = &r->config->replay;
    for (size_t i = 0; i < r->count && replay->whole; i++) {
        const struct recovery_segment *s = &r->segments[i];
        uint64_t size = s->bodies || s->damaged ? s->file_size : s->end;
        uint64_t end = s->loose || s->damaged ? 0 : s->hole ? s->hole : s->end;
        if (s->good && size)
            replay->whole(replay->user, s->number, end, size);
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
