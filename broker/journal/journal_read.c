/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back: runs of bodies that were placed, verified one by one. Neighbours in a file are read together, with the little that
 * stands between them; where that fails, each alone. */
#include "journal_crc.h"
#include "journal_inside.h"
#include <stdlib.h>
#include <string.h>

enum {
    BETWEEN_MAX = 16 * 1024,    /* bytes between two runs that are rather read than left out */
    SPAN_MAX = 4 * 1024 * 1024, /* bytes of one request; a run alone may have more */
};

struct reading {
    struct file_journal *journal;
    journal_read_lost lost; /* or NULL */
    journal_read_done done;
    void *user;
    uint8_t *buffer;
    uint32_t left; /* spans, and one while they are begun */
    int code;
};

struct span {
    struct journal_io_request request;
    struct reading *reading;
    bool direct;           /* one run, read to where it goes */
    uint32_t first, count; /* of the reading's parts */
    struct journal_part parts[];
};

static void one_over(struct reading *reading)
{
    if (--reading->left)
        return;
    reading->done(reading->user, reading->code, reading->buffer);
    free(reading);
}

static bool take(const struct journal_io_request *request, const struct journal_part *part, bool direct)
{
    const uint8_t *bytes = request->bytes + (part->place.offset - request->offset);
    if (journal_crc(0, bytes, part->size) != part->crc)
        return false;
    if (!direct)
        memcpy(part->to, bytes, part->size);
    return true;
}

/* How many of the parts are read together, and up to where. */
static uint32_t span_of(const struct journal_part *parts, uint32_t count, uint64_t *end)
{
    uint64_t first = parts->place.offset;
    uint32_t n = 1;
    *end = first + parts->size;
    while (n < count && parts[n].place.segment == parts->place.segment && parts[n].place.offset >= *end &&
           parts[n].place.offset - *end <= BETWEEN_MAX &&
           parts[n].place.offset + (uint64_t)parts[n].size - first <= SPAN_MAX) {
        *end = parts[n].place.offset + (uint64_t)parts[n].size;
        n++;
    }
    return n;
}

static void part_lost(struct reading *reading, const struct journal_io_request *request, uint32_t part)
{
    reading->code = JQ_STORAGE;
    reading->journal->figures.read_errors++;
    journal_says(reading->journal, JOURNAL_READ_FAILED, request, request->offset);
    if (reading->lost)
        reading->lost(reading->user, part);
}

static int span_begin(struct reading *reading, const struct journal_part *parts, uint32_t first, uint32_t count,
                      uint64_t end);

/* One of them alone; no memory: it is lost. */
static void part_again(const struct span *span, uint32_t i)
{
    const struct journal_part *part = &span->parts[i];
    uint64_t end = part->place.offset + (uint64_t)part->size;
    if (span_begin(span->reading, part, span->first + i, 1, end) != JQ_OK)
        part_lost(span->reading, &span->request, span->first + i);
}

static void span_done(struct journal_io_request *request)
{
    struct span *span = request->user;
    bool whole = !request->error && request->got == request->size;
    for (uint32_t i = 0; i < span->count; i++) {
        if (whole ? !take(request, &span->parts[i], span->direct) : span->direct)
            part_lost(span->reading, request, span->first + i);
        else if (!whole)
            part_again(span, i);
    }
    if (!span->direct)
        free(request->bytes);
    one_over(span->reading);
    free(span);
}

static int span_begin(struct reading *reading, const struct journal_part *parts, uint32_t first, uint32_t count,
                      uint64_t end)
{
    uint64_t size = end - parts->place.offset;
    struct span *span = malloc(sizeof *span + count * sizeof *parts);
    uint8_t *bytes = count == 1 ? parts->to : malloc(size);
    if (!span || !bytes) {
        free(span);
        if (count > 1)
            free(bytes);
        return JQ_OVERLOADED;
    }
    span->reading = reading;
    span->direct = count == 1;
    span->first = first;
    span->count = count;
    memcpy(span->parts, parts, count * sizeof *parts);
    span->request = (struct journal_io_request){.op = JOURNAL_IO_READ,
                                                .offset = parts->place.offset,
                                                .size = size,
                                                .bytes = bytes,
                                                .done = span_done,
                                                .user = span};
    journal_segment_name(parts->place.segment, span->request.name);
    reading->left++;
    journal_io_submit(reading->journal->io, &span->request);
    return JQ_OK;
}

int journal_read_parts(struct journal *journal, const struct journal_part *parts, uint32_t count,
                       journal_read_lost lost, journal_read_done done, void *user)
{
    struct file_journal *j = (struct file_journal *)journal;
    struct reading *reading = malloc(sizeof *reading);
    if (!reading)
        return JQ_OVERLOADED;
    *reading = (struct reading){.journal = j, .lost = lost, .done = done, .user = user, .buffer = parts->to, .left = 1};
    int code = JQ_OK;
    uint32_t begun = 0;
    for (uint32_t n; begun < count && code == JQ_OK; begun += code == JQ_OK ? n : 0) {
        uint64_t end;
        n = span_of(&parts[begun], count - begun, &end);
        code = span_begin(reading, &parts[begun], begun, n, end);
    }
    if (begun == 0) {
        free(reading);
        return JQ_OVERLOADED;
    }
    for (; begun < count && lost; begun++)
        lost(user, begun);
    if (code != JQ_OK)
        reading->code = code;
    one_over(reading);
    return JQ_OK;
}

int journal_read(struct journal *journal, struct journal_place place, uint32_t size, uint32_t crc, uint8_t *buffer,
                 journal_read_done done, void *user)
{
    const struct journal_part part = {.place = place, .size = size, .crc = crc, .to = buffer};
    return journal_read_parts(journal, &part, 1, NULL, done, user);
}
