/* SPDX-License-Identifier: Apache-2.0 */
/* A segment as it might be found: the input is one, its checksums put right first so that what is behind them is reached; then it is read
 * as the only one of a folder, checked, and repaired. The first byte chooses. */
#include "disk.h"
#include "journal_bytes.h"
#include "journal_crc.h"
#include "journal_file.h"
#include <stdlib.h>
#include <string.h>

enum { MEND_HEADER = 1, MEND_FRAMES = 2, MEND_FIRST = 4, REPAIR = 8, SECOND = 16, SEGMENT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t next; /* record */
    uint64_t bytes;
};

static int see_records(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct seen *seen = user;
    (void)wall_ns;
    for (uint32_t i = 0; i < count; i++) {
        JQ_ASSERT(records[i].number >= seen->next && records[i].kind < ENGINE_RECORD_KINDS);
        seen->next = records[i].number + 1;
        for (uint32_t k = 0; records[i].bodies && k < records[i].count; k++)
            seen->bytes += records[i].bodies[k].length;
        for (uint32_t k = 0; k < records[i].name.size; k++)
            seen->bytes += (uint8_t)records[i].name.data[k];
    }
    return JQ_OK;
}

static int see_run(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                   const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    struct seen *seen = user;
    JQ_ASSERT(count > 0 && size >= 2 * count && journal_crc(0, bytes, size) == crc && place.segment > 0);
    seen->bytes += size;
    *chunk = 1;
    *offset = 0;
    return JQ_OK;
}

/* Right checksums for whatever the frames say. */
static void mend(uint8_t *bytes, size_t size, uint8_t choice)
{
    static const uint8_t id[JOURNAL_ID_SIZE];
    struct journal_seed seed = journal_seed(id, 1);
    uint64_t first = 1;
    if (choice & MEND_HEADER) {
        struct journal_header header = {.number = 1, .first = 1};
        journal_header_put(bytes, &header);
    }
    for (size_t at = JOURNAL_SEGMENT_HEADER; choice & MEND_FRAMES && size - at >= JOURNAL_FRAME_HEADER;) {
        uint8_t *frame = bytes + at;
        size_t left = size - at - JOURNAL_FRAME_HEADER;
        struct journal_frame_header header = {.payload = get_u32(frame + 12) & ~7u,
                                              .first = choice & MEND_FIRST ? first : get_u64(frame + 16),
                                              .count = get_u32(frame + 24),
                                              .bodies_at = get_u32(frame + 28),
                                              .wall_ns = get_u64(frame + 32),
                                              .synced = get_u64(frame + 40)};
        header.payload = header.payload < left ? header.payload : (uint32_t)left & ~7u;
        journal_frame_put(frame, &header, seed);
        first += header.count;
        at += JOURNAL_FRAME_HEADER + header.payload;
        if (size - at > size) /* cannot be: for the reader */
            return;
    }
}

static void place(struct disk *disk, const char *name, const uint8_t *bytes, size_t size)
{
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    struct journal_io_request create = {.op = JOURNAL_IO_CREATE, .size = size};
    struct journal_io_request write = {.op = JOURNAL_IO_WRITE, .parts = &part, .part_count = 1};
    memcpy(create.name, name, strlen(name) + 1);
    memcpy(write.name, name, strlen(name) + 1);
    JQ_ASSERT(journal_io_run(&disk->io, &create) == 0 && journal_io_run(&disk->io, &write) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 + JOURNAL_SEGMENT_HEADER)
        return 0;
    uint8_t choice = data[0];
    size--;
    uint8_t *bytes = malloc(size);
    struct disk *disk = calloc(1, sizeof *disk);
    struct random random = {1};
    JQ_ASSERT(bytes && disk);
    memcpy(bytes, data + 1, size);
    mend(bytes, size, choice);
    disk_init(disk, &random);
    place(disk, "00000000000000000001.jql", bytes, size);
    if (choice & SECOND)
        place(disk, "00000000000000000002.jql", bytes, size);
    struct seen seen = {0};
    struct journal_report report;
    struct journal_config config = {.io = &disk->io,
                                    .from = 1,
                                    .segment_size = SEGMENT,
                                    .replay = {.records = see_records, .adopt = see_run, .user = &seen},
                                    .repair = choice & REPAIR};
    struct journal *journal;
    bool good = journal_check(&config, &report) == JQ_OK;
    seen.next = 0;
    int code = journal_open(&config, &journal, &report);
    JQ_ASSERT(!good || code == JQ_OK);
    JQ_ASSERT(code == JQ_OK || code == JQ_STORAGE);
    if (code == JQ_OK) {
        journal_free(journal);
        uint64_t last = report.last;
        seen.next = 0;
        if (!report.damages && journal_open(&config, &journal, &report) == JQ_OK) { /* it stays as it was read */
            JQ_ASSERT(report.last == last);
            journal_free(journal);
        }
    }
    disk_fini(disk);
    free(disk);
    free(bytes);
    return 0;
}
