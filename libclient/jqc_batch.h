/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that an answer brought, as the caller sees them, and their leases as ranges. */
#ifndef JOINQ_JQC_BATCH_H
#define JOINQ_JQC_BATCH_H

#include "jqc_pool.h"

/* The messages of a GOT or PEEKED, which share these fields. */
struct jqc_delivery {
    uint64_t incarnation;
    const struct jqw_run *runs;
    uint32_t run_count;
    const struct jqw_bodies *bodies;
    const struct jqw_detail *details;
    uint32_t detail_count;
    bool leased;
};

/* Makes a batch that lies on the chunk. JQ_OK: *out is owned. JQ_PROTOCOL: runs and bodies do not agree. JQ_OVERLOADED. */
JQ_MUST_USE int jqc_batch_new(struct jqc_pool *pool, struct jqc_chunk *chunk, const struct jqc_delivery *delivery,
                              struct joinq_batch **out);

/* The leases on messages first, first + 1, ... (count of them) as ranges; returns how many ranges, at most JQW_RANGES_MAX. */
uint32_t jqc_batch_ranges(const struct joinq_batch *batch, uint32_t first, uint32_t count, struct jqw_range *ranges);
/* The same for all messages that were not settled by themselves; none when the batch is not leased. */
uint32_t jqc_batch_held(const struct joinq_batch *batch, struct jqw_range *ranges);
uint32_t jqc_batch_held_count(const struct joinq_batch *batch); /* how many these are */

/* Makes sure that `count` messages can be remembered as no longer held; then remembers it. JQ_OK or JQ_OVERLOADED. */
JQ_MUST_USE int jqc_batch_prepare(struct joinq_batch *batch, uint32_t count);
void jqc_batch_settle(struct joinq_batch *batch, uint32_t first, uint32_t count);
void jqc_batch_settle_all(struct joinq_batch *batch);

/* The runs of a delivery as so many ranges. */
void jqc_ranges_of_runs(uint64_t incarnation, const struct jqw_run *runs, uint32_t count, struct jqw_range *ranges);
uint64_t jqc_ranges_total(const struct jqw_ranges *ranges); /* messages in them */

#endif
