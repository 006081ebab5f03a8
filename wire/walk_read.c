/* SPDX-License-Identifier: Apache-2.0 */
/* Reads hot messages in one bounds-checked walk over the frame, without memory and without msgpack-c. What a value may be is
 * in take.c; here is only where it stands. */
#include "read.h"

static bool is_hot(uint64_t op)
{
    switch (op) {
    case JQW_PUT:
    case JQW_GET:
    case JQW_DONE:
    case JQW_NACK:
    case JQW_RELEASE:
    case JQW_TOUCH:
    case JQW_RECEIVED:
    case JQW_TASK_DONE:
    case JQW_FORWARD:
    case JQW_CLOSE:
    case JQW_RESULT:
    case JQW_GOT:
    case JQW_SETTLED:
    case JQW_PEEKED:
        return true;
    default:
        return false;
    }
}

static int malformed(struct jqw_taking *taking)
{
    return jqw_refuse(taking, JQ_PROTOCOL, "malformed, or a field of another type than it has");
}

/* ---- one field ----------------------------------------------------------------------------------------------------- */

/* A value of whichever type, right or wrong. */
static int read_any(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_field *field, void *to)
{
    struct jqw_token token = jqw_walk_token(in);
    const uint8_t *data = in->at;
    switch (token.type) {
    case JQW_TYPE_UINT:
        return jqw_take_number(taking, field, to, token.value);
    case JQW_TYPE_NEGATIVE:
        return jqw_take_negative(taking, field, to, (int64_t)token.value);
    case JQW_TYPE_NIL:
        return jqw_take_nil(taking, field, to);
    case JQW_TYPE_BOOL:
        return jqw_take_bool(taking, field, to, token.value != 0);
    case JQW_TYPE_STR:
        in->at += token.value;
        return jqw_take_str(taking, field, to, data, token.value);
    case JQW_TYPE_BIN:
        in->at += token.value;
        return jqw_take_bin(taking, field, to, data, token.value);
    default:
        return malformed(taking);
    }
}

static int read_scalar(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_field *field, void *to)
{
    const uint8_t *data;
    uint64_t value;
    if (field->kind == JQW_FIELD_STR && jqw_walk_str(in, &data, &value))
        return jqw_take_str(taking, field, to, data, value);
    if (field->kind == JQW_FIELD_TIMEOUT && jqw_walk_nil(in))
        return jqw_take_nil(taking, field, to);
    if (field->kind != JQW_FIELD_STR && jqw_walk_uint(in, &value))
        return jqw_take_number(taking, field, to, value);
    return read_any(taking, in, field, to);
}

static bool read_four(struct jqw_walk *in, uint64_t numbers[4])
{
    uint64_t count;
    return jqw_walk_array(in, &count) && count == 4 && jqw_walk_uint(in, &numbers[0]) &&
           jqw_walk_uint(in, &numbers[1]) && jqw_walk_uint(in, &numbers[2]) && jqw_walk_uint(in, &numbers[3]);
}

static int read_ranges(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_field *field)
{
    uint64_t count, numbers[4];
    if (!jqw_walk_array(in, &count))
        return malformed(taking);
    int code = jqw_take_ranges(taking, field, count);
    for (uint64_t i = 0; i < count && code == JQ_OK; i++)
        code = read_four(in, numbers) ? jqw_take_range(taking, numbers) : malformed(taking);
    return code;
}

static int read_runs(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_field *field)
{
    uint64_t count, numbers[4];
    if (!jqw_walk_array(in, &count))
        return malformed(taking);
    int code = jqw_take_runs(taking, field, count);
    for (uint32_t i = 0; i < count && code == JQ_OK; i++)
        code = read_four(in, numbers) ? jqw_take_run(taking, i, numbers) : malformed(taking);
    return code;
}

/* A body with any header; *minimal is cleared if a shorter one would do. */
static bool skip_body(struct jqw_walk *in, uint32_t *size, bool *minimal)
{
    const uint8_t *start = in->at;
    uint64_t value;
    if (!jqw_walk_typed(in, JQW_TYPE_BIN, &value))
        return false;
    *size = (uint32_t)value;
    if (in->at - start != jqw_bin_header_size(*size))
        *minimal = false;
    in->at += value;
    return true;
}

/* The loop of loops: one turn for each message of a batch. */
static int read_bodies(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_field *field)
{
    uint64_t count;
    struct jqw_bodies *bodies;
    if (!jqw_walk_array(in, &count))
        return malformed(taking);
    int code = jqw_take_bodies(taking, field, count, &bodies);
    if (code != JQ_OK)
        return code;
    uint32_t *sizes = taking->scratch->sizes;
    struct jqw_walk walk = *in;
    bool minimal = true;
    for (uint64_t i = 0; i < count; i++) {
        size_t left = jqw_walk_left(&walk);
        if (JQ_LIKELY(left >= 2 && walk.at[0] == 0xc4 && walk.at[1] <= left - 2)) {
            sizes[i] = walk.at[1];
            walk.at += 2 + (size_t)sizes[i];
        } else if (!skip_body(&walk, &sizes[i], &minimal)) {
            return malformed(taking);
        } else if (sizes[i] > JQW_MESSAGE_MAX) {
            return jqw_take_body_too_large(taking);
        }
    }
    bodies->packed = (struct jqw_bytes){in->at, (size_t)(walk.at - in->at)};
    bodies->minimal = minimal;
    *in = walk;
    return JQ_OK;
}

