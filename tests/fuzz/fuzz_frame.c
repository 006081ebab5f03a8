/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a stream into frames, once as a whole and once as it comes in pieces: the frames are the same, and so is the place
 * where the stream goes wrong. The first four bytes of the input choose the pieces and the limit of a frame. */
#include "base.h"
#include "buffer.h"
#include "codes.h"
#include "frame.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CHOICES = 4, FRAME_SMALL = 60, FRAME_LARGE = 100000 };

/* What came out: every frame and, at the end, whether the stream is wrong. */
struct outcome {
    struct jqw_buffer bytes; /* of all frames, each followed by its size */
    size_t frames;
    bool error;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct outcome *outcome, const struct jqw_frame *frame)
{
    JQ_ASSERT(frame->size > 0);
    JQ_ASSERT(jqw_buffer_append(&outcome->bytes, frame->data, frame->size) == JQ_OK);
    JQ_ASSERT(jqw_buffer_append(&outcome->bytes, &frame->size, sizeof frame->size) == JQ_OK);
    outcome->frames++;
}

/* Takes all frames off the start of bytes; returns how many bytes these were. */
static size_t parse(struct jqw_frame_parser *parser, const uint8_t *bytes, size_t size, struct outcome *outcome)
{
    size_t at = 0, consumed, wanted = 0;
    struct jqw_frame frame;
    enum jqw_frame_status status;
    while ((status = jqw_frame_next(parser, bytes + at, size - at, &frame, &consumed, &wanted)) == JQW_FRAME_ONE) {
        JQ_ASSERT(consumed <= size - at && frame.data == bytes + at + (consumed - frame.size));
        take(outcome, &frame);
        at += consumed;
    }
    outcome->error = status == JQW_FRAME_ERROR;
    JQ_ASSERT(outcome->error || wanted > size - at);
    return at;
}

/* The stream in pieces of 1 to 256 bytes. */
static void parse_pieces(struct jqw_frame_parser *parser, const uint8_t *bytes, size_t size, uint32_t choice,
                         struct outcome *outcome)
{
    struct jqw_buffer buffer = {0};
    for (size_t at = 0; at < size && !outcome->error;) {
        choice = choice * 1664525 + 1013904223;
        size_t piece = 1 + (choice >> 24 >> (choice >> 20 & 7));
        piece = piece < size - at ? piece : size - at;
        JQ_ASSERT(jqw_buffer_append(&buffer, bytes + at, piece) == JQ_OK);
        at += piece;
        jqw_buffer_consume(&buffer, parse(parser, buffer.data, buffer.size, outcome));
    }
    jqw_buffer_fini(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t choice = 0;
    if (size < CHOICES)
        return 0;
    memcpy(&choice, data, sizeof choice);
    size_t frame_max = choice & 1 ? FRAME_SMALL : FRAME_LARGE;
    struct jqw_frame_parser whole = {.frame_max = frame_max}, pieces = {.frame_max = frame_max};
    struct outcome at_once = {0}, by_pieces = {0};
    (void)parse(&whole, data + CHOICES, size - CHOICES, &at_once);
    parse_pieces(&pieces, data + CHOICES, size - CHOICES, choice, &by_pieces);
    JQ_ASSERT(at_once.error == by_pieces.error && at_once.frames == by_pieces.frames);
    JQ_ASSERT(at_once.bytes.size == by_pieces.bytes.size);
    JQ_ASSERT(at_once.frames == 0 || memcmp(at_once.bytes.data, by_pieces.bytes.data, at_once.bytes.size) == 0);
    jqw_buffer_fini(&at_once.bytes);
    jqw_buffer_fini(&by_pieces.bytes);
    return 0;
}
