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

static int store_bodies(struct server *server, const struct jqw_bodies *bodies, struct engine_body *places)
{
    struct jqw_bytes packed = bodies->packed;
    uint32_t chunk, offset;
    int code = bodies->minimal ? JQ_OK : repack(server->bridge, bodies, &packed);
    if (code == JQ_OK && !server_memory_allows(server, packed.size + bodies->count * (size_t)MESSAGE_BYTES))
        code = JQ_OVERLOADED;
    if (code == JQ_OK)
        code = store_append(server->store, packed.data, packed.size, bodies->count, &chunk, &offset);
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

void bridge_put(struct connection *connection, const struct jqw_message *message)
{
    struct server *server = connection->server;
    const struct jqw_put *put = &message->put;
    if (has_too_large(&put->bodies, server->config.message_max)) {
        bridge_result(connection, message->request, JQ_TOO_LARGE, "a body is beyond the limit of this broker");
        return;
    }
    struct engine_body *places = turn_alloc(server, put->bodies.count * sizeof *places);
    if (store_bodies(server, &put->bodies, places) != JQ_OK) {
        bridge_result(connection, message->request, JQ_OVERLOADED, "the broker's memory is full");
        return;
    }
    struct engine_command *command = bridge_command(connection, ENGINE_PUT, message->request, &put->queue);
    command->put.bodies = places;
    command->put.count = put->bodies.count;
    command->put.partial = put->flags & JQW_PUT_PARTIAL;
    command->put.timeout_ns = bridge_time_ns(put->timeout_ms);
    command->put.options.delay_ns = bridge_time_ns(put->delay_ms);
    command->put.options.ttl_ns = bridge_time_ns(put->ttl_ms);
    command->generation = put->generation;
}
