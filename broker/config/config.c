/* SPDX-License-Identifier: Apache-2.0 */
/* The struct itself: made, changed one by one, freed. What is in it is told by the table. */
#include "config.h"
#include "auth.h"
#include "codes.h"
#include "config_table.h"
#include <stdlib.h>
#include <string.h>

static struct config_list *list_of(const struct config *config, const struct config_section *section)
{
    return (struct config_list *)(void *)((char *)(uintptr_t)config + section->list);
}

static void *item_at(const struct config_list *list, size_t size, uint32_t i)
{
    return (char *)list->items + size * i;
}

static void free_texts(const struct config_section *section, void *base)
{
    for (const struct config_option *option = section->options; option->name; option++) {
        if (option->kind < CONFIG_TEXT)
            continue;
        char **text = config_member(option, base);
        free(*text);
        *text = NULL;
    }
}

static void clear(struct config *config, const struct config_section *section)
{
    struct config_list *list = list_of(config, section);
    for (uint32_t i = 0; i < list->count; i++) {
        struct config_item *item = item_at(list, section->item_size, i);
        free_texts(section, item);
        free(item->title);
        free(item->place);
    }
    free(list->items);
    *list = (struct config_list){0};
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    server_config_init(&config->server);
    config->log = (struct log_config){.level = LOG_LEVEL_INFO, .format = LOG_FORMAT_LOGFMT, .audit = true};
}

void config_fini(struct config *config)
{
    for (const struct config_section *section = config_sections; section->name; section++) {
        if (section->title)
            clear(config, section);
        else
            free_texts(section, config);
    }
    config_places_fini(config);
}

void config_clear(struct config *config, const char *section)
{
    const struct config_section *about = config_section_find(section);
    JQ_ASSERT(about && about->title);
    clear(config, about);
}

int config_set(struct config *config, const char *section, const char *option, const char *value, const char *place,
               struct config_error *error)
{
    const struct config_section *about = config_section_find(section);
    JQ_ASSERT(about && !about->title && config_option_find(about, option));
    const struct config_option *found = config_option_find(about, option);
    int code = config_value_read(found, value, config, error->text, sizeof error->text);
    if (code == JQ_OK)
        config_place_put(config, found, place);
    return code;
}

static bool has_item(const struct config_list *list, size_t size, const char *title)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(((const struct config_item *)item_at(list, size, i))->title, title) == 0)
            return true;
    return false;
}

/* Room for one more, by doubling. */
static void *grow(struct config_list *list, size_t size)
{
    bool full = (list->count & (list->count - 1)) == 0; /* a power of two, or none yet */
    void *items = full ? realloc(list->items, size * (list->count ? 2 * (size_t)list->count : 1)) : list->items;
    if (!items)
        return NULL;
    list->items = items;
    return item_at(list, size, list->count);
}

int config_add(struct config *config, const struct config_section *about, const char *title, void **out,
               struct config_error *error)
{
    struct config_list *list = list_of(config, about);
    if (list->count == about->max) {
        snprintf(error->text, sizeof error->text, "%s: there may be %u at most", about->name, about->max);
        return JQ_INVALID;
    }
    char *copy = strdup(title);
    struct config_item *item = copy ? grow(list, about->item_size) : NULL;
    if (!item) {
        free(copy);
        snprintf(error->text, sizeof error->text, "out of memory");
        return JQ_INVALID;
    }
    memset(item, 0, about->item_size);
    item->title = copy;
    list->count++;
    if (about->init)
        about->init(item);
    *out = item;
    return JQ_OK;
}

/* ---- taken up while it runs ---- */

static void take_options(const struct config_section *section, struct config *running, struct config *next)
{
    for (const struct config_option *option = section->options; option->name; option++) {
        char was[sizeof(uint64_t)]; /* a number or a pointer */
        JQ_ASSERT(option->size <= sizeof was);
        if (!option->reloads)
            continue;
        memcpy(was, config_member(option, running), option->size);
        memcpy(config_member(option, running), config_member(option, next), option->size);
        memcpy(config_member(option, next), was, option->size);
    }
}

