/* SPDX-License-Identifier: Apache-2.0 */
/* Compaction of the store: the engine says where bodies lie, those in chunks to be emptied are copied, and the engine is told. What
 * ends in the meantime just ends: its copy is released by the engine. */
#include "bridge_compact.h"
#include "message.h"
#include "state.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>

int compact_init(struct server *server)
{
    server->compact.moves = malloc(ENGINE_SLICE * sizeof *server->compact.moves);
    return server->compact.moves ? JQ_OK : JQ_OVERLOADED;
}

void compact_fini(struct server *server)
{
    free(server->compact.moves);
}

static void add_moves(struct server *server)
{
    struct compact *compact = &server->compact;
    if (compact->move_count == 0)
        return;
    turn_room(server);
    size_t size = compact->move_count * sizeof *compact->moves;
    struct engine_command *command = turn_command(server);
    command->op = ENGINE_RELOCATE;
    command->relocate.item = memcpy(turn_alloc(server, size), compact->moves, size);
    command->relocate.count = compact->move_count;
    compact->move_count = 0;
}

static void start(struct compact *compact)
{
    compact->running = true;
    compact->waits = compact->end = false;
    compact->incarnation = compact->sequence = compact->copied = 0;
}

static void add_survey(struct server *server)
{
    turn_room(server);
    struct engine_command *command = turn_command(server);
    command->op = ENGINE_SURVEY;
    command->survey.incarnation = server->compact.incarnation;
    command->survey.sequence = server->compact.sequence;
}

void compact_clean(struct server *server)
{
    struct compact *compact = &server->compact;
    JQ_ASSERT(!compact->running);
    start(compact);
    compact->waits = !store_clean_ready(server->store);
}

void compact_turn(struct server *server)
{
    struct compact *compact = &server->compact;
    if (!compact->running && store_compact_begin(server->store))
        start(compact);
    compact->waits = compact->waits && !store_clean_ready(server->store);
    if (!compact->running || compact->waits)
        return;
    add_moves(server);
    if (!compact->end) {
        add_survey(server);
        return;
    }
    compact->running = false;
    store_compact_end(server->store);
}

void compact_surveyed(struct server *server, const struct engine_effects *effects)
{
    struct compact *compact = &server->compact;
    if (!effects->surveyed.some)
        return;
    for (uint32_t i = 0; i < effects->place_count; i++) {
        const struct engine_place *place = &effects->places[i];
        if (!store_compacts(server->store, place->body.chunk, place->body.offset))
            continue;
        struct engine_relocation *move = &compact->moves[compact->move_count];
        *move = (struct engine_relocation){.from = *place, .to = place->body};
        size_t size = jqw_bin_header_size(place->body.length) + (size_t)place->body.length;
        const struct engine_queue_ref queue = {.incarnation = place->incarnation};
        enum store_kind kind = engine_durable(server->turn.engine, queue) ? STORE_DURABLE : STORE_MEMORY;
        if (store_copy(server->store, kind, place->body.chunk, place->body.offset, size, &move->to.chunk,
                       &move->to.offset) != JQ_OK)
            continue;
        compact->move_count++;
        compact->copied += size;
    }
    compact->end = effects->surveyed.end;
    compact->incarnation = effects->surveyed.incarnation;
    compact->sequence = effects->surveyed.sequence;
}
