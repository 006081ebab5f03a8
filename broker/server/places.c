/* SPDX-License-Identifier: Apache-2.0 */
/* It turns one's places into the other's, and has chunks read. */
#include "places.h"
#include "codes.h"
#include "lost.h"
#include "state.h"
#include "store.h"
#include <stdlib.h>

enum {
    SHARE = 2,      /* one part in so many of the memory that nothing else takes is for bodies of durable queues, ... */
    SHARE_MIN = 16, /* ... and one part in so many of all in any case */
};

/* ---- for the journal ---- */

static const uint8_t *body_at(void *user, uint32_t chunk, uint32_t offset)
{
    const struct server *server = user;
    return store_at(server->store, chunk, offset);
}

static void body_hold(void *user, uint32_t chunk)
{
    const struct server *server = user;
    store_hold(server->store, chunk);
}

static void body_drop(void *user, uint32_t chunk)
{
    const struct server *server = user;
    store_drop(server->store, chunk);
}

static struct store_part part_of(struct journal_place place, uint32_t size, uint32_t crc)
{
    return (struct store_part){.place = {place.segment, place.offset}, .size = size, .crc = crc};
}

static void body_placed(void *user, uint32_t chunk, uint32_t offset, uint32_t size, uint32_t count,
                        struct journal_place place, uint32_t crc)
{
    const struct server *server = user;
    const struct store_part part = part_of(place, size, crc);
    store_placed(server->store, chunk, offset, &part, count);
}

static bool body_find(void *user, uint32_t chunk, uint32_t offset, struct journal_reference *reference)
{
    const struct server *server = user;
    struct store_part run;
    uint32_t first;
    if (!store_place(server->store, chunk, offset, &run, &first))
        return false;
    *reference = (struct journal_reference){{run.place.segment, run.place.offset}, run.size, run.crc, offset - first};
    return true;
}

struct journal_bodies places_bodies(struct server *server)
{
    return (struct journal_bodies){
        .at = body_at, .find = body_find, .hold = body_hold, .placed = body_placed, .drop = body_drop, .user = server};
}

/* ---- recovery ---- */

int places_adopt(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                 const uint8_t *bytes, uint32_t *chunk, uint32_t *offset)
{
    const struct server *server = user;
    const struct store_part part = part_of(place, size, crc);
    return store_adopt(server->store, &part, bytes, count, size, chunk, offset);
}

int places_adopt_placed(void *user, const struct journal_reference *run, uint32_t size, uint32_t count, uint32_t *chunk,
                        uint32_t *offset)
{
    const struct server *server = user;
    const struct store_part part = part_of(run->place, run->size, run->crc);
    int code = store_adopt(server->store, &part, NULL, count, size, chunk, offset);
    *offset += run->at;
    return code;
}

static struct store_segment *alive_in(const struct server *server, const struct journal_segment *segments, size_t count,
                                      uint64_t *missing)
{
    struct store_segment *all = calloc(count + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++)
        all[i] = (struct store_segment){.number = segments[i].number,
                                        .last = segments[i].last,
                                        .active = segments[i].active,
                                        .size = segments[i].size};
    if (all)
        *missing = store_segments(server->store, all, count);
    return all;
}

struct store_segment *places_segments(const struct server *server, size_t *count, uint64_t *missing)
{
    const struct journal_segment *segments = journal_segments(server->turn.journal, count);
    return alive_in(server, segments, *count, missing);
}

int places_lost(struct server *server, const struct journal_segment *segments, size_t count, struct lost *lost)
{
    uint64_t missing;
    struct store_segment *all = alive_in(server, segments, count, &missing);
    *lost = (struct lost){0};
    for (size_t i = 0; all && i < count; i++) {
        if (all[i].end > all[i].size)
            missing = all[i].number;
    }
    int code = !all      ? JQ_OVERLOADED
               : missing ? lost_find(lost, server->turn.engine, server->store, all, count, NULL)
                         : JQ_OK;
    free(all);
    return code;
}

void places_body_over(void *user, struct engine_body body)
{
    const struct server *server = user;
    store_release(server->store, body.chunk, 1, 0);
}

void places_release(struct server *server, const struct engine_release *release)
{
    store_release(server->store, release->chunk, release->count, release->refused);
}

/* ---- reading ---- */

struct load {
    struct server *server;
    uint32_t chunk;
};

static void load_done(void *user, int code, uint8_t *buffer)
{
    struct load *load = user;
    (void)buffer;
    load->server->read_some = true;
    store_loaded(load->server->store, load->chunk, code);
    free(load);
}

static void part_lost(void *user, uint32_t part)
{
    const struct load *load = user;
    store_part_lost(load->server->store, load->chunk, part);
}

static int chunk_read(void *user, uint32_t chunk, const struct store_part *parts, uint32_t count)
{
    struct server *server = user;
    struct journal_part *all = malloc(count * sizeof *all);
    struct load *load = malloc(sizeof *load);
    int code = all && load ? JQ_OK : JQ_OVERLOADED;
    for (uint32_t i = 0; code == JQ_OK && i < count; i++) {
        const struct store_part *part = &parts[i];
        all[i] = (struct journal_part){
            {part->place.segment, part->place.offset}, .size = part->size, .crc = part->crc, .to = part->to};
    }
    if (code == JQ_OK) {
        *load = (struct load){server, chunk};
        code = journal_read_parts(server->turn.journal, all, count, part_lost, load_done, load);
    }
    free(all);
    if (code == JQ_OK)
        return code;
    free(load);
    server->read_some = true; /* that it cannot be is known as soon */
    return code;
}

/* ---- memory ---- */

void places_init(struct server *server)
{
    const struct store_disk disk = {chunk_read, server};
    store_disk(server->store, &disk, server->config.memory_max / SHARE);
}

void places_end(struct server *server)
{
    const struct store_disk none = {0};
    if (server->store)
        store_disk(server->store, &none, 0);
}

uint64_t places_make_room(struct server *server, uint64_t taken, uint64_t max)
{
    struct store_totals before, after;
    if (!server->storage.io)
        return 0;
    store_totals(server->store, &before);
    uint64_t others = taken - before.durable_bytes, least = max / SHARE_MIN;
    uint64_t share = others < max ? (max - others) / SHARE : 0;
    store_resident_max(server->store, share > least ? share : least);
    store_totals(server->store, &after);
    return before.bytes - after.bytes;
}
