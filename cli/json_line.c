/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a line. It knows no message and no command. */
#include "json_line.h"
#include <inttypes.h>
#include <string.h>

struct json_line json_begin(struct printer *out)
{
    printer_text(out, "{");
    return (struct json_line){.out = out};
}

void json_end(struct json_line *line)
{
    printer_text(line->out, "}\n");
}

static void json_name(struct json_line *line, const char *name)
{
    printer_format(line->out, "%s\"%s\": ", line->begun ? ", " : "", name);
    line->begun = true;
}

void json_number(struct json_line *line, const char *name, uint64_t value)
{
    json_name(line, name);
    printer_format(line->out, "%" PRIu64, value);
}

void json_signed(struct json_line *line, const char *name, int64_t value)
{
    json_name(line, name);
    printer_format(line->out, "%" PRId64, value);
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

static void write_escape(struct printer *out, unsigned char byte)
{
    static const char letters[] = "btn\0fr"; /* of the bytes 8 to 13 */
    if (byte == '"' || byte == '\\')
        printer_format(out, "\\%c", byte);
    else if (byte >= 8 && byte <= 13 && letters[byte - 8] != '\0')
        printer_format(out, "\\%c", letters[byte - 8]);
    else
        printer_format(out, "\\u%04x", (unsigned)byte);
}

static void write_string(struct printer *out, const unsigned char *data, size_t size)
{
    size_t plain = 0; /* where the bytes that need no escape began */
    printer_text(out, "\"");
    for (size_t i = 0; i < size; i++) {
        if (is_plain(data[i]))
            continue;
        printer_bytes(out, data + plain, i - plain);
        write_escape(out, data[i]);
        plain = i + 1;
    }
    printer_bytes(out, data + plain, size - plain);
    printer_text(out, "\"");
}

void json_text(struct json_line *line, const char *name, const char *text)
{
    json_name(line, name);
    write_string(line->out, (const unsigned char *)text, strlen(text));
}

/* Bytes of the UTF-8 sequence at data, which has `size` bytes left; 0: it is none. */
static size_t utf8_length(const unsigned char *data, size_t size)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, length;
    } forms[] = {{0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (data[0] < forms[i].first_min || data[0] > forms[i].first_max)
            continue;
        size_t length = forms[i].length;
        if (length > size || (length > 1 && (data[1] < forms[i].second_min || data[1] > forms[i].second_max)))
            return 0;
        for (size_t k = 2; k < length; k++) {
            if (data[k] < 0x80 || data[k] > 0xbf)
                return 0;
        }
        return length;
    }
    return 0;
}

static bool is_utf8(const unsigned char *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t length = utf8_length(data + at, size - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

static void write_base64(struct printer *out, const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    printer_text(out, "\"");
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)data[i] << 16;
        bits |= left > 1 ? (unsigned)data[i + 1] << 8 : 0;
        bits |= left > 2 ? (unsigned)data[i + 2] : 0;
        char group[4] = {digits[bits >> 18], digits[bits >> 12 & 63], left > 1 ? digits[bits >> 6 & 63] : '=',
                         left > 2 ? digits[bits & 63] : '='};
        printer_bytes(out, group, 4);
    }
    printer_text(out, "\"");
}

void json_base64(struct json_line *line, const char *name, const void *data, size_t size)
{
    json_name(line, name);
    write_base64(line->out, data, size);
}

void json_body(struct json_line *line, const void *data, size_t size)
{
    bool text = is_utf8(data, size);
    json_name(line, text ? "body" : "base64");
    if (text)
        write_string(line->out, data, size);
    else
        write_base64(line->out, data, size);
}

void json_queue_number(struct printer *out, const char *queue, const char *name, uint64_t value)
{
    struct json_line line = json_begin(out);
    json_text(&line, "queue", queue);
    json_number(&line, name, value);
    json_end(&line);
}
