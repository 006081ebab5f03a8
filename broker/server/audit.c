/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what. An act is a request, so there are no more of them than requests that a connection may have open. */
#include "audit.h"
#include "auth.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

struct act {
    struct act *next;
    uint32_t request;
    const char *name; /* static */
    uint32_t queue_size;
    char queue[];
};

enum { IDENTITY = 4 /* pairs */ };

/* The pairs are good until the buffer is. */
static size_t identity(const struct connection *connection, struct log_field *out, char *peer, size_t peer_size)
{
    size_t count = 0;
    peer[0] = '\0';
    (void)connection->transport.ops->describe(&connection->transport, peer, peer_size);
    out[count++] = field_text("peer", peer);
    out[count++] = field_number("session", connection->id);
    if (connection->name_size > 0)
        out[count++] = field_bytes("client", connection->name, connection->name_size);
    if (connection->subject)
        out[count++] = field_text("user", auth_name(connection->subject));
    return count;
}

void audit_refused(const struct connection *connection, const char *message, const char *why, const char *queue,
                   size_t queue_size)
{
    struct log_field fields[IDENTITY + 3] = {0};
    char peer[160];
    size_t count = identity(connection, fields, peer, sizeof peer);
    if (queue_size > 0)
        fields[count++] = field_bytes("queue", queue, queue_size);
    if (*why)
        fields[count++] = field_text("why", why);
    log_event(&(struct log_event){.level = LOG_LEVEL_WARN, .message = message, .audit = true, .fields = fields});
}

void audit_turned_away(const struct jqw_transport *transport)
{
    char peer[160] = "";
    (void)transport->ops->describe(transport, peer, sizeof peer);
    const struct log_field fields[] = {field_text("peer", peer), {0}};
    log_event(&(struct log_event){
        .level = LOG_LEVEL_WARN, .message = "no room for a connection", .audit = true, .fields = fields});
}

static void tell(const struct connection *connection, const char *act, const char *queue, size_t queue_size,
                 const char *result)
{
    struct log_field fields[IDENTITY + 4] = {0};
    char peer[160];
    fields[0] = field_text("act", act);
    fields[1] = field_bytes("queue", queue, queue_size);
    fields[2] = field_text("result", result);
    (void)identity(connection, fields + 3, peer, sizeof peer);
    log_event(&(struct log_event){.level = LOG_LEVEL_INFO, .message = "audit", .audit = true, .fields = fields});
}

void audit_begin(struct connection *connection, uint32_t request, const char *act, const void *queue, size_t queue_size)
{
    struct act *noted = malloc(sizeof *noted + queue_size);
    if (!noted) {
        tell(connection, act, queue, queue_size, "?");
        return;
    }
    noted->request = request;
    noted->name = act;
    noted->queue_size = (uint32_t)queue_size;
    if (queue_size > 0)
        memcpy(noted->queue, queue, queue_size);
    noted->next = connection->acts;
    connection->acts = noted;
}

void audit_end(struct connection *connection, uint32_t request, int code)
{
    struct act **link = &connection->acts;
    while (*link && (*link)->request != request)
        link = &(*link)->next;
    struct act *act = *link;
    if (!act)
        return;
    *link = act->next;
    tell(connection, act->name, act->queue, act->queue_size, jqw_code_name(code));
    free(act);
}

void audit_clear(struct connection *connection)
{
    while (connection->acts) {
        struct act *act = connection->acts;
        connection->acts = act->next;
        tell(connection, act->name, act->queue, act->queue_size, "unanswered");
        free(act);
    }
}
