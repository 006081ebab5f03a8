/* SPDX-License-Identifier: Apache-2.0 */
/* Hello, and who says it: by what the listener takes for a proof. Nobody has a session before that. What is wrong with a password is
 * told late and in one sentence, so that guessing is slow and tells nothing; meanwhile the loop goes on and the connection is not
 * read. */
#include "audit.h"
#include "bridge_state.h"
#include "login.h"
#include "tls.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char wrong_password[] = "user or password is wrong";

/* ---- refusing ---- */

static void refuse(struct connection *connection, uint32_t request, enum jqw_code code, const char *text)
{
    audit_refused(connection, "refused a client", text, "", 0);
    bridge_result(connection, request, code, text);
    connection_finish(connection);
}

/* Told after a while: see bridge_login_refused. */
static void refuse_late(struct connection *connection, uint32_t request, enum jqw_code code, const char *text)
{
    struct server *server = connection->server;
    struct login *login = connection->login;
    login->refused = true;
    login->refused_request = request;
    login->refused_code = code;
    login->refused_text = text;
    connection->deaf = true;
    connection_input_free(connection);
    server_deadline_set(connection, &server->refused, server->config.refuse_ns);
    connection_mark(connection);
}

void bridge_login_refused(struct connection *connection)
{
    const struct login *login = connection->login;
    JQ_ASSERT(login && login->refused);
    bridge_result(connection, login->refused_request, login->refused_code, login->refused_text);
    connection_finish(connection);
}

static void failed(struct connection *connection, uint32_t request, const char *why)
{
    struct server *server = connection->server;
    char address[LOGIN_ADDRESS_MAX], text[AUTH_NAME_MAX + 128];
    login_address(&connection->transport, address);
    auth_failures_add(server->failures, address, server_now());
    snprintf(text, sizeof text, "user '%s': %s", auth_exchange_user(connection->login->exchange), why);
    audit_refused(connection, "refused a client", text, "", 0);
    refuse_late(connection, request, JQ_AUTH_FAILED, wrong_password);
}

/* ---- letting in ---- */

/* The same client on a connection that it has given up. Somebody else's is none of its business. */
static bool end_other_session(struct connection *connection)
{
    struct connection *other = sessions_of_client(&connection->server->sessions, connection->client);
    if (!other)
        return true;
    if (strcmp(auth_name(other->subject), auth_name(connection->subject)) != 0)
        return false;
    bridge_refuse(other, JQ_DISCONNECTED, "the same client has connected again");
    return true;
}

static void admit(struct connection *connection, uint32_t request, struct auth_subject *subject)
{
    connection->subject = subject;
    if (!end_other_session(connection)) {
        refuse(connection, request, JQ_DENIED, "another user has this client id");
        return;
    }
    connection->counted = !connection->guest && auth_connect(subject) == JQ_OK;
    if (!connection->counted && !connection->guest) {
        refuse(connection, request, JQ_OVERLOADED, "this user has as many connections as its quota allows");
        return;
    }
    if (sessions_know(&connection->server->sessions, connection) != JQ_OK) {
        bridge_refuse(connection, JQ_OVERLOADED, "out of memory");
        return;
    }
    connection_opened(connection, request);
}

/* ---- hello ---- */

/* For people; a client without a name, or for whose name there is no memory, is called by its number. */
static void note_name(struct connection *connection, struct jqw_bytes name)
{
    connection->name = name.size > 0 ? malloc(name.size) : NULL;
    if (!connection->name)
        return;
    memcpy(connection->name, name.data, name.size);
    connection->name_size = (uint32_t)name.size;
}

static void challenge(struct connection *connection, uint32_t request, const char *data)
{
    uint8_t channel[JQW_SCRAM_BINDING];
    uint32_t bound = jqw_tls_exporter(&connection->transport, channel) == JQ_OK ? JQW_SCRAM_SHA_256_PLUS : 0u;
    bridge_send(connection, &(struct jqw_message){.op = JQW_CHALLENGE,
                                                  .request = request,
                                                  .challenge = {.code = JQ_OK,
                                                                .mechanisms = JQW_SCRAM_SHA_256 | bound,
                                                                .data = {(const uint8_t *)data, strlen(data)}}});
}

static void ask_password(struct connection *connection, uint32_t request)
{
    connection->login = calloc(1, sizeof *connection->login);
    if (connection->login)
        connection->login->exchange = auth_exchange_new();
    if (!connection->login || !connection->login->exchange)
        bridge_refuse(connection, JQ_OVERLOADED, "out of memory");
    else
        challenge(connection, request, "");
}

