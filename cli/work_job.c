/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a program for one message: starting it, and what became of it in words. It knows no queue and no connection. */
#include "work_job.h"
#include "allocate.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- arguments -------------------------------------------------------------------------------------------------------- */

static size_t places(const char *argument)
{
    size_t count = 0;
    for (const char *at = strstr(argument, "{}"); at != NULL; at = strstr(at + 2, "{}"))
        count++;
    return count;
}

/* A copy with the body in place of each {}. */
static char *filled(const char *argument, const struct joinq_message *message)
{
    size_t rest = strlen(argument);
    char *copy = allocate(rest + places(argument) * message->size + 1);
    char *to = copy;
    const char *from = argument;
    for (const char *at = strstr(from, "{}"); at != NULL; at = strstr(from, "{}")) {
        memcpy(to, from, (size_t)(at - from));
        to += at - from;
        if (message->size > 0)
            memcpy(to, message->data, message->size);
        to += message->size;
        from = at + 2;
    }
    memcpy(to, from, strlen(from));
    return copy;
}

static char **arguments_for(char **program, const struct joinq_message *message, bool *uses_body)
{
    size_t count = 0;
    while (program[count] != NULL)
        count++;
    char **arguments = allocate((count + 1) * sizeof *arguments);
    *uses_body = false;
    for (size_t i = 0; i < count; i++) {
        *uses_body = *uses_body || places(program[i]) > 0;
        arguments[i] = filled(program[i], message);
    }
    return arguments;
}

static void arguments_free(char **arguments)
{
    for (size_t i = 0; arguments[i] != NULL; i++)
        free(arguments[i]);
    free(arguments);
}

/* ---- starting --------------------------------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0)
            return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* The body as a file to read: a pipe would have to be fed while the program runs. -1: errno. */
static int body_file(const struct joinq_message *message)
{
    int fd = memfd_create("joinq-message", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    if (write_all(fd, message->data, message->size) && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* What we ignore is not for the program to inherit. 0, or an errno. */
static int spawn(char **arguments, int input, int output, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        if (error == 0 && output >= 0)
            error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        if (error == 0)
            error = posix_spawnattr_setsigdefault(&attributes, &defaults);
        if (error == 0)
            error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
        if (error == 0)
            error = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

enum work_start work_job_start(char **program, const struct joinq_message *message, int output, pid_t *pid, char *why,
                               size_t size)
{
    bool uses_body;
    char **arguments = arguments_for(program, message, &uses_body);
    int error = 0;
    if (uses_body && message->size > 0 && memchr(message->data, '\0', message->size) != NULL) {
        snprintf(why, size, "could not run: the message has a NUL byte and cannot be an argument");
        arguments_free(arguments);
        return WORK_NOT_THIS;
    }
    int input = body_file(message);
    if (input < 0)
        error = errno;
    else
        error = spawn(arguments, input, output, pid);
    if (input >= 0)
        close(input);
    if (error != 0)
        snprintf(why, size, "could not run: %s", strerror(error));
    arguments_free(arguments);
    if (error == 0)
        return WORK_STARTED;
    return error == E2BIG ? WORK_NOT_THIS : WORK_NONE;
}

const char *work_job_failure(int status, char *to, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(to, size, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(to, size, "exited with %d", WEXITSTATUS(status));
    return to;
}
