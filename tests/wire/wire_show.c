/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as text, by the tables that the codec uses; how they lie in a frame is not looked at. */
#include "wire_show.h"
#include "schema.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

__attribute__((format(printf, 2, 3))) static void add(struct jqw_buffer *text, const char *format, ...)
{
    char piece[400];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    assert_in_range(size, 0, sizeof piece - 1);
    assert_int_equal(jqw_buffer_append(text, piece, (size_t)size), JQ_OK);
}

static void end_text(struct jqw_buffer *text)
{
    assert_int_equal(jqw_buffer_append(text, "", 1), JQ_OK);
}

static void add_hex(struct jqw_buffer *text, struct jqw_bytes bytes)
{
    add(text, "h'");
    for (size_t i = 0; i < bytes.size; i++)
        add(text, "%02x", bytes.data[i]);
    add(text, "'");
}

static void add_str(struct jqw_buffer *text, struct jqw_bytes bytes)
{
    add(text, "\"");
    assert_int_equal(jqw_buffer_append(text, bytes.data, bytes.size), JQ_OK);
    add(text, "\"");
}

struct jqw_bytes body_at(const struct jqw_bodies *bodies, uint32_t index)
{
    const uint8_t *at = bodies->packed.data;
    for (uint32_t i = 0;; i++) {
        assert_in_range(*at, 0xc4, 0xc6);
        at += 1 + (1U << (*at - 0xc4));
        if (i == index)
            return (struct jqw_bytes){at, bodies->sizes[i]};
        at += bodies->sizes[i];
    }
}

static void add_bodies(struct jqw_buffer *text, const struct jqw_bodies *bodies)
{
    add(text, "[");
    for (uint32_t i = 0; i < bodies->count; i++) {
        add(text, i > 0 ? ", " : "");
        add_hex(text, bodies->item ? bodies->item[i] : body_at(bodies, i));
    }
    add(text, "]");
}

static void add_ranges(struct jqw_buffer *text, const struct jqw_ranges *ranges)
{
    add(text, "[");
    for (uint32_t i = 0; i < ranges->count; i++)
        add(text, "%s[%" PRIu64 ", %" PRIu64 ", %" PRIu32 ", %" PRIu32 "]", i > 0 ? ", " : "",
            ranges->item[i].incarnation, ranges->item[i].first, ranges->item[i].count, ranges->item[i].attempt);
    add(text, "]");
}

static void add_runs(struct jqw_buffer *text, const struct jqw_run *runs, uint32_t count)
{
    add(text, "[");
    for (uint32_t i = 0; i < count; i++)
        add(text, "%s[%" PRIu64 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32 "]", i > 0 ? ", " : "", runs[i].first,
            runs[i].count, runs[i].attempt, runs[i].deliveries);
    add(text, "]");
}

static uint64_t number_of(const struct jqw_field *field, const void *from)
{
    const void *member = jqw_member_const(from, field->offset);
    return field->width == sizeof(uint32_t) ? *(const uint32_t *)member : *(const uint64_t *)member;
}

static bool is_given(const struct jqw_field *field, const void *from)
{
    const void *member = jqw_member_const(from, field->offset);
    if (field->kind == JQW_FIELD_STR)
        return ((const struct jqw_bytes *)member)->size > 0;
    if (field->kind == JQW_FIELD_PRIORITY)
        return ((const struct jqw_priority *)member)->kind != JQW_PRIORITY_NONE;
    return number_of(field, from) != 0;
}

static void add_priority(struct jqw_buffer *text, const struct jqw_priority *priority)
{
    if (priority->kind == JQW_PRIORITY_NUMBER)
        add(text, "%" PRId64, priority->number);
    else
        add_hex(text, priority->bytes);
}

static void add_options(struct jqw_buffer *text, const struct jqw_options *options, const void *from)
{
    const char *comma = "";
    add(text, "{");
    for (uint32_t key = 0; key < options->count; key++) {
        const struct jqw_field *field = &options->fields[key];
        if (!field->name || !is_given(field, from))
            continue;
        add(text, "%s%" PRIu32 ": ", comma, key);
        if (field->kind == JQW_FIELD_STR)
            add_str(text, *(const struct jqw_bytes *)jqw_member_const(from, field->offset));
        else if (field->kind == JQW_FIELD_PRIORITY)
            add_priority(text, jqw_member_const(from, field->offset));
        else
            add(text, "%" PRIu64, number_of(field, from));
        comma = ", ";
    }
    add(text, "}");
}

static void add_maps(struct jqw_buffer *text, const struct jqw_field *field, const char *items, uint32_t count)
{
    add(text, "[");
    for (uint32_t i = 0; i < count; i++) {
        add(text, i > 0 ? ", " : "");
        add_options(text, field->options, items + (size_t)i * field->options->size);
    }
    add(text, "]");
}

static void add_time(struct jqw_buffer *text, uint64_t time)
{
    if (time == JQW_TIMEOUT_FOREVER)
        add(text, "nil");
    else
        add(text, "%" PRIu64, time);
}

