/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold for every frame, hostile ones too; for the fuzzer and for tests. Whatever does not hold is printed with the
 * frame, and the program aborts. */
#ifndef JOINQ_TESTS_WIRE_AGREE_H
#define JOINQ_TESTS_WIRE_AGREE_H

#include "message.h"

/* - Both decoders come to the same: code, opcode, request id, and every field.
 * - What was decoded is encoded, with its bodies packed and one by one, and decoded to the same again.
 * - A GOT is the same with its head and its bodies apart.
 * Returns the code. */
int agree_on(const uint8_t *frame, size_t size);

#endif
