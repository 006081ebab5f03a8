/* SPDX-License-Identifier: Apache-2.0 */
/* What TLS has to say in words: whose certificate is at fault and how, what the other end does not take, and names and dates of
 * certificates. It decides nothing. */
#include "tls_inside.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jqw_tls_note(struct tls_end *end, enum jqw_tls_problem problem, const char *format, ...)
{
    if (end->problem != JQW_TLS_NONE)
        return;
    end->problem = problem;
    end->text = malloc(TLS_TEXT_SIZE);
    if (!end->text)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(end->text, TLS_TEXT_SIZE, format, arguments);
    va_end(arguments);
    for (char *c = end->text; *c; c++) /* names are the other's choice, and this goes to logs and terminals */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

/* ---- names and dates ---- */

/* A string of a certificate as text; 0 where it is none, or holds a NUL, behind which another name could hide. */
static int text_of(const ASN1_STRING *string, char *to, size_t size)
{
    unsigned char *utf8 = NULL;
    int length = ASN1_STRING_to_UTF8(&utf8, string);
    int written = 0;
    if (length > 0 && !memchr(utf8, '\0', (size_t)length))
        written = snprintf(to, size, "%s", (const char *)utf8);
    OPENSSL_free(utf8);
    return written;
}

static int common_name(X509 *certificate, char *to, size_t size)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return 0;
    return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), to, size);
}

static const ASN1_STRING *string_of(const GENERAL_NAME *name)
{
    bool text = name->type == GEN_EMAIL || name->type == GEN_DNS || name->type == GEN_URI;
    return text ? name->d.ia5 : NULL;
}

static int alternative_name(X509 *certificate, char *to, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int written = 0;
    for (int i = 0; written == 0 && i < sk_GENERAL_NAME_num(names); i++) {
        const ASN1_STRING *string = string_of(sk_GENERAL_NAME_value(names, i));
        if (string)
            written = text_of(string, to, size);
    }
    GENERAL_NAMES_free(names);
    return written;
}

int jqw_tls_name_of(X509 *certificate, char *to, size_t size)
{
    if (size > 0)
        to[0] = '\0';
    int written = common_name(certificate, to, size);
    return written > 0 ? written : alternative_name(certificate, to, size);
}

void jqw_tls_date(const ASN1_TIME *date, char *to, size_t size)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(date, &tm) != 1 || strftime(to, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(to, size, "an unknown time");
}

/* ---- certificates ---- */

static const struct {
    int error;
    const char *text;
} faults[] = {
    {X509_V_ERR_CERT_NOT_YET_VALID, "is not valid yet"},
    {X509_V_ERR_CERT_REVOKED, "is revoked"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "is signed by nobody that is trusted here (unknown CA)"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "is signed by nobody that is trusted here (unknown CA)"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "is signed by nobody that is trusted here (unknown CA)"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "is signed by itself, and not trusted here (unknown CA)"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "is not trusted here (unknown CA)"},
    {X509_V_ERR_UNABLE_TO_GET_CRL, "cannot be looked up: there is no revocation list of its CA"},
    {X509_V_ERR_CRL_HAS_EXPIRED, "cannot be looked up: the revocation list of its CA has expired"},
    {X509_V_ERR_CRL_NOT_YET_VALID, "cannot be looked up: the revocation list of its CA is not valid yet"},
    {X509_V_ERR_INVALID_PURPOSE, "is not made for this purpose"},
};

static const char *fault_text(int error)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i].error == error)
            return faults[i].text;
    return X509_verify_cert_error_string(error);
}

void jqw_tls_note_certificate(struct tls_end *end, X509_STORE_CTX *store)
{
    int error = X509_STORE_CTX_get_error(store);
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    const char *other = end->tls->server ? "client" : "broker";
    char name[128] = "", until[32] = "";
    if (certificate) {
        jqw_tls_name_of(certificate, name, sizeof name);
        jqw_tls_date(X509_get0_notAfter(certificate), until, sizeof until);
    }
    const char *above = X509_STORE_CTX_get_error_depth(store) > 0 ? " of a CA, above the" : "";
    const char *whose = above[0] ? " " : " of the ";
    if (error == X509_V_ERR_CERT_HAS_EXPIRED)
        jqw_tls_note(end, JQW_TLS_UNTRUSTED, "the certificate%s%s%s's ('%s') has expired: it was valid until %s", above,
                     whose, other, name, until);
    else if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        jqw_tls_note(end, JQW_TLS_UNTRUSTED, "the broker's certificate is for another host ('%s')", name);
    else
        jqw_tls_note(end, JQW_TLS_UNTRUSTED, "the certificate%s%s%s ('%s') %s", above, whose, other, name,
                     fault_text(error));
}

