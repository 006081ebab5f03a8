/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of joinqd, read and checked. It starts nothing. */
#ifndef JOINQ_BROKER_OPTIONS_H
#define JOINQ_BROKER_OPTIONS_H

#include "server.h"
#include "url.h"
#include <stdbool.h>

enum { OPTIONS_LISTEN_MAX = 16 };

struct options {
    struct server_config config;
    struct jqw_url listen[OPTIONS_LISTEN_MAX];
    unsigned listen_count; /* 0: none was given */
    bool check;
    bool check_data;
};

/* Returns -1 when the program is to go on, otherwise its exit status: help, version, or usage (2), with everything said. */
int options_read(struct options *options, int argc, char **argv);

#endif
