/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, one file each, and the table of them. */
#ifndef JOINQ_CLI_COMMANDS_H
#define JOINQ_CLI_COMMANDS_H

#include "cli.h"

extern const struct command command_declare, command_put, command_get, command_work, command_join, command_close,
    command_end, command_finish, command_list, command_stat, command_peek, command_purge, command_delete, command_run,
    command_alter, command_pause, command_resume, command_reopen, command_move, command_why, command_export,
    command_import;

extern const struct command *const commands[]; /* ends with NULL */
extern const char *const commands_later[];     /* that the design has and this version has not; ends with NULL */
const struct command *commands_find(const char *name); /* NULL: none */

#endif
