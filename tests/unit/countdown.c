/* SPDX-License-Identifier: Apache-2.0 */
/* What libraries allocate for themselves is not seen here, and is never refused. */
#include "countdown.h"
#include <stddef.h>

struct countdown memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strndup(const char *text, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strndup(const char *text, size_t size);
void __wrap_free(void *old);

static bool refused(void)
{
    if (!memory.armed)
        return false;
    long left = memory.left--;
    return left == 0 || (left < 0 && memory.for_good);
}

static void *counted(void *made)
{
    memory.live += memory.armed && made;
    return made;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (refused())
        return NULL;
    void *made = __real_realloc(old, size);
    return old ? made : counted(made);
}

char *__wrap_strndup(const char *text, size_t size)
{
    return refused() ? NULL : counted(__real_strndup(text, size));
}

void __wrap_free(void *old)
{
    memory.live -= memory.armed && old;
    __real_free(old);
}
