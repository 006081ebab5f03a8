/* SPDX-License-Identifier: Apache-2.0 */
/* joinq export: every message of a queue as a line of JSON, whatever its state, without taking any. Of a page with a message that cannot
 * be read the broker gives nothing: such a one is found by asking for less and less, and left out. */
#include "commands.h"
#include "message_print.h"
#include <inttypes.h>

enum {
    EXPORT_PAGE = 250,
    EXPORT_NEAR = 10000, /* so many numbers behind one that cannot be read are tried one by one */
};

struct export
{
    struct cli *cli;
    const char *queue;
    uint64_t at;   /* the number to go on at */
    uint64_t size; /* of the next page */
    bool over, left_out;
};

/* Whether a page of one can be had from there; other than by JOINQ_OK and JOINQ_STORAGE nothing can. */
static int try_at(const struct export *export, uint64_t at)
{
    struct joinq_batch *batch;
    uint64_t next;
    int code = joinq_export(export->cli->client, export->queue, at, 1, &batch, &next);
    if (code == JOINQ_OK)
        joinq_batch_free(batch);
    return code;
}

/* Between one that fails and one that does not: what follows the last that fails. */
static int narrow(const struct export *export, uint64_t bad, uint64_t *good)
{
    int code = JOINQ_OK;
    while (*good - bad > 1 && (code == JOINQ_OK || code == JOINQ_STORAGE)) {
        uint64_t middle = bad + (*good - bad) / 2;
        code = try_at(export, middle);
        *(code == JOINQ_OK ? good : &bad) = middle;
    }
    return code == JOINQ_STORAGE ? JOINQ_OK : code;
}

/* The next message cannot be read. The broker does not say which it is, and numbers may be missing, so that the same one may fail under many
 * numbers: far behind the first only some are tried. */
static int leave_out(struct export *export)
{
    uint64_t first = export->at ? export->at : 1, bad = first, step = 1;
    int code = JOINQ_STORAGE;
    while (code == JOINQ_STORAGE && bad + step > bad) {
        code = try_at(export, bad + step);
        bad += code == JOINQ_STORAGE ? step : 0;
        step = code == JOINQ_STORAGE && bad - first >= EXPORT_NEAR ? step * 2 : step;
    }
    export->at = bad + step;
    if (code == JOINQ_OK)
        code = narrow(export, bad, &export->at);
    if (code != JOINQ_OK)
        return code;
    export->left_out = true;
    export->size = 1;
    if (export->at - first == 1)
        (void)cli_error(export->cli, CLI_FAILED, "message %" PRIu64 " cannot be read, and is left out", first);
    else
        (void)cli_error(export->cli, CLI_FAILED,
                        "messages %" PRIu64 " to %" PRIu64 ", as far as there are any, are left out: %s can be read",
                        first, export->at - 1, export->at - first > EXPORT_NEAR ? "none that was tried" : "none");
    return JOINQ_OK;
}

static int export_page(struct export *export)
{
    struct joinq_batch *batch;
    uint64_t next;
    int code = joinq_export(export->cli->client, export->queue, export->at, export->size, &batch, &next);
    if (code == JOINQ_STORAGE && export->size > 1) {
        export->size /= 2;
        return JOINQ_OK;
    }
    if (code == JOINQ_STORAGE)
        return leave_out(export);
    if (code != JOINQ_OK)
        return code;
    for (size_t i = 0; i < joinq_batch_count(batch); i++)
        message_print(export->cli, export->queue, batch, i, '\n');
    joinq_batch_free(batch);
    export->at = next;
    export->over = next == 0;
    export->size = export->size < EXPORT_PAGE / 2 ? export->size * 2 : EXPORT_PAGE;
    return JOINQ_OK;
}

static int export_run(struct cli *cli, const void *settings, const struct words *words)
{
    struct export export = {.cli = cli, .queue = words->at[0], .size = EXPORT_PAGE};
    (void)settings;
    cli->json = true;
    int code;
    do
        code = export_page(&export);
    while (code == JOINQ_OK && !export.over && printer_flush(&cli->out));
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    return export.left_out ? CLI_FAILED : CLI_DONE;
}

const struct command command_export = {
    .name = "export",
    .summary = "write out all messages of a queue",
    .usage = "QUEUE",
    .about =
        "A JSON object a line for each message, in the order in which they were put: ready, delayed and leased. "
        "Nothing is\n"
        "taken and nothing changes; what comes or goes meanwhile may be among them or not. Members: queue, id, "
        "deliveries,\n"
        "state, age_ms, delay_ms and ttl_ms where such a time runs, priority, of dead letters reason, source and "
        "more, and\n"
        "body, or base64 where the body is not UTF-8. `joinq import` reads it. What the broker's disk does not give\n"
        "back is left out, told on standard error, and makes the exit status 1.\n",
    .example = "  joinq export jobs > jobs.jsonl\n",
    .words_min = 1,
    .words_max = 1,
    .no_json = true,
    .run = export_run,
};
