/* SPDX-License-Identifier: Apache-2.0 */
/* When a snapshot is taken, how fast, and what goes afterwards. The log is let grow to twice what a snapshot of it would be and half a
 * segment. Bodies stay where they are, and with them segments of which most is alive; what little is alive of others is written anew,
 * as much at a time as there is memory for. */
#include "codes.h"
#include "log.h"
#include "state.h"
#include "store.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_NS = 500 * 1000000,       /* between two looks at the log, ... */
    LOOK_LEFT_NS = LOOK_NS / 8,    /* ... or while the last snapshot has left something to be written anew */
    BACKLOG_MAX = 8 * 1024 * 1024, /* bytes that wait for the disk, beyond which the snapshot waits */
    LOOK_PART = 4,                 /* or so much of a segment written meanwhile: then it is looked at as well */
    SMALL_PART = 2,                /* a log of one segment's part in so many is left alone, */
    IDLE_SMALL_PART = 16,          /* or of one in so many, when nothing has come for a while */
    CLEAN_SEGMENTS = 1,            /* as much is written anew by a snapshot, ... */
    CLEAN_READ_SEGMENTS = 8,       /* ... and as much is read at once for it, ... */
    CLEAN_PART = 8,                /* ... or one part in so many of the memory, if that is less */
};

/* ---- what is over ---- */

static uint64_t log_bytes(const struct server *server)
{
    size_t count;
    const struct journal_segment *segments = journal_segments(server->turn.journal, &count);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += segments[i].size;
    return bytes;
}

/* Nothing of them was needed at the end of the snapshot, and all records up to then are durable by now: what finished their messages,
 * too. */
static void release(struct server *server, uint64_t from)
{
    struct storage *storage = &server->storage;
    bool some = false;
    for (size_t i = 0; i < storage->snapshot.dead_count; i++) {
        const struct store_segment *dead = &storage->snapshot.dead[i];
        some |= dead->last < from && journal_release(server->turn.journal, dead->number);
    }
    /* While nothing else came, all that has gone may be no more than what the snapshot itself takes: the next one would do the same. */
    uint64_t bytes = storage->snapshot.log_bytes = log_bytes(server);
    bool less = some && bytes < storage->snapshot.begun;
    storage->snapshot.vain = less || storage->snapshot.left ? 0 : bytes;
}

static void dead_note(struct server *server)
{
    struct storage *storage = &server->storage;
    uint64_t missing;
    size_t count, n = 0;
    free(storage->snapshot.dead);
    struct store_segment *all = storage->snapshot.dead = places_segments(server, &count, &missing);
    for (size_t i = 0; all && i < count; i++) { /* of the active one some may be on its way to the disk */
        if (!all[i].alive && !all[i].active)
            all[n++] = all[i];
    }
    storage->snapshot.dead_count = n;
}

/* ---- copies ---- */

static void unclaimed(struct journal_io_request *request)
{
    struct server *server = request->user;
    server->storage.snapshot.claimed = false;
}

/* Behind all that has been told to go, in the same lane. */
static void unclaim(struct server *server)
{
    struct storage *storage = &server->storage;
    storage->snapshot.unclaim =
        (struct journal_io_request){.op = JOURNAL_IO_UNCLAIM, .done = unclaimed, .user = server};
    journal_io_submit(storage->io, &storage->snapshot.unclaim);
}

/* While the folder is being copied nothing of it goes. */
static bool claim(struct server *server, uint64_t now)
{
    struct storage *storage = &server->storage;
    struct journal_io_request claim = {.op = JOURNAL_IO_CLAIM};
    if (journal_io_run(storage->io, &claim) == EWOULDBLOCK) {
        if (!storage->snapshot.copying)
            server_log("%s: it is being copied; nothing is deleted there until that is over", server->config.data);
        storage->snapshot.copying = true;
        storage->snapshot.again_ns = now + LOOK_NS;
        return false;
    }
    if (storage->snapshot.copying)
        server_log("%s: it is no longer being copied", server->config.data);
    storage->snapshot.copying = false;
    storage->snapshot.again_ns = 0;
    storage->snapshot.claimed = true;
    return true;
}

