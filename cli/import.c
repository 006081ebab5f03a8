/* SPDX-License-Identifier: Apache-2.0 */
/* joinq import: the lines that export wrote become messages of a queue, in their order. */
#include "commands.h"
#include "import_line.h"
#include "json_line.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { IMPORT_BATCH = 250, IMPORT_BYTES = 1024 * 1024 };

struct import_settings {
    bool no_create;
};

static const struct option_spec options[] = {
    {.name = "no-create",
     .kind = OPTION_FLAG,
     .at = offsetof(struct import_settings, no_create),
     .help = "fail if the queue does not exist"},
    {0},
};

/* Lines that are put in one batch, because they have the same options. */
struct import {
    struct cli *cli;
    const char *queue;
    struct import_line lines[IMPORT_BATCH];
    size_t count, bytes;
    uint64_t line, accepted;
};

static int put(struct import *import)
{
    struct joinq_body bodies[IMPORT_BATCH];
    size_t accepted = 0;
    if (import->count == 0)
        return CLI_DONE;
    for (size_t i = 0; i < import->count; i++)
        bodies[i] = import->lines[i].body;
    int code =
        joinq_put_many(import->cli->client, import->queue, bodies, import->count, &import->lines[0].options, &accepted);
    for (size_t i = 0; i < import->count; i++)
        import_line_fini(&import->lines[i]);
    import->accepted += accepted;
    import->count = import->bytes = 0;
    if (code == JOINQ_OK)
        return CLI_DONE;
    return cli_error(import->cli, cli_status_of(code), "%s; %" PRIu64 " accepted", joinq_error(import->cli->client),
                     import->accepted);
}

static int take(struct import *import, const char *text, size_t size)
{
    char why[256];
    struct import_line line;
    int status = CLI_DONE;
    import->line++;
    const char *wrong = import_line_parse(text, size, &line, why, sizeof why);
    if (wrong != NULL) {
        status = put(import);
        return status != CLI_DONE ? status
                                  : cli_error(import->cli, CLI_FAILED, "line %" PRIu64 ": %s; %" PRIu64 " accepted",
                                              import->line, wrong, import->accepted);
    }
    bool fits = import->count < IMPORT_BATCH && import->bytes + line.body.size <= IMPORT_BYTES;
    if (import->count > 0 && !(fits && import_line_same(&import->lines[0], &line)))
        status = put(import);
    import->lines[import->count++] = line;
    import->bytes += line.body.size;
    return status;
}

static int import_all(struct import *import)
{
    char *text = NULL;
    size_t capacity = 0;
    ssize_t size;
    int status = CLI_DONE;
    while (status == CLI_DONE && (size = getline(&text, &capacity, stdin)) > 0)
        status = take(import, text, (size_t)size);
    free(text);
    if (status == CLI_DONE && ferror(stdin))
        status = cli_error(import->cli, CLI_FAILED, "standard input cannot be read");
    if (status == CLI_DONE)
        status = put(import);
    for (size_t i = 0; i < import->count; i++)
        import_line_fini(&import->lines[i]);
    return status;
}

static int import_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct import_settings *given = settings;
    struct import import = {.cli = cli, .queue = words->at[0]};
    int status = given->no_create ? cli_must_exist(cli, import.queue) : CLI_DONE;
    if (status == CLI_DONE)
        status = import_all(&import);
    if (status == CLI_DONE && cli->json)
        json_queue_number(&cli->out, import.queue, "accepted", import.accepted);
    return status;
}

const struct command command_import = {
    .name = "import",
    .summary = "put messages that export wrote",
    .usage = "[OPTION...] QUEUE",
    .about = "Reads a JSON object a line from standard input, and puts a message for each: body, or base64, with "
             "delay_ms, ttl_ms\n"
             "and priority where they are there; other members are passed over, so that what was leased is ready and "
             "delivery\n"
             "counts begin anew. Waits while the queue is full. Stops at a line that is no such object; what was "
             "accepted is\n"
             "always the first so many, and it says how many.\n",
    .example = "  joinq export jobs | joinq import jobs-copy\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct import_settings),
    .run = import_run,
};
