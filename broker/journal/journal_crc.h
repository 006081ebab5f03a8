/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C as everybody writes it: journal_crc(0, bytes, size), and on with what came out. It hides the argument order and the
 * missing inversion of the library's function. */
#ifndef JOINQ_JOURNAL_CRC_H
#define JOINQ_JOURNAL_CRC_H

#include <isa-l/crc.h>
#include <stddef.h>
#include <stdint.h>

static inline uint32_t journal_crc(uint32_t crc, const void *bytes, size_t size)
{
    const size_t piece_max = (size_t)1 << 30; /* its length is an int */
    const uint8_t *at = bytes;
    crc = ~crc;
    while (size > 0) {
        size_t piece = size < piece_max ? size : piece_max;
        crc = crc32_iscsi((unsigned char *)(uintptr_t)at, (int)piece, crc);
        at += piece;
        size -= piece;
    }
    return ~crc;
}

#endif
