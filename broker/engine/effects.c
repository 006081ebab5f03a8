/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded buffer of what a step says, and the small ways of saying it. It knows no queue rules. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* The most that one handler, one waiter served or one run returned can say. */
enum {
    UNIT_EFFECTS = 16,
    UNIT_RELEASES = 2 * ENGINE_BATCH_MAX + 8,
    UNIT_RECORDS = 4 * ENGINE_BATCH_MAX + 8, /* dones, and what is given back becomes letters: group, dead, put */
    UNIT_BODIES = 2 * ENGINE_BATCH_MAX,
    UNIT_RUNS = ENGINE_BATCH_MAX,
    UNIT_RANGES = 2 * ENGINE_RANGES_MAX + 8,
    UNIT_TEXT = (ENGINE_BATCH_MAX + 32) * ENGINE_NAME_MAX, /* each of the letters says where it comes from */
};
enum {
    CAPACITY_EFFECTS = 2048,
    CAPACITY_RELEASES = 8 * UNIT_RELEASES,
    CAPACITY_RECORDS = 2 * UNIT_RECORDS,
    CAPACITY_BODIES = 16 * UNIT_BODIES,
    CAPACITY_RUNS = 16 * UNIT_RUNS,
    CAPACITY_RANGES = 4 * UNIT_RANGES,
    CAPACITY_STATS = 2 * ENGINE_LIST_MAX,
    CAPACITY_DETAILS = 2 * ENGINE_BATCH_MAX,
    CAPACITY_FACTS = 4 * ENGINE_FACTS_MAX,
    CAPACITY_TEXT = 2 * UNIT_TEXT,
    CAPACITY_STATES = 64,
};
_Static_assert(CAPACITY_TEXT >= UNIT_TEXT + 3 * ENGINE_LIST_MAX * ENGINE_NAME_MAX, "an answer to list fits");

int engine_effects_init(struct engine_effects *fx)
{
    *fx = (struct engine_effects){
        .effects = malloc(CAPACITY_EFFECTS * sizeof *fx->effects),
        .releases = malloc(CAPACITY_RELEASES * sizeof *fx->releases),
        .records = malloc(CAPACITY_RECORDS * sizeof *fx->records),
        .bodies = malloc(CAPACITY_BODIES * sizeof *fx->bodies),
        .runs = malloc(CAPACITY_RUNS * sizeof *fx->runs),
        .ranges = malloc(CAPACITY_RANGES * sizeof *fx->ranges),
        .places = malloc(ENGINE_SLICE * sizeof *fx->places),
        .stats = malloc(CAPACITY_STATS * sizeof *fx->stats),
        .details = malloc(CAPACITY_DETAILS * sizeof *fx->details),
        .facts = malloc(CAPACITY_FACTS * sizeof *fx->facts),
        .text = malloc(CAPACITY_TEXT),
        .states = malloc(CAPACITY_STATES * sizeof *fx->states),
    };
    if (fx->effects && fx->releases && fx->records && fx->bodies && fx->runs && fx->ranges && fx->places && fx->stats &&
        fx->details && fx->facts && fx->text && fx->states) {
        fx->sync_by_ns = ENGINE_FOREVER;
        return JQ_OK;
    }
    engine_effects_fini(fx);
    return JQ_OVERLOADED;
}

void engine_effects_fini(struct engine_effects *fx)
{
    free(fx->effects);
    free(fx->releases);
    free(fx->records);
    free(fx->bodies);
    free(fx->runs);
    free(fx->ranges);
    free(fx->places);
    free(fx->stats);
    free(fx->details);
    free(fx->facts);
    free(fx->text);
    free(fx->states);
    *fx = (struct engine_effects){0};
}

void engine_effects_reset(struct engine_effects *fx)
{
    fx->effect_count = fx->release_count = fx->record_count = 0;
    fx->place_count = 0;
    fx->surveyed.some = fx->snapshot.some = false;
    fx->state_count = 0;
    fx->sync_by_ns = ENGINE_FOREVER;
    fx->written_will_do = false;
    fx->body_count = fx->run_count = fx->range_count = fx->stat_count = fx->text_size = 0;
    fx->detail_count = fx->fact_count = 0;
}

