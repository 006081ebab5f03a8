/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a request, used up one by one. It knows no verb. */
#include "words.h"

#include <stdlib.h>
#include <string.h>

void words_wrong(struct words *w, const char *problem)
{
    if (!w->ask->problem)
        w->ask->problem = problem;
}

/* The next unused word; NULL when there is none. */
char *words_next(struct words *w)
{
    for (size_t i = 0; i < w->script->word_count; i++) {
        if (!w->used[i]) {
            w->used[i] = true;
            return w->script->words[i];
        }
    }
    return NULL;
}

bool words_flag(struct words *w, const char *name)
{
    for (size_t i = 0; i < w->script->word_count; i++) {
        if (!w->used[i] && strcmp(w->script->words[i], name) == 0)
            return w->used[i] = true;
    }
    return false;
}

/* The value of name=value; NULL if it is not given. */
char *words_value(struct words *w, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < w->script->word_count; i++) {
        char *at = w->script->words[i];
        if (!w->used[i] && strncmp(at, name, size) == 0 && at[size] == '=') {
            w->used[i] = true;
            return at + size + 1;
        }
    }
    return NULL;
}

uint64_t words_number(struct words *w, const char *text, uint64_t otherwise)
{
    uint64_t out = otherwise;
    if (text && !text_number(text, &out))
        words_wrong(w, "a number is wanted");
    return out;
}

uint64_t words_duration(struct words *w, const char *text, uint64_t otherwise)
{
    uint64_t out = otherwise;
    if (text && !text_time(text, &out))
        words_wrong(w, "a time is wanted");
    return out;
}

uint64_t words_timeout(struct words *w)
{
    return words_flag(w, "nowait") ? 0 : words_duration(w, words_value(w, "timeout"), ENGINE_FOREVER);
}

struct engine_text words_text(const char *text)
{
    return (struct engine_text){text, text ? (uint32_t)strlen(text) : 0};
}

/* "jobs", or "jobs@2": its second incarnation; "jobs@0": one that never was. Cuts the name. */
uint64_t words_incarnation(struct words *w, char *name, bool *named)
{
    char *at = strchr(name, '@');
    uint64_t nth = at ? words_number(w, at + 1, 1) : 0;
    *named = at != NULL;
    if (at)
        *at = '\0';
    uint64_t incarnation = at && nth == 0 ? 1 : world_incarnation(w->world, name, nth);
    if (at && nth > 0 && !incarnation)
        words_wrong(w, "the queue has had no such incarnation");
    return incarnation;
}

uint64_t words_queue(struct words *w)
{
    return words_queue_called(w, words_next(w));
}

uint64_t words_queue_called(struct words *w, char *name)
{
    bool named;
    if (!name) {
        words_wrong(w, "a queue is wanted");
        return 0;
    }
    name = arena_copy(&w->world->arena, name, strlen(name));
    char *below = strchr(name, '<');
    if (below)
        *below++ = '\0';
    uint64_t incarnation = words_incarnation(w, name, &named);
    w->ask->command.queue = (struct engine_queue_ref){words_text(name), named ? incarnation : 0};
    if (below)
        w->ask->command.queue.incarnation = ENGINE_BELOW | words_incarnation(w, below, &named);
    w->ask->request->queue = name;
    w->ask->request->incarnation = incarnation;
    return incarnation;
}

/* "3x1", "3..5x2", "other:3x1" */
static void range(struct words *w, char *text, uint64_t home, struct engine_range *out)
{
    uint64_t first = 0, last = 0, attempt = 0;
    bool named;
    char *colon = strrchr(text, ':');
    if (colon) {
        *colon = '\0';
        home = words_incarnation(w, text, &named);
        text = colon + 1;
    }
    char *x = strchr(text, 'x');
    if (x)
        *x = '\0';
    if (!x || !text_range(text, &first, &last) || !text_number(x + 1, &attempt))
        words_wrong(w, "a lease is MESSAGExATTEMPT or FIRST..LASTxATTEMPT");
    *out = (struct engine_range){home, first, (uint32_t)(last - first + 1), (uint32_t)attempt};
}

struct engine_range *words_ranges(struct words *w, const char *list, uint64_t home, uint32_t *count)
{
    char *rest = NULL, *copy = arena_copy(&w->world->arena, list, strlen(list));
    struct engine_range *out = NULL;
    *count = 0;
    for (char *item = strtok_r(copy, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        out = must_grow(out, (*count + 1) * sizeof(*out));
        range(w, item, home, &out[(*count)++]);
    }
    return out;
}

void words_priority(struct words *w, struct engine_put_options *options)
{
    char *text = words_value(w, "prio"), *bytes = words_value(w, "prio:");
    uint64_t number = 0;
    if (bytes) {
        options->priority.kind = ENGINE_PRIORITY_BYTES;
        options->priority.bytes = words_text(bytes);
    }
    if (!text)
        return;
    bool negative = text[0] == '-';
    if (!text_number(text + negative, &number))
        words_wrong(w, "a priority is a number, or prio:=BYTES");
    options->priority.kind = ENGINE_PRIORITY_NUMBER;
    options->priority.number = negative ? -(int64_t)number : (int64_t)number;
}
