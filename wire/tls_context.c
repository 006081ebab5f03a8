/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: what is spoken, which files say who this end is and whom it trusts, and how the other's certificate is judged. What is
 * wrong with a file is said with its path. It must not know sockets. */
#include "codes.h"
#include "tls_inside.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CERTIFICATES_MAX = 32 * 1024 /* bytes of the certificates that the other end may send */ };

/* Forward secrecy and authenticated encryption only; the groups are those that cost little to agree on. */
static const char ciphers_1_2[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers_1_3[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256:P-384";

struct making {
    const struct jqw_tls_options *options;
    struct jqw_tls *tls;
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct making *making, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(making->why, making->why_size, format, arguments);
    va_end(arguments);
    return JQ_INVALID;
}

/* ---- judging the other's certificate ---- */

static struct tls_end *end_of(X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    return SSL_get_app_data(ssl);
}

static int on_verify(int fine, X509_STORE_CTX *store)
{
    if (!fine)
        jqw_tls_note_certificate(end_of(store), store);
    return fine;
}

static void hexadecimal(const uint8_t *bytes, size_t size, char *to)
{
    for (size_t i = 0; i < size; i++)
        snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

/* In place of OpenSSL's own judgement: the fingerprint, and behind it that judgement where it is asked for. */
static int on_pinned(X509_STORE_CTX *store, void *argument)
{
    const struct jqw_tls *tls = argument;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    if (X509_digest(leaf, EVP_sha256(), digest, &size) == 1 && size == TLS_PIN_SIZE &&
        memcmp(digest, tls->pin, size) == 0)
        return tls->chained ? X509_verify_cert(store) : 1;
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    hexadecimal(digest, size, text);
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    jqw_tls_note(end_of(store), JQW_TLS_UNTRUSTED, "the broker's certificate has another fingerprint, %s", text);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_pin(const char *text, uint8_t pin[TLS_PIN_SIZE])
{
    size_t digits = 0;
    for (; *text; text++) {
        if (*text == ':' && digits % 2 == 0)
            continue;
        int digit = hex_digit(*text);
        if (digit < 0 || digits == 2 * TLS_PIN_SIZE)
            return false;
        pin[digits / 2] = (uint8_t)(digits % 2 == 0 ? digit << 4 : pin[digits / 2] | digit);
        digits++;
    }
    return digits == 2 * TLS_PIN_SIZE;
}

static int judge_others(struct making *making)
{
    const struct jqw_tls_options *options = making->options;
    struct jqw_tls *tls = making->tls;
    int mode = SSL_VERIFY_NONE;
    if (!options->server)
        mode = SSL_VERIFY_PEER;
    else if (options->ca)
        mode = SSL_VERIFY_PEER | (options->optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    SSL_CTX_set_verify(tls->context, mode, on_verify);
    tls->pinned = !options->server && options->fingerprint;
    tls->chained = mode != SSL_VERIFY_NONE && (!tls->pinned || options->ca);
    if (!tls->pinned)
        return JQ_OK;
    if (!read_pin(options->fingerprint, tls->pin))
        return wrong(making, "the fingerprint '%.100s' is not 64 hexadecimal digits (SHA-256)", options->fingerprint);
    SSL_CTX_set_cert_verify_callback(tls->context, on_pinned, tls);
    return JQ_OK;
}

/* ---- files ---- */

/* A file that is there, and not what it was to be. */
static int wrong_file(struct making *making, const char *path, const char *what)
{
    switch (ERR_GET_REASON(ERR_peek_last_error())) {
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK:
        return wrong(making, "%s: a key is too short, or a signature too weak", path);
    default:
        return wrong(making, "%s does not hold %s in PEM form", path, what);
    }
}

/* Says better than OpenSSL why a file cannot be read. */
static int check_file(struct making *making, const char *path, bool secret)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error = fd < 0 || fstat(fd, &st) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (error != 0)
        return wrong(making, "cannot read %s: %s", path, strerror(error));
    if (!S_ISREG(st.st_mode))
        return wrong(making, "%s is no file", path);
    if (secret && (st.st_mode & (S_IRWXO | S_IWGRP)) != 0)
        return wrong(
            making,
            "%s is open to others: a key is for its owner, and for its group to read at most (chmod 600 or 640)", path);
    return JQ_OK;
}

/* Nobody is asked for a password. */
static int on_password(char *to, int size, int writing, void *argument)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)argument;
    return -1;
}

static int load_key(struct making *making)
{
    SSL_CTX *context = making->tls->context;
    const char *cert = making->options->cert, *key = making->options->key;
    if (!cert && !key)
        return making->options->server ? wrong(making, "a certificate and its key are needed") : JQ_OK;
    if (!cert || !key)
        return wrong(making, cert ? "there is a certificate, %s, but no key" : "there is a key, %s, but no certificate",
                     cert ? cert : key);
    int code = check_file(making, cert, false);
    if (code == JQ_OK)
        code = check_file(making, key, true);
    if (code != JQ_OK)
        return code;
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
        return wrong_file(making, cert, "a certificate");
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1)
        return JQ_OK;
    unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) == ERR_LIB_X509)
        return wrong(making, "the key in %s does not belong to the certificate in %s", key, cert);
    for (; error != 0; error = ERR_get_error())
        if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_BAD_PASSWORD_READ)
            return wrong(making, "the key in %s is encrypted, and nobody is asked for a password", key);
    return wrong_file(making, key, "a private key");
}

