/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.2 and 1.3 as a transport, and what its two ends know of each other. A context is made of files once and serves many
 * connections; another one in its place is for new connections, and those that run keep theirs. OpenSSL is behind this header. It
 * must not know what is said over a connection, nor who may do what. */
#ifndef JOINQ_WIRE_TLS_H
#define JOINQ_WIRE_TLS_H

#include "transport.h"

/* Files are in PEM form; NULL is none. Nothing is kept of them but what they hold. */
struct jqw_tls_options {
    bool server;
    const char *cert; /* the own certificate, and behind it those up to its CA; a server must have one */
    const char *key;  /* its key: not encrypted, and nobody but its owner and group may read or write it */
    const char
        *ca; /* who the other's certificate has to come from; a client without takes the system's. A server without
                                asks for no certificate */
    const char *crl; /* certificates that are revoked: a list for each CA that may be met */
    const char *
        fingerprint; /* client: SHA-256 of the one certificate that is taken, in hexadecimal digits, with ':' or without. Then
                                neither host name nor dates count, and signatures only where `ca` is given, too */
    bool optional; /* server with `ca`: a client without a certificate is taken, too */
};

struct jqw_tls; /* a context; counted, for one thread at a time */

/* JQ_OK; JQ_INVALID or JQ_OVERLOADED with one line in `why` that names the file. */
JQ_MUST_USE int jqw_tls_new(const struct jqw_tls_options *options, struct jqw_tls **out, char *why, size_t why_size);
struct jqw_tls *jqw_tls_ref(struct jqw_tls *tls);
void jqw_tls_unref(struct jqw_tls *tls); /* NULL is allowed */
/* The own certificate, for logs: "'broker.example', valid until 2027-11-21"; truncates like snprintf. */
int jqw_tls_about(const struct jqw_tls *tls, char *to, size_t size);

/* Makes a TCP transport one over TLS, of the end that the context is for. A client's `host` is what the other's certificate has to be
 * for; a server's is NULL. Refers to the context until it is closed. Nothing is sent yet, and a server takes next to no memory for a
 * connection over which nothing has come. JQ_OK, or JQ_OVERLOADED with nothing changed. */
JQ_MUST_USE int jqw_transport_tls(struct jqw_transport *t, struct jqw_tls *tls, const char *host);

/* Goes on with the handshake, which read and write do by themselves otherwise. JQ_OK: it is done (as it is for every other transport);
 * JQ_EMPTY: it waits for what `wanted` says; JQ_DISCONNECTED: it has failed, with errno set. A client may hear only from its first
 * read that its certificate was refused. */
JQ_MUST_USE int jqw_tls_handshake(struct jqw_transport *t);
bool jqw_tls_established(const struct jqw_transport *t); /* true for every other transport */

enum jqw_tls_problem {
    JQW_TLS_NONE,      /* or not TLS at all */
    JQW_TLS_PLAIN,     /* what came is not TLS */
    JQW_TLS_CUT,       /* the stream ended without a goodbye: it may lack its end */
    JQW_TLS_UNTRUSTED, /* the other's certificate is not taken */
    JQW_TLS_REFUSED,   /* the other does not take ours */
    JQW_TLS_FAILED,    /* anything else */
};
/* Why reading or the handshake has failed. *text (if not NULL): one line without an end, valid until the transport is closed. */
enum jqw_tls_problem jqw_tls_problem(const struct jqw_transport *t, const char **text);

/* ---- what an established connection knows ---- */

/* The name in the other's certificate, which was checked: its common name, or else the first of its mail addresses, host names and
 * URIs. Returns its length; 0: there is no certificate, or no name in it that is whole text and fits. */
int jqw_tls_peer_name(const struct jqw_transport *t, char *to, size_t size);
/* "TLSv1.3" and "TLS_AES_128_GCM_SHA256"; "" where there is none. Static strings. */
const char *jqw_tls_version(const struct jqw_transport *t);
const char *jqw_tls_cipher(const struct jqw_transport *t);
/* The channel binding tls-exporter (RFC 9266), the same at both ends of this connection and nowhere else. JQ_OK, or JQ_INVALID: this
 * connection has none (no TLS; TLS 1.2 without extended master secret). */
enum { JQW_TLS_EXPORTER_SIZE = 32 };
JQ_MUST_USE int jqw_tls_exporter(const struct jqw_transport *t, uint8_t to[JQW_TLS_EXPORTER_SIZE]);

#endif
