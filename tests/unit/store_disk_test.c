/* SPDX-License-Identifier: Apache-2.0 */
/* The store with a log behind it: what goes from memory, what comes back and in which order, what fails, and what it costs. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codes.h"
#include "store.h"

enum {
    SEGMENT = 8 * 1024 * 1024,
    SEGMENTS = 32,
    READS = 64,
    BODY = 1000,
    COUNT = 16 * STORE_CHUNK_SIZE / BODY,
};

struct body {
    uint32_t chunk, offset;
};

/* A log of zeros and of what was put, read when the test says so. */
struct rig {
    struct store *store;
    uint8_t *log[SEGMENTS];
    uint64_t segment;
    uint32_t end;
    struct {
        uint32_t chunk, count;
        struct store_part *parts;
    } reads[READS];
    uint32_t read_first, read_count;
    struct body body[COUNT];
};

static int disk_read(void *user, uint32_t chunk, const struct store_part *parts, uint32_t count)
{
    struct rig *rig = user;
    uint32_t at = (rig->read_first + rig->read_count++) % READS;
    assert_true(rig->read_count < READS);
    rig->reads[at].chunk = chunk;
    rig->reads[at].count = count;
    rig->reads[at].parts = malloc(count * sizeof *parts);
    memcpy(rig->reads[at].parts, parts, count * sizeof *parts);
    return JQ_OK;
}

/* The oldest read comes to its end. */
static uint32_t answer(struct rig *rig, int code)
{
    uint32_t at = rig->read_first++ % READS, chunk = rig->reads[at].chunk;
    assert_true(rig->read_count-- > 0);
    for (uint32_t i = 0; i < rig->reads[at].count; i++) {
        const struct store_part *part = &rig->reads[at].parts[i];
        memcpy(part->to, rig->log[part->place.segment] + part->place.offset, part->size);
    }
    free(rig->reads[at].parts);
    store_loaded(rig->store, chunk, code);
    return chunk;
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->store = store_new(0);
    store_disk(rig->store, &(struct store_disk){disk_read, rig}, 4 * STORE_CHUNK_SIZE);
    rig->segment = 1;
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    while (rig->read_count)
        answer(rig, JQ_STORAGE);
    store_free(rig->store);
    for (int i = 0; i < SEGMENTS; i++)
        free(rig->log[i]);
    free(rig);
    return 0;
}

static struct store_totals totals_of(const struct rig *rig)
{
    struct store_totals totals;
    store_totals(rig->store, &totals);
    return totals;
}

/* Writes it to the log; its place. */
static struct store_part write_log(struct rig *rig, const uint8_t *bytes, uint32_t size)
{
    if (rig->end + size > SEGMENT) {
        rig->segment++;
        rig->end = 0;
    }
    if (!rig->log[rig->segment])
        rig->log[rig->segment] = calloc(1, SEGMENT);
    memcpy(rig->log[rig->segment] + rig->end, bytes, size);
    struct store_part part = {.place = {rig->segment, rig->end}, .size = size};
    rig->end += size + 40; /* what stands between two */
    return part;
}

static void place(struct rig *rig, struct body body, uint32_t size, uint32_t count)
{
    const struct store_part part = write_log(rig, store_at(rig->store, body.chunk, body.offset), size);
    store_hold(rig->store, body.chunk);
    store_placed(rig->store, body.chunk, body.offset, &part, count);
    store_drop(rig->store, body.chunk);
}

static struct body put(struct rig *rig, uint32_t value, uint32_t size)
{
    struct body body;
    uint8_t *bytes = malloc(size);
    memset(bytes, (int)value, size);
    memcpy(bytes, &value, sizeof value);
    assert_int_equal(store_append(rig->store, STORE_DURABLE, bytes, size, 1, &body.chunk, &body.offset), JQ_OK);
    free(bytes);
    return body;
}

static void put_many(struct rig *rig)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        rig->body[i] = put(rig, i, BODY);
        place(rig, rig->body[i], BODY, 1);
    }
}

