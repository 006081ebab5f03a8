/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks and bodies. Small batches fill a shared, open chunk from the front, so that a million small puts cost no more than their
 * bytes; a large one gets a chunk of exactly its size. A chunk goes when its last body is released and its last ref let go; a few
 * spare ones are kept for the next, still warm in the cache. */
#include "codes.h"
#include "store_inside.h"
#include <stdlib.h>
#include <string.h>

enum {
    SHARED_MAX = STORE_CHUNK_SIZE / 8, /* bytes of a batch in a shared chunk: at most a ninth of one stays empty */
    SPARE_MAX = 16,                    /* empty shared chunks kept */
    TABLE_FIRST = 64,                  /* entries of the first table */
};

struct store *store_new(uint64_t bytes_max)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->bytes_max = bytes_max > 0 ? bytes_max : UINT64_MAX;
    store->resident_max = UINT64_MAX;
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    for (uint32_t i = 0; i < store->table_size; i++) {
        free(store->table[i].data);
        free(store->table[i].pieces);
    }
    free(store->table);
    free(store);
}

static int table_grow(struct store *store)
{
    uint32_t size = store->table_size > 0 ? store->table_size * 2 : TABLE_FIRST;
    struct chunk *table = size > store->table_size ? realloc(store->table, size * sizeof *table) : NULL;
    if (!table)
        return JQ_OVERLOADED;
    memset(table + store->table_size, 0, (size - store->table_size) * sizeof *table);
    for (uint32_t i = size - 1; i >= store->table_size && i != STORE_NONE; i--) {
        table[i].next = store->free_entries;
        store->free_entries = i;
    }
    store->table = table;
    store->table_size = size;
    return JQ_OK;
}

/* Gives the memory of an empty chunk back. */
static void chunk_free(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_chunk(store, index);
    if (chunk->data) {
        store->totals.bytes -= chunk->capacity;
        store->totals.chunks--;
    }
    free(chunk->data);
    *chunk = (struct chunk){.next = store->free_entries};
    store->free_entries = index;
}

static uint32_t spare_take(struct store *store)
{
    uint32_t index = store->spare;
    if (index != STORE_NONE) {
        store->spare = store->table[index].next;
        store->spare_count--;
    }
    return index;
}

static bool limit_allows(struct store *store, size_t size)
{
    while (store->totals.bytes + size > store->bytes_max && store->spare != STORE_NONE)
        chunk_free(store, spare_take(store));
    return store->totals.bytes + size <= store->bytes_max;
}

int store_chunk_new(struct store *store, enum store_kind kind, size_t size, uint32_t *index)
{
    if (size && !limit_allows(store, size))
        return JQ_OVERLOADED;
    if (store->free_entries == STORE_NONE && table_grow(store) != JQ_OK)
        return JQ_OVERLOADED;
    uint8_t *data = size ? malloc(size) : NULL;
    if (size && !data)
        return JQ_OVERLOADED;
    *index = store->free_entries;
    struct chunk *chunk = &store->table[*index];
    store->free_entries = chunk->next;
    *chunk = (struct chunk){.data = data, .capacity = (uint32_t)size, .kind = (uint8_t)kind, .taken = true};
    store->totals.bytes += size;
    store->totals.chunks += size != 0;
    if (kind == STORE_DURABLE)
        store_durable_begins(store, *index);
    return JQ_OK;
}

void store_chunk_settle(struct store *store, uint32_t index)
{
    struct chunk *chunk = &store->table[index];
    if (chunk->bodies > 0 || chunk->refs > 0 || chunk->holds > 0 || chunk->wanted || chunk->loading)
        return;
    chunk->used = chunk->filled = chunk->safe = chunk->alive = 0;
    chunk->compacts = chunk->unreadable = false;
    store_pieces_forget(store, index);
    if (index == store->open[chunk->kind])
        return;
    if (chunk->kind == STORE_DURABLE)
        store_durable_ends(store, index);
    if (index == store->open_absent)
        store->open_absent = STORE_NONE;
    if (chunk->capacity != STORE_CHUNK_SIZE || !chunk->data || store->spare_count >= SPARE_MAX) {
        chunk_free(store, index);
        return;
    }
    chunk->next = store->spare;
    store->spare = index;
    store->spare_count++;
}

