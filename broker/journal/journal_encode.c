/* SPDX-License-Identifier: Apache-2.0 */
/* Records to bytes; see journal_codec.h. */
#include "journal_bytes.h"
#include "journal_codec.h"
#include "journal_crc.h"
#include <stdlib.h>
#include <string.h>

enum {
    PAYLOAD_AIM = 1024 * 1024, /* a frame that has so much takes no more */
    RECORDS_AIM = 4096,        /* or so many: it bounds what recovery holds at once */
    FIRST_CAPACITY = 16 * 1024,
    FIXED_MAX = (2 + FIELD_END + ENGINE_OPTION_COUNT + STATE_FIELDS + 9) * BYTES_VARINT_MAX + ENGINE_CLIENT_ID,
    BODY_MAX = 7 * BYTES_VARINT_MAX, /* of a body in its record: length, and a run or a reference of its own */
};

struct encoder {
    struct journal_frame *frame;
    const struct journal_bodies *bodies;
    struct journal_memory_of_last last;
    uint64_t body_bytes;
    uint8_t *at;
};

static bool reserve(struct journal_frame *frame, uint64_t size)
{
    if (size <= frame->capacity)
        return true;
    if (size > JOURNAL_PAYLOAD_MAX)
        return false;
    uint64_t capacity = frame->capacity ? frame->capacity : FIRST_CAPACITY;
    while (capacity < size)
        capacity *= 2;
    uint8_t *bytes = realloc(frame->bytes, capacity);
    if (!bytes)
        return false;
    frame->bytes = bytes;
    frame->capacity = (uint32_t)capacity;
    return true;
}

/* ---- bodies ---- */

static bool run_add(struct journal_frame *frame, struct journal_run run)
{
    if (frame->run_count == frame->run_capacity) {
        uint32_t capacity = frame->run_capacity ? frame->run_capacity * 2 : 8;
        struct journal_run *runs = realloc(frame->runs, capacity * sizeof *runs);
        if (!runs)
            return false;
        frame->runs = runs;
        frame->run_capacity = capacity;
    }
    frame->runs[frame->run_count++] = run;
    return true;
}

/* How many bodies from here on are neighbours, and their bytes. */
static uint32_t run_length(const struct engine_body *body, uint32_t count, uint64_t *size)
{
    uint32_t n = 1;
    *size = journal_body_extent(body->length);
    while (n < count && body[n].chunk == body->chunk && body[n].offset == body->offset + *size) {
        *size += journal_body_extent(body[n].length);
        n++;
    }
    return n;
}

static uint8_t *put_lengths(uint8_t *at, const struct engine_body *bodies, uint32_t count)
{
    bool same = true;
    for (uint32_t i = 1; i < count; i++)
        same &= bodies[i].length == bodies->length;
    *at++ = same;
    for (uint32_t i = 0; i < (same ? 1 : count); i++)
        at = put_varint(at, bodies[i].length);
    return at;
}

/* Whether it may lie in the log already. */
static bool is_told_again(const struct engine_record *record)
{
    return record->kind != ENGINE_RECORD_PUT || record->source != ENGINE_BY_PUT;
}

/* The first of the bodies, and what follows it in the same run of the log: how many; 0: it is in none. */
static uint32_t put_reference(struct encoder *e, uint8_t **to, const struct engine_body *body, uint32_t count)
{
    struct journal_reference run;
    if (!e->bodies->find || !e->bodies->find(e->bodies->user, body->chunk, body->offset, &run))
        return 0;
    uint64_t size = journal_body_extent(body->length);
    uint32_t n = 1;
    while (n < count && body[n].chunk == body->chunk && body[n].offset == body->offset + size &&
           run.at + size + journal_body_extent(body[n].length) <= run.size)
        size += journal_body_extent(body[n++].length);
    uint8_t *at = put_varint(put_varint(*to, 0), n);
    at = put_varint(put_varint(at, run.place.segment), run.place.offset);
    at = put_varint(put_varint(at, run.size), run.at);
    put_u32(at, run.crc);
    *to = at + sizeof run.crc;
    return n;
}

/* Those that have to be written: up to the next that is in the log. */
static uint32_t written_length(const struct encoder *e, const struct engine_record *record, uint32_t first,
                               uint64_t *size)
{
    const struct engine_body *body = &record->bodies[first];
    uint32_t n = run_length(body, record->count - first, size);
    struct journal_reference run;
    if (!is_told_again(record) || !e->bodies->find)
        return n;
    *size = journal_body_extent(body->length);
    for (uint32_t i = 1; i < n; i++) {
        if (e->bodies->find(e->bodies->user, body[i].chunk, body[i].offset, &run))
            return i;
        *size += journal_body_extent(body[i].length);
    }
    return n;
}

