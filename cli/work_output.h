/* SPDX-License-Identifier: Apache-2.0 */
/* What a program prints, kept until it has ended: each line is a message. It knows no queue and no connection. */
#ifndef JOINQ_CLI_WORK_OUTPUT_H
#define JOINQ_CLI_WORK_OUTPUT_H

#include <joinq.h>
#include <stdbool.h>
#include <stddef.h>

struct work_output {
    char *data;
    struct joinq_body *lines; /* without their newlines; lie in data */
    size_t count;
};

/* A file for a program to print to; -1: errno. */
int work_output_open(void);
/* Takes what was printed, and closes the file. False: `why` says what is wrong with it; it is then empty. */
bool work_output_take(int fd, struct work_output *out, char *why, size_t size);
void work_output_fini(struct work_output *output);

#endif
