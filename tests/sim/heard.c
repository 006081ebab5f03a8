/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine says in a step, taken out of its buffer: effects and records made flat, bodies counted, records handed to the
 * journal; and deliveries held back until the journal has made durable what they rest on. */
#include "coverage.h"
#include "fault.h"
#include "sim.h"
#include <stdlib.h>
#include <string.h>

static void *room(void *items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? *capacity * 2 : 64;
    items = realloc(items, *capacity * size);
    JQ_ASSERT(items);
    return items;
}

static void copy_name(char *out, const struct engine_text *text)
{
    memset(out, 0, MODEL_NAME_SIZE);
    memcpy(out, text->data, text->size < MODEL_NAME_SIZE ? text->size : MODEL_NAME_SIZE - 1);
}

/* ---- effects ------------------------------------------------------------------------------------------------------- */

static void take_got(struct sim *sim, const struct engine_effect *from, struct model_effect *to)
{
    uint32_t body = 0;
    to->receipt = from->got.receipt;
    for (uint32_t r = 0; r < from->got.run_count; r++) {
        const struct engine_run *run = &from->got.runs[r];
        for (uint32_t i = 0; i < run->count && body < from->got.body_count; i++) {
            sim->items = room(sim->items, &sim->item_capacity, sim->item_count, sizeof *sim->items);
            sim->items[sim->item_count++] = (struct model_item){.seq = run->first + i,
                                                                .attempt = run->attempt,
                                                                .deliveries = run->deliveries,
                                                                .body = from->got.bodies[body++]};
        }
    }
    to->item_count = sim->item_count - to->item_first;
    for (uint32_t i = 0; i < from->got.detail_count; i++) {
        const struct engine_detail *detail = &from->got.details[i];
        if (detail->index >= to->item_count) {
            sim_fail(sim, "a detail of message %u, of %zu", detail->index, to->item_count);
            break;
        }
        struct model_item *item = &sim->items[to->item_first + detail->index];
        item->reason = (int)detail->reason;
        item->source_seq = detail->source_sequence;
        item->source_deliveries = detail->source_deliveries;
        copy_name(item->source, &detail->source);
    }
    uint64_t count = 0;
    for (uint32_t r = 0; r < from->got.run_count; r++)
        count += from->got.runs[r].count;
    bool end = from->code == JQ_END && to->receipt && count == 1; /* its place, by which it can be released */
    if (count != from->got.body_count && !end)
        sim_fail(sim, "a delivery of %llu messages in runs has %u bodies", (unsigned long long)count,
                 from->got.body_count);
}

static void take_lost(struct sim *sim, struct model_effect *to, const struct engine_range *ranges, uint32_t count)
{
    for (uint32_t r = 0; r < count; r++)
        for (uint32_t i = 0; i < ranges[r].count; i++) {
            sim->lost = room(sim->lost, &sim->lost_capacity, sim->lost_count, sizeof *sim->lost);
            sim->lost[sim->lost_count++] =
                (struct model_lost){ranges[r].incarnation, ranges[r].first + i, ranges[r].attempt};
        }
    to->lost_count = sim->lost_count - to->lost_first;
}

static void take_stats(struct sim *sim, const struct engine_effect *from, struct model_effect *to)
{
    for (uint32_t i = 0; i < from->stats.count; i++) {
        sim->stats = room(sim->stats, &sim->stat_capacity, sim->stat_count, sizeof *sim->stats);
        struct model_stat *stat = &sim->stats[sim->stat_count++];
        stat->stat = from->stats.item[i];
        copy_name(stat->name, &stat->stat.name);
        copy_name(stat->dead_letter, &stat->stat.options.dead_letter);
    }
    to->stat_count = from->stats.count;
    to->more = from->stats.more;
}

