/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: one group at a time is written and, when somebody waits for it, synced; what comes meanwhile is the next. */
#include "journal_inside.h"
#include <stdlib.h>
#include <string.h>

/* ---- frames ---- */

static void frame_free(struct file_journal *j, struct journal_frame *frame)
{
    if (j->kept_count < KEPT_FRAMES && frame->capacity <= KEPT_FRAME_BYTES) {
        frame->next = j->kept;
        j->kept = frame;
        j->kept_count++;
        return;
    }
    journal_frame_fini(frame);
    free(frame);
}

/* Where its bodies are is known for good. */
static void frame_placed(const struct file_journal *j, const struct journal_frame *frame)
{
    const struct journal_bodies *bodies = &j->bodies;
    for (uint32_t i = 0; i < frame->run_count; i++) {
        const struct journal_run *run = &frame->runs[i];
        struct journal_place place = {frame->segment, frame->offset + run->at};
        if (bodies->placed)
            bodies->placed(bodies->user, run->chunk, run->offset, run->size, run->count, place, run->crc);
        if (bodies->drop)
            bodies->drop(bodies->user, run->chunk);
    }
}

static void frames_durable(struct file_journal *j, uint64_t last)
{
    while (j->first && j->first != j->unwritten && journal_frame_last(j->first) <= last) {
        struct journal_frame *frame = j->first;
        j->first = frame->next;
        if (!j->first)
            j->last = NULL;
        j->unsynced -= frame->size;
        j->durable_end = (uint64_t)frame->offset + frame->size;
        frame_placed(j, frame);
        frame_free(j, frame);
    }
    struct journal_segment *active = &j->segments[j->segment_count - 1];
    j->durable = last;
    active->last = last;
    active->size = j->durable_end;
    if (j->first == j->unwritten)
        j->sync_by_ns = ENGINE_FOREVER;
    j->failing = (struct backoff){0};
    if (j->durable >= j->written)
        journal_segments_tidy(j);
}

/* ---- faults ---- */

/* Of several that fail together the first is told. */
static void failed(struct file_journal *j, const struct journal_io_request *request)
{
    bool sync = request->op == JOURNAL_IO_SYNC;
    if (!request->error)
        return;
    j->figures.sync_errors += sync;
    j->figures.write_errors += !sync;
    if (j->fault)
        return;
    j->fault = request->error;
    journal_says(j, sync ? JOURNAL_SYNC_FAILED : JOURNAL_WRITE_FAILED, request, j->durable_end);
}

/* Nothing of what is not durable is taken for written: it goes to another segment, however long it takes until there is one. */
static void give_up(struct file_journal *j)
{
    j->fault = 0;
    j->active = j->head_due = false;
    j->segments[j->segment_count - 1].given_up = true;
    j->figures.given_up++;
    j->unwritten = j->first;
    j->backlog = j->unsynced = 0;
    for (const struct journal_frame *frame = j->first; frame; frame = frame->next)
        j->backlog += frame->size;
    j->sync_by_ns = ENGINE_FOREVER;
    journal_backoff_fail(&j->failing, j->now);
}

static void settle(struct file_journal *j)
{
    if (journal_busy(j))
        return;
    if (j->fault)
        give_up(j);
    journal_go_on(j);
}

/* ---- the group ---- */

static void is_written(struct file_journal *j)
{
    j->written = j->group_last > j->written ? j->group_last : j->written;
}

static void head_done(struct journal_io_request *request)
{
    struct file_journal *j = request->user;
    j->head_busy = false;
    failed(j, request);
    if (!j->fault)
        is_written(j);
    settle(j);
}

static void write_done(struct journal_io_request *request)
{
    struct file_journal *j = request->user;
    j->write_busy = false;
    failed(j, request);
    if (!j->fault)
        j->backlog -= j->group_bytes;
    if (!j->fault && !j->head_due)
        is_written(j);
    settle(j);
}

static void sync_count(struct file_journal *j, const struct journal_io_request *request)
{
    struct journal_figures *figures = &j->figures;
    figures->syncs++;
    figures->sync_time_ns += request->took_ns;
    figures->sync_max_ns = request->took_ns > figures->sync_max_ns ? request->took_ns : figures->sync_max_ns;
    if (request->took_ns >= JOURNAL_SLOW_NS)
        journal_says(j, JOURNAL_DISK_SLOW, request, j->durable_end);
}

static void sync_done(struct journal_io_request *request)
{
    struct file_journal *j = request->user;
    j->sync_busy = false;
    sync_count(j, request);
    failed(j, request);
    if (!j->fault) {
        journal_gather_begin(j, j->sync_last - j->durable, request->took_ns);
        frames_durable(j, j->sync_last);
    }
    settle(j);
}

static void submit(struct file_journal *j, struct journal_io_request *request)
{
    j->busy_since = j->now;
    j->slow_told = false;
    journal_segment_name(j->segments[j->segment_count - 1].number, request->name);
    request->user = j;
    journal_io_submit(j->io, request);
}

static void sync_submit(struct file_journal *j, uint64_t last)
{
    j->sync_last = last;
    j->sync_busy = true;
    j->sync = (struct journal_io_request){.op = JOURNAL_IO_SYNC, .done = sync_done};
    submit(j, &j->sync);
}

/* The frame as it will lie in the active segment. */
static void frame_finish(struct file_journal *j, struct journal_frame *frame)
{
    const struct journal_frame_header header = {.payload = frame->size - JOURNAL_FRAME_HEADER,
                                                .bodies_at = frame->bodies_at,
                                                .count = frame->count,
                                                .first = frame->first,
                                                .wall_ns = frame->wall_ns,
                                                .synced = j->durable};
    journal_frame_put(frame->bytes, &header, j->seed);
    frame->segment = j->segments[j->segment_count - 1].number;
    frame->offset = (uint32_t)j->used;
}

