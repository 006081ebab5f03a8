/* SPDX-License-Identifier: Apache-2.0 */
/* Spare chunks and batches, counted. */
#include "jqc_pool.h"
#include "codes.h"
#include <stdlib.h>

struct jqc_pool {
    uint64_t refs; /* the client, each chunk and each batch in use */
    bool open;     /* the client is still there */
    struct jqc_chunk *chunks;
    uint32_t chunk_count;
    struct joinq_batch *batches;
    uint32_t batch_count;
};

int jqc_pool_new(struct jqc_pool **out)
{
    struct jqc_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return JQ_OVERLOADED;
    pool->refs = 1;
    pool->open = true;
    *out = pool;
    return JQ_OK;
}

static void pool_unref(struct jqc_pool *pool)
{
    JQ_ASSERT(pool->refs > 0);
    if (--pool->refs == 0)
        free(pool);
}

static void batch_destroy(struct joinq_batch *batch)
{
    free(batch->messages);
    free(batch->runs);
    free(batch->settled);
    free(batch);
}

void jqc_pool_close(struct jqc_pool *pool)
{
    for (struct jqc_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    for (struct joinq_batch *batch = pool->batches, *next; batch; batch = next) {
        next = batch->next;
        batch_destroy(batch);
    }
    pool->chunks = NULL;
    pool->batches = NULL;
    pool->open = false;
    pool_unref(pool);
}

struct jqc_chunk *jqc_chunk_take(struct jqc_pool *pool, size_t capacity)
{
    struct jqc_chunk *chunk = capacity <= JQC_CHUNK_SIZE ? pool->chunks : NULL;
    if (chunk) {
        pool->chunks = chunk->next;
        pool->chunk_count--;
    } else {
        if (capacity < JQC_CHUNK_SIZE)
            capacity = JQC_CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + capacity);
        if (!chunk)
            return NULL;
        chunk->capacity = capacity;
        chunk->pool = pool;
    }
    chunk->next = NULL;
    chunk->refs = 1;
    pool->refs++;
    return chunk;
}

void jqc_chunk_ref(struct jqc_chunk *chunk)
{
    chunk->refs++;
}

void jqc_chunk_unref(struct jqc_chunk *chunk)
{
    if (!chunk)
        return;
    JQ_ASSERT(chunk->refs > 0);
    if (--chunk->refs > 0)
        return;
    struct jqc_pool *pool = chunk->pool;
    if (pool->open && chunk->capacity == JQC_CHUNK_SIZE && pool->chunk_count < JQC_CHUNKS_SPARE) {
        chunk->next = pool->chunks;
        pool->chunks = chunk;
        pool->chunk_count++;
    } else {
        free(chunk);
    }
    pool_unref(pool);
}

/* Makes an array hold at least `wanted` items; what is in it need not be kept. */
JQ_MUST_USE static bool array_hold(void **array, uint32_t *capacity, uint32_t wanted, size_t item)
{
    if (wanted <= *capacity)
        return true;
    uint32_t room = *capacity ? *capacity : 8;
    while (room < wanted)
        room *= 2;
    void *grown = malloc(room * item);
    if (!grown)
        return false;
    free(*array);
    *array = grown;
    *capacity = room;
    return true;
}

JQ_MUST_USE static bool batch_hold(struct joinq_batch *batch, uint32_t messages, uint32_t runs)
{
    void *message_array = batch->messages, *run_array = batch->runs;
    bool held = array_hold(&message_array, &batch->capacity, messages, sizeof *batch->messages);
    batch->messages = message_array;
    held = held && array_hold(&run_array, &batch->run_capacity, runs, sizeof *batch->runs);
    batch->runs = run_array;
    return held;
}

static void batch_reset(struct joinq_batch *batch)
{
    batch->next = NULL;
    batch->chunk = NULL;
    batch->count = 0;
    batch->run_count = 0;
    batch->settled_count = 0;
    batch->incarnation = 0;
    batch->lost = 0;
    batch->leased = false;
    free(batch->settled);
    batch->settled = NULL;
    batch->place = 0;
    free(batch->details);
    batch->details = NULL;
}

struct joinq_batch *jqc_batch_take(struct jqc_pool *pool, uint32_t messages, uint32_t runs)
{
    struct joinq_batch *batch = pool->batches;
    if (batch) {
        pool->batches = batch->next;
        pool->batch_count--;
    } else {
        batch = calloc(1, sizeof *batch);
        if (!batch)
            return NULL;
        batch->pool = pool;
    }
    batch_reset(batch);
    if (!batch_hold(batch, messages, runs)) {
        batch_destroy(batch);
        return NULL;
    }
    pool->refs++;
    return batch;
}

void jqc_batch_give(struct joinq_batch *batch)
{
    if (!batch)
        return;
    struct jqc_pool *pool = batch->pool;
    jqc_chunk_unref(batch->chunk);
    batch_reset(batch);
    if (pool->open && pool->batch_count < JQC_BATCHES_SPARE) {
        batch->next = pool->batches;
        pool->batches = batch;
        pool->batch_count++;
    } else {
        batch_destroy(batch);
    }
    pool_unref(pool);
}
