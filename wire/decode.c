/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding: which reader takes a frame. */
#include "read.h"

int jqw_decode(const uint8_t *frame, size_t size, struct jqw_message *out, struct jqw_scratch *scratch,
               const char **why)
{
    struct jqw_taking taking = {.out = out, .scratch = scratch};
    bool hot;
    int code = jqw_walk_read(&taking, frame, size, &hot);
    if (!hot)
        code = jqw_msgpack_read(&taking, frame, size);
    return jqw_take_end(&taking, code, why);
}

int jqw_decode_generic(const uint8_t *frame, size_t size, struct jqw_message *out, struct jqw_scratch *scratch,
                       const char **why)
{
    struct jqw_taking taking = {.out = out, .scratch = scratch};
    return jqw_take_end(&taking, jqw_msgpack_read(&taking, frame, size), why);
}
