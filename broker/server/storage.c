/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery, and the journal's place in the loop. */
#include "storage.h"
#include "codes.h"
#include "log.h"
#include "lost.h"
#include "notify.h"
#include "state.h"
#include "transport.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const uint64_t UNREADY_NS = UINT64_C(5000000000); /* for one write or sync */

enum {
    PROGRESS_NS = 1000000000, /* how often it is told */
    JUMP_NS = 1000000000,     /* of the time of day: less is none */
    DRIFT_PART = 1000,        /* nor is one part in so many of the time that has gone by */
};

static uint64_t wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t storage_wall(struct server *server, uint64_t now)
{
    struct storage *storage = &server->storage;
    uint64_t wall = wall_now();
    int64_t ahead = (int64_t)(wall - now), jump = ahead - storage->clock.ahead_ns;
    uint64_t size = (uint64_t)(jump < 0 ? -jump : jump), since = now - storage->clock.looked_ns;
    if (storage->clock.looked_ns && size > JUMP_NS + since / DRIFT_PART) {
        storage->clock.jumps++;
        server_warn("the time of day has jumped %s by %" PRIu64 " s; nothing that waits goes by it",
                    jump < 0 ? "backwards" : "forwards", (size + 500000000) / 1000000000);
    }
    storage->clock.ahead_ns = ahead;
    storage->clock.looked_ns = now;
    return wall;
}

/* ---- what the journal asks for, and tells ---- */

const char *server_unready(const struct server *server)
{
    if (server->draining)
        return "the broker is ending";
    if (!server->storage.io)
        return NULL;
    switch (journal_state(server->turn.journal).accepts) {
    case JOURNAL_ACCEPTS_NONE:
        return "the data folder takes nothing";
    case JOURNAL_ACCEPTS_SHRINKING:
        return "the data folder is full: only what gives space back is done";
    case JOURNAL_ACCEPTS_ALL:
        break;
    }
    return journal_figures(server->turn.journal).busy_ns < UNREADY_NS ? NULL : "the disk does not answer";
}

static void on_changed(void *user, const struct journal_state *state)
{
    struct server *server = user;
    server->turn.written = state->written;
    server->turn.durable = state->durable;
    server->turn.accepts = state->accepts != JOURNAL_ACCEPTS_NONE;
    server->turn.full = state->accepts != JOURNAL_ACCEPTS_ALL;
}

static void on_woken(struct ev_loop *loop, ev_async *watcher, int events)
{
    struct server *server = watcher->data;
    (void)loop;
    (void)events;
    journal_io_poll(server->storage.io);
}

static void wake(void *user)
{
    struct server *server = user;
    ev_async_send(server->loop, &server->storage.woken);
}

/* ---- recovery ---- */

static int on_records(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count)
{
    struct server *server = user;
    uint64_t wall = wall_now(), *last = &server->storage.last_wall_ns;
    *last = wall_ns > *last ? wall_ns : *last;
    return engine_replay(server->turn.engine, server_now(), wall > wall_ns ? wall - wall_ns : 0, records, count);
}

static void on_progress(void *user, uint64_t done, uint64_t total)
{
    struct server *server = user;
    uint64_t now = server_now();
    if (now - server->storage.said_ns < PROGRESS_NS || total == 0)
        return;
    server->storage.said_ns = now;
    server_progress("reading %s: %" PRIu64 " of %" PRIu64 " MB", server->config.data, done / 1000000, total / 1000000);
    server_notify(server, "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=reading the data: %" PRIu64 " of %" PRIu64 " MB",
                  done / 1000000, total / 1000000);
}

static void on_found(void *user, const char *file, uint64_t offset, uint64_t size, const char *text)
{
    const struct server *server = user;
    server_error("%s/%s: at %" PRIu64 ", %" PRIu64 " bytes: %s", server->config.data, file, offset, size, text);
}

static void on_gap(void *user, uint64_t first, uint64_t last)
{
    const struct server *server = user;
    server_error("%s: records %" PRIu64 " to %" PRIu64 " are lost", server->config.data, first, last);
}

