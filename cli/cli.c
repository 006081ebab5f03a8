/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands of the tool share: the connection, exit statuses, and how a failure is told in one line.
 * It knows joinq.h and nothing below it. */
#include "cli.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

__attribute__((format(printf, 2, 0))) static void say(const struct cli *cli, const char *format, va_list list)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, list);
    for (char *c = text; *c; c++) /* some of it may be a broker's words, and this goes to a terminal */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    if (cli->command != NULL)
        fprintf(stderr, "joinq: %s: %s\n", cli->command, text);
    else
        fprintf(stderr, "joinq: %s\n", text);
}

int cli_error(const struct cli *cli, int status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(cli, format, list);
    va_end(list);
    return status;
}

int cli_status_of(int code)
{
    switch (code) {
    case JOINQ_OK:
        return CLI_DONE;
    case JOINQ_EMPTY:
    case JOINQ_FULL:
    case JOINQ_TIMEOUT:
        return CLI_WOULD_WAIT;
    case JOINQ_CLOSED:
    case JOINQ_END:
        return CLI_ENDED;
    case JOINQ_DENIED:
    case JOINQ_AUTH_FAILED:
        return CLI_REFUSED;
    default:
        return CLI_FAILED;
    }
}

int cli_fail(const struct cli *cli, int code)
{
    const char *text = joinq_error(cli->client);
    return cli_error(cli, cli_status_of(code), "%s", text[0] != '\0' ? text : joinq_code_text(code));
}

int cli_connect(struct cli *cli)
{
    struct joinq_options options = JOINQ_OPTIONS_INIT;
    char name[64];
    char error[512] = "";
    snprintf(name, sizeof name, "joinq %s", cli->command);
    options.name = name;
    options.reconnect_ms = cli->reconnect_ms;
    int code = joinq_connect_error(&cli->client, cli->url, &options, error, sizeof error);
    if (code == JOINQ_OK)
        return CLI_DONE;
    if (error[0] == '\0')
        snprintf(error, sizeof error, "%s", joinq_code_text(code));
    if (code == JOINQ_INVALID)
        return cli_error(cli, CLI_USAGE, "%s", error);
    if (code == JOINQ_DENIED || code == JOINQ_AUTH_FAILED)
        return cli_error(cli, CLI_REFUSED, "%s", error);
    return cli_error(cli, CLI_NO_CONNECTION, "%s", error);
}

int cli_must_exist(struct cli *cli, const char *queue)
{
    struct joinq_stats *stats;
    int code = joinq_stat(cli->client, queue, &stats);
    if (code != JOINQ_OK)
        return cli_fail(cli, code);
    joinq_stats_free(stats);
    return CLI_DONE;
}

int64_t cli_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
