/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of the configuration: looked at, and taken. */
#ifndef JOINQ_BROKER_CERTIFICATES_H
#define JOINQ_BROKER_CERTIFICATES_H

#include "config.h"
#include "server.h"

/* As a broker would take them. Each: JQ_OK, or a code with what is wrong, and nothing is changed. */
JQ_MUST_USE int certificates_check(const struct config *config, struct config_error *error);
JQ_MUST_USE int certificates_take(struct server *server, const struct config *config, struct config_error *error);

#endif
