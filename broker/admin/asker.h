/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the broker, by the protocol over a pair of transports in memory: one client for all pages. It must not know HTTP. */
#ifndef JOINQ_ADMIN_ASKER_H
#define JOINQ_ADMIN_ASKER_H

#include "message.h"
#include "transport.h"

struct asker;

/* The answer, borrowed for the call; NULL: none will come, for the broker is ending. It may ask again, and must not run the asker. */
typedef void asker_heard(void *user, const struct jqw_message *answer);

JQ_MUST_USE struct asker *asker_new(struct jqw_transport *end); /* borrowed; NULL: no memory */
void asker_free(struct asker *asker);                           /* whoever still waits hears nothing */

/* Its request id is chosen here. JQ_OK; otherwise nobody will be called: JQ_OVERLOADED, JQ_DISCONNECTED. */
JQ_MUST_USE int asker_ask(struct asker *asker, struct jqw_message *request, asker_heard *heard, void *user);
/* Nothing is heard any more by this user. */
void asker_forget(struct asker *asker, const void *user);

/* Reads what has come, calls who waited for it, and writes what was asked. */
void asker_run(struct asker *asker);

#endif
