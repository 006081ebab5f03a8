/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options for people: as a file that holds, as an example, as a manual. */
#include "config_table.h"
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 110 };

static void *item_of(const struct config *config, const struct config_section *section, uint32_t i)
{
    const struct config_list *list = (const void *)((const char *)config + section->list);
    return i < list->count ? (char *)list->items + section->item_size * i : NULL;
}

/* An item that has nothing but its defaults; freed with free. */
static void *item_default(const struct config_section *section)
{
    void *item = calloc(1, section->item_size);
    if (item && section->init)
        section->init(item);
    return item;
}

/* ---- comments ---- */

/* In lines that begin so. */
static void put_wrapped(FILE *to, const char *prefix, const char *text)
{
    size_t room = WIDTH - strlen(prefix);
    while (*text) {
        size_t size = strlen(text);
        if (size > room) {
            size = room;
            while (size > 0 && text[size] != ' ')
                size--;
        }
        fprintf(to, "%s%.*s\n", prefix, (int)size, text);
        text += size + (text[size] == ' ');
    }
}

/* What may be written, what holds without it, and when a change takes effect: one or several sentences. Owned by the caller. */
static char *facts(const struct config_option *option, const void *defaults)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    fputs("Value: ", to);
    config_value_range(option, to);
    fputs(". Default: ", to);
    if (option->computed)
        fputs(option->computed, to);
    else if (config_value_set(option, defaults))
        config_value_write(option, defaults, to);
    else
        fputs("none", to);
    fputs(option->reloads ? ". SIGHUP changes it." : ".", to);
    fclose(to);
    return text;
}

/* ---- as a file ---- */

struct printing {
    FILE *to;
    bool example;                /* nothing is set */
    const struct config *config; /* that is printed */
};

/* It would mean nothing to whoever reads the file. */
static bool is_passing(const char *place)
{
    return place && strcmp(place, CONFIG_USER_PLACE) == 0;
}

static bool is_passing_option(const struct printing *printing, const struct config_option *option, const void *base)
{
    return base == printing->config && option->at == offsetof(struct config, users) &&
           is_passing(config_place(printing->config, "access", "users"));
}

static void put_option(const struct printing *printing, const struct config_option *option, const void *base,
                       const void *defaults)
{
    char *text = facts(option, defaults);
    FILE *to = printing->to;
    bool set = !printing->example && config_value_set(option, base);
    putc('\n', to);
    put_wrapped(to, "    # ", option->help);
    put_wrapped(to, "    # ", text ? text : "");
    free(text);
    if (is_passing_option(printing, option, base)) {
        fprintf(
            to,
            "    # Made of " CONFIG_USER_PLACE
            " and its password file, with a permission for everything; they have to be set again.\n    #%s = \"\"\n",
            option->name);
        return;
    }
    fprintf(to, "    %s%s = ", set ? "" : "#", option->name);
    if (printing->example && option->computed)
        fputs("...", to);
    else
        config_value_write(option, base, to);
    putc('\n', to);
}

static void put_title(FILE *to, const char *title)
{
    putc('"', to);
    for (; *title; title++)
        fprintf(to, *title == '"' || *title == '\\' || *title == '$' ? "\\%c" : "%c", *title);
    putc('"', to);
}

static void put_section(const struct printing *printing, const struct config_section *section, const void *base,
                        const void *defaults)
{
    bool silent = printing->example && section->title; /* an example of a section with a title would be one more */
    const char *mark = silent ? "#" : "";
    fprintf(printing->to, "\n%s%s ", mark, section->name);
    if (section->title) {
        put_title(printing->to, printing->example ? section->example : ((const struct config_item *)base)->title);
        putc(' ', printing->to);
    }
    fputs("{", printing->to);
    for (const struct config_option *option = section->options; option->name; option++)
        put_option(printing, option, base, defaults);
    fprintf(printing->to, "%s}\n", mark);
}

