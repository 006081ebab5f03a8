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
    BODY_MAX =
        STORE_CHUNK_SIZE / 48, /* and of one body of a durable queue: fewer of them alone cost less than together */
};

void store_limit(struct store *store, uint64_t bytes_max)
{
    store->bytes_max = bytes_max > 0 ? bytes_max : UINT64_MAX;
}

struct store *store_new(uint64_t bytes_max)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store_limit(store, bytes_max);
    store->resident_max = UINT64_MAX;
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    while (store->spare_count)
        free(store->spare[--store->spare_count]);
    store_table_free(store);
    free(store->chosen);
    free(store);
}

/* Gives an empty chunk back; memory of the common size is kept for the next. */
static void chunk_free(struct store *store, uint32_t index)
{
    const struct chunk *chunk = store_chunk(store, index);
    bool keeps = chunk->data && chunk->capacity == STORE_CHUNK_SIZE && store->spare_count < SPARE_MAX;
    if (keeps) {
        store->spare[store->spare_count++] = chunk->data;
    } else if (chunk->data) {
        store->totals.bytes -= chunk->capacity;
        store->totals.chunks--;
        free(chunk->data);
    }
    store_entry_give(store, index);
}

static bool limit_allows(struct store *store, size_t size)
{
    while (store->totals.bytes + size > store->bytes_max && store->spare_count) {
        free(store->spare[--store->spare_count]);
        store->totals.bytes -= STORE_CHUNK_SIZE;
        store->totals.chunks--;
    }
    return store->totals.bytes + size <= store->bytes_max;
}

/* Memory of a chunk, counted. NULL: there is none. */
static uint8_t *data_new(struct store *store, size_t size)
{
    if (size == STORE_CHUNK_SIZE && store->spare_count)
        return store->spare[--store->spare_count];
    uint8_t *data = limit_allows(store, size) ? malloc(size) : NULL;
    store->totals.bytes += data ? size : 0;
    store->totals.chunks += data != NULL;
    return data;
}

int store_chunk_new(struct store *store, enum store_kind kind, size_t size, uint32_t *index)
{
    struct chunk *chunk = store_entry_take(store, index);
    if (!chunk)
        return JQ_OVERLOADED;
    uint8_t *data = size ? data_new(store, size) : NULL;
    if (size && !data) {
        store_entry_give(store, *index);
        return JQ_OVERLOADED;
    }
    *chunk = (struct chunk){.data = data, .capacity = (uint32_t)size, .kind = (uint8_t)kind};
    if (kind == STORE_DURABLE && data)
        store_residence_begins(store, *index);
    return JQ_OK;
}

void store_chunk_settle(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_chunk(store, index);
    if (chunk->bodies > 0 || chunk->refs > 0 || chunk->holds > 0 || chunk->wanted || chunk->loading) {
        store_pack(store, index);
        return;
    }
    chunk->used = chunk->filled = chunk->safe = chunk->alive = 0;
    chunk->compacts = chunk->unreadable = false;
    store_pieces_forget(store, index);
    if (index == store->open[chunk->kind])
        return;
    if (chunk->kind == STORE_DURABLE)
        store_durable_ends(store, index);
    if (index == store->open_absent)
        store->open_absent = STORE_NONE;
    chunk_free(store, index);
}

/* Makes the open chunk one that has room. */
static int open_room(struct store *store, enum store_kind kind, size_t size)
{
    uint32_t index = store->open[kind];
    if (index != STORE_NONE && STORE_CHUNK_SIZE - store_chunk(store, index)->used >= size)
        return JQ_OK;
    if (kind == STORE_DURABLE)
        store_trim(store, STORE_CHUNK_SIZE);
    int code = store_chunk_new(store, kind, STORE_CHUNK_SIZE, &index);
    if (code != JQ_OK)
        return code;
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
    if (size <= SHARED_MAX && (kind == STORE_MEMORY || size / count <= STORE_BODY_MAX)) {
        code = open_room(store, kind, size);
        index = store->open[kind];
    } else {
        if (kind == STORE_DURABLE)
            store_trim(store, size);
        code = store_chunk_new(store, kind, size, &index);
    }
    if (code != JQ_OK)
        return code;
    struct chunk *into = store_chunk(store, index);
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
    if (store_packed(store, chunk))
        return false;
    const struct chunk *at = store_chunk(store, chunk);
    return chunk_here(at) && !store_piece_lost(at, offset, size);
}

bool store_ref(struct store *store, uint32_t chunk)
{
    struct chunk *at = store_unpack(store, chunk);
    if (!at)
        return false;
    JQ_ASSERT(at->bodies + (uint64_t)at->refs > 0 && at->refs < UINT32_MAX);
    at->refs++;
    return true;
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
    if (count == 0)
        return;
    if (store_packed(store, chunk)) {
        store->totals.bodies -= count;
        store->released += count;
        store_packed_release(store, chunk, count);
        return;
    }
    struct chunk *at = store_chunk(store, chunk);
    JQ_ASSERT(at->bodies >= count && count >= refused);
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
