/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a line. It knows no message and no command. */
#ifndef JOINQ_CLI_JSON_LINE_H
#define JOINQ_CLI_JSON_LINE_H

#include "printer.h"

struct json_line {
    struct printer *out;
    bool begun; /* a member has been written */
};

struct json_line json_begin(struct printer *out);
void json_end(struct json_line *line); /* with its newline */
void json_number(struct json_line *line, const char *name, uint64_t value);
void json_signed(struct json_line *line, const char *name, int64_t value);
void json_base64(struct json_line *line, const char *name, const void *data, size_t size);
void json_text(struct json_line *line, const char *name, const char *text); /* UTF-8 */
/* Any bytes: as the string "body" if they are UTF-8, otherwise as the string "base64" (RFC 4648, padded). */
void json_body(struct json_line *line, const void *data, size_t size);
/* A whole line: {"queue": QUEUE, NAME: VALUE}. */
void json_queue_number(struct printer *out, const char *queue, const char *name, uint64_t value);

#endif
