/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding: writes the fields of a message as its schema lists them, in the shortest form, into a growing buffer. It checks no
 * rule but the size of the frame: what a message may say is checked by whoever reads it. */
#include "schema.h"
#include "write.h"

enum {
    FOUR_MAX = 1 + 4 * JQW_WRITE_MAX, /* bytes of a range or a run */
    NIL = 0xc0,
    FALSE = 0xc2,
};

static uint8_t *end_of(const struct jqw_buffer *out)
{
    return out->data + out->size;
}

static void end_at(struct jqw_buffer *out, const uint8_t *end)
{
    out->size = (size_t)(end - out->data);
}

static uint64_t number_of(const struct jqw_field *field, const void *from)
{
    const void *member = jqw_member_const(from, field->offset);
    return field->width == sizeof(uint32_t) ? *(const uint32_t *)member : *(const uint64_t *)member;
}

/* ---- one field ----------------------------------------------------------------------------------------------------- */

/* Numbers and the like: there is room for JQW_WRITE_MAX bytes. */
static uint8_t *write_number(uint8_t *to, const struct jqw_field *field, const void *from)
{
    const void *member = jqw_member_const(from, field->offset);
    switch (field->kind) {
    case JQW_FIELD_BOOL:
        return jqw_write_byte(to, *(const bool *)member ? FALSE + 1 : FALSE);
    case JQW_FIELD_TIMEOUT:
        if (*(const uint64_t *)member == JQW_TIMEOUT_FOREVER)
            return jqw_write_byte(to, NIL);
        return jqw_write_uint(to, *(const uint64_t *)member);
    case JQW_FIELD_TIME:
        return jqw_write_uint(to, *(const uint64_t *)member);
    default:
        return jqw_write_uint(to, number_of(field, from));
    }
}

/* A frame could not hold more, and 32 bits suffice below. */
static int room_for(struct jqw_buffer *out, size_t size)
{
    return size > JQW_FRAME_MAX ? JQ_TOO_LARGE : jqw_buffer_reserve(out, size + JQW_WRITE_MAX);
}

static int write_bytes(struct jqw_buffer *out, const struct jqw_field *field, const void *from)
{
    const struct jqw_bytes *bytes = jqw_member_const(from, field->offset);
    size_t size = bytes->size;
    if (field->max == JQW_TEXT_MAX && size > JQW_TEXT_MAX)
        size = JQW_TEXT_MAX; /* an error text is cut rather than lost */
    int code = room_for(out, size);
    if (code != JQ_OK)
        return code;
    uint8_t *to = end_of(out);
    bool str = field->kind == JQW_FIELD_STR;
    to = str ? jqw_write_str_head(to, (uint32_t)size) : jqw_write_bin_head(to, (uint32_t)size);
    if (size > 0)
        memcpy(to, bytes->data, size);
    end_at(out, to + size);
    return JQ_OK;
}

static int write_ranges(struct jqw_buffer *out, const struct jqw_ranges *ranges)
{
    int code = room_for(out, (size_t)ranges->count * FOUR_MAX);
    if (code != JQ_OK)
        return code;
    uint8_t *to = jqw_write_array(end_of(out), ranges->count);
    for (uint32_t i = 0; i < ranges->count; i++) {
        const struct jqw_range *range = &ranges->item[i];
        to = jqw_write_array(to, 4);
        to = jqw_write_uint(to, range->incarnation);
        to = jqw_write_uint(to, range->first);
        to = jqw_write_uint(to, range->count);
        to = jqw_write_uint(to, range->attempt);
    }
    end_at(out, to);
    return JQ_OK;
}

static int write_runs(struct jqw_buffer *out, const struct jqw_run *runs, uint32_t count)
{
    int code = room_for(out, (size_t)count * FOUR_MAX);
    if (code != JQ_OK)
        return code;
    uint8_t *to = jqw_write_array(end_of(out), count);
    for (uint32_t i = 0; i < count; i++) {
        to = jqw_write_array(to, 4);
        to = jqw_write_uint(to, runs[i].first);
        to = jqw_write_uint(to, runs[i].count);
        to = jqw_write_uint(to, runs[i].attempt);
        to = jqw_write_uint(to, runs[i].deliveries);
    }
    end_at(out, to);
    return JQ_OK;
}

