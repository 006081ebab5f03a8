/* SPDX-License-Identifier: Apache-2.0 */
/* joinq declare: a queue with its bounds and limits. */
#include "commands.h"
#include "json_line.h"
#include "queue_options.h"

static int declare_run(struct cli *cli, const void *settings, const struct words *words)
{
    struct joinq_queue_options wanted;
    int status = queue_options_take(cli, settings, &wanted);
    if (status != ARGUMENTS_OK)
        return status;
    int code = joinq_declare(cli->client, words->at[0], &wanted);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json) {
        struct json_line line = json_begin(&cli->out);
        json_text(&line, "queue", words->at[0]);
        json_end(&line);
    }
    return CLI_DONE;
}

const struct command command_declare = {
    .name = "declare",
    .summary = "create a queue",
    .usage = "[OPTION...] QUEUE",
    .about = "Creates QUEUE, or does nothing if it was declared with the same options. A queue that `put` or `get` "
             "created by\n"
             "itself takes the options of its first declare.\n",
    .example = "  joinq declare paths --max 100 --producers 2\n",
    .options = queue_options_declare,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct queue_settings),
    .run = declare_run,
};
