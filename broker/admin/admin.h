/* SPDX-License-Identifier: Apache-2.0 */
/* Pages over HTTP: health, metrics, and JSON for what `joinq list`, `stat` and `why` show. They are a guest of the broker (server.h): in its
 * loop, and a client of it. It must not know the engine. */
#ifndef JOINQ_ADMIN_ADMIN_H
#define JOINQ_ADMIN_ADMIN_H

#include "base.h"
#include "server.h"
#include "url.h"
#include <stdbool.h>
#include <stddef.h>

struct admin_config {
    struct jqw_url url; /* where to listen: host and port */
    const char *token;  /* who changes something must show it; NULL: nobody can. Borrowed */
    bool allow_network; /* an address that is not of the loopback is listened to */
};

struct admin;

/* Listens, and becomes a guest of the server, which it must not outlive. JQ_OK; or a code with `why` filled. The URL gets the real port. */
JQ_MUST_USE int admin_new(struct admin_config *config, struct server *server, struct admin **admin, char *why,
                          size_t why_size);
/* Whoever changes something has to show this token from now on; NULL: nobody can. *other: it was another one. JQ_OK; or JQ_OVERLOADED, and
 * the last one stays. */
JQ_MUST_USE int admin_token(struct admin *admin, const char *token, bool *other);
/* After the server has run, and before it is freed. */
void admin_free(struct admin *admin);

#endif
