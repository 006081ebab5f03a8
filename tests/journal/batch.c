/* SPDX-License-Identifier: Apache-2.0 */
/* Random records; see batch.h. */
#include "batch.h"
#include <stdlib.h>
#include <string.h>

/* ---- bodies ---- */

const uint8_t *bodies_at(void *user, uint32_t chunk, uint32_t offset)
{
    struct bodies *bodies = user;
    JQ_ASSERT(chunk < BATCH_CHUNKS && bodies->chunks[chunk].data && offset < bodies->chunks[chunk].size);
    return bodies->chunks[chunk].data + offset;
}

void bodies_hold(void *user, uint32_t chunk)
{
    ((struct bodies *)user)->chunks[chunk].holds++;
}

void bodies_drop(void *user, uint32_t chunk)
{
    struct bodies *bodies = user;
    JQ_ASSERT(bodies->chunks[chunk].holds > 0);
    bodies->chunks[chunk].holds--;
}

uint32_t bodies_add(struct bodies *bodies, const uint8_t *bytes, uint32_t size)
{
    uint32_t at = bodies->next, tried = 0;
    while (bodies->chunks[at].holds > 0) {
        at = (at + 1) % BATCH_CHUNKS;
        JQ_ASSERT(++tried < BATCH_CHUNKS);
    }
    free(bodies->chunks[at].data);
    bodies->chunks[at].data = malloc(size);
    JQ_ASSERT(bodies->chunks[at].data);
    memcpy(bodies->chunks[at].data, bytes, size);
    bodies->chunks[at].size = size;
    bodies->next = (at + 1) % BATCH_CHUNKS;
    return at;
}

void bodies_fini(struct bodies *bodies)
{
    for (uint32_t i = 0; i < BATCH_CHUNKS; i++)
        free(bodies->chunks[i].data);
}

/* ---- digests ---- */

uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ at[i]) * UINT64_C(0x100000001b3);
    return digest;
}

static uint64_t digest_number(uint64_t digest, uint64_t number)
{
    return digest_bytes(digest, &number, sizeof number);
}

static uint64_t digest_text(uint64_t digest, struct engine_text text)
{
    return digest_bytes(digest_number(digest, text.size), text.data, text.size);
}

static uint32_t header_size(uint32_t length)
{
    return length < 256 ? 2 : length < 65536 ? 3 : 5;
}

uint64_t batch_digest(const struct engine_record *r, struct bodies *bodies)
{
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    const uint64_t numbers[] = {r->kind,
                                r->number,
                                r->incarnation,
                                r->first,
                                r->count,
                                r->deliveries,
                                r->code,
                                r->source,
                                r->reason,
                                r->now_ns,
                                r->due_ns,
                                r->expires_ns,
                                r->source_incarnation,
                                r->source_sequence,
                                r->put.delay_ns,
                                r->put.ttl_ns,
                                r->put.priority.kind,
                                (uint64_t)r->put.priority.number,
                                r->once.number,
                                r->once.slot,
                                r->bodies && r->count};
    digest = digest_bytes(digest, numbers, sizeof numbers);
#define OPTION(name, member) digest = digest_number(digest, r->options.member);
    ENGINE_OPTIONS(OPTION)
#undef OPTION
    digest = digest_text(digest, r->options.dead_letter);
    digest = digest_text(digest, r->name);
    digest = digest_text(digest, r->put.priority.bytes);
    digest = digest_bytes(digest, r->client, sizeof r->client);
    for (uint32_t i = 0; r->bodies && i < r->count; i++) {
        const struct engine_body *body = &r->bodies[i];
        digest = digest_number(digest, body->length);
        digest = digest_bytes(digest, bodies_at(bodies, body->chunk, body->offset),
                              header_size(body->length) + body->length);
    }
    return digest;
}

/* ---- records ---- */

static uint64_t number_random(struct random *random)
{
    return random_next(random) >> random_below(random, 64);
}

static uint64_t sometimes(struct random *random)
{
    return random_chance(random, 40) ? number_random(random) : 0;
}

static struct engine_text text_random(struct batch *batch, struct random *random)
{
    uint32_t size = random_chance(random, 60) ? 0 : random_below(random, 60);
    struct engine_text text = {batch->text + batch->text_size, size};
    JQ_ASSERT(batch->text_size + size <= BATCH_TEXT);
    for (uint32_t i = 0; i < size; i++)
        batch->text[batch->text_size++] = (char)random_next(random);
    return text;
}