static int write_packed(struct jqw_buffer *out, const struct jqw_bodies *bodies)
{
    int code = room_for(out, bodies->packed.size);
    if (code != JQ_OK)
        return code;
    uint8_t *to = jqw_write_array(end_of(out), bodies->count);
    memcpy(to, bodies->packed.data, bodies->packed.size);
    end_at(out, to + bodies->packed.size);
    return JQ_OK;
}

static int write_items(struct jqw_buffer *out, const struct jqw_bodies *bodies)
{
    size_t size = 0;
    for (uint32_t i = 0; i < bodies->count && size <= JQW_FRAME_MAX; i++) {
        if (bodies->item[i].size > JQW_FRAME_MAX)
            return JQ_TOO_LARGE;
        size += bodies->item[i].size + JQW_WRITE_MAX;
    }
    int code = room_for(out, size);
    if (code != JQ_OK)
        return code;
    uint8_t *to = jqw_write_array(end_of(out), bodies->count);
    for (uint32_t i = 0; i < bodies->count; i++) {
        const struct jqw_bytes *body = &bodies->item[i];
        to = jqw_write_bin_head(to, (uint32_t)body->size);
        if (body->size > 0)
            memcpy(to, body->data, body->size);
        to += body->size;
    }
    end_at(out, to);
    return JQ_OK;
}

static int write_bodies(struct jqw_buffer *out, const struct jqw_bodies *bodies)
{
    return bodies->packed.data ? write_packed(out, bodies) : write_items(out, bodies);
}

static bool is_given(const struct jqw_field *field, const void *from)
{
    const void *member = jqw_member_const(from, field->offset);
    switch (field->kind) {
    case JQW_FIELD_STR:
        return ((const struct jqw_bytes *)member)->size > 0;
    case JQW_FIELD_PRIORITY:
        return ((const struct jqw_priority *)member)->kind != JQW_PRIORITY_NONE;
    case JQW_FIELD_TIME:
        return *(const uint64_t *)member != 0;
    default:
        return number_of(field, from) != 0;
    }
}

/* Most that a field of a map takes. */
static size_t size_most(const struct jqw_field *field, const void *from)
{
    const void *member = jqw_member_const(from, field->offset);
    if (field->kind == JQW_FIELD_STR)
        return JQW_WRITE_MAX + ((const struct jqw_bytes *)member)->size;
    if (field->kind == JQW_FIELD_PRIORITY)
        return JQW_WRITE_MAX + ((const struct jqw_priority *)member)->bytes.size;
    return JQW_WRITE_MAX;
}

static uint8_t *write_text(uint8_t *to, const struct jqw_bytes *text)
{
    to = jqw_write_str_head(to, (uint32_t)text->size);
    if (text->size > 0)
        memcpy(to, text->data, text->size);
    return to + text->size;
}

static uint8_t *write_priority(uint8_t *to, const struct jqw_priority *priority)
{
    if (priority->kind == JQW_PRIORITY_NUMBER)
        return jqw_write_int(to, priority->number);
    to = jqw_write_bin_head(to, (uint32_t)priority->bytes.size);
    if (priority->bytes.size > 0)
        memcpy(to, priority->bytes.data, priority->bytes.size);
    return to + priority->bytes.size;
}

static uint8_t *write_value(uint8_t *to, const struct jqw_field *field, const void *from)
{
    const void *member = jqw_member_const(from, field->offset);
    if (field->kind == JQW_FIELD_STR)
        return write_text(to, member);
    if (field->kind == JQW_FIELD_PRIORITY)
        return write_priority(to, member);
    return write_number(to, field, from);
}

/* Only the fields that are given: not 0, which is what each is without. */
static int write_map(struct jqw_buffer *out, const struct jqw_options *options, const void *from)
{
    uint32_t given = 0;
    size_t size = JQW_WRITE_MAX;
    for (uint32_t key = 0; key < options->count; key++) {
        const struct jqw_field *field = jqw_option(options, key);
        if (!field || !is_given(field, from))
            continue;
        size += JQW_WRITE_MAX + size_most(field, from);
        given++;
    }
    int code = room_for(out, size);
    if (code != JQ_OK)
        return code;
    uint8_t *to = jqw_write_map(end_of(out), given);
    for (uint32_t key = 0; key < options->count && given > 0; key++) {
        const struct jqw_field *field = jqw_option(options, key);
        if (field && is_given(field, from))
            to = write_value(jqw_write_uint(to, key), field, from);
    }
    end_at(out, to);
    return JQ_OK;
}

