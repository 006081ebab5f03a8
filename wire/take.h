/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for what a message may say, apart from how it is read: two readers (walk_read.c over the bytes, msgpack_read.c over
 * objects of msgpack-c) hand over value by value, and what they hand over is checked and stored here. Every function
 * returns JQ_OK, JQ_INVALID, JQ_TOO_LARGE or JQ_PROTOCOL, and then why says what is wrong. Internal to wire/. */
#ifndef JOINQ_WIRE_TAKE_H
#define JOINQ_WIRE_TAKE_H

#include "schema.h"

struct jqw_taking {
    struct jqw_message *out;
    struct jqw_scratch *scratch;
    const struct jqw_schema *schema; /* NULL: the opcode is unknown */
    const char *why;
    uint32_t ranges_used;  /* of scratch->ranges */
    uint32_t settle_count; /* messages in the ranges of one list of a request, not beyond JQW_SETTLE_MAX */
    uint32_t run_count;    /* messages in the runs, not beyond JQW_BATCH_MAX */
    bool has_runs;
    struct jqw_bytes frame;
};

static inline int jqw_refuse(struct jqw_taking *taking, int code, const char *why)
{
    taking->why = why;
    return code;
}

/* The first three values of a frame: how many there are, the opcode, the request id. With a known opcode, the message is
 * cleared and schema is set. */
JQ_MUST_USE int jqw_take_head(struct jqw_taking *taking, uint64_t count, uint64_t op, uint64_t request);
/* What comes last: the answer to fields beyond the known ones, JQ_OK where they are to be skipped. */
JQ_MUST_USE int jqw_take_surplus(struct jqw_taking *taking);
/* What becomes of a code at the end: whatever is wrong with a message that cannot be answered is PROTOCOL. */
int jqw_take_end(struct jqw_taking *taking, int code, const char **why);

/* Scalars: UINT, FLAGS, BOOL, TIME, TIMEOUT, STR, BIN, PRIORITY. `to` is the message or the struct in it that field->offset counts
 * from. JQW_TYPE_NONE and types that a field does not take are PROTOCOL. */
JQ_MUST_USE int jqw_take_number(struct jqw_taking *taking, const struct jqw_field *field, void *to, uint64_t value);
JQ_MUST_USE int jqw_take_negative(struct jqw_taking *taking, const struct jqw_field *field, void *to, int64_t value);
JQ_MUST_USE int jqw_take_nil(struct jqw_taking *taking, const struct jqw_field *field, void *to);
JQ_MUST_USE int jqw_take_bool(struct jqw_taking *taking, const struct jqw_field *field, void *to, bool value);
JQ_MUST_USE int jqw_take_str(struct jqw_taking *taking, const struct jqw_field *field, void *to, const uint8_t *data,
                             size_t size);
JQ_MUST_USE int jqw_take_bin(struct jqw_taking *taking, const struct jqw_field *field, void *to, const uint8_t *data,
                             size_t size);

/* Lists: first how many there are, then each with its four numbers. */
JQ_MUST_USE int jqw_take_ranges(struct jqw_taking *taking, const struct jqw_field *field, uint64_t count);
JQ_MUST_USE int jqw_take_range(struct jqw_taking *taking, const uint64_t numbers[4]);
JQ_MUST_USE int jqw_take_runs(struct jqw_taking *taking, const struct jqw_field *field, uint64_t count);
JQ_MUST_USE int jqw_take_run(struct jqw_taking *taking, uint32_t index, const uint64_t numbers[4]);
/* Bodies: how many; then scratch->sizes is for the reader to fill, and packed and minimal to be set, in *bodies. */
JQ_MUST_USE int jqw_take_bodies(struct jqw_taking *taking, const struct jqw_field *field, uint64_t count,
                                struct jqw_bodies **bodies);
JQ_MUST_USE int jqw_take_body_too_large(struct jqw_taking *taking);
/* Options: how many pairs; then the field of each key. `seen` has a bit for each key met and starts with 0. */
JQ_MUST_USE int jqw_take_options(struct jqw_taking *taking, uint64_t count);
JQ_MUST_USE int jqw_take_option(struct jqw_taking *taking, const struct jqw_options *options, uint64_t key,
                                uint64_t *seen, const struct jqw_field **field);
/* Maps: how many; then each is cleared at *items, to be filled. Then the field of each key, NULL where it is to be skipped. */
JQ_MUST_USE int jqw_take_maps(struct jqw_taking *taking, const struct jqw_field *field, uint64_t count, char **items);
JQ_MUST_USE int jqw_take_key(struct jqw_taking *taking, const struct jqw_options *options, uint64_t key, uint64_t *seen,
                             const struct jqw_field **field);

#endif
