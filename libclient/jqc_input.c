/* SPDX-License-Identifier: Apache-2.0 */
/* Where the next bytes are read to: the chunk at hand as long as it will do, its start again when nobody lies on it. */
#include "jqc_input.h"
#include "codes.h"
#include <string.h>

enum { ROOM_MIN = JQC_CHUNK_SIZE / 2 };

void jqc_input_init(struct jqc_input *input, struct jqc_pool *pool)
{
    *input = (struct jqc_input){.pool = pool};
}

void jqc_input_fini(struct jqc_input *input)
{
    jqc_chunk_unref(input->chunk);
    *input = (struct jqc_input){0};
}

/* Bytes that must fit behind start. A frame that announces much gets twice what has come of it, not what it announces. */
static size_t bytes_needed(const struct jqc_input *input)
{
    size_t held = input->end - input->start;
    if (held == 0)
        return ROOM_MIN;
    size_t most = held * 2 > JQC_CHUNK_SIZE ? held * 2 : JQC_CHUNK_SIZE;
    size_t wanted = input->wanted > held ? input->wanted : held + 1;
    return wanted < most ? wanted : most;
}

static void move_within(struct jqc_input *input)
{
    size_t held = input->end - input->start;
    memmove(input->chunk->data, input->chunk->data + input->start, held);
    input->start = 0;
    input->end = held;
}

JQ_MUST_USE static int move_to_other(struct jqc_input *input, size_t needed)
{
    struct jqc_chunk *chunk = jqc_chunk_take(input->pool, needed);
    if (!chunk)
        return JQ_OVERLOADED;
    size_t held = input->end - input->start;
    if (held > 0)
        memcpy(chunk->data, input->chunk->data + input->start, held);
    jqc_chunk_unref(input->chunk);
    input->chunk = chunk;
    input->start = 0;
    input->end = held;
    return JQ_OK;
}

int jqc_input_room(struct jqc_input *input, uint8_t **to, size_t *size)
{
    size_t needed = bytes_needed(input);
    struct jqc_chunk *chunk = input->chunk;
    bool alone = chunk && chunk->refs == 1;
    if (alone && (input->start == input->end || chunk->capacity - input->start < needed) && needed <= chunk->capacity) {
        move_within(input);
    } else if (!chunk || chunk->capacity - input->start < needed) {
        int code = move_to_other(input, needed);
        if (code != JQ_OK)
            return code;
    }
    *to = input->chunk->data + input->end;
    *size = input->chunk->capacity - input->end;
    return JQ_OK;
}

void jqc_input_filled(struct jqc_input *input, size_t size)
{
    JQ_ASSERT(input->chunk && size <= input->chunk->capacity - input->end);
    input->end += size;
}

void jqc_input_consume(struct jqc_input *input, size_t size)
{
    JQ_ASSERT(size <= input->end - input->start);
    input->start += size;
    input->wanted = 0;
}
