/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests: keys, certificates and a revocation list, made as they are asked for and written as files. */
#ifndef JOINQ_TESTS_WIRE_TLS_FILES_H
#define JOINQ_TESTS_WIRE_TLS_FILES_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct issued {
    EVP_PKEY *key;
    X509 *certificate;
};

/* A certificate for the common name (NULL: none), signed by `ca` or (NULL) itself, valid for `days` (below 0: it has expired).
 * alternatives as in "DNS:a,IP:127.0.0.1"; NULL: none. */
void issue(struct issued *out, const struct issued *ca, const char *name, const char *alternatives, int days);
void issued_free(struct issued *issued);
/* Writes the certificate or the key, its file for the owner only. */
void certificate_write(const struct issued *issued, const char *path);
void key_write(const struct issued *issued, const char *path);
/* Writes the CA's list of what it has revoked: one certificate, or (NULL) none. */
void revoked_write(const struct issued *ca, const struct issued *revoked, const char *path);

#endif
