/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail: what the linker's --wrap makes of malloc, calloc and realloc. Knows nothing of who asks. */
#include "fault.h"
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static struct {
    bool armed;
    uint32_t after, times, failed;
} fault;

void fault_arm(uint32_t after, uint32_t times)
{
    fault.armed = true;
    fault.after = after;
    fault.times = times;
    fault.failed = 0;
}

uint32_t fault_disarm(void)
{
    fault.armed = false;
    return fault.failed;
}

static bool fails(void)
{
    if (!fault.armed || fault.failed == fault.times)
        return false;
    if (fault.after) {
        fault.after--;
        return false;
    }
    fault.failed++;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}
