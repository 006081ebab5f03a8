/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of transport that the conformance suite runs over: TCP and Unix sockets are listened for, connected and accepted
 * as the broker and the library do it. */
#include "codes.h"
#include "tls.h"
#include "tls_files.h"
#include "tls_inside.h"
#include "transport_conformance.h"
#include "url.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

void folder_make(void)
{
    snprintf(folder, sizeof folder, "/tmp/joinq-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

void folder_remove(void)
{
    assert_int_equal(rmdir(folder), 0);
}

const char *folder_path(const char *name)
{
    static char path[sizeof folder + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

void wait_ready(int fd, short events)
{
    struct pollfd waiting = {.fd = fd, .events = events};
    assert_int_equal(poll(&waiting, 1, 5000), 1);
}

static void connect_over(struct jqw_url *url, struct jqw_transport *a, struct jqw_transport *b)
{
    bool unix_ = url->scheme == JQW_URL_UNIX;
    int listener;
    assert_int_equal(jqw_transport_listen(url, 8, &listener), JQ_OK);
    assert_int_equal(jqw_transport_connect(a, url, 0), JQ_OK);
    wait_ready(listener, POLLIN);
    assert_int_equal(jqw_transport_accept(listener, unix_, b), JQ_OK);
    wait_ready(a->ops->fd(a), POLLOUT);
    assert_int_equal(jqw_transport_connected(a), JQ_OK);
    close(listener);
}

static void tcp_connect(struct jqw_transport *a, struct jqw_transport *b)
{
    struct jqw_url url = {.scheme = JQW_URL_TCP, .host = "127.0.0.1"};
    connect_over(&url, a, b);
}

/* ---- TLS ---- */

static struct jqw_tls *tls_server, *tls_client;

bool tls_is_old(void)
{
    return getenv("JOINQ_TEST_OLD_TLS") != NULL;
}

void tls_keep_old(struct jqw_tls *tls)
{
    if (tls_is_old())
        assert_int_equal(SSL_CTX_set_max_proto_version(tls->context, TLS1_2_VERSION), 1);
}

/* One certificate that signs itself, and that the client trusts. */
static void tls_contexts_make(void)
{
    struct issued own;
    char cert[96], key[96], why[200];
    issue(&own, NULL, "a broker", "IP:127.0.0.1", 10);
    folder_make();
    snprintf(cert, sizeof cert, "%s", folder_path("cert"));
    snprintf(key, sizeof key, "%s", folder_path("key"));
    certificate_write(&own, cert);
    key_write(&own, key);
    struct jqw_tls_options server = {.server = true, .cert = cert, .key = key}, client = {.ca = cert};
    assert_int_equal(jqw_tls_new(&server, &tls_server, why, sizeof why), JQ_OK);
    assert_int_equal(jqw_tls_new(&client, &tls_client, why, sizeof why), JQ_OK);
    tls_keep_old(tls_client);
    unlink(cert);
    unlink(key);
    folder_remove();
    issued_free(&own);
}

/* `a` is the client, `b` the broker. */
static void tls_connect(struct jqw_transport *a, struct jqw_transport *b)
{
    struct jqw_url url = {.scheme = JQW_URL_TLS, .host = "127.0.0.1"};
    tls_contexts_make();
    connect_over(&url, a, b);
    assert_int_equal(jqw_transport_tls(a, tls_client, url.host), JQ_OK);
    assert_int_equal(jqw_transport_tls(b, tls_server, NULL), JQ_OK);
    jqw_tls_unref(tls_client);
    jqw_tls_unref(tls_server);
    for (int done_a = JQ_EMPTY, done_b = JQ_EMPTY; done_a == JQ_EMPTY || done_b == JQ_EMPTY;) {
        done_a = jqw_tls_handshake(a);
        done_b = jqw_tls_handshake(b);
        assert_true(done_a != JQ_DISCONNECTED && done_b != JQ_DISCONNECTED);
    }
}

static void unix_connect(struct jqw_transport *a, struct jqw_transport *b)
{
    struct jqw_url url = {.scheme = JQW_URL_UNIX};
    folder_make();
    snprintf(url.path, sizeof url.path, "%s", folder_path("s"));
    connect_over(&url, a, b);
    unlink(url.path);
    folder_remove();
}

static void pair_connect(struct jqw_transport *a, struct jqw_transport *b)
{
    assert_int_equal(jqw_transport_pair(a, b, 10007), JQ_OK);
}

const struct kind kind_tcp = {"tcp", tcp_connect};
const struct kind kind_tls = {"tls", tls_connect};
const struct kind kind_unix = {"unix", unix_connect};
const struct kind kind_pair = {"pair", pair_connect};
