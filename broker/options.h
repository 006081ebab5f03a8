/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of joinqd and the file that it names, read and checked: what the line says goes before what the file says. It starts
 * nothing. */
#ifndef JOINQ_BROKER_OPTIONS_H
#define JOINQ_BROKER_OPTIONS_H

#include "config.h"
#include <stdbool.h>

enum { OPTIONS_LISTEN_MAX = 16 };

struct options {
    const char *file; /* of the configuration; NULL: none */
    const char *listen[OPTIONS_LISTEN_MAX];
    unsigned listen_count;
    const char *data, *max_memory;
    bool allow_anonymous_network;
    bool check;
    bool dump;
    bool check_data;
    bool repair;
    const char *copy_to; /* NULL: no copy is to be made */
};

/* Says that the command line makes no sense, with its usage. Returns the exit status. */
__attribute__((format(printf, 1, 2))) int options_wrong(const char *format, ...);

/* Returns -1 when the program is to go on, otherwise its exit status: help, version, or usage (2), with everything said. */
int options_read(struct options *options, int argc, char **argv);

/* Makes the configuration of defaults, the file and the command line. JQ_OK, or JQ_INVALID with what is wrong, and the configuration is
 * good for config_fini only. */
JQ_MUST_USE int options_config(const struct options *options, struct config *config, struct config_error *error);

#endif
