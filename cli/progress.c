/* SPDX-License-Identifier: Apache-2.0 */
/* A line of progress on standard error, where that is a terminal. It knows no queue. */
#include "progress.h"
#include "cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

void progress_init(struct progress *progress, bool wanted)
{
    *progress = (struct progress){.on = wanted && isatty(STDERR_FILENO) == 1};
    progress->last_ms = cli_now_ms();
}

bool progress_due(const struct progress *progress)
{
    return progress->on && cli_now_ms() - progress->last_ms >= PROGRESS_EVERY_MS;
}

void progress_draw(struct progress *progress, uint64_t done, uint64_t total, const char *text)
{
    if (!progress->on)
        return;
    progress->last_ms = cli_now_ms();
    progress->drawn = true;
    if (total == 0) {
        fprintf(stderr, "\r%s\033[K", text);
        return;
    }
    double part = done < total ? (double)done / (double)total : 1;
    char bar[BAR_WIDTH + 1];
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)(part * BAR_WIDTH));
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3d%%  %s\033[K", bar, (int)(part * 100), text);
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
