/* SPDX-License-Identifier: Apache-2.0 */
/* What a message may say: every check of a value against schema and limits, once for both readers. */
#include "take.h"
#include <string.h>

_Static_assert(JQW_BATCH_MAX == 1000 && JQW_RANGES_MAX == 1000 && JQW_SETTLE_MAX == 1000 && JQW_LOST_MAX == 2000 &&
                   JQW_MESSAGE_MAX == 8388608 && JQW_OPTIONS_MAX == 32 && JQW_PRIORITY_MAX == 255,
               "the texts here name limits");

static int request_check(const struct jqw_taking *taking, uint64_t request)
{
    switch (taking->schema->kind) {
    case JQW_KIND_REQUEST:
        return request != 0 ? JQ_OK : JQ_PROTOCOL;
    case JQW_KIND_ANSWER:
        return request != 0 || taking->out->op == JQW_RESULT ? JQ_OK : JQ_PROTOCOL;
    default:
        return request == 0 ? JQ_OK : JQ_PROTOCOL;
    }
}

int jqw_take_head(struct jqw_taking *taking, uint64_t count, uint64_t op, uint64_t request)
{
    if (op > UINT32_MAX || request > UINT32_MAX)
        return jqw_refuse(taking, JQ_PROTOCOL, "an opcode and a request id are numbers below 2^32");
    *taking->out = (struct jqw_message){.op = (enum jqw_op)op, .request = (uint32_t)request};
    taking->schema = jqw_schema_of(op);
    if (!taking->schema)
        return jqw_refuse(taking, JQ_INVALID, "unknown opcode");
    if (request_check(taking, request) != JQ_OK)
        return jqw_refuse(taking, JQ_PROTOCOL, "a request id of 0 in a request, or another one where 0 belongs");
    if (count < 2 + (uint64_t)jqw_schema_required(taking->schema))
        return jqw_refuse(taking, JQ_PROTOCOL, "fields are missing");
    return JQ_OK;
}

int jqw_take_surplus(struct jqw_taking *taking)
{
    if (taking->schema->kind == JQW_KIND_REQUEST || taking->schema->kind == JQW_KIND_NOTICE)
        return jqw_refuse(taking, JQ_INVALID, "fields that this version does not know");
    return JQ_OK;
}

int jqw_take_end(struct jqw_taking *taking, int code, const char **why)
{
    if (code != JQ_OK)
        *why = taking->why;
    if (code != JQ_OK && taking->schema && taking->schema->kind == JQW_KIND_NOTICE)
        return JQ_PROTOCOL;
    return code;
}

/* ---- scalars ------------------------------------------------------------------------------------------------------- */

static int wrong_type(struct jqw_taking *taking)
{
    return jqw_refuse(taking, JQ_PROTOCOL, "a field of another type than it has");
}

static int time_store(struct jqw_taking *taking, const struct jqw_field *field, void *to, uint64_t value)
{
    if (value > JQW_TIMEOUT_MS_MAX)
        return jqw_refuse(taking, JQ_INVALID, "a time is beyond a hundred years");
    *(uint64_t *)jqw_member(to, field->offset) = value;
    return JQ_OK;
}

static int number_store(const struct jqw_field *field, void *to, uint64_t value)
{
    if (field->width == sizeof(uint32_t))
        *(uint32_t *)jqw_member(to, field->offset) = (uint32_t)value;
    else
        *(uint64_t *)jqw_member(to, field->offset) = value;
    return JQ_OK;
}

static int priority_store(const struct jqw_field *field, void *to, struct jqw_priority value)
{
    *(struct jqw_priority *)jqw_member(to, field->offset) = value;
    return JQ_OK;
}

int jqw_take_number(struct jqw_taking *taking, const struct jqw_field *field, void *to, uint64_t value)
{
    switch (field->kind) {
    case JQW_FIELD_UINT:
        if (value < field->min || value > field->max)
            return jqw_refuse(taking, JQ_INVALID, field->why);
        return number_store(field, to, value);
    case JQW_FIELD_FLAGS:
        if (value & ~field->max)
            return jqw_refuse(taking, JQ_INVALID, field->why);
        return number_store(field, to, value);
    case JQW_FIELD_TIME:
    case JQW_FIELD_TIMEOUT:
        return time_store(taking, field, to, value);
    case JQW_FIELD_PRIORITY:
        if (value > INT64_MAX)
            return jqw_refuse(taking, JQ_INVALID, "a priority is a number below 2^63");
        return priority_store(field, to, (struct jqw_priority){.kind = JQW_PRIORITY_NUMBER, .number = (int64_t)value});
    default:
        return wrong_type(taking);
    }
}

