/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to records; see journal_codec.h. The payload's crc is right, but nothing in it is trusted: each length and count is held
 * against what remains, and memory grows with what has been read. */
#include "journal_bytes.h"
#include "journal_codec.h"
#include "journal_crc.h"
#include <stdlib.h>
#include <string.h>

enum { SLICE = 512 /* records that are given to replay at once, groups apart */ };

static const char newer[] = "a record was written by a newer joinqd: start that one, or a newer one";
static const char malformed[] = "a record makes no sense although its checksum is right";

struct decode {
    struct journal_decoder *decoder;
    const struct journal_frame_header *header;
    const uint8_t *payload;
    struct journal_place place;
    const struct journal_replay *replay;
    struct bytes_in in;
    const uint8_t *bodies_at; /* the next run */
    const uint8_t *bodies_end;
    struct journal_memory_of_last last;
    uint64_t from;
    const char *wrong;
};

void journal_decoder_fini(struct journal_decoder *decoder)
{
    free(decoder->records);
    free(decoder->body_first);
    free(decoder->bodies);
    free(decoder->states);
    *decoder = (struct journal_decoder){0};
}

static bool records_reserve(struct journal_decoder *d)
{
    if (d->record_count < d->record_capacity)
        return true;
    uint32_t capacity = d->record_capacity ? d->record_capacity * 2 : SLICE;
    struct engine_record *records = realloc(d->records, capacity * sizeof *records);
    if (!records)
        return false;
    d->records = records;
    uint32_t *body_first = realloc(d->body_first, capacity * sizeof *body_first);
    if (!body_first)
        return false;
    d->body_first = body_first;
    d->record_capacity = capacity;
    return true;
}

static bool bodies_reserve(struct journal_decoder *d, uint32_t count)
{
    uint64_t needed = (uint64_t)d->body_count + count, capacity = d->body_capacity ? d->body_capacity : SLICE;
    if (needed <= d->body_capacity)
        return true;
    while (capacity < needed)
        capacity *= 2;
    struct engine_body *bodies = capacity <= UINT32_MAX ? realloc(d->bodies, capacity * sizeof *bodies) : NULL;
    if (!bodies)
        return false;
    d->bodies = bodies;
    d->body_capacity = (uint32_t)capacity;
    return true;
}

static int is_wrong(struct decode *d, const char *wrong)
{
    d->wrong = wrong;
    return JQ_STORAGE;
}

/* ---- fields ---- */

static uint32_t get_small(struct bytes_in *in)
{
    uint64_t value = get_varint(in);
    in->wrong |= value > UINT32_MAX;
    return (uint32_t)value;
}

static struct engine_text get_text(struct bytes_in *in)
{
    uint32_t size = get_small(in);
    const uint8_t *at = get_bytes(in, size);
    return at ? (struct engine_text){(const char *)at, size} : (struct engine_text){0};
}

static void get_priority(struct bytes_in *in, struct engine_put_options *put)
{
    uint32_t kind = get_small(in);
    uint64_t number = get_varint(in);
    in->wrong |= kind > ENGINE_PRIORITY_BYTES;
    put->priority.kind = in->wrong ? ENGINE_PRIORITY_NONE : kind;
    put->priority.number = (int64_t)(number >> 1 ^ (0 - (number & 1)));
    put->priority.bytes = get_text(in);
}

static int get_options(struct decode *d, struct engine_queue_options *options)
{
    struct bytes_in *in = &d->in;
    uint32_t count = get_small(in);
    if (count > ENGINE_OPTION_DEAD_LETTER)
        return is_wrong(d, newer);
#define GET(name, member) options->member = ENGINE_OPTION_##name < count ? get_varint(in) : 0;
    ENGINE_OPTIONS(GET)
#undef GET
    options->dead_letter = get_text(in);
    return JQ_OK;
}

/* Where it lies is known once all records of the slice are read. */
static const struct engine_state present;

