/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what. An act is a request, so there are no more of them than requests that a connection may have open. */
#include "audit.h"
#include "auth.h"
#include "codes.h"
#include "login.h"
#include <stdlib.h>
#include <string.h>

struct act {
    struct act *next;
    uint32_t request;
    const char *name; /* static */
    const char *key;  /* static: of what else it is about; NULL: nothing */
    uint32_t queue_size, more_size;
    char texts[]; /* the queue, and what else */
};

enum { IDENTITY = 4 /* pairs */ };

/* Whom a line is about: a user, or where that says nothing an address, which `to` then holds. */
static struct log_who who_is(const struct jqw_transport *transport, const struct auth_subject *subject,
                             char to[LOGIN_ADDRESS_MAX])
{
    if (subject && strcmp(auth_name(subject), "nobody") != 0)
        return (struct log_who){auth_name(subject), LOG_PROVED};
    login_address(transport, to);
    return (struct log_who){to, subject ? LOG_UNPROVED : LOG_STRANGER};
}

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
    char peer[160], address[LOGIN_ADDRESS_MAX];
    size_t count = identity(connection, fields, peer, sizeof peer);
    if (queue_size > 0)
        fields[count++] = field_bytes("queue", queue, queue_size);
    if (*why)
        fields[count++] = field_text("why", why);
    log_event(&(struct log_event){.level = LOG_LEVEL_WARN,
                                  .message = message,
                                  .audit = true,
                                  .who = who_is(&connection->transport, connection->subject, address),
                                  .fields = fields});
}

void audit_stranger(const struct jqw_transport *transport, const char *message, const char *why, bool audit)
{
    char peer[160] = "", address[LOGIN_ADDRESS_MAX];
    (void)transport->ops->describe(transport, peer, sizeof peer);
    const struct log_field fields[] = {
        field_text("peer", peer), *why ? field_text("why", why) : (struct log_field){0}, {0}};
    log_event(&(struct log_event){.level = LOG_LEVEL_WARN,
                                  .message = message,
                                  .audit = audit,
                                  .who = who_is(transport, NULL, address),
                                  .fields = fields});
}

static void tell(const struct connection *connection, const struct audit_act *act, const char *result)
{
    struct log_field fields[IDENTITY + 5] = {0};
    char peer[160], address[LOGIN_ADDRESS_MAX];
    size_t count = 0;
    fields[count++] = field_text("act", act->name);
    fields[count++] = act->queue;
    if (act->more.key)
        fields[count++] = act->more;
    fields[count++] = field_text("result", result);
    (void)identity(connection, fields + count, peer, sizeof peer);
    log_event(&(struct log_event){.level = LOG_LEVEL_INFO,
                                  .message = "audit",
                                  .audit = true,
                                  .who = who_is(&connection->transport, connection->subject, address),
                                  .fields = fields});
}

static void tell_noted(const struct connection *connection, const struct act *act, const char *result)
{
    struct audit_act told = {.name = act->name, .queue = field_bytes("queue", act->texts, act->queue_size)};
    if (act->key)
        told.more = field_bytes(act->key, act->texts + act->queue_size, act->more_size);
    tell(connection, &told, result);
}

static void copy(char *to, const struct log_field *field)
{
    if (field->size > 0)
        memcpy(to, field->text, field->size);
}

void audit_begin(struct connection *connection, uint32_t request, const struct audit_act *act)
{
    struct act *noted = malloc(sizeof *noted + act->queue.size + act->more.size);
    if (!noted) {
        tell(connection, act, "?");
        return;
    }
    *noted = (struct act){.next = connection->acts,
                          .request = request,
                          .name = act->name,
                          .key = act->more.key,
                          .queue_size = (uint32_t)act->queue.size,
                          .more_size = (uint32_t)act->more.size};
    copy(noted->texts, &act->queue);
    copy(noted->texts + act->queue.size, &act->more);
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
    tell_noted(connection, act, jqw_code_name(code));
    free(act);
}

void audit_clear(struct connection *connection)
{
    while (connection->acts) {
        struct act *act = connection->acts;
        connection->acts = act->next;
        tell_noted(connection, act, "unanswered");
        free(act);
    }
}
