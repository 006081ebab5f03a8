/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests, made with OpenSSL: small elliptic keys, so that a run takes no time. */
#include "tls_files.h"
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 24 * 3600 };

static void extend(X509 *certificate, X509 *ca, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, ca, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

void issue(struct issued *out, const struct issued *ca, const char *name, const char *alternatives, int days)
{
    static long serial;
    out->key = EVP_EC_gen("P-256");
    out->certificate = X509_new();
    assert_true(out->key && out->certificate);
    X509 *made = out->certificate, *by = ca ? ca->certificate : made;
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made), -30L * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(made), (long)days * DAY_S);
    if (name)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                   -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(by));
    X509_set_pubkey(made, out->key);
    if (!ca)
        extend(made, by, NID_basic_constraints, "critical,CA:TRUE");
    if (alternatives)
        extend(made, by, NID_subject_alt_name, alternatives);
    assert_true(X509_sign(made, ca ? ca->key : out->key, EVP_sha256()) > 0);
}

void issued_free(struct issued *issued)
{
    X509_free(issued->certificate);
    EVP_PKEY_free(issued->key);
    *issued = (struct issued){0};
}

static FILE *private_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    return file;
}

void certificate_write(const struct issued *issued, const char *path)
{
    FILE *file = private_file(path);
    assert_int_equal(PEM_write_X509(file, issued->certificate), 1);
    fclose(file);
}

void key_write(const struct issued *issued, const char *path)
{
    FILE *file = private_file(path);
    assert_int_equal(PEM_write_PrivateKey(file, issued->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

void revoked_write(const struct issued *ca, const struct issued *revoked, const char *path)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -DAY_S), *next = X509_gmtime_adj(NULL, DAY_S);
    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(ca->certificate));
    X509_CRL_set1_lastUpdate(list, now);
    X509_CRL_set1_nextUpdate(list, next);
    if (revoked) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate));
        X509_REVOKED_set_revocationDate(entry, now);
        assert_int_equal(X509_CRL_add0_revoked(list, entry), 1);
    }
    assert_true(X509_CRL_sign(list, ca->key, EVP_sha256()) > 0);
    FILE *file = private_file(path);
    assert_int_equal(PEM_write_X509_CRL(file, list), 1);
    fclose(file);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    X509_CRL_free(list);
}