/* ---- what the other end says ---- */

/* Alerts by number (RFC 8446, 6.2). Those about a certificate are about ours. */
static const struct {
    int alert;
    bool certificate;
    const char *text;
} alerts[] = {
    {SSL_AD_HANDSHAKE_FAILURE, false, "nothing in common, or a certificate is missing"},
    {SSL_AD_BAD_CERTIFICATE, true, "it is bad, or for another host"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, true, "it is of an unsupported kind"},
    {SSL_AD_CERTIFICATE_REVOKED, true, "it is revoked"},
    {SSL_AD_CERTIFICATE_EXPIRED, true, "it has expired"},
    {SSL_AD_CERTIFICATE_UNKNOWN, true, "no reason given"},
    {SSL_AD_UNKNOWN_CA, true, "unknown CA"},
    {SSL_AD_ACCESS_DENIED, true, "access denied"},
    {SSL_AD_CERTIFICATE_REQUIRED, true, "there is none"},
    {SSL_AD_PROTOCOL_VERSION, false, "no version of TLS in common"},
    {SSL_AD_INSUFFICIENT_SECURITY, false, "no cipher in common"},
};

static void note_alert(struct tls_end *end, int alert)
{
    const char *other = end->tls->server ? "client" : "broker", *own = end->tls->server ? "broker" : "client";
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++) {
        if (alerts[i].alert != alert)
            continue;
        if (alerts[i].certificate)
            jqw_tls_note(end, JQW_TLS_REFUSED, "the %s does not take this %s's certificate: %s", other, own,
                         alerts[i].text);
        else
            jqw_tls_note(end, JQW_TLS_FAILED, "the %s refuses TLS: %s", other, alerts[i].text);
        return;
    }
    jqw_tls_note(end, JQW_TLS_FAILED, "the %s ends TLS: %s", other, SSL_alert_desc_string_long(alert));
}

/* ---- what this end finds ---- */

static void note_reason(struct tls_end *end, int reason)
{
    const char *other = end->tls->server ? "client" : "broker";
    switch (reason) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        jqw_tls_note(end, JQW_TLS_CUT, "the %s ended the connection %s", other,
                     end->established ? "without a goodbye" : "within the TLS handshake");
        break;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        jqw_tls_note(end, end->established ? JQW_TLS_FAILED : JQW_TLS_PLAIN, "the %s does not speak TLS here", other);
        break;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_UNKNOWN_PROTOCOL:
        jqw_tls_note(end, JQW_TLS_FAILED, "the %s has no TLS from version 1.2 on", other);
        break;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        jqw_tls_note(end, JQW_TLS_FAILED, "the %s has no cipher in common with this side", other);
        break;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        jqw_tls_note(end, JQW_TLS_UNTRUSTED, "the %s has no certificate, and one is asked for", other);
        break;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        jqw_tls_note(end, JQW_TLS_UNTRUSTED, "the certificate of the %s is not trusted: %s", other,
                     X509_verify_cert_error_string(SSL_get_verify_result(end->ssl)));
        break;
    default:
        jqw_tls_note(end, JQW_TLS_FAILED, "the %s makes no sense in TLS (%d)", other, reason);
    }
}

void jqw_tls_note_error(struct tls_end *end, unsigned long error)
{
    int reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        jqw_tls_note(end, JQW_TLS_FAILED, "TLS failed: %s", ERR_reason_error_string(error));
    else if (reason > SSL_AD_REASON_OFFSET)
        note_alert(end, reason - SSL_AD_REASON_OFFSET);
    else
        note_reason(end, reason);
}
