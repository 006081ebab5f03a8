/* SPDX-License-Identifier: Apache-2.0 */
/* joinq alter: changes the options of a queue that are given, and no others. */
#include "commands.h"
#include "json_line.h"
#include "queue_options.h"

/* Bits of what was given. */
static unsigned given_of(const struct queue_settings *given)
{
    const struct {
        bool is;
        unsigned bit;
    } options[] = {
        {given->max_messages != (uint64_t)QUEUE_UNSET, JOINQ_GIVEN_MAX_MESSAGES},
        {given->max_bytes != (uint64_t)QUEUE_UNSET, JOINQ_GIVEN_MAX_BYTES},
        {given->bound != (uint64_t)QUEUE_UNSET, JOINQ_GIVEN_BOUND},
        {given->lease_ms != QUEUE_UNSET, JOINQ_GIVEN_LEASE_MS},
        {given->max_deliveries != (uint64_t)QUEUE_UNSET, JOINQ_GIVEN_MAX_DELIVERIES},
        {given->dead_letter != NULL, JOINQ_GIVEN_DEAD_LETTER},
        {given->ttl_ms != QUEUE_UNSET, JOINQ_GIVEN_TTL_MS},
        {given->producers != NULL, JOINQ_GIVEN_PRODUCERS},
        {given->on_producer_lost != (uint64_t)QUEUE_UNSET, JOINQ_GIVEN_ON_PRODUCER_LOST},
        {given->producer_grace_ms != QUEUE_UNSET, JOINQ_GIVEN_PRODUCER_GRACE_MS},
        {given->lifetime != (uint64_t)QUEUE_UNSET, JOINQ_GIVEN_LIFETIME},
        {given->sync_ms != QUEUE_UNSET, JOINQ_GIVEN_SYNC_MS},
        {given->idle_delete_ms != QUEUE_UNSET, JOINQ_GIVEN_IDLE_DELETE_MS},
    };
    unsigned bits = 0;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        bits |= options[i].is ? options[i].bit : 0;
    return bits;
}

/* What was not given is not sent either. */
static struct queue_settings settings_sent(const struct queue_settings *given)
{
    struct queue_settings sent = *given;
    uint64_t *numbers[] = {&sent.max_messages,   &sent.max_bytes,        &sent.bound,
                           &sent.max_deliveries, &sent.on_producer_lost, &sent.lifetime};
    int64_t *times[] = {&sent.lease_ms, &sent.ttl_ms, &sent.producer_grace_ms, &sent.idle_delete_ms, &sent.sync_ms};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = *numbers[i] == (uint64_t)QUEUE_UNSET ? 0 : *numbers[i];
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        *times[i] = *times[i] == QUEUE_UNSET ? 0 : *times[i];
    return sent;
}

static int alter_run(struct cli *cli, const void *settings, const struct words *words)
{
    const struct queue_settings sent = settings_sent(settings);
    unsigned given = given_of(settings);
    struct joinq_queue_options wanted;
    int status = queue_options_take(cli, &sent, &wanted);
    if (status != ARGUMENTS_OK)
        return status;
    if (given == 0)
        return arguments_error(cli, "nothing to change");
    int code = joinq_alter(cli->client, words->at[0], given, &wanted);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json) {
        struct json_line line = json_begin(&cli->out);
        json_text(&line, "queue", words->at[0]);
        json_end(&line);
    }
    return CLI_DONE;
}

const struct command command_alter = {
    .name = "alter",
    .summary = "change options of a queue",
    .usage = "[OPTION...] QUEUE",
    .about =
        "Changes those options of QUEUE that are given. A bound may shrink below what is there: nothing is dropped, "
        "puts wait.\n"
        "Order, accounting and durability stay what they were declared as.\n",
    .example = "  joinq alter paths --max 1000 --lease 30s\n",
    .options = queue_options_alter,
    .words_min = 1,
    .words_max = 1,
    .settings_size = sizeof(struct queue_settings),
    .run = alter_run,
};
