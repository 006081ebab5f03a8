/* SPDX-License-Identifier: Apache-2.0 */
/* Where lines go, and which: levels, not too many, and the journal of systemd, which is told a level by what is in front of a
 * line and knows the time by itself. */
#include "log.h"
#include "log_line.h"
#include "log_rate.h"
#include "server.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

static struct {
    struct log_config config;
    bool configured;
    bool journal;   /* standard error is a stream to the journal */
    bool line_open; /* on the terminal stands a line that is to be overwritten, or ended */
    struct log_line line;
} state;

/* ---- where ---- */

static bool goes_to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat about;
    if (!stream || fstat(STDERR_FILENO, &about) != 0)
        return false;
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)about.st_dev, (uintmax_t)about.st_ino);
    return strcmp(stream, own) == 0;
}

void log_configure(const struct log_config *config)
{
    state.config = *config;
    state.configured = true;
    state.journal = goes_to_journal();
}

static void write_out(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t done = write(STDERR_FILENO, text, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return; /* there is nobody to tell */
        text += done;
        size -= (size_t)done;
    }
}

static void end_open_line(void)
{
    if (state.line_open)
        write_out("\n", 1);
    state.line_open = false;
}

/* ---- lines ---- */

static void put_time(struct log_line *line)
{
    char text[64];
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    size += (size_t)snprintf(text + size, sizeof text - size, ".%03ldZ", now.tv_nsec / 1000000);
    log_line_text(line, "time", text, size);
}

static void put_field(struct log_line *line, const struct log_field *field)
{
    if (field->text)
        log_line_text(line, field->key, field->text, field->size);
    else
        log_line_number(line, field->key, field->number);
}

static void put_line(const struct log_event *event, const char *message)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    static const char *const journal[] = {"<3>", "<4>", "<6>", "<7>"};
    struct log_line *line = &state.line;
    bool json = state.config.format == LOG_FORMAT_JSON;
    log_line_begin(line, json, state.journal ? journal[event->level] : "");
    if (!state.journal || json)
        put_time(line);
    log_line_text(line, "level", names[event->level], strlen(names[event->level]));
    log_line_text(line, "msg", message, strlen(message));
    for (size_t i = 0; event->fields && event->fields[i].key && i < LOG_FIELDS_MAX; i++)
        put_field(line, &event->fields[i]);
    log_line_end(line);
    end_open_line();
    write_out(line->text, line->size);
}

static bool is_wanted(const struct log_event *event)
{
    return event->audit ? state.config.audit : event->level <= state.config.level;
}

void log_event(const struct log_event *event)
{
    if (is_wanted(event) && log_rate_allows(event->message, &event->who, event->audit, server_now()))
        put_line(event, event->message);
}

void log_left_out(bool at_once)
{
    struct log_left_out left;
    if (log_rate_due() == UINT64_MAX || (!at_once && log_rate_due() > server_now()))
        return;
    while (log_rate_take(&left)) {
        const struct log_field fields[] = {
            field_text("of", left.site), field_text("by", left.name), field_number("suppressed", left.count), {0}};
        const struct log_event event = {.level = LOG_LEVEL_WARN, .audit = left.audit, .fields = fields};
        if (is_wanted(&event))
            put_line(&event, "lines left out");
    }
}

struct log_field field_text(const char *key, const char *text)
{
    return field_bytes(key, text, strlen(text));
}

struct log_field field_bytes(const char *key, const void *bytes, size_t size)
{
    return (struct log_field){.key = key, .text = bytes ? bytes : "", .size = bytes ? size : 0};
}

struct log_field field_number(const char *key, uint64_t number)
{
    return (struct log_field){.key = key, .number = number};
}

/* ---- lines that are one text ---- */

__attribute__((format(printf, 1, 0))) static void say_plain(const char *format, va_list arguments)
{
    char text[LINE_SIZE], line[LINE_SIZE + 16];
    vsnprintf(text, sizeof text, format, arguments);
    snprintf(line, sizeof line, "joinqd: %s\n", text);
    end_open_line();
    write_out(line, strlen(line));
}

__attribute__((format(printf, 2, 0))) static void say(enum log_level level, const char *format, va_list arguments)
{
    const struct log_event event = {.level = level, .who.name = ""};
    char text[LINE_SIZE];
    if (!state.configured) {
        say_plain(format, arguments);
        return;
    }
    if (!is_wanted(&event) || !log_rate_allows(format, &event.who, false, server_now()))
        return;
    vsnprintf(text, sizeof text, format, arguments);
    put_line(&event, text);
}

void server_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(LOG_LEVEL_ERROR, format, arguments);
    va_end(arguments);
}

void server_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(LOG_LEVEL_WARN, format, arguments);
    va_end(arguments);
}

void server_log(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(LOG_LEVEL_INFO, format, arguments);
    va_end(arguments);
}

void server_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_plain(format, arguments);
    va_end(arguments);
}

void server_progress(const char *format, ...)
{
    char line[LINE_SIZE], whole[LINE_SIZE + 32];
    bool terminal = isatty(STDERR_FILENO);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (!terminal) {
        server_log("%s", line);
        return;
    }
    snprintf(whole, sizeof whole, "\r\033[Kjoinqd: %s", line);
    write_out(whole, strlen(whole));
    state.line_open = true;
}
