/* SPDX-License-Identifier: Apache-2.0 */
/* A body store for tests: handles by text, releases watched. It keeps no bytes and knows no queue. */
#include "bodies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body_chunk {
    char *text; /* the body's name; NULL: bodies called first + offset */
    uint64_t first;
    uint32_t count; /* bodies in it, */
    uint32_t held;  /* and not yet released, */
    uint64_t bytes; /* with so many bytes */
};

void bodies_fini(struct bodies *bodies)
{
    for (uint32_t i = 0; i < bodies->count; i++)
        free(bodies->chunks[i].text);
    free(bodies->chunks);
    *bodies = (struct bodies){0};
}

static struct body_chunk *chunk_new(struct bodies *bodies, uint32_t count)
{
    if (bodies->count == bodies->room) {
        bodies->room = bodies->room ? 2 * bodies->room : 64;
        bodies->chunks = must_grow(bodies->chunks, bodies->room * sizeof(*bodies->chunks));
    }
    struct body_chunk *chunk = &bodies->chunks[bodies->count++];
    *chunk = (struct body_chunk){.count = count, .held = count};
    bodies->held += count;
    return chunk;
}

struct engine_body bodies_add(struct bodies *bodies, const char *text)
{
    const char *colon = strchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    uint64_t length = size;
    if (colon && (!text_number(colon + 1, &length) || length > UINT32_MAX))
        length = size;
    struct body_chunk *chunk = chunk_new(bodies, 1);
    chunk->text = must_alloc(size + 1);
    memcpy(chunk->text, text, size);
    chunk->bytes = length;
    return (struct engine_body){.chunk = bodies->count, .length = (uint32_t)length};
}

static uint32_t number_length(uint64_t number)
{
    uint32_t length = 1;
    for (; number >= 10; number /= 10)
        length++;
    return length;
}

void bodies_add_range(struct bodies *bodies, uint64_t first, uint32_t count, struct engine_body *out)
{
    struct body_chunk *chunk = chunk_new(bodies, count);
    chunk->first = first;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (struct engine_body){.chunk = bodies->count, .offset = i, .length = number_length(first + i)};
        chunk->bytes += out[i].length;
    }
}

void bodies_show(const struct bodies *bodies, struct engine_body body, struct text *out, const char **problem)
{
    if (body.chunk == 0 || body.chunk > bodies->count) {
        *problem = "a body that was never put";
        return;
    }
    const struct body_chunk *chunk = &bodies->chunks[body.chunk - 1];
    if (body.offset >= chunk->count)
        *problem = "a body that was never put";
    else if (chunk->held == 0)
        *problem = "a body that was released before";
    else if (chunk->text)
        text_add(out, " %s", chunk->text);
    else
        text_add(out, " %" PRIu64, chunk->first + body.offset);
}

const char *bodies_release(struct bodies *bodies, const struct engine_release *release)
{
    if (release->chunk == 0 || release->chunk > bodies->count)
        return "releases a chunk that never was";
    struct body_chunk *chunk = &bodies->chunks[release->chunk - 1];
    if (release->count == 0 || release->count > chunk->held || release->bytes > chunk->bytes)
        return "releases a body twice";
    chunk->held -= release->count;
    chunk->bytes -= release->bytes;
    bodies->held -= release->count;
    if (chunk->held == 0 && chunk->bytes != 0)
        return "releases bodies, but not their bytes";
    return NULL;
}

void bodies_forget(struct bodies *bodies)
{
    for (uint32_t i = 0; i < bodies->count; i++) {
        bodies->chunks[i].held = 0;
        bodies->chunks[i].bytes = 0;
    }
    bodies->held = 0;
}

void bodies_remember(struct bodies *bodies, struct engine_body body)
{
    struct body_chunk *chunk = &bodies->chunks[body.chunk - 1];
    chunk->held++;
    chunk->bytes += body.length;
    bodies->held++;
}