static void on_needed(void *user, uint64_t from, int error)
{
    struct server *server = user;
    if (error)
        server_error("%s: the end of a snapshot cannot be noted: %s; older data stays", server->config.data,
                     strerror(error));
    else
        release(server, from);
    unclaim(server);
    if (server->config.repair) {
        server->status = error != 0;
        ev_break(server->loop, EVBREAK_ALL);
    }
}

/* ---- when ---- */

static bool worth_while(struct server *server)
{
    struct storage *storage = &server->storage;
    uint64_t bytes = log_bytes(server), live = engine_snapshot_bytes(server->turn.engine);
    bool idle = bytes == storage->snapshot.log_bytes;
    uint64_t small = server->config.segment_size / SMALL_PART;
    uint64_t idle_small = server->config.segment_size / IDLE_SMALL_PART;
    bool less = live + idle_small < storage->snapshot.live; /* much is finished since: another may help */
    uint64_t vain = less ? 0 : storage->snapshot.vain;
    storage->snapshot.log_bytes = bytes;
    if (less || !idle)
        storage->snapshot.left = 0; /* what there is to be written anew is no longer what it was */
    if (!storage->snapshot.left)
        storage->snapshot.begun = idle ? bytes : UINT64_MAX;
    return (bytes > 2 * live + small && bytes > vain + small) ||
           (idle && bytes > live + live / 2 + idle_small && bytes > vain + idle_small);
}

/* ---- what is written anew ---- */

static bool sparse(const struct store_segment *one, bool any)
{
    return one->alive && !one->active && !one->clean && (any || one->alive < one->size / 2);
}

/* Those of which least is alive, as long as less than half is. */
static struct store_segment *emptiest(struct store_segment *all, size_t count, bool any)
{
    struct store_segment *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (sparse(&all[i], any) && (!found || all[i].alive < found->alive))
            found = &all[i];
    }
    return found;
}

/* How many of them there is memory for, or one, of which a part is done. */
static size_t clean_mark(struct store_segment *all, size_t count, uint64_t bytes, uint64_t max, bool any)
{
    struct store_segment *one;
    size_t marked = 0;
    while ((one = emptiest(all, count, any)) && (!bytes || bytes + one->alive <= max)) {
        one->clean = true;
        bytes += one->alive;
        marked++;
    }
    return marked;
}

static uint64_t clean_max(const struct server *server, uint64_t segments)
{
    uint64_t part = server->config.memory_max / CLEAN_PART, bytes = segments * server->config.segment_size;
    if (server->config.repair) /* nothing of what was damaged stays, as far as there is memory */
        return server->config.memory_max / 2;
    return part < bytes ? part : bytes;
}

/* Bytes that are alive in segments that should go. */
static uint64_t clean_wanted(const struct store_segment *all, size_t count, bool any)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += sparse(&all[i], any) ? all[i].alive : 0;
    return bytes;
}

static bool clean_begin(struct server *server)
{
    struct storage *storage = &server->storage;
    const bool repair = server->config.repair;
    const uint64_t before = storage->snapshot.cleaned;
    uint64_t missing;
    size_t count, marked, whole = 0;
    struct store_segment *all = places_segments(server, &count, &missing);
    if (all && !before && !storage->snapshot.left)
        storage->snapshot.left = clean_wanted(all, count, repair);
    marked = all ? clean_mark(all, count, before, clean_max(server, CLEAN_SEGMENTS), repair) : 0;
    bool some = marked && store_clean_begin(server->store, all, count, clean_max(server, CLEAN_READ_SEGMENTS));
    for (size_t i = 0; some && i < count; i++)
        whole += all[i].clean;
    server->counters.segments_rewritten += whole;
    storage->snapshot.parted = whole < marked;
    if (some && !storage->snapshot.parted && !emptiest(all, count, repair))
        storage->snapshot.left = 0;
    free(all);
    if (some)
        compact_clean(server);
    return some;
}

