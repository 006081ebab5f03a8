/* SPDX-License-Identifier: Apache-2.0 */
/* The store from inside; nobody else includes it.
 *
 *     append --> FILLED --evict--> ABSENT --want, read--> LOADED
 *                                    ^                      |
 *                                    '--------evict---------'     freed from any, with its last body, ref and hold */
#ifndef JOINQ_STORE_INSIDE_H
#define JOINQ_STORE_INSIDE_H

#include "store.h"
#include <string.h>

enum {
    STORE_NONE = 0, /* chunk 0 is never used */
    STORE_BODY_MAX =
        STORE_CHUNK_SIZE / 48, /* bytes; fewer bodies than so many cost less alone than in a shared chunk */
};

/* A run in the log. */
struct piece {
    uint32_t offset, size; /* in the chunk */
    uint32_t at, crc;      /* in the file */
    uint32_t segment : 31; /* from that of the chunk, and PIECE_SEGMENTS */
    uint32_t lost : 1;     /* it was tried to read it, and failed */
};
enum { PIECE_SEGMENTS = 1 << 30, PIECE_SEGMENT_MASK = 0x7fffffff };
_Static_assert(sizeof(struct piece) == 20, "a body alone in its run, and not in memory, costs this beside its message");

struct chunk {
    uint8_t *data; /* NULL: not in memory */
    struct piece *pieces;
    uint64_t segment;  /* of its first piece, */
    uint32_t end;      /* where the last of that segment ends, */
    bool mixed;        /* and whether others lie elsewhere */
    uint32_t capacity; /* of data */
    uint32_t used;
    uint32_t alive; /* about how many bytes are */
    uint32_t bodies;
    uint32_t filled; /* bodies that it was ever filled with */
    uint32_t safe;   /* of them: are in the log, or never will be */
    uint32_t refs, holds;
    uint32_t piece_count, piece_capacity;
    uint32_t lost;         /* pieces, while the others are in memory */
    uint32_t next;         /* of those that are wanted */
    uint32_t older, newer; /* durable ones in memory, filled or loaded */
    uint8_t kind;          /* enum store_kind */
    bool compacts;         /* chosen to be emptied */
    bool loaded;           /* in the list of those that were read, not of those that were filled */
    bool wanted, loading;  /* in line to be read; being read, into data */
    bool unreadable;
};

/* What a handle stands for. */
enum entry_kind { ENTRY_FREE, ENTRY_CHUNK, ENTRY_PACKED };
struct entry {
    uint32_t words[3]; /* the next free one; the address of the chunk; packed: segment, place in its file, crc */
    uint32_t used : 28, kind : 4;
    uint32_t bodies : 24, part : 8; /* of 255 that is alive */
};
_Static_assert(sizeof(struct entry) == 20,
               "what is not in memory and has a chunk of its own costs this beside its message");

struct chunk_list {
    uint32_t oldest, newest;
};

enum {
    TABLE_BLOCK = 1024, /* entries */
    SPARE_MAX = 16,
};

struct store {
    struct entry **table; /* in blocks */
    uint32_t table_size;
    uint32_t free_first, free_last; /* list of entries that are not in use */
    uint8_t *spare[SPARE_MAX];      /* memory of shared chunks */
    uint32_t spare_count;
    uint32_t *chosen; /* to be emptied, as far as they are still there */
    uint32_t chosen_count, chosen_capacity, chosen_ready;
    uint32_t open[STORE_KINDS]; /* the shared chunks that are being filled, or NONE */
    uint32_t open_absent;       /* likewise, of what was adopted and is not in memory */
    uint64_t bytes_max;
    uint64_t released; /* bodies, since it was last looked whether compaction is worth while */
    struct store_disk disk;
    uint64_t resident_max;
    uint64_t loaded_bytes, loading_bytes;
    struct chunk_list filled, loaded;
    struct {
        uint32_t first, last;
    } wanted;
    uint32_t touched; /* what was used last */
    struct store_totals totals;
};

static inline struct entry *store_entry(const struct store *store, uint32_t index)
{
    JQ_ASSERT(index != STORE_NONE && index < store->table_size);
    return &store->table[index / TABLE_BLOCK][index % TABLE_BLOCK];
}
static inline bool store_packed(const struct store *store, uint32_t index)
{
    return store_entry(store, index)->kind == ENTRY_PACKED;
}
/* One that is not packed. */
static inline struct chunk *store_chunk(const struct store *store, uint32_t index)
{
    const struct entry *entry = store_entry(store, index);
    struct chunk *chunk;
    JQ_ASSERT(entry->kind == ENTRY_CHUNK);
    memcpy(&chunk, entry->words, sizeof chunk);
    return chunk;
}
/* In memory and to be used. */
static inline bool chunk_here(const struct chunk *chunk)
{
    return chunk->data && !chunk->loading;
}

/* store.c: an entry; with memory unless `size` is 0. */
JQ_MUST_USE int store_chunk_new(struct store *store, enum store_kind kind, size_t size, uint32_t *index);
/* What to do with a chunk that may have become empty. */
void store_chunk_settle(struct store *store, uint32_t index);

/* store_table.c */
struct chunk *store_entry_take(struct store *store, uint32_t *index); /* zeroed. NULL: no memory */
void store_entry_give(struct store *store, uint32_t index);           /* what the chunk had has been freed */
void store_table_free(struct store *store);
/* Whoever may have had a chunk's address must not use it any more. */
void store_pack(struct store *store, uint32_t index);
struct chunk *store_unpack(struct store *store, uint32_t index); /* NULL: no memory */
/* Only to be looked at; what is packed is shown in *copy. */
const struct chunk *store_look(const struct store *store, uint32_t index, struct chunk *copy, struct piece *piece);
void store_packed_release(struct store *store, uint32_t index, uint32_t count);

/* store_compact.c: chooses a chunk to be emptied. False: it cannot be. */
bool store_choose(struct store *store, uint32_t index);

/* store_disk.c */
void store_residence_begins(struct store *store, uint32_t index); /* a durable chunk has memory */
void store_durable_ends(struct store *store, uint32_t index);
/* Makes durable chunks give memory back until so many bytes more are within their limit, as far as it can be. */
void store_trim(struct store *store, uint64_t more);
/* In line to be read. */
void store_load_queue(struct store *store, uint32_t index);
/* False: it cannot go. */
bool store_evict_sparse(struct store *store, uint32_t index);

/* store_pieces.c */
/* Whether some of these bytes could not be read with the rest. */
bool store_piece_lost(const struct chunk *chunk, uint32_t offset, uint32_t size);
void store_pieces_found(struct chunk *chunk); /* none is lost */
void store_pieces_forget(struct store *store, uint32_t index);
void store_pieces_fit(struct store *store, struct chunk *chunk);
/* What is to be read of a chunk; to be freed. NULL: no memory. */
JQ_MUST_USE struct store_part *store_parts(const struct chunk *chunk, uint8_t *to);

#endif
