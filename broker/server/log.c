/* SPDX-License-Identifier: Apache-2.0 */
/* A line is put together first and written in one piece. */
#include "log.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

static bool line_open; /* on the terminal stands a line that is to be overwritten, or ended */

void server_log(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%sjoinqd: %s\n", line_open ? "\n" : "", line);
    line_open = false;
}

void server_progress(const char *format, ...)
{
    char line[LINE_SIZE];
    bool terminal = isatty(STDERR_FILENO);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%sjoinqd: %s%s", terminal ? "\r\033[K" : "", line, terminal ? "" : "\n");
    line_open = terminal;
}
