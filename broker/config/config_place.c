/* SPDX-License-Identifier: Apache-2.0 */
/* Where each option was said, so that what is found wrong later can be told with file and line, too. What is wrong is for others to know. */
#include "codes.h"
#include "config_table.h"
#include <stdlib.h>
#include <string.h>

struct place {
    const struct config_option *option;
    char *text; /* owned */
};

/* The last one holds. Without memory an error has no place, which is all. */
void config_place_put(struct config *config, const struct config_option *option, const char *text)
{
    struct config_list *list = &config->places;
    char *copy = strdup(text);
    struct place *places = copy ? realloc(list->items, (list->count + 1) * sizeof *places) : NULL;
    if (!places) {
        free(copy);
        return;
    }
    places[list->count++] = (struct place){option, copy};
    list->items = places;
}

void config_places_fini(struct config *config)
{
    const struct place *places = config->places.items;
    for (uint32_t i = 0; i < config->places.count; i++)
        free(places[i].text);
    free(config->places.items);
    config->places = (struct config_list){0};
}

/* Of one option; or without it of the last that was said in the section. */
static const char *place_of(const struct config *config, const struct config_section *section,
                            const struct config_option *option)
{
    const struct place *places = config->places.items;
    for (uint32_t i = config->places.count; i > 0; i--)
        if (option ? places[i - 1].option == option
                   : config_option_find(section, places[i - 1].option->name) == places[i - 1].option)
            return places[i - 1].text;
    return NULL;
}

const char *config_place(const struct config *config, const char *section, const char *option)
{
    const struct config_section *about = config_section_find(section);
    return place_of(config, about, config_option_find(about, option));
}

static void explain(const char *place, const char *section, const char *what, struct config_error *error)
{
    snprintf(error->text, sizeof error->text, "%s%s%s: %s", place ? place : "", place ? ": " : "", section, what);
}

void config_explain(const struct config *config, const char *section, const char *option, const char *what,
                    struct config_error *error)
{
    explain(config_place(config, section, option), section, what, error);
}

void config_explain_item(const struct config_item *item, const char *section, const char *what,
                         struct config_error *error)
{
    bool placed = item->place != NULL;
    snprintf(error->text, sizeof error->text, "%s%s%s \"%s\"%s", placed ? item->place : "", placed ? ": " : "", section,
             item->title, what);
}

/* It is the word that the sentence begins with. */
static const struct config_option *at_fault(const struct config_section *section, const char *why)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(why, " "), why);
    return config_option_find(section, word);
}

int config_finish(struct config *config, struct config_error *error)
{
    char why[CONFIG_WHY_SIZE / 2];
    for (const struct config_section *section = config_sections; section->name; section++) {
        if (section->title || !section->finish || section->finish(config, why, sizeof why) == JQ_OK)
            continue;
        const struct config_option *option = at_fault(section, why);
        const char *place = option ? place_of(config, section, option) : NULL;
        explain(place ? place : place_of(config, section, NULL), section->name, why, error);
        return JQ_INVALID;
    }
    return JQ_OK;
}
