/* SPDX-License-Identifier: Apache-2.0 */
/* joinq finish: says that a named producer has put its last. */
#include "commands.h"
#include "json_line.h"

struct finish_settings {
    const char *producer;
};

static const struct option_spec options[] = {
    {.name = "producer",
     .kind = OPTION_TEXT,
     .at = offsetof(struct finish_settings, producer),
     .value = "NAME",
     .help = "whose end it is; always needed"},
    {0},
};

static int finish_check(const struct cli *cli, const void *settings, const struct words *words)
{
    const struct finish_settings *given = settings;
    (void)words;
    return given->producer != NULL ? ARGUMENTS_OK : arguments_error(cli, "--producer NAME is missing");
}

static int finish_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct finish_settings *given = settings;
    int code = joinq_finish(cli->client, words->at[0], given->producer);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json) {
        struct json_line line = json_begin(&cli->out);
        json_text(&line, "queue", words->at[0]);
        json_text(&line, "producer", given->producer);
        json_end(&line);
    }
    return CLI_DONE;
}

const struct command command_finish = {
    .name = "finish",
    .summary = "say that a named producer has put its last",
    .usage = "--producer NAME QUEUE",
    .about = "A queue declared with --producers N closes itself when N producers have finished. `joinq put --finish` "
             "says it for\n"
             "its own messages; this is for a producer that went away without a word.\n",
    .example = "  joinq finish paths --producer reader-2\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct finish_settings),
    .check = finish_check,
    .run = finish_run,
};
