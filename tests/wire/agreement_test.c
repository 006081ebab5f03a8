/* SPDX-License-Identifier: Apache-2.0 */
/* The two decoders agree: on every vector, and on many frames that were vectors before a few bytes were changed. The
 * changes are the same in every run. Arguments: the files of vectors. */
#include "wire_agree.h"
#include "wire_vectors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 3000, CHANGES_MAX = 4 };

static int path_count;
static char **paths;
static size_t outcomes[64];

static uint32_t chance(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % below);
}

static uint8_t telling_byte(uint64_t *state)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0x90, 0x91, 0xa0, 0xa1, 0xc0, 0xc4, 0xc5,
                                      0xcc, 0xcf, 0xd0, 0xd9, 0xdc, 0xdd, 0xde, 0xdf, 0xff, 0x94, 0x81};
    uint32_t which = chance(state, sizeof telling + 8);
    return which < sizeof telling ? telling[which] : (uint8_t)chance(state, 256);
}

/* Changes, inserts or removes one byte. */
static size_t change(uint8_t *frame, size_t size, uint64_t *state)
{
    size_t at = chance(state, (uint32_t)size);
    switch (chance(state, 4)) {
    case 0:
        memmove(frame + at + 1, frame + at, size - at);
        frame[at] = telling_byte(state);
        return size + 1;
    case 1:
        memmove(frame + at, frame + at + 1, size - at - 1);
        return size > 1 ? size - 1 : size;
    default:
        frame[at] = telling_byte(state);
        return size;
    }
}

/* In memory of exactly its size, so that a sanitizer sees a step beyond it. */
static int agree_exactly(const uint8_t *frame, size_t size)
{
    uint8_t *exact = malloc(size);
    assert_non_null(exact);
    memcpy(exact, frame, size);
    int code = agree_on(exact, size);
    free(exact);
    return code;
}

static void check(const struct vector *vector, void *context)
{
    uint64_t *state = context;
    uint8_t frame[VECTOR_BYTES_MAX + CHANGES_MAX];
    size_t original = vector->size - JQW_FRAME_HEADER;
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(frame, vector->bytes + JQW_FRAME_HEADER, original);
        size_t size = original;
        uint32_t changes = round == 0 || size == 0 ? 0 : 1 + chance(state, CHANGES_MAX);
        while (changes-- > 0)
            size = change(frame, size, state);
        if (size > 0)
            outcomes[agree_exactly(frame, size)]++;
    }
}

static void both_decoders_agree(void **unused)
{
    (void)unused;
    uint64_t state = 1;
    for (int i = 0; i < path_count; i++)
        assert_int_not_equal(vectors_read(paths[i], check, &state), 0);
    print_message("%zu OK, %zu INVALID, %zu PROTOCOL\n", outcomes[JQ_OK], outcomes[JQ_INVALID], outcomes[JQ_PROTOCOL]);
    assert_int_not_equal(outcomes[JQ_OK], 0);
    assert_int_not_equal(outcomes[JQ_INVALID], 0);
}

int main(int argc, char **argv)
{
    path_count = argc - 1;
    paths = argv + 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_decoders_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
