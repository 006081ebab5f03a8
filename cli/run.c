/* SPDX-License-Identifier: Apache-2.0 */
/* joinq run: a program with a private broker beside it, for as long as it runs. */
#include "caught.h"
#include "commands.h"
#include "run_broker.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    struct cli *cli;
    struct run_broker broker;
    pid_t program;
    int status;       /* of waitpid, once the program has ended */
    bool ended;       /* the program has */
    bool broker_lost; /* it ended before the program did */
};

static pid_t start_program(char **program, const char *url)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigaction(SIGPIPE, &normal, NULL);
    if (setenv("JOINQ_URL", url, 1) == 0)
        execvp(program[0], program);
    int error = errno;
    fprintf(stderr, "joinq: run: cannot run '%s': %s\n", program[0], strerror(error));
    _exit(error == ENOENT ? 127 : 126);
}

static void reap(struct run *run)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == run->program) {
            run->ended = true;
            run->status = status;
        } else if (pid == run->broker.pid) {
            run_broker_ended(&run->broker, status);
            run->broker_lost = !run->ended;
            if (run->broker_lost)
                cli_error(run->cli, 0, "the broker has ended before the program");
        }
    }
}

/* What a process sent us is meant for the program; what the terminal sends it has already. */
static void hear_signals(struct run *run)
{
    struct caught caught;
    while (caught_next(&caught)) {
        if (caught.number != SIGCHLD && !caught.from_terminal && !run->ended)
            kill(run->program, caught.number);
        reap(run);
    }
}

/* The broker's output is drained, so that it never waits for us. */
static void wait_for_program(struct run *run)
{
    char text[512];
    while (!run->ended) {
        struct pollfd wanted[2] = {{.fd = caught_fd(), .events = POLLIN},
                                   {.fd = run->broker.pid > 0 ? run->broker.output : -1, .events = POLLIN}};
        if (poll(wanted, 2, -1) > 0 && wanted[1].revents != 0 && read(run->broker.output, text, sizeof text) == 0) {
            close(run->broker.output);
            run->broker.output = -1;
        }
        hear_signals(run);
    }
}

static int run_run(struct cli *cli, const void *settings, const struct words *words)
{
    static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    (void)settings;
    struct run run = {.cli = cli};
    if (!caught_start(signals, sizeof signals / sizeof signals[0], 0))
        return cli_error(cli, CLI_FAILED, "cannot catch signals");
    int status = run_broker_start(cli, &run.broker);
    if (status != CLI_DONE)
        return status;
    run.program = start_program(words->program, run.broker.url);
    if (run.program > 0)
        wait_for_program(&run);
    else
        cli_error(cli, 0, "fork: %s", strerror(errno));
    run_broker_stop(&run.broker);
    if (run.program < 0)
        return CLI_FAILED;
    if (WIFSIGNALED(run.status))
        return 128 + WTERMSIG(run.status);
    status = WEXITSTATUS(run.status);
    return status == 0 && run.broker_lost ? CLI_FAILED : status;
}

const struct command command_run = {
    .name = "run",
    .summary = "run a program with a private broker beside it",
    .usage = "-- CMD [ARG...]",
    .about =
        "Starts a broker on a Unix socket that only this user can reach, sets JOINQ_URL to it, and runs CMD. When CMD "
        "ends, so\n"
        "does the broker, with all its queues. Exits as CMD does: its status, or 128 and the number of the signal that "
        "killed\n"
        "it. Signals are passed on to CMD. The broker is the joinqd beside joinq, or of PATH; JOINQD names another.\n",
    .example = "  joinq run -- sh -c 'seq 9 | joinq put numbers --close; joinq get numbers --all'\n",
    .words_max = 0,
    .takes_program = true,
    .no_json = true,
    .offline = true,
    .run = run_run,
};
