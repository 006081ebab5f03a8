/* SPDX-License-Identifier: Apache-2.0 */
/* The store alone: places, counting, when memory comes and goes, and the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codes.h"
#include "store.h"

enum { SMALL = 100, LARGE = 200 * 1000 };

struct place {
    uint32_t chunk, offset;
};

static struct store_totals totals_of(const struct store *store)
{
    struct store_totals totals;
    store_totals(store, &totals);
    return totals;
}

static struct place append(struct store *store, uint8_t fill, size_t size, uint32_t count)
{
    struct place place = {0};
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, fill, size);
    assert_int_equal(store_append(store, STORE_MEMORY, bytes, size, count, &place.chunk, &place.offset), JQ_OK);
    free(bytes);
    return place;
}

static void assert_filled(const struct store *store, struct place place, uint8_t fill, size_t size)
{
    const uint8_t *at = store_at(store, place.chunk, place.offset);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(at[i], fill);
}

static void small_batches_share_a_chunk(void **state)
{
    (void)state;
    struct store *store = store_new(0);
    struct place a = append(store, 1, SMALL, 1);
    struct place b = append(store, 2, SMALL, 3);
    assert_int_equal(a.chunk, b.chunk);
    assert_int_equal(b.offset, a.offset + SMALL);
    assert_filled(store, a, 1, SMALL);
    assert_filled(store, b, 2, SMALL);
    assert_int_equal(totals_of(store).bodies, 4);
    assert_int_equal(totals_of(store).bytes, STORE_CHUNK_SIZE);
    store_free(store);
}

static void large_batch_has_its_own_size(void **state)
{
    (void)state;
    struct store *store = store_new(0);
    struct place small = append(store, 1, SMALL, 1);
    struct place large = append(store, 2, LARGE, 2);
    assert_int_not_equal(small.chunk, large.chunk);
    assert_filled(store, large, 2, LARGE);
    assert_int_equal(totals_of(store).bytes, STORE_CHUNK_SIZE + LARGE);
    store_release(store, large.chunk, 1, 0);
    assert_filled(store, large, 2, LARGE);
    store_release(store, large.chunk, 1, 0);
    assert_int_equal(totals_of(store).bytes, STORE_CHUNK_SIZE);
    assert_int_equal(totals_of(store).chunks, 1);
    store_free(store);
}

static void ref_holds_what_is_released(void **state)
{
    (void)state;
    struct store *store = store_new(0);
    struct place large = append(store, 7, LARGE, 1);
    assert_true(store_ref(store, large.chunk));
    assert_true(store_ref(store, large.chunk));
    store_release(store, large.chunk, 1, 0);
    assert_filled(store, large, 7, LARGE);
    store_unref(store, large.chunk);
    assert_filled(store, large, 7, LARGE);
    store_unref(store, large.chunk);
    assert_int_equal(totals_of(store).bytes, 0);
    store_free(store);
}

static void empty_open_chunk_is_filled_again(void **state)
{
    (void)state;
    struct store *store = store_new(0);
    struct place first = append(store, 1, SMALL, 1);
    for (int i = 0; i < 100 * 1000; i++) {
        store_release(store, first.chunk, 1, 0);
        struct place again = append(store, (uint8_t)i, SMALL, 1);
        assert_int_equal(again.chunk, first.chunk);
        assert_int_equal(again.offset, 0);
    }
    assert_int_equal(totals_of(store).bytes, STORE_CHUNK_SIZE);
    store_free(store);
}

/* Many chunks, released in another order than they came: few stay. */
static void memory_goes_with_its_bodies(void **state)
{
    (void)state;
    enum { COUNT = 20 * 1000 };
    static struct place places[COUNT];
    struct store *store = store_new(0);
    for (uint32_t i = 0; i < COUNT; i++)
        places[i] = append(store, (uint8_t)i, 1000 + i % 7, 1);
    uint64_t full = totals_of(store).bytes;
    assert_true(full < (uint64_t)COUNT * 1007 * 9 / 8);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t at = (uint32_t)((uint64_t)i * 7919 % COUNT);
        assert_filled(store, places[at], (uint8_t)at, 1000 + at % 7);
        store_release(store, places[at].chunk, 1, 0);
    }
    assert_int_equal(totals_of(store).bodies, 0);
    assert_true(totals_of(store).bytes <= 17 * STORE_CHUNK_SIZE);
    store_free(store);
}

