/* SPDX-License-Identifier: Apache-2.0 */
/* The journal in files as a journal: its life, and what it says of itself. */
#include "journal_inside.h"
#include <stdlib.h>
#include <string.h>

static struct file_journal *file_of(struct journal *journal)
{
    return (struct file_journal *)journal;
}

/* ---- what it says ---- */

enum journal_accepts journal_level(const struct file_journal *j)
{
    const struct maker *maker = &j->maker;
    if (j->failing.wait_ns || j->fault)
        return JOURNAL_ACCEPTS_NONE;
    if (maker->ready || !maker->backoff.wait_ns)
        return JOURNAL_ACCEPTS_ALL;
    bool some = j->active && j->used + j->backlog + j->segment_size / RESERVE_PARTS <= j->active_size;
    return some ? JOURNAL_ACCEPTS_SHRINKING : JOURNAL_ACCEPTS_NONE;
}

static void file_state(const struct journal *journal, struct journal_state *out)
{
    const struct file_journal *j = (const struct file_journal *)journal;
    *out = (struct journal_state){.written = j->written, .durable = j->durable, .accepts = journal_level(j)};
}

void journal_tell(struct file_journal *j)
{
    const struct journal_listener *listener = &j->base.listener;
    struct journal_state state;
    j->written = j->written > j->durable ? j->written : j->durable;
    file_state(&j->base, &state);
    if (state.written == j->told.written && state.durable == j->told.durable && state.accepts == j->told.accepts)
        return;
    j->told = state;
    if (listener->changed)
        listener->changed(listener->user, &state);
}

static void file_figures(const struct journal *journal, struct journal_figures *out)
{
    const struct file_journal *j = (const struct file_journal *)journal;
    *out = j->figures;
    out->last_record = j->record_last;
    out->waiting_bytes = j->backlog;
    out->busy_ns = journal_busy(j) ? j->now - j->busy_since : 0;
    out->segments = j->segment_count;
    out->reserve = j->maker.ready != 0;
    for (size_t i = 0; i < j->segment_count; i++)
        out->log_bytes += j->segments[i].size;
}

void journal_says(const struct file_journal *j, enum journal_trouble_kind kind,
                  const struct journal_io_request *request, uint64_t offset)
{
    const struct journal_trouble trouble = {
        .kind = kind, .file = request->name, .offset = offset, .error = request->error, .took_ns = request->took_ns};
    if (j->trouble)
        j->trouble(j->base.listener.user, &trouble);
}

uint64_t journal_written_bytes(const struct journal *journal)
{
    return ((const struct file_journal *)journal)->figures.written_bytes;
}

uint64_t journal_backlog(const struct journal *journal)
{
    return ((const struct file_journal *)journal)->backlog;
}

/* ---- time ---- */

static uint64_t slow_at(const struct file_journal *j)
{
    return journal_busy(j) && !j->slow_told ? j->busy_since + JOURNAL_SLOW_NS : ENGINE_FOREVER;
}

/* A disk that does not answer is told of before it does. */
static void tell_slow(struct file_journal *j)
{
    struct journal_io_request waits = {.took_ns = j->now - j->busy_since};
    if (j->now < slow_at(j))
        return;
    journal_segment_name(j->segments[j->segment_count - 1].number, waits.name);
    j->slow_told = true;
    journal_says(j, JOURNAL_DISK_SLOW, &waits, j->durable_end);
}

static void file_tick(struct journal *journal, uint64_t now)
{
    struct file_journal *j = file_of(journal);
    j->now = now > j->now ? now : j->now;
    tell_slow(j);
    journal_gather_tick(j);
    journal_go_on(j);
}

/* When the group can go on by itself. */
static uint64_t next_of_group(const struct file_journal *j)
{
    uint64_t when;
    if (journal_busy(j) || !j->first)
        return ENGINE_FOREVER;
    if (j->failing.wait_ns && j->now < j->failing.until_ns)
        return j->failing.until_ns;
    bool room = j->active && (journal_fits(j, j->unwritten ? j->unwritten : j->first) || j->first != j->unwritten);
    if (j->unwritten && (room || j->maker.ready))
        return journal_gathers(j) ? j->gather.until_ns : 0;
    return journal_sync_due(j, &when) ? 0 : when;
}

static uint64_t file_next(const struct journal *journal)
{
    const struct file_journal *j = (const struct file_journal *)journal;
    const struct maker *maker = &j->maker;
    uint64_t next = next_of_group(j), slow = slow_at(j);
    next = slow < next ? slow : next;
    if (!maker->ready && maker->state == MAKER_IDLE && maker->backoff.until_ns < next)
        next = maker->backoff.until_ns;
    return next;
}

void journal_sync(struct journal *journal)
{
    struct file_journal *j = file_of(journal);
    j->pressed = true;
    journal_go_on(j);
}

bool journal_synced(const struct journal *journal)
{
    return !((const struct file_journal *)journal)->first;
}

/* ---- life ---- */

static void frames_free(const struct file_journal *j, struct journal_frame *frame)
{
    for (struct journal_frame *next; frame; frame = next) {
        next = frame->next;
        for (uint32_t i = 0; j->bodies.drop && i < frame->run_count; i++)
            j->bodies.drop(j->bodies.user, frame->runs[i].chunk);
        journal_frame_fini(frame);
        free(frame);
    }
}

static void file_free(struct journal *journal)
{
    struct file_journal *j = file_of(journal);
    j->base.listener = (struct journal_listener){0};
    j->trouble = NULL;
    bool waits = journal_gathers(j);
    journal_gather_never(j);
    if (waits)
        journal_go_on(j);
    journal_io_drain(j->io);
    frames_free(j, j->first);
    for (struct journal_frame *frame = j->kept; frame; frame = frame->next)
        frame->run_count = 0;
    frames_free(j, j->kept);
    free(j->segments);
    free(j);
}

static const struct journal_ops file_ops = {
    .name = "file",
    .append = journal_file_append,
    .tick = file_tick,
    .next = file_next,
    .state = file_state,
    .figures = file_figures,
    .free = file_free,
};

struct file_journal *journal_file_new(const struct journal_config *config)
{
    struct file_journal *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->base = (struct journal){.ops = &file_ops, .listener = config->listener};
    j->io = config->io;
    j->trouble = config->trouble;
    j->bodies = config->bodies;
    memcpy(j->id, config->id, sizeof j->id);
    j->segment_size = config->segment_size ? config->segment_size : JOURNAL_SEGMENT_SIZE;
    j->sync_by_ns = ENGINE_FOREVER;
    return j;
}