/* Without a password: by the certificate, by the kernel, or as nobody. JQ_EMPTY: in none of these ways. */
JQ_MUST_USE static int identify(struct connection *connection, struct auth_subject **out)
{
    struct auth *auth = connection->server->auth;
    unsigned methods = connection->methods;
    char name[AUTH_NAME_MAX + 1];
    int code = JQ_EMPTY;
    if (methods & AUTH_OPEN)
        return auth_anybody(auth, true, out);
    if (methods & AUTH_CERTIFICATE && jqw_tls_peer_name(&connection->transport, name, sizeof name) > 0)
        code = auth_certificate(auth, name, out);
    if (code != JQ_OK && methods & AUTH_PEER && !connection->remote)
        code = auth_peer(auth, connection->transport.ops->fd(&connection->transport), out);
    if (code != JQ_OK && methods & AUTH_NOBODY)
        code = auth_anybody(auth, false, out);
    return code;
}

static void greet(struct connection *connection, uint32_t request, bool has_password)
{
    unsigned methods = connection->methods;
    struct auth_subject *subject = NULL;
    int code = has_password ? JQ_EMPTY : identify(connection, &subject);
    if (code == JQ_OK)
        admit(connection, request, subject);
    else if (code == JQ_OVERLOADED)
        bridge_refuse(connection, JQ_OVERLOADED, "out of memory");
    else if (methods & AUTH_PASSWORD)
        ask_password(connection, request);
    else if (has_password)
        refuse(connection, request, JQ_AUTH_FAILED, "nobody is asked for a password here");
    else
        refuse(connection, request, JQ_AUTH_FAILED, "who this is cannot be told");
}

void bridge_hello(struct connection *connection, const struct jqw_message *message)
{
    const struct jqw_hello *hello = &message->hello;
    if (connection->greeted) {
        bridge_refuse(connection, JQ_PROTOCOL, "a second hello");
        return;
    }
    if (hello->version < JQW_VERSION) {
        bridge_result(connection, message->request, JQ_INVALID, "this broker speaks version 1 of the protocol");
        connection_finish(connection);
        return;
    }
    JQ_ASSERT(hello->client.size == CLIENT_ID_SIZE); /* or it would not have been decoded */
    memcpy(connection->client, hello->client.data, CLIENT_ID_SIZE);
    note_name(connection, hello->name);
    connection->greeted = true;
    connection->pings = hello->flags & JQW_HELLO_PING;
    greet(connection, message->request, hello->flags & JQW_HELLO_PASSWORD);
}

/* ---- the password ---- */

static void first_step(struct connection *connection, const struct jqw_message *message)
{
    struct login *login = connection->login;
    struct jqw_bytes data = message->auth.data;
    uint8_t channel[JQW_SCRAM_BINDING];
    char text[AUTH_CHALLENGE_MAX + 1];
    bool bound = jqw_tls_exporter(&connection->transport, channel) == JQ_OK;
    login->mechanism = message->auth.mechanism;
    int code =
        auth_exchange_first(connection->server->auth, login->exchange, login->mechanism == JQW_SCRAM_SHA_256_PLUS,
                            bound ? channel : NULL, (const char *)data.data, data.size, text);
    login->challenged = code == JQ_OK;
    if (code == JQ_OK)
        challenge(connection, message->request, text);
    else if (code == JQ_AUTH_FAILED)
        failed(connection, message->request, "it says nothing that could be a proof");
    else
        bridge_refuse(connection, JQ_INTERNAL, "no random bytes");
}

static void last_step(struct connection *connection, const struct jqw_message *message)
{
    struct login *login = connection->login;
    struct auth_subject *subject = NULL;
    struct jqw_bytes data = message->auth.data;
    int code = login->mechanism == message->auth.mechanism
                   ? auth_exchange_final(connection->server->auth, login->exchange, (const char *)data.data, data.size,
                                         login->said, &subject)
                   : JQ_AUTH_FAILED;
    if (code == JQ_OK)
        admit(connection, message->request, subject);
    else if (code == JQ_AUTH_FAILED)
        failed(connection, message->request, "wrong password, or no such user");
    else
        bridge_refuse(connection, (enum jqw_code)code, "out of memory");
}

/* From where too many have failed nothing is looked at, so that nothing can be learnt; whether it was right is not said either. */
void bridge_auth(struct connection *connection, const struct jqw_message *message)
{
    struct server *server = connection->server;
    char address[LOGIN_ADDRESS_MAX];
    if (connection->state == CONNECTION_OPEN || !connection->login) {
        bridge_refuse(connection, JQ_PROTOCOL, "nobody has asked for a password");
        return;
    }
    login_address(&connection->transport, address);
    if (!auth_failures_allow(server->failures, address, server_now())) {
        audit_refused(connection, "too many failed attempts", "it is not looked at", "", 0); /* has lines of its own */
        refuse_late(connection, message->request, JQ_OVERLOADED, "too many failed attempts from here, try later");
    } else if (connection->login->challenged) {
        last_step(connection, message);
    } else {
        first_step(connection, message);
    }
}
