/* SPDX-License-Identifier: Apache-2.0 */
/* The transport over TLS, and the one place that knows what is special about it under an event loop: an operation may wait for
 * another event than it is named for, decrypted bytes may lie inside where no event announces them, and a record that was begun has to
 * be finished. It must not know what is said, nor which certificates are good. */
#include "codes.h"
#include "tls_inside.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECORD = SSL3_RT_MAX_PLAIN_LENGTH,  /* bytes of a record; pieces are gathered up to it */
    HANDSHAKE_BYTE = SSL3_RT_HANDSHAKE, /* that TLS begins with */
    LAST_READS = 16,                    /* before a stream that has failed is closed */
};

/* ---- beginning ---- */

static struct tls_end *end_of(const struct jqw_transport *t)
{
    return t->state;
}

/* The stream is over, in whatever way: what read returns from now on. */
static ssize_t over(struct tls_end *end)
{
    end->end_told = true;
    errno = end->error;
    return end->failed ? JQW_IO_ERROR : JQW_IO_CLOSED;
}

static void fail(struct tls_end *end, int error)
{
    end->ended = end->failed = true;
    end->error = error;
}

static int ssl_new(struct tls_end *end)
{
    BIO *bio = BIO_new(end->tls->socket);
    end->ssl = SSL_new(end->tls->context);
    if (!bio || !end->ssl) {
        BIO_free(bio);
        SSL_free(end->ssl);
        end->ssl = NULL;
        return JQ_OVERLOADED;
    }
    BIO_set_data(bio, end);
    BIO_set_init(bio, 1);
    SSL_set_bio(end->ssl, bio, bio);
    SSL_set_app_data(end->ssl, end);
    if (end->tls->server)
        SSL_set_accept_state(end->ssl);
    else
        SSL_set_connect_state(end->ssl);
    return JQ_OK;
}

/* The name that the other's certificate has to be for, and that it is asked for. A zone is of this host only. */
static bool name_set(struct tls_end *end, const char *host)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    size_t size = strcspn(host, "%");
    X509_VERIFY_PARAM *param = SSL_get0_param(end->ssl);
    if (size < sizeof address) {
        memcpy(address, host, size);
        address[size] = '\0';
        if (inet_pton(AF_INET, address, &ignored) == 1 || inet_pton(AF_INET6, address, &ignored) == 1)
            return !end->tls->pinned ? X509_VERIFY_PARAM_set1_ip_asc(param, address) == 1 : true;
    }
    SSL_set_hostflags(end->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(end->ssl, host) == 1 && (end->tls->pinned || SSL_set1_host(end->ssl, host) == 1);
}

static void end_free(struct tls_end *end)
{
    SSL_free(end->ssl);
    free(end->ahead);
    jqw_tls_unref(end->tls);
    free(end->text);
    free(end);
}

/* A server's first look at what comes. An end before anything came is nobody's fault. */
static int begin(struct tls_end *end)
{
    uint8_t first;
    ssize_t got;
    do
        got = recv(end->fd, &first, 1, MSG_PEEK);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return JQW_IO_AGAIN;
    if (got == 0) {
        end->ended = true;
        return JQW_IO_CLOSED;
    }
    if (got > 0 && first == HANDSHAKE_BYTE && ssl_new(end) == JQ_OK)
        return 0;
    fail(end, got < 0 ? errno : first == HANDSHAKE_BYTE ? ENOMEM : EPROTO);
    if (got > 0 && first != HANDSHAKE_BYTE)
        jqw_tls_note(end, JQW_TLS_PLAIN, "the client does not speak TLS");
    return JQW_IO_ERROR;
}

/* ---- what came of an operation ---- */

