/* SPDX-License-Identifier: Apache-2.0 */
/* The turn: input is read while the loop calls back, the batch is carried out and the output written before it waits again.
 * Commands are added only between steps, never while the effects of one are carried out: so what a session is told and when
 * it ends keep their order. */
#include "turn.h"
#include "bridge.h"
#include "ending.h"
#include "log.h"
#include "state.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURN_PASSES = 2 /* what settling makes necessary is carried out in the same turn, once */ };

/* ---- commands ---- */

void turn_room(struct server *server)
{
    struct turn *turn = &server->turn;
    JQ_ASSERT(!turn->carrying_out);
    if (turn->count == TURN_COMMANDS_MAX || turn->memory_used > TURN_MEMORY - TURN_COMMAND_MEMORY)
        turn_execute(server);
}

struct engine_command *turn_command(struct server *server)
{
    struct turn *turn = &server->turn;
    JQ_ASSERT(turn->count < TURN_COMMANDS_MAX && !turn->carrying_out);
    struct engine_command *command = &turn->commands[turn->count++];
    memset(command, 0, sizeof *command);
    return command;
}

void *turn_alloc(struct server *server, size_t size)
{
    struct turn *turn = &server->turn;
    JQ_ASSERT(size <= TURN_MEMORY - turn->memory_used);
    void *memory = turn->memory + turn->memory_used;
    turn->memory_used += (uint32_t)((size + 7) & ~(size_t)7);
    return memory;
}

/* ---- effects ---- */

/* The journal had said that it accepts, and the engine relied on it: answers that rest on these records never leave. */
static void records_lost(struct server *server)
{
    server_error("the journal refused records that it had accepted: ending");
    server->status = 1;
    ev_break(server->loop, EVBREAK_ALL);
}

static void append_records(struct server *server)
{
    const struct engine_effects *effects = &server->turn.effects;
    if (effects->record_count == 0)
        return;
    struct journal_batch batch = {.wall_ns = storage_wall(server, server_now()),
                                  .sync_by_ns = effects->sync_by_ns,
                                  .records = effects->records,
                                  .count = effects->record_count,
                                  .quiet = !effects->written_will_do};
    if (journal_append(server->turn.journal, &batch) != JQ_OK)
        records_lost(server);
    server->storage.snapshot.settled = false;
}

/* Records first, so that what is durable at once leaves at once; releases last, for effects may still name the bodies. */
static void carry_out(struct server *server)
{
    struct turn *turn = &server->turn;
    struct engine_effects *effects = &turn->effects;
    turn->carrying_out = true;
    append_records(server);
    for (uint32_t i = 0; i < effects->effect_count; i++)
        bridge_effect(server, &effects->effects[i]);
    compact_surveyed(server, effects);
    snapshot_hear(server, effects);
    for (uint32_t i = 0; i < effects->release_count; i++)
        places_release(server, &effects->releases[i]);
    engine_effects_reset(effects);
    turn->carrying_out = false;
    if (server->pool.bytes > POOL_HIGH)
        for (struct connection *dirty = server->dirty_first; dirty; dirty = dirty->next_dirty)
            connection_write(dirty);
}

/* What follows in the batch must not deliver more to who is over the limit. */
static void block_outputs(struct server *server, uint64_t now)
{
    struct turn *turn = &server->turn;
    struct engine_command command;
    for (struct connection *dirty = server->dirty_first; dirty; dirty = dirty->next_dirty) {
        if (!connection_blocks(dirty, &command))
            continue;
        while (engine_step(turn->engine, now, &command, 1, &turn->effects) == 0)
            carry_out(server);
        carry_out(server);
    }
}

void turn_execute(struct server *server)
{
    struct turn *turn = &server->turn;
    JQ_ASSERT(!turn->carrying_out);
    uint64_t now = server_now();
    if (turn->count == 0)
        turn->memory_used = 0; /* of requests that were answered without a command */
    if (turn->count == 0 && engine_next(turn->engine) > now)
        return;
    size_t done = 0;
    do {
        done += engine_step(turn->engine, now, turn->commands + done, turn->count - done, &turn->effects);
        carry_out(server);
        if (done < turn->count)
            block_outputs(server, now);
    } while (done < turn->count);
    turn->count = 0;
    turn->memory_used = 0;
    turn->number += turn->number == UINT32_MAX ? 2 : 1;
    server->memory_room = 0;
}

/* ---- the journal's news ---- */

static void log_level(const struct server *server)
{
    const struct turn *turn = &server->turn;
    server_log("%s: %s", server->config.data,
               !turn->accepts
                   ? "the disk takes nothing: requests that change a durable queue fail with STORAGE until it does"
               : turn->full ? "the disk is full: of durable queues only done, close, delete and their like go on; make "
                              "room, or finish messages"
                            : "the disk takes everything again");
}

static void tell_journal_accepts(struct server *server)
{
    struct turn *turn = &server->turn;
    if (turn->accepts == turn->accepts_told && turn->full == turn->full_told)
        return;
    log_level(server);
    turn_room(server);
    struct engine_command *command = turn_command(server);
    command->op = ENGINE_JOURNAL;
    command->journal_accepts = turn->accepts;
    command->journal_full = turn->full;
    turn->accepts_told = turn->accepts;
    turn->full_told = turn->full;
}