static int get_state(struct decode *d, struct engine_record *r)
{
    struct journal_decoder *decoder = d->decoder;
    struct bytes_in *in = &d->in;
    uint32_t count = get_small(in), at = 0;
    if (count > STATE_FIELDS)
        return is_wrong(d, newer);
    if (decoder->state_count == decoder->state_capacity) {
        uint32_t capacity = decoder->state_capacity ? decoder->state_capacity * 2 : 8;
        struct engine_state *states = realloc(decoder->states, capacity * sizeof *states);
        if (!states)
            return JQ_OVERLOADED;
        decoder->states = states;
        decoder->state_capacity = capacity;
    }
    struct engine_state *state = &decoder->states[decoder->state_count++];
#define GET(name) state->name = at++ < count ? get_varint(in) : 0;
    ENGINE_STATE_FIELDS(GET)
#undef GET
    r->state = &present;
    return JQ_OK;
}

static void get_client(struct bytes_in *in, struct engine_record *r)
{
    const uint8_t *client = get_bytes(in, sizeof r->client);
    if (client)
        memcpy(r->client, client, sizeof r->client);
}

/* Those that few records have. */
static int get_rare_field(struct decode *d, enum journal_field field, struct engine_record *r)
{
    struct bytes_in *in = &d->in;
    uint32_t value = 0;
    switch (field) {
    case FIELD_DELIVERIES:
        r->deliveries = get_small(in);
        break;
    case FIELD_CODE:
        r->code = get_small(in);
        break;
    case FIELD_SOURCE:
        value = get_small(in);
        r->source = value <= ENGINE_BY_DEATH ? value : ENGINE_BY_PUT;
        return value > ENGINE_BY_DEATH ? is_wrong(d, newer) : JQ_OK;
    case FIELD_REASON:
        value = get_small(in);
        r->reason = value <= ENGINE_REASON_EXPIRED ? value : ENGINE_REASON_NONE;
        return value > ENGINE_REASON_EXPIRED ? is_wrong(d, newer) : JQ_OK;
    case FIELD_SOURCE_INCARNATION:
        r->source_incarnation = get_varint(in);
        break;
    case FIELD_SOURCE_SEQUENCE:
        r->source_sequence = get_varint(in);
        break;
    case FIELD_DELAY:
        r->put.delay_ns = get_varint(in);
        break;
    case FIELD_TTL:
        r->put.ttl_ns = get_varint(in);
        break;
    case FIELD_OPTIONS:
        return get_options(d, &r->options);
    case FIELD_PUT:
        r->put_ns = r->now_ns - get_varint(in);
        break;
    case FIELD_SOURCE_DELIVERIES:
        r->source_deliveries = get_small(in);
        break;
    case FIELD_STATE:
        return get_state(d, r);
    case FIELD_MARK:
        r->mark.counted = get_varint(in);
        r->mark.base = get_varint(in);
        r->mark.target = get_varint(in);
        break;
    default:
        return is_wrong(d, newer);
    }
    return JQ_OK;
}

static int get_field(struct decode *d, enum journal_field field, struct engine_record *r)
{
    struct bytes_in *in = &d->in;
    switch (field) {
    case FIELD_FIRST:
        r->first = get_varint(in);
        break;
    case FIELD_COUNT:
        r->count = get_small(in);
        break;
    case FIELD_BODIES: /* behind the fields */
        break;
    case FIELD_INCARNATION:
        r->incarnation = get_varint(in);
        break;
    case FIELD_NOW:
        r->now_ns += get_varint(in);
        break;
    case FIELD_CLIENT_SAME:
        memcpy(r->client, d->last.client, sizeof r->client);
        break;
    case FIELD_ONCE:
        r->once.number = get_varint(in);
        r->once.slot = get_small(in);
        break;
    case FIELD_CLIENT:
        get_client(in, r);
        break;
    case FIELD_NAME:
        r->name = get_text(in);
        break;
    case FIELD_DUE:
        r->due_ns = r->now_ns + get_varint(in);
        break;
    case FIELD_EXPIRES:
        r->expires_ns = r->now_ns + get_varint(in);
        break;
    case FIELD_PRIORITY:
        get_priority(in, &r->put);
        break;
    default:
        return get_rare_field(d, field, r);
    }
    return JQ_OK;
}

