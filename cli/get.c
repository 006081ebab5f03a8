/* SPDX-License-Identifier: Apache-2.0 */
/* joinq get: messages from a queue to standard output. A message is done only once its last byte was written; what could not be
 * written is given back. */
#include "caught.h"
#include "commands.h"
#include "message_print.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

enum {
    GET_BATCH = 250,    /* messages in one get */
    CANCELLED_MS = 2000 /* for a cancelled one to be answered */
};

struct get_settings {
    uint64_t count;
    int64_t timeout_ms;
    uint64_t mode;
    bool all, follow, nowait, nul, no_create;
};

static const char *const modes[] = {"lease", "auto", NULL};
#define AT(field) offsetof(struct get_settings, field)
static const struct option_spec options[] = {
    {.letter = 'n', .kind = OPTION_COUNT, .at = AT(count), .value = "N", .min = 1, .help = "so many messages (1)"},
    {.name = "all", .kind = OPTION_FLAG, .at = AT(all), .help = "all messages, until the queue has ended"},
    {.name = "follow",
     .kind = OPTION_FLAG,
     .at = AT(follow),
     .help = "like --all, and waits for ever: no --nowait, no --timeout"},
    {.name = "nowait", .kind = OPTION_FLAG, .at = AT(nowait), .help = "if nothing is ready, stop: exit status 3"},
    {.name = "timeout",
     .kind = OPTION_TIME,
     .at = AT(timeout_ms),
     .value = "T",
     .initial = JOINQ_FOREVER,
     .help = "if nothing comes in T, stop: exit status 3"},
    {.name = "mode",
     .kind = OPTION_CHOICE,
     .at = AT(mode),
     .value = "lease|auto",
     .choices = modes,
     .help = "finished once written out, or already on receipt"},
    {.letter = '0', .kind = OPTION_FLAG, .at = AT(nul), .help = "a NUL behind each body, not a newline"},
    {.name = "no-create", .kind = OPTION_FLAG, .at = AT(no_create), .help = "fail if the queue does not exist"},
    {0},
};

struct get {
    struct cli *cli;
    const struct get_settings *given;
    char **queues; /* the first, and the others behind it */
    size_t queue_count;
    bool receipts[1 + JOINQ_GET_OTHERS_MAX]; /* of each queue: messages are finished when they come */
    uint64_t count;                          /* messages written out */
    uint64_t lost;                           /* of these, leases that had been taken back before */
};

static bool is_endless(const struct get *get)
{
    return get->given->all || get->given->follow;
}

static uint64_t wanted(const struct get *get)
{
    return get->given->count > 0 ? get->given->count : 1;
}