/* proves: PUT-4 */
static void limit_is_kept_and_given_back(void **state)
{
    (void)state;
    enum { LIMIT = 4 * STORE_CHUNK_SIZE };
    uint8_t *bytes = calloc(1, LIMIT + 1);
    struct store *store = store_new(LIMIT);
    struct place at = {77, 78};
    assert_int_equal(store_append(store, STORE_MEMORY, bytes, LIMIT + 1, 1, &at.chunk, &at.offset), JQ_OVERLOADED);
    assert_int_equal(at.chunk, 77);
    assert_int_equal(at.offset, 78);

    struct place small = append(store, 1, SMALL, 1);
    assert_int_equal(store_append(store, STORE_MEMORY, bytes, LIMIT, 1, &at.chunk, &at.offset), JQ_OVERLOADED);
    struct place large = append(store, 2, LIMIT - STORE_CHUNK_SIZE, 1);
    assert_int_equal(totals_of(store).bytes, LIMIT);
    assert_int_equal(append(store, 3, SMALL, 1).chunk, small.chunk); /* there is room in what is taken already */
    assert_int_equal(store_append(store, STORE_MEMORY, bytes, LIMIT / 2, 1, &at.chunk, &at.offset), JQ_OVERLOADED);
    store_release(store, large.chunk, 1, 0);
    append(store, 4, LIMIT / 2, 1);
    store_free(store);
    free(bytes);
}

/* Spare chunks count to the limit, so they must make way. */
static void spare_chunks_make_way(void **state)
{
    (void)state;
    enum { CHUNKS = 4, LIMIT = CHUNKS * STORE_CHUNK_SIZE, SIZE = 32 * 1024, COUNT = LIMIT / SIZE };
    struct place places[COUNT];
    struct store *store = store_new(LIMIT);
    for (int i = 0; i < COUNT; i++)
        places[i] = append(store, 1, SIZE, 1);
    assert_int_equal(totals_of(store).chunks, CHUNKS);
    for (int i = 0; i < COUNT; i++)
        store_release(store, places[i].chunk, 1, 0);
    assert_int_equal(totals_of(store).bytes, LIMIT);
    append(store, 2, LIMIT - STORE_CHUNK_SIZE, 1);
    assert_int_equal(totals_of(store).bytes, LIMIT);
    store_free(store);
}

/* One body in a thousand stays: its chunk holds a thousand times as much until it has moved. */
static void few_survivors_move_together(void **state)
{
    (void)state;
    enum { SIZE = 1000, COUNT = 20000, EACH = 1000 };
    static struct place places[COUNT];
    struct store *store = store_new(0);
    for (int i = 0; i < COUNT; i++)
        places[i] = append(store, (uint8_t)(i / EACH), SIZE, 1);
    assert_false(store_compact_begin(store));
    for (int i = 0; i < COUNT; i++) {
        if (i % EACH)
            store_release(store, places[i].chunk, 1, 0);
    }
    assert_true(store_compact_begin(store));
    for (int i = 0; i < COUNT; i += EACH) {
        struct place to;
        if (!store_compacts(store, places[i].chunk, places[i].offset))
            continue;
        assert_int_equal(
            store_copy(store, STORE_MEMORY, places[i].chunk, places[i].offset, SIZE, &to.chunk, &to.offset), JQ_OK);
        store_release(store, places[i].chunk, 1, 0);
        places[i] = to;
    }
    store_compact_end(store);
    for (int i = 0; i < COUNT; i += EACH)
        assert_filled(store, places[i], (uint8_t)(i / EACH), SIZE);
    assert_int_equal(totals_of(store).bodies, COUNT / EACH);
    assert_false(store_compact_begin(store));
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_batches_share_a_chunk), cmocka_unit_test(large_batch_has_its_own_size),
        cmocka_unit_test(ref_holds_what_is_released),  cmocka_unit_test(empty_open_chunk_is_filled_again),
        cmocka_unit_test(memory_goes_with_its_bodies), cmocka_unit_test(limit_is_kept_and_given_back),
        cmocka_unit_test(spare_chunks_make_way),       cmocka_unit_test(few_survivors_move_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
