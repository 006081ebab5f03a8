/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of one size, by index or address, in blocks that stay where they are. Taking one that was reserved cannot fail. */
#ifndef JOINQ_ENGINE_POOL_H
#define JOINQ_ENGINE_POOL_H

#include "base.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POOL_BLOCK = 128 };

struct pool {
    size_t item_size;
    uint8_t **block;
    uint32_t block_count, block_capacity;
    uint32_t *free_index; /* a stack */
    uint32_t free_count;
};

JQ_MUST_USE bool pool_reserve(struct pool *pool, uint32_t count); /* so many takes will succeed */
void *pool_take(struct pool *pool, uint32_t *index);              /* zeroed */
void pool_give(struct pool *pool, uint32_t index);
void pool_fini(struct pool *pool);

static inline void *pool_at(const struct pool *pool, uint32_t index)
{
    return pool->block[index / POOL_BLOCK] + (size_t)(index % POOL_BLOCK) * pool->item_size;
}
static inline uint64_t pool_used(const struct pool *pool)
{
    return (uint64_t)pool->block_count * POOL_BLOCK - pool->free_count;
}

#endif
