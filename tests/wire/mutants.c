/* SPDX-License-Identifier: Apache-2.0 */
/* Prints mutated vectors, each with its length, and what the decoder says to them: "INVALID 00000004..." a line, for
 * mutants_check.py. Arguments: how many of each vector, then the files. */
#include "message.h"
#include "wire_mutate.h"
#include "wire_vectors.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct jqw_scratch scratch;
static long rounds;

static void print_mutant(const uint8_t *frame, size_t size)
{
    struct jqw_message message;
    const char *why;
    printf("%s %08zx", jqw_code_name(jqw_decode(frame, size, &message, &scratch, &why)), size);
    for (size_t i = 0; i < size; i++)
        printf("%02x", frame[i]);
    printf("\n");
}

static void print_mutants(const struct vector *vector, void *context)
{
    uint8_t frame[VECTOR_BYTES_MAX + MUTATE_CHANGES_MAX];
    size_t size = vector->size - JQW_FRAME_HEADER;
    for (long round = 0; round < rounds && size > 0; round++) {
        memcpy(frame, vector->bytes + JQW_FRAME_HEADER, size);
        print_mutant(frame, mutate(frame, size, context));
    }
}

int main(int argc, char **argv)
{
    uint64_t state = 2;
    if (argc < 3)
        return 2;
    rounds = strtol(argv[1], NULL, 10);
    for (int i = 2; i < argc; i++)
        (void)vectors_read(argv[i], print_mutants, &state);
    return 0;
}
