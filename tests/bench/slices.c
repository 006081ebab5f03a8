/* SPDX-License-Identifier: Apache-2.0 */
/* Short slices of a load, on demand; see slices.h. */
#include "slices.h"
#include "tool.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool slice_begin(struct slice *slice)
{
    char line[64];
    if (!fgets(line, sizeof line, stdin))
        return false;
    char *end;
    uint64_t ms = strtoull(line, &end, 10);
    if (end == line || *end != '\n')
        die("'%s' is no slice", line);
    slice->count = 0;
    slice->took_count = 0;
    slice->begun_ns = clock_ns();
    slice->until_ns = slice->begun_ns + ms * 1000000;
    return true;
}

uint64_t slice_did(struct slice *slice, uint64_t count, uint64_t since_ns)
{
    if (slice->took_count == slice->took_capacity) {
        slice->took_capacity = slice->took_capacity ? slice->took_capacity * 2 : 4096;
        slice->took_ns = realloc(slice->took_ns, slice->took_capacity * sizeof *slice->took_ns);
        if (!slice->took_ns)
            die("no memory");
    }
    uint64_t now = clock_ns();
    slice->took_ns[slice->took_count++] = now - since_ns;
    slice->count += count;
    return now;
}

void slice_stop(struct slice *slice)
{
    slice->until_ns = clock_ns();
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

void slice_say(struct slice *slice)
{
    if (slice->took_count == 0)
        die("nothing was done in a slice");
    qsort(slice->took_ns, slice->took_count, sizeof *slice->took_ns, compare);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", slice->count, slice->until_ns - slice->begun_ns,
           slice->took_ns[slice->took_count / 2]);
    fflush(stdout);
}
