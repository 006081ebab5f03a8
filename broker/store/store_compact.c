/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of which little is left alive. Those of durable queues are not copied for memory's sake: they go from it, and come back. */
#include "codes.h"
#include "store_inside.h"
#include <stdlib.h>

enum {
    COMPACT_MIN = 4 * 1024 * 1024, /* bytes below which nothing is compacted */
    COMPACT_RELEASED = 4096,       /* bodies released before it is looked again, beside as many as there are */
    SPARSE = 4,                    /* one part in so many alive: worth emptying */
};

static bool chunk_sparse(const struct store *store, uint32_t index)
{
    if (store_entry(store, index)->kind != ENTRY_CHUNK)
        return false;
    const struct chunk *chunk = store_chunk(store, index);
    return chunk_here(chunk) && index != store->open[chunk->kind] && chunk->bodies &&
           (uint64_t)chunk->alive * SPARSE < chunk->capacity;
}

bool store_choose(struct store *store, uint32_t index)
{
    if (store->chosen_count == store->chosen_capacity) {
        uint32_t capacity = store->chosen_capacity ? 2 * store->chosen_capacity : 64;
        uint32_t *chosen = realloc(store->chosen, capacity * sizeof *chosen);
        if (!chosen)
            return false;
        store->chosen = chosen;
        store->chosen_capacity = capacity;
    }
    store->chosen[store->chosen_count++] = index;
    return store_chunk(store, index)->compacts = true;
}

bool store_compact_begin(struct store *store)
{
    if (store->totals.bytes < COMPACT_MIN || store->released < store->totals.bodies + COMPACT_RELEASED)
        return false;
    store->released = 0;
    uint64_t gain = 0;
    for (uint32_t i = 1; i < store->table_size; i++) {
        if (!chunk_sparse(store, i) || store_evict_sparse(store, i))
            continue;
        const struct chunk *chunk = store_chunk(store, i);
        if (chunk->kind == STORE_MEMORY)
            gain += chunk->capacity - chunk->alive;
    }
    if (gain < store->totals.bytes / SPARSE)
        return false;
    for (uint32_t i = 1; i < store->table_size; i++) {
        if (chunk_sparse(store, i) && store_chunk(store, i)->kind == STORE_MEMORY)
            (void)store_choose(store, i);
    }
    return true;
}

bool store_compacts(const struct store *store, uint32_t chunk, uint32_t offset)
{
    return !store_packed(store, chunk) && store_chunk(store, chunk)->compacts &&
           store_resident(store, chunk, offset, 1);
}

int store_copy(struct store *store, enum store_kind kind, uint32_t from_chunk, uint32_t from_offset, size_t size,
               uint32_t *chunk, uint32_t *offset)
{
    const uint64_t max = store->bytes_max;
    store->bytes_max = UINT64_MAX;
    store_chunk(store, from_chunk)->refs++; /* room for the copy is not to be made there */
    int code = store_append(store, kind, store_at(store, from_chunk, from_offset), size, 1, chunk, offset);
    store_chunk(store, from_chunk)->refs--;
    store->bytes_max = max;
    return code;
}

void store_compact_end(struct store *store)
{
    while (store->chosen_count) {
        uint32_t index = store->chosen[--store->chosen_count];
        struct chunk *chunk = store_entry(store, index)->kind == ENTRY_CHUNK ? store_chunk(store, index) : NULL;
        if (!chunk || !chunk->compacts)
            continue;
        chunk->compacts = false;
        store_chunk_settle(store, index);
    }
    free(store->chosen);
    store->chosen = NULL;
    store->chosen_capacity = store->chosen_ready = 0;
}
