/* SPDX-License-Identifier: Apache-2.0 */
/* A message as text: as in a vector's value, [5, 2, "jobs", 0, nil, 100, 0, [], []]; and its layout as in PROTOCOL.md. */
#ifndef JOINQ_TESTS_WIRE_SHOW_H
#define JOINQ_TESTS_WIRE_SHOW_H

#include "message.h"

/* Appends the text and a NUL to `text`, which the caller has zeroed and finishes. */
void message_show(struct jqw_buffer *text, const struct jqw_message *message);

/* "JOIN = [12, id, queue: name, incarnation: u64, timeout_ms: timeout]" */
void layout_show(struct jqw_buffer *text, uint32_t op);

/* Where the i-th body lies. */
struct jqw_bytes body_at(const struct jqw_bodies *bodies, uint32_t index);

#endif
