/* SPDX-License-Identifier: Apache-2.0 */
/* What waits to be written to a connection: a chain of segments, each a block of copied bytes or a place in a chunk of the
 * store, held until it is written. An output that has nothing to write holds no memory. It must not know sockets, frames
 * or the event loop. */
#ifndef JOINQ_SERVER_OUTPUT_H
#define JOINQ_SERVER_OUTPUT_H

#include "base.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct store;
struct output_segment;

struct output {
    struct output_segment *first, *last;
    uint64_t bytes;  /* not yet written */
    uint32_t absent; /* segments whose bytes have not been read yet: nothing can be written before */
};

/* Where segments come from and go to; one for a server. Zeroed but for the store. */
enum output_kind { OUTPUT_PLACE, OUTPUT_SMALL, OUTPUT_LARGE, OUTPUT_KINDS };
struct output_pool {
    struct store *store;
    struct output_segment *spare[OUTPUT_KINDS];
    uint32_t spare_count[OUTPUT_KINDS];
    uint64_t bytes; /* of all segments in use */
};

void output_pool_fini(struct output_pool *pool); /* every output has been cleared before */

/* Copies bytes to the end. JQ_OK, or JQ_OVERLOADED: a part may have been appended, the output is good for clearing only. */
JQ_MUST_USE int output_append(struct output_pool *pool, struct output *output, const void *bytes, size_t size);
/* Appends a place in a chunk without copying, and holds the chunk. JQ_OK, or JQ_OVERLOADED with nothing changed. */
JQ_MUST_USE int output_append_place(struct output_pool *pool, struct output *output, uint32_t chunk, const void *bytes,
                                    uint32_t size);
/* Likewise of a chunk that is not in memory; it must have been asked for. */
JQ_MUST_USE int output_append_absent(struct output_pool *pool, struct output *output, uint32_t chunk, uint32_t offset,
                                     uint32_t size);
/* Takes what has been read by now. JQ_OK; JQ_STORAGE: some of it cannot be read; JQ_OVERLOADED. */
JQ_MUST_USE int output_resolve(struct output_pool *pool, struct output *output);
/* Moves all of `from` behind `to`. */
void output_splice(struct output *to, struct output *from);

/* Fills at most `max` entries with what is to be written first; returns how many. */
int output_iov(const struct output *output, struct iovec *iov, int max);
/* Drops the first `size` bytes: they are written. */
void output_written(struct output_pool *pool, struct output *output, size_t size);
/* Drops everything. */
void output_clear(struct output_pool *pool, struct output *output);

#endif
