/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bodies of durable chunks lie in the log. A body counts as safe once it has a place, or will never have one: when all of a
 * chunk are, its memory can go. */
#include "codes.h"
#include "store_inside.h"
#include <stdlib.h>
#include <string.h>

static uint64_t piece_segment(const struct chunk *chunk, const struct piece *piece)
{
    return chunk->segment + (uint64_t)piece->segment - PIECE_SEGMENTS;
}

static bool pieces_resize(struct store *store, struct chunk *chunk, uint32_t capacity)
{
    struct piece *pieces = realloc(chunk->pieces, capacity * sizeof *pieces);
    if (!pieces)
        return false;
    store->totals.bytes += (uint64_t)capacity * sizeof *pieces;
    store->totals.bytes -= (uint64_t)chunk->piece_capacity * sizeof *pieces;
    chunk->pieces = pieces;
    chunk->piece_capacity = capacity;
    return true;
}

void store_pieces_forget(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_chunk(store, index);
    chunk->piece_count = chunk->lost = chunk->end = 0;
    chunk->mixed = false;
    if (index == store->open[STORE_DURABLE] || !chunk->pieces)
        return;
    store->totals.bytes -= (uint64_t)chunk->piece_capacity * sizeof *chunk->pieces;
    free(chunk->pieces);
    chunk->pieces = NULL;
    chunk->piece_capacity = 0;
}

void store_pieces_fit(struct store *store, struct chunk *chunk)
{
    if (chunk->piece_count && chunk->piece_count < chunk->piece_capacity)
        (void)pieces_resize(store, chunk, chunk->piece_count);
}

