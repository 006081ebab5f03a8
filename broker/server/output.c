/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of segments. A block is small where a chain of copied bytes begins, since most answers are; only who writes on gets
 * large ones. */
#include "output.h"
#include "codes.h"
#include "store.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct output_segment {
    struct output_segment *next;
    const uint8_t *data; /* a block: the bytes behind this head; a place: in the chunk */
    uint32_t start;      /* of what is not yet written, from data */
    uint32_t end;
    uint32_t chunk;  /* places only; 0: the bytes are the segment's own */
    uint32_t offset; /* in the chunk, while the bytes are absent: data is NULL */
    enum output_kind kind;
};

enum { ABSENT_COPY_MAX = 64 * 1024 /* bytes read from the log up to which they are copied */ };

static const struct {
    uint32_t size;      /* bytes of a segment, with its head */
    uint32_t spare_max; /* so many are kept */
} kinds[OUTPUT_KINDS] = {
    [OUTPUT_PLACE] = {sizeof(struct output_segment), 4096},
    [OUTPUT_SMALL] = {1024, 512},
    [OUTPUT_LARGE] = {16 * 1024, 64},
};

static uint32_t room_of(enum output_kind kind)
{
    return kinds[kind].size - (uint32_t)sizeof(struct output_segment);
}

static struct output_segment *segment_new(struct output_pool *pool, enum output_kind kind)
{
    struct output_segment *segment = pool->spare[kind];
    if (segment) {
        pool->spare[kind] = segment->next;
        pool->spare_count[kind]--;
    } else {
        segment = malloc(kinds[kind].size);
        if (!segment)
            return NULL;
    }
    *segment = (struct output_segment){.data = (const uint8_t *)(segment + 1), .kind = kind};
    pool->bytes += kinds[kind].size;
    return segment;
}

static void place_free(struct output_pool *pool, const struct output_segment *segment)
{
    if (segment->chunk) {
        store_unref(pool->store, segment->chunk);
        return;
    }
    pool->bytes -= segment->end;
    free((void *)(uintptr_t)segment->data);
}

static void segment_free(struct output_pool *pool, struct output_segment *segment)
{
    enum output_kind kind = segment->kind;
    pool->bytes -= kinds[kind].size;
    if (kind == OUTPUT_PLACE)
        place_free(pool, segment);
    if (pool->spare_count[kind] >= kinds[kind].spare_max) {
        free(segment);
        return;
    }
    segment->next = pool->spare[kind];
    pool->spare[kind] = segment;
    pool->spare_count[kind]++;
}

void output_pool_fini(struct output_pool *pool)
{
    for (int kind = 0; kind < OUTPUT_KINDS; kind++)
        while (pool->spare[kind]) {
            struct output_segment *segment = pool->spare[kind];
            pool->spare[kind] = segment->next;
            free(segment);
        }
    JQ_ASSERT(pool->bytes == 0);
}

static void link_last(struct output *output, struct output_segment *segment)
{
    if (output->last)
        output->last->next = segment;
    else
        output->first = segment;
    output->last = segment;
}

static bool last_is_block(const struct output *output)
{
    return output->last && output->last->kind != OUTPUT_PLACE;
}

static uint32_t last_room(const struct output *output)
{
    return last_is_block(output) ? room_of(output->last->kind) - output->last->end : 0;
}

int output_append(struct output_pool *pool, struct output *output, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    while (size > 0) {
        uint32_t room = last_room(output);
        if (room == 0) {
            bool little = !last_is_block(output) && size <= room_of(OUTPUT_SMALL);
            struct output_segment *segment = segment_new(pool, little ? OUTPUT_SMALL : OUTPUT_LARGE);
            if (!segment)
                return JQ_OVERLOADED;
            link_last(output, segment);
            room = room_of(segment->kind);
        }
        uint32_t piece = size < room ? (uint32_t)size : room;
        memcpy((uint8_t *)(output->last + 1) + output->last->end, from, piece);
        output->last->end += piece;
        output->bytes += piece;
        from += piece;
        size -= piece;
    }
    return JQ_OK;
}

int output_append_place(struct output_pool *pool, struct output *output, uint32_t chunk, const void *bytes,
                        uint32_t size)
{
    if (!store_ref(pool->store, chunk))
        return JQ_OVERLOADED;
    struct output_segment *segment = segment_new(pool, OUTPUT_PLACE);
    if (!segment) {
        store_unref(pool->store, chunk);
        return JQ_OVERLOADED;
    }
    segment->data = bytes;
    segment->end = size;
    segment->chunk = chunk;
    link_last(output, segment);
    output->bytes += size;
    return JQ_OK;
}

int output_append_absent(struct output_pool *pool, struct output *output, uint32_t chunk, uint32_t offset,
                         uint32_t size)
{
    int code = output_append_place(pool, output, chunk, NULL, size);
    if (code != JQ_OK)
        return code;
    output->last->offset = offset;
    output->absent++;
    return JQ_OK;
}

/* Little is copied, so that a few bytes of each of many chunks do not hold all of them. */
static int resolve(struct output_pool *pool, struct output_segment *segment)
{
    const uint8_t *bytes = store_at(pool->store, segment->chunk, segment->offset);
    if (segment->end >= ABSENT_COPY_MAX) {
        segment->data = bytes;
        return JQ_OK;
    }
    uint8_t *copy = malloc(segment->end);
    if (!copy)
        return JQ_OVERLOADED;
    segment->data = memcpy(copy, bytes, segment->end);
    pool->bytes += segment->end;
    uint32_t chunk = segment->chunk;
    segment->chunk = 0;
    store_unref(pool->store, chunk);
    return JQ_OK;
}

int output_resolve(struct output_pool *pool, struct output *output)
{
    int code = JQ_OK;
    for (struct output_segment *at = output->first; at && output->absent && code == JQ_OK; at = at->next) {
        if (at->data)
            continue;
        if (store_unreadable(pool->store, at->chunk, at->offset, at->end))
            return JQ_STORAGE;
        if (!store_resident(pool->store, at->chunk, at->offset, at->end))
            continue;
        code = resolve(pool, at);
        output->absent -= code == JQ_OK;
    }
    return code;
}

void output_splice(struct output *to, struct output *from)
{
    JQ_ASSERT(!from->absent);
    if (from->first) {
        link_last(to, from->first);
        to->last = from->last;
        to->bytes += from->bytes;
    }
    *from = (struct output){0};
}

int output_iov(const struct output *output, struct iovec *iov, int max)
{
    int count = 0;
    for (struct output_segment *at = output->first; at && count < max; at = at->next) {
        const uint8_t *data = at->data + at->start;
        memcpy(&iov[count].iov_base, &data, sizeof data); /* iov_base is not const, for reading's sake */
        iov[count++].iov_len = at->end - at->start;
    }
    return count;
}

static void drop_first(struct output_pool *pool, struct output *output)
{
    struct output_segment *first = output->first;
    output->first = first->next;
    if (!output->first)
        output->last = NULL;
    segment_free(pool, first);
}

void output_written(struct output_pool *pool, struct output *output, size_t size)
{
    JQ_ASSERT(size <= output->bytes);
    output->bytes -= size;
    while (size > 0) {
        struct output_segment *first = output->first;
        uint32_t left = first->end - first->start;
        if (size < left) {
            first->start += (uint32_t)size;
            return;
        }
        size -= left;
        drop_first(pool, output);
    }
}

void output_clear(struct output_pool *pool, struct output *output)
{
    while (output->first)
        drop_first(pool, output);
    output->bytes = 0;
    output->absent = 0;
}
