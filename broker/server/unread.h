/* SPDX-License-Identifier: Apache-2.0 */
/* Answers whose bodies could not be read: the engine takes back what they handed out, and answers anew. */
#ifndef JOINQ_SERVER_UNREAD_H
#define JOINQ_SERVER_UNREAD_H

#include "base.h"
#include "engine.h"

struct server;
struct unread;

/* What has to be known of an answer until its bodies are there. NULL: no memory. */
struct unread *unread_new(const struct engine_effect *effect);
void unread_free(struct unread *unread);
/* It will not be given: takes it. To be carried out with the others. */
void unread_add(struct server *server, struct unread *unread);
/* Not while effects are carried out. */
void unread_carry_out(struct server *server);

#endif
