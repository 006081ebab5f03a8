/* SPDX-License-Identifier: Apache-2.0 */
/* The limit on memory: what all clients together make the broker hold, bodies, queues, connections, input and output. */
#include "engine.h"
#include "state.h"
#include "store.h"
#include <unistd.h>

void server_memory(const struct server *server, struct memory *out)
{
    struct store_totals store;
    struct engine_totals engine;
    store_totals(server->store, &store);
    engine_totals(server->turn.engine, &engine);
    *out = (struct memory){
        .bodies = store.bytes,
        .messages = engine.messages * MESSAGE_BYTES,
        .leases = engine.leases * LEASE_BYTES,
        .waiters = engine.waiters * WAITER_BYTES,
        .queues = engine.queues * QUEUE_BYTES + engine.members * MEMBER_BYTES + engine.producers * PRODUCER_BYTES,
        .clients = engine.clients * CLIENT_BYTES + engine.slots * SLOT_BYTES,
        .connections = server->connections * (uint64_t)CONNECTION_BYTES + server->transport_bytes,
        .input = server->input_bytes,
        .output = server->pool.bytes,
    };
}

uint64_t server_memory_sum(const struct memory *memory)
{
    return memory->bodies + memory->messages + memory->leases + memory->waiters + memory->queues + memory->clients +
           memory->connections + memory->input + memory->output;
}

static uint64_t used(const struct server *server)
{
    struct memory memory;
    server_memory(server, &memory);
    return server_memory_sum(&memory);
}

/* The sum is made anew only when what was left of it is spent. */
bool server_memory_allows(struct server *server, uint64_t bytes)
{
    if (bytes > server->memory_room) {
        uint64_t taken = used(server);
        uint64_t max = server->config.memory_max;
        taken -= places_make_room(server, taken, max);
        server->memory_room = taken < max ? max - taken : 0;
    }
    if (bytes > server->memory_room)
        return false;
    server->memory_room -= bytes;
    return true;
}

uint64_t server_memory_default(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || size <= 0)
        return (uint64_t)1 << 30;
    return (uint64_t)pages * (uint64_t)size / 2;
}
