/* SPDX-License-Identifier: Apache-2.0 */
/* One suite for every transport: what the rest of joinq relies on, run over tcp, TLS, unix and the memory pair, each as it is and
 * with reads and writes cut to pieces. */
#include "transport_conformance.h"
#include "partial.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    PIECE_MAX = 3000,
    AGAIN_PERCENT = 30,
    MANY_AGAINS = 1000,       /* so often in a row means that it is really full or empty */
    STREAM = 3 * 1000 * 1000, /* more than any buffer holds */
    FILL = 32 * 1024,         /* bytes offered at once */
    FULL_MAX = 64 * 1024 * 1024,
};

static const struct kind *kind;
static bool cut;

struct ends {
    struct jqw_transport a, b;
    struct partial partial_a, partial_b;
};

static int ends_open(void **state)
{
    struct ends *ends = calloc(1, sizeof *ends);
    assert_non_null(ends);
    kind->connect(&ends->a, &ends->b);
    if (cut) {
        partial_wrap(&ends->a, &ends->partial_a, 11, PIECE_MAX, AGAIN_PERCENT);
        partial_wrap(&ends->b, &ends->partial_b, 23, PIECE_MAX, AGAIN_PERCENT);
    }
    *state = ends;
    return 0;
}

static int ends_close(void **state)
{
    struct ends *ends = *state;
    for (int i = 0; i < 2; i++) {
        ends->a.ops->close(&ends->a);
        ends->b.ops->close(&ends->b);
    }
    free(ends);
    return 0;
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 251);
}

/* Reads until something comes: a count, CLOSED or ERROR. */
static ssize_t read_some(struct jqw_transport *t, void *to, size_t size)
{
    for (;;) {
        ssize_t got = jqw_read(t, to, size);
        if (got != JQW_IO_AGAIN)
            return got;
        if (t->ops->fd(t) >= 0 && !t->ops->pending(t))
            wait_ready(t->ops->fd(t), POLLIN);
    }
}

static void write_all(struct jqw_transport *t, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        struct iovec iov = {.iov_base = (char *)(uintptr_t)at, .iov_len = size};
        ssize_t put = jqw_writev(t, &iov, 1);
        if (put == JQW_IO_AGAIN)
            continue;
        assert_true(put > 0);
        at += put;
        size -= (size_t)put;
    }
}

static void read_all(struct jqw_transport *t, size_t size, size_t pattern_at)
{
    uint8_t buffer[4096];
    while (size > 0) {
        ssize_t got = read_some(t, buffer, size < sizeof buffer ? size : sizeof buffer);
        assert_true(got > 0);
        for (ssize_t i = 0; i < got; i++)
            assert_int_equal(buffer[i], pattern(pattern_at++));
        size -= (size_t)got;
    }
}

/* One direction of a stream of a pattern, as far as it goes at the moment. */
struct flow {
    struct jqw_transport *from, *to;
    size_t written, read;
};

static void flow_write(struct flow *flow, size_t end)
{
    static uint8_t bytes[FILL];
    size_t size = end - flow->written < sizeof bytes ? end - flow->written : sizeof bytes;
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern(flow->written + i);
    size_t first = size / 3;
    struct iovec iov[] = {{bytes, first}, {bytes + first, 0}, {bytes + first, size - first}};
    ssize_t put = size > 0 ? jqw_writev(flow->from, iov, 3) : 0;
    assert_true(put >= 0 || put == JQW_IO_AGAIN);
    flow->written += put > 0 ? (size_t)put : 0;
}

static void flow_read(struct flow *flow)
{
    uint8_t bytes[7000];
    ssize_t got = jqw_read(flow->to, bytes, sizeof bytes);
    assert_true(got > 0 || got == JQW_IO_AGAIN);
    for (ssize_t i = 0; i < got; i++)
        assert_int_equal(bytes[i], pattern(flow->read++));
}

static void bytes_arrive_whole_and_in_order(void **state)
{
    struct ends *ends = *state;
    struct flow flows[] = {{.from = &ends->a, .to = &ends->b}, {.from = &ends->b, .to = &ends->a}};
    while (flows[0].read < STREAM || flows[1].read < STREAM)
        for (int i = 0; i < 2; i++) {
            flow_write(&flows[i], STREAM);
            flow_read(&flows[i]);
        }
    assert_int_equal(flows[0].written, STREAM);
    assert_int_equal(flows[1].written, STREAM);
}

static void nothing_to_read_is_again(void **state)
{
    struct ends *ends = *state;
    uint8_t byte;
    for (int i = 0; i < 100; i++)
        assert_int_equal(jqw_read(&ends->a, &byte, 1), JQW_IO_AGAIN);
}

/* Writes the pattern until nothing more goes, and says how much went. */
static size_t fill(struct jqw_transport *t)
{
    static uint8_t bytes[FILL];
    size_t written = 0;
    for (int agains = 0; agains < MANY_AGAINS;) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = pattern(written + i);
        struct iovec iov = {bytes, sizeof bytes};
        ssize_t put = jqw_writev(t, &iov, 1);
        assert_true(put > 0 || put == JQW_IO_AGAIN);
        agains = put > 0 ? 0 : agains + 1;
        written += put > 0 ? (size_t)put : 0;
        assert_true(written < FULL_MAX);
    }
    return written;
}

