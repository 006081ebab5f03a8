/* SPDX-License-Identifier: Apache-2.0 */
/* joinq close: nothing can be put any more; what is there is still delivered, or discarded. */
#include "commands.h"
#include "json_line.h"
#include <inttypes.h>

struct close_settings {
    bool immediate;
};

static const struct option_spec options[] = {
    {.name = "immediate",
     .kind = OPTION_FLAG,
     .at = offsetof(struct close_settings, immediate),
     .help = "discard what is ready or delayed, and what comes back later"},
    {0},
};

static int close_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct close_settings *given = settings;
    uint64_t discarded = 0;
    int code = joinq_close(cli->client, words->at[0], given->immediate, false, &discarded);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        json_queue_number(&cli->out, words->at[0], "discarded", discarded);
    else if (given->immediate)
        printer_format(&cli->out, "%" PRIu64 " discarded\n", discarded);
    return CLI_DONE;
}

const struct command command_close = {
    .name = "close",
    .summary = "refuse puts from now on, and tell every consumer when the queue has ended",
    .usage = "[OPTION...] QUEUE",
    .about = "Later puts fail, and puts that wait are woken. Consumers get what is left, then every one of them hears "
             "that the\n"
             "queue has ended. Closing twice does nothing more; a closed queue may still be closed with --immediate.\n",
    .example = "  joinq close sums\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct close_settings),
    .run = close_run,
};
