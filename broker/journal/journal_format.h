/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around the records in a file: names, segment headers, frame headers. It knows nothing of records.
 *
 * A segment is a header and then frames, one behind the other, each beginning at a multiple of 8:
 *
 *     segment header (64): "joinqlog", crc of the rest, version, data id (32), number, first record
 *     frame header (48):   magic, crc of the rest of the header, crc of the payload, payload size (a multiple of 8),
 *                          first record, count, where in the payload bodies begin, wall_ns, synced
 *     payload:             records (journal_codec.h), bodies, zeros up to a multiple of 8
 *
 * The two crcs of a frame start from the segment's number and each from one half of the secret part of the data id: neither what an
 * older life of the file left nor what a client has put into a body ever passes. A header is written once all records before its first
 * are durable, and `synced` is the last record that was durable when the frame was written: both say what must be there, and so tell
 * damage from a torn end. A frame whose records are at or beyond the first of a later segment was never durable, and is void. */
#ifndef JOINQ_JOURNAL_FORMAT_H
#define JOINQ_JOURNAL_FORMAT_H

#include "base.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JOURNAL_VERSION = 1,
    JOURNAL_ID_SIZE = 32,
    JOURNAL_ID_TOLD = 16,   /* the first bytes are told to clients, the rest to nobody */
    JOURNAL_NAME_SIZE = 64, /* of a file in the folder, with its NUL */
    JOURNAL_SEGMENT_HEADER = 64,
    JOURNAL_FRAME_HEADER = 48,
    JOURNAL_ALIGN = 8,
    JOURNAL_PAYLOAD_MAX = 1 << 30,
};
#define JOURNAL_FRAME_MAGIC 0x314d464au /* JFM1 */

void journal_segment_name(uint64_t number, char name[JOURNAL_NAME_SIZE]);
/* False: it is not the name of one. */
JQ_MUST_USE bool journal_segment_number(const char *name, uint64_t *number);

struct journal_header {
    uint8_t id[JOURNAL_ID_SIZE];
    uint64_t number;
    uint64_t first; /* its first record */
};

enum journal_header_kind { JOURNAL_HEADER_BAD, JOURNAL_HEADER_NEWER, JOURNAL_HEADER_GOOD };

void journal_header_put(uint8_t *at, const struct journal_header *header);
enum journal_header_kind journal_header_get(const uint8_t *at, struct journal_header *header);

/* What the crcs of a segment's frames start from: two, so that to guess both is as hard as 64 bits are. */
struct journal_seed {
    uint32_t header, payload;
};
struct journal_seed journal_seed(const uint8_t id[JOURNAL_ID_SIZE], uint64_t number);

struct journal_frame_header {
    uint32_t payload;   /* bytes, a multiple of JOURNAL_ALIGN */
    uint32_t bodies_at; /* in the payload */
    uint32_t count;     /* records */
    uint64_t first;
    uint64_t wall_ns;
    uint64_t synced;
    uint32_t payload_crc;
};

/* The payload stands behind it already. */
void journal_frame_put(uint8_t *at, const struct journal_frame_header *header, struct journal_seed seed);
/* False: no header of this segment stands here. */
bool journal_frame_get(const uint8_t *at, struct journal_seed seed, struct journal_frame_header *header);
bool journal_payload_good(const uint8_t *payload, const struct journal_frame_header *header, struct journal_seed seed);

#endif