static void put_titled(const struct printing *printing, const struct config *config,
                       const struct config_section *section)
{
    void *defaults = item_default(section);
    if (!defaults)
        return;
    if (printing->example)
        put_section(printing, section, defaults, defaults);
    const struct config_item *item;
    for (uint32_t i = 0; !printing->example && (item = item_of(config, section, i)); i++)
        if (!is_passing(item->place))
            put_section(printing, section, item, defaults);
    free(defaults);
}

static void put_all(const struct printing *printing, const struct config *config)
{
    struct config defaults;
    config_init(&defaults);
    for (const struct config_section *section = config_sections; section->name; section++) {
        putc('\n', printing->to);
        put_wrapped(printing->to, "# ", section->help);
        if (section->title)
            put_titled(printing, config, section);
        else
            put_section(printing, section, config, &defaults);
    }
    config_fini(&defaults);
}

void config_dump(const struct config *config, FILE *to)
{
    const struct printing printing = {.to = to, .config = config};
    fputs("# The configuration of joinqd that holds: defaults, file and command line together.\n", to);
    put_all(&printing, config);
}

void config_example(FILE *to)
{
    struct config config;
    const struct printing printing = {.to = to, .example = true, .config = &config};
    config_init(&config);
    fputs("# The configuration of joinqd, with every option at its default. Made from the table of options by\n"
          "# \"./dev configuration\"; joinqd.conf(5) says more. It is used with joinqd -c FILE, and checked with "
          "--check.\n"
          "#\n"
          "# Another file is taken in by include(\"FILE\"), and ${NAME} is a variable of the environment.\n",
          to);
    put_all(&printing, &config);
    config_fini(&config);
}

/* ---- a queue that is there already ---- */

static void put_number(FILE *to, const struct config_option *option, uint64_t value)
{
    struct config_queue there = {0};
    memcpy(config_member(option, &there), &value, sizeof value);
    config_value_write(option, &there, to);
}

void config_queue_clash(const struct config_queue *queue, enum engine_option option, uint64_t is, char *why,
                        size_t why_size)
{
    const struct config_option *options = config_section_find("queue")->options;
    size_t at = offsetof(struct config_queue, options) + sizeof(uint64_t) * option;
    const struct config_option *differs = options;
    while (differs->name && differs->at != at)
        differs++;
    snprintf(why, why_size, "it exists with another %s",
             option >= ENGINE_OPTION_DEAD_DROP ? "dead_letter" : "lifetime");
    FILE *to = differs->name ? fmemopen(why, why_size, "w") : NULL;
    if (!to)
        return;
    fprintf(to, "%s = ", differs->name);
    config_value_write(differs, queue, to);
    fputs(", and it exists with ", to);
    put_number(to, differs, is);
    fclose(to);
}
_Static_assert(offsetof(struct engine_queue_options, dead_letter) == sizeof(uint64_t) * ENGINE_OPTION_DEAD_LETTER,
               "the options before it are numbers, in the order of their names");

/* ---- as a manual ---- */

static void put_manual_text(FILE *to, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", to);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", to);
        else if (*text == '-')
            fputs("\\-", to);
        else
            putc(*text, to);
    }
}

static void put_manual_option(FILE *to, const struct config_option *option, const void *defaults)
{
    char *text = facts(option, defaults);
    fprintf(to, ".TP\n.B %s\n", option->name);
    put_manual_text(to, option->help);
    fputs("\n.br\n", to);
    put_manual_text(to, text ? text : "");
    putc('\n', to);
    free(text);
}

static void put_manual_section(FILE *to, const struct config_section *section, const void *defaults)
{
    fprintf(to, ".SS %s", section->name);
    if (section->title)
        fprintf(to, " \\(dq%s\\(dq", section->title);
    putc('\n', to);
    put_manual_text(to, section->help);
    putc('\n', to);
    for (const struct config_option *option = section->options; option->name; option++)
        put_manual_option(to, option, defaults);
}

void config_manual(FILE *to)
{
    struct config defaults;
    config_init(&defaults);
    for (const struct config_section *section = config_sections; section->name; section++) {
        void *item = section->title ? item_default(section) : NULL;
        if (item || !section->title)
            put_manual_section(to, section, section->title ? item : (void *)&defaults);
        free(item);
    }
    config_fini(&defaults);
}
