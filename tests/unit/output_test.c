/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of what waits to be written: order, partial writes, and that nothing is held once it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codes.h"
#include "output.h"
#include "store.h"

enum { LARGE = 200 * 1000 };

struct fixture {
    struct output_pool pool;
    struct output out;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->pool.store = store_new(0);
    assert_non_null(f->pool.store);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    output_clear(&f->pool, &f->out);
    assert_int_equal(f->out.bytes, 0);
    assert_int_equal(f->pool.bytes, 0);
    output_pool_fini(&f->pool);
    store_free(f->pool.store);
    free(f);
    return 0;
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 7 + at / 255);
}

/* Appends bytes that go on with the pattern. */
static void append(struct fixture *f, struct output *out, size_t from, size_t size)
{
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern(from + i);
    assert_int_equal(output_append(&f->pool, out, bytes, size), JQ_OK);
    free(bytes);
}

static void append_place(struct fixture *f, size_t from)
{
    uint8_t *bytes = malloc(LARGE);
    uint32_t chunk, offset;
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = pattern(from + i);
    assert_int_equal(store_append(f->pool.store, STORE_MEMORY, bytes, LARGE, 1, &chunk, &offset), JQ_OK);
    assert_int_equal(output_append_place(&f->pool, &f->out, chunk, store_at(f->pool.store, chunk, offset), LARGE),
                     JQ_OK);
    store_release(f->pool.store, chunk, 1, 0);
    free(bytes);
}

/* Takes everything out, as a transport would that takes `piece` bytes at a time. */
static void take_all(struct fixture *f, size_t piece)
{
    size_t at = 0;
    while (f->out.bytes > 0) {
        struct iovec iov[3];
        int count = output_iov(&f->out, iov, 3);
        size_t left = piece, taken = 0;
        assert_true(count > 0);
        for (int i = 0; i < count && left > 0; i++)
            for (size_t j = 0; j < iov[i].iov_len && left > 0; j++, left--, taken++)
                assert_int_equal(((const uint8_t *)iov[i].iov_base)[j], pattern(at++));
        output_written(&f->pool, &f->out, taken);
    }
    assert_null(f->out.first);
    assert_null(f->out.last);
    assert_int_equal(f->pool.bytes, 0);
}

static size_t append_mixed(struct fixture *f)
{
    const size_t sizes[] = {1, 30, 2000, 5, 40000, 1, 16384};
    size_t at = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        append(f, &f->out, at, sizes[i]);
        at += sizes[i];
        if (i % 3 == 1) {
            append_place(f, at);
            at += LARGE;
        }
    }
    return at;
}

static void bytes_leave_in_order(void **state)
{
    struct fixture *f = *state;
    const size_t pieces[] = {1, 7, 1000, 1000 * 1000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_int_equal(f->out.bytes, 0);
        size_t size = append_mixed(f);
        assert_int_equal(f->out.bytes, size);
        take_all(f, pieces[i]);
    }
}

static void places_are_held_until_written(void **state)
{
    struct fixture *f = *state;
    struct store_totals totals;
    append_place(f, 0);
    store_totals(f->pool.store, &totals);
    assert_int_equal(totals.bodies, 0);
    assert_int_equal(totals.bytes, LARGE);
    output_written(&f->pool, &f->out, LARGE - 1);
    store_totals(f->pool.store, &totals);
    assert_int_equal(totals.bytes, LARGE);
    output_written(&f->pool, &f->out, 1);
    store_totals(f->pool.store, &totals);
    assert_int_equal(totals.bytes, 0);
}

static void chains_are_joined(void **state)
{
    struct fixture *f = *state;
    struct output more = {0}, none = {0};
    append(f, &f->out, 0, 100);
    append(f, &more, 100, 5000);
    output_splice(&f->out, &more);
    output_splice(&f->out, &none);
    assert_int_equal(more.bytes, 0);
    assert_null(more.first);
    append(f, &f->out, 5100, 100);
    output_splice(&more, &f->out);
    output_splice(&f->out, &more);
    assert_int_equal(f->out.bytes, 5200);
    take_all(f, 333);
}

static void small_answers_take_little(void **state)
{
    struct fixture *f = *state;
    append(f, &f->out, 0, 40);
    assert_true(f->pool.bytes <= 1024);
}

#define OUTPUTS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTPUTS(bytes_leave_in_order),
        OUTPUTS(places_are_held_until_written),
        OUTPUTS(chains_are_joined),
        OUTPUTS(small_answers_take_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
