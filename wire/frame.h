/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: a 4-byte big-endian length and as many bytes. The parser looks at bytes that the caller holds and yields at
 * most one frame; it keeps nothing but a sticky error. */
#ifndef JOINQ_WIRE_FRAME_H
#define JOINQ_WIRE_FRAME_H

#include "base.h"
#include <stddef.h>
#include <stdint.h>

struct jqw_frame_parser {
    size_t frame_max; /* bytes after the length */
    int error;        /* JQ_OK or JQ_PROTOCOL, for good */
};

struct jqw_frame {
    const uint8_t *data; /* borrowed from the bytes given */
    size_t size;
};

enum jqw_frame_status { JQW_FRAME_NONE, JQW_FRAME_ONE, JQW_FRAME_ERROR };

/* Looks for a frame at the start of bytes. ONE: *frame is set and *consumed is its whole length. NONE: more bytes are needed;
 * *wanted (may be NULL) is how many there must be in all, at least, for the next call to find something. A length of 0 or beyond
 * frame_max is an error. */
enum jqw_frame_status jqw_frame_next(struct jqw_frame_parser *parser, const uint8_t *bytes, size_t size,
                                     struct jqw_frame *frame, size_t *consumed, size_t *wanted);

#endif
