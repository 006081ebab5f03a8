/* SPDX-License-Identifier: Apache-2.0 */
/* A broker of our own, on a Unix socket in a folder of our own. It ends with us, whatever ends us. It knows nothing of the program
 * that is run beside it. */
#ifndef JOINQ_CLI_RUN_BROKER_H
#define JOINQ_CLI_RUN_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cli;

struct run_broker {
    char folder[80];
    char url[128];
    pid_t pid;  /* 0: none */
    int output; /* what the broker prints; the end of the pipe that is ours */
    int log;    /* what it says on standard error, shown only if it fails */
};

/* Starts it and waits until it listens. An exit status; what went wrong is said, and nothing is left behind. */
int run_broker_start(struct cli *cli, struct run_broker *broker);
/* It has ended by itself, with this status of waitpid: shows what it said, if it failed. */
void run_broker_ended(struct run_broker *broker, int status);
/* Asks it to end, after a while insists, and removes the folder. Tolerates one that has ended. */
void run_broker_stop(struct run_broker *broker);

#endif
