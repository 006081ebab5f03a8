/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a stress round and crashes of the broker. Records are kept; at any moment some of the last may not be durable yet; a
 * crash leaves a beginning of them, groups whole or not at all, and another engine goes on from there. */
/* proves: RST-2 OUT-1 ONE-2 LSE-4 */
#include "names.h"
#include "sim.h"
#include "stress.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct stress_blob {
    struct stress_blob *next;
    char data[];
};

/* ---- what is written ----------------------------------------------------------------------------------------------- */

static void *keep(struct stress *stress, const void *data, size_t size)
{
    struct stress_blob *blob = malloc(sizeof *blob + size);
    JQ_ASSERT(blob);
    blob->next = stress->blobs;
    stress->blobs = blob;
    if (size)
        memcpy(blob->data, data, size);
    return blob->data;
}

static void keep_text(struct stress *stress, struct engine_text *text)
{
    text->data = keep(stress, text->data, text->size);
}

static void record(struct stress *stress, const struct engine_record *from)
{
    uint64_t last = stress->record_count ? stress->records[stress->record_count - 1].number : 0;
    if (from->number != last + 1)
        stress_wrong(stress, "a record's number does not follow");
    if (stress->record_count == stress->record_capacity) {
        stress->record_capacity = stress->record_capacity ? 2 * stress->record_capacity : 256;
        stress->records = realloc(stress->records, stress->record_capacity * sizeof *stress->records);
        JQ_ASSERT(stress->records);
    }
    struct engine_record *to = &stress->records[stress->record_count++];
    *to = *from;
    keep_text(stress, &to->name);
    keep_text(stress, &to->options.dead_letter);
    keep_text(stress, &to->put.priority.bytes);
    if (from->bodies)
        to->bodies = keep(stress, from->bodies, from->count * sizeof *from->bodies);
    if (from->state)
        to->state = keep(stress, from->state, sizeof *from->state);
    if (stress->verbose)
        printf("    record %" PRIu64 " %s queue=%" PRIu64 " first=%" PRIu64 " count=%u\n", to->number,
               name_record(to->kind), to->incarnation, to->first, to->count);
}

void stress_record(struct stress *stress)
{
    if (stress->effects.record_count && !stress->accepts)
        stress_wrong(stress, "OUT-2: a record although the journal does not accept");
    for (uint32_t i = 0; i < stress->effects.record_count; i++)
        record(stress, &stress->effects.records[i]);
    if (!stress->effects.snapshot.some || !stress->effects.snapshot.end)
        return;
    stress->snapshot_first = stress->effects.snapshot.first;
    stress->snapshot_last = stress->effects.snapshot.last;
}

void stress_snapshot(struct stress *stress)
{
    uint32_t max = stress_chance(stress, 20) ? ENGINE_SLICE : 1 + random_below(&stress->random, 4);
    const struct engine_command c = {.op = ENGINE_SNAPSHOT, .snapshot_max = max};
    stress_step(stress, &c);
}

/* What a durable snapshot says need not be known from before. */
static void forget_records(struct stress *stress)
{
    if (!stress->snapshot_last || stress->snapshot_last > stress->durable)
        return;
    stress->begin = stress->snapshot_first - 1;
    stress->snapshot_last = 0;
    coverage_fault(COVERAGE_SNAPSHOT, 1);
}

static void forget_shots(struct stress *stress, uint64_t before)
{
    struct stress_shot *shot = stress->shots, *kept = NULL;
    while (shot) {
        uint64_t number, now;
        struct stress_shot *next = stress_shot_next(shot, &number, &now);
        if (number < before) {
            stress_shot_free(shot);
        } else {
            stress_shot_place(shot, number, now, kept);
            kept = shot;
        }
        shot = next;
    }
    stress->shots = kept;
}

/* Only where a crash may yet come to it. A refusing journal leaves things due that no record tells of. */
static void take_shot(struct stress *stress)
{
    uint64_t number = 0, now;
    if (stress->shots)
        (void)stress_shot_next(stress->shots, &number, &now);
    if (!stress->plan.crashes || !stress->accepts || number == stress->record_count || stress_chance(stress, 60))
        return;
    struct stress_shot *shot = stress_shot_take(stress->marks, stress->engine, stress->now);
    stress_shot_place(shot, stress->record_count, stress->now, stress->shots);
    stress->shots = shot;
}

