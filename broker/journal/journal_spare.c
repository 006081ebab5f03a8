/* SPDX-License-Identifier: Apache-2.0 */
/* Segments: the next one is made, or a released one renamed, before it is needed, so that a full disk is noticed while there is still
 * room for what gives space back. */
#include "journal_inside.h"
#include <stdlib.h>
#include <string.h>

void journal_backoff_fail(struct backoff *backoff, uint64_t now)
{
    uint64_t first = (uint64_t)BACKOFF_FIRST_MS * MS, max = (uint64_t)BACKOFF_MAX_MS * MS;
    backoff->wait_ns = backoff->wait_ns ? backoff->wait_ns * 2 : first;
    backoff->wait_ns = backoff->wait_ns < max ? backoff->wait_ns : max;
    backoff->until_ns = now + backoff->wait_ns;
}

static void background_done(struct journal_io_request *request)
{
    free(request);
}

void journal_background(struct file_journal *j, enum journal_io_op op, uint64_t segment, uint64_t size)
{
    struct journal_io_request *request = calloc(1, sizeof *request);
    if (!request)
        return; /* the next start does it */
    request->op = op;
    request->size = size;
    request->done = background_done;
    if (segment)
        journal_segment_name(segment, request->name);
    journal_io_submit(j->io, request);
}

/* ---- the maker ---- */

static void maker_failed(struct file_journal *j)
{
    struct maker *maker = &j->maker;
    journal_background(j, JOURNAL_IO_UNLINK, maker->number, 0);
    maker->state = MAKER_IDLE;
    journal_backoff_fail(&maker->backoff, j->now);
}

/* A released segment whose name would not change: it was of no use. */
static void maker_reuse_failed(struct file_journal *j)
{
    journal_background(j, JOURNAL_IO_UNLINK, j->maker.reuses, 0);
    j->maker.reuses = 0;
    maker_failed(j);
}

static void maker_done(struct journal_io_request *request)
{
    struct file_journal *j = request->user;
    struct maker *maker = &j->maker;
    if (request->error && maker->state == MAKER_CREATES && maker->reuses) {
        maker_reuse_failed(j);
    } else if (request->error) {
        j->figures.make_errors++;
        journal_says(j, JOURNAL_MAKE_FAILED, request, 0);
        maker_failed(j);
    } else if (maker->state == MAKER_CREATES) {
        maker->reuses = 0;
        maker->state = MAKER_SYNCS;
        request->op = JOURNAL_IO_SYNC_FOLDER;
        journal_io_submit(j->io, request);
    } else {
        maker->state = MAKER_IDLE;
        maker->ready = maker->number;
        maker->backoff = (struct backoff){0};
    }
    journal_go_on(j);
}

void journal_maker_go_on(struct file_journal *j)
{
    struct maker *maker = &j->maker;
    if (maker->ready || maker->state != MAKER_IDLE)
        return;
    if (maker->backoff.wait_ns && j->now < maker->backoff.until_ns && !maker->reuses)
        return;
    maker->number = j->number_next++;
    maker->state = MAKER_CREATES;
    maker->request =
        (struct journal_io_request){.op = JOURNAL_IO_CREATE, .size = j->segment_size, .done = maker_done, .user = j};
    journal_segment_name(maker->number, maker->request.name);
    if (maker->reuses) {
        maker->request.op = JOURNAL_IO_RENAME;
        memcpy(maker->request.to, maker->request.name, sizeof maker->request.to);
        journal_segment_name(maker->reuses, maker->request.name);
    }
    journal_io_submit(j->io, &maker->request);
}

/* ---- the list of segments ---- */

bool journal_segment_reserve(struct file_journal *j)
{
    if (j->segment_count < j->segment_capacity)
        return true;
    size_t capacity = j->segment_capacity ? j->segment_capacity * 2 : 64;
    struct journal_segment *segments = realloc(j->segments, capacity * sizeof *segments);
    if (!segments)
        return false;
    j->segments = segments;
    j->segment_capacity = capacity;
    return true;
}

void journal_segment_forget(struct file_journal *j, size_t index)
{
    j->segment_count--;
    memmove(&j->segments[index], &j->segments[index + 1], (j->segment_count - index) * sizeof *j->segments);
}

bool journal_segment_begin(struct file_journal *j)
{
    if (!j->maker.ready || !journal_segment_reserve(j))
        return false;
    const struct journal_header header = {.number = j->maker.ready, .first = j->durable + 1};
    struct journal_header whole = header;
    memcpy(whole.id, j->id, sizeof whole.id);
    journal_header_put(j->header, &whole);
    j->segments[j->segment_count++] =
        (struct journal_segment){.number = header.number, .first = header.first, .last = j->durable};
    j->seed = journal_seed(j->id, header.number);
    j->active = true;
    j->active_size = j->segment_size;
    j->used = j->durable_end = 0;
    j->head_due = j->written > j->durable;
    j->maker.ready = 0;
    return true;
}

void journal_segments_tidy(struct file_journal *j)
{
    for (size_t i = j->segment_count; i-- > 0;) {
        struct journal_segment *segment = &j->segments[i];
        bool some = segment->last >= segment->first;
        if (!segment->given_up)
            continue;
        segment->given_up = false;
        journal_background(j, some ? JOURNAL_IO_TRUNCATE : JOURNAL_IO_UNLINK, segment->number, segment->size);
        if (!some)
            journal_segment_forget(j, i);
    }
}

const struct journal_segment *journal_segments(const struct journal *journal, size_t *count)
{
    const struct file_journal *j = (const struct file_journal *)journal;
    for (size_t i = 0; i < j->segment_count; i++)
        j->segments[i].active = j->active && i + 1 == j->segment_count;
    *count = j->segment_count;
    return j->segments;
}

/* Its header may be all that keeps frames of a segment before it void: one with records must stand behind it. */
static bool has_follower(const struct file_journal *j, size_t index)
{
    for (size_t i = index + 1; i < j->segment_count; i++) {
        if (j->segments[i].last >= j->segments[i].first)
            return true;
    }
    return false;
}

bool journal_release(struct journal *journal, uint64_t segment)
{
    struct file_journal *j = (struct file_journal *)journal;
    struct maker *maker = &j->maker;
    for (size_t i = 0; i < j->segment_count - j->active; i++) {
        if (j->segments[i].number != segment || j->segments[i].given_up)
            continue;
        if (!has_follower(j, i))
            return false;
        j->figures.released++;
        bool whole = j->segments[i].size + j->segment_size / RESERVE_PARTS >= j->segment_size;
        bool wanted = !maker->ready && !maker->reuses && maker->state == MAKER_IDLE;
        bool some = j->segments[i].last >= j->segments[i].first; /* else its header tells of records that are needed */
        journal_segment_forget(j, i);
        if (wanted && whole && some)
            maker->reuses = segment;
        else
            journal_background(j, JOURNAL_IO_UNLINK, segment, 0);
        journal_go_on(j);
        return true;
    }
    return false;
}
