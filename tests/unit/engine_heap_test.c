/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's heaps and its pool of objects alone, against a plain array. They know nothing of queues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "heap.h"
#include "pool.h"

enum { NODES = 300, ROUNDS = 20000 };

/* The same numbers every time. */
static uint32_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static const struct heap_node *least(const struct heap_node *nodes)
{
    const struct heap_node *found = NULL;
    for (int i = 0; i < NODES; i++) {
        const struct heap_node *node = &nodes[i];
        if (node->place && (!found || node->key < found->key || (node->key == found->key && node->tie < found->tie)))
            found = node;
    }
    return found;
}

static void a_heap_keeps_the_least_on_top(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct heap_node nodes[NODES] = {0};
    uint64_t seed = 1;
    assert_true(heap_reserve(&heap, NODES));
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct heap_node *node = &nodes[random_next(&seed) % NODES];
        if (random_next(&seed) % 3 == 0)
            heap_remove(&heap, node);
        else
            heap_set(&heap, node, random_next(&seed) % 50, round);
        assert_ptr_equal(heap_top(&heap), least(nodes));
    }
    heap_fini(&heap);
}

static void equal_keys_leave_a_heap_in_the_order_of_their_ties(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct heap_node nodes[NODES] = {0};
    assert_true(heap_reserve(&heap, NODES));
    for (uint64_t i = 0; i < NODES; i++)
        heap_set(&heap, &nodes[i * 7 % NODES], 5, i * 7 % NODES);
    for (uint64_t i = 0; i < NODES; i++) {
        struct heap_node *top = heap_top(&heap);
        assert_ptr_equal(top, &nodes[i]);
        heap_remove(&heap, top);
        assert_int_equal(top->place, 0);
        heap_remove(&heap, top);
    }
    assert_null(heap_top(&heap));
    heap_fini(&heap);
}

static void an_order_heap_gives_back_in_order(void **state)
{
    (void)state;
    struct order_heap heap = {0};
    uint64_t seed = 2;
    assert_true(order_heap_reserve(&heap, NODES));
    for (uint64_t i = 0; i < NODES; i++)
        order_heap_push(&heap, random_next(&seed) % 20, i);
    struct order last = {0};
    for (uint64_t i = 0; i < NODES; i++) {
        struct order least_one = heap.item[0];
        bool rises = least_one.key > last.key || (least_one.key == last.key && least_one.sequence >= last.sequence);
        assert_true(rises);
        last = least_one;
        order_heap_pop(&heap);
    }
    assert_int_equal(heap.count, 0);
    order_heap_fini(&heap);
}

static void a_pool_gives_each_index_once_and_keeps_addresses(void **state)
{
    (void)state;
    struct pool pool = {.item_size = 24};
    uint32_t index[NODES];
    void *at[NODES];
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(pool_reserve(&pool, 1));
        at[i] = pool_take(&pool, &index[i]);
        memset(at[i], (int)(i % 251), 24);
    }
    assert_int_equal(pool_used(&pool), NODES);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_ptr_equal(pool_at(&pool, index[i]), at[i]);
        assert_int_equal(((uint8_t *)at[i])[23], i % 251);
    }
    for (uint32_t i = 0; i < NODES; i += 2)
        pool_give(&pool, index[i]);
    assert_int_equal(pool_used(&pool), NODES / 2);
    static const uint8_t zero[24];
    assert_true(pool_reserve(&pool, 1));
    assert_memory_equal(pool_take(&pool, &index[0]), zero, 24);
    pool_fini(&pool);
}

static void what_a_pool_reserved_can_be_taken(void **state)
{
    (void)state;
    struct pool pool = {.item_size = 8};
    uint32_t index, blocks;
    assert_true(pool_reserve(&pool, 1000));
    blocks = pool.block_count;
    for (int i = 0; i < 1000; i++)
        (void)pool_take(&pool, &index);
    assert_int_equal(pool.block_count, blocks);
    pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_keeps_the_least_on_top),
        cmocka_unit_test(equal_keys_leave_a_heap_in_the_order_of_their_ties),
        cmocka_unit_test(an_order_heap_gives_back_in_order),
        cmocka_unit_test(a_pool_gives_each_index_once_and_keeps_addresses),
        cmocka_unit_test(what_a_pool_reserved_can_be_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