static void full_is_again_and_goes_on(void **state)
{
    struct ends *ends = *state;
    size_t written = fill(&ends->a);
    assert_true(written > 0);
    uint8_t other[] = {pattern(0), pattern(1)};
    write_all(&ends->b, other, 2); /* the other direction does not care */
    read_all(&ends->a, 2, 0);
    read_all(&ends->b, written, 0);
    struct flow on = {.from = &ends->a, .to = &ends->b, .written = written, .read = written};
    while (on.read < written + FILL) { /* with what was not taken */
        flow_write(&on, written + FILL);
        flow_read(&on);
    }
}

static void shutdown_ends_one_direction_after_its_bytes(void **state)
{
    struct ends *ends = *state;
    uint8_t bytes[1000], byte;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    write_all(&ends->a, bytes, sizeof bytes);
    ends->a.ops->shutdown(&ends->a);
    read_all(&ends->b, sizeof bytes, 0);
    assert_int_equal(read_some(&ends->b, &byte, 1), JQW_IO_CLOSED);
    assert_int_equal(read_some(&ends->b, &byte, 1), JQW_IO_CLOSED);
    write_all(&ends->b, bytes, sizeof bytes);
    read_all(&ends->a, sizeof bytes, 0);
}

/* Writes until it fails; a signal would end the test. */
static void assert_write_fails(struct jqw_transport *t)
{
    static uint8_t bytes[1000];
    struct iovec iov = {bytes, sizeof bytes};
    ssize_t put = 0;
    for (size_t total = 0; put != JQW_IO_ERROR; total += sizeof bytes) {
        put = jqw_writev(t, &iov, 1);
        assert_true(total < FULL_MAX);
    }
}

static void writing_after_shutdown_fails(void **state)
{
    struct ends *ends = *state;
    ends->a.ops->shutdown(&ends->a);
    assert_write_fails(&ends->a);
}

static void writing_to_a_closed_end_fails(void **state)
{
    struct ends *ends = *state;
    ends->b.ops->close(&ends->b);
    assert_write_fails(&ends->a);
}

static void close_is_read_after_the_bytes(void **state)
{
    struct ends *ends = *state;
    uint8_t bytes[1000], byte;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pattern(i);
    write_all(&ends->a, bytes, sizeof bytes);
    ends->a.ops->close(&ends->a);
    ends->a.ops->close(&ends->a);
    read_all(&ends->b, sizeof bytes, 0);
    assert_int_equal(read_some(&ends->b, &byte, 1), JQW_IO_CLOSED);
}

/* More entries than the system takes at once. */
static void long_lists_are_taken_in_part(void **state)
{
    enum { ENTRIES = 5000 };
    struct ends *ends = *state;
    static uint8_t bytes[ENTRIES];
    static struct iovec iov[ENTRIES];
    for (size_t i = 0; i < ENTRIES; i++) {
        bytes[i] = pattern(i);
        iov[i] = (struct iovec){&bytes[i], 1};
    }
    for (size_t at = 0, seen = 0; at < ENTRIES; seen = at) {
        ssize_t put = jqw_writev(&ends->a, &iov[at], (int)(ENTRIES - at));
        assert_true(put > 0 || put == JQW_IO_AGAIN);
        at += put > 0 ? (size_t)put : 0;
        read_all(&ends->b, at - seen, seen);
    }
}

static void wants_what_its_user_wants(void **state)
{
    struct ends *ends = *state;
    const int wants[] = {0, JQW_WANT_READ, JQW_WANT_WRITE, JQW_WANT_READ | JQW_WANT_WRITE};
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
        assert_int_equal(ends->a.ops->wanted(&ends->a, wants[i]), wants[i]);
}

static void describes_its_peer(void **state)
{
    struct ends *ends = *state;
    char text[100], small[4];
    assert_true(ends->b.ops->describe(&ends->b, text, sizeof text) > 0);
    assert_true(strlen(text) > 3);
    assert_int_equal(ends->b.ops->describe(&ends->b, small, sizeof small), (int)strlen(text));
    assert_int_equal(strncmp(small, text, 3), 0);
    assert_int_equal(small[3], 0);
}

#define CONFORMS(test) cmocka_unit_test_setup_teardown(test, ends_open, ends_close)

static int run_suite(void)
{
    const struct CMUnitTest tests[] = {
        CONFORMS(bytes_arrive_whole_and_in_order), CONFORMS(nothing_to_read_is_again),
        CONFORMS(full_is_again_and_goes_on),       CONFORMS(shutdown_ends_one_direction_after_its_bytes),
        CONFORMS(writing_after_shutdown_fails),    CONFORMS(writing_to_a_closed_end_fails),
        CONFORMS(close_is_read_after_the_bytes),   CONFORMS(long_lists_are_taken_in_part),
        CONFORMS(wants_what_its_user_wants),       CONFORMS(describes_its_peer),
    };
    char name[40];
    snprintf(name, sizeof name, "%s%s", kind->name, cut ? ", cut to pieces" : "");
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    const struct kind *const kinds[] = {&kind_tcp, &kind_tls, &kind_unix, &kind_pair};
    int failed = 0;
    for (size_t i = 0; i < 2 * sizeof kinds / sizeof *kinds; i++) {
        kind = kinds[i / 2];
        cut = i % 2 == 1;
        failed += run_suite();
    }
    return failed;
}
