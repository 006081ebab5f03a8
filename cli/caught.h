/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as something to poll for: a handler writes them into a pipe. It knows nothing of what they mean. */
#ifndef JOINQ_CLI_CAUGHT_H
#define JOINQ_CLI_CAUGHT_H

#include <stdbool.h>

struct caught {
    int number;
    int from_terminal; /* 1: by the kernel, so that the whole foreground group has it; 0: from a process. It fills the struct,
                        * whose bytes go through a pipe */
};

/* Begins to catch. After stops_max signals (0: never) a further one of the same number does what it does by default, for when we
 * are stuck; SIGCHLD does not count.
 * What was ignored when the program started stays ignored (but for SIGCHLD). False: out of descriptors. */
bool caught_start(const int *numbers, unsigned count, unsigned stops_max);
/* SIGINT, SIGTERM and SIGHUP, once. */
bool caught_start_stops(void);
/* To be polled for reading; -1 before caught_start. */
int caught_fd(void);
/* Takes the next signal from the pipe; false: none. */
bool caught_next(struct caught *out);
/* The first of SIGINT, SIGTERM, SIGHUP that came; 0: none. */
int caught_stop(void);
/* From now on a signal that asks to stop ends the program at once: around calls that wait for the broker. False: one has come before. */
bool caught_let_go(void);
void caught_again(void);
/* Ends the program the way the signal would have. */
_Noreturn void caught_die(int number);

#endif
