/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd --check-data: every byte of a data folder is read, every checksum verified, and all records carried out in an engine that is
 * thrown away. Of bodies it keeps only where they lie, and finds those whose
 * place is gone. It changes nothing. */
#include "codes.h"
#include "engine.h"
#include "journal_needed.h"
#include "lost.h"
#include "server.h"
#include "store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    const char *folder;
    struct engine *engine;
    struct store *store;
    struct store_segment *segments; /* and up to where each is whole */
    size_t segment_count, segment_capacity;
    bool memory;
    uint64_t wrong;
};

static void on_found(void *user, const char *file, uint64_t offset, uint64_t size, const char *text)
{
    struct check *check = user;
    printf("%s/%s: at %" PRIu64 ", %" PRIu64 " bytes: %s\n", check->folder, file, offset, size, text);
    check->wrong++;
}

static void on_gap(void *user, uint64_t first, uint64_t last)
{
    struct check *check = user;
    printf("%s: records %" PRIu64 " to %" PRIu64 " are lost\n", check->folder, first, last);
    engine_replay_repairs(check->engine);
}

static int on_records(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct check *check = user;
    (void)wall_ns;
    int code = engine_replay(check->engine, 1, 0, records, count);
    if (code != JQ_STORAGE)
        return code;
    printf("%s: records from %" PRIu64 " on make no sense after what came before\n", check->folder, records->number);
    engine_replay_repairs(check->engine);
    check->wrong++;
    return JQ_OK;
}

/* ---- bodies ---- */

static int on_run(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                  const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    const struct check *check = user;
    const struct store_part part = {.place = {place.segment, place.offset}, .size = size, .crc = crc};
    (void)bytes;
    return store_adopt(check->store, &part, NULL, count, size, chunk, offset);
}

static int on_reference(void *user, const struct journal_reference *run, uint32_t size, uint32_t count, uint32_t *chunk,
                        uint32_t *offset)
{
    const struct check *check = user;
    const struct store_part part = {{run->place.segment, run->place.offset}, .size = run->size, .crc = run->crc};
    int code = store_adopt(check->store, &part, NULL, count, size, chunk, offset);
    *offset += run->at;
    return code;
}

static void on_over(void *user, struct engine_body body)
{
    const struct check *check = user;
    store_release(check->store, body.chunk, 1, 0);
}

static void on_whole(void *user, uint64_t segment, uint64_t end)
{
    struct check *check = user;
    if (check->segment_count == check->segment_capacity) {
        size_t capacity = check->segment_capacity ? check->segment_capacity * 2 : 64;
        struct store_segment *segments = realloc(check->segments, capacity * sizeof *segments);
        check->memory |= !segments;
        if (!segments)
            return;
        check->segments = segments;
        check->segment_capacity = capacity;
    }
    check->segments[check->segment_count++] = (struct store_segment){.number = segment, .size = end};
}

static int look_for_bodies(struct check *check)
{
    struct lost lost;
    char text[JOURNAL_TEXT_SIZE];
    int code = check->memory ? JQ_OVERLOADED : JQ_OK;
    if (code == JQ_OK)
        code = lost_find(&lost, check->engine, check->store, check->segments, check->segment_count);
    else
        lost = (struct lost){0};
    for (size_t i = 0; i < lost.segment_count; i++) {
        lost_says(&lost.segment[i], text);
        printf("%s: %s\n", check->folder, text);
    }
    check->wrong += lost.segment_count;
    lost_fini(&lost);
    return code;
}

/* ---- the folder ---- */

static void tell_queues_lost(const struct check *check)
{
    char text[JOURNAL_TEXT_SIZE];
    if (lost_queues_say(check->engine, text))
        printf("%s: %s\n", check->folder, text);
}

static int look_through(struct check *check, struct journal_io *io, char text[JOURNAL_TEXT_SIZE])
{
    struct journal_report report = {0};
    struct journal_config config = {.io = io,
                                    .replay = {.records = on_records,
                                               .adopt = on_run,
                                               .adopt_placed = on_reference,
                                               .whole = on_whole,
                                               .gap = on_gap,
                                               .found = on_found,
                                               .user = check}};
    struct journal_span said;
    int code = journal_id(io, NULL, config.id, text);
    if (code == JQ_OK)
        code = journal_needed_look(io, config.id, &said, text);
    if (code != JQ_OK)
        return code;
    config.from = said.from;
    config.until = said.until;
    code = journal_check(&config, &report);
    memcpy(text, report.text, sizeof report.text);
    if (code == JQ_OK || report.damages)
        code = look_for_bodies(check) == JQ_OK ? code : JQ_OVERLOADED;
    if (code == JQ_OK && engine_replay_end(check->engine) != JQ_OK) {
        printf("%s: the records say of some queue only a part\n", check->folder);
        check->wrong++;
    }
    tell_queues_lost(check);
    if (code == JQ_OK || check->wrong)
        printf("%s: %" PRIu64 " records in %" PRIu64 " bytes, %" PRIu64 " damaged\n", check->folder, report.records,
               report.bytes, check->wrong);
    if (check->wrong)
        printf("%s: Restore the files from a copy, or run 'joinqd --repair', which keeps all that can be read\n",
               check->folder);
    return code;
}

int server_check_data(const char *folder)
{
    char text[JOURNAL_TEXT_SIZE] = "";
    struct check check = {.folder = folder, .store = store_new(0)};
    const struct engine_config engine = {
        .incarnation_first = 1, .client_forget_ns = ENGINE_FOREVER, .body_over = on_over, .user = &check};
    check.engine = engine_new(&engine);
    struct journal_io *io = NULL;
    if (check.engine && check.store)
        io = journal_io_threads_reading(folder, text, sizeof text);
    int code = io ? look_through(&check, io, text) : JQ_STORAGE;
    if (code != JQ_OK && !check.wrong)
        fprintf(stderr, "joinqd: %s: %s\n", folder, *text ? text : "out of memory");
    journal_io_free(io);
    engine_free(check.engine);
    store_free(check.store);
    free(check.segments);
    return code != JQ_OK || check.wrong > 0;
}
