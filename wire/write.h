/* SPDX-License-Identifier: Apache-2.0 */
/* Writes msgpack values in their shortest form to a place where there is room: the caller has reserved it. Internal
 * to wire/. */
#ifndef JOINQ_WIRE_WRITE_H
#define JOINQ_WIRE_WRITE_H

#include "base.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    JQW_WRITE_MAX = 9, /* bytes of a number, and of the head of anything, at most */
};

static inline uint8_t *jqw_write_head(uint8_t *to, uint8_t head, uint64_t value, unsigned width)
{
    uint64_t big = __builtin_bswap64(value << (64 - 8 * width));
    *to = head;
    memcpy(to + 1, &big, width);
    return to + 1 + width;
}

static inline uint8_t *jqw_write_uint(uint8_t *to, uint64_t value)
{
    if (value < 0x80) {
        *to = (uint8_t)value;
        return to + 1;
    }
    if (value <= UINT8_MAX)
        return jqw_write_head(to, 0xcc, value, 1);
    if (value <= UINT16_MAX)
        return jqw_write_head(to, 0xcd, value, 2);
    if (value <= UINT32_MAX)
        return jqw_write_head(to, 0xce, value, 4);
    return jqw_write_head(to, 0xcf, value, 8);
}

static inline uint8_t *jqw_write_int(uint8_t *to, int64_t value)
{
    if (value >= 0)
        return jqw_write_uint(to, (uint64_t)value);
    if (value >= -32)
        return *to = (uint8_t)value, to + 1;
    if (value >= INT8_MIN)
        return jqw_write_head(to, 0xd0, (uint8_t)value, 1);
    if (value >= INT16_MIN)
        return jqw_write_head(to, 0xd1, (uint16_t)value, 2);
    if (value >= INT32_MIN)
        return jqw_write_head(to, 0xd2, (uint32_t)value, 4);
    return jqw_write_head(to, 0xd3, (uint64_t)value, 8);
}

static inline uint8_t *jqw_write_array(uint8_t *to, uint32_t count)
{
    if (count < 16) {
        *to = (uint8_t)(0x90 | count);
        return to + 1;
    }
    return count <= UINT16_MAX ? jqw_write_head(to, 0xdc, count, 2) : jqw_write_head(to, 0xdd, count, 4);
}

static inline uint8_t *jqw_write_map(uint8_t *to, uint32_t count)
{
    if (count < 16) {
        *to = (uint8_t)(0x80 | count);
        return to + 1;
    }
    return count <= UINT16_MAX ? jqw_write_head(to, 0xde, count, 2) : jqw_write_head(to, 0xdf, count, 4);
}

static inline uint8_t *jqw_write_str_head(uint8_t *to, uint32_t size)
{
    if (size < 32) {
        *to = (uint8_t)(0xa0 | size);
        return to + 1;
    }
    if (size <= UINT8_MAX)
        return jqw_write_head(to, 0xd9, size, 1);
    return size <= UINT16_MAX ? jqw_write_head(to, 0xda, size, 2) : jqw_write_head(to, 0xdb, size, 4);
}

static inline uint8_t *jqw_write_bin_head(uint8_t *to, uint32_t size)
{
    if (size <= UINT8_MAX)
        return jqw_write_head(to, 0xc4, size, 1);
    return size <= UINT16_MAX ? jqw_write_head(to, 0xc5, size, 2) : jqw_write_head(to, 0xc6, size, 4);
}

static inline uint8_t *jqw_write_byte(uint8_t *to, uint8_t byte)
{
    *to = byte;
    return to + 1;
}

#endif
