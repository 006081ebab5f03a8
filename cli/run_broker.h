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
};

/* Starts it and waits until it listens. An exit status; what went wrong is said, and nothing is left behind. */
int run_broker_start(struct cli *cli, struct run_broker *broker);
/* Asks it to end, after a while insists, and removes the folder. Tolerates one that has ended. */
void run_broker_stop(struct run_broker *broker);

#endif
