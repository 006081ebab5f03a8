/* SPDX-License-Identifier: Apache-2.0 */
/* Two binary min-heaps. `heap` orders nodes that lie in other objects and know their place, for timers that are
 * withdrawn; `order_heap` orders plain numbers, for messages. Memory is reserved before it is needed, so that putting
 * something in cannot fail. */
#ifndef JOINQ_ENGINE_HEAP_H
#define JOINQ_ENGINE_HEAP_H

#include "base.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    uint64_t key;
    uint64_t tie;   /* decides between equal keys */
    uint32_t place; /* 1 + index in the heap; 0: in none */
};

struct heap {
    struct heap_node **node;
    uint32_t count, capacity;
};

JQ_MUST_USE bool heap_reserve(struct heap *heap, uint64_t capacity);
void heap_fini(struct heap *heap);
void heap_set(struct heap *heap, struct heap_node *node, uint64_t key, uint64_t tie); /* in, or to its new place */
void heap_remove(struct heap *heap, struct heap_node *node);                          /* nothing if it is in none */

static inline struct heap_node *heap_top(const struct heap *heap)
{
    return heap->count ? heap->node[0] : NULL;
}

struct order {
    uint64_t key;
    uint64_t sequence;
};

struct levels;

/* Lowest key first, then lowest sequence. */
struct order_heap {
    struct order *item;
    uint64_t count, capacity;
    const struct levels *levels; /* not NULL: keys are levels, and compared as these (levels.h) */
    const struct order_heap *of; /* not NULL: sequences are places in that heap, and compared as what stands there */
};

JQ_MUST_USE bool order_heap_reserve(struct order_heap *heap, uint64_t capacity);
void order_heap_fini(struct order_heap *heap);
void order_heap_push(struct order_heap *heap, uint64_t key, uint64_t sequence);
void order_heap_pop(struct order_heap *heap);

#endif
