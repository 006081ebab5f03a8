/* SPDX-License-Identifier: Apache-2.0 */
/* Reads vectors. It knows lines and hex, not what is in a frame. */
#include "wire_vectors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char *file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s: cannot be opened", path);
    char *text = NULL;
    size_t size = 0, got;
    do {
        text = realloc(text, size + 4097);
        assert_non_null(text);
        got = fread(text + size, 1, 4096, file);
        size += got;
    } while (got > 0);
    fclose(file);
    text[size] = '\0';
    return text;
}

bool vector_is(const struct vector *vector, const char *ending)
{
    size_t size = strlen(vector->name), end = strlen(ending);
    return size >= end && strcmp(vector->name + size - end, ending) == 0;
}

static void copy(char *to, size_t size, const char *text)
{
    if (snprintf(to, size, "%s", text) >= (int)size)
        fail_msg("too long for a vector: %s", text);
}

static void add_hex(struct vector *vector, const char *hex)
{
    for (; *hex; hex += 2) {
        unsigned byte;
        while (*hex == ' ')
            hex++;
        if (!*hex)
            return;
        if (sscanf(hex, "%2x", &byte) != 1 || !hex[1] || vector->size == sizeof vector->bytes)
            fail_msg("%s: what is '%s'?", vector->name, hex);
        vector->bytes[vector->size++] = (uint8_t)byte;
    }
}

/* What follows `word` on the line, or NULL. */
static const char *after(const char *line, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(line, word, size) != 0 || line[size] != ' ')
        return NULL;
    return line + size + strspn(line + size, " ");
}

static void read_line(struct vector *vector, const char *line)
{
    const char *rest;
    if ((rest = after(line, "value")))
        copy(vector->value, sizeof vector->value, rest);
    else if ((rest = after(line, "means")))
        copy(vector->means, sizeof vector->means, rest);
    else if ((rest = after(line, "code")))
        copy(vector->code, sizeof vector->code, rest);
    else if ((rest = after(line, "bytes")))
        add_hex(vector, rest);
}

static void begin(struct vector *vector, const char *name)
{
    memset(vector, 0, sizeof *vector);
    copy(vector->name, sizeof vector->name, name);
    copy(vector->code, sizeof vector->code, "OK");
}

/* Hands over a vector that is complete. */
static size_t end(struct vector *vector, void (*check)(const struct vector *, void *), void *context)
{
    if (!vector->name[0])
        return 0;
    if (vector->size == 0)
        fail_msg("%s: has no bytes", vector->name);
    if (!vector->means[0])
        copy(vector->means, sizeof vector->means, vector->value);
    check(vector, context);
    return 1;
}

size_t vectors_read(const char *path, void (*check)(const struct vector *vector, void *context), void *context)
{
    char *text = file_text(path);
    struct vector *vector = calloc(1, sizeof *vector);
    assert_non_null(vector);
    size_t count = 0;
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *name = after(line, "vector");
        if (name) {
            count += end(vector, check, context);
            begin(vector, name);
        } else if (vector->name[0]) {
            read_line(vector, line);
        }
    }
    count += end(vector, check, context);
    free(vector);
    free(text);
    return count;
}
