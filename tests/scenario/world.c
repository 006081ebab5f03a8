/* SPDX-License-Identifier: Apache-2.0 */
/* One engine and what stands around it in a broker: sessions, requests, store, journal, time. It knows neither the script's verbs
 * nor what the script expects. */
#include "world.h"

#include "fault.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- making and breaking ------------------------------------------------------------------------------------------ */

static struct engine *engine_made(struct world *world, const struct engine_config *config)
{
    bool failed;
    fault_begin(world->fail_at);
    struct engine *engine = engine_new(config);
    if (engine && engine_effects_init(&world->effects) != JQ_OK) {
        engine_free(engine);
        engine = NULL;
    }
    world->allocations = fault_end(&failed);
    world->failed = failed;
    return engine;
}

bool world_init(struct world *world, const struct engine_config *config)
{
    *world = (struct world){.now = WORLD_START, .fail_at = world->fail_at, .snapshots = world->snapshots};
    world->engine = engine_made(world, config);
    if (!world->engine)
        return false;
    world->journal = journal_memory_new((struct journal_listener){0}, true);
    if (!world->journal)
        abort();
    world->monitor = world_session(world, "the monitor");
    world_step(world, NULL, 0, false);
    return true;
}

void world_fini(struct world *world)
{
    if (world->engine) {
        engine_free(world->engine);
        engine_effects_fini(&world->effects);
        journal_free(world->journal);
    }
    bodies_fini(&world->bodies);
    free(world->kept);
    text_fini(&world->snapshot);
    text_fini(&world->problem);
    arena_fini(&world->arena);
}

void world_problem(struct world *world, const char *format, ...)
{
    va_list arguments;
    if (world->problem.size)
        return;
    va_start(arguments, format);
    text_add_list(&world->problem, format, arguments);
    va_end(arguments);
}