bool effects_room(const struct engine_effects *fx)
{
    return fx->effect_count + UNIT_EFFECTS <= CAPACITY_EFFECTS &&
           fx->release_count + UNIT_RELEASES <= CAPACITY_RELEASES &&
           fx->record_count + UNIT_RECORDS <= CAPACITY_RECORDS && fx->body_count + UNIT_BODIES <= CAPACITY_BODIES &&
           fx->run_count + UNIT_RUNS <= CAPACITY_RUNS && fx->range_count + UNIT_RANGES <= CAPACITY_RANGES &&
           fx->detail_count + ENGINE_BATCH_MAX <= CAPACITY_DETAILS &&
           fx->fact_count + ENGINE_FACTS_MAX <= CAPACITY_FACTS && fx->text_size + UNIT_TEXT <= CAPACITY_TEXT;
}

bool effects_list_room(const struct engine_effects *fx)
{
    return effects_room(fx) && fx->stat_count + ENGINE_LIST_MAX <= CAPACITY_STATS &&
           fx->text_size + UNIT_TEXT + 3 * ENGINE_LIST_MAX * ENGINE_NAME_MAX <= CAPACITY_TEXT;
}

struct engine_effect *effect_new(struct engine *e, enum engine_effect_kind kind, struct engine_session_id session,
                                 uint32_t request, const struct queue *q)
{
    JQ_ASSERT(e->effects->effect_count < CAPACITY_EFFECTS);
    struct engine_effect *effect = &e->effects->effects[e->effects->effect_count++];
    *effect = (struct engine_effect){
        .kind = kind, .session = session, .request = request, .incarnation = q ? q->incarnation : 0};
    answer_rests_on(effect, q);
    return effect;
}

struct engine_text effects_text(struct engine_effects *fx, const char *data, uint32_t size)
{
    JQ_ASSERT(fx->text_size + size <= CAPACITY_TEXT);
    char *copy = fx->text + fx->text_size;
    if (size)
        memcpy(copy, data, size);
    fx->text_size += size;
    return (struct engine_text){copy, size};
}

bool effects_text_room(const struct engine_effects *fx, uint32_t size)
{
    return fx->text_size + size + UNIT_TEXT / 2 <= CAPACITY_TEXT;
}

void effects_release(struct engine_effects *fx, struct engine_body body)
{
    if (fx->release_count && fx->releases[fx->release_count - 1].chunk == body.chunk) {
        fx->releases[fx->release_count - 1].count++;
        fx->releases[fx->release_count - 1].bytes += body.length;
        return;
    }
    JQ_ASSERT(fx->release_count < CAPACITY_RELEASES);
    fx->releases[fx->release_count++] = (struct engine_release){.chunk = body.chunk, .count = 1, .bytes = body.length};
}

void effects_refuse(struct engine_effects *fx, struct engine_body body)
{
    effects_release(fx, body);
    fx->releases[fx->release_count - 1].refused++;
}

struct engine_range *effects_range(struct engine_effects *fx, struct engine_range range)
{
    JQ_ASSERT(fx->range_count < CAPACITY_RANGES);
    fx->ranges[fx->range_count] = range;
    return &fx->ranges[fx->range_count++];
}

void rests_add(struct rests *rests, const struct rests *more)
{
    if (more->durable > rests->durable)
        rests->durable = more->durable;
    if (more->written > rests->written)
        rests->written = more->written;
}

/* Where a queue is synced within a time, that its records are written is enough, but for its anchor. */
struct rests rests_of(const struct queue *q)
{
    if (!q->options.durable)
        return q->shared;
    return q->options.sync_ms ? (struct rests){.durable = q->anchor.record, .written = q->watermark}
                              : (struct rests){.durable = q->watermark};
}

void rests_share(const struct engine *e, struct queue *q, struct rests *all)
{
    if (!q->options.durable)
        return;
    q->watermark = e->record_last;
    const struct rests rests = rests_of(q);
    rests_add(all, &rests);
}