static int fail(const struct server *server, int code, const char *text)
{
    if (code == JQ_OVERLOADED && !*text)
        text = "its messages take more memory than the broker may have (--max-memory)";
    server_error("the data in %s cannot be used: %s", server->config.data, *text ? text : "its records make no sense");
    return code;
}

/* The first thought of the store is coarse: only if it misses something each message is looked at. Repair goes on without those. */
static int bodies_there(struct server *server, const struct journal_segment *segments, size_t count, uint64_t last,
                        char text[JOURNAL_TEXT_SIZE])
{
    struct lost lost;
    int code = places_lost(server, segments, count, &lost);
    if (code == JQ_OK && lost.segment_count && !server->config.repair) {
        lost_says(&lost.segment[0], text);
        code = JQ_STORAGE;
    }
    for (size_t i = 0; code == JQ_OK && i < lost.segment_count; i++)
        server_error("%s: %" PRIu64 " messages are lost: their bodies lay in segment %" PRIu64, server->config.data,
                     lost.segment[i].messages, lost.segment[i].number);
    if (code == JQ_OK)
        code = lost_give_up(&lost, server->turn.engine, server_now(), last);
    lost_fini(&lost);
    return code;
}

/* Repair: what no queue gets. */
static void tell_queues_lost(const struct server *server)
{
    char text[JOURNAL_TEXT_SIZE];
    if (lost_queues_say(server->turn.engine, text))
        server_error("%s: %s. The damaged files are kept as they were, as %s/*.jql.damaged", server->config.data, text,
                     server->config.data);
}

/* Whatever makes this start impossible is found before the folder changes. */
static int on_settle(void *user, const struct journal_segment *segments, size_t count,
                     const struct journal_report *report, char text[JOURNAL_TEXT_SIZE])
{
    struct server *server = user;
    struct storage *storage = &server->storage;
    int code = bodies_there(server, segments, count, report->last, text);
    if (code == JQ_OK)
        code = engine_replay_end(server->turn.engine);
    if (code == JQ_STORAGE && !*text)
        snprintf(text, JOURNAL_TEXT_SIZE,
                 "the records, the last of which is %" PRIu64
                 ", say of some queue only a part. Nothing has been changed. Restore the files from a copy, or run "
                 "'joinqd --repair', which keeps all that can be read",
                 report->last);
    if (code == JQ_OK)
        tell_queues_lost(server);
    return code == JQ_OK ? journal_needed_hold(storage->io, storage->id, text) : code;
}

/* If the snapshot that older records went for is not whole, a repair takes what is there of them, too. */
static int snapshot_whole(struct server *server, struct journal_config *config, struct journal_report *report)
{
    struct storage *storage = &server->storage;
    struct journal_config look = *config;
    look.replay = (struct journal_replay){0};
    int code = config->until ? journal_check(&look, report) : JQ_OK;
    if (code == JQ_OVERLOADED || !report->lost || report->lost > config->until)
        return code == JQ_OVERLOADED ? code : JQ_OK;
    server_log("%s: the records from %" PRIu64 " on are lost, and with them what was told anew there; what older "
               "segments have is kept",
               server->config.data, report->lost);
    storage->needed.said = 0;
    config->from = 1;
    config->until = 0;
    return journal_needed_forget(storage->io, report->text);
}

