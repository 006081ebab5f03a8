/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of TLS: what it trusts and who it is, kept as paths, so that each connection takes what the files hold then; and
 * the handshake, which waits. It must not know URLs, nor what is said afterwards. */
#include "jqc_tls.h"
#include "codes.h"
#include "jqc_driver.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

JQ_MUST_USE static int copy(char **to, const char *text)
{
    if (!text || text[0] == '\0')
        return JQ_OK;
    *to = strdup(text);
    return *to ? JQ_OK : JQ_OVERLOADED;
}

int jqc_tls_init(struct jqc_tls *tls, const struct jqw_tls_options *options)
{
    int code = copy(&tls->ca, options->ca);
    if (code == JQ_OK)
        code = copy(&tls->cert, options->cert);
    if (code == JQ_OK)
        code = copy(&tls->key, options->key);
    return code == JQ_OK ? copy(&tls->fingerprint, options->fingerprint) : code;
}

void jqc_tls_fini(struct jqc_tls *tls)
{
    free(tls->ca);
    free(tls->cert);
    free(tls->key);
    free(tls->fingerprint);
    *tls = (struct jqc_tls){0};
}

/* Goes on until the handshake is done, has failed, or is too late. */
JQ_MUST_USE static int shake_hands(struct jqw_transport *transport, int64_t deadline_ns, char *why, size_t why_size)
{
    int code;
    while ((code = jqw_tls_handshake(transport)) == JQ_EMPTY) {
        int wanted = transport->ops->wanted(transport, JQW_WANT_READ);
        if (jqc_poll(transport->ops->fd(transport), wanted, deadline_ns) == JQ_TIMEOUT) {
            snprintf(why, why_size, "no answer in time");
            return JQ_TIMEOUT;
        }
    }
    return code == JQ_OK ? JQ_OK : jqc_tls_failure(transport, errno, why, why_size);
}

int jqc_tls_start(const struct jqc_tls *tls, struct jqw_transport *transport, const char *host, int64_t deadline_ns,
                  char *why, size_t why_size)
{
    const struct jqw_tls_options options = {
        .ca = tls->ca, .cert = tls->cert, .key = tls->key, .fingerprint = tls->fingerprint};
    struct jqw_tls *context;
    int code = jqw_tls_new(&options, &context, why, why_size);
    if (code != JQ_OK)
        return code;
    code = jqw_transport_tls(transport, context, host);
    jqw_tls_unref(context);
    if (code == JQ_OK)
        return shake_hands(transport, deadline_ns, why, why_size);
    snprintf(why, why_size, "out of memory");
    return code;
}

int jqc_tls_failure(const struct jqw_transport *transport, int error, char *why, size_t why_size)
{
    char text[128];
    const char *said;
    enum jqw_tls_problem problem = jqw_tls_problem(transport, &said);
    snprintf(why, why_size, "%s", problem == JQW_TLS_NONE ? strerror_r(error, text, sizeof text) : said);
    return problem == JQW_TLS_REFUSED ? JQ_AUTH_FAILED : JQ_DISCONNECTED;
}
