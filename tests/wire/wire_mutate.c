/* SPDX-License-Identifier: Apache-2.0 */
/* Small changes to frames, from a generator that is its own so that every run makes the same. */
#include "wire_mutate.h"
#include <string.h>

static uint32_t chance(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % below);
}

static uint8_t telling_byte(uint64_t *state)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0x90, 0x91, 0xa0, 0xa1, 0xc0, 0xc4, 0xc5,
                                      0xcc, 0xcf, 0xd0, 0xd9, 0xdc, 0xdd, 0xde, 0xdf, 0xff, 0x94, 0x81};
    uint32_t which = chance(state, sizeof telling + 8);
    return which < sizeof telling ? telling[which] : (uint8_t)chance(state, 256);
}

static size_t change(uint8_t *frame, size_t size, uint64_t *state)
{
    size_t at = chance(state, (uint32_t)size);
    switch (chance(state, 8)) {
    case 0:
        memmove(frame + at + 1, frame + at, size - at);
        frame[at] = telling_byte(state);
        return size + 1;
    case 1:
        memmove(frame + at, frame + at + 1, size - at - 1);
        return size > 1 ? size - 1 : size;
    default:
        frame[at] = telling_byte(state);
        return size;
    }
}

size_t mutate(uint8_t *frame, size_t size, uint64_t *state)
{
    for (uint32_t changes = 1 + chance(state, MUTATE_CHANGES_MAX); changes > 0; changes--)
        size = change(frame, size, state);
    return size;
}
