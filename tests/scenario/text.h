/* SPDX-License-Identifier: Apache-2.0 */
/* Strings for the scenario runner: one that grows, an arena, times as people write them, and the one way to write a trace
 * line. It knows nothing of queues. Memory that is refused ends the program: it is a test tool. */
#ifndef SCENARIO_TEXT_H
#define SCENARIO_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *must_alloc(size_t size); /* zeroed */
void *must_grow(void *data, size_t size);

/* Pieces that are freed together. */
struct arena {
    struct arena_piece *pieces;
};
void *arena_alloc(struct arena *arena, size_t size); /* zeroed */
char *arena_copy(struct arena *arena, const char *bytes, size_t size);
void arena_fini(struct arena *arena);

/* A string that grows; zero-initialise it. */
struct text {
    char *data; /* NUL at the end, or NULL while nothing was added */
    size_t size, room;
};
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_list(struct text *text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
void text_clear(struct text *text);
void text_fini(struct text *text);
const char *text_string(const struct text *text); /* never NULL */

/* Whole words only: false, and nothing set, for anything else. */
bool text_number(const char *word, uint64_t *out);
bool text_range(const char *word, uint64_t *first, uint64_t *last); /* "7" or "7..9" */
bool text_time(const char *word, uint64_t *ns);                     /* "5ns" "20us" "500ms" "3s" "2m" "1h" "forever" */
void text_add_time(struct text *text, uint64_t ns);                 /* the largest unit that fits */

/* Adds a trace line as it is compared: one space between words, neighbouring numbers as ranges (1 2 3 is 1..3), no space at
 * brackets and before commas, no count of zero. */
void text_add_canonical(struct text *text, const char *line);

#endif
