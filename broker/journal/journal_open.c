/* SPDX-License-Identifier: Apache-2.0 */
/* The start: what is there is recovered, and the journal goes on behind it, in a new segment. */
#include "journal_inside.h"
#include "journal_recover.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As they will be once what is of no use has been cut off. */
static struct journal_segment *segments_left(const struct recovery *r, size_t *count)
{
    struct journal_segment *segments = calloc(r->count + 1, sizeof *segments);
    *count = 0;
    for (size_t i = 0; segments && i < r->count; i++) {
        const struct recovery_segment *s = &r->segments[i];
        bool cut = s->end && !s->damaged, goes = (r->torn && i > r->torn_segment) || (cut && s->last < s->first);
        if (s->good && !goes)
            segments[(*count)++] = (struct journal_segment){
                .number = s->number, .first = s->first, .last = s->last, .size = cut ? s->end : s->file_size};
    }
    return segments;
}

static int settle(struct recovery *r)
{
    const struct journal_replay *replay = &r->config->replay;
    size_t count;
    if (!replay->settle)
        return JQ_OK;
    struct journal_segment *segments = segments_left(r, &count);
    int code = segments ? replay->settle(replay->user, segments, count, r->report, r->report->text) : JQ_OVERLOADED;
    free(segments);
    return code;
}

static int take_segments(struct file_journal *j, const struct recovery *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct recovery_segment *s = &r->segments[i];
        if (!s->good)
            continue;
        if (!journal_segment_reserve(j))
            return JQ_OVERLOADED;
        j->segments[j->segment_count++] =
            (struct journal_segment){.number = s->number, .first = s->first, .last = s->last, .size = s->file_size};
    }
    return JQ_OK;
}

/* A file of full size that was never used is the next segment; under a new number, so that nothing of a torn write in it counts. */
static int take_spare(struct file_journal *j, const struct recovery *r)
{
    for (size_t i = r->count; i-- > 0;) {
        const struct recovery_segment *s = &r->segments[i];
        if (s->good || s->gone || s->damaged)
            continue;
        bool take = !j->maker.ready && s->file_size >= j->segment_size;
        struct journal_io_request request = {.op = take ? JOURNAL_IO_RENAME : JOURNAL_IO_UNLINK};
        journal_segment_name(s->number, request.name);
        if (take)
            journal_segment_name(j->number_next, request.to);
        int error = journal_io_run(j->io, &request);
        if (error)
            return error;
        if (take)
            j->maker.ready = j->number_next++;
    }
    return 0;
}

/* A full disk does not keep it from being read, and what has just been cut off is room for what gives space back: a smaller segment is
 * written at once, as the last one would be. */
static int make_spare(struct file_journal *j)
{
    struct journal_io_request create = {.op = JOURNAL_IO_CREATE};
    int error = ENOSPC;
    if (j->maker.ready)
        return 0;
    journal_segment_name(j->number_next, create.name);
    for (uint64_t parts = RESERVE_PARTS; parts > 1 && (error == ENOSPC || error == EDQUOT); parts--) {
        create.size = j->segment_size / RESERVE_PARTS * parts;
        error = journal_io_run(j->io, &create);
    }
    if (!error)
        j->maker.ready = j->number_next++;
    if (!error && create.size == j->segment_size)
        return 0;
    journal_backoff_fail(&j->maker.backoff, j->now);
    if (!error && journal_segment_begin(j))
        j->active_size = create.size;
    return error == ENOSPC || error == EDQUOT ? 0 : error;
}

static int begin(struct file_journal *j, struct recovery *r)
{
    struct journal_io_request folder = {.op = JOURNAL_IO_SYNC_FOLDER};
    j->record_last = j->written = j->durable = j->told.written = j->told.durable = r->report->last;
    j->number_next = r->number_next;
    int code = take_segments(j, r);
    if (code != JQ_OK)
        return code;
    int error = take_spare(j, r);
    if (!error)
        error = make_spare(j);
    if (!error)
        error = journal_io_run(j->io, &folder);
    j->told.accepts = journal_level(j);
    return error ? journal_recovery_says(r, "the data folder cannot be written: %s", strerrordesc_np(error)) : JQ_OK;
}

static int recover(struct recovery *r)
{
    int code = journal_recovery_list(r);
    if (code == JQ_OK)
        code = journal_recovery_read(r);
    if (code == JQ_OK)
        code = settle(r);
    if (code == JQ_OK)
        code = journal_recovery_cut(r);
    return code;
}

int journal_open(const struct journal_config *config, struct journal **journal, struct journal_report *report)
{
    struct recovery recovery = {
        .config = config, .report = report, .mode = config->repair ? RECOVERY_REPAIR : RECOVERY_OPEN};
    *report = (struct journal_report){0};
    struct file_journal *j = NULL;
    int code = recover(&recovery);
    if (code == JQ_OK) {
        j = journal_file_new(config);
        code = j ? begin(j, &recovery) : JQ_OVERLOADED;
    }
    journal_recovery_fini(&recovery);
    if (code == JQ_OK)
        *journal = &j->base;
    else if (j)
        journal_free(&j->base);
    return code;
}
