/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer. Memory comes with the bytes that are written, never with a length that a peer announced. */
#ifndef JOINQ_WIRE_BUFFER_H
#define JOINQ_WIRE_BUFFER_H

#include "base.h"
#include <stddef.h>
#include <stdint.h>

struct jqw_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void jqw_buffer_fini(struct jqw_buffer *buffer); /* frees and zeroes; tolerates a zeroed one */
/* Makes room for `more` bytes behind size. JQ_OK or JQ_OVERLOADED, with the buffer as it was. */
JQ_MUST_USE int jqw_buffer_reserve(struct jqw_buffer *buffer, size_t more);
JQ_MUST_USE int jqw_buffer_append(struct jqw_buffer *buffer, const void *bytes, size_t size);
/* Drops the first `size` bytes. */
void jqw_buffer_consume(struct jqw_buffer *buffer, size_t size);

#endif