int jqw_take_negative(struct jqw_taking *taking, const struct jqw_field *field, void *to, int64_t value)
{
    if (field->kind == JQW_FIELD_PRIORITY)
        return priority_store(field, to, (struct jqw_priority){.kind = JQW_PRIORITY_NUMBER, .number = value});
    if (field->kind == JQW_FIELD_TIME || field->kind == JQW_FIELD_TIMEOUT)
        return jqw_refuse(taking, JQ_INVALID, "a time is negative");
    return wrong_type(taking);
}

int jqw_take_nil(struct jqw_taking *taking, const struct jqw_field *field, void *to)
{
    if (field->kind != JQW_FIELD_TIMEOUT)
        return wrong_type(taking);
    *(uint64_t *)jqw_member(to, field->offset) = JQW_TIMEOUT_FOREVER;
    return JQ_OK;
}

int jqw_take_bool(struct jqw_taking *taking, const struct jqw_field *field, void *to, bool value)
{
    if (field->kind != JQW_FIELD_BOOL)
        return wrong_type(taking);
    *(bool *)jqw_member(to, field->offset) = value;
    return JQ_OK;
}

int jqw_take_str(struct jqw_taking *taking, const struct jqw_field *field, void *to, const uint8_t *data, size_t size)
{
    if (field->kind != JQW_FIELD_STR)
        return wrong_type(taking);
    if (size > field->max)
        return jqw_refuse(taking, JQ_INVALID, field->why);
    *(struct jqw_bytes *)jqw_member(to, field->offset) = (struct jqw_bytes){data, size};
    return JQ_OK;
}

int jqw_take_bin(struct jqw_taking *taking, const struct jqw_field *field, void *to, const uint8_t *data, size_t size)
{
    if (field->kind == JQW_FIELD_PRIORITY) {
        if (size > JQW_PRIORITY_MAX)
            return jqw_refuse(taking, JQ_INVALID, "a priority has at most 255 bytes");
        return priority_store(field, to, (struct jqw_priority){.kind = JQW_PRIORITY_BYTES, .bytes = {data, size}});
    }
    if (field->kind != JQW_FIELD_BIN)
        return wrong_type(taking);
    if (size != field->max)
        return jqw_refuse(taking, JQ_INVALID, field->why);
    *(struct jqw_bytes *)jqw_member(to, field->offset) = (struct jqw_bytes){data, size};
    return JQ_OK;
}

/* ---- lists --------------------------------------------------------------------------------------------------------- */

int jqw_take_ranges(struct jqw_taking *taking, const struct jqw_field *field, uint64_t count)
{
    bool request = taking->schema->kind == JQW_KIND_REQUEST;
    if (count > (request ? JQW_RANGES_MAX : JQW_LOST_MAX))
        return jqw_refuse(taking, JQ_INVALID, "more ranges than 1000 in a request, or 2000 in an answer");
    taking->settle_count = 0;
    struct jqw_ranges *ranges = jqw_member(taking->out, field->offset);
    ranges->item = taking->scratch->ranges + taking->ranges_used;
    ranges->count = (uint32_t)count;
    return JQ_OK;
}

int jqw_take_range(struct jqw_taking *taking, const uint64_t numbers[4])
{
    if (numbers[2] == 0 || numbers[2] > UINT32_MAX || numbers[3] > UINT32_MAX)
        return jqw_refuse(taking, JQ_INVALID, "a range of no messages, or a number beyond 2^32 in it");
    if (taking->schema->kind == JQW_KIND_REQUEST) {
        if (numbers[2] > JQW_SETTLE_MAX - taking->settle_count)
            return jqw_refuse(taking, JQ_INVALID, "more than 1000 messages in the ranges of one list");
        taking->settle_count += (uint32_t)numbers[2];
    }
    taking->scratch->ranges[taking->ranges_used++] = (struct jqw_range){
        .incarnation = numbers[0],
        .first = numbers[1],
        .count = (uint32_t)numbers[2],
        .attempt = (uint32_t)numbers[3],
    };
    return JQ_OK;
}

