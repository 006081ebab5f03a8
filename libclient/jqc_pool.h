/* SPDX-License-Identifier: Apache-2.0 */
/* What the client uses again and again: input chunks and batches. A batch lies on the chunk that its frame was read into, and may
 * outlive its client; so both are counted, and the pool lives until the last of them is given back. Knows no messages. */
#ifndef JOINQ_JQC_POOL_H
#define JOINQ_JQC_POOL_H

#include "base.h"
#include "joinq.h"
#include "message.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JQC_CHUNK_SIZE = 256 * 1024, /* bytes of an ordinary chunk */
    JQC_CHUNKS_SPARE = 4,        /* ordinary chunks kept */
    JQC_BATCHES_SPARE = 8,       /* batches kept */
};

struct jqc_pool;

/* Bytes as they were read; immutable where a batch lies on them. */
struct jqc_chunk {
    struct jqc_pool *pool;
    struct jqc_chunk *next; /* among the spare ones */
    uint32_t refs;          /* the input, and each batch on it */
    size_t capacity;
    uint8_t data[];
};

struct joinq_batch {
    struct jqc_pool *pool;
    struct joinq_batch *next; /* among the spare ones */
    struct jqc_chunk *chunk;  /* where the bodies lie; NULL: nowhere */
    struct joinq_message *messages;
    uint32_t count, capacity;
    struct jqw_run *runs; /* the same messages as runs */
    uint32_t run_count, run_capacity;
    uint8_t *settled; /* one for each message: given up by itself; allocated with the first */
    uint32_t settled_count;
    uint64_t incarnation;
    size_t lost;
    uint32_t session;            /* the connection that brought it; its leases are lost with that */
    bool leased;                 /* until settled; false: finished on receipt, or only looked at */
    uint32_t place;              /* of its queue among those of the get */
    struct jqc_details *details; /* of some of the messages; owned; NULL: of none */
};

JQ_MUST_USE int jqc_pool_new(struct jqc_pool **out); /* JQ_OK or JQ_OVERLOADED */
/* The client has gone: nothing is kept any more, what is in use is freed as it comes back. */
void jqc_pool_close(struct jqc_pool *pool);

/* A chunk of at least `capacity` bytes with one reference; NULL: no memory. */
struct jqc_chunk *jqc_chunk_take(struct jqc_pool *pool, size_t capacity);
void jqc_chunk_ref(struct jqc_chunk *chunk);
void jqc_chunk_unref(struct jqc_chunk *chunk); /* tolerates NULL */

/* A batch with room for so many messages and runs, empty, on no chunk; NULL: no memory. */
struct joinq_batch *jqc_batch_take(struct jqc_pool *pool, uint32_t messages, uint32_t runs);
void jqc_batch_give(struct joinq_batch *batch); /* tolerates NULL */

#endif
