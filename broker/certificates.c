/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of the configuration: looked at, and taken. What is in them is for others to know. */
#include "certificates.h"
#include "codes.h"
#include "tls.h"
#include <string.h>

/* By the option whose file is named first. */
static int explain(int code, const struct config *config, const char *why, struct config_error *error)
{
    const struct jqw_tls_options *tls = &config->server.tls;
    const struct {
        const char *name, *path;
    } options[] = {{"cert", tls->cert}, {"key", tls->key}, {"ca", tls->ca}, {"crl", tls->crl}};
    const char *about = "cert", *first = NULL;
    if (code == JQ_OK)
        return code;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const char *at = options[i].path ? strstr(why, options[i].path) : NULL;
        if (at && (!first || at < first))
            about = options[i].name, first = at;
    }
    config_explain(config, "tls", about, why, error);
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
    return explain(code, config, why, error);
}

int certificates_take(struct server *server, const struct config *config, struct config_error *error)
{
    char why[512];
    int code = server_tls_prepare(server, &config->server.tls, why, sizeof why);
    if (code == JQ_OK)
        server_tls_commit(server);
    return explain(code, config, why, error);
}
