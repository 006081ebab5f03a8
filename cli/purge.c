/* SPDX-License-Identifier: Apache-2.0 */
/* joinq purge: discards what is in a queue. */
#include "commands.h"
#include "json_line.h"
#include <inttypes.h>

static int purge_run(struct cli *cli, const void *settings, const struct words *words)
{
    (void)settings;
    uint64_t discarded = 0;
    int code = joinq_purge(cli->client, words->at[0], &discarded);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        json_queue_number(&cli->out, words->at[0], "discarded", discarded);
    else
        printer_format(&cli->out, "%" PRIu64 " discarded\n", discarded);
    return CLI_DONE;
}

const struct command command_purge = {
    .name = "purge",
    .summary = "discard what is in a queue",
    .usage = "QUEUE",
    .about = "Discards what is ready or delayed, and says how much. What consumers hold stays theirs.\n",
    .example = "  joinq purge paths\n",
    .words_min = 1,
    .words_max = 1,
    .run = purge_run,
};