static int read_options(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_options *options)
{
    uint64_t count, key, seen = 0;
    if (!jqw_walk_typed(in, JQW_TYPE_MAP, &count))
        return malformed(taking);
    int code = jqw_take_options(taking, count);
    for (uint64_t i = 0; i < count && code == JQ_OK; i++) {
        const struct jqw_field *field;
        if (!jqw_walk_uint(in, &key))
            return malformed(taking);
        code = jqw_take_option(taking, options, key, &seen, &field);
        if (code == JQ_OK)
            code = read_scalar(taking, in, field, taking->out);
    }
    return code;
}

static int read_map(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_options *options, void *to)
{
    uint64_t count, key, seen = 0;
    uint32_t budget = JQW_VALUES_MAX;
    int code = JQ_OK;
    if (!jqw_walk_typed(in, JQW_TYPE_MAP, &count))
        return malformed(taking);
    for (uint64_t i = 0; i < count && code == JQ_OK; i++) {
        const struct jqw_field *field;
        if (!jqw_walk_uint(in, &key))
            return malformed(taking);
        code = jqw_take_key(taking, options, key, &seen, &field);
        if (code == JQ_OK && field)
            code = read_scalar(taking, in, field, to);
        else if (code == JQ_OK && !jqw_walk_skip(in, JQW_DEPTH_MAX, &budget))
            return malformed(taking);
    }
    return code;
}

/* They alone can hold more values than a frame may. */
static int read_maps(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_field *field)
{
    uint64_t count;
    char *items;
    if (!jqw_walk_array(in, &count))
        return malformed(taking);
    if (count > 0 && !jqw_walk_check(taking->frame.data, taking->frame.size))
        return malformed(taking);
    int code = jqw_take_maps(taking, field, count, &items);
    for (uint64_t i = 0; i < count && code == JQ_OK; i++)
        code = read_map(taking, in, field->options, items + i * field->options->size);
    return code;
}

static int read_field(struct jqw_taking *taking, struct jqw_walk *in, const struct jqw_field *field)
{
    switch (field->kind) {
    case JQW_FIELD_RANGES:
        return read_ranges(taking, in, field);
    case JQW_FIELD_RUNS:
        return read_runs(taking, in, field);
    case JQW_FIELD_BODIES:
        return read_bodies(taking, in, field);
    case JQW_FIELD_OPTIONS:
        return read_options(taking, in, field->options);
    case JQW_FIELD_MAPS:
        return read_maps(taking, in, field);
    default:
        return read_scalar(taking, in, field, taking->out);
    }
}

/* ---- the message --------------------------------------------------------------------------------------------------- */

/* What follows the fields: the end; or more fields, which need to be well formed at least. */
static int read_end(struct jqw_taking *taking, const struct jqw_walk *in, bool surplus, const uint8_t *frame)
{
    if (!surplus)
        return in->at == in->end ? JQ_OK : malformed(taking);
    int code = jqw_take_surplus(taking);
    return code != JQ_OK || jqw_walk_check(frame, (size_t)(in->end - frame)) ? code : malformed(taking);
}

static int read_fields(struct jqw_taking *taking, struct jqw_walk *in, uint64_t count, const uint8_t *frame)
{
    const struct jqw_schema *schema = taking->schema;
    uint32_t known = count < schema->count ? (uint32_t)count : schema->count;
    int code = JQ_OK;
    for (uint32_t i = 0; i < known && code == JQ_OK; i++)
        code = read_field(taking, in, &schema->fields[i]);
    return code == JQ_OK ? read_end(taking, in, count > known, frame) : code;
}

int jqw_walk_read(struct jqw_taking *taking, const uint8_t *frame, size_t size, bool *hot)
{
    struct jqw_walk in = {frame, frame + size};
    uint64_t count, op, request;
    taking->frame = (struct jqw_bytes){frame, size};
    *hot = jqw_walk_array(&in, &count) && count >= 2 && jqw_walk_uint(&in, &op) && is_hot(op);
    if (!*hot)
        return JQ_OK;
    if (!jqw_walk_uint(&in, &request))
        return malformed(taking);
    int code = jqw_take_head(taking, count, op, request);
    if (code == JQ_OK)
        code = read_fields(taking, &in, count - 2, frame);
    /* What makes no sense may be followed by what is malformed, which weighs more. */
    if (code != JQ_OK && code != JQ_PROTOCOL && !jqw_walk_check(frame, size))
        return malformed(taking);
    return code;
}
