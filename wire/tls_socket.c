/* SPDX-License-Identifier: Apache-2.0 */
/* The socket as OpenSSL sees it: without signals, an end is an end, and much is read at once. It must not know what the bytes are. */
#include "tls_inside.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    AHEAD = 32 * 1024, /* bytes read from the socket at once */
    MUCH = 4 * 1024,   /* a read of so many goes to where it is wanted */
};

static int bio_result(BIO *bio, ssize_t result, int retry)
{
    BIO_clear_retry_flags(bio);
    if (result >= 0)
        return (int)result;
    struct tls_end *end = BIO_get_data(bio);
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    else
        end->error = errno;
    return -1;
}

static int receive(BIO *bio, void *to, size_t size)
{
    struct tls_end *end = BIO_get_data(bio);
    ssize_t got;
    do
        got = recv(end->fd, to, size, 0);
    while (got < 0 && errno == EINTR);
    end->eof = got == 0;
    return bio_result(bio, got, BIO_FLAGS_READ);
}

/* One spare of a context is enough: most reads leave nothing behind. */
static void ahead_release(struct tls_end *end)
{
    if (end->tls->spare)
        free(end->ahead);
    else
        end->tls->spare = end->ahead;
    end->ahead = NULL;
}

static int ahead_fill(BIO *bio, struct tls_end *end)
{
    end->ahead = end->tls->spare ? end->tls->spare : malloc(AHEAD);
    end->tls->spare = NULL;
    if (!end->ahead) {
        end->error = ENOMEM;
        BIO_clear_retry_flags(bio);
        return -1;
    }
    int got = receive(bio, end->ahead, AHEAD);
    end->ahead_at = 0;
    end->ahead_end = got > 0 ? (uint32_t)got : 0;
    if (got <= 0)
        ahead_release(end);
    return got;
}

/* OpenSSL asks for the head of a record and then for its body. Its own way of reading more at once moves all of what is left for each
 * record, and costs much where records are small. */
static int bio_read(BIO *bio, char *to, int size)
{
    struct tls_end *end = BIO_get_data(bio);
    if (!end->ahead && size >= MUCH)
        return receive(bio, to, (size_t)size);
    if (!end->ahead) {
        int got = ahead_fill(bio, end);
        if (got <= 0)
            return got;
    }
    uint32_t left = end->ahead_end - end->ahead_at, piece = (uint32_t)size < left ? (uint32_t)size : left;
    memcpy(to, end->ahead + end->ahead_at, piece);
    end->ahead_at += piece;
    if (piece == left)
        ahead_release(end);
    BIO_clear_retry_flags(bio);
    return (int)piece;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    struct tls_end *end = BIO_get_data(bio);
    ssize_t sent;
    do
        sent = send(end->fd, bytes, (size_t)size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return bio_result(bio, sent, BIO_FLAGS_WRITE);
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_end *end = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return end->eof;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *jqw_tls_socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "joinq socket");
    if (method && BIO_meth_set_read(method, bio_read) == 1 && BIO_meth_set_write(method, bio_write) == 1 &&
        BIO_meth_set_ctrl(method, bio_control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}
