/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of the table of options is. The file, the command line, --dump-config, the example and the manual are all made from it. */
#ifndef JOINQ_CONFIG_CONFIG_TABLE_H
#define JOINQ_CONFIG_CONFIG_TABLE_H

#include "config.h"

enum config_kind {
    CONFIG_COUNT,  /* a number: uint32_t or uint64_t */
    CONFIG_SIZE,   /* bytes, with K, M or G: uint32_t or uint64_t */
    CONFIG_TIME,   /* with ms, s, m or h: uint64_t, in units of which `scale` are a millisecond */
    CONFIG_BOOL,   /* yes or no: bool or uint64_t */
    CONFIG_CHOICE, /* a word: its place in `choices`, uint32_t or uint64_t */
    CONFIG_TEXT,   /* char *, owned, or NULL */
    CONFIG_PATH,   /* likewise; one that does not begin with a slash is from the folder of the file that says so */
    CONFIG_SECRET, /* likewise, of a file that is for its owner only; that is checked when it is read */
};

struct config_option {
    const char *name; /* NULL ends the list */
    enum config_kind kind;
    size_t at, size;   /* of the member: in the item of a section with a title, otherwise in struct config */
    uint64_t min, max; /* of a number; of times in milliseconds. A max of 0: no bound */
    uint64_t scale;
    const char *const *choices; /* ends with NULL */
    const char *word;           /* a word that may stand for a number, ... */
    uint64_t word_value;        /* ... which one */
    const char *computed;       /* what the default is, where each machine has its own */
    bool reloads;               /* SIGHUP changes it; otherwise a restart is needed */
    const char *help;           /* a sentence or two, without the default and the range, in lines of any length */
};

struct config_section {
    const char *name;  /* NULL ends the list */
    const char *title; /* what its title is, for people; NULL: it has none, and its options are in struct config */
    const char *help;
    const char *example; /* of a title */
    const struct config_option *options;
    size_t list, item_size; /* where the config_list is in struct config */
    uint32_t max;           /* sections of the kind */
    bool reloads;           /* SIGHUP takes up new ones; ... */
    bool changes;           /* ... and other options of those that are there, and that one is gone */
    void (*init)(void *item);
    /* Checks the title, and the options together: at the end of a section with a title, of others when all is read. JQ_OK, or JQ_INVALID
     * with why, which begins for those without a title with the name of the option at fault. */
    int (*finish)(void *item, char *why, size_t why_size);
};

extern const struct config_section config_sections[];

/* config_access.c: who may come in, and do what. */
extern const struct config_option config_access_options[], config_permission_options[], config_group_options[],
    config_quota_options[];
int config_permission_finish(void *item, char *why, size_t why_size);
int config_group_finish(void *item, char *why, size_t why_size);
int config_quota_finish(void *item, char *why, size_t why_size);
int config_clients_read(struct config_listener *listener, char *why,
                        size_t why_size); /* the finish of a listener, too */

const struct config_section *config_section_find(const char *name);
const struct config_option *config_option_find(const struct config_section *section, const char *name);

/* Where a number, a word or a text is in what belongs to the option. */
static inline void *config_member(const struct config_option *option, void *base)
{
    return (char *)base + option->at;
}

/* Adds a section with a title and without options; its item is not finished. JQ_OK, or JQ_INVALID with what is wrong. */
JQ_MUST_USE int config_add(struct config *config, const struct config_section *section, const char *title, void **item,
                           struct config_error *error);

/* config_place.c: remembers where an option was said. */
void config_place_put(struct config *config, const struct config_option *option, const char *text);
void config_places_fini(struct config *config);

/* Reads a value and, if base is not NULL, stores it there. JQ_OK, or JQ_INVALID with why and nothing changed. */
JQ_MUST_USE int config_value_read(const struct config_option *option, const char *text, void *base, char *why,
                                  size_t why_size);
/* Writes the value as the file would have it; an absent text is "". */
void config_value_write(const struct config_option *option, const void *base, FILE *to);
/* Whether there is one: all but a text always are. */
bool config_value_set(const struct config_option *option, const void *base);
bool config_value_same(const struct config_option *option, const void *a, const void *b);
/* What values there may be, in words: "a number from 1 to 65536", "yes or no". */
void config_value_range(const struct config_option *option, FILE *to);

#endif
