/* SPDX-License-Identifier: Apache-2.0 */
/* joinq export: every message of a queue as a line of JSON, whatever its state, without taking any. */
#include "commands.h"
#include "message_print.h"

enum { EXPORT_PAGE = 250 };

static int export_run(struct cli *cli, const void *settings, const struct words *words)
{
    (void)settings;
    const char *queue = words->at[0];
    uint64_t at = 0;
    cli->json = true;
    do {
        struct joinq_batch *batch;
        int code = joinq_export(cli->client, queue, at, EXPORT_PAGE, &batch, &at);
        if (code != JOINQ_OK)
            return cli_fail(cli, code);
        for (size_t i = 0; i < joinq_batch_count(batch); i++)
            message_print(cli, queue, batch, i, '\n');
        joinq_batch_free(batch);
    } while (at != 0 && printer_flush(&cli->out));
    return CLI_DONE;
}

const struct command command_export = {
    .name = "export",
    .summary = "write out all messages of a queue",
    .usage = "QUEUE",
    .about = "A JSON object a line for each message, in the order in which they were put: ready, delayed and leased. "
             "Nothing is\n"
             "taken and nothing changes; what comes or goes meanwhile may be among them or not. Members: queue, id, "
             "deliveries,\n"
             "state, age_ms, delay_ms and ttl_ms where such a time runs, priority, of dead letters reason, source and "
             "more, and\n"
             "body, or base64 where the body is not UTF-8. `joinq import` reads it.\n",
    .example = "  joinq export jobs > jobs.jsonl\n",
    .words_min = 1,
    .words_max = 1,
    .no_json = true,
    .run = export_run,
};