static void take_body(struct sim *sim, const struct engine_effect *from, struct model_effect *to)
{
    switch (from->kind) {
    case ENGINE_ANSWER:
        to->count = from->answer.count;
        break;
    case ENGINE_GOT:
        take_got(sim, from, to);
        take_lost(sim, to, from->got.lost, from->got.lost_count);
        break;
    case ENGINE_PEEKED:
        take_got(sim, from, to);
        break;
    case ENGINE_SETTLED:
    case ENGINE_EVENT_LEASE_LOST:
        to->count = from->settled.count;
        take_lost(sim, to, from->settled.lost, from->settled.lost_count);
        break;
    case ENGINE_JOINED:
        to->remaining = from->joined.remaining;
        to->done = from->joined.done;
        to->discarded = from->joined.discarded;
        to->dead = from->joined.dead;
        to->expired = from->joined.expired;
        to->moved = from->joined.moved;
        break;
    case ENGINE_ATTACHED:
        to->count = from->attached.accepted;
        to->finished = from->attached.finished;
        to->generation = from->attached.generation;
        break;
    case ENGINE_STATS:
        take_stats(sim, from, to);
        break;
    case ENGINE_EVENT_FENCED:
        copy_name(to->producer, &from->fenced.producer);
        break;
    case ENGINE_OPENED:
        to->known = from->opened.known;
        break;
    case ENGINE_EXPLAINED:
    case ENGINE_EXPORTED:
        break;
    }
}

static void take_effect(struct sim *sim, const struct engine_effect *from)
{
    sim->heard = room(sim->heard, &sim->heard_capacity, sim->heard_count, sizeof *sim->heard);
    struct sim_heard *heard = &sim->heard[sim->heard_count++];
    *heard = (struct sim_heard){0};
    struct model_effect *to = &heard->effect;
    to->after = from->after;
    to->kind = from->kind;
    to->session = from->session.value;
    to->request = from->request;
    to->code = (int)from->code;
    to->why = (int)from->why;
    to->incarnation = from->incarnation;
    to->item_first = sim->item_count;
    to->lost_first = sim->lost_count;
    to->stat_first = sim->stat_count;
    take_body(sim, from, to);
    sim_hash(sim, from->session.value * 31 + from->request);
    sim_hash(sim, (uint64_t)from->kind * 64 + from->code);
    sim_hash(sim, from->after + to->count + to->receipt + (to->item_count << 20) + (to->lost_count << 40));
    for (size_t i = to->item_first; i < sim->item_count; i++)
        sim_hash(sim, sim->items[i].seq * 64 + sim->items[i].attempt);
}

/* ---- records ------------------------------------------------------------------------------------------------------- */

static void take_record(struct sim *sim, const struct engine_record *record)
{
    if (record->number != ++sim->record_last)
        sim_fail(sim, "record %llu follows record %llu", (unsigned long long)record->number,
                 (unsigned long long)(sim->record_last - 1));
    bool each = record->kind == ENGINE_RECORD_PUT || record->kind == ENGINE_RECORD_DONE ||
                record->kind == ENGINE_RECORD_DISCARD || record->kind == ENGINE_RECORD_RETURN ||
                record->kind == ENGINE_RECORD_PUT_END || record->kind == ENGINE_RECORD_EXPIRE ||
                record->kind == ENGINE_RECORD_DEAD || record->kind == ENGINE_RECORD_MOVED_OUT ||
                record->kind == ENGINE_RECORD_END_TAKEN;
    if (record->kind == ENGINE_RECORD_GROUP || record->kind == ENGINE_RECORD_KEPT) /* says nothing by itself */
        return;
    for (uint32_t i = 0; i < (each ? record->count : 1); i++) {
        sim->records = room(sim->records, &sim->record_capacity, sim->record_count, sizeof *sim->records);
        struct sim_record *out = &sim->records[sim->record_count++];
        *out = (struct sim_record){
            .kind = record->kind,
            .number = record->number,
            .incarnation = record->incarnation,
            .value = each || record->kind == ENGINE_RECORD_REOPEN ? record->first + i : record->count,
            .deliveries = record->deliveries,
            .due_ns = record->due_ns,
        };
        if (record->kind == ENGINE_RECORD_PUT)
            out->body = record->bodies[i];
        if (record->name.size)
            copy_name(out->name, &record->name);
    }
    sim_hash(sim, record->number * 64 + (uint64_t)record->kind);
    sim_hash(sim, record->first + ((uint64_t)record->count << 32));
}