static void add_field(struct jqw_buffer *text, const struct jqw_field *field, const struct jqw_message *message)
{
    const void *member = jqw_member_const(message, field->offset);
    switch (field->kind) {
    case JQW_FIELD_UINT:
    case JQW_FIELD_FLAGS:
        add(text, "%" PRIu64, number_of(field, message));
        break;
    case JQW_FIELD_BOOL:
        add(text, "%s", *(const bool *)member ? "true" : "false");
        break;
    case JQW_FIELD_TIME:
    case JQW_FIELD_TIMEOUT:
        add_time(text, *(const uint64_t *)member);
        break;
    case JQW_FIELD_STR:
        add_str(text, *(const struct jqw_bytes *)member);
        break;
    case JQW_FIELD_BIN:
        add_hex(text, *(const struct jqw_bytes *)member);
        break;
    case JQW_FIELD_RANGES:
        add_ranges(text, member);
        break;
    case JQW_FIELD_RUNS:
        add_runs(text, *(const struct jqw_run *const *)member,
                 *(const uint32_t *)jqw_member_const(message, field->count));
        break;
    case JQW_FIELD_BODIES:
        add_bodies(text, member);
        break;
    case JQW_FIELD_OPTIONS:
        add_options(text, field->options, message);
        break;
    case JQW_FIELD_PRIORITY:
        add_priority(text, member);
        break;
    case JQW_FIELD_MAPS:
        add_maps(text, field, *(const char *const *)member, *(const uint32_t *)jqw_member_const(message, field->count));
        break;
    }
}

void message_show(struct jqw_buffer *text, const struct jqw_message *message)
{
    const struct jqw_schema *schema = jqw_schema_of(message->op);
    assert_non_null(schema);
    add(text, "[%u, %u", message->op, message->request);
    for (uint32_t i = 0; i < schema->count; i++) {
        add(text, ", ");
        add_field(text, &schema->fields[i], message);
    }
    add(text, "]");
    end_text(text);
}

/* ---- layouts ------------------------------------------------------------------------------------------------------- */

static void add_uint_type(struct jqw_buffer *text, const struct jqw_field *field)
{
    if (field->min == 0 && field->max == UINT32_MAX)
        add(text, "u32");
    else if (field->min == 0 && field->max == UINT64_MAX)
        add(text, "u64");
    else
        add(text, "%" PRIu64 "..%" PRIu64, field->min, field->max);
}

static void add_type(struct jqw_buffer *text, const struct jqw_field *field);

static void add_options_type(struct jqw_buffer *text, const struct jqw_options *options)
{
    const char *comma = "";
    add(text, "{");
    for (uint32_t key = 0; key < options->count; key++) {
        if (!options->fields[key].name)
            continue;
        add(text, "%s%" PRIu32 " %s: ", comma, key, options->fields[key].name);
        add_type(text, &options->fields[key]);
        comma = ", ";
    }
    add(text, "}");
}

static void add_maps_type(struct jqw_buffer *text, const struct jqw_field *field)
{
    add(text, "[");
    add_options_type(text, field->options);
    add(text, "] %" PRIu64 "..%" PRIu64, field->min, field->max);
}

static void add_type(struct jqw_buffer *text, const struct jqw_field *field)
{
    static const char *const names[] = {
        [JQW_FIELD_BOOL] = "bool",     [JQW_FIELD_TIME] = "time", [JQW_FIELD_TIMEOUT] = "timeout",
        [JQW_FIELD_RANGES] = "ranges", [JQW_FIELD_RUNS] = "runs", [JQW_FIELD_PRIORITY] = "priority",
    };
    if (field->kind == JQW_FIELD_UINT)
        add_uint_type(text, field);
    else if (field->kind == JQW_FIELD_FLAGS)
        add(text, "bits %" PRIu64, field->max);
    else if (field->kind == JQW_FIELD_STR)
        add(text, "%s", field->max == JQW_NAME_MAX ? "name" : field->max == JQW_TEXT_MAX ? "text" : "lines");
    else if (field->kind == JQW_FIELD_BIN)
        add(text, "bin %" PRIu64, field->max);
    else if (field->kind == JQW_FIELD_BODIES)
        add(text, "bodies %" PRIu64 "..%d", field->min, JQW_BATCH_MAX);
    else if (field->kind == JQW_FIELD_OPTIONS)
        add_options_type(text, field->options);
    else if (field->kind == JQW_FIELD_MAPS && field->options == &jqw_stat_options)
        add(text, "stats");
    else if (field->kind == JQW_FIELD_MAPS)
        add_maps_type(text, field);
    else
        add(text, "%s", names[field->kind]);
}

void layout_show(struct jqw_buffer *text, uint32_t op)
{
    const struct jqw_schema *schema = jqw_schema_of(op);
    bool has_id = schema->kind == JQW_KIND_REQUEST || schema->kind == JQW_KIND_ANSWER;
    for (const char *c = schema->name; *c; c++)
        add(text, "%c", *c == '_' ? '_' : *c - 'a' + 'A');
    add(text, " = [%" PRIu32 ", %s", op, has_id ? "id" : "0");
    for (uint32_t i = 0; i < schema->count; i++) {
        add(text, ", %s: ", schema->fields[i].name);
        add_type(text, &schema->fields[i]);
    }
    add(text, "]");
    end_text(text);
}
