/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the configuration read again, and what of it can be changed taken up, all of it or nothing. */
#ifndef JOINQ_BROKER_RELOAD_H
#define JOINQ_BROKER_RELOAD_H

#include "admin.h"
#include "config.h"
#include "options.h"
#include "server.h"

struct reload {
    struct server *server;         /* borrowed */
    const struct options *options; /* borrowed */
    struct config *running;        /* borrowed: what the server began with, and then what it runs with */
    struct admin *admin;           /* borrowed; NULL: there are no pages */
};

/* Afterwards the configuration is changed whenever there is another. */
void reload_init(struct reload *reload, struct server *server, const struct options *options, struct config *running);

/* Whether a broker could begin, or go on, with it, as far as that can be told without one. JQ_OK, or a code with what is wrong. */
JQ_MUST_USE int reload_check(const struct config *config, struct config_error *error);

#endif
