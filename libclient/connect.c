/* SPDX-License-Identifier: Apache-2.0 */
/* From a URL to a handle: where to connect, and connecting; and the end of it. What is said first: login.c. */
#include "jqc_call.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 5 /* while a listener's queue of connections is full */ };

/* ---- where --------------------------------------------------------------------------------------------------------- */

/* The URL of the user's own broker. It listens there when it is told nothing else. */
static void default_url(char *to, size_t size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    bool own = runtime && runtime[0] == '/';
    snprintf(to, size, "unix://%s/joinq/joinqd.sock", own ? runtime : "/run");
}

JQ_MUST_USE static int url_choose(struct joinq *client, const char *text, struct jqw_url *out)
{
    char own[512];
    if (!text)
        text = getenv("JOINQ_URL");
    if (!text || text[0] == '\0') {
        default_url(own, sizeof own);
        text = own;
    }
    const char *why;
    if (jqw_url_parse(text, out, &why) != JQ_OK)
        return jqc_fail(client, JQ_INVALID, "'%.200s' is no URL of a broker: %s", text, why);
    return JQ_OK;
}

/* ---- connecting ---------------------------------------------------------------------------------------------------- */

int jqc_cannot_connect(struct joinq *client, int code, const char *why)
{
    char text[512];
    jqw_url_format(&client->reconnect.url, text, sizeof text);
    return jqc_fail(client, code, "cannot connect to %.200s: %s", text, why);
}

/* One address, until it is connected, refused, or too late. */
JQ_MUST_USE static int connect_one(struct jqw_transport *transport, const struct jqw_url *url, unsigned address,
                                   int64_t deadline_ns)
{
    int code = jqw_transport_connect(transport, url, address);
    if (code != JQ_OK)
        return code;
    code = jqc_poll(transport->ops->fd(transport), JQW_WANT_WRITE, deadline_ns);
    if (code == JQ_OK)
        code = jqw_transport_connected(transport);
    if (code != JQ_OK) {
        int error = errno;
        transport->ops->close(transport);
        errno = error;
    }
    return code;
}

JQ_MUST_USE static int connect_tls(struct joinq *client, const struct jqw_url *url, struct jqw_transport *transport,
                                   int64_t deadline_ns)
{
    char why[JQW_TEXT_MAX + 1];
    int code = jqc_tls_start(&client->tls, transport, url->host, deadline_ns, why, sizeof why);
    if (code == JQ_OK) {
        client->transport = *transport;
        return JQ_OK;
    }
    transport->ops->close(transport);
    return jqc_cannot_connect(client, code, why);
}

/* Each address of the name in turn. A listener that is there but busy is asked again. */
JQ_MUST_USE static int connect_any(struct joinq *client, const struct jqw_url *url, int64_t deadline_ns)
{
    int error = 0;
    for (unsigned address = 0;; address++) {
        struct jqw_transport transport;
        int code = connect_one(&transport, url, address, deadline_ns);
        if (code == JQ_OK && url->scheme == JQW_URL_TLS)
            return connect_tls(client, url, &transport, deadline_ns);
        if (code == JQ_OK) {
            client->transport = transport;
            return JQ_OK;
        }
        if (code == JQ_NO_QUEUE)
            break;
        error = errno;
        if (code == JQ_DISCONNECTED && error == EAGAIN) {
            int64_t retry_ns = jqc_deadline(RETRY_MS);
            code = jqc_poll(-1, 0, retry_ns < deadline_ns ? retry_ns : deadline_ns);
            address--;
        }
        if (code == JQ_TIMEOUT && jqc_deadline(0) >= deadline_ns)
            return jqc_cannot_connect(client, code, "no answer in time");
    }
    char text[128];
    return jqc_cannot_connect(client, JQ_DISCONNECTED, strerror_r(error, text, sizeof text));
}

int jqc_connect(struct joinq *client, int64_t deadline_ns)
{
    int code = connect_any(client, &client->reconnect.url, deadline_ns);
    return code == JQ_OK ? jqc_login(client, deadline_ns) : code;
}

