/* SPDX-License-Identifier: Apache-2.0 */
/* Names and incarnations in a hash table. */
#include "jqc_names.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Refused memory is told, not fatal: the hash table leaves the entry out. */
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION     HASH_FNV
#include <uthash.h>

struct jqc_name {
    UT_hash_handle hh;
    uint64_t incarnation; /* 0: not met yet */
    uint32_t epoch;       /* of the broker where it was met last */
    size_t size;
    char text[];
};

void jqc_names_fini(struct jqc_names *names)
{
    struct jqc_name *name, *next;
    HASH_ITER (hh, names->by_name, name, next) {
        HASH_DELETE(hh, names->by_name, name);
        free(name);
    }
}

JQ_MUST_USE static int name_add(struct jqc_names *names, const char *text, size_t size, struct jqc_name **out)
{
    struct jqc_name *name = calloc(1, sizeof *name + size + 1);
    if (!name)
        return JQ_OVERLOADED;
    name->size = size;
    memcpy(name->text, text, size);
    HASH_ADD_KEYPTR(hh, names->by_name, name->text, (unsigned)size, name);
    if (!name->hh.tbl) {
        free(name);
        return JQ_OVERLOADED;
    }
    *out = name;
    return JQ_OK;
}

int jqc_names_find(struct jqc_names *names, const char *text, struct jqc_name **out)
{
    size_t size = text ? strnlen(text, JQW_NAME_MAX + 1) : 0;
    if (size == 0 || size > JQW_NAME_MAX)
        return JQ_INVALID;
    struct jqc_name *name;
    HASH_FIND(hh, names->by_name, text, (unsigned)size, name);
    if (!name)
        return name_add(names, text, size, out);
    *out = name;
    return JQ_OK;
}

const struct jqc_name *jqc_names_of(const struct jqc_names *names, const struct jqw_queue *queue)
{
    const struct jqc_name *name;
    HASH_FIND(hh, names->by_name, queue->name.data, (unsigned)queue->name.size, name);
    return name;
}

struct jqw_queue jqc_name_queue(const struct jqc_name *name)
{
    return (struct jqw_queue){.name = {(const uint8_t *)name->text, name->size}, .incarnation = name->incarnation};
}

void jqc_name_meet(struct jqc_name *name, uint64_t incarnation, uint32_t epoch)
{
    if (name->incarnation == 0)
        name->incarnation = incarnation;
    if (incarnation != 0 && name->incarnation == incarnation)
        name->epoch = epoch;
}

void jqc_name_declared(struct jqc_name *name, uint64_t incarnation, uint32_t epoch)
{
    name->incarnation = incarnation;
    name->epoch = epoch;
}

bool jqc_name_is_lost(const struct jqc_name *name, uint32_t epoch)
{
    return name->incarnation != 0 && name->epoch != epoch;
}

void jqc_name_lost_text(const struct jqc_name *name, const char *more, char *to, size_t size)
{
    snprintf(to, size, "queue '%s' was lost with its broker%s", name->text, more);
}

void jqc_name_unmet_text(const struct jqc_name *name, const char *more, char *to, size_t size)
{
    snprintf(to, size, "the broker began anew before it had told which queue '%s' is%s", name->text, more);
}
