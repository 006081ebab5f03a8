/* SPDX-License-Identifier: Apache-2.0 */
/* A line is put together first and written in one piece. */
#include "log.h"
#include <stdarg.h>
#include <stdio.h>

void server_log(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "joinqd: %s\n", line);
}
