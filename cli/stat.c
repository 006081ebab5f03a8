/* SPDX-License-Identifier: Apache-2.0 */
/* joinq stat: all the numbers of one queue, or of the broker. */
#include "commands.h"
#include "stat_print.h"

static int broker_stat_run(struct cli *cli)
{
    struct joinq_broker_stat *stat;
    int code = joinq_broker_stat(cli->client, &stat);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        stat_print_broker_json(&cli->out, stat);
    else
        stat_print_broker(&cli->out, stat);
    joinq_broker_stat_free(stat);
    return CLI_DONE;
}

static int stat_run(struct cli *cli, const void *settings, const struct words *words)
{
    (void)settings;
    if (words->count == 0)
        return broker_stat_run(cli);
    struct joinq_stats *stats;
    int code = joinq_stat(cli->client, words->at[0], &stats);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json)
        stat_print_json(&cli->out, joinq_stats_at(stats, 0));
    else
        stat_print_lines(&cli->out, joinq_stats_at(stats, 0));
    joinq_stats_free(stats);
    return CLI_DONE;
}

const struct command command_stat = {
    .name = "stat",
    .summary = "show all the numbers of one queue, or of the broker",
    .usage = "[QUEUE]",
    .about = "One number a line. Without QUEUE, those of the broker itself: its connections, its memory and its disk.\n"
             "At every moment put + moved_in + dead_in = done + ready + delayed + leased + dead + expired +\n"
             "discarded + moved_out in a queue with leases.\n",
    .example = "  joinq stat paths --json | jq .redelivered\n  joinq stat | grep journal_\n",
    .words_max = 1,
    .run = stat_run,
};
