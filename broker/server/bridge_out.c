/* SPDX-License-Identifier: Apache-2.0 */
/* From effects to frames. What carries messages: bridge_messages.c. */
#include "audit.h"
#include "bridge_say.h"
#include "login.h"
#include <string.h>

enum {
    FRAME_KEPT = 1024 * 1024, /* memory for a frame that is kept for the next */
};

/* ---- frames ---- */

struct jqw_ranges bridge_lost(struct bridge *bridge, const struct engine_range *from, uint32_t count)
{
    JQ_ASSERT(count <= JQW_LOST_MAX);
    for (uint32_t i = 0; i < count; i++)
        bridge->ranges[i] = (struct jqw_range){from[i].incarnation, from[i].first, from[i].count, from[i].attempt};
    return (struct jqw_ranges){bridge->ranges, count};
}

int bridge_append_frame(const struct saying *saying)
{
    struct jqw_buffer *frame = &saying->server->bridge->frame;
    int code = output_append(&saying->server->pool, saying->out, frame->data, frame->size);
    frame->size = 0;
    if (frame->capacity > FRAME_KEPT)
        jqw_buffer_fini(frame);
    return code;
}

int bridge_say(const struct saying *saying, struct jqw_message *message)
{
    message->request = saying->effect->request;
    int code = jqw_encode(&saying->server->bridge->frame, message);
    return code == JQ_OK ? bridge_append_frame(saying) : code;
}

static int say_result(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_RESULT,
                                  .result = {.code = effect->code,
                                             .text = saying->text,
                                             .incarnation = effect->incarnation,
                                             .count = effect->answer.count},
                              });
}

static int say_settled(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_SETTLED,
                                  .settled = {.code = effect->code,
                                              .text = saying->text,
                                              .count = effect->settled.count,
                                              .lost = bridge_lost(saying->server->bridge, effect->settled.lost,
                                                                  effect->settled.lost_count)},
                              });
}

static int say_joined(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_JOINED,
                                  .joined = {.code = effect->code,
                                             .text = saying->text,
                                             .incarnation = effect->incarnation,
                                             .remaining = effect->joined.remaining,
                                             .done = effect->joined.done,
                                             .dead = effect->joined.dead,
                                             .expired = effect->joined.expired,
                                             .discarded = effect->joined.discarded,
                                             .moved = effect->joined.moved},
                              });
}

static int say_attached(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_ATTACHED,
                                  .attached = {.code = effect->code,
                                               .text = saying->text,
                                               .incarnation = effect->incarnation,
                                               .finished = effect->attached.finished,
                                               .generation = effect->attached.generation,
                                               .accepted = effect->attached.accepted},
                              });
}

struct jqw_bytes bridge_bytes(struct engine_text text)
{
    return (struct jqw_bytes){(const uint8_t *)text.data, text.size};
}

static struct jqw_stat stat_of(const struct engine_stat *from)
{
#define SAME(field) .field = from->field
    return (struct jqw_stat){
        .order = from->options.order,
        .max_deliveries = from->options.max_deliveries,
        .ttl_ms = from->options.ttl_ms,
        .on_producer_lost = from->options.on_producer_lost,
        .producer_grace_ms = from->options.producer_grace_ms,
        .lifetime = from->options.lifetime,
        .idle_delete_ms = from->options.idle_delete_ms,
        .sync_ms = from->options.sync_ms,
        .dead_drop = from->options.dead_drop,
        .paused = from->paused,
        .truncated = from->truncated,
        .generation = from->generation,
        .producers_lost = from->producers_lost,
        .unreadable = from->unreadable,
        .name = bridge_bytes(from->name),
        .max_messages = from->options.max_messages,
        .max_bytes = from->options.max_bytes,
        .bound = from->options.bound == ENGINE_BOUND_OUTSTANDING ? JQW_BOUND_OUTSTANDING : JQW_BOUND_QUEUED,
        .accounting = from->options.accounting == ENGINE_COUNTER ? JQW_ACCOUNTING_COUNTER : JQW_ACCOUNTING_LEASE,
        .lease_ms = from->options.lease_ms,
        .producers = from->options.producers,
        .age_ms = from->age_ns / 1000000,
        SAME(incarnation),
        SAME(closed),
        SAME(ready),
        SAME(delayed),
        SAME(leased),
        SAME(ready_bytes),
        SAME(unfinished),
        SAME(ends),
        SAME(put),
        SAME(done),
        SAME(dead),
        SAME(expired),
        SAME(discarded),
        SAME(moved_in),
        SAME(moved_out),
        SAME(dead_in),
        SAME(delivered),
        SAME(redelivered),
        SAME(lease_expired),
        SAME(task_done),
        SAME(getters_waiting),
        SAME(putters_waiting),
        SAME(joiners_waiting),
        SAME(producers_attached),
        SAME(producers_finished),
    };
#undef SAME
}

