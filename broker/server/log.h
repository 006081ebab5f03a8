/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker says to whoever runs it, on standard error: one line an event, as logfmt or JSON, with a level and what is known of it as
 * pairs. No value can make a second line or a second pair. A site (a format, or an event's name) that says too much within a while, about
 * one if its lines are about somebody, is silent for the rest of it; then it is told how much was left out (log_rate.h). Bodies of
 * messages are never logged. */
#ifndef JOINQ_SERVER_LOG_H
#define JOINQ_SERVER_LOG_H

#include "log_rate.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_config {
    uint32_t level;  /* enum log_level: what is less grave is not said */
    uint32_t format; /* enum log_format */
    bool audit;      /* refusals, and what administers queues; whatever the level */
};

/* Until it is called lines are plain: "joinqd: text". Then again whenever something changes. */
void log_configure(const struct log_config *config);

/* What is known of an event: a text, or a number where `text` is NULL. */
struct log_field {
    const char *key; /* NULL ends a list */
    const char *text;
    size_t size;
    uint64_t number;
};
enum { LOG_FIELDS_MAX = 16 }; /* of a line */

struct log_field field_text(const char *key, const char *text);
struct log_field field_bytes(const char *key, const void *bytes, size_t size);
struct log_field field_number(const char *key, uint64_t number);

struct log_event {
    enum log_level level;
    const char *message; /* static: the site */
    bool audit;
    struct log_who who; /* whom it is about */
    const struct log_field *fields;
};
void log_event(const struct log_event *event);

/* Tells what was left out, if that is due (log_rate_due), or at the end. */
void log_left_out(bool at_once);

/* Without pairs; the text is one value. */
__attribute__((format(printf, 1, 2))) void server_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void server_warn(const char *format, ...);
__attribute__((format(printf, 1, 2))) void server_log(const char *format, ...);

/* To whoever started the broker: always plain. */
__attribute__((format(printf, 1, 2))) void server_fail(const char *format, ...);

/* How far it has come: on a terminal each time in the place of the last. */
__attribute__((format(printf, 1, 2))) void server_progress(const char *format, ...);

#endif
