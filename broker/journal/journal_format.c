/* SPDX-License-Identifier: Apache-2.0 */
/* Segment and frame headers, written and read; see journal_format.h. */
#include "journal_format.h"
#include "journal_bytes.h"
#include "journal_crc.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    DIGITS = 20, /* of a segment's name */
    HEADER_CRC = 8,
    HEADER_VERSION = 12,
    HEADER_ID = 16,
    HEADER_NUMBER = 48,
    HEADER_FIRST = 56,
    FRAME_CRC = 4,
    FRAME_PAYLOAD_CRC = 8,
    FRAME_PAYLOAD = 12,
    FRAME_FIRST = 16,
    FRAME_COUNT = 24,
    FRAME_BODIES = 28,
    FRAME_WALL = 32,
    FRAME_SYNCED = 40,
};

static const char magic[8] = {'j', 'o', 'i', 'n', 'q', 'l', 'o', 'g'};
static const char suffix[] = ".jql";

void journal_segment_name(uint64_t number, char name[JOURNAL_NAME_SIZE])
{
    snprintf(name, JOURNAL_NAME_SIZE, "%0*" PRIu64 "%s", DIGITS, number, suffix);
}

bool journal_segment_number(const char *name, uint64_t *number)
{
    uint64_t value = 0;
    if (strlen(name) != DIGITS + sizeof suffix - 1 || strcmp(name + DIGITS, suffix) != 0)
        return false;
    for (int i = 0; i < DIGITS; i++) {
        uint64_t digit = (uint64_t)(unsigned char)name[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return value > 0;
}

void journal_header_put(uint8_t *at, const struct journal_header *header)
{
    memset(at, 0, JOURNAL_SEGMENT_HEADER);
    memcpy(at, magic, sizeof magic);
    put_u32(at + HEADER_VERSION, JOURNAL_VERSION);
    memcpy(at + HEADER_ID, header->id, JOURNAL_ID_SIZE);
    put_u64(at + HEADER_NUMBER, header->number);
    put_u64(at + HEADER_FIRST, header->first);
    put_u32(at + HEADER_CRC, journal_crc(0, at + HEADER_VERSION, JOURNAL_SEGMENT_HEADER - HEADER_VERSION));
}

enum journal_header_kind journal_header_get(const uint8_t *at, struct journal_header *header)
{
    uint32_t crc = journal_crc(0, at + HEADER_VERSION, JOURNAL_SEGMENT_HEADER - HEADER_VERSION);
    if (memcmp(at, magic, sizeof magic) != 0 || get_u32(at + HEADER_CRC) != crc)
        return JOURNAL_HEADER_BAD;
    if (get_u32(at + HEADER_VERSION) != JOURNAL_VERSION)
        return JOURNAL_HEADER_NEWER;
    memcpy(header->id, at + HEADER_ID, JOURNAL_ID_SIZE);
    header->number = get_u64(at + HEADER_NUMBER);
    header->first = get_u64(at + HEADER_FIRST);
    return header->first > 0 ? JOURNAL_HEADER_GOOD : JOURNAL_HEADER_BAD;
}

struct journal_seed journal_seed(const uint8_t id[JOURNAL_ID_SIZE], uint64_t number)
{
    enum { TOLD = JOURNAL_ID_TOLD, HALF = (JOURNAL_ID_SIZE - TOLD) / 2 };
    uint8_t bytes[TOLD + sizeof number];
    memcpy(bytes, id, TOLD);
    put_u64(bytes + TOLD, number);
    return (struct journal_seed){.header = journal_crc(journal_crc(0, id + TOLD, HALF), bytes, sizeof bytes),
                                 .payload = journal_crc(journal_crc(0, id + TOLD + HALF, HALF), bytes, sizeof bytes)};
}

void journal_frame_put(uint8_t *at, const struct journal_frame_header *header, struct journal_seed seed)
{
    put_u32(at, JOURNAL_FRAME_MAGIC);
    put_u32(at + FRAME_PAYLOAD_CRC, journal_crc(seed.payload, at + JOURNAL_FRAME_HEADER, header->payload));
    put_u32(at + FRAME_PAYLOAD, header->payload);
    put_u64(at + FRAME_FIRST, header->first);
    put_u32(at + FRAME_COUNT, header->count);
    put_u32(at + FRAME_BODIES, header->bodies_at);
    put_u64(at + FRAME_WALL, header->wall_ns);
    put_u64(at + FRAME_SYNCED, header->synced);
    put_u32(at + FRAME_CRC, journal_crc(seed.header, at + FRAME_PAYLOAD_CRC, JOURNAL_FRAME_HEADER - FRAME_PAYLOAD_CRC));
}

bool journal_frame_get(const uint8_t *at, struct journal_seed seed, struct journal_frame_header *header)
{
    if (get_u32(at) != JOURNAL_FRAME_MAGIC ||
        get_u32(at + FRAME_CRC) !=
            journal_crc(seed.header, at + FRAME_PAYLOAD_CRC, JOURNAL_FRAME_HEADER - FRAME_PAYLOAD_CRC))
        return false;
    *header = (struct journal_frame_header){.payload = get_u32(at + FRAME_PAYLOAD),
                                            .bodies_at = get_u32(at + FRAME_BODIES),
                                            .count = get_u32(at + FRAME_COUNT),
                                            .first = get_u64(at + FRAME_FIRST),
                                            .wall_ns = get_u64(at + FRAME_WALL),
                                            .synced = get_u64(at + FRAME_SYNCED),
                                            .payload_crc = get_u32(at + FRAME_PAYLOAD_CRC)};
    return header->payload % JOURNAL_ALIGN == 0 && header->payload <= JOURNAL_PAYLOAD_MAX && header->count > 0 &&
           header->bodies_at <= header->payload && header->first > 0 && header->first <= UINT64_MAX - header->count &&
           header->synced < header->first;
}

bool journal_payload_good(const uint8_t *payload, const struct journal_frame_header *header, struct journal_seed seed)
{
    return journal_crc(seed.payload, payload, header->payload) == header->payload_crc;
}
