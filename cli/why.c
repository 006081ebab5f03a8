/* SPDX-License-Identifier: Apache-2.0 */
/* joinq why: who and what the waiting requests of a queue wait for. */
#include "commands.h"
#include "json_line.h"
#include <string.h>

static void print_json(struct cli *cli, const char *queue, char *lines)
{
    char *rest = NULL;
    for (char *text = strtok_r(lines, "\n", &rest); text != NULL; text = strtok_r(NULL, "\n", &rest)) {
        struct json_line line = json_begin(&cli->out);
        json_text(&line, "queue", queue);
        json_text(&line, "why", text);
        json_end(&line);
    }
}

static int why_run(struct cli *cli, const void *settings, const struct words *words)
{
    (void)settings;
    char *lines;
    int code = joinq_why(cli->client, words->at[0], &lines);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        print_json(cli, words->at[0], lines);
    else
        printer_format(&cli->out, "%s\n", lines);
    joinq_lines_free(lines);
    return CLI_DONE;
}

const struct command command_why = {
    .name = "why",
    .summary = "say what waiting joins, puts and gets wait for",
    .usage = "QUEUE",
    .about = "One sentence a line: who holds what a join waits for, why a put has no room, what a get still hopes for; "
             "full\n"
             "queues whose consumers wait for one another are named as a cycle.\n",
    .example = "  joinq why paths\n",
    .words_min = 1,
    .words_max = 1,
    .run = why_run,
};
