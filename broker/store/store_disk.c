/* SPDX-License-Identifier: Apache-2.0 */
/* Which durable chunks are in memory. What was filled last is needed last and goes first; what was read goes when it has not been used
 * for longest, and only as much as half of the limit is kept for it while there is something else to go. So neither a long backlog
 * nor a reader far behind it makes the other read each chunk twice. */
#include "codes.h"
#include "store_inside.h"
#include <stdlib.h>

enum {
    LOADING_MAX = 2 * 1024 * 1024, /* bytes being read at once; one chunk is in any case */
    AHEAD_BYTES = 1024 * 1024,     /* that are read ahead of their turn, ... */
    AHEAD_MAX = 64,                /* ... in at most so many chunks, */
    AHEAD_PART = 8,                /* and at most one part in so many of the limit */
    LOOK_MAX = 4096,               /* chunks looked at for one that can go */
};

/* ---- lists ---- */

static struct chunk_list *list_of(struct store *store, const struct chunk *chunk)
{
    return chunk->loaded ? &store->loaded : &store->filled;
}

static void residence_add(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_chunk(store, index);
    struct chunk_list *list = list_of(store, chunk);
    chunk->newer = STORE_NONE;
    chunk->older = list->newest;
    if (list->newest != STORE_NONE)
        store_chunk(store, list->newest)->newer = index;
    else
        list->oldest = index;
    list->newest = index;
    store->totals.durable_bytes += chunk->capacity;
    store->loaded_bytes += chunk->loaded ? chunk->capacity : 0;
}

static void residence_remove(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_chunk(store, index);
    struct chunk_list *list = list_of(store, chunk);
    *(chunk->older != STORE_NONE ? &store_chunk(store, chunk->older)->newer : &list->oldest) = chunk->newer;
    *(chunk->newer != STORE_NONE ? &store_chunk(store, chunk->newer)->older : &list->newest) = chunk->older;
    chunk->older = chunk->newer = STORE_NONE;
    store->totals.durable_bytes -= chunk->capacity;
    store->loaded_bytes -= chunk->loaded ? chunk->capacity : 0;
}

void store_residence_begins(struct store *store, uint32_t index)
{
    residence_add(store, index);
}

void store_durable_ends(struct store *store, uint32_t index)
{
    if (store_chunk(store, index)->data)
        residence_remove(store, index);
    if (store->touched == index)
        store->touched = STORE_NONE;
}

/* ---- out of memory ---- */

static bool may_go(const struct store *store, uint32_t index)
{
    const struct chunk *chunk = store_chunk(store, index);
    return chunk->bodies && chunk->safe == chunk->filled && !chunk->refs && !chunk->compacts &&
           index != store->open[STORE_DURABLE];
}

static void evict(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_chunk(store, index);
    residence_remove(store, index);
    free(chunk->data);
    store->totals.bytes -= chunk->capacity;
    store->totals.chunks--;
    store->totals.evictions++;
    store->totals.absent_bytes += chunk->alive;
    chunk->data = NULL;
    chunk->capacity = 0;
    chunk->loaded = false;
    store_pieces_found(chunk);
    store_pieces_fit(store, chunk);
    store_pack(store, index);
}

bool store_evict_sparse(struct store *store, uint32_t index)
{
    bool may = store_chunk(store, index)->kind == STORE_DURABLE && may_go(store, index);
    if (may)
        evict(store, index);
    return may;
}

static bool evict_loaded(struct store *store)
{
    uint32_t index = store->loaded.oldest;
    for (int i = 0; i < LOOK_MAX && index != STORE_NONE; i++, index = store_chunk(store, index)->newer) {
        if (may_go(store, index)) {
            evict(store, index);
            return true;
        }
    }
    return false;
}

static bool evict_filled(struct store *store)
{
    uint32_t index = store->filled.newest;
    for (int i = 0; i < LOOK_MAX && index != STORE_NONE; i++, index = store_chunk(store, index)->older) {
        if (may_go(store, index)) {
            evict(store, index);
            return true;
        }
    }
    return false;
}

void store_trim(struct store *store, uint64_t more)
{
    bool some = true;
    while (some && store->totals.durable_bytes + store->loading_bytes + more > store->resident_max) {
        some = store->loaded_bytes > store->resident_max / 2 && evict_loaded(store);
        some = some || evict_filled(store) || evict_loaded(store);
    }
}

/* ---- back into it ---- */

static void want_add(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_chunk(store, index);
    if (chunk->wanted || chunk->loading)
        return;
    chunk->wanted = true;
    chunk->unreadable = false;
    chunk->next = STORE_NONE;
    if (store->wanted.last != STORE_NONE)
        store_chunk(store, store->wanted.last)->next = index;
    else
        store->wanted.first = index;
    store->wanted.last = index;
}

static uint32_t want_take(struct store *store)
{
    uint32_t index = store->wanted.first;
    struct chunk *chunk = store_chunk(store, index);
    store->wanted.first = chunk->next;
    if (chunk->next == STORE_NONE)
        store->wanted.last = STORE_NONE;
    chunk->next = STORE_NONE;
    chunk->wanted = false;
    return index;
}

