/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting. One connection too many is told so and closed; when the system itself has no room for more, nobody is
 * accepted until a connection has closed, or for a second. */
#include "listener.h"
#include "audit.h"
#include "bridge.h"
#include "codes.h"
#include "log.h"
#include "state.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ACCEPTS_MAX = 64, /* of a listener in a turn */
    BACKLOG = 4096,
};
static const double PAUSE_S = 1.;

/* ---- accepting ---- */

/* Reads first: closing with unread bytes would take the answer with it. */
static void turn_away(struct server *server, struct jqw_transport *transport, const char *why)
{
    uint8_t frame[256];
    struct iovec iov = {.iov_base = frame};
    iov.iov_len = bridge_last_frame(server, JQ_OVERLOADED, why, frame, sizeof frame);
    (void)jqw_read(transport, server->input, INPUT_SIZE);
    (void)jqw_writev(transport, &iov, 1);
    transport->ops->shutdown(transport);
    transport->ops->close(transport);
}

/* How clients are let in where nothing was said: by what can be told without asking, and by a password; everybody, while there are neither
 * users nor permissions. */
static unsigned methods_of(unsigned methods, enum jqw_url_scheme scheme, bool access)
{
    static const unsigned usual[] = {
        [JQW_URL_TCP] = AUTH_PASSWORD,
        [JQW_URL_TLS] = AUTH_CERTIFICATE | AUTH_PASSWORD,
        [JQW_URL_UNIX] = AUTH_PEER | AUTH_PASSWORD,
    };
    if (methods != 0)
        return methods;
    return access ? usual[scheme] : AUTH_OPEN | AUTH_UNTIL_CONFIGURED;
}

/* NULL: it is there. Otherwise why not. */
static const char *let_in(const struct listener *listener, struct jqw_transport *transport)
{
    struct server *server = listener->server;
    unsigned methods = methods_of(listener->methods, listener->url.scheme, auth_configured(server->auth));
    bool tls = listener->url.scheme == JQW_URL_TLS;
    int code = JQ_OVERLOADED;
    if (server->connections - guest_connections(server) < server->config.connections_max &&
        (!tls || server_memory_allows(server, TLS_HANDSHAKE_BYTES)) &&
        (!tls || jqw_transport_tls(transport, server->tls.context, NULL) == JQ_OK))
        code = connection_open(server, transport, methods, NULL);
    return code == JQ_OK     ? NULL
           : code == JQ_BUSY ? "this address has as many connections as it may have"
                             : "the broker has no room for more connections";
}

static void welcome(struct listener *listener, struct jqw_transport *transport)
{
    struct server *server = listener->server;
    const char *why = let_in(listener, transport);
    if (!why)
        return;
    server->counters.refused++;
    audit_stranger(transport, "no room for a connection", why, true);
    if (listener->url.scheme == JQW_URL_TLS)
        transport->ops->close(transport); /* where there is no room for a handshake nothing can be said */
    else
        turn_away(server, transport, why);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
    struct listener *listener = io->data;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct jqw_transport transport;
        if (listener->url.scheme == JQW_URL_TLS && !share_has_room(listener->server)) {
            ev_io_stop(loop, io); /* the system keeps them until listeners_go_on */
            return;
        }
        int code = jqw_transport_accept(listener->fd, listener->url.scheme == JQW_URL_UNIX, &transport);
        if (code == JQ_EMPTY)
            return;
        if (code != JQ_OK) {
            server_warn("cannot accept: %s", strerror(errno));
            listeners_pause(listener->server);
            return;
        }
        welcome(listener, &transport);
    }
}

void listeners_pause(struct server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++)
        ev_io_stop(server->loop, &server->listeners[i].io);
    ev_timer_stop(server->loop, &server->accept_again);
    ev_timer_set(&server->accept_again, PAUSE_S, 0.);
    ev_timer_start(server->loop, &server->accept_again);
}

static void start_all(struct server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++)
        ev_io_start(server->loop, &server->listeners[i].io);
}

void listeners_resume(struct server *server)
{
    if (!ev_is_active(&server->accept_again))
        return;
    ev_timer_stop(server->loop, &server->accept_again);
    start_all(server);
}

void listeners_go_on(struct server *server)
{
    if (!ev_is_active(&server->accept_again))
        start_all(server);
}

static void on_accept_again(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *server = timer->data;
    (void)events;
    ev_timer_start(loop, timer); /* resuming asks whether it runs */
    listeners_resume(server);
}

void listeners_init(struct server *server)
{
    ev_timer_init(&server->accept_again, on_accept_again, PAUSE_S, 0.);
    server->accept_again.data = server;
}