static void assert_is(const struct rig *rig, struct body body, uint32_t value)
{
    uint32_t first;
    const uint8_t *at = store_at(rig->store, body.chunk, body.offset);
    memcpy(&first, at, sizeof first);
    assert_int_equal(first, value);
    assert_int_equal(at[BODY - 1], (uint8_t)value);
}

static void what_was_filled_last_goes_first(void **state)
{
    struct rig *rig = *state;
    put_many(rig);
    assert_true(totals_of(rig).durable_bytes <= 4 * STORE_CHUNK_SIZE);
    assert_true(store_resident(rig->store, rig->body[0].chunk, rig->body[0].offset, 1));
    assert_is(rig, rig->body[0], 0);
    assert_false(store_resident(rig->store, rig->body[COUNT / 2].chunk, rig->body[COUNT / 2].offset, 1));
    assert_true(totals_of(rig).absent_bytes > 10 * STORE_CHUNK_SIZE);
}

/* As a consumer does: in order, each released once it was had. */
static void a_backlog_is_read_in_order_and_ahead(void **state)
{
    struct rig *rig = *state;
    uint32_t waited = 0, chunks = 0;
    put_many(rig);
    store_disk(rig->store, &(struct store_disk){disk_read, rig}, 16 * STORE_CHUNK_SIZE);
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct body *body = &rig->body[i];
        bool fresh = i == 0 || body->chunk != body[-1].chunk;
        store_want(rig->store, body->chunk, body->offset);
        chunks += fresh;
        waited += fresh && !store_resident(rig->store, body->chunk, body->offset, BODY);
        while (rig->read_count)
            answer(rig, JQ_OK);
        assert_is(rig, *body, i);
        store_release(rig->store, body->chunk, 1, 0);
    }
    assert_true(chunks >= 16 && waited == 0);
    assert_int_equal(totals_of(rig).absent_bytes, 0);
    assert_int_equal(totals_of(rig).bodies, 0);
    assert_true(totals_of(rig).loads <= totals_of(rig).evictions);
}

static void memory_stays_within_its_limit_whoever_is_read(void **state)
{
    struct rig *rig = *state;
    put_many(rig);
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t at = i * 7919 % COUNT;
        store_want(rig->store, rig->body[at].chunk, rig->body[at].offset);
        while (!store_resident(rig->store, rig->body[at].chunk, rig->body[at].offset, 1))
            answer(rig, JQ_OK);
        assert_is(rig, rig->body[at], at);
        assert_true(totals_of(rig).durable_bytes <= 5 * STORE_CHUNK_SIZE);
    }
}

static void what_is_not_in_the_log_stays(void **state)
{
    struct rig *rig = *state;
    struct body odd = put(rig, 77, BODY), refused = put(rig, 78, BODY);
    put_many(rig);
    assert_is(rig, odd, 77);
    assert_int_equal(odd.chunk, rig->body[0].chunk);
    store_disk(rig->store, &(struct store_disk){disk_read, rig}, 1);
    place(rig, odd, BODY, 1);
    assert_true(store_resident(rig->store, odd.chunk, odd.offset, 1));
    store_release(rig->store, refused.chunk, 1, 1);
    assert_true(store_ref(rig->store, odd.chunk)); /* while it is on its way out, too */
    place(rig, put(rig, 1, BODY), BODY, 1);
    assert_true(store_resident(rig->store, odd.chunk, odd.offset, 1));
    store_unref(rig->store, odd.chunk);
    assert_false(store_resident(rig->store, odd.chunk, odd.offset, 1));
}

