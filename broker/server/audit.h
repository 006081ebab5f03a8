/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that say who: the identity of a connection as pairs; refusals; and acts that administer queues, told with what came of them. */
#ifndef JOINQ_SERVER_AUDIT_H
#define JOINQ_SERVER_AUDIT_H

#include "connection.h"
#include "log.h"

/* Somebody was refused something: the message is static. `queue` and `why` may be empty. */
void audit_refused(const struct connection *connection, const char *message, const char *why, const char *queue,
                   size_t queue_size);

/* One connection too many. */
void audit_turned_away(const struct jqw_transport *transport);

/* An act begins: it is noted until its request is answered. Without memory for that it is told at once. */
void audit_begin(struct connection *connection, uint32_t request, const char *act, const void *queue,
                 size_t queue_size);
/* A request is answered; most are no acts. */
void audit_end(struct connection *connection, uint32_t request, int code);
/* The connection ends: so do its acts, without an answer. */
void audit_clear(struct connection *connection);

#endif
