/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a Unix socket, as the kernel says: the user and groups of the process at the time when it connected. */
#include "auth.h"
#include "state.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATABASE_MAX = 16384 /* bytes of an entry in the system's databases */ };

/* By name, or where there is none by number. */
static void user_name(uid_t uid, char *to, size_t size)
{
    char memory[DATABASE_MAX];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, memory, sizeof memory, &found) == 0 && found &&
        jqw_scram_user_ok(found->pw_name, strlen(found->pw_name)))
        snprintf(to, size, "unix:%s", found->pw_name);
    else
        snprintf(to, size, "unix:%u", (unsigned)uid);
}

/* Appends one, if there is room for all of it; names that would not be told from others in a list go by number. */
static void group_add(gid_t gid, char *to, size_t size)
{
    char memory[DATABASE_MAX];
    struct group entry, *found = NULL;
    char text[JQW_SCRAM_USER_MAX + 1];
    size_t used = strlen(to);
    if (getgrgid_r(gid, &entry, memory, sizeof memory, &found) == 0 && found &&
        jqw_scram_user_ok(found->gr_name, strlen(found->gr_name)))
        snprintf(text, sizeof text, "%s", found->gr_name);
    else
        snprintf(text, sizeof text, "%u", (unsigned)gid);
    if (strlen(text) + 2 <= size - used)
        snprintf(to + used, size - used, "%s%s", used > 0 ? "," : "", text);
}

static void groups_add(int fd, gid_t own, char *to, size_t size)
{
    gid_t gids[AUTH_GROUPS_MAX - 1];
    socklen_t length = sizeof gids;
    group_add(own, to, size);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &length) != 0)
        return; /* more than count here: none does */
    for (size_t i = 0; i < length / sizeof *gids; i++)
        if (gids[i] != own)
            group_add(gids[i], to, size);
}

int auth_peer(struct auth *auth, int fd, struct auth_subject **out)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    char name[AUTH_NAME_MAX + 1], groups[4000] = "";
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid == (uid_t)-1)
        return JQ_AUTH_FAILED;
    user_name(peer.uid, name, sizeof name);
    groups_add(fd, peer.gid, groups, sizeof groups);
    return auth_enter(auth, name, groups, peer.uid == geteuid() || peer.uid == 0, out);
}
