/* SPDX-License-Identifier: Apache-2.0 */
/* joinq join: waits until everything in a queue is finished. It holds nothing, so a signal may end it anywhere. */
#include "commands.h"
#include "json_line.h"
#include <inttypes.h>

struct join_settings {
    int64_t timeout_ms;
    bool snapshot, fail_on_dead;
};

static const struct option_spec options[] = {
    {.name = "timeout",
     .kind = OPTION_TIME,
     .at = offsetof(struct join_settings, timeout_ms),
     .value = "T",
     .initial = JOINQ_FOREVER,
     .help = "wait at most so long"},
    {.name = "snapshot",
     .kind = OPTION_FLAG,
     .at = offsetof(struct join_settings, snapshot),
     .help = "wait only for what is there now, not for what is put meanwhile"},
    {.name = "fail-on-dead",
     .kind = OPTION_FLAG,
     .at = offsetof(struct join_settings, fail_on_dead),
     .help = "exit status 1 if a message went dead meanwhile"},
    {0},
};

static void print(struct cli *cli, const char *queue, const struct joinq_joined *joined)
{
    struct json_line line = json_begin(&cli->out);
    json_text(&line, "queue", queue);
    json_number(&line, "remaining", joined->remaining);
    json_number(&line, "done", joined->done);
    json_number(&line, "dead", joined->dead);
    json_number(&line, "expired", joined->expired);
    json_number(&line, "discarded", joined->discarded);
    json_number(&line, "moved", joined->moved);
    json_end(&line);
}

static int join_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct join_settings *given = settings;
    struct joinq_joined joined = JOINQ_JOINED_INIT;
    struct joinq_join_options options_of_join = JOINQ_JOIN_OPTIONS_INIT;
    options_of_join.timeout_ms = given->timeout_ms;
    options_of_join.snapshot = given->snapshot;
    int code = joinq_join_with(cli->client, words->at[0], &options_of_join, &joined);
    bool asked = joined.remaining != UINT64_MAX;
    if ((code != JOINQ_OK && code != JOINQ_TIMEOUT) || !asked)
        return cli_fail(cli, code);
    if (cli->json)
        print(cli, words->at[0], &joined);
    if (code == JOINQ_OK && given->fail_on_dead && joined.dead)
        return cli_error(cli, CLI_FAILED, "queue '%s': %" PRIu64 " went dead", words->at[0], joined.dead);
    if (code == JOINQ_OK)
        return CLI_DONE;
    return cli_error(cli, CLI_WOULD_WAIT, "queue '%s': %" PRIu64 " unfinished", words->at[0], joined.remaining);
}

const struct command command_join = {
    .name = "join",
    .summary = "wait until every message is finished",
    .usage = "[OPTION...] QUEUE",
    .about = "Returns when nothing in QUEUE is unfinished: nothing ready, delayed or leased. A worker that dies cannot "
             "hang it:\n"
             "what it had comes back, and another one finishes it. With --json, what was done since the call, and what "
             "remains.\n",
    .example = "  joinq join paths --timeout 5m || joinq stat paths\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct join_settings),
    .run = join_run,
};
