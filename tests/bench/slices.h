/* SPDX-License-Identifier: Apache-2.0 */
/* Loads that run for a short while whenever they are told, so that what is compared can be measured by turns: a number of milliseconds
 * comes in on a line, and out goes a line with how many were done, in how many nanoseconds, and the median of one. */
#ifndef JOINQ_BENCH_SLICES_H
#define JOINQ_BENCH_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    uint64_t begun_ns, until_ns;
    uint64_t count;
    uint64_t *took_ns; /* of each, as far as it was told */
    size_t took_count, took_capacity;
};

/* Waits for the next slice. False: there is none. */
bool slice_begin(struct slice *slice);
/* Some were done, and one of them took so long; returns the time. */
uint64_t slice_did(struct slice *slice, uint64_t count, uint64_t since_ns);
/* To be called when all that was begun is done: stops the clock ... */
void slice_stop(struct slice *slice);
/* ... and says what there is to say, when whatever comes behind a slice is over too. */
void slice_say(struct slice *slice);

#endif