static int load_trusted(struct making *making)
{
    SSL_CTX *context = making->tls->context;
    const char *ca = making->options->ca;
    if (!ca) {
        if (making->tls->chained && SSL_CTX_set_default_verify_paths(context) != 1)
            return wrong(making, "the system's certificates cannot be read");
        return JQ_OK;
    }
    int code = check_file(making, ca, false);
    if (code != JQ_OK)
        return code;
    if (SSL_CTX_load_verify_file(context, ca) != 1)
        return wrong_file(making, ca, "a certificate");
    if (!making->options->server)
        return JQ_OK;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    if (!names)
        return wrong_file(making, ca, "a certificate");
    SSL_CTX_set_client_CA_list(context, names);
    return JQ_OK;
}

static int load_revoked(struct making *making)
{
    X509_STORE *store = SSL_CTX_get_cert_store(making->tls->context);
    const char *crl = making->options->crl;
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN; /* who is in the file is trusted, whoever signed it */
    if (crl) {
        int code = check_file(making, crl, false);
        if (code != JQ_OK)
            return code;
        X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
        if (!lookup || X509_load_crl_file(lookup, crl, X509_FILETYPE_PEM) < 1)
            return wrong_file(making, crl, "a revocation list");
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    }
    return X509_STORE_set_flags(store, flags) == 1 ? JQ_OK : JQ_OVERLOADED;
}

/* ---- the whole ---- */

/* No compression, no renegotiation, and no sessions that are taken up again: connections live long, and whoever was revoked is to
 * be asked again. */
static int set_rules(struct making *making)
{
    SSL_CTX *context = making->tls->context;
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_clear_options(context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); /* many records that bring no bytes do not hold up a read */
    SSL_CTX_set_max_cert_list(context, CERTIFICATES_MAX);
    SSL_CTX_set_default_passwd_cb(context, on_password);
    SSL_CTX_set_security_level(context, 2);
    bool set = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
               SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
               SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_cipher_list(context, ciphers_1_2) == 1 &&
               SSL_CTX_set_ciphersuites(context, ciphers_1_3) == 1 && SSL_CTX_set1_groups_list(context, groups) == 1;
    return set ? JQ_OK : wrong(making, "this OpenSSL lacks what is needed: %s", ciphers_1_3);
}

static int make(struct making *making)
{
    struct jqw_tls *tls = making->tls;
    tls->server = making->options->server;
    tls->context = SSL_CTX_new(tls->server ? TLS_server_method() : TLS_client_method());
    tls->socket = jqw_tls_socket_method();
    if (!tls->context || !tls->socket)
        return JQ_OVERLOADED;
    int code = set_rules(making);
    if (code == JQ_OK)
        code = judge_others(making);
    if (code == JQ_OK)
        code = load_key(making);
    if (code == JQ_OK)
        code = load_trusted(making);
    if (code == JQ_OK)
        code = load_revoked(making);
    return code;
}

int jqw_tls_new(const struct jqw_tls_options *options, struct jqw_tls **out, char *why, size_t why_size)
{
    snprintf(why, why_size, "out of memory");
    struct jqw_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return JQ_OVERLOADED;
    tls->refs = 1;
    struct making making = {.options = options, .tls = tls, .why = why, .why_size = why_size};
    ERR_clear_error();
    int code = make(&making);
    ERR_clear_error();
    if (code == JQ_OK)
        *out = tls;
    else
        jqw_tls_unref(tls);
    return code;
}

struct jqw_tls *jqw_tls_ref(struct jqw_tls *tls)
{
    tls->refs++;
    return tls;
}

void jqw_tls_unref(struct jqw_tls *tls)
{
    if (!tls || --tls->refs > 0)
        return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket);
    free(tls->spare);
    free(tls);
}

int jqw_tls_about(const struct jqw_tls *tls, char *to, size_t size)
{
    char name[256] = "", until[32];
    X509 *own = SSL_CTX_get0_certificate(tls->context);
    if (!own)
        return snprintf(to, size, "none");
    jqw_tls_name_of(own, name, sizeof name);
    jqw_tls_date(X509_get0_notAfter(own), until, sizeof until);
    bool past = X509_cmp_current_time(X509_get0_notAfter(own)) < 0;
    return snprintf(to, size, "'%s', %s %s", name, past ? "EXPIRED at" : "valid until", until);
}
