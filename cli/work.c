/* SPDX-License-Identifier: Apache-2.0 */
/* joinq work: a program for each message of a queue. The work is work_loop's; this is the command line. */
#include "caught.h"
#include "commands.h"
#include "work_loop.h"
#include <signal.h>

struct work_settings {
    uint64_t jobs, retries;
    int64_t backoff_ms;
    const char *to;
    bool no_create;
};

#define AT(field) offsetof(struct work_settings, field)
static const struct option_spec options[] = {
    {.letter = 'j',
     .kind = OPTION_COUNT,
     .at = AT(jobs),
     .value = "N",
     .min = 1,
     .max = WORK_JOBS_MAX,
     .initial = 1,
     .help = "so many at a time (1)"},
    {.name = "retries",
     .kind = OPTION_COUNT,
     .at = AT(retries),
     .value = "N",
     .max = UINT32_MAX,
     .initial = 3,
     .help = "run CMD again for a message that failed, so often at most (3)"},
    {.name = "backoff",
     .kind = OPTION_TIME,
     .at = AT(backoff_ms),
     .value = "T",
     .initial = 1000,
     .help = "wait T before the first retry, twice that before the second, and so on (1s)"},
    {.name = "to",
     .kind = OPTION_TEXT,
     .at = AT(to),
     .value = "QUEUE",
     .help = "put each line that CMD prints into this queue, in the same step as the done"},
    {.name = "no-create", .kind = OPTION_FLAG, .at = AT(no_create), .help = "fail if the queue does not exist"},
    {0},
};

/* A counter queue finishes its messages when it hands them out: there is nothing to retry or to give back. */
static int check_queue(struct cli *cli, const struct work_settings *given, const char *queue)
{
    struct joinq_stats *stats;
    int code = joinq_stat(cli->client, queue, &stats);
    if (code == JOINQ_NO_QUEUE && !given->no_create)
        return CLI_DONE;
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    bool counter = joinq_stats_at(stats, 0)->accounting == JOINQ_ACCOUNTING_COUNTER;
    joinq_stats_free(stats);
    return counter ? cli_error(cli, CLI_FAILED, "queue '%s' is a counter queue: work needs leases", queue) : CLI_DONE;
}

static int results_exist(struct cli *cli, const struct work_settings *given)
{
    struct joinq_queue_options any = JOINQ_QUEUE_OPTIONS_INIT;
    if (given->no_create)
        return cli_must_exist(cli, given->to);
    any.existing_ok = true;
    int code = joinq_declare(cli->client, given->to, &any);
    return code == JOINQ_OK ? CLI_DONE : cli_fail(cli, code);
}

static int work_run(struct cli *cli, const void *settings, const struct words *words)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    const struct work_settings *given = settings;
    struct work work = {.cli = cli, .queue = words->at[0], .program = words->program};
    int status = check_queue(cli, given, work.queue);
    if (status == CLI_DONE && given->to != NULL)
        status = results_exist(cli, given);
    if (status != CLI_DONE)
        return status;
    work.to = given->to;
    if (!caught_start(signals, sizeof signals / sizeof signals[0], WORK_STOPS_MAX))
        return cli_error(cli, CLI_FAILED, "cannot catch signals");
    work.job_count = (size_t)given->jobs;
    work.retries = given->retries;
    work.backoff_ms = given->backoff_ms;
    progress_init(&work.progress, true);
    return work_loop_run(&work);
}

const struct command command_work = {
    .name = "work",
    .summary = "run a program for each message of a queue",
    .usage = "[OPTION...] QUEUE -- CMD [ARG...]",
    .about =
        "Runs CMD for each message: the body is its standard input, and stands in place of each {} in an ARG. The\n"
        "message is done if CMD exits 0. If not, CMD runs again for it, here or at another worker, after the\n"
        "backoff. A message that is out of retries is dead: it goes where the dead letters of the queue go, and\n"
        "work goes on; where they go nowhere it is given back, and work stops. The exit status is 1 in both cases.\n"
        "A worker that dies loses nothing: its messages go to another one at once. With --to the results are put\n"
        "and the message is done in one step: whatever breaks, each is put exactly once. Leases with a limit of\n"
        "time are renewed while CMD runs. Exits 0 when the queue has ended.\n"
        "SIGINT and SIGTERM: takes no more, lets finish what runs, and gives back what fails; the second one ends\n"
        "what runs, the third kills it, and the fourth ends joinq, whatever it waits for.\n",
    .example = "  joinq work paths -j 4 --to sums -- sha256sum {}\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .takes_program = true,
    .no_json = true,
    .settings_size = sizeof(struct work_settings),
    .run = work_run,
};