/* ---- the turn ---- */

static void settle_dirty(struct server *server)
{
    struct connection *dirty = server->dirty_first;
    server->dirty_first = NULL;
    server->dirty_last = NULL;
    while (dirty) {
        struct connection *next = dirty->next_dirty;
        dirty->next_dirty = NULL;
        dirty->dirty = false;
        if (connection_settle(dirty))
            connection_mark(dirty);
        dirty = next;
    }
}

static void free_dead(struct server *server)
{
    struct connection **link = &server->dead;
    while (*link) {
        struct connection *connection = *link;
        if (connection->dirty || connection->more || connection->sent) {
            link = &connection->next_dead; /* still in a list: next time */
            continue;
        }
        *link = connection->next_dead;
        free(connection);
    }
}

static void set_active(struct ev_loop *loop, ev_idle *idle, bool active)
{
    if (active)
        ev_idle_start(loop, idle);
    else
        ev_idle_stop(loop, idle);
}

/* Sees to it that the loop waits for no longer than there is nothing to do. */
static void arm(struct server *server)
{
    struct turn *turn = &server->turn;
    uint64_t next = engine_next(turn->engine), journal = storage_next(server);
    next = journal < next ? journal : next;
    next = log_rate_due() < next ? log_rate_due() : next;
    uint64_t now = next == 0 || next == ENGINE_FOREVER ? 0 : server_now();
    bool due = next <= now || (server->compact.running && !server->compact.waits);
    set_active(server->loop, &turn->not_done, due || turn->count > 0 || server->dirty_first || server->share.first);
    ev_timer_stop(server->loop, &turn->timer);
    if (due || next == ENGINE_FOREVER)
        return;
    ev_timer_set(&turn->timer, (double)(next - now) / 1e9, 0.);
    ev_timer_start(server->loop, &turn->timer);
}

static void turn_count(struct counters *counters, uint64_t now)
{
    uint64_t took = now - counters->turn_began_ns;
    counters->turns++;
    counters->turns_time_ns += took;
    counters->turns_max_ns = took > counters->turns_max_ns ? took : counters->turns_max_ns;
}

static void on_turn_ends(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    struct server *server = watcher->data;
    (void)loop;
    (void)events;
    share_turn(server);
    compact_turn(server);
    snapshot_ask(server);
    for (int pass = 0; pass < TURN_PASSES; pass++) {
        tell_journal_accepts(server);
        turn_execute(server);
        held_release(server);
        unread_carry_out(server);
        settle_dirty(server);
        if (server->turn.count == 0)
            break;
    }
    guest_turn(server);
    free_dead(server);
    uint64_t now = server_now();
    storage_turn(server, now);
    turn_count(&server->counters, now);
    server_deadline_arm(server);
    ending_turn(server);
    log_left_out(false);
    arm(server);
}

static void on_turn_begins(struct ev_loop *loop, ev_check *watcher, int events)
{
    struct server *server = watcher->data;
    (void)loop;
    (void)events;
    server->counters.turn_began_ns = server_now();
}

static void on_idle(struct ev_loop *loop, ev_idle *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events; /* being active is all that it is for */
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events; /* the turn that now ends does what is due */
}

static int turn_memory(struct server *server)
{
    struct turn *turn = &server->turn;
    const struct engine_config config = {
        .incarnation_first = storage_wall(server, server_now()) / 1000,
        .waiting_max = server->config.waiting_max,
        .waiting_bytes_max = server->config.waiting_bytes_max,
        .client_forget_ns = (uint64_t)CLIENT_FORGET_MS * 1000000,
        .body_over = places_body_over,
        .user = server,
    };
    turn->commands = malloc(TURN_COMMANDS_MAX * sizeof *turn->commands);
    turn->memory = malloc(TURN_MEMORY);
    turn->engine = engine_new(&config);
    if (!turn->commands || !turn->memory || !turn->engine)
        return JQ_OVERLOADED;
    int code = engine_effects_init(&turn->effects);
    return code == JQ_OK ? storage_open(server) : code;
}

int turn_init(struct server *server)
{
    struct turn *turn = &server->turn;
    int code = turn_memory(server);
    if (code != JQ_OK)
        return code;
    turn->number = 1;
    server->counters.began_ns = server->counters.turn_began_ns = server_now();
    const struct journal_state state = journal_state(turn->journal);
    turn->accepts = turn->accepts_told = state.accepts != JOURNAL_ACCEPTS_NONE;
    turn->full = state.accepts != JOURNAL_ACCEPTS_ALL;
    turn->written = state.written;
    turn->durable = state.durable;
    ev_prepare_init(&turn->ends, on_turn_ends);
    ev_check_init(&turn->begins, on_turn_begins);
    ev_idle_init(&turn->not_done, on_idle);
    ev_timer_init(&turn->timer, on_timer, 0., 0.);
    turn->ends.data = server;
    turn->begins.data = server;
    ev_prepare_start(server->loop, &turn->ends);
    ev_check_start(server->loop, &turn->begins);
    return JQ_OK;
}

void turn_fini(struct server *server)
{
    struct turn *turn = &server->turn;
    engine_effects_fini(&turn->effects);
    engine_free(turn->engine);
    storage_close(server);
    free(turn->commands);
    free(turn->memory);
}
