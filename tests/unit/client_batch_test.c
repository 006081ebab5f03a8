/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: leases as ranges, and what of them is still held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codes.h"
#include "jqc_batch.h"

/* Seven messages in three runs: 10-12 of attempt 1, 20-22 of attempt 1, 23 of attempt 4. */
static const struct jqw_run runs[] = {{10, 3, 1, 0}, {20, 3, 1, 0}, {23, 1, 4, 2}};

struct fixture {
    struct jqc_pool *pool;
    struct jqc_chunk *chunk;
    struct joinq_batch *batch;
    struct jqw_range ranges[JQW_RANGES_MAX];
};

/* Empty bodies: two bytes each, or three with a header that is not of the shortest form. */
static int batch_make(struct fixture *f, const uint8_t *packed, size_t size, bool minimal)
{
    static const uint32_t sizes[7] = {0};
    const struct jqw_bodies bodies = {.packed = {packed, size}, .sizes = sizes, .count = 7, .minimal = minimal};
    const struct jqc_delivery delivery = {
        .incarnation = 7, .runs = runs, .run_count = 3, .bodies = &bodies, .leased = true};
    return jqc_batch_new(f->pool, f->chunk, &delivery, &f->batch);
}

static int setup(void **state)
{
    static const uint8_t packed[14] = {0xc4, 0, 0xc4, 0, 0xc4, 0, 0xc4, 0, 0xc4, 0, 0xc4, 0, 0xc4, 0};
    static struct fixture fixture;
    struct fixture *f = &fixture;
    if (jqc_pool_new(&f->pool) != JQ_OK || !(f->chunk = jqc_chunk_take(f->pool, 1)))
        return -1;
    *state = f;
    return batch_make(f, packed, sizeof packed, true);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    joinq_batch_free(f->batch);
    jqc_chunk_unref(f->chunk);
    jqc_pool_close(f->pool);
    return 0;
}

static void expect_range(const struct jqw_range *range, uint64_t first, uint32_t count, uint32_t attempt)
{
    assert_int_equal(range->incarnation, 7);
    assert_int_equal(range->first, first);
    assert_int_equal(range->count, count);
    assert_int_equal(range->attempt, attempt);
}

static void settle(struct fixture *f, uint32_t first, uint32_t count)
{
    assert_int_equal(jqc_batch_prepare(f->batch, count), JQ_OK);
    jqc_batch_settle(f->batch, first, count);
}

static void messages_are_numbered_by_their_runs(void **state)
{
    struct fixture *f = *state;
    const uint64_t sequences[] = {10, 11, 12, 20, 21, 22, 23};
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(joinq_batch_message(f->batch, i)->sequence, sequences[i]);
    assert_int_equal(joinq_batch_message(f->batch, 6)->attempt, 4);
    assert_int_equal(joinq_batch_message(f->batch, 6)->deliveries, 2);
}

static void headers_need_not_be_of_the_shortest_form(void **state)
{
    struct fixture *f = *state;
    static const uint8_t packed[] = {0xc5, 0, 0, 0xc4, 0, 0xc6, 0, 0, 0, 0, 0xc4, 0, 0xc4, 0, 0xc5, 0, 0, 0xc4, 0};
    const size_t places[] = {3, 5, 10, 12, 14, 17, 19};
    joinq_batch_free(f->batch);
    assert_int_equal(batch_make(f, packed, sizeof packed, false), JQ_OK);
    for (uint32_t i = 0; i < 7; i++)
        assert_ptr_equal(joinq_batch_message(f->batch, i)->data, packed + places[i]);
}

static void runs_and_bodies_must_agree(void **state)
{
    struct fixture *f = *state;
    const struct jqw_bodies bodies = {.count = 6};
    const struct jqc_delivery delivery = {
        .incarnation = 7, .runs = runs, .run_count = 3, .bodies = &bodies, .leased = true};
    struct joinq_batch *batch;
    assert_int_equal(jqc_batch_new(f->pool, f->chunk, &delivery, &batch), JQ_PROTOCOL);
}

static void all_leases_are_the_runs(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(jqc_batch_held(f->batch, f->ranges), 3);
    expect_range(&f->ranges[0], 10, 3, 1);
    expect_range(&f->ranges[1], 20, 3, 1);
    expect_range(&f->ranges[2], 23, 1, 4);
}

static void some_leases_are_parts_of_runs(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(jqc_batch_ranges(f->batch, 2, 3, f->ranges), 2);
    expect_range(&f->ranges[0], 12, 1, 1);
    expect_range(&f->ranges[1], 20, 2, 1);
    assert_int_equal(jqc_batch_ranges(f->batch, 5, 2, f->ranges), 2); /* neighbours of another attempt */
}

static void what_is_settled_is_not_held(void **state)
{
    struct fixture *f = *state;
    settle(f, 1, 1);
    settle(f, 1, 1);
    settle(f, 3, 3);
    assert_int_equal(jqc_batch_held(f->batch, f->ranges), 3);
    expect_range(&f->ranges[0], 10, 1, 1);
    expect_range(&f->ranges[1], 12, 1, 1);
    expect_range(&f->ranges[2], 23, 1, 4);
    settle(f, 0, 1);
    settle(f, 2, 1);
    settle(f, 6, 1);
    assert_int_equal(jqc_batch_held(f->batch, f->ranges), 0);
}

static void all_are_settled_at_once(void **state)
{
    struct fixture *f = *state;
    settle(f, 0, 7);
    assert_int_equal(jqc_batch_held(f->batch, f->ranges), 0);
    settle(f, 2, 1);
    assert_int_equal(jqc_batch_held(f->batch, f->ranges), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(messages_are_numbered_by_their_runs),
        TEST(headers_need_not_be_of_the_shortest_form),
        TEST(runs_and_bodies_must_agree),
        TEST(all_leases_are_the_runs),
        TEST(some_leases_are_parts_of_runs),
        TEST(what_is_settled_is_not_held),
        TEST(all_are_settled_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