static void take_release(struct sim *sim, const struct engine_release *release)
{
    while (sim->chunk_count <= release->chunk) {
        sim->chunks = room(sim->chunks, &sim->chunk_capacity, sim->chunk_count, sizeof *sim->chunks);
        sim->chunks[sim->chunk_count++] = (struct model_chunk){0};
    }
    sim->chunks[release->chunk].released += release->count;
    sim->chunks[release->chunk].released_bytes += release->bytes;
}

void heard_take(struct sim *sim)
{
    struct engine_effects *effects = &sim->effects;
    for (uint32_t i = 0; i < effects->effect_count; i++)
        take_effect(sim, &effects->effects[i]);
    for (uint32_t i = 0; i < effects->record_count; i++)
        take_record(sim, &effects->records[i]);
    for (uint32_t i = 0; i < effects->release_count; i++)
        take_release(sim, &effects->releases[i]);
    struct journal_batch batch = {.wall_ns = sim->now, .records = effects->records, .count = effects->record_count};
    if (batch.count && journal_append(sim->journal, &batch) != JQ_OK)
        sim_fail(sim, "the engine wrote %u records although the journal does not accept", batch.count);
    engine_effects_reset(effects);
}

/* ---- leaving ------------------------------------------------------------------------------------------------------- */

/* What was delivered queues up for its client. */
static void hold_back(struct sim *sim, const struct sim_heard *heard)
{
    const struct model_effect *effect = &heard->effect;
    bool nothing = !effect->item_count && !effect->receipt;
    if (effect->kind != ENGINE_GOT || nothing || !sim_session(sim, effect->session))
        return;
    for (size_t i = 0; i < effect->item_count + (effect->item_count == 0); i++) {
        sim->leaving = room(sim->leaving, &sim->leaving_capacity, sim->leaving_count, sizeof *sim->leaving);
        struct sim_leaving *out = &sim->leaving[sim->leaving_count++];
        *out = (struct sim_leaving){effect->after, effect->session, effect->incarnation, effect->receipt, 0, 0};
        if (!effect->item_count)
            continue;
        out->seq = sim->items[effect->item_first + i].seq;
        out->attempt = sim->items[effect->item_first + i].attempt;
    }
}

static void arrive(struct sim *sim, const struct sim_leaving *leaving)
{
    struct sim_session *session = sim_session(sim, leaving->session);
    if (!session)
        return;
    if (leaving->receipt > session->receipt_seen)
        session->receipt_seen = leaving->receipt;
    if (!leaving->seq)
        return;
    session->held = room(session->held, &session->held_capacity, session->held_count, sizeof *session->held);
    session->held[session->held_count++] =
        (struct sim_held){leaving->incarnation, leaving->seq, leaving->receipt, leaving->attempt};
}

void heard_leave(struct sim *sim)
{
    size_t kept = 0;
    for (size_t i = 0; i < sim->leaving_count; i++) {
        if (sim->leaving[i].after <= sim->durable)
            arrive(sim, &sim->leaving[i]);
        else
            sim->leaving[kept++] = sim->leaving[i];
    }
    sim->leaving_count = kept;
}

void heard_forget(struct sim *sim)
{
    for (size_t i = 0; i < sim->heard_count; i++) {
        hold_back(sim, &sim->heard[i]);
        coverage_fault(COVERAGE_HELD_BACK, sim->heard[i].effect.after > sim->durable);
    }
    sim->heard_count = sim->record_count = sim->item_count = sim->lost_count = sim->stat_count = 0;
}
