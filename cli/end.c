/* SPDX-License-Identifier: Apache-2.0 */
/* joinq end: one-shot ends behind what was put before, each for one consumer. */
#include "commands.h"
#include "json_line.h"

struct end_settings {
    uint64_t count;
};

static const struct option_spec options[] = {
    {.letter = 'n',
     .kind = OPTION_COUNT,
     .at = offsetof(struct end_settings, count),
     .value = "N",
     .initial = 1,
     .min = 1,
     .max = JOINQ_BATCH_MAX,
     .help = "so many ends (1)"},
    {0},
};

static int end_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct end_settings *given = settings;
    int code = joinq_put_end(cli->client, words->at[0], (uint32_t)given->count);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        json_queue_number(&cli->out, words->at[0], "ends", given->count);
    return CLI_DONE;
}

const struct command command_end = {
    .name = "end",
    .summary = "put ends into the queue, each of which stops one consumer",
    .usage = "[OPTION...] QUEUE",
    .about = "Each end answers one get, once what was put before it has been taken. Needs no room in the queue. To "
             "stop every\n"
             "consumer, however many there are, use `joinq close`.\n",
    .example = "  joinq end paths -n 4\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct end_settings),
    .run = end_run,
};
