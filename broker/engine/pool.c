/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of one size: see pool.h. It knows nothing of what it holds. */
#include "pool.h"
#include <stdlib.h>
#include <string.h>

static bool pool_widen(struct pool *pool)
{
    if (pool->block_count < pool->block_capacity)
        return true;
    uint32_t capacity = pool->block_capacity ? 2 * pool->block_capacity : 4;
    uint8_t **block = realloc(pool->block, capacity * sizeof(uint8_t *));
    if (!block)
        return false;
    pool->block = block;
    uint32_t *free_index = realloc(pool->free_index, (size_t)capacity * POOL_BLOCK * sizeof(uint32_t));
    if (!free_index)
        return false;
    pool->free_index = free_index;
    pool->block_capacity = capacity;
    return true;
}

bool pool_reserve(struct pool *pool, uint32_t count)
{
    while (JQ_UNLIKELY(pool->free_count < count)) {
        if (!pool_widen(pool))
            return false;
        uint8_t *block = malloc(POOL_BLOCK * pool->item_size);
        if (!block)
            return false;
        uint32_t first = pool->block_count * POOL_BLOCK;
        pool->block[pool->block_count++] = block;
        for (uint32_t i = POOL_BLOCK; i-- > 0;)
            pool->free_index[pool->free_count++] = first + i;
    }
    return true;
}

void *pool_take(struct pool *pool, uint32_t *index)
{
    JQ_ASSERT(pool->free_count > 0);
    *index = pool->free_index[--pool->free_count];
    return memset(pool_at(pool, *index), 0, pool->item_size);
}

void pool_give(struct pool *pool, uint32_t index)
{
    pool->free_index[pool->free_count++] = index;
}

void pool_fini(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->block_count; i++)
        free(pool->block[i]);
    free(pool->block);
    free(pool->free_index);
    *pool = (struct pool){.item_size = pool->item_size};
}
