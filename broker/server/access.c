/* SPDX-License-Identifier: Apache-2.0 */
/* Users and permissions that have changed: who is in, or on its way, and would not be let in now is put out; everybody else goes on. */
#include "audit.h"
#include "auth.h"
#include "bridge.h"
#include "state.h"
#include <stdio.h>

static void put_out(struct connection *connection, const char *why, const char *told)
{
    audit_refused(connection, "connection ended", why, "", 0);
    bridge_refuse(connection, JQ_AUTH_FAILED, told);
}

static void look_at(struct connection *connection)
{
    const struct server *server = connection->server;
    char why[AUTH_NAME_MAX + 32];
    bool is_in = connection->state == CONNECTION_OPEN;
    if (!is_in && connection->state != CONNECTION_GREETING)
        return;
    if (connection->methods & AUTH_UNTIL_CONFIGURED && auth_configured(server->auth)) {
        put_out(connection, "users or permissions are new: nobody was asked before",
                "clients are asked now who they are");
    } else if (is_in && auth_is_over(connection->subject)) {
        snprintf(why, sizeof why, "user '%s' has changed", auth_name(connection->subject));
        put_out(connection, why, "this user has changed, and has to prove itself anew");
    } else if (is_in) {
        bridge_review(connection);
    }
}

int server_access(struct server *server, const struct auth_source *source, char *why, size_t why_size)
{
    int code = auth_load(server->auth, source, why, why_size);
    for (uint32_t i = 0; code == JQ_OK && i < server->sessions.size; i++)
        if (server->sessions.slots[i].connection)
            look_at(server->sessions.slots[i].connection);
    return code;
}