/* What is read for a part is more than what is alive of it: so there may be memory for another one. */
static bool clean_goes_on(struct server *server)
{
    struct storage *storage = &server->storage;
    uint64_t copied = server->compact.copied, left = storage->snapshot.left;
    storage->snapshot.cleaned += copied;
    storage->snapshot.left = copied && copied < left ? left - copied : 0;
    return copied && storage->snapshot.parted && clean_begin(server);
}

static void begin(struct server *server)
{
    struct storage *storage = &server->storage;
    storage->snapshot.live = engine_snapshot_bytes(server->turn.engine);
    storage->snapshot.cleaned = 0;
    storage->snapshot.cleaning = clean_begin(server);
    storage->snapshot.running = !storage->snapshot.cleaning;
    if (storage->snapshot.running)
        storage->snapshot.left = 0;
}

void snapshot_fini(struct server *server)
{
    free(server->storage.snapshot.dead);
}

void snapshot_init(struct server *server)
{
    struct storage *storage = &server->storage;
    storage->needed = (struct journal_needed){.io = storage->io, .id = storage->id, .done = on_needed, .user = server};
}

static bool snapshot_over(const struct server *server)
{
    const struct storage *storage = &server->storage;
    return storage->snapshot.last && storage->snapshot.last <= server->turn.durable;
}

static uint64_t look_ns(const struct server *server)
{
    const struct storage *storage = &server->storage;
    return storage->snapshot.looked_ns + (storage->snapshot.left ? LOOK_LEFT_NS : LOOK_NS);
}

void snapshot_turn(struct server *server, uint64_t now)
{
    struct storage *storage = &server->storage;
    bool over = snapshot_over(server) && now >= storage->snapshot.again_ns;
    if (over && !storage->needed.busy && !storage->snapshot.claimed && claim(server, now)) {
        const struct journal_span span = {storage->snapshot.first, storage->snapshot.last};
        storage->snapshot.last = 0;
        journal_needed_write(&storage->needed, span);
    }
    if (storage->snapshot.cleaning && !server->compact.running) {
        storage->snapshot.cleaning = clean_goes_on(server);
        storage->snapshot.running = !storage->snapshot.cleaning;
    }
    bool may =
        !server->compact.running && !storage->snapshot.running && !storage->snapshot.last && !storage->needed.busy;
    uint64_t written = journal_written_bytes(server->turn.journal);
    bool soon =
        now < look_ns(server) && written - storage->snapshot.looked_bytes < server->config.segment_size / LOOK_PART;
    if (!may || storage->snapshot.settled || soon)
        return;
    storage->snapshot.looked_ns = now;
    storage->snapshot.looked_bytes = written;
    uint64_t before = storage->snapshot.log_bytes;
    bool worth = server->config.repair || worth_while(server); /* so that a gap is behind it */
    if (worth)
        begin(server);
    storage->snapshot.settled = !worth && before == storage->snapshot.log_bytes;
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
    server->counters.snapshots++;
    storage->snapshot.first = effects->snapshot.first;
    storage->snapshot.last = effects->snapshot.last;
    dead_note(server);
    journal_sync(server->turn.journal); /* nobody else waits for it */
}

uint64_t snapshot_next(const struct server *server)
{
    const struct storage *storage = &server->storage;
    if (may_go_on(server))
        return 0;
    if (storage->snapshot.copying && snapshot_over(server))
        return storage->snapshot.again_ns;
    if (storage->snapshot.cleaning || storage->snapshot.running || storage->snapshot.last || storage->needed.busy ||
        storage->snapshot.settled)
        return ENGINE_FOREVER; /* the journal will say */
    return look_ns(server);
}
