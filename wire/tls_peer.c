/* SPDX-License-Identifier: Apache-2.0 */
/* What an established connection over TLS knows: who the other end is, what was agreed, and what binds an authentication to this very
 * connection. It decides nothing. */
#include "codes.h"
#include "tls_inside.h"
#include <openssl/err.h>

/* RFC 9266, section 2. */
static const char exporter_label[] = "EXPORTER-Channel-Binding";

static SSL *established(const struct jqw_transport *t)
{
    const struct tls_end *end = jqw_tls_end(t);
    return end && end->established ? end->ssl : NULL;
}

bool jqw_tls_established(const struct jqw_transport *t)
{
    const struct tls_end *end = jqw_tls_end(t);
    return !end || end->established;
}

enum jqw_tls_problem jqw_tls_problem(const struct jqw_transport *t, const char **text)
{
    const struct tls_end *end = jqw_tls_end(t);
    enum jqw_tls_problem problem = end ? end->problem : JQW_TLS_NONE;
    if (text)
        *text = problem != JQW_TLS_NONE && end->text ? end->text : "TLS failed";
    return problem;
}

int jqw_tls_peer_name(const struct jqw_transport *t, char *to, size_t size)
{
    SSL *ssl = established(t);
    X509 *certificate = ssl && SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get0_peer_certificate(ssl) : NULL;
    int length =
        certificate && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE ? jqw_tls_name_of(certificate, to, size) : 0;
    bool fits = length > 0 && (size_t)length < size;
    if (!fits && size > 0)
        to[0] = '\0'; /* the beginning of a name is another one's */
    return fits ? length : 0;
}

const char *jqw_tls_version(const struct jqw_transport *t)
{
    const SSL *ssl = established(t);
    return ssl ? SSL_get_version(ssl) : "";
}

const char *jqw_tls_cipher(const struct jqw_transport *t)
{
    const SSL *ssl = established(t);
    return ssl ? SSL_get_cipher_name(ssl) : "";
}

int jqw_tls_exporter(const struct jqw_transport *t, uint8_t to[JQW_TLS_EXPORTER_SIZE])
{
    SSL *ssl = established(t);
    const uint8_t nothing[1] = {0};
    if (!ssl || (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1))
        return JQ_INVALID;
    ERR_clear_error();
    int done = SSL_export_keying_material(ssl, to, JQW_TLS_EXPORTER_SIZE, exporter_label, sizeof exporter_label - 1,
                                          nothing, 0, 1);
    return done == 1 ? JQ_OK : JQ_INVALID;
}