void rests_take(struct queue *q, const struct rests *all)
{
    if (!q->options.durable)
        rests_add(&q->shared, all);
}

void answer_rests(struct engine_effect *a, const struct rests *more)
{
    struct rests rests = {a->after, a->written};
    rests_add(&rests, more);
    a->after = rests.durable;
    a->written = rests.written;
}

void answer_rests_on(struct engine_effect *a, const struct queue *q)
{
    if (!q)
        return;
    const struct rests rests = rests_of(q);
    answer_rests(a, &rests);
}

int answer_fail(struct engine *e, struct engine_effect *a, enum jqw_code code, enum engine_why why,
                const struct queue *q, uint64_t limit)
{
    a->why = why;
    a->limit = limit;
    if (q) {
        a->incarnation = q->incarnation;
        answer_rests_on(a, q);
        a->name = effects_text(e->effects, q->name, q->name_size);
    }
    return (int)code;
}

struct engine_record *record_add(struct engine *e, uint64_t incarnation, enum engine_record_kind kind)
{
    JQ_ASSERT(e->effects->record_count < CAPACITY_RECORDS);
    struct engine_record *record = &e->effects->records[e->effects->record_count++];
    *record =
        (struct engine_record){.kind = kind, .number = ++e->record_last, .incarnation = incarnation, .now_ns = e->now};
    return record;
}

/* Of a queue that is synced within a time records may be lost that told of numbers. That so many at most are lost with them, and none
 * is given twice (DCL-7), every so many numbers a record is synced at once, and what comes rests on the one before it; what comes first
 * after a start rests on itself. So does what the queue is: who puts into one whose declaration is lost makes another, in memory. True:
 * the record is to be synced. */
static bool anchors(struct queue *q, const struct engine_record *record)
{
    bool numbers = record->kind == ENGINE_RECORD_PUT || record->kind == ENGINE_RECORD_PUT_END;
    if (record->kind == ENGINE_RECORD_DECLARE || record->kind == ENGINE_RECORD_ALTER) {
        q->anchor.record = q->anchor.next = record->number;
        return true;
    }
    if (!q->options.sync_ms || !numbers || q->log.tail < q->anchor.at)
        return false;
    q->anchor.record = q->anchor.at ? q->anchor.next : record->number;
    q->anchor.next = record->number;
    q->anchor.at = q->log.tail + NUMBERS_ANCHORED;
    return true;
}

struct engine_record *record_new(struct engine *e, struct queue *q, enum engine_record_kind kind)
{
    if (!queue_records(e, q))
        return NULL;
    struct engine_record *record = record_add(e, q->incarnation, kind);
    if (kind == ENGINE_RECORD_RETURN)
        return record; /* nobody waits for it */
    q->watermark = record->number;
    bool at_once = anchors(q, record) || !q->options.sync_ms;
    uint64_t sync_by = !at_once ? deadline_after(e, milliseconds(q->options.sync_ms)) : 0;
    if (sync_by < e->effects->sync_by_ns)
        e->effects->sync_by_ns = sync_by;
    e->effects->written_will_do |= q->options.sync_ms > 0;
    return record;
}

struct engine_state *effects_state(struct engine_effects *fx)
{
    return fx->state_count < CAPACITY_STATES ? &fx->states[fx->state_count++] : NULL;
}

/* What follows, until the group is closed, is durable together or not at all. NULL where one queue alone has records of it: then
 * each record is whole by itself. */
struct engine_record *group_open(struct engine *e, struct queue *q, struct queue *other)
{
    bool both = q->options.durable && other && other->options.durable;
    return both ? record_new(e, q, ENGINE_RECORD_GROUP) : NULL;
}

/* All that took part rests on the last of it, a queue in memory too (OUT-1). */
void group_close(struct engine *e, struct engine_record *group, struct queue *q, struct queue *other)
{
    if (group)
        group->count = (uint32_t)(e->record_last - group->number);
    if (!other || !(queue_records(e, q) || queue_records(e, other)))
        return;
    struct rests all = {0};
    rests_share(e, q, &all);
    rests_share(e, other, &all);
    rests_take(q, &all);
    rests_take(other, &all);
}
