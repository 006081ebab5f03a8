/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to users, permissions and quotas. */
#ifndef JOINQ_BROKER_ACCESS_H
#define JOINQ_BROKER_ACCESS_H

#include "config.h"

/* Whether it could be taken: also what the file of users says, and groups that are meant. JQ_OK, or JQ_INVALID with what is wrong. */
JQ_MUST_USE int access_check(const struct config *config, struct config_error *error);
/* Takes it; for connections that there are, too. JQ_OK, or with nothing changed JQ_INVALID with what is wrong. */
JQ_MUST_USE int access_load(struct server *server, const struct config *config, struct config_error *error);

#endif
