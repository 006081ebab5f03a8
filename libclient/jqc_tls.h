/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of TLS. See jqc_tls.c. */
#ifndef JOINQ_JQC_TLS_H
#define JOINQ_JQC_TLS_H

#include "tls.h"

/* Paths, and a fingerprint; owned; NULL: none. */
struct jqc_tls {
    char *ca, *cert, *key, *fingerprint;
};

/* Copies; "" is none. JQ_OK or JQ_OVERLOADED, to be given to fini in either case. */
JQ_MUST_USE int jqc_tls_init(struct jqc_tls *tls, const struct jqw_tls_options *options);
void jqc_tls_fini(struct jqc_tls *tls);

/* Makes a connected transport one over TLS. JQ_OK, or `why` is one line: INVALID (a file, or the fingerprint), DISCONNECTED,
 * AUTH_FAILED, TIMEOUT, OVERLOADED. The transport remains the caller's. */
JQ_MUST_USE int jqc_tls_start(const struct jqc_tls *tls, struct jqw_transport *transport, const char *host,
                              int64_t deadline_ns, char *why, size_t why_size);
/* Why the connection has failed, with this errno: DISCONNECTED, or AUTH_FAILED if the broker does not take the certificate. */
int jqc_tls_failure(const struct jqw_transport *transport, int error, char *why, size_t why_size);

#endif
