/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that knows both the wire and the engine: frames become commands, effects become frames. The rest of the
 * server sees neither messages here nor commands. */
#ifndef JOINQ_SERVER_BRIDGE_H
#define JOINQ_SERVER_BRIDGE_H

#include "base.h"
#include "codes.h"
#include <stddef.h>
#include <stdint.h>

struct bridge; /* room for decoding and encoding */
struct connection;
struct engine_effect;
struct jqw_frame;
struct server;

JQ_MUST_USE struct bridge *bridge_new(void); /* NULL: no memory */
void bridge_free(struct bridge *bridge);

/* A frame becomes a command of the turn, or is answered at once. Not while effects are carried out. */
void bridge_frame(struct connection *connection, const struct jqw_frame *frame);
/* An effect becomes a frame of its connection, or is held until its records are durable. */
void bridge_effect(struct server *server, const struct engine_effect *effect);

/* Says with request id 0 why the connection ends, and lets it end when that is written. Not while effects are carried out. */
void bridge_refuse(struct connection *connection, enum jqw_code code, const char *text);
/* The time has come to tell a client that its password is wrong. */
void bridge_login_refused(struct connection *connection);
/* Permissions have changed: what the client waits for without one is answered DENIED. Not while effects are carried out. */
void bridge_review(struct connection *connection);
/* Tells that the broker ends. */
void bridge_draining(struct connection *connection, uint64_t within_ns);
/* The frame for a connection that is closed unheard; writes it to `to` and returns its size, 0 if there was no memory. */
size_t bridge_last_frame(struct server *server, enum jqw_code code, const char *text, uint8_t *to, size_t size);

/* To a peek or an export: its bodies cannot be read. */
void bridge_unread(struct server *server, uint64_t session, uint32_t request);

#endif
