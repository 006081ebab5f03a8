/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in memory. Small batches fill a shared, open chunk from the front, so that a million small puts cost no more than their
 * bytes; a large one gets a chunk of exactly its size. A chunk goes when its last body is released and its last ref let go; a few
 * spare ones are kept for the next, still warm in the cache. The store knows neither queues nor connections. */
#include "store.h"
#include "codes.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHARED_MAX = STORE_CHUNK_SIZE / 8, /* bytes of a batch in a shared chunk: at most a ninth of one stays empty */
    SPARE_MAX = 16,                    /* empty shared chunks kept */
    TABLE_FIRST = 64,                  /* entries of the first table */
    NONE = 0,                          /* chunk 0 is never used */
    COMPACT_MIN = 4 * 1024 * 1024,     /* bytes below which nothing is compacted */
    COMPACT_RELEASED = 4096,           /* bodies released before it is looked again, beside as many as there are */
    SPARSE = 4,                        /* one part in so many alive: worth emptying */
};

struct chunk {
    uint8_t *data; /* NULL: the entry is free */
    uint32_t capacity;
    uint32_t used;
    uint32_t bodies;
    uint32_t filled; /* bodies that it was ever filled with */
    uint32_t refs;
    bool compacts; /* chosen to be emptied */
    uint32_t next; /* free entries and spare chunks: the next one of the list */
};

struct store {
    struct chunk *table;
    uint32_t table_size;
    uint32_t free_entries; /* list of entries without data */
    uint32_t spare;        /* list of empty shared chunks */
    uint32_t spare_count;
    uint32_t open; /* the shared chunk that is being filled, or NONE */
    uint64_t bytes_max;
    uint64_t released; /* bodies, since it was last looked whether compaction is worth while */
    struct store_totals totals;
};

struct store *store_new(uint64_t bytes_max)
{
    struct store *store = calloc(1, sizeof *store);
    if (store)
        store->bytes_max = bytes_max > 0 ? bytes_max : UINT64_MAX;
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    for (uint32_t i = 0; i < store->table_size; i++)
        free(store->table[i].data);
    free(store->table);
    free(store);
}

static struct chunk *chunk_at(const struct store *store, uint32_t index)
{
    JQ_ASSERT(index != NONE && index < store->table_size && store->table[index].data);
    return &store->table[index];
}

