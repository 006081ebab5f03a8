/* SPDX-License-Identifier: Apache-2.0 */
/* A transport around another one that reads and writes in pieces, and now and then not at all, as a network may: the same
 * seed makes the same pieces. For tests. */
#ifndef JOINQ_TESTS_WIRE_PARTIAL_H
#define JOINQ_TESTS_WIRE_PARTIAL_H

#include "transport.h"
#include <stdint.h>

struct partial {
    struct jqw_transport inner;
    uint64_t random; /* state of the generator, not 0 */
    size_t piece_max;
    unsigned again_percent; /* how often there is nothing */
    size_t offered;         /* size of a piece that was not taken; 0 */
};

/* Puts *t into *partial and makes *t the one around it. *partial must outlive *t. */
void partial_wrap(struct jqw_transport *t, struct partial *partial, uint64_t seed, size_t piece_max,
                  unsigned again_percent);

#endif