static uint8_t *body_write(uint8_t *at, struct random *random, uint32_t length)
{
    uint32_t header = header_size(length);
    at[0] = (uint8_t)(header == 2 ? 0xc4 : header == 3 ? 0xc5 : 0xc6);
    for (uint32_t i = 1; i < header; i++)
        at[i] = (uint8_t)(length >> 8 * (header - 1 - i));
    uint64_t bytes = random_next(random);
    for (uint32_t i = 0; i < length; i++, bytes = bytes * 0x9e3779b97f4a7c15 + 1)
        at[header + i] = (uint8_t)(bytes >> 56);
    return at + header + length;
}

/* In one chunk or several, not all of them neighbours. */
static void bodies_random(struct batch *batch, struct random *random, struct bodies *bodies, struct engine_record *r,
                          uint32_t large)
{
    r->count = 1 + random_below(random, random_chance(random, 20) ? BATCH_BODIES : 4);
    r->bodies = &batch->body[batch->body_count];
    for (uint32_t done = 0; done < r->count;) {
        uint32_t some = 1 + random_below(random, r->count - done), start = done, offset = 0;
        bool same = random_chance(random, 50);
        uint32_t length = random_below(random, random_chance(random, 5) && large ? large : 300);
        uint8_t *bytes = malloc((size_t)some * (large + 400)), *at = bytes;
        JQ_ASSERT(bytes);
        for (; done < start + some; done++) {
            length = same ? length : random_below(random, 300);
            batch->body[batch->body_count + done] = (struct engine_body){.offset = offset, .length = length};
            at = body_write(at, random, length);
            offset = (uint32_t)(at - bytes);
        }
        uint32_t chunk = bodies_add(bodies, bytes, offset);
        bodies_hold(bodies, chunk); /* until the batch is appended */
        for (uint32_t i = start; i < done; i++)
            batch->body[batch->body_count + i].chunk = chunk;
        free(bytes);
    }
    batch->body_count += r->count;
}

void batch_record(struct batch *batch, struct random *random, struct bodies *bodies, enum engine_record_kind kind,
                  uint32_t large)
{
    struct engine_record *r = &batch->records[batch->count++];
    *r = (struct engine_record){.kind = kind, .incarnation = 1 + random_below(random, 3)};
    r->first = number_random(random);
    r->count = (uint32_t)number_random(random);
    r->deliveries = (uint32_t)sometimes(random);
    r->code = (uint32_t)sometimes(random);
    r->source = random_below(random, ENGINE_BY_DEATH + 1);
    r->reason = random_below(random, ENGINE_REASON_EXPIRED + 1);
    r->now_ns = number_random(random);
    r->due_ns = sometimes(random);
    r->expires_ns = sometimes(random);
    r->source_incarnation = sometimes(random);
    r->source_sequence = sometimes(random);
    r->name = text_random(batch, random);
    r->put.delay_ns = sometimes(random);
    r->put.ttl_ns = sometimes(random);
    r->put.priority.kind = random_below(random, ENGINE_PRIORITY_BYTES + 1);
    r->put.priority.number = (int64_t)sometimes(random);
    r->put.priority.bytes = text_random(batch, random);
    r->once.number = sometimes(random);
    r->once.slot = (uint32_t)sometimes(random);
    if (random_chance(random, 20)) {
#define OPTION(name, member) r->options.member = sometimes(random);
        ENGINE_OPTIONS(OPTION)
#undef OPTION
        r->options.dead_letter = text_random(batch, random);
    }
    if (random_chance(random, 50))
        memset(r->client, (int)random_below(random, 3), sizeof r->client);
    if (kind == ENGINE_RECORD_PUT)
        bodies_random(batch, random, bodies, r, large);
}

void batch_random(struct batch *batch, struct random *random, struct bodies *bodies, uint64_t first, uint32_t large)
{
    uint32_t want = 1 + random_below(random, random_chance(random, 80) ? 4 : BATCH_RECORDS);
    batch->count = batch->body_count = batch->text_size = 0;
    while (batch->count < want) {
        uint32_t at = batch->count, kind = random_below(random, ENGINE_RECORD_KEPT + 1);
        batch_record(batch, random, bodies, kind, large);
        batch->records[at].number = first + at;
        if (kind == ENGINE_RECORD_GROUP) {
            uint32_t most = BATCH_RECORDS - batch->count;
            batch->records[at].count = random_below(random, most < 8 ? most + 1 : 8);
            want = want > at + 1 + batch->records[at].count ? want : at + 1 + batch->records[at].count;
        }
    }
    for (uint32_t at = 0; at < batch->count; at++) { /* a group within one may reach beyond the batch */
        if (batch->records[at].kind == ENGINE_RECORD_GROUP && batch->records[at].count > batch->count - at - 1)
            batch->records[at].count = batch->count - at - 1;
    }
}
