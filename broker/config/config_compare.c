/* SPDX-License-Identifier: Apache-2.0 */
/* What has changed between two configurations, in words. */
#include "config_table.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct comparing {
    config_told told;
    void *user;
};

__attribute__((format(printf, 3, 4))) static void tell(const struct comparing *comparing, bool late, const char *format,
                                                       ...)
{
    char text[CONFIG_WHY_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    comparing->told(comparing->user, text, late);
}

/* Owned by the caller; NULL without memory. */
static char *written(const struct config_option *option, const void *base)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    if (config_value_set(option, base))
        config_value_write(option, base, to);
    else
        fputs("nothing", to);
    fclose(to);
    return text;
}

static void compare_options(const struct comparing *comparing, const struct config_section *section,
                            const struct config *before, const struct config *after)
{
    for (const struct config_option *option = section->options; option->name; option++) {
        if (config_value_same(option, before, after))
            continue;
        char *was = written(option, before), *is = written(option, after);
        tell(comparing, !option->reloads, "%s.%s = %s, was %s", section->name, option->name, is ? is : "?",
             was ? was : "?");
        free(was);
        free(is);
    }
}

/* ---- sections with titles ---- */

static const struct config_list *list_of(const struct config *config, const struct config_section *section)
{
    return (const void *)((const char *)config + section->list);
}

static const struct config_item *item_at(const struct config *config, const struct config_section *section, uint32_t i)
{
    return (const void *)((const char *)list_of(config, section)->items + section->item_size * i);
}

static const struct config_item *item_named(const struct config *config, const struct config_section *section,
                                            const char *title)
{
    for (uint32_t i = 0; i < list_of(config, section)->count; i++) {
        const struct config_item *item = item_at(config, section, i);
        if (strcmp(item->title, title) == 0)
            return item;
    }
    return NULL;
}

static bool same(const struct config_section *section, const struct config_item *a, const struct config_item *b)
{
    const struct config_option *option = section->options;
    while (option->name && config_value_same(option, a, b))
        option++;
    return !option->name;
}

static void compare_items(const struct comparing *comparing, const struct config_section *section,
                          const struct config *before, const struct config *after)
{
    for (uint32_t i = 0; i < list_of(after, section)->count; i++) {
        const struct config_item *is = item_at(after, section, i), *was = item_named(before, section, is->title);
        if (!was)
            tell(comparing, !section->reloads, "%s \"%s\" is new", section->name, is->title);
        else if (!same(section, was, is))
            tell(comparing, !section->changes, "%s \"%s\" has other options", section->name, is->title);
    }
    for (uint32_t i = 0; i < list_of(before, section)->count; i++) {
        const struct config_item *was = item_at(before, section, i);
        if (!item_named(after, section, was->title))
            tell(comparing, !section->changes, "%s \"%s\" is gone", section->name, was->title);
    }
}

void config_compare(const struct config *before, const struct config *after, config_told told, void *user)
{
    const struct comparing comparing = {told, user};
    for (const struct config_section *section = config_sections; section->name; section++) {
        if (section->title)
            compare_items(&comparing, section, before, after);
        else
            compare_options(&comparing, section, before, after);
    }
}
