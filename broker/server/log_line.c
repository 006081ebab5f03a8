/* SPDX-License-Identifier: Apache-2.0 */
/* Quoting. What is not plain text of UTF-8 is shown as its bytes, so that nothing in a value ends its quotes, its line, or a terminal's
 * patience. */
#include "log_line.h"
#include "base.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 8 /* bytes that one character becomes, at most */ };

static void put(struct log_line *line, const char *bytes, size_t size)
{
    JQ_ASSERT(size <= sizeof line->text - line->size); /* values are cut, and there are few */
    memcpy(line->text + line->size, bytes, size);
    line->size += size;
}

static void put_string(struct log_line *line, const char *text)
{
    put(line, text, strlen(text));
}

void log_line_begin(struct log_line *line, bool json, const char *prefix)
{
    line->size = 0;
    line->json = json;
    line->some = false;
    put_string(line, prefix);
    if (json)
        put_string(line, "{");
}

void log_line_end(struct log_line *line)
{
    put_string(line, line->json ? "}\n" : "\n");
}

static void put_key(struct log_line *line, const char *key)
{
    if (line->some)
        put_string(line, line->json ? "," : " ");
    line->some = true;
    if (line->json)
        put_string(line, "\"");
    put_string(line, key);
    put_string(line, line->json ? "\":" : "=");
}

size_t log_character(const unsigned char *at, size_t left)
{
    size_t size = at[0] < 0x80 ? 1 : at[0] >= 0xC2 && at[0] < 0xE0 ? 2 : at[0] >= 0xE0 && at[0] < 0xF0 ? 3 : 0;
    if (size == 1)
        return at[0] >= 0x20 && at[0] != 0x7F;
    if (size == 0 || size > left)
        return 0;
    uint32_t code = at[0] & (size == 2 ? 0x1Fu : 0x0Fu);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3Fu);
    }
    bool shows = code >= 0xA0 && (size == 2 || code >= 0x800) && (code < 0xD800 || code > 0xDFFF);
    bool turns = (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E ||
                 code == 0x200F || code == 0x061C || code == 0xFEFF; /* ends lines, or the direction of text */
    return shows && !turns ? size : 0;
}

/* What becomes of one character, and how many bytes it had. */
static size_t quote(const struct log_line *line, const unsigned char *at, size_t left, char out[LONGEST + 1])
{
    size_t size = log_character(at, left);
    if (size == 1 && (at[0] == '"' || at[0] == '\\'))
        snprintf(out, LONGEST + 1, "\\%c", at[0]);
    else if (size > 0)
        snprintf(out, LONGEST + 1, "%.*s", (int)size, (const char *)at);
    else if (at[0] == '\n')
        snprintf(out, LONGEST + 1, "\\n");
    else
        snprintf(out, LONGEST + 1, line->json ? "\\u%04x" : "\\x%02x", at[0]);
    return size > 0 ? size : 1;
}

static bool needs_no_quotes(const char *text, size_t size)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:@+%,*()[]";
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0' || !strchr(plain, text[i]))
            return false;
    }
    return size > 0 && size <= LOG_VALUE_MAX;
}

void log_line_text(struct log_line *line, const char *key, const char *text, size_t size)
{
    char out[LONGEST + 1];
    put_key(line, key);
    if (!line->json && needs_no_quotes(text, size)) {
        put(line, text, size);
        return;
    }
    put_string(line, "\"");
    size_t end = line->size + LOG_VALUE_MAX;
    for (size_t at = 0; at < size;) {
        if (line->size + LONGEST > end) {
            put_string(line, "...");
            break;
        }
        at += quote(line, (const unsigned char *)text + at, size - at, out);
        put_string(line, out);
    }
    put_string(line, "\"");
}

void log_line_number(struct log_line *line, const char *key, uint64_t number)
{
    char digits[24];
    put_key(line, key);
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    put_string(line, digits);
}