static int table_grow(struct store *store)
{
    uint32_t size = store->table_size > 0 ? store->table_size * 2 : TABLE_FIRST;
    struct chunk *table = size > store->table_size ? realloc(store->table, size * sizeof *table) : NULL;
    if (!table)
        return JQ_OVERLOADED;
    memset(table + store->table_size, 0, (size - store->table_size) * sizeof *table);
    for (uint32_t i = size - 1; i >= store->table_size && i != NONE; i--) {
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
    struct chunk *chunk = chunk_at(store, index);
    store->totals.bytes -= chunk->capacity;
    store->totals.chunks--;
    free(chunk->data);
    *chunk = (struct chunk){.next = store->free_entries};
    store->free_entries = index;
}

static uint32_t spare_take(struct store *store)
{
    uint32_t index = store->spare;
    if (index != NONE) {
        store->spare = store->table[index].next;
        store->spare_count--;
    }
    return index;
}

static bool limit_allows(struct store *store, size_t size)
{
    while (store->totals.bytes + size > store->bytes_max && store->spare != NONE)
        chunk_free(store, spare_take(store));
    return store->totals.bytes + size <= store->bytes_max;
}

static int chunk_new(struct store *store, size_t size, uint32_t *index)
{
    if (!limit_allows(store, size))
        return JQ_OVERLOADED;
    if (store->free_entries == NONE && table_grow(store) != JQ_OK)
        return JQ_OVERLOADED;
    uint8_t *data = malloc(size);
    if (!data)
        return JQ_OVERLOADED;
    *index = store->free_entries;
    struct chunk *chunk = &store->table[*index];
    store->free_entries = chunk->next;
    *chunk = (struct chunk){.data = data, .capacity = (uint32_t)size};
    store->totals.bytes += size;
    store->totals.chunks++;
    return JQ_OK;
}

/* What to do with a chunk that may have become empty. */
static void chunk_settle(struct store *store, uint32_t index)
{
    struct chunk *chunk = &store->table[index];
    if (chunk->bodies > 0 || chunk->refs > 0)
        return;
    chunk->used = chunk->filled = 0;
    chunk->compacts = false;
    if (index == store->open)
        return;
    if (chunk->capacity != STORE_CHUNK_SIZE || store->spare_count >= SPARE_MAX) {
        chunk_free(store, index);
        return;
    }
    chunk->next = store->spare;
    store->spare = index;
    store->spare_count++;
}

/* Makes the open chunk one that has room. */
static int open_room(struct store *store, size_t size)
{
    if (store->open != NONE && STORE_CHUNK_SIZE - store->table[store->open].used >= size)
        return JQ_OK;
    uint32_t index = spare_take(store);
    int code = index != NONE ? JQ_OK : chunk_new(store, STORE_CHUNK_SIZE, &index);
    if (code == JQ_OK)
        store->open = index; /* the old one holds bodies: an empty one has room */
    return code;
}

int store_append(struct store *store, const void *bytes, size_t size, uint32_t count, uint32_t *chunk, uint32_t *offset)
{
    JQ_ASSERT(size > 0 && size <= UINT32_MAX && count > 0);
    uint32_t index = NONE;
    int code;
    if (size <= SHARED_MAX) {
        code = open_room(store, size);
        index = store->open;
    } else {
        code = chunk_new(store, size, &index);
    }
    if (code != JQ_OK)
        return code;
    struct chunk *into = &store->table[index];
    memcpy(into->data + into->used, bytes, size);
    *chunk = index;
    *offset = into->used;
    into->used += (uint32_t)size;
    into->bodies += count;
    into->filled += count;
    store->totals.bodies += count;
    return JQ_OK;
}

const uint8_t *store_at(const struct store *store, uint32_t chunk, uint32_t offset)
{
    const struct chunk *at = chunk_at(store, chunk);
    JQ_ASSERT(offset < at->used);
    return at->data + offset;
}

void store_ref(struct store *store, uint32_t chunk)
{
    struct chunk *at = chunk_at(store, chunk);
    JQ_ASSERT(at->bodies + (uint64_t)at->refs > 0 && at->refs < UINT32_MAX);
    at->refs++;
}

void store_unref(struct store *store, uint32_t chunk)
{
    struct chunk *at = chunk_at(store, chunk);
    JQ_ASSERT(at->refs > 0);
    at->refs--;
    chunk_settle(store, chunk);
}

void store_release(struct store *store, uint32_t chunk, uint32_t count)
{
    struct chunk *at = chunk_at(store, chunk);
    JQ_ASSERT(at->bodies >= count);
    at->bodies -= count;
    store->totals.bodies -= count;
    store->released += count;
    chunk_settle(store, chunk);
}

/* ---- compaction ---- */

/* About how many of its bytes are alive. */
static uint64_t chunk_alive(const struct chunk *chunk)
{
    return chunk->filled ? (uint64_t)chunk->used * chunk->bodies / chunk->filled : 0;
}

static bool chunk_sparse(const struct store *store, uint32_t index)
{
    const struct chunk *chunk = &store->table[index];
    return chunk->data && index != store->open && chunk->bodies && chunk_alive(chunk) * SPARSE < chunk->capacity;
}

bool store_compact_begin(struct store *store)
{
    if (store->totals.bytes < COMPACT_MIN || store->released < store->totals.bodies + COMPACT_RELEASED)
        return false;
    store->released = 0;
    uint64_t gain = 0;
    for (uint32_t i = 0; i < store->table_size; i++) {
        if (chunk_sparse(store, i))
            gain += store->table[i].capacity - chunk_alive(&store->table[i]);
    }
    if (gain < store->totals.bytes / SPARSE)
        return false;
    for (uint32_t i = 0; i < store->table_size; i++)
        store->table[i].compacts = chunk_sparse(store, i);
    return true;
}

bool store_compacts(const struct store *store, uint32_t chunk)
{
    return chunk_at(store, chunk)->compacts;
}

int store_copy(struct store *store, uint32_t from_chunk, uint32_t from_offset, size_t size, uint32_t *chunk,
               uint32_t *offset)
{
    const uint64_t max = store->bytes_max;
    store->bytes_max = UINT64_MAX;
    int code = store_append(store, store_at(store, from_chunk, from_offset), size, 1, chunk, offset);
    store->bytes_max = max;
    return code;
}

void store_compact_end(struct store *store)
{
    for (uint32_t i = 0; i < store->table_size; i++)
        store->table[i].compacts = false;
}

void store_totals(const struct store *store, struct store_totals *out)
{
    *out = store->totals;
}
