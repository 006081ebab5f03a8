/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as bytes: little-endian of fixed size, and varints. It knows nothing of what they mean. */
#ifndef JOINQ_JOURNAL_BYTES_H
#define JOINQ_JOURNAL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BYTES_VARINT_MAX = 10 };

static inline void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static inline void put_u64(uint8_t *at, uint64_t value)
{
    put_u32(at, (uint32_t)value);
    put_u32(at + 4, (uint32_t)(value >> 32));
}

static inline uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t get_u64(const uint8_t *at)
{
    return get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

/* At most BYTES_VARINT_MAX bytes. Returns what follows. */
static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/* Bytes that are read, never beyond their end; once something was wrong all that follows is 0. */
struct bytes_in {
    const uint8_t *at, *end;
    bool wrong;
};

static inline size_t bytes_left(const struct bytes_in *in)
{
    return (size_t)(in->end - in->at);
}

static inline uint64_t get_varint(struct bytes_in *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    in->wrong = true;
    in->at = in->end;
    return 0;
}

/* NULL: there are not so many. */
static inline const uint8_t *get_bytes(struct bytes_in *in, uint64_t size)
{
    const uint8_t *at = in->at;
    if (size > bytes_left(in)) {
        in->wrong = true;
        in->at = in->end;
        return NULL;
    }
    in->at += size;
    return at;
}

#endif
