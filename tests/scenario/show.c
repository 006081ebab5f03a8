/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine says, as a line of a script. It compares nothing. */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void show_span(struct text *out, uint64_t first, uint64_t count)
{
    text_add(out, "%" PRIu64, first);
    if (count != 1)
        text_add(out, "..%" PRIu64, first + count - 1);
}

static void show_named(struct text *out, const char *name, uint64_t value)
{
    if (value)
        text_add(out, " %s %" PRIu64, name, value);
}

/* Ranges that continue each other are shown as one, however the engine has cut them. */
static void show_ranges(struct world *world, const struct engine_range *ranges, uint32_t count, uint64_t home,
                        struct text *out)
{
    for (uint32_t i = 0; i < count;) {
        struct engine_range whole = ranges[i++];
        for (; i < count && ranges[i].incarnation == whole.incarnation && ranges[i].attempt == whole.attempt &&
               ranges[i].first == whole.first + whole.count;
             i++)
            whole.count += ranges[i].count;
        text_add(out, " ");
        if (whole.incarnation != home)
            text_add(out, "%s:", world_queue_name(world, whole.incarnation));
        show_span(out, whole.first, whole.count);
        text_add(out, "x%" PRIu32, whole.attempt);
    }
}

static void show_lost(struct world *world, const struct engine_range *lost, uint32_t count,
                      const struct request *request, struct text *out)
{
    uint64_t home = request && request->queue ? world_incarnation(world, request->queue, 0) : 0;
    if (request && request->incarnation)
        home = request->incarnation;
    if (count) {
        text_add(out, " lost");
        show_ranges(world, lost, count, home, out);
    }
}

static void show_bodies(struct world *world, const struct engine_effect *effect, struct text *out)
{
    uint32_t body = 0;
    const char *problem = NULL;
    text_add(out, " [");
    for (uint32_t i = 0; i < effect->got.run_count; i++) {
        const struct engine_run *run = &effect->got.runs[i];
        text_add(out, "%s", i ? ", " : "");
        show_span(out, run->first, run->count);
        text_add(out, "x%" PRIu32, run->attempt);
        if (run->deliveries)
            text_add(out, "d%" PRIu32, run->deliveries);
        for (uint32_t k = 0; k < run->count && body < effect->got.body_count; k++, body++)
            bodies_show(&world->bodies, effect->got.bodies[body], out, &problem);
    }
    text_add(out, "]");
    uint64_t messages = 0;
    for (uint32_t i = 0; i < effect->got.run_count; i++)
        messages += effect->got.runs[i].count;
    if (messages != effect->got.body_count)
        problem = "as many bodies as the runs have messages";
    if (problem)
        world_problem(world, "got %s: wrong is %s", text_string(out), problem);
}

/* "{0 delayed 5s ttl 9s prio -3 age 1s}" */
static void show_export(const struct engine_detail *detail, struct text *out)
{
    static const char *const states[] = {"ready", "delayed", "leased"};
    text_add(out, " {%" PRIu32 " %s", detail->index, states[detail->state]);
    const struct {
        const char *name;
        uint64_t ns;
    } times[] = {{"in", detail->delay_ns}, {"ttl", detail->ttl_ns}, {"age", detail->age_ns}};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (!times[i].ns)
            continue;
        text_add(out, " %s ", times[i].name);
        text_add_time(out, times[i].ns);
    }
    if (detail->priority_kind == ENGINE_PRIORITY_NUMBER)
        text_add(out, " prio %" PRId64, detail->priority_number);
    if (detail->priority_kind == ENGINE_PRIORITY_BYTES)
        text_add(out, " prio '%.*s'", (int)detail->priority_bytes.size, detail->priority_bytes.data);
    text_add(out, "}");
}

/* "letter 0 from jobs 3 deliveries 2 by nack" */
static void show_details(const struct engine_effect *effect, struct text *out)
{
    static const char *const reasons[] = {"none", "deliveries", "nack", "expired"};
    for (uint32_t i = 0; i < effect->got.detail_count; i++) {
        const struct engine_detail *detail = &effect->got.details[i];
        if (effect->kind == ENGINE_EXPORTED)
            show_export(detail, out);
        if (detail->reason != ENGINE_REASON_NONE)
            text_add(out, " letter %" PRIu32 " from %.*s %" PRIu64 " deliveries %" PRIu32 " by %s", detail->index,
                     (int)detail->source.size, detail->source.data, detail->source_sequence, detail->source_deliveries,
                     reasons[detail->reason]);
    }
}