/* Without memory one is told as new once more, which is all. */
static void take_new(const struct config_section *section, struct config *running, struct config *next)
{
    struct config_list *to = list_of(running, section), *from = list_of(next, section);
    for (uint32_t i = 0; i < from->count;) {
        struct config_item *item = item_at(from, section->item_size, i);
        void *room = has_item(to, section->item_size, item->title) ? NULL : grow(to, section->item_size);
        if (!room) {
            i++;
            continue;
        }
        memcpy(room, item, section->item_size);
        memmove(item, item_at(from, section->item_size, --from->count), section->item_size);
        to->count++;
    }
}

void config_take(struct config *running, struct config *next)
{
    for (const struct config_section *section = config_sections; section->name; section++) {
        if (!section->title) {
            take_options(section, running, next);
        } else if (section->changes) {
            struct config_list was = *list_of(running, section);
            *list_of(running, section) = *list_of(next, section);
            *list_of(next, section) = was;
        } else if (section->reloads) {
            take_new(section, running, next);
        }
    }
}

int config_add_listener(struct config *config, const char *url, const char *place, struct config_listener **listener,
                        struct config_error *error)
{
    const struct config_section *about = config_section_find("listen");
    void *item;
    if (config_add(config, about, url, &item, error) != JQ_OK)
        return JQ_INVALID;
    *listener = item;
    (*listener)->item.place = place ? strdup(place) : NULL;
    return about->finish(item, error->text, sizeof error->text);
}

const struct config_queue *config_queue_named(const struct config *config, const char *name)
{
    for (uint32_t i = 0; i < config->queues.count; i++) {
        if (strcmp(config_queue(config, i)->item.title, name) == 0)
            return config_queue(config, i);
    }
    return NULL;
}

/* Whether dead letters of a queue come back to it, by way of others. */
static bool letters_return(const struct config *config, const struct config_queue *queue)
{
    const struct config_queue *at = queue;
    for (uint32_t steps = 0; steps < config->queues.count && at && at->options.dead_letter.size; steps++) {
        at = config_queue_named(config, at->dead_letter);
        if (at == queue)
            return true;
    }
    return false;
}

/* Whether some of the ways in that it names could lead anybody in. */
static bool lets_somebody_in(const struct config *config, const struct server_listener *listener)
{
    enum jqw_url_scheme scheme = listener->url.scheme;
    unsigned ways = AUTH_OPEN | AUTH_NOBODY;
    if (config->users)
        ways |= AUTH_PASSWORD;
    if (scheme == JQW_URL_UNIX)
        ways |= AUTH_PEER;
    if (scheme == JQW_URL_TLS && config->server.tls.ca)
        ways |= AUTH_CERTIFICATE;
    return listener->methods == 0 || (listener->methods & ways) != 0;
}

static int check_listeners(const struct config *config, struct config_error *error)
{
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        const struct config_listener *listener = config_listener(config, i);
        const char *wrong = NULL;
        if (listener->listener.url.scheme == JQW_URL_TLS && !config->server.tls.cert)
            wrong = ": there is no certificate for it (tls, cert)";
        else if (!lets_somebody_in(config, &listener->listener))
            wrong =
                ": nobody could come in: passwords take a file of users (access, users), certificates joinqs:// and "
                "their authority (tls, ca), peer takes unix://";
        if (!wrong)
            continue;
        config_explain_item(&listener->item, "listen", wrong, error);
        return JQ_INVALID;
    }
    return JQ_OK;
}

int config_check(const struct config *config, struct config_error *error)
{
    if (check_listeners(config, error) != JQ_OK)
        return JQ_INVALID;
    for (uint32_t i = 0; i < config->queues.count; i++) {
        const struct config_queue *queue = config_queue(config, i);
        const char *wrong = NULL;
        if (queue->options.durable && !config->server.data)
            wrong = " is durable, and there is no data folder";
        else if (letters_return(config, queue))
            wrong = " has dead letters that would come back to it";
        if (!wrong)
            continue;
        config_explain_item(&queue->item, "queue", wrong, error);
        return JQ_INVALID;
    }
    return JQ_OK;
}

struct config_listener *config_listener(const struct config *config, uint32_t i)
{
    JQ_ASSERT(i < config->listeners.count);
    return (struct config_listener *)config->listeners.items + i;
}

struct config_queue *config_queue(const struct config *config, uint32_t i)
{
    JQ_ASSERT(i < config->queues.count);
    return (struct config_queue *)config->queues.items + i;
}