/* ---- bodies ---- */

static int get_lengths(struct decode *d, uint32_t count)
{
    struct journal_decoder *decoder = d->decoder;
    uint64_t remain = (uint64_t)(d->bodies_end - d->bodies_at);
    if (count > remain / 2 && count > ENGINE_SLICE) /* a header has two bytes at least, where it is here */
        return is_wrong(d, malformed);
    if (!bodies_reserve(decoder, count))
        return JQ_OVERLOADED;
    const uint8_t *same = get_bytes(&d->in, 1);
    uint32_t length = 0;
    for (uint32_t i = 0; i < count && !d->in.wrong; i++) {
        if (i == 0 || !*same)
            length = get_small(&d->in);
        decoder->bodies[decoder->body_count + i] = (struct engine_body){.length = length};
    }
    return d->in.wrong || (same && *same > 1) ? is_wrong(d, malformed) : JQ_OK;
}

/* The next run, which so many bodies are: where they lie now. */
static int get_run(struct decode *d, struct engine_body *bodies, uint32_t count, bool needed)
{
    const uint8_t *crc = get_bytes(&d->in, sizeof(uint32_t));
    uint64_t size = 0, remain = (uint64_t)(d->bodies_end - d->bodies_at);
    for (uint32_t i = 0; i < count && size <= remain; i++)
        size += journal_body_extent(bodies[i].length);
    if (!crc || size > remain || journal_crc(0, d->bodies_at, size) != get_u32(crc))
        return is_wrong(d, malformed);
    struct journal_place place = {d->place.segment, d->place.offset + (uint32_t)(d->bodies_at - d->payload)};
    uint32_t chunk = 0, offset = place.offset;
    int code = JQ_OK;
    if (needed && d->replay->adopt)
        code = d->replay->adopt(d->replay->user, place, (uint32_t)size, count, get_u32(crc), d->bodies_at, &chunk,
                                &offset);
    for (uint32_t i = 0; i < count; i++) {
        bodies[i].chunk = chunk;
        bodies[i].offset = offset;
        offset += (uint32_t)journal_body_extent(bodies[i].length);
    }
    d->bodies_at += size;
    return code;
}

static int get_reference(struct decode *d, struct engine_body *bodies, uint32_t count, bool needed)
{
    struct journal_reference run = {.place.segment = get_varint(&d->in)};
    uint64_t size = 0;
    run.place.offset = get_small(&d->in);
    run.size = get_small(&d->in);
    run.at = get_small(&d->in);
    const uint8_t *crc = get_bytes(&d->in, sizeof run.crc);
    if (!crc || run.size > JOURNAL_PAYLOAD_MAX || run.at > run.size)
        return is_wrong(d, malformed);
    for (uint32_t i = 0; i < count && size <= run.size; i++)
        size += journal_body_extent(bodies[i].length);
    if (size > run.size - run.at)
        return is_wrong(d, malformed);
    run.crc = get_u32(crc);
    uint32_t chunk = 0, offset = run.at;
    int code = JQ_OK;
    if (needed && d->replay->adopt_placed)
        code = d->replay->adopt_placed(d->replay->user, &run, (uint32_t)size, count, &chunk, &offset);
    for (uint32_t i = 0; i < count; i++) {
        bodies[i].chunk = chunk;
        bodies[i].offset = offset;
        offset += (uint32_t)journal_body_extent(bodies[i].length);
    }
    return code;
}

static int get_bodies(struct decode *d, struct engine_record *r)
{
    struct journal_decoder *decoder = d->decoder;
    int code = get_lengths(d, r->count);
    for (uint32_t i = 0; i < r->count && code == JQ_OK;) {
        uint32_t count = get_small(&d->in);
        bool here = count > 0;
        count = here ? count : get_small(&d->in);
        if (d->in.wrong || count < 1 || count > r->count - i)
            return is_wrong(d, malformed);
        struct engine_body *bodies = &decoder->bodies[decoder->body_count + i];
        bool needed = r->number >= d->from;
        code = here ? get_run(d, bodies, count, needed) : get_reference(d, bodies, count, needed);
        i += count;
    }
    if (code == JQ_OK)
        decoder->body_count += r->count;
    return code;
}

