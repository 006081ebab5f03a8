/* SPDX-License-Identifier: Apache-2.0 */
/* Puts: the bodies go to the store as they came, in one piece; the engine gets their places. */
#include "bridge_state.h"
#include "store.h"
#include <string.h>

/* Bytes of the bin header that stands here, which the decoder has checked. */
static uint32_t header_size(const uint8_t *at)
{
    return *at == 0xc4 ? 2 : *at == 0xc5 ? 3 : 5;
}

/* Writes the bodies anew, each behind its shortest header. */
static int repack(struct bridge *bridge, const struct jqw_bodies *bodies, struct jqw_bytes *packed)
{
    struct jqw_buffer *out = &bridge->repacked;
    const uint8_t *from = bodies->packed.data;
    out->size = 0;
    int code = jqw_buffer_reserve(out, bodies->packed.size);
    if (code != JQ_OK)
        return code;
    for (uint32_t i = 0; i < bodies->count; i++) {
        uint32_t size = bodies->sizes[i];
        from += header_size(from);
        out->size += jqw_bin_header_write(out->data + out->size, size);
        if (size > 0)
            memcpy(out->data + out->size, from, size);
        out->size += size;
        from += size;
    }
    *packed = (struct jqw_bytes){out->data, out->size};
    return JQ_OK;
}

static int store_bodies(struct server *server, const struct jqw_queue *queue, const struct jqw_bodies *bodies,
                        struct engine_body *places)
{
    const struct engine_queue_ref ref = {.name = {(const char *)queue->name.data, (uint32_t)queue->name.size}};
    enum store_kind kind = engine_durable(server->turn.engine, ref) ? STORE_DURABLE : STORE_MEMORY;
    struct jqw_bytes packed = bodies->packed;
    uint32_t chunk, offset;
    int code = bodies->minimal ? JQ_OK : repack(server->bridge, bodies, &packed);
    if (code == JQ_OK && !server_memory_allows(server, packed.size + bodies->count * (size_t)MESSAGE_BYTES))
        code = JQ_OVERLOADED;
    if (code == JQ_OK)
        code = store_append(server->store, kind, packed.data, packed.size, bodies->count, &chunk, &offset);
    if (code != JQ_OK)
        return code;
    for (uint32_t i = 0; i < bodies->count; i++) {
        places[i] = (struct engine_body){.chunk = chunk, .offset = offset, .length = bodies->sizes[i]};
        offset += jqw_bin_header_size(bodies->sizes[i]) + bodies->sizes[i];
    }
    return JQ_OK;
}

static bool has_too_large(const struct jqw_bodies *bodies, uint32_t max)
{
    uint32_t largest = 0;
    for (uint32_t i = 0; i < bodies->count; i++)
        largest = bodies->sizes[i] > largest ? bodies->sizes[i] : largest;
    return largest > max;
}

static struct engine_put_options options_of(struct server *server, const struct jqw_put_options *from)
{
    struct engine_put_options options = {
        .delay_ns = bridge_time_ns(from->delay_ms),
        .ttl_ns = bridge_time_ns(from->ttl_ms),
        .priority.number = from->priority.number,
        .priority.bytes = bridge_text(server, from->priority.bytes),
    };
    switch (from->priority.kind) {
    case JQW_PRIORITY_NONE:
        options.priority.kind = ENGINE_PRIORITY_NONE;
        break;
    case JQW_PRIORITY_NUMBER:
        options.priority.kind = ENGINE_PRIORITY_NUMBER;
        break;
    case JQW_PRIORITY_BYTES:
        options.priority.kind = ENGINE_PRIORITY_BYTES;
        break;
    }
    return options;
}

/* Stores the bodies; NULL: it has been answered. */
static struct engine_body *take_bodies(struct connection *connection, uint32_t request, const struct jqw_queue *queue,
                                       const struct jqw_bodies *bodies)
{
    struct server *server = connection->server;
    if (has_too_large(bodies, server->config.message_max)) {
        bridge_result(connection, request, JQ_TOO_LARGE, "a body is beyond the limit of this broker");
        return NULL;
    }
    struct engine_body *places = turn_alloc(server, bodies->count * sizeof *places);
    if (store_bodies(server, queue, bodies, places) == JQ_OK)
        return places;
    bridge_result(connection, request, JQ_OVERLOADED, "the broker's memory is full");
    return NULL;
}

void bridge_put(struct connection *connection, const struct jqw_message *message)
{
    const struct jqw_put *put = &message->put;
    const struct engine_body *places = take_bodies(connection, message->request, &put->queue, &put->bodies);
    if (!places)
        return;
    struct engine_command *command = bridge_command(connection, ENGINE_PUT, message->request, &put->queue);
    command->put.bodies = places;
    command->put.count = put->bodies.count;
    command->put.partial = put->flags & JQW_PUT_PARTIAL;
    command->put.timeout_ns = bridge_time_ns(put->timeout_ms);
    command->put.options = options_of(connection->server, &put->options);
    command->generation = put->options.generation;
    command->once = (struct engine_once){put->once.number, put->once.slot};
}

static bool counts_agree(const struct jqw_forward *forward)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < forward->target_count; i++) {
        if (forward->targets[i].count == 0)
            return false;
        count += forward->targets[i].count;
    }
    return count == forward->bodies.count;
}

void bridge_forward(struct connection *connection, const struct jqw_message *message)
{
    struct server *server = connection->server;
    const struct jqw_forward *forward = &message->forward;
    if (!counts_agree(forward)) {
        bridge_result(connection, message->request, JQ_INVALID, "not as many bodies as its targets take");
        return;
    }
    const struct engine_body *places =
        take_bodies(connection, message->request, &forward->targets->queue, &forward->bodies);
    if (!places)
        return;
    struct engine_target *targets = turn_alloc(server, forward->target_count * sizeof *targets);
    for (uint32_t i = 0; i < forward->target_count; i++) {
        const struct jqw_target *from = &forward->targets[i];
        targets[i] = (struct engine_target){
            .queue = {bridge_text(server, from->queue.name), from->queue.incarnation},
            .generation = from->options.generation,
            .bodies = places,
            .count = from->count,
            .options = options_of(server, &from->options),
        };
        places += from->count;
    }
    struct engine_command *command = bridge_command(connection, ENGINE_FORWARD, message->request, NULL);
    command->nothing_new = !server_memory_allows(server, (uint64_t)forward->target_count * QUEUE_BYTES);
    command->forward.done = bridge_ranges(server, &forward->done);
    command->forward.targets = targets;
    command->forward.target_count = forward->target_count;
    command->forward.timeout_ns = bridge_time_ns(forward->timeout_ms);
    command->once = (struct engine_once){forward->once.number, forward->once.slot};
}
