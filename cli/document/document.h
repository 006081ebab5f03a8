/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of the table of commands while building: manual pages, and the tables in the completions for shells. */
#ifndef JOINQ_CLI_DOCUMENT_H
#define JOINQ_CLI_DOCUMENT_H

#include "cli.h"
#include <stdio.h>

/* The page joinq-NAME(1): the entry of the table, and what its fragment adds (fragment.h). */
void manual_command(FILE *to, const struct command *command, const char *fragment);
/* The list of commands in joinq(1). */
void manual_commands(FILE *to);

/* Branches of a case over COMMAND:OPTION: what may be offered behind an option that takes a value. */
void bash_values(FILE *to);
/* Branches of a case over COMMAND: its options. */
void bash_options(FILE *to);
/* The names of all commands, in one line. */
void bash_commands(FILE *to);
/* Branches of a case over COMMAND: how many of its words name queues. */
void bash_queues(FILE *to);
/* Lines NAME:SUMMARY, quoted. */
void zsh_commands(FILE *to);
/* Branches of a case over COMMAND: its options as _arguments takes them. */
void zsh_arguments(FILE *to);

#endif
