/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a configuration file before it is parsed. */
#ifndef JOINQ_CONFIG_CONFIG_TEXT_H
#define JOINQ_CONFIG_CONFIG_TEXT_H

#include "base.h"
#include <stddef.h>

enum { CONFIG_FILE_MAX = 1024 * 1024 };

/* Reads a whole file, which must be a regular one of at most CONFIG_FILE_MAX bytes; *out is owned by the caller and ends with NUL. JQ_OK, or
 * JQ_INVALID with why. */
JQ_MUST_USE int config_text_load(const char *path, char **out, size_t *size, char *why, size_t why_size);

/* Blanks comments, and refuses what the parser would pass over in silence or misread. Lines stay where they are. JQ_OK, or JQ_INVALID
 * with *line and why. */
JQ_MUST_USE int config_text_check(char *text, size_t size, unsigned *line, char *why, size_t why_size);

#endif
