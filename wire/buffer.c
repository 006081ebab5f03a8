/* SPDX-License-Identifier: Apache-2.0 */
/* The growing byte buffer: capacity doubles, so that n bytes cost O(n) in all. */
#include "buffer.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 256 };

void jqw_buffer_fini(struct jqw_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct jqw_buffer){0};
}

int jqw_buffer_reserve(struct jqw_buffer *buffer, size_t more)
{
    if (JQ_LIKELY(more <= buffer->capacity - buffer->size))
        return JQ_OK;
    if (more > SIZE_MAX / 2 - buffer->size)
        return JQ_OVERLOADED;
    size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : 2 * buffer->capacity;
    if (capacity < buffer->size + more)
        capacity = buffer->size + more;
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data)
        return JQ_OVERLOADED;
    buffer->data = data;
    buffer->capacity = capacity;
    return JQ_OK;
}

int jqw_buffer_append(struct jqw_buffer *buffer, const void *bytes, size_t size)
{
    int code = jqw_buffer_reserve(buffer, size);
    if (code == JQ_OK && size > 0) {
        memcpy(buffer->data + buffer->size, bytes, size);
        buffer->size += size;
    }
    return code;
}

void jqw_buffer_consume(struct jqw_buffer *buffer, size_t size)
{
    JQ_ASSERT(size <= buffer->size);
    buffer->size -= size;
    if (size > 0 && buffer->size > 0)
        memmove(buffer->data, buffer->data + size, buffer->size);
}
