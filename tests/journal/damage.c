/* SPDX-License-Identifier: Apache-2.0 */
/* A bit of the disk changes: either nothing that was safe is missing, or it is told and nothing changed; and repair keeps the rest. */
#include "world.h"
#include <stdlib.h>
#include <string.h>

enum { SOME_PERCENT = 70 /* of the changes are among the first bytes, where frames are */ };

static bool flip(struct world *w)
{
    uint32_t first = random_below(&w->random, DISK_FILES);
    for (uint32_t i = 0; i < DISK_FILES; i++) {
        const struct disk_entry *entry = &w->disk.cached[(first + i) % DISK_FILES];
        uint64_t number, size;
        if (!journal_segment_number(entry->name, &number))
            continue;
        uint8_t *bytes = disk_bytes(&w->disk, entry->name, &size);
        uint32_t most = random_chance(&w->random, SOME_PERCENT) && size > 1000 ? 1000 : (uint32_t)size;
        struct journal_header header;
        if (size < JOURNAL_SEGMENT_HEADER || journal_header_get(bytes, &header) != JOURNAL_HEADER_GOOD)
            continue;
        uint32_t at = random_below(&w->random, most);
        bytes[at] ^= (uint8_t)(1u << random_below(&w->random, 8));
        world_say(w, "a bit of %s at %u is changed", entry->name, at);
        return true;
    }
    return false;
}

/* Of all that is on the disk. */
static uint64_t disk_digest(const struct world *w)
{
    uint64_t digest = 1;
    for (int i = 0; i < DISK_FILES; i++) {
        const struct disk_entry *entry = &w->disk.cached[i];
        if (!*entry->name)
            continue;
        digest = digest_bytes(digest, entry->name, strlen(entry->name));
        digest = digest_bytes(digest, w->disk.files[entry->file].cache, w->disk.files[entry->file].cache_size);
    }
    return digest;
}

static void repair(struct world *w)
{
    struct journal_config config = world_config(w);
    struct journal_report report;
    config.repair = true;
    int code = journal_open(&config, &w->journal, &report);
    if (code != JQ_OK)
        world_fail(w, "it cannot be repaired: %s", report.text);
    journal_free(w->journal);
    w->coverage.repairs++;
    w->snapshot = report.last; /* as a snapshot of what there is */
    config = world_config(w);
    if (journal_open(&config, &w->journal, &report) != JQ_OK)
        world_fail(w, "after a repair: %s", report.text);
    journal_free(w->journal);
}

void world_damage(struct world *w, uint64_t safe)
{
    struct journal_report report;
    if (!flip(w))
        return;
    w->coverage.damages++;
    uint64_t before = disk_digest(w);
    struct journal_config config = world_config(w);
    int code = journal_open(&config, &w->journal, &report);
    if (code == JQ_OK) {
        journal_free(w->journal);
        if (report.last < safe)
            world_fail(w, "records up to %" PRIu64 " of %" PRIu64 ", and nobody is told", report.last, safe);
        return;
    }
    w->coverage.damages_told++;
    world_say(w, "%s", report.text);
    if (disk_digest(w) != before)
        world_fail(w, "the disk is changed although it is damaged");
    config = world_config(w);
    if (journal_check(&config, &report) == JQ_OK)
        world_fail(w, "check does not find the damage");
    repair(w);
}
