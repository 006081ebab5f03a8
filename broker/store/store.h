/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies by handle, in memory: counted chunks, filled from the front, given back when the last body in them is released.
 * A body lies there as it goes out: behind its msgpack bin header, so that neighbours leave in one piece. The store knows
 * neither queues nor connections. Engine's thread only. */
#ifndef JOINQ_STORE_H
#define JOINQ_STORE_H

#include "base.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_CHUNK_SIZE = 256 * 1024 }; /* bytes; a larger batch gets a chunk of its own */

struct store;

JQ_MUST_USE struct store *store_new(uint64_t bytes_max); /* 0: no limit. NULL: no memory */
void store_free(struct store *store);

/* Copies `size` bytes that hold `count` bodies (each behind its header) into one chunk, and counts them in. JQ_OK with the place,
 * or JQ_OVERLOADED: the limit or the memory does not allow it. */
JQ_MUST_USE int store_append(struct store *store, const void *bytes, size_t size, uint32_t count, uint32_t *chunk,
                             uint32_t *offset);
/* The bytes at a place; valid while a body of the chunk, or a ref, is held. */
const uint8_t *store_at(const struct store *store, uint32_t chunk, uint32_t offset);
/* Holds a chunk for bytes that are on their way out, and lets go. */
void store_ref(struct store *store, uint32_t chunk);
void store_unref(struct store *store, uint32_t chunk);
/* Releases `count` bodies of a chunk. */
void store_release(struct store *store, uint32_t chunk, uint32_t count);

/* ---- compaction: a chunk of which little is left alive still holds all of its memory, so the little is copied out ---- */

/* Whether that is worth while by now: asked after releases, it looks only when so many bodies have been released since it last
 * looked that looking costs less than they did. True: the chunks to be emptied are chosen, until store_compact_end. */
bool store_compact_begin(struct store *store);
bool store_compacts(const struct store *store, uint32_t chunk); /* whether it is one of them */
/* Copies one body and its header, `size` bytes, to another chunk, beyond the limit if need be: as store_append. */
JQ_MUST_USE int store_copy(struct store *store, uint32_t from_chunk, uint32_t from_offset, size_t size, uint32_t *chunk,
                           uint32_t *offset);
void store_compact_end(struct store *store);

struct store_totals {
    uint64_t bytes; /* in chunks, spare ones too */
    uint64_t bodies;
    uint64_t chunks;
};
void store_totals(const struct store *store, struct store_totals *out);

#endif