/* Index of the first piece that begins behind the offset. */
static uint32_t piece_behind(const struct chunk *chunk, uint32_t offset)
{
    uint32_t low = 0, high = chunk->piece_count;
    if (high && chunk->pieces[high - 1].offset <= offset)
        return high;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (chunk->pieces[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool overlaps(const struct chunk *chunk, uint32_t behind, uint32_t offset, uint32_t size)
{
    if (behind < chunk->piece_count && chunk->pieces[behind].offset - offset < size)
        return true;
    const struct piece *before = behind ? &chunk->pieces[behind - 1] : NULL;
    return before && offset - before->offset < before->size;
}

static int piece_add(struct store *store, struct chunk *chunk, uint32_t offset, const struct store_part *part)
{
    uint32_t at = piece_behind(chunk, offset);
    if (chunk->piece_count == 0)
        chunk->segment = part->place.segment;
    int64_t segment = (int64_t)(part->place.segment - chunk->segment);
    if (overlaps(chunk, at, offset, part->size) || segment >= PIECE_SEGMENTS || segment < -PIECE_SEGMENTS)
        return JQ_INVALID;
    if (chunk->piece_count == chunk->piece_capacity &&
        !pieces_resize(store, chunk, chunk->piece_capacity ? chunk->piece_capacity * 2 : 1))
        return JQ_OVERLOADED;
    memmove(&chunk->pieces[at + 1], &chunk->pieces[at], (chunk->piece_count - at) * sizeof *chunk->pieces);
    chunk->pieces[at] = (struct piece){.offset = offset,
                                       .size = part->size,
                                       .at = part->place.offset,
                                       .crc = part->crc,
                                       .segment = (uint32_t)(segment + PIECE_SEGMENTS) & PIECE_SEGMENT_MASK};
    chunk->piece_count++;
    uint32_t end = part->place.offset + part->size;
    chunk->mixed |= segment != 0;
    chunk->end = segment == 0 && end > chunk->end ? end : chunk->end;
    return JQ_OK;
}

void store_placed(struct store *store, uint32_t index, uint32_t offset, const struct store_part *part, uint32_t count)
{
    struct chunk *chunk = store_chunk(store, index);
    if (chunk->kind != STORE_DURABLE || piece_add(store, chunk, offset, part) != JQ_OK)
        return; /* then it just stays in memory */
    chunk->safe += count;
    if (chunk->safe == chunk->filled && index != store->open[STORE_DURABLE])
        store_trim(store, 0);
}

static struct store_part part_of(const struct chunk *chunk, const struct piece *piece)
{
    return (struct store_part){
        .place = {piece_segment(chunk, piece), piece->at}, .size = piece->size, .crc = piece->crc};
}

bool store_place(const struct store *store, uint32_t index, uint32_t offset, struct store_part *run,
                 uint32_t *run_offset)
{
    struct chunk copy;
    struct piece one;
    const struct chunk *chunk = store_look(store, index, &copy, &one);
    uint32_t behind = piece_behind(chunk, offset);
    const struct piece *piece = behind ? &chunk->pieces[behind - 1] : NULL;
    if (!piece || offset - piece->offset >= piece->size)
        return false;
    *run = part_of(chunk, piece);
    *run_offset = piece->offset;
    return true;
}

bool store_piece_lost(const struct chunk *chunk, uint32_t offset, uint32_t size)
{
    uint32_t at = chunk->lost ? piece_behind(chunk, offset) : chunk->piece_count;
    bool lost = at > 0 && chunk->lost && chunk->pieces[at - 1].lost &&
                offset - chunk->pieces[at - 1].offset < chunk->pieces[at - 1].size;
    for (; at < chunk->piece_count && chunk->pieces[at].offset - offset < size && !lost; at++)
        lost = chunk->pieces[at].lost;
    return lost;
}

void store_pieces_found(struct chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->piece_count && chunk->lost; i++) {
        chunk->lost -= chunk->pieces[i].lost;
        chunk->pieces[i].lost = 0;
    }
}

void store_part_lost(struct store *store, uint32_t index, uint32_t part)
{
    struct chunk *chunk = store_chunk(store, index);
    JQ_ASSERT(chunk->loading && part < chunk->piece_count);
    chunk->lost += !chunk->pieces[part].lost;
    chunk->pieces[part].lost = 1;
}

struct store_part *store_parts(const struct chunk *chunk, uint8_t *to)
{
    struct store_part *parts = malloc(chunk->piece_count * sizeof *parts);
    for (uint32_t i = 0; parts && i < chunk->piece_count; i++) {
        parts[i] = part_of(chunk, &chunk->pieces[i]);
        parts[i].to = to + chunk->pieces[i].offset;
    }
    return parts;
}

/* ---- recovery ---- */

/* The piece that was adopted last, once more: a snapshot tells bodies of one run in several records. */
static bool adopted_last(const struct chunk *chunk, const struct store_part *part)
{
    const struct piece *last = chunk->piece_count ? &chunk->pieces[chunk->piece_count - 1] : NULL;
    return last && last->at == part->place.offset && last->size == part->size &&
           piece_segment(chunk, last) == part->place.segment;
}

/* A large one stands alone: see store_pack. */
static bool joins(const struct chunk *chunk, const struct store_part *part)
{
    return part->size <= STORE_BODY_MAX && chunk->used + (uint64_t)part->size <= STORE_CHUNK_SIZE &&
           (!chunk->piece_count || chunk->pieces->size <= STORE_BODY_MAX);
}

/* A chunk without memory that takes the run. */
static int absent_room(struct store *store, const struct store_part *part, uint32_t *index)
{
    uint32_t open = store->open_absent;
    const struct chunk *chunk = open != STORE_NONE ? store_chunk(store, open) : NULL;
    *index = open;
    if (chunk && (adopted_last(chunk, part) || joins(chunk, part)))
        return JQ_OK;
    int code = store_chunk_new(store, STORE_DURABLE, 0, index);
    if (code != JQ_OK)
        return code;
    store->open_absent = *index;
    if (open != STORE_NONE) {
        store_pieces_fit(store, store_chunk(store, open));
        store_chunk_settle(store, open);
    }
    return JQ_OK;
}

static int adopt_absent(struct store *store, const struct store_part *part, uint32_t count, uint32_t alive,
                        uint32_t *index, uint32_t *offset)
{
    int code = absent_room(store, part, index);
    if (code != JQ_OK)
        return code;
    struct chunk *chunk = store_chunk(store, *index);
    bool same = adopted_last(chunk, part);
    if (!same) {
        code = piece_add(store, chunk, chunk->used, part);
        if (code != JQ_OK)
            return code;
        chunk->used += part->size;
    }
    *offset = chunk->used - part->size;
    chunk->alive += alive;
    chunk->bodies += count;
    chunk->filled += count;
    chunk->safe += count;
    store->totals.bodies += count;
    store->totals.absent_bytes += alive;
    return JQ_OK;
}

int store_adopt(struct store *store, const struct store_part *part, const uint8_t *bytes, uint32_t count,
                uint32_t alive, uint32_t *chunk, uint32_t *offset)
{
    if (!bytes || store->totals.durable_bytes + part->size > store->resident_max)
        return adopt_absent(store, part, count, alive, chunk, offset);
    if (store_append(store, STORE_DURABLE, bytes, part->size, count, chunk, offset) != JQ_OK)
        return adopt_absent(store, part, count, alive, chunk, offset);
    store_placed(store, *chunk, *offset, part, count);
    return JQ_OK;
}

/* ---- segments ---- */

static struct store_segment *segment_find(struct store_segment *segments, size_t count, uint64_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (segments[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && segments[low].number == number ? &segments[low] : NULL;
}

static uint64_t count_bytes(struct store_segment *segments, size_t count, uint64_t number, uint64_t alive, uint64_t end)
{
    struct store_segment *segment = segment_find(segments, count, number);
    if (!segment)
        return number;
    segment->alive += alive + 1;
    segment->end = end > segment->end ? end : segment->end;
    return 0;
}

/* Mostly all of it lies in one segment: not each piece is looked at, for there may be very many. */
static uint64_t count_chunk(const struct chunk *chunk, struct store_segment *segments, size_t count)
{
    uint64_t unknown = 0;
    if (!chunk->piece_count)
        return 0;
    if (!chunk->mixed)
        return count_bytes(segments, count, chunk->segment, chunk->alive, chunk->end);
    for (uint32_t i = 0; i < chunk->piece_count; i++) {
        const struct piece *piece = &chunk->pieces[i];
        uint64_t one =
            count_bytes(segments, count, piece_segment(chunk, piece),
                        (uint64_t)piece->size * chunk->alive / chunk->used, (uint64_t)piece->at + piece->size);
        unknown = one ? one : unknown;
    }
    return unknown;
}

uint64_t store_segments(const struct store *store, struct store_segment *segments, size_t count)
{
    uint64_t unknown = 0;
    for (size_t i = 0; i < count; i++)
        segments[i].alive = segments[i].end = 0;
    struct chunk copy;
    struct piece piece;
    for (uint32_t i = 1; i < store->table_size; i++) {
        if (store_entry(store, i)->kind == ENTRY_FREE)
            continue;
        const struct chunk *chunk = store_look(store, i, &copy, &piece);
        uint64_t one = chunk->bodies || chunk->refs ? count_chunk(chunk, segments, count) : 0;
        unknown = one ? one : unknown;
    }
    return unknown;
}

/* Whether some of it lies in segments that are to be emptied. If it is to be left where it is, they are not any more. */
static bool to_be_cleaned(const struct chunk *chunk, struct store_segment *segments, size_t count, bool leave)
{
    uint64_t last = UINT64_MAX;
    bool some = false;
    for (uint32_t i = 0; i < (chunk->mixed ? chunk->piece_count : chunk->piece_count > 0); i++) {
        uint64_t number = piece_segment(chunk, &chunk->pieces[i]);
        struct store_segment *segment = number != last ? segment_find(segments, count, number) : NULL;
        if (segment && segment->clean) {
            some = true;
            segment->clean = !leave;
        }
        last = number;
    }
    return some;
}

static bool clean_choose(struct store *store, uint32_t index)
{
    struct chunk *chunk = store_unpack(store, index);
    if (!chunk || !store_choose(store, index))
        return false;
    if (index == store->open[STORE_DURABLE])
        store->open[STORE_DURABLE] = STORE_NONE; /* what it has moves to another one */
    chunk->unreadable = false;
    return true;
}

bool store_clean_begin(struct store *store, struct store_segment *segments, size_t count, uint64_t max)
{
    struct chunk copy;
    struct piece piece;
    uint64_t bytes = 0;
    for (uint32_t i = 1; i < store->table_size; i++) {
        const struct chunk *look =
            store_entry(store, i)->kind != ENTRY_FREE ? store_look(store, i, &copy, &piece) : NULL;
        if (!look || !look->bodies || !to_be_cleaned(look, segments, count, false))
            continue;
        uint32_t used = look->used;
        if ((!bytes || bytes + used <= max) && clean_choose(store, i))
            bytes += used;
        else
            (void)to_be_cleaned(look, segments, count, true);
    }
    for (uint32_t i = 0; i < store->chosen_count; i++) {
        if (!chunk_here(store_chunk(store, store->chosen[i])))
            store_load_queue(store, store->chosen[i]);
    }
    return store->chosen_count > 0;
}

bool store_clean_ready(struct store *store)
{
    for (; store->chosen_ready < store->chosen_count; store->chosen_ready++) {
        uint32_t index = store->chosen[store->chosen_ready];
        bool there = store_entry(store, index)->kind == ENTRY_CHUNK;
        struct chunk *chunk = there ? store_chunk(store, index) : NULL;
        if (!chunk || !chunk->compacts || chunk_here(chunk))
            continue;
        if (!chunk->unreadable)
            return false;
        chunk->compacts = false; /* it stays where it is */
    }
    return true;
}
