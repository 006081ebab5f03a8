/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of JSON by jansson. Members that a put does not need are passed over. */
#include "import_line.h"
#include "allocate.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The six bits of a digit; 64: it is none. */
static unsigned digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (unsigned)(at - digits) : 64;
}

/* Four digits, the last two of which may be '='; returns how many bytes they are, 0: they are not base64. */
static size_t group(const char *from, unsigned char *to)
{
    unsigned a = digit(from[0]), b = digit(from[1]), c = digit(from[2]), d = digit(from[3]);
    size_t size = from[2] == '=' ? 1 : from[3] == '=' ? 2 : 3;
    if (a > 63 || b > 63 || (size > 1 && c > 63) || (size > 2 && d > 63) || (size == 1 && from[3] != '='))
        return 0;
    unsigned bits = a << 18 | b << 12 | (size > 1 ? c << 6 : 0) | (size > 2 ? d : 0);
    to[0] = (unsigned char)(bits >> 16);
    to[1] = (unsigned char)(bits >> 8);
    to[2] = (unsigned char)bits;
    return size;
}

static bool base64_decode(const char *text, size_t size, struct joinq_body *out)
{
    unsigned char *bytes = allocate(size / 4 * 3 + 3);
    size_t count = 0;
    bool good = size % 4 == 0;
    for (size_t i = 0; i < size && good; i += 4) {
        size_t came = group(text + i, bytes + count);
        good = came == 3 || (came > 0 && i + 4 == size); /* only the last group may be short */
        count += came;
    }
    if (good)
        *out = (struct joinq_body){bytes, count};
    else
        free(bytes);
    return good;
}

static const char *take_body(const json_t *object, struct import_line *out)
{
    const json_t *text = json_object_get(object, "body"), *coded = json_object_get(object, "base64");
    if (json_is_string(text)) {
        size_t size = json_string_length(text);
        char *copy = allocate(size + 1);
        memcpy(copy, json_string_value(text), size);
        out->body = (struct joinq_body){copy, size};
        return NULL;
    }
    if (!json_is_string(coded))
        return "neither body nor base64";
    return base64_decode(json_string_value(coded), json_string_length(coded), &out->body) ? NULL : "no proper base64";
}

static const char *take_time(const json_t *object, const char *name, int64_t *out)
{
    const json_t *time = json_object_get(object, name);
    if (time == NULL)
        return NULL;
    if (!json_is_integer(time) || json_integer_value(time) < 0)
        return "a time that is no number of milliseconds";
    *out = json_integer_value(time);
    return NULL;
}

static const char *take_priority(const json_t *object, struct joinq_put_options *out)
{
    const json_t *number = json_object_get(object, "priority"), *bytes = json_object_get(object, "priority_base64");
    struct joinq_body decoded;
    out->has_priority = number != NULL || bytes != NULL;
    if (number != NULL && !json_is_integer(number))
        return "a priority that is no whole number";
    if (number != NULL)
        out->priority = json_integer_value(number);
    if (bytes == NULL)
        return NULL;
    if (!json_is_string(bytes) || !base64_decode(json_string_value(bytes), json_string_length(bytes), &decoded))
        return "a priority that is no proper base64";
    out->priority_bytes = decoded.data;
    out->priority_size = decoded.size;
    return NULL;
}

const char *import_line_parse(const char *text, size_t size, struct import_line *out, char *why, size_t why_size)
{
    json_error_t error;
    *out = (struct import_line){.options = JOINQ_PUT_OPTIONS_INIT};
    out->options.partial = true;
    json_t *object = json_loadb(text, size, JSON_ALLOW_NUL, &error);
    if (object == NULL) {
        snprintf(why, why_size, "no JSON: %s", error.text);
        return why;
    }
    const char *wrong = json_is_object(object) ? take_body(object, out) : "no JSON object";
    if (wrong == NULL)
        wrong = take_time(object, "delay_ms", &out->options.delay_ms);
    if (wrong == NULL)
        wrong = take_time(object, "ttl_ms", &out->options.ttl_ms);
    if (wrong == NULL)
        wrong = take_priority(object, &out->options);
    json_decref(object);
    if (wrong != NULL)
        import_line_fini(out);
    return wrong;
}

static void release(const void *memory)
{
    void *owned;
    memcpy(&owned, &memory, sizeof owned);
    free(owned);
}

void import_line_fini(struct import_line *line)
{
    release(line->body.data);
    release(line->options.priority_bytes);
    *line = (struct import_line){0};
}

bool import_line_same(const struct import_line *a, const struct import_line *b)
{
    const struct joinq_put_options *x = &a->options, *y = &b->options;
    return x->delay_ms == y->delay_ms && x->ttl_ms == y->ttl_ms && x->has_priority == y->has_priority &&
           x->priority == y->priority && x->priority_size == y->priority_size &&
           (x->priority_bytes == NULL) == (y->priority_bytes == NULL) &&
           (x->priority_size == 0 || memcmp(x->priority_bytes, y->priority_bytes, x->priority_size) == 0);
}
