/* SPDX-License-Identifier: Apache-2.0 */
/* joinq declare: a queue with its bounds and limits. It knows the options and leaves what they mean to the broker. */
#include "commands.h"
#include "json_line.h"
#include <string.h>

struct declare_settings {
    uint64_t max_messages, max_bytes, bound, accounting, producers, if_exists;
    int64_t lease_ms;
};

static const char *const bounds[] = {"queued", "outstanding", NULL};
static const char *const accountings[] = {"lease", "counter", NULL};
static const char *const if_exists[] = {"same", "ok", NULL};
#define AT(field) offsetof(struct declare_settings, field)
static const struct option_spec options[] = {
    {.name = "max",
     .kind = OPTION_COUNT,
     .at = AT(max_messages),
     .value = "N",
     .help = "so many messages at most; a put waits for room (0: no bound)"},
    {.name = "max-bytes",
     .kind = OPTION_SIZE,
     .at = AT(max_bytes),
     .value = "N",
     .help = "so many bytes of bodies at most (0: no bound)"},
    {.name = "bound",
     .kind = OPTION_CHOICE,
     .at = AT(bound),
     .value = "queued|outstanding",
     .choices = bounds,
     .help = "what the bounds count: what is queued, or also what is leased"},
    {.name = "accounting",
     .kind = OPTION_CHOICE,
     .at = AT(accounting),
     .value = "lease|counter",
     .choices = accountings,
     .help = "how messages are finished: each by its consumer, or by a count as in Python"},
    {.name = "lease",
     .kind = OPTION_TIME,
     .at = AT(lease_ms),
     .value = "T",
     .help = "a message not finished in T is taken back (0: only when its consumer is gone)"},
    {.name = "producers",
     .kind = OPTION_COUNT,
     .at = AT(producers),
     .value = "N",
     .help = "the queue closes itself when N producers have finished"},
    {.name = "if-exists",
     .kind = OPTION_CHOICE,
     .at = AT(if_exists),
     .value = "same|ok",
     .choices = if_exists,
     .help = "with ok, a queue that exists is left as it is, whatever its options"},
    {0},
};
static const char *const later[] = {"order", "durable",          "sync",     "max-deliveries", "dead-letter",
                                    "ttl",   "on-producer-lost", "lifetime", "producer-grace", "idle-delete",
                                    NULL};

static int declare_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct declare_settings *given = settings;
    struct joinq_queue_options wanted = JOINQ_QUEUE_OPTIONS_INIT;
    wanted.max_messages = given->max_messages;
    wanted.max_bytes = given->max_bytes;
    wanted.bound = (enum joinq_bound)given->bound;
    wanted.accounting = (enum joinq_accounting)given->accounting;
    wanted.lease_ms = (uint64_t)given->lease_ms;
    wanted.producers = given->producers;
    wanted.existing_ok = given->if_exists == 1;
    int code = joinq_declare(cli->client, words->at[0], &wanted);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json) {
        struct json_line line = json_begin(&cli->out);
        json_text(&line, "queue", words->at[0]);
        json_end(&line);
    }
    return CLI_DONE;
}

const struct command command_declare = {
    .name = "declare",
    .summary = "create a queue",
    .usage = "[OPTION...] QUEUE",
    .about = "Creates QUEUE, or does nothing if it was declared with the same options. A queue that `put` or `get` "
             "created by\n"
             "itself takes the options of its first declare.\n",
    .example = "  joinq declare paths --max 100 --producers 2\n",
    .options = options,
    .later = later,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct declare_settings),
    .run = declare_run,
};
