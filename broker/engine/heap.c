/* SPDX-License-Identifier: Apache-2.0 */
/* Binary min-heaps: see heap.h. They know nothing of what they order. */
#include "heap.h"
#include "levels.h"
#include <stdlib.h>

/* The next capacity that holds `wanted`, doubling from 16. */
static uint64_t grown(uint64_t capacity, uint64_t wanted)
{
    uint64_t next = capacity ? capacity : 16;
    while (next < wanted)
        next *= 2;
    return next;
}

bool heap_reserve(struct heap *heap, uint64_t capacity)
{
    if (capacity <= heap->capacity)
        return true;
    uint64_t next = grown(heap->capacity, capacity);
    if (next > UINT32_MAX)
        return false;
    struct heap_node **node = realloc(heap->node, next * sizeof(struct heap_node *));
    if (!node)
        return false;
    heap->node = node;
    heap->capacity = (uint32_t)next;
    return true;
}

void heap_fini(struct heap *heap)
{
    free(heap->node);
    *heap = (struct heap){0};
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

static void heap_place(struct heap *heap, struct heap_node *node, uint32_t index)
{
    heap->node[index] = node;
    node->place = index + 1;
}

static void heap_sift(struct heap *heap, struct heap_node *node, uint32_t index)
{
    while (index > 0 && before(node, heap->node[(index - 1) / 2])) {
        heap_place(heap, heap->node[(index - 1) / 2], index);
        index = (index - 1) / 2;
    }
    for (uint32_t child = 2 * index + 1; child < heap->count; child = 2 * index + 1) {
        if (child + 1 < heap->count && before(heap->node[child + 1], heap->node[child]))
            child++;
        if (!before(heap->node[child], node))
            break;
        heap_place(heap, heap->node[child], index);
        index = child;
    }
    heap_place(heap, node, index);
}

void heap_set(struct heap *heap, struct heap_node *node, uint64_t key, uint64_t tie)
{
    uint32_t index = node->place ? node->place - 1 : heap->count++;
    JQ_ASSERT(heap->count <= heap->capacity);
    node->key = key;
    node->tie = tie;
    heap_sift(heap, node, index);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!node->place)
        return;
    uint32_t index = node->place - 1;
    struct heap_node *last = heap->node[--heap->count];
    node->place = 0;
    if (last != node)
        heap_sift(heap, last, index);
}

bool order_heap_reserve(struct order_heap *heap, uint64_t capacity)
{
    if (capacity <= heap->capacity)
        return true;
    uint64_t next = grown(heap->capacity, capacity);
    struct order *item = realloc(heap->item, next * sizeof *item);
    if (!item)
        return false;
    heap->item = item;
    heap->capacity = next;
    return true;
}

void order_heap_fini(struct order_heap *heap)
{
    free(heap->item);
    *heap = (struct order_heap){0};
}

static bool earlier(const struct order_heap *heap, struct order a, struct order b)
{
    if (heap->of)
        return earlier(heap->of, heap->of->item[a.sequence], heap->of->item[b.sequence]);
    if (heap->levels && a.key != b.key)
        return levels_before(heap->levels, a.key, b.key);
    return a.key < b.key || (a.key == b.key && a.sequence < b.sequence);
}

void order_heap_push(struct order_heap *heap, uint64_t key, uint64_t sequence)
{
    JQ_ASSERT(heap->count < heap->capacity);
    struct order new = {key, sequence};
    uint64_t index = heap->count++;
    while (index > 0 && earlier(heap, new, heap->item[(index - 1) / 2])) {
        heap->item[index] = heap->item[(index - 1) / 2];
        index = (index - 1) / 2;
    }
    heap->item[index] = new;
}

void order_heap_pop(struct order_heap *heap)
{
    struct order last = heap->item[--heap->count];
    uint64_t index = 0;
    for (uint64_t child = 1; child < heap->count; child = 2 * index + 1) {
        if (child + 1 < heap->count && earlier(heap, heap->item[child + 1], heap->item[child]))
            child++;
        if (!earlier(heap, heap->item[child], last))
            break;
        heap->item[index] = heap->item[child];
        index = child;
    }
    if (heap->count)
        heap->item[index] = last;
}
