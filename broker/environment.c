/* SPDX-License-Identifier: Apache-2.0 */
/* The environment. A variable that begins like ours and means nothing is an error, as an unknown option of the file is. */
#include "environment.h"
#include "auth.h"
#include "codes.h"
#include "config_table.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ITERATIONS = 65536 };
static const char prefix[] = "JOINQD_";

__attribute__((format(printf, 2, 3))) static int wrong(struct config_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return JQ_INVALID;
}

/* ---- options ---- */

static int add_listeners(struct config *config, const char *urls, struct config_error *error)
{
    char *copy = strdup(urls), *place;
    int code = copy ? JQ_OK : wrong(error, "out of memory");
    for (const char *url = copy ? strtok_r(copy, " ", &place) : NULL; url && code == JQ_OK;
         url = strtok_r(NULL, " ", &place)) {
        struct config_listener *listener;
        code = config_add_listener(config, url, "JOINQD_LISTEN", &listener, error);
    }
    free(copy);
    return code;
}

static void lower(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; from[i] && i + 1 < size; i++)
        to[i] = (char)tolower((unsigned char)from[i]);
    to[i] = '\0';
}

/* `limits_max_memory`, or a short name. */
static int set_option(struct config *config, char *name, const char *value, const char *variable,
                      struct config_error *error)
{
    char data[] = "data_folder", memory[] = "limits_max_memory";
    char *at = strcmp(name, "data") == 0 ? data : strcmp(name, "max_memory") == 0 ? memory : name;
    char *option = strchr(at, '_');
    if (option)
        *option++ = '\0';
    const struct config_section *section = option ? config_section_find(at) : NULL;
    if (!section || !section->name || section->title || !config_option_find(section, option))
        return wrong(error, "there is no such option");
    return config_set(config, section->name, option, value, variable, error);
}

/* The user's, and what Kubernetes sets where a service is called joinqd. */
static bool is_no_option(const char *name)
{
    return strcmp(name, "user") == 0 || strcmp(name, "password_file") == 0 || strcmp(name, "port") == 0 ||
           strncmp(name, "port_", 5) == 0 || strncmp(name, "service_", 8) == 0;
}

static int take_variable(struct config *config, const char *variable, struct config_error *error)
{
    char name[128], whole[128];
    struct config_error what = {{0}};
    const char *value = strchr(variable, '=') + 1;
    int size = (int)(value - variable) - 1;
    if (size >= (int)sizeof name)
        return wrong(error, "%.*s: there is no such option", size, variable);
    snprintf(whole, sizeof whole, "%.*s", size, variable);
    lower(name, sizeof name, variable + strlen(prefix));
    name[size - (int)strlen(prefix)] = '\0';
    if (is_no_option(name))
        return JQ_OK;
    int code = strcmp(name, "listen") == 0 ? add_listeners(config, value, &what)
                                           : set_option(config, name, value, whole, &what);
    return code == JQ_OK ? code : wrong(error, "%s: %s", whole, what.text);
}

/* Where the service manager keeps a folder for what is to last, it is there unless something else is said. */
static int take_state_folder(struct config *config, struct config_error *error)
{
    const char *folder = getenv("STATE_DIRECTORY");
    if (config->server.data || !folder || folder[0] != '/' || strchr(folder, ':'))
        return JQ_OK;
    return config_set(config, "data", "folder", folder, "STATE_DIRECTORY", error);
}

/* ---- the user ---- */

/* The mode of the file is not looked at: whoever runs containers puts secrets into files that all who are inside may read. */
static int entry_make(const char *user, const char *path, const char **entry, struct config_error *error)
{
    static char
        made[AUTH_ENTRY_MAX]; /* stays while it is right: each new one would be another password for who is in */
    char password[JQW_SCRAM_PASSWORD_MAX + 3], why[256];
    FILE *file = fopen(path, "re");
    if (!file)
        return wrong(error, "JOINQD_PASSWORD_FILE: %s: %s", path, strerror(errno));
    setbuf(file, NULL); /* no copy of it stays behind */
    bool some = fgets(password, sizeof password, file) != NULL;
    fclose(file);
    size_t size = some ? strcspn(password, "\r\n") : 0;
    int code = size > 0 ? JQ_OK : JQ_EMPTY;
    if (code == JQ_OK && !auth_entry_proves(made, user, password, size))
        code = auth_entry_make(user, password, size, ITERATIONS, made, why, sizeof why);
    explicit_bzero(password, sizeof password);
    if (code == JQ_EMPTY)
        return wrong(error, "JOINQD_PASSWORD_FILE: %s: there is no password in its first line", path);
    *entry = made;
    return code == JQ_OK ? code : wrong(error, "JOINQD_USER: %s", why);
}

/* A file of users that nobody else can open; the same one each time. */
static int users_write(struct config *config, const char *entry, struct config_error *error)
{
    static int fd = -1;
    char path[64];
    size_t size = strlen(entry);
    if (fd < 0)
        fd = memfd_create("joinqd-users", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0 || ftruncate(fd, 0) != 0 ||
        pwrite(fd, entry, size, 0) != (ssize_t)size || pwrite(fd, "\n", 1, (off_t)size) != 1)
        return wrong(error, "JOINQD_USER: %s", strerror(errno));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return config_set(config, "access", "users", path, CONFIG_USER_PLACE, error);
}

static int permit_everything(struct config *config, const char *user, struct config_error *error)
{
    void *item;
    if (config_add(config, config_section_find("permission"), CONFIG_USER_PLACE, &item, error) != JQ_OK)
        return JQ_INVALID;
    struct config_permission *permission = item;
    permission->who = strdup(user);
    permission->may = strdup("all");
    permission->queues = strdup("*");
    permission->item.place = strdup(CONFIG_USER_PLACE);
    bool whole = permission->who && permission->may && permission->queues;
    return whole ? JQ_OK : wrong(error, "out of memory");
}

static int take_user(struct config *config, struct config_error *error)
{
    const char *user = getenv("JOINQD_USER"), *path = getenv("JOINQD_PASSWORD_FILE");
    const char *entry = NULL;
    if (!user && !path)
        return JQ_OK;
    if (!user || !path)
        return wrong(error, "JOINQD_USER and JOINQD_PASSWORD_FILE go together");
    if (config->users)
        return wrong(error, "JOINQD_USER: the configuration has a file of users already");
    int code = entry_make(user, path, &entry, error);
    if (code == JQ_OK)
        code = users_write(config, entry, error);
    return code == JQ_OK ? permit_everything(config, user, error) : code;
}

int environment_config(struct config *config, struct config_error *error)
{
    int code = JQ_OK;
    for (char **at = environ; *at && code == JQ_OK; at++)
        if (strncmp(*at, prefix, strlen(prefix)) == 0 && strchr(*at, '='))
            code = take_variable(config, *at, error);
    if (code == JQ_OK)
        code = take_state_folder(config, error);
    return code == JQ_OK ? take_user(config, error) : code;
}