/* One at first, and wherever a message is finished on receipt: what is not written is lost then. */
static size_t batch_size(const struct get *get)
{
    if (get->count == 0)
        return 1;
    for (size_t i = 0; i < get->queue_count; i++) {
        if (get->receipts[i])
            return 1;
    }
    uint64_t left = is_endless(get) ? GET_BATCH : wanted(get) - get->count;
    return left < GET_BATCH ? (size_t)left : GET_BATCH;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------- */

/* The outcome of a get or a done; a signal cancels it, and then it is what it is. JOINQ_OK, or why there is none. */
static int wait_for(struct get *get, joinq_ticket ticket, struct joinq_outcome *outcome)
{
    joinq *client = get->cli->client;
    bool cancelled = false, hit;
    int64_t until_ms = 0;
    for (;;) {
        int code = joinq_wait(client, ticket, 0, outcome);
        if (code != JOINQ_EMPTY && code != JOINQ_TIMEOUT)
            return code;
        if (cancelled && cli_now_ms() >= until_ms)
            return JOINQ_CANCELLED; /* what it was given, or the disk does not confirm, goes back with the connection */
        struct pollfd wanted_fds[2] = {{.fd = joinq_fd(client), .events = POLLIN},
                                       {.fd = cancelled ? -1 : caught_fd(), .events = POLLIN}};
        int64_t patience_ms = joinq_patience_ms(client);
        if (cancelled && (patience_ms == JOINQ_FOREVER || patience_ms > CANCELLED_MS))
            patience_ms = CANCELLED_MS;
        poll(wanted_fds, 2, (int)patience_ms);
        if (caught_stop() != 0 && !cancelled) {
            cancelled = true;
            until_ms = cli_now_ms() + CANCELLED_MS;
            code = joinq_cancel(client, ticket, &hit);
            if (code != JOINQ_OK)
                return code;
        }
    }
}

/* ---- what came -------------------------------------------------------------------------------------------------------- */

/* Writes a batch out; returns how many of its messages went out whole. */
static size_t write_batch(struct get *get, const struct joinq_batch *batch)
{
    struct printer *out = &get->cli->out;
    uint64_t ends[GET_BATCH];
    size_t count = joinq_batch_count(batch), whole = 0;
    for (size_t i = 0; i < count; i++) {
        message_print(get->cli, get->queues[joinq_batch_place(batch)], batch, i, get->given->nul ? '\0' : '\n');
        ends[i] = printer_position(out);
    }
    printer_flush(out);
    while (whole < count && ends[whole] <= out->sent)
        whole++;
    return whole;
}

static int finish(struct get *get, struct joinq_batch *batch, size_t count)
{
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    joinq_ticket ticket;
    int code = joinq_submit_done(get->cli->client, batch, 0, count, &ticket);
    if (code == JOINQ_OK)
        code = wait_for(get, ticket, &outcome);
    if (code != JOINQ_OK)
        return code;
    get->lost += outcome.lost;
    return outcome.code == JOINQ_LEASE_LOST ? JOINQ_OK : outcome.code;
}

/* INVALID says that there is no lease: a counter queue. */
static int finish_batch(struct get *get, struct joinq_batch *batch, size_t whole)
{
    size_t left = joinq_batch_count(batch) - whole;
    bool *receipts = &get->receipts[joinq_batch_place(batch)];
    int code = JOINQ_OK;
    get->count += whole;
    if (*receipts)
        return JOINQ_OK;
    if (whole > 0)
        code = finish(get, batch, whole);
    if (code == JOINQ_INVALID) {
        *receipts = true;
        return JOINQ_OK;
    }
    if (left > 0 && code == JOINQ_OK)
        code = joinq_release(get->cli->client, batch, whole, left);
    return code == JOINQ_LEASE_LOST ? JOINQ_OK : code;
}

/* With a signal that came meanwhile nothing more is written, unless it is finished already. */
static int take_batch(struct get *get, struct joinq_batch *batch)
{
    get->cli->out.stubborn = get->receipts[joinq_batch_place(batch)];
    size_t whole = write_batch(get, batch);
    int code = finish_batch(get, batch, whole);
    joinq_batch_free(batch);
    return code;
}

/* ---- asking ----------------------------------------------------------------------------------------------------------- */

/* One get, and what it brought written out. JOINQ_OK: go on. */
static int get_some(struct get *get)
{
    struct joinq_get_options ask = JOINQ_GET_OPTIONS_INIT;
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    joinq_ticket ticket;
    ask.timeout_ms = get->given->nowait ? 0 : get->given->timeout_ms;
    ask.max = batch_size(get);
    ask.auto_done = get->given->mode == 1;
    ask.others = (const char *const *)get->queues + 1;
    ask.other_count = get->queue_count - 1;
    int code = joinq_submit_get(get->cli->client, get->queues[0], &ask, &ticket);
    if (code == JOINQ_OK)
        code = wait_for(get, ticket, &outcome);
    if (code == JOINQ_OK)
        code = outcome.code;
    return code == JOINQ_OK ? take_batch(get, outcome.batch) : code;
}

static int result(const struct get *get, int code)
{
    const struct cli *cli = get->cli;
    if (cli->out.error != 0 && cli->out.error != EINTR)
        return CLI_FAILED; /* said when the output is closed */
    if (code == JOINQ_END && is_endless(get))
        return CLI_DONE;
    if (code == JOINQ_END)
        return cli_error(cli, CLI_ENDED, "queue '%s'%s ended; %" PRIu64 " of %" PRIu64 " messages came", get->queues[0],
                         get->queue_count > 1 ? " and the others have" : " has", get->count, wanted(get));
    if ((code == JOINQ_EMPTY || code == JOINQ_TIMEOUT) && get->count > 0)
        return cli_error(cli, CLI_WOULD_WAIT, "%s; %" PRIu64 " came", joinq_error(cli->client), get->count);
    return code == JOINQ_OK ? CLI_DONE : cli_fail(cli, code);
}

static int get_all(struct get *get)
{
    int code = JOINQ_OK;
    while (code == JOINQ_OK && get->cli->out.error == 0 && (is_endless(get) || get->count < wanted(get))) {
        if (caught_stop() != 0)
            return CLI_STOPPED;
        code = get_some(get);
    }
    if (code == JOINQ_CANCELLED || get->cli->out.error == EINTR)
        return CLI_STOPPED;
    return result(get, code);
}

/* ---- the command ------------------------------------------------------------------------------------------------------ */

static int get_check(const struct cli *cli, const void *settings, const struct words *words)
{
    const struct get_settings *given = settings;
    (void)words;
    if ((given->count > 0) + given->all + given->follow > 1)
        return arguments_error(cli, "-n, --all and --follow exclude each other");
    if (given->nul && cli->json)
        return arguments_error(cli, "-0 and --json exclude each other");
    if (given->nowait && given->timeout_ms != JOINQ_FOREVER)
        return arguments_error(cli, "--nowait and --timeout exclude each other");
    if (given->follow && (given->nowait || given->timeout_ms != JOINQ_FOREVER))
        return arguments_error(cli, "--follow waits for ever; use --all");
    return ARGUMENTS_OK;
}

static int get_run(struct cli *cli, const void *settings, const struct words *words)
{
    struct get get = {.cli = cli, .given = settings, .queues = words->at, .queue_count = words->count};
    int status = CLI_DONE;
    for (size_t i = 0; i < get.queue_count && status == CLI_DONE; i++) {
        get.receipts[i] = get.given->mode == 1;
        status = get.given->no_create ? cli_must_exist(cli, get.queues[i]) : CLI_DONE;
    }
    if (status != CLI_DONE)
        return status;
    if (!caught_start_stops())
        return cli_error(cli, CLI_FAILED, "cannot catch signals");
    status = get_all(&get);
    if (get.lost == 0)
        return status;
    return cli_error(cli, status == CLI_DONE ? CLI_FAILED : status,
                     "%" PRIu64 " of these messages had been taken back before they were written, and come again",
                     get.lost);
}

const struct command command_get = {
    .name = "get",
    .summary = "take messages from a queue, or several",
    .usage = "[OPTION...] QUEUE...",
    .about =
        "Writes the body of each message on a line, and finishes the message once it is written: what a broken "
        "pipe or a\n"
        "signal kept from being written goes back. Waits while nothing is ready. Exit status 4 if the queue ended "
        "before -n\n"
        "messages had come; with --all and --follow the end is success. With --json an object for each message: "
        "queue, id,\n"
        "deliveries (how often it came back), of dead letters reason, source and more, and body, or base64 where the "
        "body is not\n"
        "UTF-8. From several queues it takes what is ready, in turn, until all have ended. A queue is created with "
        "defaults if it\n"
        "does not exist.\n",
    .example = "  joinq get sums --all | sort -u > result\n",
    .options = options,
    .words_min = 1,
    .words_max = 1 + JOINQ_GET_OTHERS_MAX,
    .settings_size = sizeof(struct get_settings),
    .check = get_check,
    .run = get_run,
};
