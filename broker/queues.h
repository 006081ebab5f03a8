/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of the configuration, declared. */
#ifndef JOINQ_BROKER_QUEUES_H
#define JOINQ_BROKER_QUEUES_H

#include "config.h"
#include "server.h"

/* Whether each finds at a start where its dead letters go, as far as can be told without the data. JQ_OK, or JQ_INVALID with what is wrong. */
JQ_MUST_USE int queues_check(const struct config *config, struct config_error *error);
/* Declares all that `before` (which may be NULL) does not have, those that others send their dead letters to first. JQ_OK; or the code of the
 * first that failed, with what is wrong, and those that were made are gone again. */
JQ_MUST_USE int queues_declare(struct server *server, const struct config *config, const struct config *before,
                               struct config_error *error);

#endif
