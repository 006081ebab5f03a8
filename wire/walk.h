/* SPDX-License-Identifier: Apache-2.0 */
/* Walks msgpack where it lies, one value at a time, never beyond the end and without memory of its own. It knows msgpack,
 * not our messages. Internal to wire/. */
#ifndef JOINQ_WIRE_WALK_H
#define JOINQ_WIRE_WALK_H

#include "base.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum jqw_type {
    JQW_TYPE_NONE, /* no value: the end, or a head that msgpack does not have, or one that needs more bytes than there are */
    JQW_TYPE_NIL,
    JQW_TYPE_BOOL,     /* value: 0 or 1 */
    JQW_TYPE_UINT,     /* value: itself; in whichever encoding */
    JQW_TYPE_NEGATIVE, /* an integer below 0; value: itself, as two's complement */
    JQW_TYPE_FLOAT,
    JQW_TYPE_STR,   /* value: bytes that follow, and are there */
    JQW_TYPE_BIN,   /* the same */
    JQW_TYPE_EXT,   /* the same, its type byte included */
    JQW_TYPE_ARRAY, /* value: elements that follow; no more than there are bytes */
    JQW_TYPE_MAP,   /* value: pairs that follow; each has two bytes at least */
};

struct jqw_token {
    enum jqw_type type;
    uint64_t value;
};

struct jqw_walk {
    const uint8_t *at;
    const uint8_t *end;
};

/* Reads the head of the next value and stands behind it: for STR, BIN and EXT before their bytes. With NONE it
 * has not moved. */
struct jqw_token jqw_walk_token(struct jqw_walk *walk);

/* True, and behind the head, if the next value is of this type; otherwise it has not moved. */
bool jqw_walk_typed(struct jqw_walk *walk, enum jqw_type type, uint64_t *value);

/* Steps over one whole value with at most `depth` arrays and maps in one another, and takes the number of its values off
 * *budget. False if it is malformed, too deep, or over the budget. */
bool jqw_walk_skip(struct jqw_walk *walk, uint32_t depth, uint32_t *budget);

/* True if the bytes are exactly one well-formed value within JQW_DEPTH_MAX and JQW_VALUES_MAX. */
bool jqw_walk_check(const uint8_t *bytes, size_t size);

static inline size_t jqw_walk_left(const struct jqw_walk *walk)
{
    return (size_t)(walk->end - walk->at);
}

/* The numbers that hot messages are made of: the small ones, and those with enough behind them to load eight bytes at once. */
static inline bool jqw_walk_uint(struct jqw_walk *walk, uint64_t *value)
{
    if (JQ_LIKELY(walk->at < walk->end && *walk->at < 0x80)) {
        *value = *walk->at++;
        return true;
    }
    if (JQ_LIKELY(jqw_walk_left(walk) > sizeof *value && *walk->at >= 0xcc && *walk->at <= 0xcf)) {
        unsigned width = 1U << (*walk->at - 0xcc);
        uint64_t big;
        memcpy(&big, walk->at + 1, sizeof big);
        *value = __builtin_bswap64(big) >> (64 - 8 * width);
        walk->at += 1 + width;
        return true;
    }
    return jqw_walk_typed(walk, JQW_TYPE_UINT, value);
}

static inline bool jqw_walk_nil(struct jqw_walk *walk)
{
    bool nil = walk->at < walk->end && *walk->at == 0xc0;
    walk->at += nil ? 1 : 0;
    return nil;
}

/* The short names that hot messages have. */
static inline bool jqw_walk_str(struct jqw_walk *walk, const uint8_t **data, uint64_t *size)
{
    bool fixed = walk->at < walk->end && (*walk->at & 0xe0) == 0xa0 && (*walk->at & 0x1f) < jqw_walk_left(walk);
    if (JQ_LIKELY(fixed))
        *size = *walk->at++ & 0x1f;
    else if (!jqw_walk_typed(walk, JQW_TYPE_STR, size))
        return false;
    *data = walk->at;
    walk->at += *size;
    return true;
}

static inline bool jqw_walk_array(struct jqw_walk *walk, uint64_t *count)
{
    bool fixed = walk->at < walk->end && (*walk->at & 0xf0) == 0x90 && (*walk->at & 0x0f) < jqw_walk_left(walk);
    if (JQ_LIKELY(fixed)) {
        *count = *walk->at++ & 0x0f;
        return true;
    }
    return jqw_walk_typed(walk, JQW_TYPE_ARRAY, count);
}

#endif
