/* SPDX-License-Identifier: Apache-2.0 */
/* Answers with messages. Bodies leave from where they lie: neighbours in one piece, large pieces without a copy. */
#include "bridge_say.h"
#include "store.h"

enum { COPY_MAX = 2048 /* bytes of a piece up to which it is copied */ };

/* ---- what is known of them ---- */

static const struct jqw_run *runs_of(struct bridge *bridge, const struct engine_effect *effect)
{
    const struct engine_run *from = effect->got.runs;
    JQ_ASSERT(effect->got.run_count <= JQW_BATCH_MAX);
    for (uint32_t i = 0; i < effect->got.run_count; i++)
        bridge->runs[i] = (struct jqw_run){from[i].first, from[i].count, from[i].attempt, from[i].deliveries};
    return bridge->runs;
}

static struct jqw_priority priority_of(const struct engine_detail *from)
{
    switch (from->priority_kind) {
    case ENGINE_PRIORITY_NUMBER:
        return (struct jqw_priority){.kind = JQW_PRIORITY_NUMBER, .number = from->priority_number};
    case ENGINE_PRIORITY_BYTES:
        return (struct jqw_priority){.kind = JQW_PRIORITY_BYTES, .bytes = bridge_bytes(from->priority_bytes)};
    default:
        return (struct jqw_priority){0};
    }
}

static uint64_t in_ms(uint64_t ns)
{
    return ns / 1000000 + (ns % 1000000 > 0);
}

/* A dead letter comes from a queue that its reader may not see: then it is from somewhere. */
static struct jqw_bytes source_of(const struct server *server, const struct engine_effect *effect,
                                  struct engine_text source)
{
    return bridge_may_see(server, effect->session, source) ? bridge_bytes(source) : (struct jqw_bytes){0};
}

static const struct jqw_detail *details_of(const struct server *server, const struct engine_effect *effect)
{
    struct bridge *bridge = server->bridge;
    JQ_ASSERT(effect->got.detail_count <= JQW_BATCH_MAX);
    for (uint32_t i = 0; i < effect->got.detail_count; i++) {
        const struct engine_detail *from = &effect->got.details[i];
        bridge->details[i] = (struct jqw_detail){
            .index = from->index,
            .state = from->state,
            .delay_ms = in_ms(from->delay_ns),
            .ttl_ms = in_ms(from->ttl_ns),
            .age_ms = from->age_ns / 1000000,
            .priority = priority_of(from),
            .reason = from->reason,
            .source = source_of(server, effect, from->source),
            .source_sequence = from->source_sequence,
            .source_age_ms = from->source_age_ns / 1000000,
            .source_deliveries = from->source_deliveries,
        };
    }
    return bridge->details;
}
_Static_assert((int)JQW_IS_READY == (int)ENGINE_IS_READY && (int)JQW_IS_DELAYED == (int)ENGINE_IS_DELAYED &&
                   (int)JQW_IS_LEASED == (int)ENGINE_IS_LEASED &&
                   (int)JQW_REASON_DELIVERIES == (int)ENGINE_REASON_DELIVERIES &&
                   (int)JQW_REASON_NACK == (int)ENGINE_REASON_NACK &&
                   (int)JQW_REASON_EXPIRED == (int)ENGINE_REASON_EXPIRED,
               "states and reasons have the same numbers here and there");

/* ---- bodies where they lie ---- */

static uint32_t packed_size(const struct engine_body *body)
{
    return jqw_bin_header_size(body->length) + body->length;
}

bool bridge_bodies_absent(struct server *server, const struct engine_effect *effect)
{
    bool some = effect->kind == ENGINE_GOT || effect->kind == ENGINE_PEEKED || effect->kind == ENGINE_EXPORTED;
    const struct engine_body *bodies = effect->got.bodies;
    bool absent = false;
    for (uint32_t i = 0; some && i < effect->got.body_count; i++) {
        bool fresh = i == 0 || bodies[i].chunk != bodies[i - 1].chunk;
        if (fresh || store_unreadable(server->store, bodies[i].chunk, bodies[i].offset, 1))
            store_want(server->store, bodies[i].chunk, bodies[i].offset);
    }
    for (uint32_t i = 0; some && i < effect->got.body_count && !absent; i++)
        absent = !store_resident(server->store, bodies[i].chunk, bodies[i].offset, 1);
    return absent;
}

