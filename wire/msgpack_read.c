/* SPDX-License-Identifier: Apache-2.0 */
/* Reads any message through msgpack-c. msgpack-c reserves memory for what an array or map declares, so a walk checks the
 * frame first: its length, its depth, its counts. What a value may be is in take.c; here is only where it stands. */
#include "read.h"
#include <msgpack.h>

static int wrong_type(struct jqw_taking *taking)
{
    return jqw_refuse(taking, JQ_PROTOCOL, "a field of another type than it has");
}

/* ---- one field ----------------------------------------------------------------------------------------------------- */

static int read_scalar(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_field *field, void *to)
{
    switch (from->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return jqw_take_number(taking, field, to, from->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return jqw_take_negative(taking, field, to, from->via.i64);
    case MSGPACK_OBJECT_NIL:
        return jqw_take_nil(taking, field, to);
    case MSGPACK_OBJECT_BOOLEAN:
        return jqw_take_bool(taking, field, to, from->via.boolean);
    case MSGPACK_OBJECT_STR:
        return jqw_take_str(taking, field, to, (const uint8_t *)from->via.str.ptr, from->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return jqw_take_bin(taking, field, to, (const uint8_t *)from->via.bin.ptr, from->via.bin.size);
    default:
        return wrong_type(taking);
    }
}

static bool read_four(const msgpack_object *from, uint64_t numbers[4])
{
    if (from->type != MSGPACK_OBJECT_ARRAY || from->via.array.size != 4)
        return false;
    for (uint32_t i = 0; i < 4; i++) {
        if (from->via.array.ptr[i].type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return false;
        numbers[i] = from->via.array.ptr[i].via.u64;
    }
    return true;
}

static int read_ranges(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_field *field)
{
    uint64_t numbers[4];
    int code = jqw_take_ranges(taking, field, from->via.array.size);
    for (uint32_t i = 0; i < from->via.array.size && code == JQ_OK; i++)
        code = read_four(&from->via.array.ptr[i], numbers) ? jqw_take_range(taking, numbers) : wrong_type(taking);
    return code;
}

static int read_runs(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_field *field)
{
    uint64_t numbers[4];
    int code = jqw_take_runs(taking, field, from->via.array.size);
    for (uint32_t i = 0; i < from->via.array.size && code == JQ_OK; i++)
        code = read_four(&from->via.array.ptr[i], numbers) ? jqw_take_run(taking, i, numbers) : wrong_type(taking);
    return code;
}

/* The bytes of the elements of the array that is the index-th element of a frame that has been checked: objects of msgpack-c
 * do not say where their heads lie. */
static struct jqw_bytes elements_of(const uint8_t *frame, size_t size, uint32_t index)
{
    struct jqw_walk walk = {frame, frame + size};
    uint32_t budget = JQW_VALUES_MAX;
    uint64_t count = 0;
    bool ok = jqw_walk_array(&walk, &count);
    for (uint32_t i = 0; i < index; i++)
        ok = ok && jqw_walk_skip(&walk, JQW_DEPTH_MAX, &budget);
    ok = ok && jqw_walk_array(&walk, &count);
    const uint8_t *start = walk.at;
    for (uint64_t i = 0; i < count; i++)
        ok = ok && jqw_walk_skip(&walk, JQW_DEPTH_MAX, &budget);
    JQ_ASSERT(ok);
    return (struct jqw_bytes){start, (size_t)(walk.at - start)};
}

static int read_bodies(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_field *field,
                       struct jqw_bodies **bodies)
{
    int code = jqw_take_bodies(taking, field, from->via.array.size, bodies);
    for (uint32_t i = 0; i < from->via.array.size && code == JQ_OK; i++) {
        const msgpack_object *body = &from->via.array.ptr[i];
        if (body->type != MSGPACK_OBJECT_BIN)
            return wrong_type(taking);
        if (body->via.bin.size > JQW_MESSAGE_MAX)
            return jqw_take_body_too_large(taking);
        taking->scratch->sizes[i] = body->via.bin.size;
    }
    return code;
}

static void place_bodies(struct jqw_bodies *bodies, struct jqw_bytes packed)
{
    size_t shortest = 0;
    for (uint32_t i = 0; i < bodies->count; i++)
        shortest += jqw_bin_header_size(bodies->sizes[i]) + (size_t)bodies->sizes[i];
    bodies->packed = packed;
    bodies->minimal = packed.size == shortest;
}

static int read_options(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_options *options)
{
    uint64_t seen = 0;
    int code = jqw_take_options(taking, from->via.map.size);
    for (uint32_t i = 0; i < from->via.map.size && code == JQ_OK; i++) {
        const msgpack_object_kv *pair = &from->via.map.ptr[i];
        const struct jqw_field *field;
        if (pair->key.type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return wrong_type(taking);
        code = jqw_take_option(taking, options, pair->key.via.u64, &seen, &field);
        if (code == JQ_OK)
            code = read_scalar(taking, &pair->val, field, taking->out);
    }
    return code;
}

/* In answers fields of a later version are skipped. */
static int read_map(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_options *options, void *to)
{
    uint64_t seen = 0;
    if (from->type != MSGPACK_OBJECT_MAP)
        return wrong_type(taking);
    int code = JQ_OK;
    for (uint32_t i = 0; i < from->via.map.size && code == JQ_OK; i++) {
        const msgpack_object_kv *pair = &from->via.map.ptr[i];
        const struct jqw_field *field;
        if (pair->key.type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return wrong_type(taking);
        code = jqw_take_key(taking, options, pair->key.via.u64, &seen, &field);
        if (code == JQ_OK && field)
            code = read_scalar(taking, &pair->val, field, to);
    }
    return code;
}

static int read_maps(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_field *field)
{
    char *items;
    int code = jqw_take_maps(taking, field, from->via.array.size, &items);
    for (uint32_t i = 0; i < from->via.array.size && code == JQ_OK; i++)
        code = read_map(taking, &from->via.array.ptr[i], field->options, items + (size_t)i * field->options->size);
    return code;
}

static int read_list(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_field *field,
                     struct jqw_bodies **bodies)
{
    if (from->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(taking);
    switch (field->kind) {
    case JQW_FIELD_RANGES:
        return read_ranges(taking, from, field);
    case JQW_FIELD_RUNS:
        return read_runs(taking, from, field);
    case JQW_FIELD_MAPS:
        return read_maps(taking, from, field);
    default:
        return read_bodies(taking, from, field, bodies);
    }
}

static int read_field(struct jqw_taking *taking, const msgpack_object *from, const struct jqw_field *field,
                      struct jqw_bodies **bodies)
{
    switch (field->kind) {
    case JQW_FIELD_RANGES:
    case JQW_FIELD_RUNS:
    case JQW_FIELD_MAPS:
    case JQW_FIELD_BODIES:
        return read_list(taking, from, field, bodies);
    case JQW_FIELD_OPTIONS:
        return from->type == MSGPACK_OBJECT_MAP ? read_options(taking, from, field->options) : wrong_type(taking);
    default:
        return read_scalar(taking, from, field, taking->out);
    }
}

/* ---- the message --------------------------------------------------------------------------------------------------- */

static int read_fields(struct jqw_taking *taking, const msgpack_object_array *from, const uint8_t *frame, size_t size)
{
    const struct jqw_schema *schema = taking->schema;
    uint32_t known = from->size - 2 < schema->count ? from->size - 2 : schema->count;
    int code = JQ_OK;
    for (uint32_t i = 0; i < known && code == JQ_OK; i++) {
        struct jqw_bodies *bodies = NULL;
        code = read_field(taking, &from->ptr[2 + i], &schema->fields[i], &bodies);
        if (code == JQ_OK && bodies)
            place_bodies(bodies, elements_of(frame, size, 2 + i));
    }
    return code == JQ_OK && from->size - 2 > known ? jqw_take_surplus(taking) : code;
}

static int read_message(struct jqw_taking *taking, const msgpack_object *root, const uint8_t *frame, size_t size)
{
    const msgpack_object_array *from = &root->via.array;
    if (root->type != MSGPACK_OBJECT_ARRAY || from->size < 2 || from->ptr[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
        from->ptr[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return jqw_refuse(taking, JQ_PROTOCOL, "a frame is an array of an opcode, a request id, and fields");
    int code = jqw_take_head(taking, from->size, from->ptr[0].via.u64, from->ptr[1].via.u64);
    return code == JQ_OK ? read_fields(taking, from, frame, size) : code;
}

/* Without memory for the fields the request can still be answered. */
static int no_memory(struct jqw_taking *taking, const uint8_t *frame, size_t size)
{
    struct jqw_walk walk = {frame, frame + size};
    uint64_t count, op, request;
    if (!jqw_walk_array(&walk, &count) || !jqw_walk_uint(&walk, &op) || !jqw_walk_uint(&walk, &request))
        return jqw_refuse(taking, JQ_PROTOCOL, "a frame is an array of an opcode, a request id, and fields");
    int code = jqw_take_head(taking, count, op, request);
    return code == JQ_OK ? jqw_refuse(taking, JQ_OVERLOADED, "no memory") : code;
}

/* msgpack-c refuses only what the walk would have refused, or has no memory. */
int jqw_msgpack_read(struct jqw_taking *taking, const uint8_t *frame, size_t size)
{
    if (!jqw_walk_check(frame, size))
        return jqw_refuse(taking, JQ_PROTOCOL, "malformed, nested too deep, or too many values");
    msgpack_zone zone;
    if (!msgpack_zone_init(&zone, MSGPACK_ZONE_CHUNK_SIZE))
        return no_memory(taking, frame, size);
    msgpack_object root;
    size_t offset = 0;
    int code;
    switch (msgpack_unpack((const char *)frame, size, &offset, &zone, &root)) {
    case MSGPACK_UNPACK_SUCCESS:
        code = read_message(taking, &root, frame, size);
        break;
    case MSGPACK_UNPACK_NOMEM_ERROR:
        code = no_memory(taking, frame, size);
        break;
    default:
        code = jqw_refuse(taking, JQ_PROTOCOL, "malformed");
        break;
    }
    msgpack_zone_destroy(&zone);
    return code;
}
