/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies by handle: counted chunks, filled from the front, given back when the last body in them is released. A body lies there as
 * it goes out: behind its msgpack bin header, so that neighbours leave in one piece. Bodies of durable queues lie in chunks of their
 * own, which know where in the log their bytes are: when there are more than may be, a chunk gives its memory back and is read again
 * when somebody wants it. The store knows neither queues nor connections nor files. Engine's thread only. */
#ifndef JOINQ_STORE_H
#define JOINQ_STORE_H

#include "base.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_CHUNK_SIZE = 256 * 1024 }; /* bytes; a larger batch gets a chunk of its own */

enum store_kind { STORE_MEMORY, STORE_DURABLE, STORE_KINDS };

struct store;

JQ_MUST_USE struct store *store_new(uint64_t bytes_max);   /* 0: no limit. NULL: no memory */
void store_limit(struct store *store, uint64_t bytes_max); /* another one, for what is to come */
void store_free(struct store *store);

/* Copies `size` bytes that hold `count` bodies (each behind its header) into one chunk, and counts them in. JQ_OK with the place,
 * or JQ_OVERLOADED: the limit or the memory does not allow it. */
JQ_MUST_USE int store_append(struct store *store, enum store_kind kind, const void *bytes, size_t size, uint32_t count,
                             uint32_t *chunk, uint32_t *offset);
/* The bytes at a place, in a chunk that is in memory; valid while a body of the chunk, or a ref, is held, and for those of a durable
 * chunk no longer than until the store is next called, unless a ref is. */
const uint8_t *store_at(const struct store *store, uint32_t chunk, uint32_t offset);
/* Holds a chunk for bytes that are on their way out, and lets go. One that is in memory stays there. */
JQ_MUST_USE bool store_ref(struct store *store, uint32_t chunk); /* false: no memory */
void store_unref(struct store *store, uint32_t chunk);
/* Releases `count` bodies of a chunk. Of them, `refused` will never be in the log. */
void store_release(struct store *store, uint32_t chunk, uint32_t count, uint32_t refused);

/* ---- compaction: a chunk of which little is left alive still holds all of its memory, so the little is copied out ---- */

/* Whether that is worth while by now: asked after releases, it looks only when so many bodies have been released since it last
 * looked that looking costs less than they did. True: the chunks to be emptied are chosen, until store_compact_end. */
bool store_compact_begin(struct store *store);
/* Whether it lies in one of them, and is in memory. */
bool store_compacts(const struct store *store, uint32_t chunk, uint32_t offset);
/* Copies one body and its header, `size` bytes, to another chunk, beyond the limit if need be: as store_append. */
JQ_MUST_USE int store_copy(struct store *store, enum store_kind kind, uint32_t from_chunk, uint32_t from_offset,
                           size_t size, uint32_t *chunk, uint32_t *offset);
void store_compact_end(struct store *store);

/* ---- places in the log ---- */

struct store_place {
    uint64_t segment;
    uint32_t offset; /* in its file */
};

/* A run of bodies and where it lies. */
struct store_part {
    struct store_place place;
    uint32_t size, crc;
    uint8_t *to; /* reading: where it goes */
};

/* How chunks are read: all parts of one, borrowed until it returns, and then, later, store_part_lost for each that cannot be read, and
 * store_loaded. Other than JQ_OK: it is not under way. */
struct store_disk {
    int (*read)(void *user, uint32_t chunk, const struct store_part *parts, uint32_t count);
    void *user;
};

/* Durable chunks hold no more than so many bytes of memory, as far as they can; a part of the limit. read NULL: nothing is read. */
void store_disk(struct store *store, const struct store_disk *disk, uint64_t resident_max);
void store_resident_max(struct store *store, uint64_t bytes);
/* The handle stays while the log writes bytes of it. */
void store_hold(struct store *store, uint32_t chunk);
void store_drop(struct store *store, uint32_t chunk);
/* A run of `count` bodies is in the log for good. A second place of the same bodies is not noted. */
void store_placed(struct store *store, uint32_t chunk, uint32_t offset, const struct store_part *part, uint32_t count);
/* Where a body lies: the run that has it. False: it has no place. */
bool store_place(const struct store *store, uint32_t chunk, uint32_t offset, struct store_part *run,
                 uint32_t *run_offset);
/* Recovery: a run that lies in the log and is wanted. `bytes` are copied while there is room; NULL: they are not at hand, and `count`
 * bodies of `alive` bytes are all that is wanted of it. */
JQ_MUST_USE int store_adopt(struct store *store, const struct store_part *part, const uint8_t *bytes, uint32_t count,
                            uint32_t alive, uint32_t *chunk, uint32_t *offset);

/* Whether all of these bytes are in memory. */
bool store_resident(const struct store *store, uint32_t chunk, uint32_t offset, uint32_t size);
/* It is about to be used: what is not in memory is read, and what follows ahead of its turn. */
void store_want(struct store *store, uint32_t chunk, uint32_t offset);
/* A read has come to its end; of what could not be read, which parts. JQ_OK: the others are there. */
void store_part_lost(struct store *store, uint32_t chunk, uint32_t part);
void store_loaded(struct store *store, uint32_t chunk, int code);
/* Whether it was tried to read these bytes, and some could not be. Of a chunk that is no more it is false. */
bool store_unreadable(const struct store *store, uint32_t chunk, uint32_t offset, uint32_t size);

/* ---- segments of the log ---- */

struct store_segment {
    uint64_t number;
    uint64_t last;  /* its last record, */
    bool active;    /* whether it is being written */
    uint64_t size;  /* and its bytes: the caller's */
    uint64_t alive; /* bytes, about; 0: nothing */
    uint64_t end;   /* of the last run that is alive */
    bool clean;     /* to be emptied */
};
/* What is alive in each; they stand in ascending order. Returns the number of one that is not among them; 0: there is none. */
uint64_t store_segments(const struct store *store, struct store_segment *segments, size_t count);
/* Chooses chunks with bytes in segments that are to be emptied, as store_compact_begin does, and has them read: as many as have no
 * more than `max` bytes, or one. Segments that have others are no longer `clean`. False: none is chosen. */
bool store_clean_begin(struct store *store, struct store_segment *segments, size_t count, uint64_t max);
bool store_clean_ready(struct store *store); /* all of them have been read that can be */

struct store_totals {
    uint64_t bytes; /* in chunks, spare ones too, and what is kept of others */
    uint64_t bodies;
    uint64_t chunks;                     /* in memory */
    uint64_t durable_bytes;              /* in durable chunks in memory */
    uint64_t absent_bytes;               /* bodies in chunks that are not in memory */
    uint64_t loads, evictions, failures; /* ever */
};
void store_totals(const struct store *store, struct store_totals *out);

#endif
