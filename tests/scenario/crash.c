/* SPDX-License-Identifier: Apache-2.0 */
/* A crash of the broker: what it had handed to the journal and was durable makes a new engine; the rest is gone. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { SLICES_MAX = 100000 };

static struct engine_text text_kept(struct world *world, struct engine_text text)
{
    return (struct engine_text){text.size ? arena_copy(&world->arena, text.data, text.size) : NULL, text.size};
}

void world_keep(struct world *world, const struct engine_record *records, uint32_t count)
{
    if (world->kept_count + count > world->kept_room) {
        world->kept_room = 2 * (world->kept_count + count);
        world->kept = must_grow(world->kept, world->kept_room * sizeof(*world->kept));
    }
    for (uint32_t i = 0; i < count; i++) {
        struct engine_record *kept = &world->kept[world->kept_count++];
        *kept = records[i];
        kept->name = text_kept(world, kept->name);
        kept->options.dead_letter = text_kept(world, kept->options.dead_letter);
        kept->put.priority.bytes = text_kept(world, kept->put.priority.bytes);
        if (kept->state) {
            kept->state = arena_alloc(&world->arena, sizeof(*kept->state));
            memcpy((void *)(uintptr_t)kept->state, records[i].state, sizeof(*kept->state));
        }
        if (!kept->bodies)
            continue;
        struct engine_body *bodies = arena_alloc(&world->arena, kept->count * sizeof(*bodies));
        memcpy(bodies, records[i].bodies, kept->count * sizeof(*bodies));
        kept->bodies = bodies;
    }
}

/* How many of the records are durable; those of a group that is not whole are not. */
static uint32_t durable(const struct world *world)
{
    uint64_t last = journal_durable(world->journal);
    uint32_t count = 0;
    while (count < world->kept_count && world->kept[count].number <= last)
        count++;
    return count;
}

struct place {
    uint64_t incarnation, sequence;
    struct engine_body body;
};

/* The bodies of messages that the records leave. */
static void keep_bodies(struct world *world, uint32_t count)
{
    struct place *places = NULL;
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_record *record = &world->kept[i];
        bool puts = record->kind == ENGINE_RECORD_PUT, deletes = record->kind == ENGINE_RECORD_DELETE;
        bool ends = record->kind == ENGINE_RECORD_DONE || record->kind == ENGINE_RECORD_DISCARD ||
                    record->kind == ENGINE_RECORD_EXPIRE || record->kind == ENGINE_RECORD_DEAD ||
                    record->kind == ENGINE_RECORD_MOVED_OUT;
        size_t left = 0;
        for (size_t k = 0; (ends || deletes) && k < used; k++) {
            bool its = places[k].incarnation == record->incarnation &&
                       (deletes || places[k].sequence - record->first < record->count);
            if (!its)
                places[left++] = places[k];
        }
        used = ends || deletes ? left : used;
        if (!puts)
            continue;
        places = must_grow(places, (used + record->count) * sizeof(*places));
        for (uint32_t k = 0; k < record->count; k++)
            places[used++] = (struct place){record->incarnation, record->first + k, record->bodies[k]};
    }
    bodies_forget(&world->bodies);
    for (size_t k = 0; k < used; k++)
        bodies_remember(&world->bodies, places[k].body);
    free(places);
}

/* In the smallest slices. A journal that refuses has none. */
static void take_snapshot(struct world *world)
{
    const struct engine_command more = {.op = ENGINE_SNAPSHOT, .snapshot_max = 1};
    world->snapshot_last = 0;
    for (int i = 0; i < SLICES_MAX && !world->snapshot_last && journal_accepts(world->journal); i++)
        world_step(world, &more, 1, false);
}

/* The first record that is read. */
static uint32_t beginning(const struct world *world)
{
    bool all = !world->snapshot_last || world->snapshot_last > journal_durable(world->journal);
    return all ? 0 : (uint32_t)world->snapshot_first - 1;
}

void world_crash(struct world *world, const struct engine_config *config, uint64_t down)
{
    if (world->snapshots && !world->by_hand)
        take_snapshot(world);
    uint32_t count = durable(world), first = beginning(world);
    struct engine_config next = *config;
    for (struct session *session = world->sessions; session; session = session->next)
        session->live = false;
    for (struct request *request = world->requests; request; request = request->next)
        request->answered = true; /* nobody waits any more */
    world->held = (struct said_list){0};
    world->kept_count = count;
    world->record_last = count ? world->kept[count - 1].number : 0;
    engine_free(world->engine);
    engine_effects_reset(&world->effects);
    next.incarnation_first += 1000; /* as of a later start */
    world->engine = engine_new(&next);
    journal_free(world->journal);
    world->journal = journal_memory_new((struct journal_listener){0}, true);
    if (!world->engine || !world->journal)
        abort();
    journal_memory_begin(world->journal, world->record_last);
    world->now += down;
    int code = engine_replay(world->engine, world->now, down, world->kept + first, count - first);
    if (code == JQ_OK)
        code = engine_replay_end(world->engine);
    if (code != JQ_OK)
        world_problem(world, "replay says %s", jqw_code_name(code));
    world->monitor = world_session(world, "the monitor");
    keep_bodies(world, count);
}