bool journal_fits(const struct file_journal *j, const struct journal_frame *frame)
{
    return j->used + frame->size <= j->active_size || j->used <= JOURNAL_SEGMENT_HEADER || j->head_due;
}

bool journal_sync_due(const struct file_journal *j, uint64_t *when)
{
    bool some = j->first != j->unwritten && !j->head_due; /* written, or about to be */
    *when = some ? j->sync_by_ns : ENGINE_FOREVER;
    return some && (j->sync_by_ns <= j->now || j->unsynced >= UNSYNCED_BYTES || j->pressed || j->failing.wait_ns);
}

static void head_submit(struct file_journal *j)
{
    j->head_due = false;
    j->head_busy = true;
    j->head_part = (struct iovec){j->header, sizeof j->header};
    j->head =
        (struct journal_io_request){.op = JOURNAL_IO_WRITE, .parts = &j->head_part, .part_count = 1, .done = head_done};
    submit(j, &j->head);
    sync_submit(j, j->group_last);
}

static void write_submit(struct file_journal *j)
{
    int count = 0;
    uint64_t at, when;
    bool quiet = true;
    journal_gather_end(j);
    if (j->used == 0 && !j->head_due)
        j->parts[count++] = (struct iovec){j->header, sizeof j->header};
    at = count ? 0 : j->used ? j->used : sizeof j->header;
    j->used = j->used ? j->used : sizeof j->header;
    j->group_bytes = 0;
    while (j->unwritten && count < GROUP_FRAMES && j->group_bytes < GROUP_BYTES && journal_fits(j, j->unwritten)) {
        struct journal_frame *frame = j->unwritten;
        frame_finish(j, frame);
        j->parts[count++] = (struct iovec){frame->bytes, frame->size};
        j->used += frame->size;
        j->group_bytes += frame->size;
        j->group_last = journal_frame_last(frame);
        j->sync_by_ns = frame->sync_by_ns < j->sync_by_ns ? frame->sync_by_ns : j->sync_by_ns;
        j->unwritten = frame->next;
        quiet &= frame->quiet;
    }
    j->unsynced += j->group_bytes;
    j->figures.groups++;
    j->figures.written_bytes += j->used - at;
    j->write_busy = true;
    bool sync = journal_sync_due(j, &when);
    j->write = (struct journal_io_request){.op = JOURNAL_IO_WRITE,
                                           .offset = at,
                                           .parts = j->parts,
                                           .part_count = count,
                                           .at_end = true,
                                           .more = sync && quiet,
                                           .done = write_done};
    submit(j, &j->write);
    if (sync)
        sync_submit(j, j->group_last);
}

/* A segment with room for the next frame. False: not yet. */
static bool room(struct file_journal *j)
{
    if (j->active && journal_fits(j, j->unwritten))
        return true;
    if (j->active && j->first != j->unwritten) { /* the header of the next says that all of this one is durable */
        sync_submit(j, j->group_last);
        return false;
    }
    if (!j->maker.ready)
        return false;
    j->active = false;
    return journal_segment_begin(j);
}

void journal_go_on(struct file_journal *j)
{
    uint64_t when;
    bool busy = journal_busy(j), waits = j->failing.wait_ns && j->now < j->failing.until_ns;
    if (!busy && !waits) {
        if (!j->first)
            j->pressed = false;
        if (j->head_due && j->used && j->group_last >= j->written)
            head_submit(j);
        else if (j->unwritten && !journal_gathers(j) && room(j))
            write_submit(j);
        else if (!j->sync_busy && journal_sync_due(j, &when))
            sync_submit(j, j->group_last);
    }
    journal_maker_go_on(j);
    journal_tell(j);
}

/* ---- append ---- */

static struct journal_frame *frame_new(struct file_journal *j)
{
    struct journal_frame *frame = j->kept;
    if (!frame)
        return calloc(1, sizeof *frame);
    j->kept = frame->next;
    j->kept_count--;
    frame->next = NULL;
    return frame;
}

/* The batch as frames; NULL: no memory. */
static struct journal_frame *frames_of(struct file_journal *j, const struct journal_batch *batch,
                                       struct journal_frame **last)
{
    struct journal_frame *first = NULL, **link = &first;
    for (uint32_t at = 0, some; at < batch->count; at += some) {
        struct journal_frame *frame = frame_new(j);
        some = frame ? journal_encode(frame, batch->records + at, batch->count - at, &j->bodies) : 0;
        if (frame)
            *link = *last = frame;
        if (some == 0) {
            for (struct journal_frame *next; first; first = next) {
                next = first->next;
                frame_free(j, first);
            }
            return NULL;
        }
        frame->wall_ns = batch->wall_ns;
        frame->sync_by_ns = batch->sync_by_ns;
        frame->quiet = batch->quiet;
        link = &frame->next;
    }
    return first;
}

int journal_file_append(struct journal *journal, const struct journal_batch *batch)
{
    struct file_journal *j = (struct file_journal *)journal;
    struct journal_frame *last = NULL, *first = frames_of(j, batch, &last);
    if (!first)
        return batch->count ? JQ_STORAGE : JQ_OK;
    JQ_ASSERT(first->first == j->record_last + 1);
    for (const struct journal_frame *frame = first; frame; frame = frame->next) {
        j->backlog += frame->size;
        for (uint32_t i = 0; j->bodies.hold && i < frame->run_count; i++)
            j->bodies.hold(j->bodies.user, frame->runs[i].chunk);
    }
    if (j->last)
        j->last->next = first;
    else
        j->first = first;
    if (!j->unwritten)
        j->unwritten = first;
    j->last = last;
    j->record_last = journal_frame_last(last);
    return JQ_OK;
}
