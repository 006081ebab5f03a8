/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of one segment; see journal_scan.h. */
#include "journal_scan.h"
#include "journal_bytes.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 4 * 1024 * 1024, PAGE = 4096 };

void journal_scan_begin(struct journal_scan *scan, struct journal_io *io, const uint8_t id[JOURNAL_ID_SIZE],
                        uint64_t number, uint64_t file_size)
{
    scan->io = io;
    journal_segment_name(number, scan->name);
    scan->seed = journal_seed(id, number);
    scan->file_size = file_size;
    scan->offset = JOURNAL_SEGMENT_HEADER;
    scan->at = scan->filled = 0;
    scan->error = 0;
}

void journal_scan_fini(struct journal_scan *scan)
{
    free(scan->buffer);
    *scan = (struct journal_scan){0};
}

static bool reserve(struct journal_scan *scan, uint64_t size)
{
    if (size <= scan->capacity)
        return true;
    uint8_t *buffer = malloc(size);
    if (!buffer) {
        scan->error = ENOMEM;
        return false;
    }
    free(scan->buffer);
    scan->buffer = buffer;
    scan->capacity = size;
    scan->filled = 0;
    return true;
}

static bool fill(struct journal_scan *scan, uint64_t offset, uint64_t size)
{
    uint64_t left = scan->file_size - offset, want = left < WINDOW ? left : WINDOW;
    want = size > want ? size : want;
    if (!reserve(scan, want))
        return false;
    struct journal_io_request request = {.op = JOURNAL_IO_READ, .offset = offset, .size = want, .bytes = scan->buffer};
    memcpy(request.name, scan->name, sizeof request.name);
    scan->filled = 0;
    scan->error = journal_io_run(scan->io, &request);
    if (scan->error && size < want) { /* what is needed may be readable, though not all that surrounds it */
        request.size = want = size;
        scan->error = journal_io_run(scan->io, &request);
    }
    if (scan->error)
        return false;
    scan->at = offset;
    scan->filled = request.got;
    scan->read += request.got;
    if (request.got < want)
        scan->file_size = offset + request.got;
    return size <= request.got;
}

const uint8_t *journal_scan_bytes(struct journal_scan *scan, uint64_t offset, uint64_t size)
{
    if (scan->error || offset > scan->file_size || size > scan->file_size - offset)
        return NULL;
    bool there = offset >= scan->at && offset - scan->at <= scan->filled && size <= scan->filled - (offset - scan->at);
    if (!there && !fill(scan, offset, size))
        return NULL;
    return scan->buffer + (offset - scan->at);
}

const uint8_t *journal_scan_next(struct journal_scan *scan, struct journal_frame_header *header)
{
    const uint8_t *at = journal_scan_bytes(scan, scan->offset, JOURNAL_FRAME_HEADER);
    if (!at || !journal_frame_get(at, scan->seed, header))
        return NULL;
    at = journal_scan_bytes(scan, scan->offset, JOURNAL_FRAME_HEADER + (uint64_t)header->payload);
    if (!at || !journal_payload_good(at + JOURNAL_FRAME_HEADER, header, scan->seed))
        return NULL;
    scan->offset += JOURNAL_FRAME_HEADER + (uint64_t)header->payload;
    return at + JOURNAL_FRAME_HEADER;
}

/* As much as can be had from `offset` on, at most `size`; a page that cannot be read is passed over. NULL: nothing here. */
static const uint8_t *bytes_here(struct journal_scan *scan, uint64_t *size)
{
    const uint8_t *at = journal_scan_bytes(scan, scan->offset, *size);
    if (at || !scan->tolerant || scan->error != EIO)
        return at;
    scan->error = 0;
    uint64_t page = PAGE - scan->offset % PAGE;
    *size = *size < page ? *size : page;
    at = journal_scan_bytes(scan, scan->offset, *size);
    if (!at)
        scan->error = 0;
    return at;
}

/* How much is looked at in one go: first what is there already, for much of what is passed over may look like the begin of a frame. */
static uint64_t some_size(const struct journal_scan *scan)
{
    uint64_t left = scan->file_size - scan->offset, size = 0;
    if (scan->offset >= scan->at && scan->offset - scan->at < scan->filled)
        size = (scan->filled - (scan->offset - scan->at)) / JOURNAL_ALIGN * JOURNAL_ALIGN;
    size = size ? size : WINDOW;
    return size < left ? size : left;
}

/* Whatever may be the first bytes of a frame, from `offset` on. False: there is nothing like it. */
static bool seek_magic(struct journal_scan *scan)
{
    while (scan->offset < scan->file_size) {
        uint64_t size = some_size(scan);
        const uint8_t *at = bytes_here(scan, &size);
        if (scan->error || (!at && !scan->tolerant))
            return false;
        for (uint64_t i = 0; at && i + JOURNAL_ALIGN <= size; i += JOURNAL_ALIGN) {
            if (get_u32(at + i) == JOURNAL_FRAME_MAGIC) {
                scan->offset += i;
                return true;
            }
        }
        scan->offset += size;
    }
    return false;
}

bool journal_scan_seek(struct journal_scan *scan)
{
    struct journal_frame_header header;
    for (;;) {
        scan->offset = (scan->offset / JOURNAL_ALIGN + 1) * JOURNAL_ALIGN;
        if (!seek_magic(scan))
            return false;
        uint64_t offset = scan->offset;
        if (journal_scan_next(scan, &header)) {
            scan->offset = offset;
            return true;
        }
        if (scan->error && (!scan->tolerant || scan->error != EIO))
            return false;
        scan->error = 0;
    }
}
