/* SPDX-License-Identifier: Apache-2.0 */
/* Records as bytes and back: the payload of a frame. It knows the layout of engine_record, and neither files nor queues.
 *
 * A record is its kind, a mask of the fields that are not 0, and these, all of it varints; its number follows from its place. What
 * repeats (incarnation, time, client) is left out where it is as in the record before. Bodies that are neighbours in a chunk are one
 * run: its bytes lie behind the records as they lie in the chunk, each body behind its msgpack bin header, and its crc in its
 * record, so that it can be read back and verified alone. Bodies that are told again, by a snapshot or because they move, may be a
 * reference to the run that has them already: a run of 0 bodies, then how many, and segment, offset, size, crc, and where in it. */
#ifndef JOINQ_JOURNAL_CODEC_H
#define JOINQ_JOURNAL_CODEC_H

#include "journal_file.h"
#include "journal_format.h"

/* Bytes of a body of this length where it lies, with its shortest bin header. */
static inline uint64_t journal_body_extent(uint32_t length)
{
    return (uint64_t)length + (length <= UINT8_MAX ? 2 : length <= UINT16_MAX ? 3 : 5);
}

struct journal_run {
    uint32_t chunk, offset, size, crc;
    uint32_t count; /* bodies */
    uint32_t at;    /* in the frame */
};

/* A batch, or a part of one, as it goes to the disk. */
struct journal_frame {
    struct journal_frame *next;
    uint8_t *bytes; /* owned: header (written last), payload */
    uint32_t size, capacity;
    uint32_t bodies_at; /* in the payload */
    uint32_t count;
    uint64_t first;
    uint64_t wall_ns, sync_by_ns;
    bool quiet;               /* as its batch */
    struct journal_run *runs; /* owned */
    uint32_t run_count, run_capacity;
    uint64_t segment; /* where it was last written to */
    uint32_t offset;
};

static inline uint64_t journal_frame_last(const struct journal_frame *frame)
{
    return frame->first + frame->count - 1;
}

/* Fills the frame with as many of the records as make a frame of good size, whole groups only, and says how many: at least one.
 * 0: no memory, or a group is beyond all limits. */
uint32_t journal_encode(struct journal_frame *frame, const struct engine_record *records, uint32_t count,
                        const struct journal_bodies *bodies);
void journal_frame_fini(struct journal_frame *frame);

/* Memory that decoding uses, kept from frame to frame. */
struct journal_decoder {
    struct engine_record *records;
    uint32_t *body_first; /* of each record: index of its first body */
    uint32_t record_count, record_capacity;
    struct engine_body *bodies;
    uint32_t body_count, body_capacity;
    struct engine_state *states; /* of those records that have one, in order */
    uint32_t state_count, state_capacity;
};
void journal_decoder_fini(struct journal_decoder *decoder);

/* Gives the records of a payload from number `from` on to replay, in slices of whole groups. JQ_OK; JQ_STORAGE and what is wrong;
 * JQ_OVERLOADED: no memory; or what replay said. */
JQ_MUST_USE int journal_decode(struct journal_decoder *decoder, const struct journal_frame_header *header,
                               const uint8_t *payload, struct journal_place at, uint64_t from,
                               const struct journal_replay *replay, const char **wrong);

/* ---- what encoder and decoder share ---- */

enum journal_field {
    FIELD_FIRST,
    FIELD_COUNT,
    FIELD_BODIES,
    FIELD_INCARNATION, /* not that of the record before */
    FIELD_NOW,         /* not that of the record before: the difference */
    FIELD_CLIENT_SAME, /* the last client named before */
    FIELD_ONCE,
    FIELD_CLIENT,
    FIELD_NAME,
    FIELD_DUE,     /* from now_ns */
    FIELD_EXPIRES, /* from now_ns */
    FIELD_PRIORITY,
    FIELD_DELIVERIES,
    FIELD_CODE,
    FIELD_SOURCE,
    FIELD_REASON,
    FIELD_SOURCE_INCARNATION,
    FIELD_SOURCE_SEQUENCE,
    FIELD_DELAY,
    FIELD_TTL,
    FIELD_OPTIONS,
    FIELD_PUT, /* from now_ns, back */
    FIELD_SOURCE_DELIVERIES,
    FIELD_STATE,
    FIELD_MARK,
    FIELD_END
};

enum {
#define ONE(name) +1
    STATE_FIELDS = 0 ENGINE_STATE_FIELDS(ONE)
#undef ONE
};

/* What a record leaves for the next of its frame. */
struct journal_memory_of_last {
    uint64_t incarnation;
    uint64_t now_ns;
    uint8_t client[ENGINE_CLIENT_ID];
};

#endif
