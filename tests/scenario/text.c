/* SPDX-License-Identifier: Apache-2.0 */
/* Strings for the scenario runner. It knows nothing of queues. */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_alloc(size_t size)
{
    void *data = calloc(1, size ? size : 1);
    if (!data)
        abort();
    return data;
}

void *must_grow(void *data, size_t size)
{
    void *grown = realloc(data, size);
    if (!grown)
        abort();
    return grown;
}

struct arena_piece {
    struct arena_piece *next;
    max_align_t bytes[];
};

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_piece *piece = must_alloc(sizeof(*piece) + size);
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

char *arena_copy(struct arena *arena, const char *bytes, size_t size)
{
    char *copy = arena_alloc(arena, size + 1);
    memcpy(copy, bytes, size);
    return copy;
}

void arena_fini(struct arena *arena)
{
    while (arena->pieces) {
        struct arena_piece *piece = arena->pieces;
        arena->pieces = piece->next;
        free(piece);
    }
}

void text_add_list(struct text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        abort();
    size_t need = text->size + (size_t)length + 1;
    if (need > text->room) {
        text->room = need * 2;
        text->data = must_grow(text->data, text->room);
    }
    (void)vsnprintf(text->data + text->size, (size_t)length + 1, format, arguments);
    text->size += (size_t)length;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_add_list(text, format, arguments);
    va_end(arguments);
}

void text_clear(struct text *text)
{
    text->size = 0;
    if (text->data)
        text->data[0] = '\0';
}

void text_fini(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

const char *text_string(const struct text *text)
{
    return text->data ? text->data : "";
}

/* Reads digits; returns what follows them, or NULL when there are none or too many. */
static const char *digits(const char *word, uint64_t *out)
{
    uint64_t value = 0;
    const char *at = word;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return NULL;
        value = value * 10 + digit;
    }
    *out = value;
    return at == word ? NULL : at;
}

bool text_number(const char *word, uint64_t *out)
{
    uint64_t value;
    const char *rest = digits(word, &value);
    if (!rest || *rest)
        return false;
    *out = value;
    return true;
}

bool text_range(const char *word, uint64_t *first, uint64_t *last)
{
    uint64_t from, to;
    const char *rest = digits(word, &from);
    if (!rest)
        return false;
    if (!*rest)
        to = from;
    else if (strncmp(rest, "..", 2) != 0 || !text_number(rest + 2, &to) || to < from)
        return false;
    *first = from;
    *last = to;
    return true;
}

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {
    {"h", UINT64_C(3600000000000)},
    {"m", UINT64_C(60000000000)},
    {"s", 1000000000},
    {"ms", 1000000},
    {"us", 1000},
    {"ns", 1},
};

bool text_time(const char *word, uint64_t *ns)
{
    uint64_t value;
    if (strcmp(word, "forever") == 0) {
        *ns = UINT64_MAX;
        return true;
    }
    const char *rest = digits(word, &value);
    for (size_t i = 0; rest && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(rest, units[i].name) == 0) {
            *ns = value * units[i].ns;
            return true;
        }
    }
    return rest && !*rest && value == 0 ? (*ns = 0, true) : false;
}

void text_add_time(struct text *text, uint64_t ns)
{
    if (ns == UINT64_MAX) {
        text_add(text, "forever");
        return;
    }
    size_t i = 2;
    while (ns % units[i].ns != 0)
        i++;
    text_add(text, "%" PRIu64 "%s", ns / units[i].ns, units[i].name);
}

/* The word at *at without what delimits it; brackets and commas are words of their own. NULL at the end. */
static char *next_word(struct arena *arena, const char **at)
{
    static const char alone[] = "[],";
    const char *from = *at + strspn(*at, " \t");
    if (!*from)
        return NULL;
    size_t size = strchr(alone, *from) ? 1 : strcspn(from, " \t[],");
    if (*from == '(')
        size = strcspn(from, ")") + (strchr(from, ')') ? 1 : 0);
    *at = from + size;
    return arena_copy(arena, from, size);
}

struct canonical {
    struct text *out;
    bool open; /* first and last hold numbers not yet written */
    uint64_t first, last;
    bool glue; /* no space before the next word */
};

static void canonical_word(struct canonical *c, const char *word)
{
    bool closing = *word == ']' || *word == ',';
    text_add(c->out, "%s%s", c->glue || closing ? "" : " ", word);
    c->glue = *word == '[';
}

static void canonical_flush(struct canonical *c)
{
    char word[64];
    if (!c->open)
        return;
    c->open = false;
    if (c->first == c->last)
        (void)snprintf(word, sizeof(word), "%" PRIu64, c->first);
    else
        (void)snprintf(word, sizeof(word), "%" PRIu64 "..%" PRIu64, c->first, c->last);
    canonical_word(c, word);
}

static bool is_code(const char *word)
{
    return word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == '\0';
}

void text_add_canonical(struct text *text, const char *line)
{
    struct arena arena = {0};
    struct canonical c = {.out = text, .glue = true};
    const char *word;
    bool after_code = false;
    while ((word = next_word(&arena, &line))) {
        uint64_t first, last;
        if (!text_range(word, &first, &last)) {
            canonical_flush(&c);
            canonical_word(&c, word);
        } else if (c.open && first == c.last + 1) {
            c.last = last;
        } else if (!after_code || last != 0) { /* "OK 0" is "OK" */
            canonical_flush(&c);
            c.open = true;
            c.first = first;
            c.last = last;
        }
        after_code = is_code(word);
    }
    canonical_flush(&c);
    arena_fini(&arena);
}
