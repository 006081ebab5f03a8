/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of one segment, read in large pieces, one after the other or found again behind damage. It knows nothing of other
 * segments, nor of records. */
#ifndef JOINQ_JOURNAL_SCAN_H
#define JOINQ_JOURNAL_SCAN_H

#include "journal_format.h"
#include "journal_io.h"

struct journal_scan {
    struct journal_io *io;
    char name[JOURNAL_NAME_SIZE];
    struct journal_seed seed;
    uint64_t file_size;
    uint64_t offset; /* where the next frame is looked for */
    uint8_t *buffer; /* owned; kept from segment to segment */
    uint64_t capacity;
    uint64_t at; /* of the buffer in the file */
    uint64_t filled;
    uint64_t read; /* bytes, ever */
    bool tolerant; /* seek goes on past what the disk cannot read */
    int error;     /* errno of a failed read */
};

/* Begins with a segment; whatever stands in its header. */
void journal_scan_begin(struct journal_scan *scan, struct journal_io *io, const uint8_t id[JOURNAL_ID_SIZE],
                        uint64_t number, uint64_t file_size);
void journal_scan_fini(struct journal_scan *scan);

/* So many bytes of the file from there on; NULL: it has not so many, or `error`. */
const uint8_t *journal_scan_bytes(struct journal_scan *scan, uint64_t offset, uint64_t size);

/* The frame at `offset`, which then lies behind it; NULL: there is none, or `error`. */
const uint8_t *journal_scan_next(struct journal_scan *scan, struct journal_frame_header *header);

/* Moves `offset` to the first frame behind it. False: there is none, or `error`. */
bool journal_scan_seek(struct journal_scan *scan);

#endif
