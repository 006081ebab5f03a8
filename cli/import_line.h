/* SPDX-License-Identifier: Apache-2.0 */
/* A message as a line of JSON, as export writes it, and what a put needs of it. It knows no connection. */
#ifndef JOINQ_CLI_IMPORT_LINE_H
#define JOINQ_CLI_IMPORT_LINE_H

#include <joinq.h>
#include <stddef.h>

struct import_line {
    struct joinq_body body;           /* owned */
    struct joinq_put_options options; /* with priority_bytes owned */
};

/* NULL, or what is wrong with the line (static text, or in `why`). */
const char *import_line_parse(const char *text, size_t size, struct import_line *out, char *why, size_t why_size);
void import_line_fini(struct import_line *line);
/* Whether both can be put in one batch. */
bool import_line_same(const struct import_line *a, const struct import_line *b);

#endif
