/* SPDX-License-Identifier: Apache-2.0 */
/* joinq: the command-line tool. What is common to all commands before and after they run, and nothing of what they do. */
#include "allocate.h"
#include "caught.h"
#include "cli.h"
#include "commands.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECONNECT_MS = 30000 /* unless told */ };

static const char general_help[] = "usage: joinq [--url URL] [--reconnect T] [--json] COMMAND [ARGUMENT...]\n"
                                   "\n"
                                   "Named, bounded, blocking queues that programs on one or many machines share.\n"
                                   "\n"
                                   "commands:\n";
static const char general_notes[] =
    "\n"
    "joinq COMMAND --help and the page joinq-COMMAND(1) say more, with an example. The broker is found at --url URL, "
    "or JOINQ_URL, or the socket "
    "of\n"
    "the user's own broker: joinq://host[:port] or unix:///path. `joinq run -- CMD` needs none: it brings its own.\n"
    "Times are written 500ms, 2s, 5m, 1h; sizes 4096, 64K, 10M, 2G.\n"
    "\n"
    "exit status: 0 done; 1 failed; 2 usage; 3 would have to wait, or waited as long as told; 4 the queue is closed, "
    "or\n"
    "ended before what was asked for had come; 5 cannot connect; 6 refused.\n";

static int general(struct cli *cli, const char *option)
{
    if (strcmp(option, "--version") == 0) {
        printer_text(&cli->out, "joinq " JOINQ_VERSION "\n");
        return CLI_DONE;
    }
    if (strcmp(option, "--help") != 0)
        return arguments_error(cli, "no option %s", option);
    printer_text(&cli->out, general_help);
    for (size_t i = 0; commands[i] != NULL; i++)
        printer_format(&cli->out, "  %-10s%s\n", commands[i]->name, commands[i]->summary);
    printer_text(&cli->out, general_notes);
    return CLI_DONE;
}

static int unknown(const struct cli *cli, const char *name)
{
    for (const char *const *at = commands_later; *at != NULL; at++) {
        if (strcmp(*at, name) == 0)
            return arguments_error(cli, "%s: this version of joinq does not have it", name);
    }
    return arguments_error(cli, "no command '%s'", name);
}

/* argv begins behind the command's name. */
static int run(struct cli *cli, const struct command *command, char **argv, size_t argc)
{
    struct words words;
    void *settings = allocate(command->settings_size);
    char **into = allocate((argc + 1) * sizeof *into);
    cli->command = command->name;
    int status = arguments_parse(cli, command, argv, settings, into, &words);
    if (status == ARGUMENTS_OK) {
        status = command->offline ? CLI_DONE : cli_connect(cli);
        if (status == CLI_DONE)
            status = command->run(cli, settings, &words);
        joinq_free(cli->client);
        cli->client = NULL;
    }
    free(into);
    free(settings);
    return status;
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-') {
        int took = arguments_common(cli, argv + at);
        if (took < 0)
            return CLI_USAGE;
        if (took == 0)
            return general(cli, argv[at]);
        at += took;
    }
    if (at >= argc)
        return arguments_error(cli, "COMMAND is missing");
    const struct command *command = commands_find(argv[at]);
    if (command == NULL)
        return unknown(cli, argv[at]);
    return run(cli, command, argv + at + 1, (size_t)(argc - at));
}

/* A descriptor below 3 that is closed would be taken by the next socket. What is opened in its place cannot be used in its
 * direction, so that nothing written to a closed standard output counts as written. */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            exit(CLI_FAILED);
    }
}

/* Writes out what is left. A reader that went away ends us as it ends any filter: by SIGPIPE, saying nothing. */
static int close_output(struct cli *cli, int status)
{
    if (cli->out.error == 0)
        printer_flush(&cli->out);
    int error = cli->out.error;
    printer_fini(&cli->out);
    if (error == EPIPE)
        caught_die(SIGPIPE);
    if (error == 0 || error == EINTR)
        return status;
    return cli_error(cli, CLI_FAILED, "standard output: %s", strerror(error));
}

int main(int argc, char **argv)
{
    struct cli cli = {.reconnect_ms = RECONNECT_MS};
    hold_standard_descriptors();
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    printer_init(&cli.out, STDOUT_FILENO);
    int status = dispatch(&cli, argc, argv);
    status = close_output(&cli, status);
    if (status == CLI_STOPPED)
        caught_die(caught_stop());
    return status;
}
