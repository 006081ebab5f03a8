/* SPDX-License-Identifier: Apache-2.0 */
/* Changes frames a little, the same way in every run: bytes that mean something to msgpack are changed, inserted, removed. */
#ifndef JOINQ_TESTS_WIRE_MUTATE_H
#define JOINQ_TESTS_WIRE_MUTATE_H

#include <stddef.h>
#include <stdint.h>

enum { MUTATE_CHANGES_MAX = 4 };

/* Makes 1 to MUTATE_CHANGES_MAX changes to a frame that has room for as many more bytes; returns its new size, at least 1. */
size_t mutate(uint8_t *frame, size_t size, uint64_t *state);

#endif
