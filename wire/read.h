/* SPDX-License-Identifier: Apache-2.0 */
/* The two readers of a message. Internal to wire/. */
#ifndef JOINQ_WIRE_READ_H
#define JOINQ_WIRE_READ_H

#include "take.h"
#include "walk.h"

/* Reads a frame of hot messages by one walk, without memory of its own. *hot is false, and nothing else has been done, when
 * it is not for this reader; then the code means nothing. */
JQ_MUST_USE int jqw_walk_read(struct jqw_taking *taking, const uint8_t *frame, size_t size, bool *hot);

/* Reads any frame through msgpack-c, after a walk has checked it. Also returns JQ_OVERLOADED. */
JQ_MUST_USE int jqw_msgpack_read(struct jqw_taking *taking, const uint8_t *frame, size_t size);

#endif