static bool put_bodies(struct encoder *e, const struct engine_record *record)
{
    uint8_t *at = put_lengths(e->at, record->bodies, record->count);
    for (uint32_t i = 0, n; i < record->count; i += n) {
        const struct engine_body *body = &record->bodies[i];
        uint64_t size;
        n = is_told_again(record) ? put_reference(e, &at, body, record->count - i) : 0;
        if (n)
            continue;
        n = written_length(e, record, i, &size);
        if (size > JOURNAL_PAYLOAD_MAX)
            return false;
        uint32_t crc = journal_crc(0, e->bodies->at(e->bodies->user, body->chunk, body->offset), size);
        struct journal_run run = {
            .chunk = body->chunk, .offset = body->offset, .size = (uint32_t)size, .crc = crc, .count = n};
        if (!run_add(e->frame, run))
            return false;
        at = put_varint(at, n);
        put_u32(at, crc);
        at += sizeof crc;
        e->body_bytes += size;
    }
    e->at = at;
    return true;
}

/* ---- a record ---- */

static bool has_client(const struct engine_record *record)
{
    static const uint8_t nobody[ENGINE_CLIENT_ID];
    return memcmp(record->client, nobody, sizeof nobody) != 0;
}

static bool has_options(const struct engine_queue_options *options)
{
    bool some = options->dead_letter.size > 0;
#define SOME(name, member) some |= options->member != 0;
    ENGINE_OPTIONS(SOME)
#undef SOME
    return some;
}

static uint32_t mask_of(const struct engine_record *r, const struct journal_memory_of_last *last)
{
    bool client = has_client(r), same = client && memcmp(r->client, last->client, sizeof r->client) == 0;
    bool priority = r->put.priority.kind || r->put.priority.number || r->put.priority.bytes.size;
    const bool has[FIELD_END] = {
        [FIELD_FIRST] = r->first,
        [FIELD_COUNT] = r->count,
        [FIELD_BODIES] = r->bodies && r->count,
        [FIELD_INCARNATION] = r->incarnation != last->incarnation,
        [FIELD_NOW] = r->now_ns != last->now_ns,
        [FIELD_CLIENT_SAME] = same,
        [FIELD_ONCE] = r->once.number || r->once.slot,
        [FIELD_CLIENT] = client && !same,
        [FIELD_NAME] = r->name.size,
        [FIELD_DUE] = r->due_ns,
        [FIELD_EXPIRES] = r->expires_ns,
        [FIELD_PRIORITY] = priority,
        [FIELD_DELIVERIES] = r->deliveries,
        [FIELD_CODE] = r->code,
        [FIELD_SOURCE] = r->source,
        [FIELD_REASON] = r->reason,
        [FIELD_SOURCE_INCARNATION] = r->source_incarnation,
        [FIELD_SOURCE_SEQUENCE] = r->source_sequence,
        [FIELD_DELAY] = r->put.delay_ns,
        [FIELD_TTL] = r->put.ttl_ns,
        [FIELD_OPTIONS] = has_options(&r->options),
        [FIELD_PUT] = r->put_ns,
        [FIELD_SOURCE_DELIVERIES] = r->source_deliveries,
        [FIELD_STATE] = r->state,
        [FIELD_MARK] = r->mark.counted || r->mark.base || r->mark.target,
    };
    uint32_t mask = 0;
    for (unsigned i = 0; i < FIELD_END; i++)
        mask |= (uint32_t)has[i] << i;
    return mask;
}

static uint8_t *put_text(uint8_t *at, struct engine_text text)
{
    at = put_varint(at, text.size);
    if (text.size)
        memcpy(at, text.data, text.size);
    return at + text.size;
}

static uint8_t *put_priority(uint8_t *at, const struct engine_put_options *put)
{
    uint64_t number = (uint64_t)put->priority.number;
    at = put_varint(at, (uint64_t)put->priority.kind);
    at = put_varint(at, number << 1 ^ (put->priority.number < 0 ? UINT64_MAX : 0));
    return put_text(at, put->priority.bytes);
}

static uint8_t *put_options(uint8_t *at, const struct engine_queue_options *options)
{
    at = put_varint(at, ENGINE_OPTION_DEAD_LETTER); /* how many numbers follow */
#define PUT(name, member) at = put_varint(at, options->member);
    ENGINE_OPTIONS(PUT)
#undef PUT
    return put_text(at, options->dead_letter);
}

static uint8_t *put_state(uint8_t *at, const struct engine_state *state)
{
    at = put_varint(at, STATE_FIELDS);
#define PUT(name) at = put_varint(at, state->name);
    ENGINE_STATE_FIELDS(PUT)
#undef PUT
    return at;
}