/* Makes the open chunk one that has room. */
static int open_room(struct store *store, enum store_kind kind, size_t size)
{
    uint32_t index = store->open[kind];
    if (index != STORE_NONE && STORE_CHUNK_SIZE - store->table[index].used >= size)
        return JQ_OK;
    if (kind == STORE_DURABLE)
        store_trim(store, STORE_CHUNK_SIZE);
    index = spare_take(store);
    if (index != STORE_NONE) {
        store->table[index].kind = (uint8_t)kind;
        store->table[index].next = STORE_NONE;
        if (kind == STORE_DURABLE)
            store_durable_begins(store, index);
    } else {
        int code = store_chunk_new(store, kind, STORE_CHUNK_SIZE, &index);
        if (code != JQ_OK)
            return code;
    }
    uint32_t full = store->open[kind];
    store->open[kind] = index;
    if (full != STORE_NONE)
        store_chunk_settle(store, full);
    return JQ_OK;
}

int store_append(struct store *store, enum store_kind kind, const void *bytes, size_t size, uint32_t count,
                 uint32_t *chunk, uint32_t *offset)
{
    JQ_ASSERT(size > 0 && size <= UINT32_MAX && count > 0);
    uint32_t index = STORE_NONE;
    int code;
    if (size <= SHARED_MAX) {
        code = open_room(store, kind, size);
        index = store->open[kind];
    } else {
        if (kind == STORE_DURABLE)
            store_trim(store, size);
        code = store_chunk_new(store, kind, size, &index);
    }
    if (code != JQ_OK)
        return code;
    struct chunk *into = &store->table[index];
    memcpy(into->data + into->used, bytes, size);
    *chunk = index;
    *offset = into->used;
    into->used += (uint32_t)size;
    into->alive += (uint32_t)size;
    into->bodies += count;
    into->filled += count;
    store->totals.bodies += count;
    return JQ_OK;
}

const uint8_t *store_at(const struct store *store, uint32_t chunk, uint32_t offset)
{
    const struct chunk *at = store_chunk(store, chunk);
    JQ_ASSERT(chunk_here(at) && offset < at->used);
    return at->data + offset;
}

bool store_resident(const struct store *store, uint32_t chunk, uint32_t offset, uint32_t size)
{
    const struct chunk *at = store_chunk(store, chunk);
    return chunk_here(at) && !store_piece_lost(at, offset, size);
}

void store_ref(struct store *store, uint32_t chunk)
{
    struct chunk *at = store_chunk(store, chunk);
    JQ_ASSERT(at->bodies + (uint64_t)at->refs > 0 && at->refs < UINT32_MAX);
    at->refs++;
}

void store_unref(struct store *store, uint32_t chunk)
{
    struct chunk *at = store_chunk(store, chunk);
    JQ_ASSERT(at->refs > 0);
    at->refs--;
    store_chunk_settle(store, chunk);
    store_trim(store, 0);
}

void store_hold(struct store *store, uint32_t chunk)
{
    store_chunk(store, chunk)->holds++;
}

void store_drop(struct store *store, uint32_t chunk)
{
    struct chunk *at = store_chunk(store, chunk);
    JQ_ASSERT(at->holds > 0);
    at->holds--;
    store_chunk_settle(store, chunk);
}

void store_release(struct store *store, uint32_t chunk, uint32_t count, uint32_t refused)
{
    struct chunk *at = store_chunk(store, chunk);
    JQ_ASSERT(at->bodies >= count && count >= refused);
    if (count == 0)
        return;
    uint32_t gone = (uint32_t)((uint64_t)at->alive * count / at->bodies);
    if (!chunk_here(at))
        store->totals.absent_bytes -= gone;
    at->alive -= gone;
    at->bodies -= count;
    at->safe += refused;
    store->totals.bodies -= count;
    store->released += count;
    store_chunk_settle(store, chunk);
}

void store_totals(const struct store *store, struct store_totals *out)
{
    *out = store->totals;
}
