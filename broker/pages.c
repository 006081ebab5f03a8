/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of the configuration. What is on them is for others to know. */
#include "pages.h"
#include "codes.h"
#include "transport.h"
#include <stdlib.h>
#include <string.h>

static int token_read(const struct config *config, char **token, struct config_error *error)
{
    char why[512];
    *token = NULL;
    if (!config->http.listen || !config->http.token_file ||
        config_secret_read(config->http.token_file, token, why, sizeof why) == JQ_OK)
        return JQ_OK;
    config_explain(config, "http", "token_file", why, error);
    return JQ_INVALID;
}

static void token_free(char *token)
{
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
}

int pages_check(const struct config *config, struct config_error *error)
{
    char *token;
    int code = token_read(config, &token, error);
    token_free(token);
    return code;
}

int pages_would_start(const struct config *config, struct config_error *error)
{
    const struct config_http *http = &config->http;
    char why[512];
    if (!http->listen || http->allow_network || !jqw_is_beyond_loopback(&http->url))
        return JQ_OK;
    snprintf(why, sizeof why,
             "%s is not a loopback address: refused, unless allow_network = yes in section http allows it",
             http->listen);
    config_explain(config, "http", "listen", why, error);
    return JQ_INVALID;
}

int pages_begin(struct server *server, const struct config *config, struct admin **admin, struct config_error *error)
{
    struct admin_config pages = {.url = config->http.url, .allow_network = config->http.allow_network};
    char why[512], *token;
    *admin = NULL;
    if (!config->http.listen)
        return JQ_OK;
    int code = token_read(config, &token, error);
    pages.token = token;
    if (code == JQ_OK && (code = admin_new(&pages, server, admin, why, sizeof why)) != JQ_OK)
        config_explain(config, "http", "listen", why, error);
    token_free(token);
    bool six = strchr(pages.url.host, ':') != NULL;
    if (code == JQ_OK)
        printf("joinqd: pages on http://%s%s%s:%u\n", six ? "[" : "", pages.url.host, six ? "]" : "", pages.url.port);
    return code;
}

int pages_take(struct admin *admin, const struct config *config, bool *other, struct config_error *error)
{
    char *token = NULL;
    *other = false;
    if (!admin)
        return JQ_OK;
    int code = token_read(config, &token, error);
    if (code == JQ_OK && (code = admin_token(admin, token, other)) != JQ_OK)
        snprintf(error->text, sizeof error->text, "http: out of memory");
    token_free(token);
    return code;
}
