/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the bridge share. */
#ifndef JOINQ_SERVER_BRIDGE_STATE_H
#define JOINQ_SERVER_BRIDGE_STATE_H

#include "auth.h"
#include "bridge.h"
#include "engine.h"
#include "message.h"
#include "state.h"

struct bridge {
    struct jqw_scratch scratch; /* of the frame being read */
    struct jqw_buffer frame;    /* being written */
    struct jqw_buffer repacked; /* bodies whose headers were longer than they need be */
    struct jqw_run runs[JQW_BATCH_MAX];
    struct jqw_range ranges[JQW_LOST_MAX];
    struct jqw_stat stats[JQW_LIST_MAX];
    struct jqw_detail details[JQW_BATCH_MAX];
};

/* bridge_in.c: puts a message into the batch of the turn, or answers it. */
void bridge_message(struct connection *connection, const struct jqw_message *message);
/* bridge_put.c */
void bridge_put(struct connection *connection, const struct jqw_message *message);
void bridge_forward(struct connection *connection, const struct jqw_message *message);
/* bridge_login.c */
void bridge_hello(struct connection *connection, const struct jqw_message *message);
void bridge_auth(struct connection *connection, const struct jqw_message *message);
/* bridge_permit.c: false: it has been answered. */
JQ_MUST_USE bool bridge_permits(struct connection *connection, const struct jqw_message *message);
/* Whether a put or get may not make this queue. */
bool bridge_makes_none(const struct connection *connection, const struct jqw_queue *queue);
/* A list shows only what may be seen. */
void bridge_list_patterns(struct connection *connection, struct engine_command *command);
/* Whether the session may know that there is a queue with this name. */
bool bridge_may_see(const struct server *server, struct engine_session_id session, struct engine_text name);

/* The next command, with session, request and queue (may be NULL) filled in. */
struct engine_command *bridge_command(struct connection *connection, enum engine_op op, uint32_t request,
                                      const struct jqw_queue *queue);
/* Bytes as text that lives as long as the batch. */
struct engine_text bridge_text(struct server *server, struct jqw_bytes bytes);
uint64_t bridge_time_ns(uint64_t ms);                                                       /* without limit stays so */
struct engine_ranges bridge_ranges(struct server *server, const struct jqw_ranges *ranges); /* a copy */

/* Sends a message that fits memory; what cannot be said ends the connection. */
void bridge_send(struct connection *connection, const struct jqw_message *message);
void bridge_result(struct connection *connection, uint32_t request, enum jqw_code code, const char *text);

/* bridge_explain.c: sentences for the facts of an effect; returns their length. */
size_t bridge_explain(const struct server *server, const struct engine_effect *effect, char to[JQW_LINES_MAX + 1]);

/* bridge_own.c: whether an effect is an answer to the broker itself; then it has been taken. */
bool bridge_own_effect(struct server *server, const struct engine_effect *effect);

/* bridge_why.c: the sentence for an effect; empty when the code says it all. Returns its length. */
size_t bridge_why(const struct engine_effect *effect, char *to, size_t size);

#endif
