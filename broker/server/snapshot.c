/* SPDX-License-Identifier: Apache-2.0 */
/* When a snapshot is taken, how fast, and what goes afterwards. The log is let grow to twice what a snapshot of it would be and half a
 * segment: with the one being written it then takes three times as much at most, and each byte is written twice more in its life. */
#include "codes.h"
#include "log.h"
#include "state.h"
#include <string.h>

enum {
    LOOK_NS = 500 * 1000000,          /* between two looks at the log */
    BACKLOG_MAX = 8 * 1024 * 1024,    /* bytes that wait for the disk, beyond which the snapshot waits */
    SMALL = JOURNAL_SEGMENT_SIZE / 2, /* a log of so much is left alone */
    IDLE_SMALL = 4 * 1024 * 1024,     /* or of so much, when nothing has come for a while */
};

/* ---- what is over ---- */

/* Segments of which nothing is needed. */
static void release(struct server *server, uint64_t from)
{
    struct journal *journal = server->turn.journal;
    for (;;) {
        size_t count;
        const struct journal_segment *segments = journal_segments(journal, &count);
        size_t i = 0;
        while (i < count && (segments[i].last >= from || !journal_release(journal, segments[i].number)))
            i++;
        if (i == count)
            return;
    }
}

static void on_needed(void *user, uint64_t from, int error)
{
    struct server *server = user;
    if (error)
        server_log("%s: the end of a snapshot cannot be noted: %s; older data stays", server->config.data,
                   strerror(error));
    else
        release(server, from);
    if (server->config.repair) {
        server->status = error != 0;
        ev_break(server->loop, EVBREAK_ALL);
    }
}

/* ---- when ---- */

static uint64_t log_bytes(const struct server *server)
{
    size_t count;
    const struct journal_segment *segments = journal_segments(server->turn.journal, &count);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += segments[i].size;
    return bytes;
}

static bool worth_while(struct server *server)
{
    uint64_t bytes = log_bytes(server), live = engine_snapshot_bytes(server->turn.engine);
    bool idle = bytes == server->storage.snapshot.log_bytes;
    server->storage.snapshot.log_bytes = bytes;
    return bytes > 2 * live + SMALL || (idle && bytes > live + live / 2 + IDLE_SMALL);
}

void snapshot_init(struct server *server)
{
    struct storage *storage = &server->storage;
    storage->snapshot.running = server->config.repair; /* so that a gap is behind it */
    storage->needed = (struct journal_needed){.io = storage->io, .id = storage->id, .done = on_needed, .user = server};
}

void snapshot_turn(struct server *server, uint64_t now)
{
    struct storage *storage = &server->storage;
    bool over = storage->snapshot.last && storage->snapshot.last <= server->turn.durable;
    if (over && !storage->needed.busy) {
        storage->snapshot.last = 0;
        journal_needed_write(&storage->needed, storage->snapshot.first);
    }
    bool may = !storage->snapshot.running && !storage->snapshot.last && !storage->needed.busy;
    if (!may || storage->snapshot.settled || now - storage->snapshot.looked_ns < LOOK_NS)
        return;
    storage->snapshot.looked_ns = now;
    uint64_t before = storage->snapshot.log_bytes;
    storage->snapshot.running = worth_while(server);
    storage->snapshot.settled = !storage->snapshot.running && before == storage->snapshot.log_bytes;
}

/* ---- its slices ---- */

static bool may_go_on(const struct server *server)
{
    const struct storage *storage = &server->storage;
    return storage->snapshot.running && server->turn.accepts && journal_backlog(server->turn.journal) < BACKLOG_MAX;
}

void snapshot_ask(struct server *server)
{
    if (!may_go_on(server))
        return;
    turn_room(server);
    struct engine_command *command = turn_command(server);
    command->op = ENGINE_SNAPSHOT;
    command->snapshot_max = ENGINE_SLICE;
}

void snapshot_hear(struct server *server, const struct engine_effects *effects)
{
    struct storage *storage = &server->storage;
    if (!effects->snapshot.some || !effects->snapshot.end)
        return;
    storage->snapshot.running = false;
    storage->snapshot.first = effects->snapshot.first;
    storage->snapshot.last = effects->snapshot.last;
    journal_sync(server->turn.journal); /* nobody else waits for it */
}

uint64_t snapshot_next(const struct server *server)
{
    const struct storage *storage = &server->storage;
    if (may_go_on(server))
        return 0;
    if (storage->snapshot.running || storage->snapshot.last || storage->needed.busy || storage->snapshot.settled)
        return ENGINE_FOREVER; /* the journal will say */
    return storage->snapshot.looked_ns + LOOK_NS;
}
