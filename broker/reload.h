/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: the configuration read again, and what of it can be changed taken up, all of it or nothing. */
#ifndef JOINQ_BROKER_RELOAD_H
#define JOINQ_BROKER_RELOAD_H

#include "config.h"
#include "options.h"
#include "server.h"

struct reload {
    struct server *server;         /* borrowed */
    const struct options *options; /* borrowed */
    const struct config *first;    /* borrowed: the server began with it, and still refers to parts of it */
    struct config last;            /* what was read last, if it is not the first */
    bool again;                    /* last is used */
};

void reload_init(struct reload *reload, struct server *server, const struct options *options,
                 const struct config *first);
void reload_fini(struct reload *reload);

/* Whether a broker could begin, or go on, with it, as far as that can be told without one. JQ_OK, or a code with what is wrong. */
JQ_MUST_USE int reload_check(const struct config *config, struct config_error *error);

#endif
