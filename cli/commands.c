/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: what --help lists, the manual describes and shells complete. */
#include "commands.h"
#include <string.h>

const struct command *const commands[] = {
    &command_declare, &command_put,   &command_get,   &command_work,
    &command_join,    &command_close, &command_end,   &command_finish,
    &command_list,    &command_stat,  &command_peek,  &command_purge,
    &command_delete,  &command_alter, &command_pause, &command_resume,
    &command_reopen,  &command_move,  &command_why,   &command_export,
    &command_import,  &command_run,   NULL,
};

const char *const commands_later[] = {"top", "bench", NULL};

const struct command *commands_find(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}
