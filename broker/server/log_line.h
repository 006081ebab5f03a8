/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the log as bytes: pairs in logfmt or JSON, each value made harmless. It knows neither levels nor where lines go. */
#ifndef JOINQ_SERVER_LOG_LINE_H
#define JOINQ_SERVER_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_MAX = 16384, LOG_VALUE_MAX = 800 /* bytes that a value becomes; the rest of it is left out */ };

struct log_line {
    char text[LOG_LINE_MAX];
    size_t size;
    bool json, some; /* a pair is there */
};

/* The length of the character of UTF-8 that begins here; 0: it is none, or none that shows, or it turns the text around it. */
size_t log_character(const unsigned char *at, size_t left);

void log_line_begin(struct log_line *line, bool json, const char *prefix);
void log_line_text(struct log_line *line, const char *key, const char *text, size_t size);
void log_line_number(struct log_line *line, const char *key, uint64_t number);
void log_line_end(struct log_line *line); /* with its newline */

#endif
