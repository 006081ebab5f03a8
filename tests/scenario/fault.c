/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations that fail when told. It knows nothing of what is tested. */
#include "fault.h"

#include <errno.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *data, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *data, size_t size);

static struct {
    bool armed, failed;
    uint64_t count, nth;
} fault;

void fault_begin(uint64_t nth)
{
    fault.armed = true;
    fault.failed = false;
    fault.count = 0;
    fault.nth = nth;
}

uint64_t fault_end(bool *failed)
{
    fault.armed = false;
    *failed = fault.failed;
    return fault.count;
}

static bool refuse(void)
{
    if (!fault.armed || ++fault.count != fault.nth)
        return false;
    fault.failed = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *data, size_t size)
{
    return refuse() ? NULL : __real_realloc(data, size);
}