/* Who says hello, now and on each connection that is made again. */
JQ_MUST_USE static int identity_set(struct joinq *client, const struct joinq_options *options)
{
    struct jqc_reconnect *who = &client->reconnect;
    if (jqw_random(who->id, sizeof who->id) != JQ_OK)
        return jqc_fail(client, JQ_INTERNAL, "no random bytes");
    if (options->reconnect_interval_ms <= 0)
        return jqc_fail(client, JQ_INVALID, "the longest interval between tries is 1 ms or more");
    if (options->name)
        memcpy(who->name, options->name, strnlen(options->name, JQW_NAME_MAX));
    client->pings.wanted = options->ping;
    who->interval_max_ms = options->reconnect_interval_ms < INT32_MAX ? options->reconnect_interval_ms : INT32_MAX;
    return JQ_OK;
}

/* What an option does not say the environment may. */
static const char *choose(const char *option, const char *variable)
{
    return option ? option : getenv(variable);
}

JQ_MUST_USE static int tls_set(struct joinq *client, const struct joinq_options *options)
{
    const struct jqw_tls_options chosen = {.ca = choose(options->ca, "JOINQ_CA"),
                                           .cert = choose(options->cert, "JOINQ_CERT"),
                                           .key = choose(options->key, "JOINQ_KEY"),
                                           .fingerprint = choose(options->fingerprint, "JOINQ_FINGERPRINT")};
    int code = jqc_tls_init(&client->tls, &chosen);
    return code == JQ_OK ? JQ_OK : jqc_fail(client, code, NULL);
}

JQ_MUST_USE static int connect_all(struct joinq *client, const char *url_text, const struct joinq_options *options)
{
    uint64_t checked;
    int code = jqc_size(client, options->size, sizeof *options);
    if (code == JQ_OK)
        code = jqc_timeout(client, options->connect_timeout_ms, &checked);
    if (code == JQ_OK)
        code = jqc_timeout(client, options->reconnect_ms, &checked);
    if (code == JQ_OK)
        code = url_choose(client, url_text, &client->reconnect.url);
    if (code == JQ_OK)
        code = identity_set(client, options);
    if (code == JQ_OK)
        code = jqc_credentials_set(client, options);
    if (code == JQ_OK)
        code = tls_set(client, options);
    if (code == JQ_OK)
        code = jqc_connect(client, jqc_deadline(options->connect_timeout_ms));
    if (code == JQ_OK)
        client->reconnect.try_ms = options->reconnect_ms;
    client->core.once = code == JQ_OK && options->reconnect_ms != 0;
    return code;
}

/* ---- public -------------------------------------------------------------------------------------------------------- */

static void sentence_out(char *error, size_t error_size, const char *text)
{
    if (error && error_size > 0)
        snprintf(error, error_size, "%s", text);
}

int joinq_connect_error(joinq **out, const char *url, const struct joinq_options *options, char *error,
                        size_t error_size)
{
    const struct joinq_options defaults = JOINQ_OPTIONS_INIT;
    struct joinq *client = calloc(1, sizeof *client);
    int code = client ? jqc_core_init(&client->core) : JQ_OVERLOADED;
    if (code != JQ_OK) {
        free(client);
        sentence_out(error, error_size, jqw_code_text(code));
        return code;
    }
    code = connect_all(client, url, options ? options : &defaults);
    if (code != JQ_OK) {
        sentence_out(error, error_size, client->error);
        joinq_free(client);
        return code;
    }
    *out = client;
    return JQ_OK;
}

int joinq_connect(joinq **out, const char *url, const struct joinq_options *options)
{
    return joinq_connect_error(out, url, options, NULL, 0);
}

/* Nothing need be kept of this client. If that is not heard, it is for a while. */
static void say_bye(struct joinq *client)
{
    size_t size;
    (void)jqc_core_output(&client->core, &size);
    if (client->core.requests.slots_once.count == 0 || size > 0)
        return;
    const struct jqw_message message = {.op = JQW_BYE, .bye = {.flags = JQW_BYE_FORGET}};
    if (jqw_encode(&client->core.out, &message) == JQ_OK)
        jqc_write(client);
}

void joinq_free(joinq *client)
{
    if (!client)
        return;
    if (client->transport.ops)
        say_bye(client);
    jqc_transport_close(client);
    jqc_core_fini(&client->core);
    jqc_credentials_wipe(&client->credentials);
    jqc_tls_fini(&client->tls);
    free(client);
}

const char *joinq_error(const joinq *client)
{
    return client->error;
}

int joinq_fd(const joinq *client)
{
    return client->transport.ops ? client->transport.ops->fd(&client->transport) : -1;
}

const char *joinq_code_name(int code)
{
    return jqw_code_name(code);
}

const char *joinq_code_text(int code)
{
    return jqw_code_text(code);
}