static void a_failed_read_is_told_and_tried_again(void **state)
{
    struct rig *rig = *state;
    put_many(rig);
    uint32_t at = COUNT / 2, chunk = rig->body[at].chunk;
    uint64_t before = totals_of(rig).bytes;
    store_want(rig->store, chunk, rig->body[at].offset);
    assert_true(rig->read_count > 0);
    while (rig->read_count)
        answer(rig, JQ_STORAGE);
    assert_false(store_resident(rig->store, chunk, rig->body[at].offset, 1));
    assert_true(store_unreadable(rig->store, chunk, rig->body[at].offset, 1));
    assert_true(totals_of(rig).failures > 0 && totals_of(rig).bytes <= before);
    store_want(rig->store, chunk, rig->body[at].offset);
    assert_false(store_unreadable(rig->store, chunk, rig->body[at].offset, 1));
    assert_int_equal(answer(rig, JQ_OK), chunk);
    assert_is(rig, rig->body[at], at);
}

/* An answer that had such a body may outlive it: its message was finished by somebody else. */
static void what_is_over_was_not_unreadable(void **state)
{
    struct rig *rig = *state;
    put_many(rig);
    uint32_t chunk = rig->body[0].chunk;
    for (uint32_t i = 0; i < COUNT && rig->body[i].chunk == chunk; i++)
        store_release(rig->store, chunk, 1, 0);
    assert_false(store_unreadable(rig->store, chunk, rig->body[0].offset, BODY));
}

/* The others of its chunk are there; it is tried again when nobody uses these. */
static void what_cannot_be_read_does_not_spoil_its_neighbours(void **state)
{
    struct rig *rig = *state;
    put_many(rig);
    uint32_t at = COUNT / 2, chunk = rig->body[at].chunk, first = at;
    while (rig->body[first - 1].chunk == chunk)
        first--;
    store_want(rig->store, chunk, rig->body[at].offset);
    assert_int_equal(rig->reads[rig->read_first % READS].chunk, chunk);
    store_part_lost(rig->store, chunk, at - first);
    answer(rig, JQ_STORAGE);
    assert_true(store_unreadable(rig->store, chunk, rig->body[at].offset, BODY));
    assert_true(store_unreadable(rig->store, chunk, rig->body[at - 1].offset, 2 * BODY));
    assert_false(store_resident(rig->store, chunk, rig->body[at - 1].offset, BODY + 1));
    for (uint32_t i = first; rig->body[i].chunk == chunk; i++) {
        assert_int_equal(store_resident(rig->store, chunk, rig->body[i].offset, BODY), i != at);
        if (i != at)
            assert_is(rig, rig->body[i], i);
    }
    assert_true(store_ref(rig->store, chunk));
    store_want(rig->store, chunk, rig->body[at].offset);
    assert_true(store_unreadable(rig->store, chunk, rig->body[at].offset, BODY));
    store_unref(rig->store, chunk);
    while (rig->read_count)
        answer(rig, JQ_OK);
    store_want(rig->store, chunk, rig->body[at].offset);
    assert_int_equal(answer(rig, JQ_OK), chunk);
    assert_is(rig, rig->body[at], at);
}

static void who_goes_while_it_is_read_is_gone(void **state)
{
    struct rig *rig = *state;
    put_many(rig);
    uint32_t at = COUNT / 2, chunk = rig->body[at].chunk;
    store_want(rig->store, chunk, rig->body[at].offset);
    for (uint32_t i = 0; i < COUNT; i++)
        store_release(rig->store, rig->body[i].chunk, 1, 0);
    while (rig->read_count)
        answer(rig, JQ_OK);
    assert_int_equal(totals_of(rig).bodies, 0);
    assert_int_equal(totals_of(rig).absent_bytes, 0);
    assert_true(totals_of(rig).durable_bytes <= STORE_CHUNK_SIZE);
}

static void places_are_found_by_body(void **state)
{
    struct rig *rig = *state;
    put_many(rig);
    for (uint32_t i = 0; i < COUNT; i += 100) {
        struct store_part run;
        uint32_t offset;
        assert_true(store_place(rig->store, rig->body[i].chunk, rig->body[i].offset, &run, &offset));
        assert_int_equal(offset, rig->body[i].offset);
        assert_int_equal(run.size, BODY);
        assert_memory_equal(rig->log[run.place.segment] + run.place.offset, &i, sizeof i);
    }
    struct body fresh = put(rig, 1, BODY);
    struct store_part run;
    uint32_t offset;
    assert_false(store_place(rig->store, fresh.chunk, fresh.offset, &run, &offset));
}

