/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as something to poll for: a handler writes them into a pipe. It knows nothing of what they mean. */
#include "caught.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* A handler has no other way to say anything. */
static int pipe_fds[2] = {-1, -1};
static volatile sig_atomic_t first_stop, stops, patience, let_go;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    if (number != SIGCHLD && first_stop == 0)
        first_stop = number;
    if (number != SIGCHLD && (let_go || (patience > 0 && ++stops >= patience)))
        signal(number, SIG_DFL);
    if (number != SIGCHLD && let_go)
        raise(number);
    const struct caught record = {number, info->si_code == SI_KERNEL};
    ssize_t written = write(pipe_fds[1], &record, sizeof record); /* full: enough have come to wake anybody */
    (void)written;
    errno = saved;
}

static bool catch_one(int number)
{
    struct sigaction before;
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    if (number == SIGCHLD)
        action.sa_flags |= SA_RESTART;
    else if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
        return true;
    return sigaction(number, &action, NULL) == 0;
}

bool caught_start(const int *numbers, unsigned count, unsigned stops_max)
{
    patience = (sig_atomic_t)stops_max;
    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!catch_one(numbers[i]))
            return false;
    }
    return true;
}

bool caught_start_stops(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    return caught_start(numbers, 3, 1);
}

int caught_fd(void)
{
    return pipe_fds[0];
}

bool caught_next(struct caught *out)
{
    return read(pipe_fds[0], out, sizeof *out) == (ssize_t)sizeof *out;
}

int caught_stop(void)
{
    return (int)first_stop;
}

bool caught_let_go(void)
{
    let_go = 1;
    return first_stop == 0;
}

void caught_again(void)
{
    let_go = 0;
}

void caught_die(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), number);
    _exit(128 + number);
}
