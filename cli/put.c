/* SPDX-License-Identifier: Apache-2.0 */
/* joinq put: messages from arguments, files or standard input into a queue; as a named producer if told. The work is
 * put_stream's; this is the command line, and what comes before the first message and after the last. */
#include "caught.h"
#include "commands.h"
#include "json_line.h"
#include "put_stream.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct put_settings {
    bool nul, file, nowait, finish, close, no_create;
    int64_t timeout_ms, delay_ms, ttl_ms;
    const char *producer, *priority;
};

#define AT(field) offsetof(struct put_settings, field)
static const struct option_spec options[] = {
    {.letter = '0',
     .kind = OPTION_FLAG,
     .at = AT(nul),
     .help = "a NUL ends each message on standard input, not a newline"},
    {.name = "file",
     .kind = OPTION_FLAG,
     .at = AT(file),
     .help = "each BODY names a file, all of which is one message (-: standard input)"},
    {.name = "nowait", .kind = OPTION_FLAG, .at = AT(nowait), .help = "if the queue is full, stop: exit status 3"},
    {.name = "timeout",
     .kind = OPTION_TIME,
     .at = AT(timeout_ms),
     .value = "T",
     .initial = JOINQ_FOREVER,
     .help = "if no room comes in T, stop: exit status 3"},
    {.name = "delay",
     .kind = OPTION_TIME,
     .at = AT(delay_ms),
     .value = "T",
     .help = "the messages become ready T after they were accepted"},
    {.name = "ttl",
     .kind = OPTION_TIME,
     .at = AT(ttl_ms),
     .value = "T",
     .help = "the messages expire T after they were accepted (0: as the queue says)"},
    {.name = "priority",
     .kind = OPTION_TEXT,
     .at = AT(priority),
     .value = "N",
     .help = "where the order is priority: a number, the lowest goes first"},
    {.name = "producer", .kind = OPTION_TEXT, .at = AT(producer), .value = "NAME", .help = "put as this producer"},
    {.name = "finish", .kind = OPTION_FLAG, .at = AT(finish), .help = "the producer has finished once all is accepted"},
    {.name = "close", .kind = OPTION_FLAG, .at = AT(close), .help = "close the queue once all is accepted"},
    {.name = "no-create", .kind = OPTION_FLAG, .at = AT(no_create), .help = "fail if the queue does not exist"},
    {0},
};
static bool priority_read(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != ' ' && text[0] != '+';
}

static int put_check(const struct cli *cli, const void *settings, const struct words *words)
{
    const struct put_settings *given = settings;
    int64_t priority;
    if (given->priority != NULL && !priority_read(given->priority, &priority))
        return arguments_error(cli, "--priority: '%s' is not a whole number of 63 bits", given->priority);
    if (given->nowait && given->timeout_ms != JOINQ_FOREVER)
        return arguments_error(cli, "--nowait and --timeout exclude each other");
    if (given->finish && given->producer == NULL)
        return arguments_error(cli, "--finish needs --producer NAME");
    if (given->file && words->count == 1)
        return arguments_error(cli, "--file needs the name of a file");
    if (given->nul && words->count > 1)
        return arguments_error(cli, "-0 is for messages on standard input");
    return ARGUMENTS_OK;
}

/* A queue that is named before anything is put into it. */
static int create(struct cli *cli, const char *queue)
{
    struct joinq_stats *stats;
    int code = joinq_stat(cli->client, queue, &stats);
    if (code == JOINQ_OK)
        joinq_stats_free(stats);
    else if (code == JOINQ_NO_QUEUE)
        code = joinq_declare(cli->client, queue, NULL);
    return code == JOINQ_OK ? CLI_DONE : cli_fail(cli, code);
}

static int attach(struct cli *cli, const char *queue, const char *producer)
{
    struct joinq_attached attached = JOINQ_ATTACHED_INIT;
    int code = joinq_attach(cli->client, queue, producer, 0, &attached);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (attached.finished)
        return cli_error(cli, CLI_ENDED, "queue '%s': producer '%s' has finished already", queue, producer);
    return CLI_DONE;
}

static int before(struct cli *cli, const struct put_settings *given, const char *queue)
{
    int status = CLI_DONE;
    if (given->no_create)
        status = cli_must_exist(cli, queue);
    else if (given->producer != NULL || given->close)
        status = create(cli, queue);
    if (status == CLI_DONE && given->producer != NULL)
        status = attach(cli, queue, given->producer);
    return status;
}

static int after(struct cli *cli, const struct put_settings *given, const char *queue)
{
    int code = JOINQ_OK;
    if (!caught_let_go())
        return CLI_STOPPED;
    if (given->finish)
        code = joinq_finish(cli->client, queue, given->producer);
    if (code == JOINQ_OK && given->close)
        code = joinq_close(cli->client, queue, false, true, NULL);
    return code == JOINQ_OK ? CLI_DONE : cli_fail(cli, code);
}

/* Bytes to come on standard input where that is a regular file; 0: not known. */
static uint64_t input_bytes(void)
{
    struct stat found;
    off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
    if (at < 0 || fstat(STDIN_FILENO, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size <= at)
        return 0;
    return (uint64_t)(found.st_size - at);
}

static enum put_source_kind source_kind(const struct put_settings *given, const struct words *words)
{
    if (given->file)
        return PUT_SOURCE_FILES;
    return words->count > 1 ? PUT_SOURCE_WORDS : PUT_SOURCE_INPUT;
}

static int put_all(struct cli *cli, const struct put_settings *given, const struct words *words)
{
    struct put_stream stream = {.cli = cli};
    enum put_source_kind kind = source_kind(given, words);
    stream.queue = words->at[0];
    stream.timeout_ms = given->nowait ? 0 : given->timeout_ms;
    stream.delay_ms = given->delay_ms;
    stream.ttl_ms = given->ttl_ms;
    stream.has_priority = given->priority != NULL && priority_read(given->priority, &stream.priority);
    stream.input_bytes = kind == PUT_SOURCE_INPUT ? input_bytes() : 0;
    progress_init(&stream.progress, stream.input_bytes > 0);
    put_source_init(&stream.source, kind, words->at + 1, given->nul ? '\0' : '\n');
    int status = put_stream_run(&stream);
    put_source_fini(&stream.source);
    if (cli->json)
        json_queue_number(&cli->out, stream.queue, "accepted", stream.accepted);
    return status;
}

static int put_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct put_settings *given = settings;
    int status = before(cli, given, words->at[0]);
    if (status != CLI_DONE)
        return status;
    if (!caught_start_stops())
        return cli_error(cli, CLI_FAILED, "cannot catch signals");
    status = put_all(cli, given, words);
    return status == CLI_DONE ? after(cli, given, words->at[0]) : status;
}

const struct command command_put = {
    .name = "put",
    .summary = "put messages into a queue",
    .usage = "[OPTION...] QUEUE [BODY...]",
    .about = "Each BODY is a message; without any, each line of standard input is one (without its newline). Waits "
             "while the\n"
             "queue is full. Exits 0 when the broker has all of it. Where it stops before (queue full or closed, a "
             "signal), what was\n"
             "accepted is always the first so many, and it says how many. A producer finishes only with everything "
             "accepted.\n"
             "The queue is created with defaults if it does not exist; with --producer or --close that is its "
             "declaration.\n",
    .example = "  find /usr/share/doc -type f | joinq put paths --producer a --finish\n",
    .options = options,
    .words_min = 1,
    .words_max = UINT32_MAX,
    .bodies = true,
    .settings_size = sizeof(struct put_settings),
    .check = put_check,
    .run = put_run,
};