static int write_maps(struct jqw_buffer *out, const struct jqw_options *options, const void *items, uint32_t count)
{
    int code = room_for(out, 0);
    if (code == JQ_OK)
        end_at(out, jqw_write_array(end_of(out), count));
    for (uint32_t i = 0; i < count && code == JQ_OK; i++)
        code = write_map(out, options, jqw_member_const(items, (size_t)i * options->size));
    return code;
}

static int write_field(struct jqw_buffer *out, const struct jqw_field *field, const struct jqw_message *message)
{
    const void *member = jqw_member_const(message, field->offset);
    const void *count = jqw_member_const(message, field->count);
    int code;
    switch (field->kind) {
    case JQW_FIELD_STR:
    case JQW_FIELD_BIN:
        return write_bytes(out, field, message);
    case JQW_FIELD_RANGES:
        return write_ranges(out, member);
    case JQW_FIELD_RUNS:
        return write_runs(out, *(const struct jqw_run *const *)member, *(const uint32_t *)count);
    case JQW_FIELD_BODIES:
        return write_bodies(out, member);
    case JQW_FIELD_OPTIONS:
        return write_map(out, field->options, message);
    case JQW_FIELD_MAPS:
        return write_maps(out, field->options, *(const void *const *)member, *(const uint32_t *)count);
    default:
        code = room_for(out, 0);
        if (code == JQ_OK)
            end_at(out, write_number(end_of(out), field, message));
        return code;
    }
}

/* ---- the frame ----------------------------------------------------------------------------------------------------- */

/* Room for the length, then the array with opcode and request id. */
static int frame_begin(struct jqw_buffer *out, const struct jqw_schema *schema, uint32_t op, uint32_t request)
{
    int code = jqw_buffer_reserve(out, JQW_FRAME_HEADER + 3 * JQW_WRITE_MAX);
    if (code != JQ_OK)
        return code;
    uint8_t *to = jqw_write_array(end_of(out) + JQW_FRAME_HEADER, 2 + schema->count);
    to = jqw_write_uint(to, op);
    end_at(out, jqw_write_uint(to, request));
    return JQ_OK;
}

/* Sets the length of what stands from `start` on and is followed by `more` bytes; or takes it all back. */
static int frame_end(struct jqw_buffer *out, size_t start, size_t more, int code)
{
    if (code == JQ_OK && out->size - start - JQW_FRAME_HEADER > JQW_FRAME_MAX - more)
        code = JQ_TOO_LARGE;
    if (code != JQ_OK) {
        out->size = start;
        return code;
    }
    uint32_t length = __builtin_bswap32((uint32_t)(out->size - start - JQW_FRAME_HEADER + more));
    memcpy(out->data + start, &length, sizeof length);
    return JQ_OK;
}

int jqw_encode(struct jqw_buffer *out, const struct jqw_message *message)
{
    const struct jqw_schema *schema = jqw_schema_of(message->op);
    JQ_ASSERT(schema);
    size_t start = out->size;
    int code = frame_begin(out, schema, message->op, message->request);
    for (uint32_t i = 0; i < schema->count && code == JQ_OK; i++)
        code = write_field(out, &schema->fields[i], message);
    return frame_end(out, start, 0, code);
}

int jqw_encode_head(struct jqw_buffer *out, const struct jqw_message *message, const struct jqw_bodies *bodies)
{
    const struct jqw_schema *schema = jqw_schema_of(message->op);
    size_t start = out->size;
    if (bodies->packed.size > JQW_FRAME_MAX)
        return JQ_TOO_LARGE;
    int code = frame_begin(out, schema, message->op, message->request);
    for (uint32_t i = 0; i < schema->count - 1 && code == JQ_OK; i++)
        code = write_field(out, &schema->fields[i], message);
    if (code == JQ_OK)
        code = room_for(out, 0);
    if (code == JQ_OK)
        end_at(out, jqw_write_array(end_of(out), bodies->count));
    return frame_end(out, start, bodies->packed.size, code);
}

int jqw_encode_got_head(struct jqw_buffer *out, uint32_t request, const struct jqw_got *got)
{
    const struct jqw_message message = {.op = JQW_GOT, .request = request, .got = *got};
    return jqw_encode_head(out, &message, &message.got.bodies);
}

uint32_t jqw_bin_header_write(uint8_t *to, uint32_t size)
{
    return (uint32_t)(jqw_write_bin_head(to, size) - to);
}
