/* SPDX-License-Identifier: Apache-2.0 */
/* Users and permissions that have changed: who is in and would not be let in now is put out; everybody else goes on. */
#include "audit.h"
#include "auth.h"
#include "bridge.h"
#include "state.h"
#include <stdio.h>

static void put_out(struct connection *connection)
{
    if (connection->state != CONNECTION_OPEN || !auth_is_over(connection->subject))
        return;
    char why[AUTH_NAME_MAX + 32];
    snprintf(why, sizeof why, "user '%s' has changed", auth_name(connection->subject));
    audit_refused(connection, "connection ended", why, "", 0);
    bridge_refuse(connection, JQ_AUTH_FAILED, "this user has changed, and has to prove itself anew");
}

int server_access(struct server *server, const struct auth_source *source, char *why, size_t why_size)
{
    int code = auth_load(server->auth, source, why, why_size);
    for (uint32_t i = 0; code == JQ_OK && i < server->sessions.size; i++)
        if (server->sessions.slots[i].connection)
            put_out(server->sessions.slots[i].connection);
    return code;
}
