/* SPDX-License-Identifier: Apache-2.0 */
/* What such an answer handed out is kept beside it, for it cannot be read back from a frame. */
#include "unread.h"
#include "bridge.h"
#include "state.h"
#include <stdlib.h>
#include <string.h>

struct unread {
    struct unread *next;
    enum engine_effect_kind kind;
    struct engine_session_id session;
    uint64_t incarnation;
    uint32_t request, place;
    bool auto_;
    struct engine_run *runs;
    struct engine_range *lost; /* behind the runs */
    uint32_t run_count, lost_count;
};

struct unread *unread_new(const struct engine_effect *effect)
{
    bool got = effect->kind == ENGINE_GOT;
    uint32_t run_count = got ? effect->got.run_count : 0, lost_count = got ? effect->got.lost_count : 0;
    size_t runs = run_count * sizeof *effect->got.runs, lost = lost_count * sizeof *effect->got.lost;
    struct unread *unread = malloc(sizeof *unread + runs + lost);
    if (!unread)
        return NULL;
    *unread = (struct unread){.kind = effect->kind,
                              .session = effect->session,
                              .incarnation = effect->incarnation,
                              .request = effect->request,
                              .place = effect->got.place,
                              .auto_ = effect->got.receipt > 0,
                              .run_count = run_count,
                              .lost_count = lost_count};
    unread->runs = (struct engine_run *)(void *)(unread + 1);
    unread->lost = (struct engine_range *)(void *)(unread->runs + run_count);
    if (runs)
        memcpy(unread->runs, effect->got.runs, runs);
    if (lost)
        memcpy(unread->lost, effect->got.lost, lost);
    return unread;
}

void unread_free(struct unread *unread)
{
    free(unread);
}

void unread_add(struct server *server, struct unread *unread)
{
    unread->next = server->unread;
    server->unread = unread;
}

static void carry_out(struct server *server, const struct unread *unread)
{
    for (uint32_t i = 0; i < unread->run_count; i++)
        server->counters.messages_unreadable += unread->runs[i].count;
    turn_room(server);
    struct engine_command *command = turn_command(server);
    command->op = ENGINE_UNREAD;
    command->session = unread->session;
    command->request = unread->request;
    command->queue.incarnation = unread->incarnation;
    command->unread.runs = unread->runs;
    command->unread.run_count = unread->run_count;
    command->unread.lost = unread->lost;
    command->unread.lost_count = unread->lost_count;
    command->unread.place = unread->place;
    command->unread.auto_ = unread->auto_;
    turn_execute(server);
}

void unread_carry_out(struct server *server)
{
    while (server->unread) {
        struct unread *unread = server->unread;
        server->unread = unread->next;
        if (unread->kind == ENGINE_GOT)
            carry_out(server, unread);
        else
            bridge_unread(server, unread->session.value, unread->request);
        unread_free(unread);
    }
}
