/* SPDX-License-Identifier: Apache-2.0 */
/* A line of progress on standard error, where that is a terminal. It knows no queue. */
#ifndef JOINQ_CLI_PROGRESS_H
#define JOINQ_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_EVERY_MS = 200 };

struct progress {
    bool on;
    bool drawn;
    int64_t last_ms; /* when it was drawn */
};

/* Off where standard error is no terminal. */
void progress_init(struct progress *progress, bool wanted);
/* Whether it is time to draw again. */
bool progress_due(const struct progress *progress);
/* A bar, `done` of `total` (0: unknown), and text behind it. */
void progress_draw(struct progress *progress, uint64_t done, uint64_t total, const char *text);
/* Wipes the line, so that something else can be written. */
void progress_clear(struct progress *progress);

#endif
