/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies that every load sends and verifies: a sequence number, and a piece of a pattern that depends on it. */
#ifndef JOINQ_BENCH_BODY_H
#define JOINQ_BENCH_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BODY_SIZE_MIN = 8, BODY_SIZE_MAX = 4096, BODY_SHIFTS = 64 };

struct body_pattern {
    uint8_t bytes[BODY_SIZE_MAX + BODY_SHIFTS];
};

static inline void body_pattern_init(struct body_pattern *pattern)
{
    uint32_t value = 1;
    for (size_t i = 0; i < sizeof pattern->bytes; i++) {
        value = value * 1664525 + 1013904223;
        pattern->bytes[i] = (uint8_t)(value >> 24);
    }
}

static inline void body_write(const struct body_pattern *pattern, uint64_t sequence, uint8_t *to, size_t size)
{
    memcpy(to, &sequence, sizeof sequence);
    memcpy(to + sizeof sequence, pattern->bytes + sequence % BODY_SHIFTS, size - sizeof sequence);
}

static inline uint64_t body_sequence(const uint8_t *body)
{
    uint64_t sequence;
    memcpy(&sequence, body, sizeof sequence);
    return sequence;
}

/* True if the body is whole, and the one of the sequence number in it. */
static inline bool body_verify(const struct body_pattern *pattern, const uint8_t *body, size_t size)
{
    if (size < sizeof(uint64_t))
        return false;
    const uint8_t *expected = pattern->bytes + body_sequence(body) % BODY_SHIFTS;
    return memcmp(body + sizeof(uint64_t), expected, size - sizeof(uint64_t)) == 0;
}

#endif