void stress_journal(struct stress *stress)
{
    if (stress->accepts && (!stress->plan.lags || stress_chance(stress, 30)))
        stress->durable = stress->record_count;
    forget_records(stress);
    if (stress->plan.refuses ? !stress_chance(stress, 4) : stress->accepts) {
        take_shot(stress);
        forget_shots(stress, stress->durable);
        return;
    }
    stress->accepts = !stress->accepts;
    stress->refused |= !stress->accepts;
    coverage_fault(COVERAGE_JOURNAL_REFUSED, !stress->accepts);
    stress->faults += !stress->accepts;
    const struct engine_command c = {.op = ENGINE_JOURNAL, .journal_accepts = stress->accepts};
    stress->crashing = true; /* not again */
    stress_step(stress, &c);
    stress->crashing = false;
}

/* ---- a new engine -------------------------------------------------------------------------------------------------- */

/* Records made at one instant, and so whole groups. */
static size_t instant(const struct stress *stress, size_t first, size_t count)
{
    size_t at = first;
    while (at < count && stress->records[at].now_ns == stress->records[first].now_ns)
        at++;
    return at - first;
}

static void body_over(void *user, struct engine_body body)
{
    struct stress *stress = user;
    (void)body;
    stress->bodies_over++;
}

static struct engine *replay(struct stress *stress, uint64_t now, size_t begin, size_t count)
{
    struct engine_config config = stress->config;
    config.incarnation_first += 1000 * (stress->crashes + 1);
    config.body_over = body_over;
    config.user = stress;
    stress->bodies_read = stress->bodies_over = 0;
    for (size_t i = begin; i < count; i++)
        stress->bodies_read += stress->records[i].bodies ? stress->records[i].count : 0;
    struct engine *engine = engine_new(&config);
    JQ_ASSERT(engine);
    int code = JQ_OK;
    for (size_t at = begin, some; at < count && code == JQ_OK; at += some) {
        some = instant(stress, at, count);
        code = engine_replay(engine, now, now - stress->records[at].now_ns, &stress->records[at], some);
    }
    if (code == JQ_OK)
        code = engine_replay_end(engine);
    if (code != JQ_OK)
        stress_wrong(stress, "RST-2: the records make no sense");
    return engine;
}

/* How many records a crash leaves. */
static size_t left(struct stress *stress)
{
    size_t first = stress->durable, count = 0;
    while (count <= first && count < stress->record_count)
        count += stress->records[count].kind == ENGINE_RECORD_GROUP ? stress->records[count].count + 1 : 1;
    if (count > first)
        count = first;
    size_t want = first + random_below(&stress->random, (uint32_t)(stress->record_count - first) + 1);
    uint64_t number, now;
    if (stress->shots && stress_chance(stress, 60)) {
        (void)stress_shot_next(stress->shots, &number, &now);
        if (number >= first)
            return number;
    }
    while (count < stress->record_count) {
        size_t next =
            count + (stress->records[count].kind == ENGINE_RECORD_GROUP ? stress->records[count].count + 1 : 1);
        if (next > want)
            break;
        count = next;
    }
    return count;
}

static void compare(struct stress *stress, const struct stress_shot *shot, uint64_t number, uint64_t now)
{
    size_t begin = stress_chance(stress, 80) ? stress->begin : 0; /* to who knows all, a snapshot says nothing */
    struct engine *engine = replay(stress, now, begin, number);
    if (!stress->wrong) {
        struct stress_shot *back = stress_shot_take(stress_shot_marks(shot), engine, now);
        const char *what = stress_shot_differs(shot, back, stress->refused);
        if (what)
            stress_wrong(stress, what);
        stress_shot_free(back);
    }
    engine_free(engine);
}

/* Is there anything in between that a restart would not find? */
void stress_restart(struct stress *stress)
{
    if (!stress->accepts)
        return;
    struct stress_shot *shot = stress_shot_take(stress->marks, stress->engine, stress->now);
    compare(stress, shot, stress->record_count, stress->now);
    stress_shot_free(shot);
}

