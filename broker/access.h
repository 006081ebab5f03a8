/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to users, permissions and quotas. */
#ifndef JOINQ_BROKER_ACCESS_H
#define JOINQ_BROKER_ACCESS_H

#include "auth.h"
#include "config.h"

/* Whether it could be taken: also what the file of users says, and groups that are meant. JQ_OK, or JQ_INVALID with what is wrong. */
JQ_MUST_USE int access_check(const struct config *config, struct config_error *error);
/* How users have changed. */
struct access_told {
    unsigned count[AUTH_CHANGES];
    char names[AUTH_CHANGES][400]; /* as many as there is room for */
};
/* Takes it; for connections that there are, too; `told` may be NULL. JQ_OK, or with nothing changed JQ_INVALID with what is wrong. */
JQ_MUST_USE int access_load(struct server *server, const struct config *config, struct access_told *told,
                            struct config_error *error);

#endif
