/* SPDX-License-Identifier: Apache-2.0 */
/* Levels by bytes and by number. They know nothing of messages. */
#define HASH_NONFATAL_OOM 1
#include "levels.h"
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((void)(element)) /* told by hh.tbl being NULL */

struct level {
    UT_hash_handle hh;
    uint32_t uses, number, size;
    char bytes[];
};

static bool levels_room(struct levels *levels)
{
    if (levels->free_count || levels->count < levels->capacity)
        return true;
    uint32_t capacity = levels->capacity ? 2 * levels->capacity : 8;
    struct level **item = realloc(levels->item, capacity * sizeof(struct level *));
    if (!item)
        return false;
    levels->item = item;
    uint32_t *free_number = realloc(levels->free_number, capacity * sizeof *free_number);
    if (!free_number)
        return false;
    levels->free_number = free_number;
    levels->capacity = capacity;
    return true;
}

static struct level *level_new(struct levels *levels, struct engine_text bytes)
{
    struct level *level = levels_room(levels) ? calloc(1, sizeof *level + bytes.size) : NULL;
    if (!level)
        return NULL;
    level->size = bytes.size;
    memcpy(level->bytes, bytes.data, bytes.size);
    HASH_ADD_KEYPTR(hh, levels->by_bytes, level->bytes, level->size, level);
    if (!level->hh.tbl) {
        free(level);
        return NULL;
    }
    level->number = levels->free_count ? levels->free_number[--levels->free_count] : ++levels->count;
    levels->item[level->number - 1] = level;
    return level;
}

bool levels_take(struct levels *levels, struct engine_text bytes, uint32_t uses, uint64_t *out)
{
    *out = 0;
    if (!bytes.size)
        return true;
    struct level *level;
    HASH_FIND(hh, levels->by_bytes, bytes.data, bytes.size, level);
    if (!level && !(level = level_new(levels, bytes)))
        return false;
    level->uses += uses;
    *out = level->number;
    return true;
}

void levels_give(struct levels *levels, uint64_t number, uint32_t uses)
{
    if (!number)
        return;
    struct level *level = levels->item[number - 1];
    level->uses -= uses;
    if (level->uses)
        return;
    levels->item[number - 1] = NULL;
    levels->free_number[levels->free_count++] = (uint32_t)number;
    HASH_DEL(levels->by_bytes, level);
    free(level);
}

struct engine_text levels_bytes(const struct levels *levels, uint64_t number)
{
    const struct level *level = number ? levels->item[number - 1] : NULL;
    return level ? (struct engine_text){level->bytes, level->size} : (struct engine_text){"", 0};
}

/* An entry of a heap may have outlived its message, and its level: then it has no place of its own. */
bool levels_before(const struct levels *levels, uint64_t a, uint64_t b)
{
    struct engine_text x = levels_bytes(levels, a), y = levels_bytes(levels, b);
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
    return order < 0 || (order == 0 && x.size < y.size);
}

uint64_t levels_uses(const struct levels *levels)
{
    uint64_t uses = 0;
    for (uint32_t i = 0; i < levels->count; i++)
        uses += levels->item[i] ? levels->item[i]->uses : 0;
    return uses;
}

void levels_fini(struct levels *levels)
{
    struct level *level, *next;
    HASH_ITER (hh, levels->by_bytes, level, next) {
        HASH_DEL(levels->by_bytes, level);
        free(level);
    }
    free(levels->item);
    free(levels->free_number);
    *levels = (struct levels){0};
}
