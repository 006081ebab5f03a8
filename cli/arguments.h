/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of one command: a table of options fills a struct; the rest are words. Also the --help that follows from
 * the same table. It knows no command and no connection. */
#ifndef JOINQ_CLI_ARGUMENTS_H
#define JOINQ_CLI_ARGUMENTS_H

#include <stddef.h>
#include <stdint.h>

struct cli;
struct command;

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_COUNT,  /* uint64_t, min to max */
    OPTION_SIZE,   /* uint64_t bytes: 4096, 64K, 10M, 2G */
    OPTION_TIME,   /* int64_t milliseconds: 500ms, 2s, 5m, 1h; or the one word of `choices`, which is 0 */
    OPTION_TEXT,   /* const char *, not empty */
    OPTION_CHOICE, /* uint64_t: index into choices */
};

struct option_spec {
    const char *name; /* without the dashes; NULL ends a table unless there is a letter */
    char letter;      /* 0: none */
    enum option_kind kind;
    size_t at;         /* offset of the field in the settings */
    const char *value; /* how --help names its value; NULL for flags */
    const char *help;
    uint64_t min, max;          /* OPTION_COUNT; max 0: no limit */
    int64_t initial;            /* what the field is where the option is not given; numbers and times */
    const char *const *choices; /* ends with NULL */
};

/* The words of a line, and the program behind "--". */
struct words {
    char **at;
    unsigned count;
    char **program; /* ends with NULL; NULL itself if there was no "--" */
};

enum { ARGUMENTS_OK = -1 /* otherwise an exit status: of a usage error, or of --help */ };

/* Reads argv (which ends with NULL; its pointers are kept) into settings and words. Words are stored in `into`, which has room for
 * all of argv. Says what is wrong. */
int arguments_parse(struct cli *cli, const struct command *command, char **argv, void *settings, char **into,
                    struct words *words);
/* An option for every command (--json, --url URL, --reconnect TIME), at argv[0]: returns how many arguments it took; 0: it is none; -1: wrong, and said. */
int arguments_common(struct cli *cli, char **argv);
void arguments_help(struct cli *cli, const struct command *command);
/* All options of a command, those for every command behind its own. */
void arguments_options(const struct command *command, void (*each)(void *context, const struct option_spec *spec),
                       void *context);
/* "joinq: put: ..., try 'joinq put --help'"; returns CLI_USAGE. */
int arguments_error(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
