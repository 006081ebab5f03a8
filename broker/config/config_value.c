/* SPDX-License-Identifier: Apache-2.0 */
/* One value of an option: from text and to text, by its kind. It knows no option. */
#include "codes.h"
#include "config_table.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* The larger ones first; the last is the one that all are counted in. */
static const struct unit sizes[] = {
    {"G", UINT64_C(1) << 30}, {"M", UINT64_C(1) << 20}, {"K", UINT64_C(1) << 10}, {"", 1}, {0}};
static const struct unit times[] = {{"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1}, {0}};
static const struct unit counts[] = {{"", 1}, {0}};

static const struct unit *units_of(enum config_kind kind)
{
    return kind == CONFIG_SIZE ? sizes : kind == CONFIG_TIME ? times : counts;
}

/* ---- numbers ---- */

static bool read_number(const char *text, const struct unit *units, uint64_t *out)
{
    uint64_t value = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at); at++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    *out = 0;
    if (at == text || (units == times && strcmp(text, "0") == 0))
        return at != text;
    for (; units->name; units++) {
        if (strcmp(at, units->name) == 0)
            return !__builtin_mul_overflow(value, units->factor, out);
    }
    return false;
}

static void write_number(uint64_t value, const struct unit *units, FILE *to)
{
    while (units->factor > 1 && (value == 0 || value % units->factor != 0))
        units++;
    fprintf(to, "%" PRIu64 "%s", value / units->factor, value == 0 ? "" : units->name);
}

static uint64_t largest(const struct config_option *option)
{
    uint64_t holds = option->size == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX;
    holds /= option->scale ? option->scale : 1;
    return option->max && option->max < holds ? option->max : holds;
}

static uint64_t load(const struct config_option *option, const void *base)
{
    const char *at = (const char *)base + option->at;
    uint32_t small;
    uint64_t large;
    bool yes;
    if (option->size == sizeof yes) {
        memcpy(&yes, at, sizeof yes);
        return yes;
    }
    if (option->size == sizeof small) {
        memcpy(&small, at, sizeof small);
        return small;
    }
    memcpy(&large, at, sizeof large);
    return large;
}

static void store(const struct config_option *option, void *base, uint64_t value)
{
    const uint32_t small = (uint32_t)value;
    const bool yes = value != 0;
    if (option->size == sizeof yes)
        memcpy(config_member(option, base), &yes, sizeof yes);
    else if (option->size == sizeof small)
        memcpy(config_member(option, base), &small, sizeof small);
    else
        memcpy(config_member(option, base), &value, sizeof value);
}

static bool is_text(const struct config_option *option)
{
    return option->kind == CONFIG_TEXT || option->kind == CONFIG_PATH || option->kind == CONFIG_SECRET;
}

static const char *load_text(const struct config_option *option, const void *base)
{
    const char *text;
    memcpy(&text, (const char *)base + option->at, sizeof text);
    return text;
}

/* ---- reading ---- */

static int refuse(const struct config_option *option, const char *text, char *why, size_t why_size)
{
    char *range = NULL;
    size_t size;
    FILE *to = open_memstream(&range, &size);
    if (to) {
        config_value_range(option, to);
        fclose(to);
    }
    snprintf(why, why_size, "%s = '%.100s': must be %s", option->name, text, range ? range : "something else");
    free(range);
    return JQ_INVALID;
}

static bool read_choice(const struct config_option *option, const char *text, uint64_t *out)
{
    static const char *const answers[] = {"no", "yes", NULL};
    const char *const *choices = option->kind == CONFIG_BOOL ? answers : option->choices;
    for (uint64_t i = 0; choices[i]; i++) {
        if (strcmp(text, choices[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool read_amount(const struct config_option *option, const char *text, uint64_t *out)
{
    if (option->word && strcmp(text, option->word) == 0) {
        *out = option->word_value;
        return true;
    }
    if (!read_number(text, units_of(option->kind), out) || *out < option->min || *out > largest(option))
        return false;
    *out *= option->scale ? option->scale : 1;
    return true;
}

static int read_text(const struct config_option *option, const char *text, void *base, char *why, size_t why_size)
{
    for (const char *at = text; *at; at++) {
        if (iscntrl((unsigned char)*at)) {
            snprintf(why, why_size, "%s: there is a control character in it", option->name);
            return JQ_INVALID;
        }
    }
    char *copy = strdup(text);
    if (!copy) {
        snprintf(why, why_size, "out of memory");
        return JQ_INVALID;
    }
    if (base) {
        free(*(char **)config_member(option, base));
        memcpy(config_member(option, base), &copy, sizeof copy);
    } else {
        free(copy);
    }
    return JQ_OK;
}

int config_value_read(const struct config_option *option, const char *text, void *base, char *why, size_t why_size)
{
    uint64_t value;
    if (is_text(option))
        return *text ? read_text(option, text, base, why, why_size) : refuse(option, text, why, why_size);
    bool chosen = option->kind == CONFIG_BOOL || option->kind == CONFIG_CHOICE;
    if (chosen ? !read_choice(option, text, &value) : !read_amount(option, text, &value))
        return refuse(option, text, why, why_size);
    if (base)
        store(option, base, value);
    return JQ_OK;
}

/* ---- writing ---- */

static void write_text(const char *text, FILE *to)
{
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || *text == '$')
            putc('\\', to);
        putc(*text, to);
    }
    putc('"', to);
}

void config_value_write(const struct config_option *option, const void *base, FILE *to)
{
    if (is_text(option)) {
        write_text(config_value_set(option, base) ? load_text(option, base) : "", to);
        return;
    }
    uint64_t value = load(option, base);
    if (option->kind == CONFIG_BOOL)
        fputs(value ? "yes" : "no", to);
    else if (option->kind == CONFIG_CHOICE)
        fputs(option->choices[value], to);
    else if (option->word && value == option->word_value)
        fputs(option->word, to);
    else
        write_number(value / (option->scale ? option->scale : 1), units_of(option->kind), to);
}

bool config_value_set(const struct config_option *option, const void *base)
{
    return !is_text(option) || load_text(option, base) != NULL;
}

bool config_value_same(const struct config_option *option, const void *a, const void *b)
{
    if (!is_text(option))
        return load(option, a) == load(option, b);
    const char *one = load_text(option, a), *other = load_text(option, b);
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static void write_choices(const char *const *choices, FILE *to)
{
    for (size_t i = 0; choices[i]; i++)
        fprintf(to, "%s%s", i == 0 ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
}

void config_value_range(const struct config_option *option, FILE *to)
{
    static const char *const names[] = {[CONFIG_COUNT] = "a number",
                                        [CONFIG_SIZE] = "a size (bytes, or with K, M, G)",
                                        [CONFIG_TIME] = "a time (with ms, s, m, h)",
                                        [CONFIG_BOOL] = "yes or no",
                                        [CONFIG_TEXT] = "a text",
                                        [CONFIG_PATH] = "a path",
                                        [CONFIG_SECRET] = "a path of a file that only its owner may read"};
    if (option->kind == CONFIG_CHOICE) {
        write_choices(option->choices, to);
        return;
    }
    fputs(names[option->kind], to);
    const struct unit *units = units_of(option->kind);
    bool bounded = option->max != 0;
    if (is_text(option) || option->kind == CONFIG_BOOL)
        return;
    if (bounded || option->min) {
        fputs(bounded ? " from " : " of at least ", to);
        write_number(option->min, units, to);
    }
    if (bounded) {
        fputs(" to ", to);
        write_number(option->max, units, to);
    }
    if (option->word)
        fprintf(to, ", or %s", option->word);
}