static int say_stats(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    struct bridge *bridge = saying->server->bridge;
    JQ_ASSERT(effect->stats.count <= JQW_LIST_MAX);
    for (uint32_t i = 0; i < effect->stats.count; i++)
        bridge->stats[i] = stat_of(&effect->stats.item[i]);
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_STATS,
                                  .stats = {.code = effect->code,
                                            .text = saying->text,
                                            .item = bridge->stats,
                                            .count = effect->stats.count,
                                            .more = effect->stats.more},
                              });
}

static int say_explained(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    char lines[JQW_LINES_MAX + 1];
    size_t size = effect->code == JQ_OK ? bridge_explain(saying->server, effect, lines) : 0;
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_EXPLAINED,
                                  .explained = {.code = effect->code,
                                                .text = saying->text,
                                                .incarnation = effect->incarnation,
                                                .lines = {(const uint8_t *)lines, size}},
                              });
}

/* To hello. Without memory for a session there is none, and everything it asks is OVERLOADED. */
static int say_opened(const struct saying *saying)
{
    const struct server *server = saying->server;
    const struct connection *connection = sessions_find(&server->sessions, saying->effect->session.value);
    if (!connection)
        return JQ_INTERNAL;
    const char *user = auth_name(connection->subject), *proof = connection->login ? connection->login->said : "";
    if (saying->effect->code != JQ_OK)
        return say_result(saying);
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_WELCOME,
                                  .welcome = {.version = JQW_VERSION,
                                              .instance = {server->instance, sizeof server->instance},
                                              .known = saying->effect->opened.known,
                                              .frame_max = server->config.frame_max,
                                              .message_max = server->config.message_max,
                                              .batch_max = JQW_BATCH_MAX,
                                              .settle_max = JQW_SETTLE_MAX,
                                              .waiting_max = server->config.waiting_max,
                                              .data = {server->storage.id, JOURNAL_ID_TOLD},
                                              .client_forget_ms = CLIENT_FORGET_MS,
                                              .ping_ms = connection->pings ? server->config.ping_ns / 1000000 : 0,
                                              .user = {(const uint8_t *)user, strlen(user)},
                                              .proof = {(const uint8_t *)proof, strlen(proof)},
                                              .incarnation_next = saying->effect->opened.incarnation_next},
                              });
}

static int say_lease_lost(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_EVENT_LEASE_LOST,
                                  .lease_lost.ranges = bridge_lost(saying->server->bridge, effect->settled.lost,
                                                                   effect->settled.lost_count),
                              });
}

static int say_fenced(const struct saying *saying)
{
    const struct engine_effect *effect = saying->effect;
    return bridge_say(saying, &(struct jqw_message){
                                  .op = JQW_EVENT_FENCED,
                                  .fenced = {.queue = {bridge_bytes(effect->name), effect->incarnation},
                                             .producer = bridge_bytes(effect->fenced.producer)},
                              });
}

static int say_effect(const struct saying *saying)
{
    switch (saying->effect->kind) {
    case ENGINE_ANSWER:
        return say_result(saying);
    case ENGINE_GOT:
        return bridge_say_got(saying);
    case ENGINE_SETTLED:
        return say_settled(saying);
    case ENGINE_JOINED:
        return say_joined(saying);
    case ENGINE_ATTACHED:
        return say_attached(saying);
    case ENGINE_STATS:
        return say_stats(saying);
    case ENGINE_PEEKED:
        return bridge_say_peeked(saying);
    case ENGINE_EVENT_LEASE_LOST:
        return say_lease_lost(saying);
    case ENGINE_EVENT_FENCED:
        return say_fenced(saying);
    case ENGINE_EXPLAINED:
        return say_explained(saying);
    case ENGINE_OPENED:
        return say_opened(saying);
    case ENGINE_EXPORTED:
        return bridge_say_exported(saying);
    }
    return JQ_INTERNAL;
}