void listeners_close(struct server *server)
{
    ev_timer_stop(server->loop, &server->accept_again);
    for (uint32_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        ev_io_stop(server->loop, &listener->io);
        if (listener->url.scheme == JQW_URL_UNIX && !listener->given)
            (void)unlink(listener->url.path);
        close(listener->fd);
    }
    server->listener_count = 0;
}

/* ---- listening ---- */

/* Whoever comes from elsewhere has to say who it is; NULL: it has, or the configuration wants it otherwise. `access`: there are users or
 * permissions; `clients_known`: over TLS nobody comes in without a certificate. */
static const char *too_open(const struct server_listener *listener, bool loopback, bool access, bool clients_known)
{
    unsigned methods = methods_of(listener->methods, listener->url.scheme, access);
    if (listener->url.scheme == JQW_URL_UNIX)
        return listener->other_users && methods & AUTH_OPEN ? "other users of the machine could do everything" : NULL;
    if (listener->allow_anonymous_network || auth_methods_prove(methods) || loopback ||
        (listener->url.scheme == JQW_URL_TLS && clients_known))
        return NULL;
    return "it is not a loopback address, and clients need not prove who they are: it takes users or certificates, or "
           "allow_anonymous_network, which lets everybody who reaches it in";
}

/* Of a socket that was given its file says who may use it. */
static int socket_at(struct server_listener *listener, int *fd)
{
    struct stat st;
    const struct jqw_url *url = &listener->url;
    if (!listener->given_fd)
        return jqw_transport_listen(&listener->url, BACKLOG, fd);
    if (url->scheme == JQW_URL_UNIX && (stat(url->path, &st) != 0 || st.st_mode & S_IWOTH))
        listener->other_users = true;
    *fd = listener->given_fd;
    return JQ_OK;
}

static int listen_at(const struct server *server, struct server_listener *listener, int *fd, char *why, size_t why_size)
{
    char text[400];
    struct jqw_url *url = &listener->url;
    jqw_url_format(url, text, sizeof text);
    if (url->scheme == JQW_URL_TLS && !server->tls.context) {
        snprintf(why, why_size, "%s: there is no certificate for it (tls { cert = ..., key = ... })", text);
        return JQ_INVALID;
    }
    if (socket_at(listener, fd) != JQ_OK) {
        snprintf(why, why_size, "cannot listen on %s: %s", text, strerror(errno));
        return JQ_DISCONNECTED;
    }
    const char *open =
        too_open(listener, jqw_listens_on_loopback(*fd), auth_configured(server->auth), server->tls.clients_known);
    if (!open && listener->other_users && url->scheme == JQW_URL_UNIX && !listener->given_fd &&
        chmod(url->path, 0666) != 0)
        open = "its mode cannot be set";
    if (!open)
        return JQ_OK;
    close(*fd);
    snprintf(why, why_size, "%s is refused: %s", text, open);
    return JQ_DENIED;
}

int server_listen(struct server *server, struct server_listener *wanted, char *why, size_t why_size)
{
    if (server->listener_count == LISTENERS_MAX) {
        snprintf(why, why_size, "at most %d listeners", LISTENERS_MAX);
        return JQ_TOO_LARGE;
    }
    struct listener *listener = &server->listeners[server->listener_count];
    int code = listen_at(server, wanted, &listener->fd, why, why_size);
    if (code != JQ_OK)
        return code;
    listener->server = server;
    listener->url = wanted->url;
    listener->given = wanted->given_fd != 0;
    listener->methods = wanted->methods;
    listener->allow_anonymous_network = wanted->allow_anonymous_network;
    ev_io_init(&listener->io, on_accept, listener->fd, EV_READ);
    listener->io.data = listener;
    ev_io_start(server->loop, &listener->io);
    server->listener_count++;
    return JQ_OK;
}

int server_stays_closed(struct server *server, const struct jqw_tls_options *tls, bool access, char *why,
                        size_t why_size)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        const struct listener *listener = &server->listeners[i];
        const struct server_listener is = {.url = listener->url,
                                           .methods = listener->methods,
                                           .allow_anonymous_network = listener->allow_anonymous_network};
        char text[400];
        const char *open = too_open(&is, jqw_listens_on_loopback(listener->fd), access || auth_configured(server->auth),
                                    server_tls_knows_clients(tls));
        if (!open)
            continue;
        jqw_url_format(&listener->url, text, sizeof text);
        snprintf(why, why_size, "%s would be open: %s", text, open);
        return JQ_DENIED;
    }
    return JQ_OK;
}

const char *server_would_refuse(const struct server_listener *listener, bool access, bool clients_known)
{
    return too_open(listener, !jqw_is_beyond_loopback(&listener->url), access, clients_known);
}
