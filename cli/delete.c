/* SPDX-License-Identifier: Apache-2.0 */
/* joinq delete: a queue and all that is in it. */
#include "commands.h"
#include "json_line.h"
#include <inttypes.h>

struct delete_settings {
    bool if_empty;
};

static const struct option_spec options[] = {
    {.name = "if-empty",
     .kind = OPTION_FLAG,
     .at = offsetof(struct delete_settings, if_empty),
     .help = "only if nothing is unfinished"},
    {0},
};

static int delete_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct delete_settings *given = settings;
    uint64_t discarded = 0;
    int code = joinq_delete(cli->client, words->at[0], given->if_empty, &discarded);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        json_queue_number(&cli->out, words->at[0], "discarded", discarded);
    else
        printer_format(&cli->out, "%" PRIu64 " discarded\n", discarded);
    return CLI_DONE;
}

const struct command command_delete = {
    .name = "delete",
    .summary = "delete a queue and what is in it",
    .usage = "[OPTION...] QUEUE",
    .about = "Whoever waits on the queue is told that it is gone. Says how many messages went with it.\n",
    .example = "  joinq delete paths --if-empty\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct delete_settings),
    .run = delete_run,
};
