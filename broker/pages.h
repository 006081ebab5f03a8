/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of the configuration: looked at, begun, and given another token. */
#ifndef JOINQ_BROKER_PAGES_H
#define JOINQ_BROKER_PAGES_H

#include "admin.h"
#include "config.h"

/* Whether their token can be read. JQ_OK, or JQ_INVALID with what is wrong. */
JQ_MUST_USE int pages_check(const struct config *config, struct config_error *error);
/* Whether they would be refused, as far as can be told without listening. JQ_OK, or JQ_INVALID with what is wrong. */
JQ_MUST_USE int pages_would_start(const struct config *config, struct config_error *error);
/* *admin is NULL where none are wanted. JQ_OK, or a code with what is wrong. */
JQ_MUST_USE int pages_begin(struct server *server, const struct config *config, struct admin **admin,
                            struct config_error *error);
/* Takes the token that its file has now; *other: it was another one. `admin` may be NULL: there are none. JQ_OK, or a code with what is wrong, and
 * the last one stays. */
JQ_MUST_USE int pages_take(struct admin *admin, const struct config *config, bool *other, struct config_error *error);

#endif
