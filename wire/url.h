/* SPDX-License-Identifier: Apache-2.0 */
/* joinq://[user@]host[:port], joinqs://[user@]host[:port], unix://[user@]/path. Nothing is resolved or opened here. */
#ifndef JOINQ_WIRE_URL_H
#define JOINQ_WIRE_URL_H

#include "base.h"
#include <stdint.h>

enum jqw_url_scheme { JQW_URL_TCP, JQW_URL_TLS, JQW_URL_UNIX };

struct jqw_url {
    enum jqw_url_scheme scheme;
    char user[256]; /* "" where there is none */
    char host[256]; /* without the brackets of an IPv6 address */
    uint16_t port;  /* JQW_PORT where none is given; 0 asks a listener for any */
    char path[108]; /* unix: an absolute path that fits a socket address */
};

/* JQ_OK, or JQ_INVALID with *why saying what is wrong (static text). A password in a URL is INVALID. */
JQ_MUST_USE int jqw_url_parse(const char *text, struct jqw_url *out, const char **why);
/* Writes the URL as text, e.g. "joinq://127.0.0.1:19025"; truncates like snprintf. */
int jqw_url_format(const struct jqw_url *url, char *to, unsigned size);

#endif
