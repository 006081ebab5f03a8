/* SPDX-License-Identifier: Apache-2.0 */
/* joinq stat: all the numbers of one queue. */
#include "commands.h"
#include "stat_print.h"

static int stat_run(struct cli *cli, const void *settings, const struct words *words)
{
    (void)settings;
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
    .summary = "show all the numbers of one queue",
    .usage = "QUEUE",
    .about = "One number a line. At every moment put + moved_in + dead_in = done + ready + delayed + leased + dead + "
             "expired +\n"
             "discarded + moved_out in a queue with leases.\n",
    .example = "  joinq stat paths --json | jq .redelivered\n",
    .words_min = 1,
    .words_max = 1,
    .run = stat_run,
};