int jqw_take_runs(struct jqw_taking *taking, const struct jqw_field *field, uint64_t count)
{
    if (count > JQW_BATCH_MAX)
        return jqw_refuse(taking, JQ_INVALID, "more than 1000 runs");
    taking->has_runs = true;
    *(const struct jqw_run **)jqw_member(taking->out, field->offset) = taking->scratch->runs;
    *(uint32_t *)jqw_member(taking->out, field->count) = (uint32_t)count;
    return JQ_OK;
}

int jqw_take_run(struct jqw_taking *taking, uint32_t index, const uint64_t numbers[4])
{
    if (numbers[1] == 0 || numbers[1] > JQW_BATCH_MAX - taking->run_count)
        return jqw_refuse(taking, JQ_INVALID, "a run of no messages, or more than 1000 in all runs");
    if (numbers[2] > UINT32_MAX || numbers[3] > UINT32_MAX)
        return jqw_refuse(taking, JQ_INVALID, "a number beyond 2^32 in a run");
    taking->run_count += (uint32_t)numbers[1];
    taking->scratch->runs[index] = (struct jqw_run){
        .first = numbers[0],
        .count = (uint32_t)numbers[1],
        .attempt = (uint32_t)numbers[2],
        .deliveries = (uint32_t)numbers[3],
    };
    return JQ_OK;
}

int jqw_take_bodies(struct jqw_taking *taking, const struct jqw_field *field, uint64_t count,
                    struct jqw_bodies **bodies)
{
    if (count < field->min || count > JQW_BATCH_MAX)
        return jqw_refuse(taking, JQ_INVALID, "a batch is 1 to 1000 messages");
    if (taking->has_runs && taking->run_count != count && count > 0) /* an end has a place, and no body */
        return jqw_refuse(taking, JQ_PROTOCOL, "not as many bodies as messages in the runs");
    *bodies = jqw_member(taking->out, field->offset);
    (*bodies)->count = (uint32_t)count;
    (*bodies)->sizes = taking->scratch->sizes;
    return JQ_OK;
}

int jqw_take_body_too_large(struct jqw_taking *taking)
{
    return jqw_refuse(taking, JQ_TOO_LARGE, "a body is larger than 8388608 bytes");
}

/* ---- maps ---------------------------------------------------------------------------------------------------------- */

int jqw_take_options(struct jqw_taking *taking, uint64_t count)
{
    if (count > JQW_OPTIONS_MAX)
        return jqw_refuse(taking, JQ_PROTOCOL, "more than 32 options");
    return JQ_OK;
}

int jqw_take_option(struct jqw_taking *taking, const struct jqw_options *options, uint64_t key, uint64_t *seen,
                    const struct jqw_field **field)
{
    *field = jqw_option(options, key);
    if (!*field)
        return jqw_refuse(taking, JQ_INVALID, "an option that this version does not know");
    if (*seen >> key & 1)
        return jqw_refuse(taking, JQ_INVALID, "an option given twice");
    *seen |= UINT64_C(1) << key;
    return JQ_OK;
}

int jqw_take_maps(struct jqw_taking *taking, const struct jqw_field *field, uint64_t count, char **items)
{
    if (count < field->min || count > field->max)
        return jqw_refuse(taking, JQ_INVALID, field->why);
    *items = jqw_member(taking->scratch, field->scratch);
    memset(*items, 0, count * field->options->size);
    *(const void **)jqw_member(taking->out, field->offset) = *items;
    *(uint32_t *)jqw_member(taking->out, field->count) = (uint32_t)count;
    return JQ_OK;
}

int jqw_take_key(struct jqw_taking *taking, const struct jqw_options *options, uint64_t key, uint64_t *seen,
                 const struct jqw_field **field)
{
    if (taking->schema->kind == JQW_KIND_REQUEST)
        return jqw_take_option(taking, options, key, seen, field);
    *field = jqw_option(options, key);
    return JQ_OK;
}
