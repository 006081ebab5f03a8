/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of the configuration: looked at, and taken. What is in them is for others to know. */
#include "certificates.h"
#include "codes.h"
#include "tls.h"

static int explain(int code, const char *why, struct config_error *error)
{
    if (code != JQ_OK)
        snprintf(error->text, sizeof error->text, "TLS: %s", why);
    return code;
}

int certificates_check(const struct config *config, struct config_error *error)
{
    char why[512];
    struct jqw_tls *tls = NULL;
    if (!config->server.tls.cert)
        return JQ_OK;
    int code = jqw_tls_new(&config->server.tls, &tls, why, sizeof why);
    jqw_tls_unref(tls);
    return explain(code, why, error);
}

int certificates_take(struct server *server, const struct config *config, struct config_error *error)
{
    char why[512];
    int code = server_tls_prepare(server, &config->server.tls, why, sizeof why);
    if (code == JQ_OK)
        server_tls_commit(server);
    return explain(code, why, error);
}