/* Bytes that the store has taken, beside bodies in memory. */
static uint64_t taken(const struct store *store)
{
    const struct mallinfo2 heap = mallinfo2();
    struct store_totals totals;
    store_totals(store, &totals);
    return heap.uordblks + heap.hblkhd - totals.durable_bytes;
}

/* The worst case: each body alone in its run. What there is beside it, message and all, may take 48 bytes. */
static void assert_costs_little(uint32_t size, uint32_t count, bool adopted)
{
    static uint8_t bytes[1024 * 1024];
    const double message = 24.5;
    struct store *store = store_new(0);
    store_disk(store, &(struct store_disk){0}, 4 * STORE_CHUNK_SIZE);
    uint64_t before = taken(store);
    for (uint32_t i = 0; i < count; i++) {
        struct body body;
        const struct store_part part = {.place = {1 + i / 1000, i % 1000 * 64}, .size = size, .crc = i};
        int code = adopted ? store_adopt(store, &part, NULL, 1, size, &body.chunk, &body.offset)
                           : store_append(store, STORE_DURABLE, bytes, size, 1, &body.chunk, &body.offset);
        assert_int_equal(code, JQ_OK);
        if (!adopted)
            store_placed(store, body.chunk, body.offset, &part, 1);
    }
    struct store_totals totals;
    store_totals(store, &totals);
    uint64_t absent = totals.absent_bytes / size;
    double each = (double)(taken(store) - before) / (double)count;
    print_message("%u bytes alone in their run%s: %.1f bytes, and the message %.1f\n", size, adopted ? ", adopted" : "",
                  each, message);
    assert_true(absent > count / 2);
#ifndef __SANITIZE_ADDRESS__
    assert_true(each + message <= 48);
#endif
    store_free(store);
}

static void an_entry_costs_little(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {10, 100, 4096, 10 * 1024, 40 * 1024, 1024 * 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_costs_little(sizes[i], sizes[i] < 4096 ? 300 * 1000 : 50 * 1000, true);
        assert_costs_little(sizes[i], sizes[i] < 4096 ? 300 * 1000 : sizes[i] > 40 * 1024 ? 3000 : 20 * 1000, false);
    }
}

/* Each hundredth stays. */
static uint32_t release_most(struct rig *rig)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        if (i % 100)
            store_release(rig->store, rig->body[i].chunk, 1, 0);
        else
            kept++;
    }
    return kept;
}

static void move_chosen(struct rig *rig)
{
    while (rig->read_count)
        answer(rig, JQ_OK);
    assert_true(store_clean_ready(rig->store));
    for (uint32_t i = 0; i < COUNT; i += 100) {
        struct body *body = &rig->body[i], to;
        if (!store_compacts(rig->store, body->chunk, body->offset))
            continue;
        assert_int_equal(store_copy(rig->store, STORE_DURABLE, body->chunk, body->offset, BODY, &to.chunk, &to.offset),
                         JQ_OK);
        store_release(rig->store, body->chunk, 1, 0);
        *body = to;
    }
    store_compact_end(rig->store);
}

static void segments_are_emptied(void **state)
{
    struct rig *rig = *state;
    struct store_segment segments[] = {{.number = 1}, {.number = 2}, {.number = 3}};
    put_many(rig);
    uint32_t kept = release_most(rig);
    assert_int_equal(store_segments(rig->store, segments, 3), 0);
    assert_true(segments[0].alive > kept * BODY / 2 && segments[0].alive < kept * BODY * 2);
    assert_int_equal(segments[2].alive, 0);
    segments[0].clean = true;
    assert_true(store_clean_begin(rig->store, segments, 3, UINT64_MAX));
    assert_true(segments[0].clean);
    assert_false(store_clean_ready(rig->store));
    move_chosen(rig);
    assert_int_equal(store_segments(rig->store, segments, 3), 0);
    assert_int_equal(segments[0].alive, 0);
    for (uint32_t i = 0; i < COUNT; i += 100)
        assert_is(rig, rig->body[i], i);
}