/* An operation of OpenSSL's did not succeed: *wants is what it waits for, and the result AGAIN; or the stream has ended. */
static ssize_t not_done(struct tls_end *end, int result, int *wants)
{
    switch (SSL_get_error(end->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *wants = JQW_WANT_READ;
        return JQW_IO_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        *wants = JQW_WANT_WRITE;
        return JQW_IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        end->ended = true;
        return JQW_IO_CLOSED;
    case SSL_ERROR_SYSCALL: /* of a write, perhaps: what the other has said before may still be read */
        end->error = end->error ? end->error : ECONNRESET;
        return JQW_IO_ERROR;
    default:
        jqw_tls_note_error(end, ERR_peek_error());
        fail(end, end->problem == JQW_TLS_CUT ? ECONNRESET : EPROTO);
        return JQW_IO_ERROR;
    }
}

static ssize_t handshake(struct tls_end *end)
{
    if (end->established)
        return 0;
    ssize_t result = end->ssl ? 0 : begin(end);
    if (result < 0)
        return result;
    ERR_clear_error();
    int done = SSL_do_handshake(end->ssl);
    if (done != 1) {
        result = not_done(end, done, &end->read_wants);
        if (result == JQW_IO_ERROR)
            fail(end, end->error);
        return result;
    }
    end->read_wants = 0;
    end->established = true;
    return 0;
}

int jqw_tls_handshake(struct jqw_transport *t)
{
    struct tls_end *end = end_of(t);
    if (jqw_tls_established(t))
        return JQ_OK;
    ssize_t result = end->ended ? over(end) : handshake(end);
    if (result == JQW_IO_AGAIN)
        return JQ_EMPTY;
    errno = end->error ? end->error : ECONNRESET;
    return result == 0 ? JQ_OK : JQ_DISCONNECTED;
}

/* ---- reading ---- */

static ssize_t tls_read(struct jqw_transport *t, void *to, size_t size)
{
    JQ_ASSERT(size > 0);
    struct tls_end *end = end_of(t);
    if (!end) {
        errno = EBADF;
        return JQW_IO_ERROR;
    }
    ssize_t result = end->ended ? over(end) : handshake(end);
    if (result < 0)
        return end->ended ? over(end) : result;
    size_t got = 0;
    end->read_wants = 0;
    end->dry = false;
    ERR_clear_error();
    while (got < size && result == 0) {
        size_t piece;
        int done = SSL_read_ex(end->ssl, (uint8_t *)to + got, size - got, &piece);
        if (done == 1)
            got += piece;
        else
            result = not_done(end, done, &end->read_wants);
    }
    end->dry = result == JQW_IO_AGAIN && !end->ahead;
    if (result == JQW_IO_ERROR)
        fail(end, end->error);
    if (got > 0)
        return (ssize_t)got;
    return end->ended ? over(end) : result;
}

static bool tls_pending(const struct jqw_transport *t)
{
    const struct tls_end *end = end_of(t);
    if (!end)
        return false;
    if (end->ended)
        return !end->end_told;
    return end->established && !end->dry && (end->ahead || SSL_has_pending(end->ssl) == 1);
}

/* ---- writing ---- */

/* Where in a list of pieces. */
struct cursor {
    const struct iovec *iov;
    int count;
    size_t offset;
};

static void cursor_move(struct cursor *at, size_t size)
{
    at->offset += size;
    while (at->count > 0 && at->offset >= at->iov->iov_len) {
        at->offset -= at->iov->iov_len;
        at->iov++;
        at->count--;
    }
}

/* The next bytes, up to `most`: where they lie, or gathered, if a piece alone is less than a record. */
static size_t next_record(struct cursor at, uint8_t *gathered, size_t most, const uint8_t **bytes)
{
    size_t size = at.iov->iov_len - at.offset;
    *bytes = (const uint8_t *)at.iov->iov_base + at.offset;
    if (size >= most || at.count == 1)
        return size < most ? size : most;
    *bytes = gathered;
    for (size = 0; size < most && at.count > 0;) {
        size_t piece = at.iov->iov_len - at.offset;
        piece = piece < most - size ? piece : most - size;
        memcpy(gathered + size, (const uint8_t *)at.iov->iov_base + at.offset, piece);
        size += piece;
        cursor_move(&at, piece);
    }
    return size;
}

/* One record; a record that the system has not taken is the one that has to be offered again. */
static ssize_t write_record(struct tls_end *end, struct cursor at)
{
    uint8_t gathered[RECORD];
    const uint8_t *bytes;
    size_t size = next_record(at, gathered, end->owed ? end->owed : RECORD, &bytes), written;
    JQ_ASSERT(size >= end->owed); /* or the user has taken something back */
    int done = SSL_write_ex(end->ssl, bytes, size, &written);
    if (done == 1) {
        end->owed = 0;
        return (ssize_t)written;
    }
    end->owed = size;
    return not_done(end, done, &end->write_wants);
}

static ssize_t tls_writev(struct jqw_transport *t, const struct iovec *iov, int count)
{
    struct tls_end *end = end_of(t);
    struct cursor at = {.iov = iov, .count = count};
    if (!end || end->goodbye || end->problem != JQW_TLS_NONE) {
        errno = end ? EPIPE : EBADF;
        return JQW_IO_ERROR;
    }
    ssize_t result = handshake(end);
    size_t total = 0;
    end->write_wants = result < 0 ? end->read_wants : 0;
    ERR_clear_error();
    for (cursor_move(&at, 0); at.count > 0 && result >= 0;) {
        result = write_record(end, at);
        if (result > 0) {
            cursor_move(&at, (size_t)result);
            total += (size_t)result;
        }
    }
    if (result < 0)
        errno = end->error;
    if (result == JQW_IO_CLOSED) { /* ended within the handshake, and nobody is there */
        errno = EPIPE;
        result = JQW_IO_ERROR;
    }
    return result < 0 && total == 0 ? result : (ssize_t)total;
}

/* ---- events ---- */

static int tls_wanted(const struct jqw_transport *t, int user)
{
    const struct tls_end *end = end_of(t);
    if (!end || end->ended)
        return user;
    if (!end->established)
        return user == 0                     ? 0
               : end->ssl && end->read_wants ? end->read_wants
               : end->tls->server            ? JQW_WANT_READ
                                             : JQW_WANT_WRITE;
    int events = end->goodbye_waits ? JQW_WANT_WRITE : 0;
    if (user & JQW_WANT_READ)
        events |= end->read_wants ? end->read_wants : JQW_WANT_READ;
    if (user & JQW_WANT_WRITE)
        events |= end->write_wants ? end->write_wants : JQW_WANT_WRITE;
    return events;
}

/* ---- the end ---- */

static void say_goodbye(struct tls_end *end)
{
    int wants = 0;
    ERR_clear_error();
    int result = SSL_shutdown(end->ssl);
    end->goodbye_waits = result < 0 && not_done(end, result, &wants) == JQW_IO_AGAIN;
    if (!end->goodbye_waits)
        shutdown(end->fd, SHUT_WR);
}

static int tls_ready(struct jqw_transport *t, int events)
{
    struct tls_end *end = end_of(t);
    if (!end || end->ended)
        return events;
    if (!end->established)
        return JQW_WANT_READ | JQW_WANT_WRITE;
    if (end->goodbye_waits && (events & JQW_WANT_WRITE))
        say_goodbye(end);
    int user = 0;
    if (events & (end->read_wants ? end->read_wants : JQW_WANT_READ))
        user |= JQW_WANT_READ;
    if (events & (end->write_wants ? end->write_wants : JQW_WANT_WRITE))
        user |= JQW_WANT_WRITE;
    return user;
}

/* In the middle of a record or of the handshake there is no goodbye: the other end has to see that something is missing. */
static void tls_shutdown(struct jqw_transport *t)
{
    struct tls_end *end = end_of(t);
    if (!end || end->goodbye)
        return;
    end->goodbye = true;
    if (end->established && end->owed == 0 && end->problem == JQW_TLS_NONE)
        say_goodbye(end);
    else
        shutdown(end->fd, SHUT_WR);
}

/* Bytes that nobody has read would make the system take back the last that was said: why it was refused. */
static void drain(int fd)
{
    uint8_t bytes[4096];
    for (int reads = 0; reads < LAST_READS && recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0; reads++)
        continue;
}

static void tls_close(struct jqw_transport *t)
{
    struct tls_end *end = end_of(t);
    if (!end)
        return;
    tls_shutdown(t);
    if (end->problem != JQW_TLS_NONE)
        drain(end->fd);
    close(end->fd);
    end_free(end);
    t->state = NULL;
    t->fd = -1;
}

static int tls_fd(const struct jqw_transport *t)
{
    return t->fd;
}

static int tls_describe(const struct jqw_transport *t, char *to, size_t size)
{
    char peer[128];
    struct jqw_transport socket;
    jqw_transport_socket(&socket, t->fd, false);
    socket.ops->describe(&socket, peer, sizeof peer);
    if (!t->state || !jqw_tls_established(t))
        return snprintf(to, size, "%s (TLS)", peer);
    return snprintf(to, size, "%s (%s, %s)", peer, jqw_tls_version(t), jqw_tls_cipher(t));
}

static const struct jqw_transport_ops tls_ops = {
    .name = "tls",
    .read = tls_read,
    .writev = tls_writev,
    .wanted = tls_wanted,
    .ready = tls_ready,
    .pending = tls_pending,
    .fd = tls_fd,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .describe = tls_describe,
};

struct tls_end *jqw_tls_end(const struct jqw_transport *t)
{
    return t->ops == &tls_ops ? t->state : NULL;
}

int jqw_transport_tls(struct jqw_transport *t, struct jqw_tls *tls, const char *host)
{
    struct tls_end *end = calloc(1, sizeof *end);
    if (!end)
        return JQ_OVERLOADED;
    end->tls = jqw_tls_ref(tls);
    end->fd = t->fd;
    if (!tls->server && (ssl_new(end) != JQ_OK || !name_set(end, host))) {
        end_free(end);
        return JQ_OVERLOADED;
    }
    *t = (struct jqw_transport){.ops = &tls_ops, .fd = t->fd, .state = end};
    return JQ_OK;
}