static int load(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_chunk(store, index);
    store_trim(store, chunk->used);
    uint8_t *data = malloc(chunk->used);
    struct store_part *parts = data ? store_parts(chunk, data) : NULL;
    int code = parts ? JQ_OK : JQ_OVERLOADED;
    chunk->loading = true;
    chunk->data = data;
    store->loading_bytes += chunk->used;
    store->totals.bytes += chunk->used;
    if (code == JQ_OK)
        code = store->disk.read(store->disk.user, index, parts, chunk->piece_count);
    free(parts);
    return code;
}

static void load_over(struct store *store, uint32_t index, int code)
{
    struct chunk *chunk = store_chunk(store, index);
    JQ_ASSERT(chunk->loading);
    chunk->loading = false;
    store->loading_bytes -= chunk->used;
    store->totals.failures += chunk->lost > 0;
    if (code == JQ_OK) {
        chunk->capacity = chunk->used;
        chunk->loaded = true;
        residence_add(store, index);
        store->totals.chunks++;
        store->totals.loads++;
        store->totals.absent_bytes -= chunk->alive;
    } else {
        store->totals.bytes -= chunk->used;
        store->totals.failures += !chunk->lost;
        store_pieces_found(chunk);
        free(chunk->data);
        chunk->data = NULL;
        chunk->unreadable = true;
    }
    store_chunk_settle(store, index);
}

static void loads_go_on(struct store *store)
{
    while (store->wanted.first != STORE_NONE && store->disk.read &&
           (!store->loading_bytes || store->loading_bytes < LOADING_MAX)) {
        uint32_t index = want_take(store);
        const struct chunk *chunk = store_chunk(store, index);
        if (!chunk->bodies && !chunk->refs) {
            store_chunk_settle(store, index);
            continue;
        }
        int code = load(store, index);
        if (code != JQ_OK)
            load_over(store, index, code);
    }
}

void store_load_queue(struct store *store, uint32_t index)
{
    want_add(store, index);
    loads_go_on(store);
}

void store_loaded(struct store *store, uint32_t index, int code)
{
    const struct chunk *chunk = store_chunk(store, index);
    if (code == JQ_STORAGE && chunk->lost && chunk->lost < chunk->piece_count)
        code = JQ_OK; /* as far as it goes */
    load_over(store, index, code);
    loads_go_on(store);
    store_trim(store, 0);
}

bool store_unreadable(const struct store *store, uint32_t index, uint32_t offset, uint32_t size)
{
    if (store_entry(store, index)->kind != ENTRY_CHUNK)
        return false;
    const struct chunk *chunk = store_chunk(store, index);
    return chunk->unreadable || (chunk_here(chunk) && store_piece_lost(chunk, offset, size));
}

static bool ahead_add(struct store *store, uint32_t index)
{
    if (store_entry(store, index)->kind == ENTRY_FREE)
        return true;
    struct chunk *chunk = store_unpack(store, index);
    if (!chunk)
        return false;
    if (chunk->kind == STORE_DURABLE && !chunk->data && chunk->bodies && !chunk->unreadable)
        want_add(store, index);
    else
        store_pack(store, index);
    return true;
}

/* Neighbours in the table were mostly filled one after the other. */
static void want_ahead(struct store *store, uint32_t index)
{
    const uint64_t part = store->resident_max / AHEAD_PART, most = part < AHEAD_BYTES ? part : AHEAD_BYTES;
    struct chunk copy;
    struct piece piece;
    uint64_t bytes = 0;
    for (uint32_t i = index + 1; i - index <= AHEAD_MAX && i < store->table_size; i++) {
        bool some = store_entry(store, i)->kind != ENTRY_FREE;
        bytes += some ? store_look(store, i, &copy, &piece)->used : 0;
        if (bytes > most || !ahead_add(store, i))
            return;
    }
}

/* Who is used moves away from where those are that go next. What could not be read is tried again once nobody uses what could. */
void store_want(struct store *store, uint32_t index, uint32_t offset)
{
    struct chunk *chunk = store_unpack(store, index);
    if (chunk && chunk_here(chunk) && store_piece_lost(chunk, offset, 1) && may_go(store, index)) {
        evict(store, index);
        chunk = store_unpack(store, index);
    }
    if (!chunk || chunk->kind != STORE_DURABLE || (chunk_here(chunk) && index == store->touched))
        return;
    if (!chunk->data) {
        want_add(store, index);
    } else if (chunk->loaded) {
        residence_remove(store, index);
        residence_add(store, index);
    }
    store->touched = index;
    want_ahead(store, index);
    loads_go_on(store);
}

void store_disk(struct store *store, const struct store_disk *disk, uint64_t resident_max)
{
    store->disk = *disk;
    store->resident_max = resident_max > 0 ? resident_max : UINT64_MAX;
}

void store_resident_max(struct store *store, uint64_t bytes)
{
    store->resident_max = bytes;
    store_trim(store, 0);
}
