/* SPDX-License-Identifier: Apache-2.0 */
/* The options of who may come in and what each may do: users, permissions, groups, quotas. What their words mean is broker/auth's to
 * say; here they are put into the lines that it reads. */
#include "auth.h"
#include "codes.h"
#include "config_table.h"
#include <stdlib.h>
#include <string.h>

#define AT(type, member) .at = offsetof(type, member), .size = sizeof((type *)0)->member

const struct config_option config_access_options[] = {
    {"users", CONFIG_PATH, AT(struct config, users), .reloads = true,
     .help = "The file of users and of what proves their passwords: a line for each, as \"joinqd passwd\" prints it. "
             "Nobody but its owner, and a group that may read it, can get at it."},
    {0},
};

#define PERMISSION(member) AT(struct config_permission, member), .reloads = true
const struct config_option config_permission_options[] = {
    {"who", CONFIG_TEXT, PERMISSION(who),
     .help = "Names with commas: \"ann\" by a password, \"unix:ann\" on a Unix socket, \"cert:ann\" by a certificate, "
             "\"@workers\" for a group, "
             "\"@unix:staff\" for a group of this machine, \"nobody\" for who has not said. A * stands for any "
             "characters, but not for nobody."},
    {"may", CONFIG_TEXT, PERMISSION(may),
     .help = "Permissions with commas: put, get, join, close, declare, peek, admin, or all."},
    {"queues", CONFIG_TEXT, PERMISSION(queues),
     .help = "Names of queues with commas. A * stands for any characters, also for none, and for . and /, too."},
    {0},
};

#define GROUP(member) AT(struct config_group, member), .reloads = true
const struct config_option config_group_options[] = {
    {"members", CONFIG_TEXT, GROUP(members), .help = "Names with commas, as in a permission, but no groups."},
    {0},
};

#define QUOTA(member) AT(struct config_quota, member), .reloads = true
const struct config_option config_quota_options[] = {
    {"who", CONFIG_TEXT, QUOTA(who),
     .help =
         "Names with commas, as in a permission; but no groups of the machine. The first quota that means a user is "
         "its own."},
    {"connections", CONFIG_COUNT, QUOTA(connections),
     .help = "Connections at a time; one more is OVERLOADED. 0: no limit."},
    {"queues", CONFIG_COUNT, QUOTA(queues),
     .help = "Queues that there are at a time of those that it has made, since the broker was started; one more is "
             "OVERLOADED. 0: no limit."},
    {"messages", CONFIG_COUNT, QUOTA(messages),
     .help = "Messages put in a second, on all of its connections; a put beyond it is OVERLOADED. 0: no limit."},
    {"bytes", CONFIG_SIZE, QUOTA(bytes),
     .help =
         "Bytes of the messages put in a second, likewise. What a user may have lying in queues is bounded by their "
         "max_bytes. 0: no limit."},
    {0},
};

/* ---- what they come to ---- */

static const char *or_none(const char *text)
{
    return text && text[0] ? text : ",";
}

char *config_permission_line(const void *item)
{
    const struct config_permission *permission = item;
    char *line;
    int size =
        asprintf(&line, "%s %s %s", or_none(permission->who), or_none(permission->may), or_none(permission->queues));
    return size < 0 ? NULL : line;
}

char *config_group_line(const void *item)
{
    const struct config_group *group = item;
    char *line;
    return asprintf(&line, "%s %s", group->item.title, or_none(group->members)) < 0 ? NULL : line;
}

/* A limit that is 0 is not named: there is none. */
char *config_quota_line(const void *item)
{
    const struct config_quota *quota = item;
    static const char *const names[] = {"connections", "queues", "messages", "bytes"};
    const uint64_t numbers[] = {quota->connections, quota->queues, quota->messages, quota->bytes};
    char limits[200] = "", *line;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i])
            snprintf(limits + strlen(limits), sizeof limits - strlen(limits), " %s=%llu", names[i],
                     (unsigned long long)numbers[i]);
    return asprintf(&line, "%s%s", or_none(quota->who), limits) < 0 ? NULL : line;
}

/* Whether a line makes sense; it is freed. */
static int check(enum auth_line kind, char *line, const struct config_item *item, const char *section, char *why,
                 size_t why_size)
{
    char wrong[CONFIG_WHY_SIZE / 2] = "out of memory";
    int code = line ? auth_line_check(kind, line, wrong, sizeof wrong) : JQ_OVERLOADED;
    free(line);
    if (code != JQ_OK)
        snprintf(why, why_size, "%s \"%s\": %s", section, item->title, wrong);
    return code == JQ_OK ? JQ_OK : JQ_INVALID;
}

int config_permission_finish(void *item, char *why, size_t why_size)
{
    return check(AUTH_LINE_ALLOW, config_permission_line(item), item, "permission", why, why_size);
}

int config_group_finish(void *item, char *why, size_t why_size)
{
    return check(AUTH_LINE_GROUP, config_group_line(item), item, "group", why, why_size);
}

int config_quota_finish(void *item, char *why, size_t why_size)
{
    return check(AUTH_LINE_QUOTA, config_quota_line(item), item, "quota", why, why_size);
}

int config_clients_read(struct config_listener *listener, char *why, size_t why_size)
{
    char wrong[CONFIG_WHY_SIZE / 2];
    if (!listener->clients ||
        auth_methods_read(listener->clients, &listener->listener.methods, wrong, sizeof wrong) == JQ_OK)
        return JQ_OK;
    snprintf(why, why_size, "listen \"%s\": %s", listener->item.title, wrong);
    return JQ_INVALID;
}
