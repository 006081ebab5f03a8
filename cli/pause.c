/* SPDX-License-Identifier: Apache-2.0 */
/* joinq pause, resume, reopen: a queue that stands still for a while, and one that begins anew. */
#include "commands.h"
#include "json_line.h"
#include <inttypes.h>

struct pause_settings {
    bool puts, gets;
};

static const struct option_spec options[] = {
    {.name = "puts", .kind = OPTION_FLAG, .at = offsetof(struct pause_settings, puts), .help = "puts only"},
    {.name = "gets", .kind = OPTION_FLAG, .at = offsetof(struct pause_settings, gets), .help = "gets only"},
    {0},
};

static unsigned which(const struct pause_settings *given)
{
    bool both = given->puts == given->gets;
    return (both || given->puts ? JOINQ_PAUSE_PUTS : 0) | (both || given->gets ? JOINQ_PAUSE_GETS : 0);
}

static int finish(struct cli *cli, const char *queue, int code)
{
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json) {
        struct json_line line = json_begin(&cli->out);
        json_text(&line, "queue", queue);
        json_end(&line);
    }
    return CLI_DONE;
}

static int pause_run(struct cli *cli, const void *settings, const struct words *words)
{
    return finish(cli, words->at[0], joinq_pause(cli->client, words->at[0], which(settings)));
}

static int resume_run(struct cli *cli, const void *settings, const struct words *words)
{
    return finish(cli, words->at[0], joinq_resume(cli->client, words->at[0], which(settings)));
}

static int reopen_run(struct cli *cli, const void *settings, const struct words *words)
{
    (void)settings;
    uint64_t generation = 0;
    int code = joinq_reopen(cli->client, words->at[0], &generation);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        json_queue_number(&cli->out, words->at[0], "generation", generation);
    else
        printer_format(&cli->out, "generation %" PRIu64 "\n", generation);
    return CLI_DONE;
}

const struct command command_pause = {
    .name = "pause",
    .summary = "let a queue stand still",
    .usage = "[OPTION...] QUEUE",
    .about =
        "Puts wait as if QUEUE were full, gets as if it were empty, until `joinq resume`. What consumers hold stays "
        "theirs.\n",
    .example = "  joinq pause paths --gets\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct pause_settings),
    .run = pause_run,
};

const struct command command_resume = {
    .name = "resume",
    .summary = "end a pause",
    .usage = "[OPTION...] QUEUE",
    .about = "Puts and gets of QUEUE go on, or those that the options name.\n",
    .example = "  joinq resume paths\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct pause_settings),
    .run = resume_run,
};

const struct command command_reopen = {
    .name = "reopen",
    .summary = "begin a closed queue anew",
    .usage = "QUEUE",
    .about = "Opens a closed QUEUE again, as its next generation: consumers that wait hear the old end, and producer "
             "names are\n"
             "free again. What is in it, and what consumers hold, stays. An open queue stays as it is.\n",
    .example = "  joinq reopen paths\n",
    .words_min = 1,
    .words_max = 1,
    .run = reopen_run,
};
