/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a program for one message: starting it, and what became of it in words. It knows no queue and no connection. */
#ifndef JOINQ_CLI_WORK_JOB_H
#define JOINQ_CLI_WORK_JOB_H

#include <joinq.h>
#include <stddef.h>
#include <sys/types.h>

enum work_start {
    WORK_STARTED,
    WORK_NOT_THIS, /* this message cannot be given to the program */
    WORK_NONE      /* no message can: the program does not start */
};

/* Starts program[0] (searched in PATH) with the body on its standard input, and in place of each {} in its arguments; its standard
 * output is `output`, or ours (-1). Otherwise says why. */
enum work_start work_job_start(char **program, const struct joinq_message *message, int output, pid_t *pid, char *why,
                               size_t size);

/* What a status of waitpid other than success means: "exited with 3", "was killed by signal 9 (Killed)". */
const char *work_job_failure(int status, char *to, size_t size);

#endif
