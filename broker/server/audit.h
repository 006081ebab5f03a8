/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that say who: the identity of a connection as pairs; refusals; and acts that administer queues, told with what came of them. */
#ifndef JOINQ_SERVER_AUDIT_H
#define JOINQ_SERVER_AUDIT_H

#include "connection.h"
#include "log.h"

/* Somebody was refused something: the message is static. `queue` and `why` may be empty. */
void audit_refused(const struct connection *connection, const char *message, const char *why, const char *queue,
                   size_t queue_size);

/* Somebody who got nowhere: one connection too many, a handshake that failed. `why` may be empty. */
void audit_stranger(const struct jqw_transport *transport, const char *message, const char *why, bool audit);

/* What somebody does; texts are borrowed. */
struct audit_act {
    const char *name; /* static */
    struct log_field queue;
    struct log_field more; /* what else it is about; its key is NULL: nothing */
};
/* An act begins: it is noted until its request is answered. Without memory for that it is told at once. */
void audit_begin(struct connection *connection, uint32_t request, const struct audit_act *act);
/* A request is answered; most are no acts. */
void audit_end(struct connection *connection, uint32_t request, int code);
/* The connection ends: so do its acts, without an answer. */
void audit_clear(struct connection *connection);

#endif