/* ---- bodies -------------------------------------------------------------------------------------------------------- */

struct place {
    uint64_t incarnation, sequence;
    uint32_t chunk;
};

static size_t places_without(struct place *places, size_t used, const struct engine_record *record)
{
    size_t kept = 0;
    for (size_t k = 0; k < used; k++) {
        bool its = places[k].incarnation == record->incarnation &&
                   (record->kind == ENGINE_RECORD_DELETE || places[k].sequence - record->first < record->count);
        if (!its)
            places[kept++] = places[k];
    }
    return kept;
}

/* Of what the records leave: the rest is nobody's. */
static void count_bodies(struct stress *stress)
{
    struct place *places = calloc((size_t)STRESS_CHUNKS_MAX * STRESS_BODIES, sizeof *places);
    JQ_ASSERT(places);
    size_t used = 0;
    for (size_t i = 0; i < stress->record_count; i++) {
        const struct engine_record *record = &stress->records[i];
        bool ends = record->kind == ENGINE_RECORD_DONE || record->kind == ENGINE_RECORD_DISCARD ||
                    record->kind == ENGINE_RECORD_EXPIRE || record->kind == ENGINE_RECORD_DEAD ||
                    record->kind == ENGINE_RECORD_MOVED_OUT || record->kind == ENGINE_RECORD_DELETE;
        if (ends)
            used = places_without(places, used, record);
        for (uint32_t k = 0; record->kind == ENGINE_RECORD_PUT && k < record->count; k++)
            places[used++] = (struct place){record->incarnation, record->first + k, record->bodies[k].chunk};
    }
    memset(stress->given, 0, sizeof stress->given);
    memset(stress->released, 0, sizeof stress->released);
    for (size_t k = 0; k < used; k++)
        stress->given[places[k].chunk]++;
    if (stress->bodies_read - stress->bodies_over != used)
        stress_wrong(stress, "bodies of what was read are neither held nor over");
    free(places);
}

/* ---- the crash ----------------------------------------------------------------------------------------------------- */

static void compare_at(struct stress *stress, size_t count)
{
    uint64_t number, now;
    for (struct stress_shot *shot = stress->shots, *next; shot && !stress->wrong; shot = next) {
        next = stress_shot_next(shot, &number, &now);
        if (number == count)
            compare(stress, shot, number, now);
    }
}

/* All connections are gone, and with them what was not yet said. */
static void cut(struct stress *stress)
{
    stress->open_count = stress->arrival_count = 0;
    for (uint32_t h = 0; h < STRESS_SESSIONS; h++) {
        struct stress_holder *holder = &stress->holders[h];
        coverage_fault(COVERAGE_CRASHED_HOLDER, holder->held_count > 0);
        holder->held_count = 0;
        holder->receipt = 0;
    }
}

void stress_crash(struct stress *stress)
{
    size_t count = left(stress);
    if (stress->verbose)
        printf("at %" PRIu64 " the broker crashes with %zu of %zu records\n", stress->now, count, stress->record_count);
    coverage_fault(COVERAGE_CRASH, 1);
    coverage_fault(COVERAGE_CRASH_LOST, stress->record_count - count);
    compare_at(stress, count);
    forget_shots(stress, UINT64_MAX);
    cut(stress);
    stress->record_count = count;
    stress->durable = count;
    stress->snapshot_last = 0;
    stress->accepts = true;
    stress->faults++;
    stress->now += random_below(&stress->random, 20 * STRESS_MS);
    engine_free(stress->engine);
    stress->engine = replay(stress, stress->now, stress->begin, count);
    stress->crashes++;
    count_bodies(stress);
    stress_told_crash(stress);
    for (uint32_t h = 0; h < STRESS_SESSIONS && !stress->wrong; h++)
        stress_reopen(stress, &stress->holders[h]);
}

void stress_journal_free(struct stress *stress)
{
    forget_shots(stress, UINT64_MAX);
    while (stress->blobs) {
        struct stress_blob *next = stress->blobs->next;
        free(stress->blobs);
        stress->blobs = next;
    }
    free(stress->records);
}