static void show_got(struct world *world, const struct engine_effect *effect, const struct request *request,
                     struct text *out)
{
    if (effect->got.body_count || (effect->got.run_count && effect->code != JQ_END) ||
        ((effect->kind == ENGINE_PEEKED || effect->kind == ENGINE_EXPORTED) && effect->code == JQ_OK)) {
        text_add(out, " %s", world_queue_name(world, effect->incarnation));
        show_bodies(world, effect, out);
    }
    show_details(effect, out);
    show_named(out, "receipt", effect->got.receipt);
    show_named(out, "next", effect->got.next);
    show_lost(world, effect->got.lost, effect->got.lost_count, request, out);
}

static void show_joined(const struct engine_effect *effect, struct text *out)
{
    if (effect->code != JQ_OK && effect->code != JQ_TIMEOUT)
        return; /* nobody may read it then */
    show_named(out, "remaining", effect->joined.remaining);
    show_named(out, "done", effect->joined.done);
    show_named(out, "dead", effect->joined.dead);
    show_named(out, "expired", effect->joined.expired);
    show_named(out, "discarded", effect->joined.discarded);
    show_named(out, "moved", effect->joined.moved);
}

static void show_answer(const struct engine_effect *effect, const struct request *request, struct text *out)
{
    if (request && request->op == ENGINE_CANCEL && effect->code == JQ_OK)
        text_add(out, " %s", effect->answer.count == 1 ? "hit" : effect->answer.count == 0 ? "missed" : "?");
    else
        text_add(out, " %" PRIu64, effect->answer.count);
}

/* "put_cycle a>b by A 1" */
static void show_facts(struct world *world, const struct engine_effect *effect, struct text *out)
{
    static const char *const names[] = {
        "nothing",    "join_leased", "join_delayed",  "join_ready",        "join_paused", "join_counted",
        "put_full",   "put_behind",  "put_paused",    "put_cycle",         "get_empty",   "get_delayed",
        "get_leased", "get_paused",  "get_producers", "get_producer_lost", "busy"};
    for (uint32_t i = 0; i < effect->explained.count; i++) {
        const struct engine_fact *f = &effect->explained.item[i];
        text_add(out, "%s %s", i ? "," : "", names[f->kind]);
        if (f->other.size)
            text_add(out, " %.*s>%.*s", (int)f->queue.size, f->queue.data, (int)f->other.size, f->other.data);
        show_named(out, "count", f->count);
        show_named(out, "of", f->limit);
        if (f->bytes)
            text_add(out, " bytes");
        if (f->producer.size)
            text_add(out, " producer %.*s", (int)f->producer.size, f->producer.data);
        for (struct session *s = world->sessions; f->session.value && s; s = s->next) {
            if (s->id.value == f->session.value)
                text_add(out, " by %s", s->name);
        }
        if (f->age_ns) {
            text_add(out, " since ");
            text_add_time(out, f->age_ns);
        }
        if (f->until_ns) {
            text_add(out, " in ");
            text_add_time(out, f->until_ns);
        }
    }
}

static void show_stats(const struct engine_effect *effect, struct text *out)
{
    for (uint32_t i = 0; i < effect->stats.count; i++) {
        const struct engine_stat *stat = &effect->stats.item[i];
        text_add(out, " %.*s", (int)stat->name.size, stat->name.data);
    }
    if (effect->stats.more)
        text_add(out, " more");
}

static void show_kind(struct world *world, const struct engine_effect *effect, const struct request *request,
                      struct text *out)
{
    switch (effect->kind) {
    case ENGINE_ANSWER:
        show_answer(effect, request, out);
        break;
    case ENGINE_GOT:
    case ENGINE_PEEKED:
    case ENGINE_EXPORTED:
        show_got(world, effect, request, out);
        break;
    case ENGINE_SETTLED:
        text_add(out, " %" PRIu64, effect->settled.count);
        show_lost(world, effect->settled.lost, effect->settled.lost_count, request, out);
        break;
    case ENGINE_JOINED:
        show_joined(effect, out);
        break;
    case ENGINE_ATTACHED:
        text_add(out, " %" PRIu64 "%s", effect->attached.accepted, effect->attached.finished ? " finished" : "");
        break;
    case ENGINE_STATS:
        show_stats(effect, out);
        break;
    case ENGINE_EVENT_LEASE_LOST:
    case ENGINE_EVENT_FENCED:
        break;
    case ENGINE_OPENED:
        text_add(out, "%s", effect->opened.known ? " known" : "");
        break;
    case ENGINE_EXPLAINED:
        show_facts(world, effect, out);
        break;
    }
}

