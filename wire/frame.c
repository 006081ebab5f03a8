/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts bytes into frames. It knows nothing of what is in one. */
#include "frame.h"
#include "codes.h"
#include "wire_limits.h"

static uint32_t length_read(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

enum jqw_frame_status jqw_frame_next(struct jqw_frame_parser *parser, const uint8_t *bytes, size_t size,
                                     struct jqw_frame *frame, size_t *consumed, size_t *wanted)
{
    if (parser->error != JQ_OK)
        return JQW_FRAME_ERROR;
    size_t total = JQW_FRAME_HEADER;
    if (size >= JQW_FRAME_HEADER) {
        uint32_t length = length_read(bytes);
        if (length == 0 || length > parser->frame_max) {
            parser->error = JQ_PROTOCOL;
            return JQW_FRAME_ERROR;
        }
        if (length <= size - JQW_FRAME_HEADER) {
            *frame = (struct jqw_frame){.data = bytes + JQW_FRAME_HEADER, .size = length};
            *consumed = JQW_FRAME_HEADER + (size_t)length;
            return JQW_FRAME_ONE;
        }
        total += length;
    }
    if (wanted)
        *wanted = total;
    return JQW_FRAME_NONE;
}
