/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of the server, and what its parts tell of themselves, in one struct. */
#include "figures.h"
#include "engine.h"
#include "state.h"
#include "store.h"
#include <string.h>

enum { KIND_GAUGE, KIND_COUNTER };

const struct figure_kind figure_kinds[] = {
#define JQ_FIGURE(label, kind, text) {#label, text, offsetof(struct figures, label), KIND_##kind == KIND_COUNTER},
#include "figures.def"
#undef JQ_FIGURE
};
const size_t figure_kind_count = sizeof figure_kinds / sizeof figure_kinds[0];

bool figure_is_journals(const struct figure_kind *kind)
{
    return strncmp(kind->name, "journal_", strlen("journal_")) == 0;
}

static uint64_t sum(const uint64_t *numbers, unsigned count)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < count; i++)
        all += numbers[i];
    return all;
}

static void fill_memory(const struct server *server, struct figures *out)
{
    struct memory memory;
    server_memory(server, &memory);
    out->memory_bodies = memory.bodies;
    out->memory_messages = memory.messages;
    out->memory_leases = memory.leases;
    out->memory_waiters = memory.waiters;
    out->memory_queues = memory.queues;
    out->memory_clients = memory.clients;
    out->memory_connections = memory.connections;
    out->memory_input = memory.input;
    out->memory_output = memory.output;
    out->memory_used = server_memory_sum(&memory);
    out->memory_limit = server->config.memory_max;
}

static void fill_store(const struct server *server, struct figures *out)
{
    struct store_totals store;
    store_totals(server->store, &store);
    out->bodies_on_disk_bytes = store.absent_bytes;
    out->bodies_reads = store.loads;
    out->bodies_evictions = store.evictions;
}

static void fill_journal(const struct server *server, struct figures *out)
{
    const struct journal_figures journal = journal_figures(server->turn.journal);
    const struct journal_state state = journal_state(server->turn.journal);
    out->journal_accepts = state.accepts;
    out->journal_written_record = state.written;
    out->journal_durable_record = state.durable;
    out->journal_live_bytes = engine_snapshot_bytes(server->turn.engine);
    out->journal_last_record = journal.last_record;
    out->journal_waiting_bytes = journal.waiting_bytes;
    out->journal_busy_ms = journal.busy_ns / 1000000;
    out->journal_segments = journal.segments;
    out->journal_reserve = journal.reserve;
    out->journal_log_bytes = journal.log_bytes;
    out->journal_written_bytes = journal.written_bytes;
    out->journal_groups = journal.groups;
    out->journal_syncs = journal.syncs;
    out->journal_sync_time_ns = journal.sync_time_ns;
    out->journal_sync_max_ns = journal.sync_max_ns;
    out->journal_write_errors = journal.write_errors;
    out->journal_sync_errors = journal.sync_errors;
    out->journal_read_errors = journal.read_errors;
    out->journal_make_errors = journal.make_errors;
    out->journal_segments_given_up = journal.given_up;
    out->journal_segments_released = journal.released;
    out->journal_segments_rewritten = server->counters.segments_rewritten;
    out->journal_snapshots = server->counters.snapshots;
}

void figures_fill(struct server *server, struct figures *out)
{
    const struct counters *counters = &server->counters;
    struct engine_totals engine;
    engine_totals(server->turn.engine, &engine);
    *out = (struct figures){
        .uptime_ms = (server_now() - counters->began_ns) / 1000000,
        .connections = server->connections,
        .connections_accepted = counters->accepted,
        .connections_refused = counters->refused,
        .queues = engine.queues,
        .clients = engine.clients,
        .requests = sum(counters->requests, FIGURE_REQUESTS),
        .answers = sum(counters->answers, FIGURE_CODES),
        .turns = counters->turns,
        .turns_time_ns = counters->turns_time_ns,
        .turns_max_ns = counters->turns_max_ns,
        .messages_unreadable = counters->messages_unreadable,
        .clock_jumps = server->storage.clock.jumps,
        .requests_by = counters->requests,
        .answers_by = counters->answers,
    };
    fill_memory(server, out);
    if (!server->storage.io)
        return;
    fill_store(server, out);
    fill_journal(server, out);
}