void show_effect(struct world *world, const struct engine_effect *effect, const struct request *request,
                 struct text *out)
{
    static const char *const whys[] = {
#define WHY_NAME(name, format) #name,
        ENGINE_WHYS(WHY_NAME)
#undef WHY_NAME
    };
    if (effect->kind == ENGINE_EVENT_LEASE_LOST) {
        text_add(out, "event lost");
        show_ranges(world, effect->settled.lost, effect->settled.lost_count, 0, out);
        return;
    }
    if (effect->kind == ENGINE_EVENT_FENCED) {
        text_add(out, "event fenced %.*s %.*s", (int)effect->name.size, effect->name.data,
                 (int)effect->fenced.producer.size, effect->fenced.producer.data);
        return;
    }
    text_add(out, "%s", jqw_code_name((int)effect->code));
    show_kind(world, effect, request, out);
    if (effect->why != ENGINE_WHY_NONE)
        text_add(out, " (%s %" PRIu64 ")", whys[effect->why], effect->limit);
}

static const char *const record_names[] = {
    [ENGINE_RECORD_DECLARE] = "declare",
    [ENGINE_RECORD_DELETE] = "delete",
    [ENGINE_RECORD_PUT] = "put",
    [ENGINE_RECORD_DONE] = "done",
    [ENGINE_RECORD_DISCARD] = "discard",
    [ENGINE_RECORD_RETURN] = "return",
    [ENGINE_RECORD_TASK_DONE] = "task_done",
    [ENGINE_RECORD_CLOSE] = "close",
    [ENGINE_RECORD_PUT_END] = "put_end",
    [ENGINE_RECORD_END_TAKEN] = "end_taken",
    [ENGINE_RECORD_ATTACH] = "attach",
    [ENGINE_RECORD_FINISH] = "finish",
    [ENGINE_RECORD_GROUP] = "group",
    [ENGINE_RECORD_ALTER] = "alter",
    [ENGINE_RECORD_EXPIRE] = "expire",
    [ENGINE_RECORD_DEAD] = "dead",
    [ENGINE_RECORD_MOVED_OUT] = "moved_out",
    [ENGINE_RECORD_REOPEN] = "reopen",
    [ENGINE_RECORD_PAUSE] = "pause",
    [ENGINE_RECORD_MARK] = "mark",
    [ENGINE_RECORD_KEPT] = "kept",
    [ENGINE_RECORD_SNAPSHOT] = "snapshot",
    [ENGINE_RECORD_STATE] = "state",
    [ENGINE_RECORD_STATE_DECLARED] = "state_declared",
    [ENGINE_RECORD_STATE_PRODUCER] = "state_producer",
    [ENGINE_RECORD_STATE_MARK] = "state_mark",
    [ENGINE_RECORD_STATE_MESSAGES] = "state_messages",
    [ENGINE_RECORD_STATE_ENDS] = "state_ends",
    [ENGINE_RECORD_STATE_END] = "state_end",
    [ENGINE_RECORD_SNAPSHOT_END] = "snapshot_end",
};

void show_record(struct world *world, const struct engine_record *record, struct text *out)
{
    if (record->kind == ENGINE_RECORD_DECLARE)
        world_learn(world, arena_copy(&world->arena, record->name.data, record->name.size), record->incarnation);
    text_add(out, "%s %s", record_names[record->kind], world_queue_name(world, record->incarnation));
    if (record->kind == ENGINE_RECORD_TASK_DONE || record->kind == ENGINE_RECORD_PAUSE ||
        record->kind == ENGINE_RECORD_GROUP)
        text_add(out, " %" PRIu32, record->count);
    else if (record->kind == ENGINE_RECORD_CLOSE)
        text_add(out, "%s%s", record->count ? " immediate" : "", record->code ? " truncated" : "");
    else if (record->first) {
        text_add(out, " ");
        show_span(out, record->first, record->count);
    }
    show_named(out, "deliveries", record->deliveries);
    show_named(out, "from", record->source_sequence);
    if (record->expires_ns) {
        text_add(out, " expires ");
        text_add_time(out, record->expires_ns - WORLD_START);
    }
    if (record->kind == ENGINE_RECORD_KEPT)
        text_add(out, " %.*s %" PRIu32 "/%" PRIu64 " count %" PRIu32, ENGINE_CLIENT_ID, (const char *)record->client,
                 record->once.slot, record->once.number, record->count);
    if (record->due_ns) {
        text_add(out, " due ");
        text_add_time(out, record->due_ns - WORLD_START);
    }
    if (record->name.size && record->kind != ENGINE_RECORD_DECLARE && record->kind != ENGINE_RECORD_ALTER &&
        record->kind != ENGINE_RECORD_DELETE)
        text_add(out, " by %.*s", (int)record->name.size, record->name.data);
}
