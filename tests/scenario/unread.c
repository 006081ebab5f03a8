/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that cannot be read, as the server finds out before an answer leaves: the engine is told what can be read of it and what
 * cannot. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

struct unread {
    struct unread *next;
    struct engine_command command;
};

static bool is_bad(const struct world *world, struct engine_body body)
{
    struct text name = {0}; /* a blank before it */
    const char *problem = NULL;
    bool bad = false;
    bodies_show(&world->bodies, body, &name, &problem);
    for (size_t i = 0; i < world->unreadable_count && !problem; i++)
        bad = bad || strcmp(text_string(&name) + 1, world->unreadable[i]) == 0;
    text_fini(&name);
    return bad;
}

static bool any_bad(const struct world *world, const struct engine_effect *effect)
{
    bool any = false;
    for (uint32_t i = 0; i < effect->got.body_count; i++)
        any = any || is_bad(world, effect->got.bodies[i]);
    return any;
}

/* One run a message. */
static void share_out(struct world *world, const struct engine_effect *effect, struct engine_command *command)
{
    uint32_t count = effect->got.body_count, at = 0;
    struct engine_run *bad = arena_alloc(&world->arena, count * sizeof(*bad));
    struct engine_run *good = arena_alloc(&world->arena, count * sizeof(*good));
    for (uint32_t r = 0; r < effect->got.run_count; r++) {
        for (uint32_t i = 0; i < effect->got.runs[r].count; i++, at++) {
            struct engine_run one = effect->got.runs[r];
            one.first += i;
            one.count = 1;
            if (is_bad(world, effect->got.bodies[at]))
                bad[command->unread.run_count++] = one;
            else
                good[command->unread.good_count++] = one;
        }
    }
    command->unread.runs = bad;
    command->unread.good = good;
}

/* While it is being read its request is answered, and the answer held. */
static void request_set(struct world *world, const struct engine_command *command, bool held)
{
    struct request *request = world_request(world, command->session.value, command->request);
    if (request)
        request->answered = request->held = held;
}

bool world_unreadable(struct world *world, const struct engine_effect *effect)
{
    if (effect->kind != ENGINE_GOT || effect->code != JQ_OK || !any_bad(world, effect))
        return false;
    struct unread *unread = arena_alloc(&world->arena, sizeof(*unread));
    struct engine_command *command = &unread->command;
    size_t lost = effect->got.lost_count * sizeof(*effect->got.lost);
    *command = (struct engine_command){.op = ENGINE_UNREAD,
                                       .session = effect->session,
                                       .request = effect->request,
                                       .queue.incarnation = effect->incarnation};
    share_out(world, effect, command);
    if (lost)
        command->unread.lost = memcpy(arena_alloc(&world->arena, lost), effect->got.lost, lost);
    command->unread.lost_count = effect->got.lost_count;
    command->unread.place = effect->got.place;
    command->unread.auto_ = effect->got.receipt > 0;
    command->unread.after = effect->after;
    command->unread.written = effect->written;
    unread->next = world->unread;
    world->unread = unread;
    request_set(world, command, true);
    return true;
}

bool world_unread(struct world *world, struct engine_command *command)
{
    struct unread *unread = world->unread;
    if (!unread)
        return false;
    world->unread = unread->next;
    *command = unread->command;
    request_set(world, command, false);
    return true;
}