/* To make room for the others it may have gone again since it was asked for: now it is held. */
static int append_absent(const struct saying *saying, const struct engine_body *first, uint32_t size)
{
    struct server *server = saying->server;
    int code = output_append_absent(&server->pool, saying->out, first->chunk, first->offset, size);
    if (code != JQ_OK)
        return code;
    store_want(server->store, first->chunk, first->offset);
    server->read_some |= store_unreadable(server->store, first->chunk, first->offset, size); /* it is known already */
    return code;
}

static int append_piece(const struct saying *saying, const struct engine_body *first, uint32_t size)
{
    struct server *server = saying->server;
    if (!store_resident(server->store, first->chunk, first->offset, size))
        return append_absent(saying, first, size);
    const uint8_t *bytes = store_at(server->store, first->chunk, first->offset);
    if (size <= COPY_MAX)
        return output_append(&server->pool, saying->out, bytes, size);
    return output_append_place(&server->pool, saying->out, first->chunk, bytes, size);
}

static int append_bodies(const struct saying *saying)
{
    const struct engine_body *body = saying->effect->got.bodies;
    const struct engine_body *end = body + saying->effect->got.body_count;
    int code = JQ_OK;
    while (body < end && code == JQ_OK) {
        const struct engine_body *first = body;
        uint32_t size = 0;
        while (body < end && body->chunk == first->chunk && body->offset == first->offset + size)
            size += packed_size(body++);
        code = append_piece(saying, first, size);
    }
    return code;
}

static size_t packed_total(const struct engine_effect *effect)
{
    size_t size = 0;
    for (uint32_t i = 0; i < effect->got.body_count; i++)
        size += packed_size(&effect->got.bodies[i]);
    return size;
}

int bridge_say_got(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    struct bridge *bridge = saying->server->bridge;
    const struct jqw_got got = {
        .code = effect->code,
        .text = saying->text,
        .incarnation = effect->incarnation,
        .receipt = effect->got.receipt,
        .place = effect->got.place,
        .details = details_of(saying->server, effect),
        .detail_count = effect->got.detail_count,
        .runs = runs_of(bridge, effect),
        .run_count = effect->got.run_count,
        .bodies = {.packed.size = packed_total(effect), .count = effect->got.body_count},
        .lost = bridge_lost(bridge, effect->got.lost, effect->got.lost_count),
    };
    int code = jqw_encode_got_head(&bridge->frame, effect->request, &got);
    if (code == JQ_OK)
        code = bridge_append_frame(saying);
    return code == JQ_OK ? append_bodies(saying) : code;
}

/* ---- bodies that are shown ---- */

/* Nothing has changed: where there is no memory for many, that is the answer. */
static int say_refused(const struct saying *saying)
{
    static const char why[] = "the broker's memory is full";
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_RESULT,
                                  .result = {.code = JQ_OVERLOADED, .text = {(const uint8_t *)why, sizeof why - 1}},
                              });
}

static int say_shown(const struct saying *saying, struct jqw_message *message, struct jqw_bodies *bodies)
{
    const struct engine_effect *effect = saying->effect;
    struct jqw_buffer *frame = &saying->server->bridge->frame;
    size_t size = packed_total(effect);
    if (size > OUT_SHORT && !server_memory_allows(saying->server, size))
        return say_refused(saying);
    *bodies = (struct jqw_bodies){.packed.size = size, .count = effect->got.body_count};
    message->request = effect->request;
    int code = jqw_encode_head(frame, message, bodies);
    if (code == JQ_OK)
        code = bridge_append_frame(saying);
    return code == JQ_OK ? append_bodies(saying) : code;
}

int bridge_say_peeked(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    struct jqw_message message = {.op = JQW_PEEKED,
                                  .peeked = {.code = effect->code,
                                             .text = saying->text,
                                             .incarnation = effect->incarnation,
                                             .runs = runs_of(saying->server->bridge, effect),
                                             .run_count = effect->got.run_count}};
    return say_shown(saying, &message, &message.peeked.bodies);
}

int bridge_say_exported(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    struct bridge *bridge = saying->server->bridge;
    struct jqw_message message = {.op = JQW_EXPORTED,
                                  .exported = {.code = effect->code,
                                               .text = saying->text,
                                               .incarnation = effect->incarnation,
                                               .next = effect->got.next,
                                               .runs = runs_of(bridge, effect),
                                               .run_count = effect->got.run_count,
                                               .details = details_of(saying->server, effect),
                                               .detail_count = effect->got.detail_count}};
    return say_shown(saying, &message, &message.exported.bodies);
}
