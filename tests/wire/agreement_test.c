/* SPDX-License-Identifier: Apache-2.0 */
/* The two decoders agree: on every vector, and on many frames that were vectors before a few bytes were changed. The
 * changes are the same in every run. Arguments: the files of vectors. */
#include "wire_agree.h"
#include "wire_mutate.h"
#include "wire_vectors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 3000 };

static int path_count;
static char **paths;
static size_t outcomes[64];

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
    uint8_t frame[VECTOR_BYTES_MAX + MUTATE_CHANGES_MAX];
    size_t size = vector->size - JQW_FRAME_HEADER;
    if (size == 0)
        return;
    outcomes[agree_exactly(vector->bytes + JQW_FRAME_HEADER, size)]++;
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(frame, vector->bytes + JQW_FRAME_HEADER, size);
        outcomes[agree_exactly(frame, mutate(frame, size, context))]++;
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
