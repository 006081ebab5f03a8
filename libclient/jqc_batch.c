/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: filled in one pass over the sizes, their bodies where they were read. */
#include "jqc_batch.h"
#include "codes.h"
#include "jqc_details.h"
#include <stdlib.h>
#include <string.h>

void jqc_ranges_of_runs(uint64_t incarnation, const struct jqw_run *runs, uint32_t count, struct jqw_range *ranges)
{
    for (uint32_t i = 0; i < count; i++)
        ranges[i] = (struct jqw_range){incarnation, runs[i].first, runs[i].count, runs[i].attempt};
}

uint64_t jqc_ranges_total(const struct jqw_ranges *ranges)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < ranges->count; i++)
        total += ranges->item[i].count;
    return total;
}

static uint64_t runs_total(const struct jqw_run *runs, uint32_t count)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += runs[i].count;
    return total;
}

/* Bytes of the bin header that stands there: c4, c5 and c6 are followed by a size of 1, 2 or 4 bytes. */
static inline uint32_t header_size(const uint8_t *at)
{
    return 1 + (1U << (*at & 3));
}

/* The loop of loops. Where all headers are minimal the place of each body follows from the sizes, and the frame is not touched. */
static inline void batch_fill(struct joinq_batch *batch, const struct jqw_bodies *bodies, bool minimal)
{
    const uint8_t *at = bodies->packed.data;
    const uint32_t *size = bodies->sizes;
    struct joinq_message *message = batch->messages;
    for (uint32_t r = 0; r < batch->run_count; r++) {
        const struct jqw_run run = batch->runs[r];
        for (uint32_t i = 0; i < run.count; i++, message++, size++) {
            at += minimal ? jqw_bin_header_size(*size) : header_size(at);
            message->data = at;
            message->size = *size;
            message->incarnation = batch->incarnation;
            message->sequence = run.first + i;
            message->attempt = run.attempt;
            message->deliveries = run.deliveries;
            at += *size;
        }
    }
}

int jqc_batch_new(struct jqc_pool *pool, struct jqc_chunk *chunk, const struct jqc_delivery *delivery,
                  struct joinq_batch **out)
{
    uint32_t count = delivery->bodies->count;
    if (runs_total(delivery->runs, delivery->run_count) != count)
        return JQ_PROTOCOL;
    struct jqc_details *details;
    int code = jqc_details_new(delivery->details, delivery->detail_count, count, &details);
    if (code != JQ_OK)
        return code;
    struct joinq_batch *batch = jqc_batch_take(pool, count, delivery->run_count);
    if (!batch) {
        free(details);
        return JQ_OVERLOADED;
    }
    batch->details = details;
    jqc_chunk_ref(chunk);
    batch->chunk = chunk;
    batch->incarnation = delivery->incarnation;
    batch->leased = delivery->leased;
    batch->count = count;
    batch->run_count = delivery->run_count;
    if (count > 0)
        memcpy(batch->runs, delivery->runs, delivery->run_count * sizeof *batch->runs);
    if (delivery->bodies->minimal)
        batch_fill(batch, delivery->bodies, true);
    else
        batch_fill(batch, delivery->bodies, false);
    *out = batch;
    return JQ_OK;
}

/* Appends a message to the last range, or begins a new one. Returns the count of ranges. */
static uint32_t range_extend(struct jqw_range *ranges, uint32_t count, const struct joinq_message *message)
{
    struct jqw_range *last = count > 0 ? &ranges[count - 1] : NULL;
    if (last && last->attempt == message->attempt && last->first + last->count == message->sequence) {
        last->count++;
        return count;
    }
    ranges[count] = (struct jqw_range){message->incarnation, message->sequence, 1, message->attempt};
    return count + 1;
}

uint32_t jqc_batch_ranges(const struct joinq_batch *batch, uint32_t first, uint32_t count, struct jqw_range *ranges)
{
    if (first == 0 && count == batch->count) {
        jqc_ranges_of_runs(batch->incarnation, batch->runs, batch->run_count, ranges);
        return batch->run_count;
    }
    uint32_t range_count = 0;
    for (uint32_t i = first; i < first + count; i++)
        range_count = range_extend(ranges, range_count, &batch->messages[i]);
    return range_count;
}

uint32_t jqc_batch_held(const struct joinq_batch *batch, struct jqw_range *ranges)
{
    if (!batch->leased || batch->settled_count == batch->count)
        return 0;
    if (batch->settled_count == 0)
        return jqc_batch_ranges(batch, 0, batch->count, ranges);
    uint32_t range_count = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (!batch->settled[i])
            range_count = range_extend(ranges, range_count, &batch->messages[i]);
    }
    return range_count;
}

uint32_t jqc_batch_held_count(const struct joinq_batch *batch)
{
    return batch->leased ? batch->count - batch->settled_count : 0;
}

void jqc_batch_settle_all(struct joinq_batch *batch)
{
    batch->settled_count = batch->count;
}

int jqc_batch_prepare(struct joinq_batch *batch, uint32_t count)
{
    if (count == batch->count || batch->settled)
        return JQ_OK;
    batch->settled = calloc(batch->count, 1);
    return batch->settled ? JQ_OK : JQ_OVERLOADED;
}

void jqc_batch_settle(struct joinq_batch *batch, uint32_t first, uint32_t count)
{
    if (count == batch->count)
        jqc_batch_settle_all(batch);
    if (batch->settled_count == batch->count)
        return;
    for (uint32_t i = first; i < first + count; i++) {
        batch->settled_count += !batch->settled[i];
        batch->settled[i] = 1;
    }
}

size_t joinq_batch_count(const struct joinq_batch *batch)
{
    return batch->count;
}

const struct joinq_message *joinq_batch_message(const struct joinq_batch *batch, size_t index)
{
    return index < batch->count ? &batch->messages[index] : NULL;
}

size_t joinq_batch_lost(const struct joinq_batch *batch)
{
    return batch->lost;
}

size_t joinq_batch_place(const struct joinq_batch *batch)
{
    return batch->place;
}

const struct joinq_detail *joinq_batch_detail(const struct joinq_batch *batch, size_t index)
{
    return jqc_details_at(batch->details, index);
}

void joinq_batch_free(struct joinq_batch *batch)
{
    jqc_batch_give(batch);
}
