/* SPDX-License-Identifier: Apache-2.0 */
/* Before the parser sees a file: comments go, for it would count their lines twice, and what it would swallow without a word is an error:
 * strings that do not end on their line, escapes that mean nothing, variables that are not set, stray characters. */
#include "config_text.h"
#include "codes.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- from the disk ---- */

static int read_all(int fd, char *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, to + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return JQ_INVALID;
        done += (size_t)n;
    }
    return JQ_OK;
}

static int load(int fd, char **out, size_t *size, char *why, size_t why_size)
{
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        snprintf(why, why_size, "is no regular file");
        return JQ_INVALID;
    }
    if (about.st_size > CONFIG_FILE_MAX) {
        snprintf(why, why_size, "is larger than %d bytes", CONFIG_FILE_MAX);
        return JQ_INVALID;
    }
    char *text = malloc((size_t)about.st_size + 1);
    if (!text || read_all(fd, text, (size_t)about.st_size) != JQ_OK) {
        snprintf(why, why_size, "cannot be read");
        free(text);
        return JQ_INVALID;
    }
    text[about.st_size] = '\0';
    *out = text;
    *size = (size_t)about.st_size;
    return JQ_OK;
}

int config_text_load(const char *path, char **out, size_t *size, char *why, size_t why_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        snprintf(why, why_size, "%s", strerror(errno));
        return JQ_INVALID;
    }
    int code = load(fd, out, size, why, why_size);
    close(fd);
    return code;
}

/* ---- what is in it ---- */

struct scan {
    char *at, *end;
    unsigned line;
    unsigned open, open_line; /* braces, and where the last outermost one is */
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct scan *scan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scan->why, scan->why_size, format, arguments);
    va_end(arguments);
    return JQ_INVALID;
}

/* ${NAME} or ${NAME:-what holds if it is not set}; `at` is on the dollar, and goes to the closing brace. */
static int scan_variable(struct scan *scan)
{
    char name[128];
    char *begin = scan->at + 2;
    size_t left = (size_t)(scan->end - begin), size = 0;
    while (size < left && begin[size] != '}' && begin[size] != '"' && begin[size] != '\n' && begin[size] != '\'')
        size++;
    if (size == left || begin[size] != '}')
        return wrong(scan, "a '${' without its '}'");
    size_t length = 0;
    while (length < size && (isalnum((unsigned char)begin[length]) || begin[length] == '_'))
        length++;
    if (length == 0 || length >= sizeof name || (length < size && strncmp(begin + length, ":-", 2) != 0))
        return wrong(scan, "'${%.*s}' is no variable: ${NAME}, or ${NAME:-what holds without it}", (int)size, begin);
    memcpy(name, begin, length);
    name[length] = '\0';
    if (length == size && !getenv(name))
        return wrong(scan, "%s is not set in the environment (${%s:-} may be absent)", name, name);
    scan->at = begin + size;
    return JQ_OK;
}

/* From its quote to the other. */
static int scan_string(struct scan *scan)
{
    const char quote = *scan->at;
    for (scan->at++; scan->at < scan->end && *scan->at != quote; scan->at++) {
        char next = scan->at + 1 < scan->end ? scan->at[1] : '\0';
        if (*scan->at == '\n')
            break;
        if (iscntrl((unsigned char)*scan->at))
            return wrong(scan, "a control character in a string");
        if (*scan->at == '\\' && next != '\\' && next != quote && (next != '$' || quote == '\''))
            return wrong(scan, "a backslash stands before \\, $ or the quote only");
        if (*scan->at == '\\')
            scan->at++;
        else if (quote == '"' && *scan->at == '$' && next == '{' && scan_variable(scan) != JQ_OK)
            return JQ_INVALID;
    }
    if (scan->at >= scan->end || *scan->at != quote)
        return wrong(scan, "a string that does not end on its line");
    return JQ_OK;
}

static void skip_spaces(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
        scan->at++;
}

/* The one function that there is has one argument, in quotes. */
static int scan_argument(struct scan *scan)
{
    scan->at++;
    skip_spaces(scan);
    if (scan->at == scan->end || (*scan->at != '"' && *scan->at != '\''))
        return wrong(scan, "a file to be included stands in quotes: include(\"FILE\")");
    if (scan_string(scan) != JQ_OK)
        return JQ_INVALID;
    scan->at++;
    skip_spaces(scan);
    return scan->at < scan->end && *scan->at == ')' ? JQ_OK : wrong(scan, "one file is included: include(\"FILE\")");
}

static void blank_comment(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\n')
        *scan->at++ = ' ';
    scan->at--;
}

/* The parser would take the end of a file for the end of its sections. */
static void count_brace(struct scan *scan)
{
    if (*scan->at == '{' && scan->open++ == 0)
        scan->open_line = scan->line;
    else if (*scan->at == '}' && scan->open > 0)
        scan->open--;
}

static int scan_one(struct scan *scan)
{
    char next = scan->at + 1 < scan->end ? scan->at[1] : '\0';
    switch (*scan->at) {
    case '\n':
        scan->line++;
        return JQ_OK;
    case '#':
        blank_comment(scan);
        return JQ_OK;
    case '"':
    case '\'':
        return scan_string(scan);
    case '{':
    case '}':
        count_brace(scan);
        return JQ_OK;
    case '(':
        return scan_argument(scan);
    case '$':
        return next == '{' ? scan_variable(scan) : JQ_OK;
    case '\r':
        *scan->at = ' ';
        return next == '\n' ? JQ_OK : wrong(scan, "a control character");
    case '/':
        return next == '/' || next == '*' ? wrong(scan, "a comment begins with #, and a URL stands in quotes") : JQ_OK;
    case '+':
        return next == '=' ? JQ_OK : wrong(scan, "a stray '+'");
    case '*':
    case '|':
    case '\\':
        return wrong(scan, "a stray '%c': such a text stands in quotes", *scan->at);
    default:
        return iscntrl((unsigned char)*scan->at) && *scan->at != '\t' ? wrong(scan, "a control character") : JQ_OK;
    }
}

int config_text_check(char *text, size_t size, unsigned *line, char *why, size_t why_size)
{
    struct scan scan = {.at = text, .end = text + size, .line = 1, .why = why, .why_size = why_size};
    for (; scan.at < scan.end; scan.at++) {
        if (scan_one(&scan) != JQ_OK) {
            *line = scan.line;
            return JQ_INVALID;
        }
    }
    *line = scan.open_line;
    return scan.open == 0 ? JQ_OK : wrong(&scan, "a '{' without its '}'");
}
