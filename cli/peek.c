/* SPDX-License-Identifier: Apache-2.0 */
/* joinq peek: messages that are ready, without taking them. */
#include "commands.h"
#include "message_print.h"

struct peek_settings {
    uint64_t count;
    bool nul;
};

static const struct option_spec options[] = {
    {.letter = 'n',
     .kind = OPTION_COUNT,
     .at = offsetof(struct peek_settings, count),
     .value = "N",
     .initial = 10,
     .min = 1,
     .max = JOINQ_BATCH_MAX,
     .help = "so many at most (10)"},
    {.letter = '0',
     .kind = OPTION_FLAG,
     .at = offsetof(struct peek_settings, nul),
     .help = "a NUL behind each body, not a newline"},
    {0},
};

static int peek_check(const struct cli *cli, const void *settings, const struct words *words)
{
    const struct peek_settings *given = settings;
    (void)words;
    return given->nul && cli->json ? arguments_error(cli, "-0 and --json exclude each other") : ARGUMENTS_OK;
}

static int peek_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct peek_settings *given = settings;
    struct joinq_batch *batch;
    int code = joinq_peek(cli->client, words->at[0], (size_t)given->count, &batch);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    for (size_t i = 0; i < joinq_batch_count(batch); i++)
        message_print(cli, words->at[0], batch, i, given->nul ? '\0' : '\n');
    joinq_batch_free(batch);
    return CLI_DONE;
}

const struct command command_peek = {
    .name = "peek",
    .summary = "show messages that are ready, without taking them",
    .usage = "[OPTION...] QUEUE",
    .about =
        "Each body on a line, the one that comes next first. Changes nothing. With --json an object for each message:\n"
        "queue, id, deliveries (how often it came back), and body, or base64 where the body is not UTF-8.\n",
    .example = "  joinq peek paths -n 3\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct peek_settings),
    .check = peek_check,
    .run = peek_run,
};
