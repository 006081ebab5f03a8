/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of the configuration as lines for broker/auth. */
#include "access.h"
#include "auth.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

struct lines {
    char **item, **name; /* owned */
    size_t count;
};

static void lines_fini(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->item[i]), free(lines->name[i]);
    free(lines->item);
    free(lines->name);
}

/* What an error about the section begins with. */
static char *name_make(const struct config_item *item, const char *section)
{
    struct config_error name;
    config_explain_item(item, section, ": ", &name);
    return strdup(name.text);
}

/* The lines of all sections of one kind. */
static bool lines_make(const struct config_list *list, const char *section, size_t item_size,
                       char *(*line)(const void *), struct lines *out)
{
    out->item = calloc(list->count + 1, sizeof *out->item);
    out->name = calloc(list->count + 1, sizeof *out->name);
    bool whole = out->item && out->name;
    for (uint32_t i = 0; whole && i < list->count; i++, out->count++) {
        const void *item = (const char *)list->items + i * item_size;
        out->item[i] = line(item);
        out->name[i] = name_make(item, section);
        whole = out->item[i] && out->name[i];
    }
    return whole;
}

static struct auth_lines borrowed(const struct lines *lines)
{
    return (struct auth_lines){(const char *const *)lines->item, lines->count, (const char *const *)lines->name};
}

static void on_changed(void *user, const char *name, enum auth_change change)
{
    struct access_told *told = user;
    char *names = told->names[change];
    size_t used = strlen(names), room = sizeof told->names[change] - used;
    bool cut = used >= 3 && strcmp(names + used - 3, "...") == 0;
    if (!cut)
        snprintf(names + used, room, "%s%s", used ? ", " : "", strlen(name) + strlen(", , ...") < room ? name : "...");
    told->count[change]++;
}

/* A line of it that is wrong is told with its own place. */
static bool is_about_file(const struct config *config, const char *why)
{
    size_t size = config->users ? strlen(config->users) : 0;
    return size > 0 && strncmp(why, config->users, size) == 0 && strncmp(why + size, ": ", 2) == 0;
}

/* Without a server it is only looked at. */
static int load(struct server *server, const struct config *config, struct access_told *told,
                struct config_error *error)
{
    struct lines permissions = {0}, groups = {0}, quotas = {0};
    struct auth *alone = NULL;
    int code = lines_make(&config->permissions, "permission", sizeof(struct config_permission), config_permission_line,
                          &permissions) &&
                       lines_make(&config->groups, "group", sizeof(struct config_group), config_group_line, &groups) &&
                       lines_make(&config->quotas, "quota", sizeof(struct config_quota), config_quota_line, &quotas)
                   ? JQ_OK
                   : JQ_OVERLOADED;
    const struct auth_source source = {.users = config->users,
                                       .allow = borrowed(&permissions),
                                       .groups = borrowed(&groups),
                                       .quotas = borrowed(&quotas),
                                       .changed = told ? on_changed : NULL,
                                       .told = told};
    snprintf(error->text, sizeof error->text, "users and permissions: out of memory");
    if (code == JQ_OK && server)
        code = server_access(server, &source, error->text, sizeof error->text);
    else if (code == JQ_OK && (code = auth_new(&alone)) == JQ_OK)
        code = auth_load(alone, &source, error->text, sizeof error->text);
    auth_free(alone);
    if (code != JQ_OK && is_about_file(config, error->text)) {
        char why[sizeof error->text];
        snprintf(why, sizeof why, "%s", error->text);
        config_explain(config, "access", "users", why, error);
    }
    lines_fini(&permissions);
    lines_fini(&groups);
    lines_fini(&quotas);
    return code == JQ_OK ? JQ_OK : JQ_INVALID;
}

int access_check(const struct config *config, struct config_error *error)
{
    return load(NULL, config, NULL, error);
}

int access_load(struct server *server, const struct config *config, struct access_told *told,
                struct config_error *error)
{
    return load(server, config, told, error);
}