static int recover(struct server *server)
{
    struct storage *storage = &server->storage;
    struct journal_report report = {0};
    struct journal_config config = {
        .io = storage->io,
        .segment_size = server->config.segment_size,
        .listener = {on_changed, server},
        .trouble = trouble_hear,
        .bodies = places_bodies(server),
        .replay = {.records = on_records,
                   .adopt = places_adopt,
                   .adopt_placed = places_adopt_placed,
                   .settle = on_settle,
                   .gap = on_gap,
                   .progress = on_progress,
                   .found = on_found,
                   .user = server},
        .repair = server->config.repair,
    };
    if (config.repair)
        engine_replay_repairs(server->turn.engine);
    memcpy(config.id, storage->id, sizeof config.id);
    storage->said_ns = server_now();
    snapshot_init(server);
    struct journal_span said;
    int code = journal_needed_look(storage->io, storage->id, &said, report.text);
    config.from = said.from;
    config.until = said.until;
    storage->needed.said = said.until ? said.from : 0;
    if (code == JQ_OK && config.repair)
        code = snapshot_whole(server, &config, &report);
    if (code == JQ_OK)
        code = journal_open(&config, &server->turn.journal, &report);
    if (code != JQ_OK)
        return fail(server, code, report.text);
    /* Queues in memory are in no record, but their incarnations were times of day too, and the clock may have been set back. */
    engine_incarnations_above(server->turn.engine, storage->last_wall_ns / 1000);
    if (report.cut_bytes > 0)
        server_warn("%s/%s: the last %" PRIu64 " bytes, from %" PRIu64 " on, had not been written to the end: cut off",
                    server->config.data, report.cut_file, report.cut_bytes, report.cut_offset);
    if (report.records > 0)
        server_log("%s: %" PRIu64 " records read, the last is %" PRIu64, server->config.data, report.records,
                   report.last);
    return JQ_OK;
}

static int repair_id(struct server *server, char text[JOURNAL_TEXT_SIZE])
{
    bool made;
    int code = journal_id_repair(server->storage.io, &made, text);
    if (made)
        server_log("%s: the file 'data-id' has been made anew of what the segments say", server->config.data);
    return code;
}

int storage_open(struct server *server)
{
    struct storage *storage = &server->storage;
    char text[JOURNAL_TEXT_SIZE] = "";
    uint8_t fresh[JOURNAL_ID_SIZE];
    if (!server->config.data) {
        server->turn.journal = journal_memory_new((struct journal_listener){on_changed, server}, false);
        return server->turn.journal ? JQ_OK : JQ_OVERLOADED;
    }
    if (server->config.repair && access(server->config.data, F_OK) != 0) /* it would be made */
        return fail(server, JQ_STORAGE, strerrordesc_np(errno));
    places_init(server);
    ev_async_init(&storage->woken, on_woken);
    ev_set_priority(&storage->woken, EV_MAXPRI); /* before input is read: the disk has its next group at once */
    storage->woken.data = server;
    ev_async_start(server->loop, &storage->woken);
    storage->io = journal_io_threads_new(server->config.data, wake, server, text, sizeof text);
    if (!storage->io)
        return fail(server, JQ_STORAGE, text);
    int code = server->config.repair ? repair_id(server, text) : JQ_OK;
    if (code == JQ_OK)
        code = jqw_random(fresh, sizeof fresh);
    if (code == JQ_OK)
        code = journal_id(storage->io, server->config.repair ? NULL : fresh, storage->id, text);
    if (code != JQ_OK)
        return fail(server, code, text);
    code = recover(server);
    return code;
}

void storage_close(struct server *server)
{
    struct storage *storage = &server->storage;
    places_end(server);
    journal_free(server->turn.journal);
    journal_io_free(storage->io);
    snapshot_fini(server);
    if (storage->woken.data)
        ev_async_stop(server->loop, &storage->woken);
    *storage = (struct storage){0};
}

/* ---- the turn ---- */

void storage_turn(struct server *server, uint64_t now)
{
    journal_tick(server->turn.journal, now);
    if (server->storage.io)
        snapshot_turn(server, now);
}

bool storage_synced(struct server *server)
{
    struct journal *journal = server->turn.journal;
    if (!server->storage.io || journal_synced(journal))
        return true;
    journal_sync(journal);
    return journal_synced(journal);
}

uint64_t storage_next(const struct server *server)
{
    uint64_t journal = journal_next(server->turn.journal);
    uint64_t snapshot = server->storage.io ? snapshot_next(server) : ENGINE_FOREVER;
    return snapshot < journal ? snapshot : journal;
}
