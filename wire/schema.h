/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of each message, as tables: what the encoder writes, both decoders read and PROTOCOL.md documents. A new message
 * is an entry in opcodes.def, a struct in message.h and a list of fields in schema.c. Internal to wire/. */
#ifndef JOINQ_WIRE_SCHEMA_H
#define JOINQ_WIRE_SCHEMA_H

#include "message.h"

enum jqw_field_kind {
    JQW_FIELD_UINT,     /* min to max, otherwise INVALID; also names of choices */
    JQW_FIELD_FLAGS,    /* bits of max; any other is INVALID */
    JQW_FIELD_BOOL,     /* a bool */
    JQW_FIELD_TIME,     /* milliseconds from 0 to JQW_TIMEOUT_MS_MAX */
    JQW_FIELD_TIMEOUT,  /* the same, or nil for JQW_TIMEOUT_FOREVER */
    JQW_FIELD_STR,      /* at most max bytes of str */
    JQW_FIELD_BIN,      /* exactly max bytes of bin */
    JQW_FIELD_RANGES,   /* array of [incarnation, first, count, attempt] */
    JQW_FIELD_RUNS,     /* array of [first, count, attempt, deliveries] */
    JQW_FIELD_BODIES,   /* array of bins, min at least */
    JQW_FIELD_PRIORITY, /* a number of 63 bits and sign, or at most JQW_PRIORITY_MAX bytes of bin */
    JQW_FIELD_OPTIONS,  /* map of numbered options; as the last field it may be missing */
    JQW_FIELD_MAPS,     /* array of maps of numbered fields, min to max of them */
};

struct jqw_field {
    const char *name;
    const char *why; /* what an INVALID number gets to hear */
    const struct jqw_options *options;
    uint64_t min, max;
    enum jqw_field_kind kind;
    uint16_t offset;  /* in struct jqw_message; of the fields of MAPS, in the struct that one map fills */
    uint16_t count;   /* RUNS, MAPS: the same of the count */
    uint32_t scratch; /* MAPS: where in struct jqw_scratch they are read to */
    uint8_t width;    /* UINT, FLAGS: bytes of the member, 4 or 8 */
};

/* Fields by number: those of a map. The number of an entry is its place; an entry without a name is no field. */
struct jqw_options {
    const struct jqw_field *fields;
    uint32_t count;
    uint32_t size; /* MAPS: bytes of the struct that one map fills */
};

struct jqw_schema {
    const char *name;
    const struct jqw_field *fields;
    uint32_t count;
    enum jqw_op_kind kind;
};

extern const struct jqw_options jqw_stat_options;

/* NULL for an opcode that is none. */
const struct jqw_schema *jqw_schema_of(uint64_t op);

/* The field of this number, or NULL. */
static inline const struct jqw_field *jqw_option(const struct jqw_options *options, uint64_t key)
{
    return key < options->count && options->fields[key].name ? &options->fields[key] : NULL;
}

/* How many fields there must be. */
static inline uint32_t jqw_schema_required(const struct jqw_schema *schema)
{
    bool optional = schema->count > 0 && schema->fields[schema->count - 1].kind == JQW_FIELD_OPTIONS;
    return schema->count - (optional ? 1 : 0);
}

/* A member of a message by its offset. */
static inline void *jqw_member(void *message, size_t offset)
{
    return (char *)message + offset;
}
static inline const void *jqw_member_const(const void *message, size_t offset)
{
    return (const char *)message + offset;
}

#endif