/* ---- to the connection ---- */

static void count_answer(struct server *server, uint32_t request, uint32_t code)
{
    if (request != 0 && code < FIGURE_CODES)
        server->counters.answers[code]++;
}

/* An answer that cannot be given: without it the connection is worth nothing, and its leases must come back. */
static void fail(struct connection *connection)
{
    connection->failed = true;
    connection_mark(connection);
}

void bridge_effect(struct server *server, const struct engine_effect *effect)
{
    if (bridge_own_effect(server, effect))
        return;
    struct connection *connection = sessions_find(&server->sessions, effect->session.value);
    if (connection && connection->acts && effect->request)
        audit_end(connection, effect->request, (int)effect->code);
    if (!connection || connection->state > CONNECTION_CLOSING)
        return;
    char text[JQW_TEXT_MAX];
    struct output held = {0};
    bool absent = bridge_bodies_absent(server, effect), waits = absent || held_waits(connection, effect);
    const struct saying saying = {
        .server = server,
        .effect = effect,
        .out = waits ? &held : &connection->out,
        .text = {(const uint8_t *)text, bridge_why(effect, text, sizeof text)},
    };
    if (effect->kind == ENGINE_GOT && effect->got.receipt > connection->receipt)
        connection->receipt = effect->got.receipt;
    int code = say_effect(&saying);
    count_answer(server, effect->request, effect->code);
    if (waits && code == JQ_OK)
        code = held_add(connection, effect, &held);
    output_clear(&server->pool, &held);
    if (effect->kind == ENGINE_OPENED)
        login_free(connection);
    if (code != JQ_OK)
        fail(connection);
    else if (!waits)
        connection_mark(connection);
}

static void send_to(struct connection *connection, struct output *out, const struct jqw_message *message)
{
    struct server *server = connection->server;
    struct jqw_buffer *frame = &server->bridge->frame;
    int code = jqw_encode(frame, message);
    if (code == JQ_OK)
        code = output_append(&server->pool, out, frame->data, frame->size);
    frame->size = 0;
    if (code != JQ_OK)
        fail(connection);
    else
        connection_mark(connection);
}

void bridge_send(struct connection *connection, const struct jqw_message *message)
{
    send_to(connection, &connection->out, message);
}

static struct jqw_message result_message(uint32_t request, enum jqw_code code, const char *text)
{
    return (struct jqw_message){
        .op = JQW_RESULT,
        .request = request,
        .result = {.code = code, .text = {(const uint8_t *)text, strlen(text)}},
    };
}

void bridge_result(struct connection *connection, uint32_t request, enum jqw_code code, const char *text)
{
    if (connection->acts)
        audit_end(connection, request, (int)code);
    const struct jqw_message message = result_message(request, code, text);
    count_answer(connection->server, request, code);
    bridge_send(connection, &message);
}

void bridge_unread(struct server *server, uint64_t session, uint32_t request)
{
    struct connection *connection = sessions_find(&server->sessions, session);
    if (connection && connection->state <= CONNECTION_CLOSING)
        bridge_result(connection, request, JQ_STORAGE, "what is there cannot be read from the disk");
}

void bridge_refuse(struct connection *connection, enum jqw_code code, const char *text)
{
    const struct jqw_message message = result_message(0, code, text);
    send_to(connection, &connection->last, &message);
    connection_finish(connection);
}

void bridge_draining(struct connection *connection, uint64_t within_ns)
{
    const struct jqw_message message = {.op = JQW_EVENT_DRAINING, .draining.within_ms = within_ns / 1000000};
    bridge_send(connection, &message);
}

size_t bridge_last_frame(struct server *server, enum jqw_code code, const char *text, uint8_t *to, size_t size)
{
    const struct jqw_message message = result_message(0, code, text);
    struct jqw_buffer *frame = &server->bridge->frame;
    size_t used = jqw_encode(frame, &message) == JQ_OK && frame->size <= size ? frame->size : 0;
    if (used > 0)
        memcpy(to, frame->data, used);
    frame->size = 0;
    return used;
}
