/* SPDX-License-Identifier: Apache-2.0 */
/* The table of handles. What is not in memory, lies in the log in one run and is used by nobody takes no more than its entry: a large
 * body mostly has a chunk of its own. Free entries are used again in the order in which they became free, so that neighbours in the
 * table were mostly filled one after the other. */
#include "codes.h"
#include "store_inside.h"
#include <stdlib.h>
#include <string.h>

enum { PARTS = 255, BODIES_MAX = (1 << 24) - 1, USED_MAX = (1 << 28) - 1 };

static void entry_point(struct entry *entry, struct chunk *chunk)
{
    memcpy(entry->words, &chunk, sizeof chunk);
    entry->kind = ENTRY_CHUNK;
}

static void free_add(struct store *store, uint32_t index)
{
    struct entry *entry = store_entry(store, index);
    *entry = (struct entry){.kind = ENTRY_FREE};
    if (store->free_last != STORE_NONE)
        store_entry(store, store->free_last)->words[0] = index;
    else
        store->free_first = index;
    store->free_last = index;
}

static bool table_grow(struct store *store)
{
    if (store->table_size > UINT32_MAX - TABLE_BLOCK)
        return false;
    uint32_t count = store->table_size / TABLE_BLOCK;
    if ((count & (count - 1)) == 0) {
        struct entry **table = realloc(store->table, (count ? 2 * (size_t)count : 1) * sizeof *table);
        if (!table)
            return false;
        store->table = table;
    }
    store->table[count] = calloc(TABLE_BLOCK, sizeof **store->table);
    if (!store->table[count])
        return false;
    store->table_size += TABLE_BLOCK;
    for (uint32_t i = count ? 0 : 1; i < TABLE_BLOCK; i++)
        free_add(store, count * TABLE_BLOCK + i);
    return true;
}

struct chunk *store_entry_take(struct store *store, uint32_t *index)
{
    if (store->free_first == STORE_NONE && !table_grow(store))
        return NULL;
    struct chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk)
        return NULL;
    *index = store->free_first;
    struct entry *entry = store_entry(store, *index);
    store->free_first = entry->words[0];
    if (store->free_first == STORE_NONE)
        store->free_last = STORE_NONE;
    entry_point(entry, chunk);
    return chunk;
}

void store_entry_give(struct store *store, uint32_t index)
{
    if (store_entry(store, index)->kind == ENTRY_CHUNK)
        free(store_chunk(store, index));
    else
        store->totals.bytes -= sizeof(struct entry);
    free_add(store, index);
}

void store_table_free(struct store *store)
{
    for (uint32_t i = 1; i < store->table_size; i++) {
        if (store_entry(store, i)->kind != ENTRY_CHUNK)
            continue;
        struct chunk *chunk = store_chunk(store, i);
        free(chunk->data);
        free(chunk->pieces);
        free(chunk);
    }
    for (uint32_t i = 0; i < store->table_size / TABLE_BLOCK; i++)
        free(store->table[i]);
    free(store->table);
}

/* ---- entries alone ---- */

static uint32_t packed_alive(const struct entry *entry)
{
    return (uint32_t)((uint64_t)entry->used * entry->part / PARTS);
}

static bool may_pack(const struct store *store, uint32_t index)
{
    const struct chunk *chunk = store_chunk(store, index);
    const struct piece *piece = chunk->pieces;
    bool used = chunk->refs || chunk->holds || chunk->wanted || chunk->loading || chunk->compacts ||
                index == store->open_absent || index == store->open[STORE_DURABLE];
    return chunk->kind == STORE_DURABLE && !chunk->data && !chunk->unreadable && !used && chunk->bodies &&
           chunk->safe == chunk->filled && chunk->piece_count == 1 && piece->offset == 0 &&
           piece->size == chunk->used && chunk->used <= USED_MAX && chunk->bodies <= BODIES_MAX &&
           chunk->segment <= UINT32_MAX;
}

void store_pack(struct store *store, uint32_t index)
{
    if (!may_pack(store, index))
        return;
    struct chunk *chunk = store_chunk(store, index);
    struct entry *entry = store_entry(store, index);
    *entry = (struct entry){.words = {(uint32_t)chunk->segment, chunk->pieces->at, chunk->pieces->crc},
                            .used = chunk->used & USED_MAX,
                            .kind = ENTRY_PACKED,
                            .bodies = chunk->bodies & BODIES_MAX,
                            .part = (uint64_t)chunk->alive * PARTS / chunk->used & PARTS};
    store->totals.absent_bytes -= chunk->alive;
    store->totals.absent_bytes += packed_alive(entry);
    store->totals.bytes -= (uint64_t)chunk->piece_capacity * sizeof *chunk->pieces;
    store->totals.bytes += sizeof *entry;
    free(chunk->pieces);
    free(chunk);
}

const struct chunk *store_look(const struct store *store, uint32_t index, struct chunk *copy, struct piece *piece)
{
    const struct entry *entry = store_entry(store, index);
    if (entry->kind == ENTRY_CHUNK)
        return store_chunk(store, index);
    JQ_ASSERT(entry->kind == ENTRY_PACKED);
    *piece =
        (struct piece){.size = entry->used, .at = entry->words[1], .crc = entry->words[2], .segment = PIECE_SEGMENTS};
    *copy = (struct chunk){.pieces = piece,
                           .piece_count = 1,
                           .piece_capacity = 1,
                           .segment = entry->words[0],
                           .end = entry->words[1] + entry->used,
                           .used = entry->used,
                           .alive = packed_alive(entry),
                           .bodies = entry->bodies,
                           .filled = entry->bodies,
                           .safe = entry->bodies,
                           .kind = STORE_DURABLE};
    return copy;
}

struct chunk *store_unpack(struct store *store, uint32_t index)
{
    if (store_entry(store, index)->kind == ENTRY_CHUNK)
        return store_chunk(store, index);
    struct chunk *chunk = malloc(sizeof *chunk);
    struct piece *piece = malloc(sizeof *piece);
    if (!chunk || !piece) {
        free(chunk);
        free(piece);
        return NULL;
    }
    (void)store_look(store, index, chunk, piece);
    store->totals.bytes += sizeof *piece;
    store->totals.bytes -= sizeof(struct entry);
    entry_point(store_entry(store, index), chunk);
    return chunk;
}

/* Of one that is packed. */
void store_packed_release(struct store *store, uint32_t index, uint32_t count)
{
    struct entry *entry = store_entry(store, index);
    uint32_t alive = packed_alive(entry);
    JQ_ASSERT(entry->bodies >= count);
    entry->part = (uint64_t)entry->part * (entry->bodies - count) / entry->bodies & PARTS;
    entry->bodies = (entry->bodies - count) & BODIES_MAX;
    store->totals.absent_bytes -= alive - packed_alive(entry);
    if (!entry->bodies)
        store_entry_give(store, index);
}
