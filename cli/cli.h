/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands of the tool share: the table entry of a command, what the command line said for every command, exit
 * statuses, and how a failure is told: one line, "joinq: put: queue 'jobs' is closed".
 * It knows joinq.h and nothing below it. */
#ifndef JOINQ_CLI_H
#define JOINQ_CLI_H

#include "arguments.h"
#include "printer.h"
#include <joinq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_status {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_WOULD_WAIT = 3, /* EMPTY, FULL, TIMEOUT */
    CLI_ENDED = 4,      /* CLOSED, or END before what was asked for */
    CLI_NO_CONNECTION = 5,
    CLI_REFUSED = 6,  /* DENIED, AUTH_FAILED */
    CLI_STOPPED = 256 /* no exit status: everything is in order, now die of the signal that asked to stop */
};

/* One run of the tool. */
struct cli {
    const char *command;  /* its name, for messages; NULL before it is known */
    const char *url;      /* NULL: JOINQ_URL, or the user's own broker */
    int64_t reconnect_ms; /* how long a connection that broke is tried to be made again */
    bool json;
    joinq *client;      /* connected before a command runs, unless it is `offline` */
    struct printer out; /* standard output */
};

/* One entry of the table of commands. */
struct command {
    const char *name;
    const char *summary;               /* for the list of commands */
    const char *usage;                 /* what follows the name */
    const char *about;                 /* for --help: whole lines */
    const char *example;               /* for --help: whole lines */
    const struct option_spec *options; /* ends with a spec without a name; NULL: none */
    const char *const *later;          /* options that the design has and this version has not; ends with NULL */
    unsigned words_min, words_max;     /* arguments that are no options, before "--" where takes_program */
    bool bodies;                       /* arguments behind the first are bodies; otherwise all name queues */
    bool takes_program;                /* "-- CMD [ARG...]" ends the line */
    bool no_json;
    bool offline;         /* needs no connection */
    size_t settings_size; /* of the struct that `options` fill */
    /* Usage errors that the tables cannot see, before anything is connected: ARGUMENTS_OK, or an exit status. NULL: none. */
    int (*check)(const struct cli *cli, const void *settings, const struct words *words);
    int (*run)(struct cli *cli, const void *settings, const struct words *words); /* returns an exit status */
};

/* Prints "joinq: COMMAND: ..." on standard error and returns `status`. */
int cli_error(const struct cli *cli, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, for what happened to a call on the connection: the client's sentence, and the exit status of the code. */
int cli_fail(const struct cli *cli, int code);
int cli_status_of(int code);
/* Connects; CLI_DONE, or the status after having said why not. */
int cli_connect(struct cli *cli);
/* CLI_DONE if the queue exists; otherwise as cli_fail. */
int cli_must_exist(struct cli *cli, const char *queue);

int64_t cli_now_ms(void); /* monotonic */

#endif