/* ---- records ---- */

static int get_record(struct decode *d, uint64_t number)
{
    struct journal_decoder *decoder = d->decoder;
    if (!records_reserve(decoder))
        return JQ_OVERLOADED;
    struct engine_record *r = &decoder->records[decoder->record_count];
    *r = (struct engine_record){.number = number, .incarnation = d->last.incarnation, .now_ns = d->last.now_ns};
    decoder->body_first[decoder->record_count] = UINT32_MAX;
    uint32_t kind = get_small(&d->in), mask = get_small(&d->in);
    if (d->in.wrong)
        return is_wrong(d, malformed);
    if (kind >= ENGINE_RECORD_KINDS || mask >> FIELD_END)
        return is_wrong(d, newer);
    r->kind = kind;
    int code = JQ_OK;
    for (unsigned field = 0; mask >> field && code == JQ_OK; field++) {
        if (mask >> field & 1)
            code = get_field(d, field, r);
    }
    if (code == JQ_OK && d->in.wrong)
        code = is_wrong(d, malformed);
    if (code == JQ_OK && mask & 1u << FIELD_BODIES) {
        decoder->body_first[decoder->record_count] = decoder->body_count;
        code = get_bodies(d, r);
    }
    if (mask & 1u << FIELD_CLIENT)
        memcpy(d->last.client, r->client, sizeof r->client);
    d->last.incarnation = r->incarnation;
    d->last.now_ns = r->now_ns;
    return code;
}

/* What has been gathered, to replay. */
static int deliver(struct decode *d)
{
    struct journal_decoder *decoder = d->decoder;
    int code = JQ_OK;
    uint32_t states = 0;
    for (uint32_t i = 0; i < decoder->record_count; i++) {
        if (decoder->records[i].state)
            decoder->records[i].state = &decoder->states[states++];
        if (decoder->body_first[i] != UINT32_MAX)
            decoder->records[i].bodies = &decoder->bodies[decoder->body_first[i]];
    }
    if (decoder->record_count > 0 && d->replay->records)
        code = d->replay->records(d->replay->user, d->header->wall_ns, decoder->records, decoder->record_count);
    decoder->record_count = decoder->body_count = decoder->state_count = 0;
    return code;
}

static int get_records(struct decode *d)
{
    const struct journal_frame_header *header = d->header;
    uint64_t group_end = 0;
    for (uint32_t i = 0; i < header->count; i++) {
        if (i >= group_end && d->decoder->record_count >= SLICE) {
            int code = deliver(d);
            if (code != JQ_OK)
                return code;
        }
        int code = get_record(d, header->first + i);
        if (code != JQ_OK)
            return code;
        const struct engine_record *r = &d->decoder->records[d->decoder->record_count];
        uint64_t end = i + UINT64_C(1) + (r->kind == ENGINE_RECORD_GROUP ? r->count : 0);
        group_end = end > group_end ? end : group_end;
        if (header->first + i >= d->from)
            d->decoder->record_count++;
        else
            d->decoder->state_count -= r->state != NULL;
    }
    bool over = bytes_left(&d->in) == 0 && d->bodies_end - d->bodies_at < JOURNAL_ALIGN;
    return over && group_end <= header->count ? deliver(d) : is_wrong(d, malformed);
}

int journal_decode(struct journal_decoder *decoder, const struct journal_frame_header *header, const uint8_t *payload,
                   struct journal_place at, uint64_t from, const struct journal_replay *replay, const char **wrong)
{
    struct decode d = {.decoder = decoder,
                       .header = header,
                       .payload = payload,
                       .place = at,
                       .replay = replay,
                       .in = {.at = payload, .end = payload + header->bodies_at},
                       .bodies_at = payload + header->bodies_at,
                       .bodies_end = payload + header->payload,
                       .from = from};
    decoder->record_count = decoder->body_count = decoder->state_count = 0;
    int code = get_records(&d);
    *wrong = d.wrong;
    return code;
}