bool world_broken(const struct world *world)
{
    return world->problem.size > 0;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

struct session *world_session(struct world *world, const char *name)
{
    for (struct session *session = world->sessions; session; session = session->next) {
        if (session->live && strcmp(session->name, name) == 0)
            return session;
    }
    struct session *session = arena_alloc(&world->arena, sizeof(*session));
    *session = (struct session){.next = world->sessions, .name = name, .id = {++world->session_last}, .live = true};
    session->fresh = true;
    world->sessions = session;
    return session;
}

void world_end(struct session *session)
{
    session->live = false;
    session->ended_now = true;
}

static struct session *session_by_id(struct world *world, uint64_t id)
{
    struct session *session = world->sessions;
    while (session && session->id.value != id)
        session = session->next;
    return session;
}

struct request *world_request(struct world *world, uint64_t session_id, uint32_t id)
{
    struct request *request = world->requests;
    while (request && (request->id != id || request->session->id.value != session_id))
        request = request->next;
    return request;
}

struct request *world_labelled(struct world *world, const char *session, const char *label)
{
    struct request *request = world->requests;
    while (request && (!request->script->label || strcmp(request->script->label, label) != 0 ||
                       strcmp(request->session->name, session) != 0))
        request = request->next;
    return request;
}

static const struct incarnation *known_as(const struct world *world, uint64_t incarnation)
{
    const struct incarnation *known = world->incarnations;
    while (known && known->value != incarnation)
        known = known->next;
    return known;
}

const char *world_queue_name(const struct world *world, uint64_t incarnation)
{
    const struct incarnation *known = known_as(world, incarnation);
    return known ? known->name : "?";
}

uint64_t world_incarnation(const struct world *world, const char *name, uint64_t nth)
{
    uint64_t newest = 0, count = 0;
    for (const struct incarnation *known = world->incarnations; known; known = known->next)
        count += strcmp(known->name, name) == 0;
    for (const struct incarnation *known = world->incarnations; known; known = known->next) {
        if (strcmp(known->name, name) != 0)
            continue;
        if (nth && count-- == nth)
            return known->value;
        if (!newest)
            newest = known->value;
    }
    return nth ? 0 : newest;
}

void world_learn(struct world *world, const char *name, uint64_t incarnation)
{
    const struct incarnation *before = known_as(world, incarnation);
    if (before && strcmp(before->name, name) != 0)
        world_problem(world, "one incarnation for the queues %s and %s", before->name, name);
    if (before)
        return;
    if (world_incarnation(world, name, 0) > incarnation)
        world_problem(world, "the new queue %s has an older incarnation than the one before", name);
    struct incarnation *known = arena_alloc(&world->arena, sizeof(*known));
    *known = (struct incarnation){
        .next = world->incarnations, .name = arena_copy(&world->arena, name, strlen(name)), .value = incarnation};
    world->incarnations = known;
}

/* ---- what the engine says ----------------------------------------------------------------------------------------- */

void said_add(struct said_list *list, struct said *said)
{
    said->next = NULL;
    *(list->end ? list->end : &list->first) = said;
    list->end = &said->next;
}

void said_remove(struct said_list *list, struct said *said)
{
    struct said_list rest = {0};
    for (struct said *each = list->first, *next; each; each = next) {
        next = each->next;
        if (each != said)
            said_add(&rest, each);
    }
    *list = rest;
}

static const char *who(struct world *world, const struct session *session, const struct request *request)
{
    struct text name = {0};
    text_add(&name, "%s", session->name);
    if (request && request->script->label)
        text_add(&name, "#%s", request->script->label);
    char *copy = arena_copy(&world->arena, text_string(&name), name.size);
    text_fini(&name);
    return copy;
}

static char *canonical(struct world *world, struct text *raw)
{
    struct text line = {0};
    text_add_canonical(&line, text_string(raw));
    char *copy = arena_copy(&world->arena, text_string(&line), line.size);
    text_fini(&line);
    text_fini(raw);
    return copy;
}

static struct said *said_new(struct world *world, const struct engine_effect *effect, struct session *session,
                             struct request *request)
{
    struct text raw = {0};
    struct said *said = arena_alloc(&world->arena, sizeof(*said));
    show_effect(world, effect, request, &raw);
    *said = (struct said){.session = session, .request = request, .time = world->now, .after = effect->after};
    said->who = who(world, session, request);
    said->text = canonical(world, &raw);
    if (effect->kind == ENGINE_STATS && effect->stats.count == 1 && request && request->op == ENGINE_STAT) {
        said->stat = arena_alloc(&world->arena, sizeof(*said->stat));
        *said->stat = effect->stats.item[0];
    }
    return said;
}

/* An event of lost leases that goes on where the session's last one at this instant ended, with nothing for anybody else in between: into
 * how many the engine cuts them is its own affair. */
static struct said *event_before(struct world *world, const struct session *session)
{
    struct said *found = NULL;
    for (struct said *said = world->said.first; said; said = said->next) {
        if (said->session != session)
            found = NULL;
        else if (said->lost && said->time == world->now)
            found = said;
    }
    return found;
}

static void hear_lost(struct world *world, const struct engine_effect *effect, struct session *session)
{
    struct said *before = event_before(world, session);
    uint32_t old = before ? before->lost_count : 0, count = old + effect->settled.lost_count;
    struct engine_range *lost = arena_alloc(&world->arena, count * sizeof(*lost));
    struct engine_effect whole = *effect;
    for (uint32_t i = 0; i < count; i++)
        lost[i] = i < old ? before->lost[i] : effect->settled.lost[i - old];
    whole.settled.lost = lost;
    whole.settled.lost_count = count;
    struct said *said = said_new(world, &whole, session, NULL);
    if (before) {
        before->text = said->text;
        said = before;
    } else {
        said_add(&world->said, said);
    }
    said->lost = lost;
    said->lost_count = count;
}

/* The request that an effect answers; NULL for events, and where something is wrong. */
static struct request *answered(struct world *world, const struct engine_effect *effect, const struct session *session)
{
    bool event = effect->kind == ENGINE_EVENT_LEASE_LOST || effect->kind == ENGINE_EVENT_FENCED;
    struct request *request = effect->request ? world_request(world, effect->session.value, effect->request) : NULL;
    if (event != (effect->request == 0))
        world_problem(world, "an %s with request id %" PRIu32, event ? "event" : "answer", effect->request);
    else if (!event && !request)
        world_problem(world, "%s gets an answer to a request that it never made", session->name);
    else if (request && request->answered)
        world_problem(world, "%s gets a second answer to its %s", who(world, session, request), request->script->verb);
    return request;
}

static void learn_from(struct world *world, const struct engine_effect *effect, const struct request *request)
{
    bool settles = request->op == ENGINE_DONE || request->op == ENGINE_NACK || request->op == ENGINE_RELEASE ||
                   request->op == ENGINE_TOUCH;
    bool met = effect->incarnation && effect->code != JQ_NO_QUEUE && effect->code != JQ_OVERLOADED &&
               effect->why != ENGINE_WHY_LEASE_ONLY;
    if (request->queue && !settles && met)
        world_learn(world, request->queue, effect->incarnation);
}

static void hear_answer(struct world *world, const struct engine_effect *effect, struct session *session,
                        struct request *request)
{
    bool held = effect->after > journal_durable(world->journal);
    if (request) {
        learn_from(world, effect, request);
        request->answered = true;
        request->code = effect->code;
        request->why = effect->why;
        request->held = held;
    }
    said_add(held ? &world->held : &world->said, said_new(world, effect, session, request));
}

static void hear(struct world *world, const struct engine_effect *effect, bool watched)
{
    struct session *session = session_by_id(world, effect->session.value);
    if (!session || (!session->live && !session->ended_now)) {
        world_problem(world, "something for a session that does not exist: %" PRIu64, effect->session.value);
        return;
    }
    struct request *request = answered(world, effect, session);
    if (effect->after > world->record_last)
        world_problem(world, "what %s is told waits for a record that was not made", session->name);
    if (!watched)
        world_problem(world, "something was due for %s, but engine_next did not say so", session->name);
    if (effect->kind == ENGINE_EVENT_LEASE_LOST)
        hear_lost(world, effect, session);
    else
        hear_answer(world, effect, session, request);
}

static void keep_records(struct world *world)
{
    struct engine_effects *effects = &world->effects;
    if (!effects->record_count)
        return;
    for (uint32_t i = 0; i < effects->record_count; i++) {
        struct text raw = {0};
        struct said *said = arena_alloc(&world->arena, sizeof(*said));
        if (effects->records[i].number != world->record_last + 1)
            world_problem(world, "record %" PRIu64 " after %" PRIu64, effects->records[i].number, world->record_last);
        world->record_last = effects->records[i].number;
        show_record(world, &effects->records[i], &raw);
        *said = (struct said){.time = world->now, .text = canonical(world, &raw)};
        said_add(&world->records, said);
    }
    world_keep(world, effects->records, effects->record_count);
    const struct journal_batch batch = {
        .wall_ns = world->now, .records = effects->records, .count = effects->record_count};
    if (!world_broken(world) && journal_append(world->journal, &batch) != JQ_OK)
        world_problem(world, "records for a journal that does not accept");
    if (!world->deferred)
        journal_memory_sync(world->journal);
}

static void free_bodies(struct world *world)
{
    for (uint32_t i = 0; i < world->effects.release_count; i++) {
        const char *problem = bodies_release(&world->bodies, &world->effects.releases[i]);
        if (problem)
            world_problem(world, "the engine %s", problem);
    }
}

void world_carry_out(struct world *world, bool watched)
{
    keep_records(world);
    for (uint32_t i = 0; i < world->effects.effect_count; i++) {
        const struct engine_effect *effect = &world->effects.effects[i];
        if (world->monitor && effect->session.value == world->monitor->id.value)
            monitor_hear(world, effect);
        else if (!world_unreadable(world, effect))
            hear(world, effect, watched);
    }
    free_bodies(world);
    if (world->effects.snapshot.some && world->effects.snapshot.end) {
        world->snapshot_first = world->effects.snapshot.first;
        world->snapshot_last = world->effects.snapshot.last;
    }
    engine_effects_reset(&world->effects);
}
