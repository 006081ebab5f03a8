/* SPDX-License-Identifier: Apache-2.0 */
/* Priorities that are bytes: each that is in use has a number, its level, so that a message has only that. Level 0 is the empty
 * one. They compare bytewise, a beginning of another before it. */
#ifndef JOINQ_ENGINE_LEVELS_H
#define JOINQ_ENGINE_LEVELS_H

#include "engine.h"

struct level;

struct levels {
    struct level **item; /* by number less 1; NULL: free */
    uint32_t count, capacity;
    uint32_t *free_number; /* a stack, with room for all */
    uint32_t free_count;
    struct level *by_bytes;
};

/* The level of these bytes, in use by `uses` more. False: no memory. */
JQ_MUST_USE bool levels_take(struct levels *levels, struct engine_text bytes, uint32_t uses, uint64_t *out);
void levels_give(struct levels *levels, uint64_t level, uint32_t uses);
bool levels_before(const struct levels *levels, uint64_t a, uint64_t b);
struct engine_text levels_bytes(const struct levels *levels, uint64_t level);
uint64_t levels_uses(const struct levels *levels); /* of all levels together */
void levels_fini(struct levels *levels);

#endif