static void numbers_of(const struct engine_record *r, const struct journal_memory_of_last *last,
                       uint64_t numbers[FIELD_END])
{
    const uint64_t all[FIELD_END] = {
        [FIELD_FIRST] = r->first,
        [FIELD_COUNT] = r->count,
        [FIELD_INCARNATION] = r->incarnation,
        [FIELD_NOW] = r->now_ns - last->now_ns,
        [FIELD_DUE] = r->due_ns - r->now_ns,
        [FIELD_EXPIRES] = r->expires_ns - r->now_ns,
        [FIELD_DELIVERIES] = r->deliveries,
        [FIELD_CODE] = r->code,
        [FIELD_SOURCE] = r->source,
        [FIELD_REASON] = r->reason,
        [FIELD_SOURCE_INCARNATION] = r->source_incarnation,
        [FIELD_SOURCE_SEQUENCE] = r->source_sequence,
        [FIELD_DELAY] = r->put.delay_ns,
        [FIELD_TTL] = r->put.ttl_ns,
        [FIELD_PUT] = r->now_ns - r->put_ns,
        [FIELD_SOURCE_DELIVERIES] = r->source_deliveries,
    };
    memcpy(numbers, all, sizeof all);
}

static uint8_t *put_field(uint8_t *at, enum journal_field field, const struct engine_record *r, uint64_t number)
{
    switch (field) {
    case FIELD_CLIENT_SAME:
    case FIELD_BODIES:
        return at;
    case FIELD_ONCE:
        return put_varint(put_varint(at, r->once.number), r->once.slot);
    case FIELD_CLIENT:
        memcpy(at, r->client, sizeof r->client);
        return at + sizeof r->client;
    case FIELD_NAME:
        return put_text(at, r->name);
    case FIELD_PRIORITY:
        return put_priority(at, &r->put);
    case FIELD_OPTIONS:
        return put_options(at, &r->options);
    case FIELD_STATE:
        return put_state(at, r->state);
    case FIELD_MARK:
        return put_varint(put_varint(put_varint(at, r->mark.counted), r->mark.base), r->mark.target);
    default:
        return put_varint(at, number);
    }
}

static bool encode_record(struct encoder *e, const struct engine_record *record)
{
    struct journal_frame *frame = e->frame;
    uint64_t used = frame->size;
    uint64_t most = FIXED_MAX + (uint64_t)record->name.size + record->put.priority.bytes.size +
                    record->options.dead_letter.size + (record->bodies ? (uint64_t)record->count * BODY_MAX : 0);
    if (!reserve(frame, used + most))
        return false;
    uint32_t mask = mask_of(record, &e->last);
    uint64_t numbers[FIELD_END];
    numbers_of(record, &e->last, numbers);
    uint8_t *at = put_varint(frame->bytes + used, record->kind);
    at = put_varint(at, mask);
    for (unsigned field = 0; mask >> field; field++) {
        if (mask >> field & 1)
            at = put_field(at, field, record, numbers[field]);
    }
    e->at = at;
    if (mask & 1u << FIELD_BODIES && !put_bodies(e, record)) /* behind the fields: it needs their count */
        return false;
    if (mask & 1u << FIELD_CLIENT)
        memcpy(e->last.client, record->client, sizeof record->client);
    e->last.incarnation = record->incarnation;
    e->last.now_ns = record->now_ns;
    frame->size = (uint32_t)(e->at - frame->bytes);
    return frame->size + e->body_bytes <= JOURNAL_PAYLOAD_MAX;
}

/* ---- a frame ---- */

/* The runs' bytes behind the records, and zeros up to where the next frame may begin. */
static bool copy_bodies(struct encoder *e)
{
    struct journal_frame *frame = e->frame;
    uint64_t size = (frame->size + e->body_bytes + JOURNAL_ALIGN - 1) / JOURNAL_ALIGN * JOURNAL_ALIGN;
    if (!reserve(frame, size))
        return false;
    frame->bodies_at = frame->size - JOURNAL_FRAME_HEADER;
    for (uint32_t i = 0; i < frame->run_count; i++) {
        struct journal_run *run = &frame->runs[i];
        run->at = frame->size;
        memcpy(frame->bytes + run->at, e->bodies->at(e->bodies->user, run->chunk, run->offset), run->size);
        frame->size += run->size;
    }
    memset(frame->bytes + frame->size, 0, size - frame->size);
    frame->size = (uint32_t)size;
    return true;
}

uint32_t journal_encode(struct journal_frame *frame, const struct engine_record *records, uint32_t count,
                        const struct journal_bodies *bodies)
{
    struct encoder e = {.frame = frame, .bodies = bodies};
    uint64_t group_end = 0; /* index of what may begin another frame */
    uint32_t n = 0;
    frame->size = JOURNAL_FRAME_HEADER;
    frame->run_count = 0;
    while (n < count && (n < group_end || (frame->size + e.body_bytes < PAYLOAD_AIM && n < RECORDS_AIM))) {
        uint64_t end = n + UINT64_C(1) + (records[n].kind == ENGINE_RECORD_GROUP ? records[n].count : 0);
        group_end = end > group_end ? end : group_end;
        if (!encode_record(&e, &records[n]))
            return 0;
        n++;
    }
    JQ_ASSERT(n >= group_end); /* a group is in one batch */
    frame->first = records->number;
    frame->count = n;
    return copy_bodies(&e) ? n : 0;
}

void journal_frame_fini(struct journal_frame *frame)
{
    free(frame->bytes);
    free(frame->runs);
}
