/* SPDX-License-Identifier: Apache-2.0 */
/* joinq move: ready messages from one queue to another. */
#include "commands.h"
#include "json_line.h"
#include <inttypes.h>

struct move_settings {
    uint64_t count;
};

static const struct option_spec options[] = {
    {.letter = 'n',
     .kind = OPTION_COUNT,
     .at = offsetof(struct move_settings, count),
     .value = "N",
     .help = "at most N messages (0: all)"},
    {0},
};

static int move_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct move_settings *given = settings;
    uint64_t moved = 0;
    int code = joinq_move(cli->client, words->at[0], words->at[1], given->count, &moved);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        json_queue_number(&cli->out, words->at[0], "moved", moved);
    else
        printer_format(&cli->out, "%" PRIu64 " moved\n", moved);
    return CLI_DONE;
}

const struct command command_move = {
    .name = "move",
    .summary = "move messages to another queue",
    .usage = "[OPTION...] FROM TO",
    .about = "Moves what is ready in FROM to the end of TO, as far as TO has room, and says how many. TO must exist.\n",
    .example = "  joinq move paths.dead paths\n",
    .options = options,
    .words_min = 2,
    .words_max = 2,
    .settings_size = sizeof(struct move_settings),
    .run = move_run,
};
