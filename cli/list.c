/* SPDX-License-Identifier: Apache-2.0 */
/* joinq list: every queue, one line each. */
#include "commands.h"
#include "stat_print.h"
#include <inttypes.h>
#include <string.h>

static int name_width(const struct joinq_stats *stats)
{
    size_t widest = strlen("QUEUE");
    for (size_t i = 0; i < joinq_stats_count(stats); i++) {
        size_t size = strlen(joinq_stats_at(stats, i)->name);
        if (size > widest)
            widest = size;
    }
    return (int)widest;
}

static void print_table(struct printer *out, const struct joinq_stats *stats)
{
    int width = name_width(stats);
    if (joinq_stats_count(stats) > 0)
        printer_format(out, "%-*s %10s %10s %10s  %s\n", width, "QUEUE", "READY", "DELAYED", "LEASED", "STATE");
    for (size_t i = 0; i < joinq_stats_count(stats); i++) {
        const struct joinq_stat *stat = joinq_stats_at(stats, i);
        char state[96];
        printer_format(out, "%-*s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "  %s\n", width, stat->name, stat->ready,
                       stat->delayed, stat->leased, stat_state(stat, state, sizeof state));
    }
}

static int list_run(struct cli *cli, const void *settings, const struct words *words)
{
    (void)settings, (void)words;
    struct joinq_stats *stats;
    int code = joinq_list(cli->client, &stats);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    if (cli->json) {
        for (size_t i = 0; i < joinq_stats_count(stats); i++)
            stat_print_json(&cli->out, joinq_stats_at(stats, i));
    } else {
        print_table(&cli->out, stats);
    }
    joinq_stats_free(stats);
    return CLI_DONE;
}

const struct command command_list = {
    .name = "list",
    .summary = "show every queue, one line each",
    .usage = "",
    .about = "In order of their creation. With --json, the same object for each as `joinq stat --json`.\n",
    .example = "  joinq list\n",
    .run = list_run,
};
