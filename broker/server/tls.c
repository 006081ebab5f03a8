/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's side of TLS: the certificates that new connections get, and what is said where a handshake fails. */
#include "tls.h"
#include "audit.h"
#include "bridge.h"
#include "connection.h"
#include "log.h"
#include "state.h"
#include <stdio.h>

static bool has_listener(const struct server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++)
        if (server->listeners[i].url.scheme == JQW_URL_TLS)
            return true;
    return false;
}

bool server_tls_knows_clients(const struct jqw_tls_options *options)
{
    return options->cert && options->ca && !options->optional;
}

int server_tls_prepare(struct server *server, const struct jqw_tls_options *options, char *why, size_t why_size)
{
    struct server_tls *tls = &server->tls;
    server_tls_drop(server);
    tls->next_knows_clients = server_tls_knows_clients(options);
    if (options->cert)
        return jqw_tls_new(options, &tls->next, why, why_size);
    if (!has_listener(server))
        return JQ_OK;
    snprintf(why, why_size, "a listener is joinqs://, and there is no certificate for it");
    return JQ_INVALID;
}

void server_tls_commit(struct server *server)
{
    struct server_tls *tls = &server->tls;
    char about[320];
    if (tls->next) {
        jqw_tls_about(tls->next, about, sizeof about);
        server_log("TLS: the certificate is %s%s", about, tls->next_knows_clients ? "; clients must have one" : "");
    }
    jqw_tls_unref(tls->context);
    tls->context = tls->next;
    tls->next = NULL;
    tls->clients_known = tls->next_knows_clients;
}

void server_tls_drop(struct server *server)
{
    jqw_tls_unref(server->tls.next);
    server->tls.next = NULL;
}

/* Whoever speaks in plain here is told so in plain. */
static void tell_plain(struct connection *connection)
{
    struct server *server = connection->server;
    struct jqw_transport plain;
    uint8_t frame[256];
    struct iovec iov = {.iov_base = frame};
    iov.iov_len = bridge_last_frame(server, JQ_PROTOCOL, "this listener speaks TLS: joinqs://, not joinq://", frame,
                                    sizeof frame);
    jqw_transport_socket(&plain, connection->transport.ops->fd(&connection->transport), false);
    (void)jqw_read(&plain, server->input, INPUT_SIZE);
    (void)jqw_writev(&plain, &iov, 1);
}

void server_tls_failed(struct connection *connection)
{
    const char *text;
    enum jqw_tls_problem problem = jqw_tls_problem(&connection->transport, &text);
    if (problem == JQW_TLS_NONE || connection->state != CONNECTION_GREETING)
        return; /* who was in a session is told of by its end */
    if (problem == JQW_TLS_PLAIN)
        tell_plain(connection);
    audit_stranger(&connection->transport, "no TLS with a client", text, false);
}