static void segments_are_emptied_in_parts(void **state)
{
    struct rig *rig = *state;
    struct store_segment segments[] = {{.number = 1}, {.number = 2}, {.number = 3}};
    put_many(rig);
    (void)release_most(rig);
    uint64_t chunks = COUNT * (uint64_t)BODY / STORE_CHUNK_SIZE, alive = UINT64_MAX;
    uint32_t parts = 0;
    for (bool left = true; left; parts++) {
        segments[0].clean = true;
        assert_true(store_clean_begin(rig->store, segments, 3, 2 * STORE_CHUNK_SIZE));
        left = !segments[0].clean;
        assert_true(rig->read_count <= 2);
        move_chosen(rig);
        assert_int_equal(store_segments(rig->store, segments, 3), 0);
        assert_true(segments[0].alive < alive);
        alive = segments[0].alive;
    }
    assert_int_equal(alive, 0);
    assert_true(parts >= chunks / 2);
    for (uint32_t i = 0; i < COUNT; i += 100)
        assert_is(rig, rig->body[i], i);
}

/* Recovery: what lies in the log is adopted, by its bytes or by where it is. */
static void what_is_adopted_beyond_the_limit_is_read_later(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[10 * BODY];
    for (uint32_t i = 0; i + 10 <= COUNT; i += 10) {
        for (uint32_t k = 0; k < 10; k++) {
            uint32_t value = i + k;
            memset(bytes + (size_t)k * BODY, (int)value, BODY);
            memcpy(bytes + (size_t)k * BODY, &value, sizeof value);
        }
        struct store_part part = write_log(rig, bytes, sizeof bytes);
        bool at_hand = i < COUNT / 2;
        for (uint32_t k = 0; k < (at_hand ? 1 : 10); k++) {
            struct body *body = &rig->body[i + k];
            assert_int_equal(store_adopt(rig->store, &part, at_hand ? bytes : NULL, at_hand ? 10 : 1,
                                         at_hand ? 10 * BODY : BODY, &body->chunk, &body->offset),
                             JQ_OK);
            body->offset += k * BODY;
        }
        for (uint32_t k = 1; at_hand && k < 10; k++)
            rig->body[i + k] = (struct body){rig->body[i].chunk, rig->body[i].offset + k * BODY};
    }
    assert_true(totals_of(rig).durable_bytes <= 5 * STORE_CHUNK_SIZE);
    assert_int_equal(totals_of(rig).bodies, COUNT / 10 * 10);
    for (uint32_t i = 0; i < COUNT / 10 * 10; i++) {
        store_want(rig->store, rig->body[i].chunk, rig->body[i].offset);
        while (!store_resident(rig->store, rig->body[i].chunk, rig->body[i].offset, 1))
            answer(rig, JQ_OK);
        assert_is(rig, rig->body[i], i);
        store_release(rig->store, rig->body[i].chunk, 1, 0);
    }
    assert_int_equal(totals_of(rig).absent_bytes, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_filled_last_goes_first),
        TEST(a_backlog_is_read_in_order_and_ahead),
        TEST(memory_stays_within_its_limit_whoever_is_read),
        TEST(what_is_not_in_the_log_stays),
        TEST(a_failed_read_is_told_and_tried_again),
        TEST(what_is_over_was_not_unreadable),
        TEST(what_cannot_be_read_does_not_spoil_its_neighbours),
        TEST(who_goes_while_it_is_read_is_gone),
        TEST(places_are_found_by_body),
        TEST(an_entry_costs_little),
        TEST(segments_are_emptied),
        TEST(segments_are_emptied_in_parts),
        TEST(what_is_adopted_beyond_the_limit_is_read_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
