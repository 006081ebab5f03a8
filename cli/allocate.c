/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, or the end of the program: what was leased goes back with the connection. */
#include "allocate.h"
#include <stdio.h>
#include <stdlib.h>

static void *or_end(void *memory)
{
    if (memory == NULL) {
        fputs("joinq: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void *allocate(size_t size)
{
    return or_end(calloc(1, size > 0 ? size : 1));
}

void *allocate_again(void *memory, size_t size)
{
    return or_end(realloc(memory, size > 0 ? size : 1));
}
