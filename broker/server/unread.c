/* SPDX-License-Identifier: Apache-2.0 */
/* What such an answer handed out is kept beside it, for it cannot be read back from a frame. */
#include "unread.h"
#include "bridge.h"
#include "state.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>

struct unread {
    struct unread *next;
    enum engine_effect_kind kind;
    struct engine_session_id session;
    uint64_t incarnation, after, written;
    uint32_t request, place;
    bool auto_;
    struct engine_run *runs;
    struct engine_range *lost;  /* behind the runs */
    struct engine_body *bodies; /* behind these */
    uint32_t run_count, lost_count, body_count;
};

struct unread *unread_new(const struct engine_effect *effect)
{
    bool got = effect->kind == ENGINE_GOT;
    uint32_t run_count = got ? effect->got.run_count : 0, lost_count = got ? effect->got.lost_count : 0;
    uint32_t body_count = got ? effect->got.body_count : 0;
    size_t bodies = body_count * sizeof *effect->got.bodies;
    size_t runs = run_count * sizeof *effect->got.runs, lost = lost_count * sizeof *effect->got.lost;
    struct unread *unread = malloc(sizeof *unread + runs + lost + bodies);
    if (!unread)
        return NULL;
    *unread = (struct unread){.kind = effect->kind,
                              .session = effect->session,
                              .incarnation = effect->incarnation,
                              .after = effect->after,
                              .written = effect->written,
                              .request = effect->request,
                              .place = effect->got.place,
                              .auto_ = effect->got.receipt > 0,
                              .run_count = run_count,
                              .lost_count = lost_count,
                              .body_count = body_count};
    unread->runs = (struct engine_run *)(void *)(unread + 1);
    unread->lost = (struct engine_range *)(void *)(unread->runs + run_count);
    unread->bodies = (struct engine_body *)(void *)(unread->lost + lost_count);
    if (runs)
        memcpy(unread->runs, effect->got.runs, runs);
    if (lost)
        memcpy(unread->lost, effect->got.lost, lost);
    if (bodies)
        memcpy(unread->bodies, effect->got.bodies, bodies);
    return unread;
}

void unread_free(struct unread *unread)
{
    free(unread);
}

/* Which of them it is: a chunk of 0 stands for such a body. None: there was no memory, and it is all of them. */
static void find_unreadable(const struct server *server, struct unread *unread)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < unread->body_count; i++) {
        struct engine_body *body = &unread->bodies[i];
        if (!store_unreadable(server->store, body->chunk, body->offset, 1))
            continue;
        body->chunk = 0;
        found++;
    }
    if (!found)
        unread->body_count = 0;
}

void unread_add(struct server *server, struct unread *unread)
{
    find_unreadable(server, unread);
    unread->next = server->unread;
    server->unread = unread;
}

/* Adds one message to the last run, or behind it. */
static uint32_t run_add(struct engine_run *runs, uint32_t count, const struct engine_run *of, uint32_t at)
{
    struct engine_run *last = count ? &runs[count - 1] : NULL;
    if (last && last->attempt == of->attempt && last->first + last->count == of->first + at) {
        last->count++;
        return count;
    }
    runs[count] = *of;
    runs[count].first += at;
    runs[count].count = 1;
    return count + 1;
}

/* Shares its runs out to those that can be read and those that cannot, in memory to be freed. NULL: no memory, or nothing is known. */
static struct engine_run *share_out(const struct unread *unread, struct engine_command *command)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < unread->run_count; i++)
        total += unread->runs[i].count;
    if (total == 0 || total != unread->body_count)
        return NULL;
    struct engine_run *bad = malloc(2 * (size_t)total * sizeof *bad);
    if (!bad)
        return NULL;
    struct engine_run *good = bad + total;
    const struct engine_body *body = unread->bodies;
    command->unread.run_count = 0;
    for (uint32_t i = 0; i < unread->run_count; i++) {
        for (uint32_t k = 0; k < unread->runs[i].count; k++, body++) {
            struct engine_run *to = body->chunk ? good : bad;
            uint32_t *count = body->chunk ? &command->unread.good_count : &command->unread.run_count;
            *count = run_add(to, *count, &unread->runs[i], k);
        }
    }
    command->unread.runs = bad;
    command->unread.good = good;
    return bad;
}

static void carry_out(struct server *server, const struct unread *unread)
{
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
    command->unread.after = unread->after;
    command->unread.written = unread->written;
    struct engine_run *shared = share_out(unread, command);
    for (uint32_t i = 0; i < command->unread.run_count; i++)
        server->counters.messages_unreadable += command->unread.runs[i].count;
    turn_execute(server);
    free(shared);
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
