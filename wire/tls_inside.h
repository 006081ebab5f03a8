/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of TLS share; private to them. */
#ifndef JOINQ_WIRE_TLS_INSIDE_H
#define JOINQ_WIRE_TLS_INSIDE_H

#include "tls.h"
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

enum { TLS_PIN_SIZE = 32, TLS_TEXT_SIZE = 320 };

struct jqw_tls {
    unsigned refs;
    SSL_CTX *context;
    BIO_METHOD *socket; /* what OpenSSL reads from and writes to */
    bool server;
    bool pinned, chained; /* the other's certificate: has this fingerprint; is signed by somebody trusted */
    uint8_t pin[TLS_PIN_SIZE];
    uint8_t *spare; /* for whichever connection reads next; owned; NULL: none */
};

/* The end of a connection; SSL_get_app_data leads to it. */
struct tls_end {
    struct jqw_tls *tls;
    SSL *ssl; /* a server's: NULL until something has come */
    int fd;
    int read_wants, write_wants; /* JQW_WANT_* where an operation waits for something; 0 */
    size_t owed;                 /* bytes of a record that is made and not yet taken by the system; 0: none */
    uint8_t *ahead;              /* read from the socket and not yet asked for by OpenSSL; owned; NULL: nothing is */
    uint32_t ahead_at, ahead_end;
    bool established;   /* the handshake is done */
    bool eof;           /* the socket is read to its end */
    bool dry;           /* what lies inside is less than a record */
    bool ended, failed; /* nothing more can be read: the other has said goodbye, or something is wrong */
    bool end_told;      /* and the user knows */
    bool goodbye;       /* was said, or is being said */
    bool goodbye_waits; /* until the socket takes it */
    int error;          /* errno of a socket that has failed */
    enum jqw_tls_problem problem;
    char *text; /* of the problem; owned; NULL: there was no memory for it */
};

BIO_METHOD *jqw_tls_socket_method(void); /* what reads and writes the socket of a tls_end; NULL: no memory */

struct tls_end *jqw_tls_end(const struct jqw_transport *t); /* NULL: no TLS, or closed */

/* Remembers the first problem. */
__attribute__((format(printf, 3, 4))) void jqw_tls_note(struct tls_end *end, enum jqw_tls_problem problem,
                                                        const char *format, ...);
/* Notes what OpenSSL's error says. */
void jqw_tls_note_error(struct tls_end *end, unsigned long error);
/* Notes why a certificate of the other end is not taken. */
void jqw_tls_note_certificate(struct tls_end *end, X509_STORE_CTX *store);

/* The name in a certificate, as jqw_tls_peer_name. */
int jqw_tls_name_of(X509 *certificate, char *to, size_t size);
/* A date as "2027-11-21 10:00 UTC". */
void jqw_tls_date(const ASN1_TIME *date, char *to, size_t size);

#endif
