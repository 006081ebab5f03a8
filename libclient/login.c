/* SPDX-License-Identifier: Apache-2.0 */
/* The first words on a connection: hello, and the proof of who the user is, in both directions. */
#include "jqc_call.h"
#include "tls.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- who ---- */

static int no_password(struct joinq *client, const char *what, const char *why)
{
    return jqc_fail(client, JQ_AUTH_FAILED, "no password for user '%.100s': %.200s%s", client->credentials.user, what,
                    why);
}

/* The first line of the file is the password. */
JQ_MUST_USE static int password_read(struct joinq *client)
{
    struct jqc_credentials *to = &client->credentials;
    const char *path = getenv("JOINQ_PASSWORD_FILE");
    if (!path || path[0] == '\0')
        return no_password(client, "JOINQ_PASSWORD_FILE names the file that it stands in", "");
    FILE *file = fopen(path, "re");
    if (!file)
        return no_password(client, path, errno == ENOENT ? " does not exist" : " cannot be read");
    setbuf(file, NULL); /* no copy of it stays behind */
    bool some = fgets(to->password, sizeof to->password, file) != NULL;
    bool more = some && !strchr(to->password, '\n') && fgetc(file) != EOF;
    fclose(file);
    if (!some || to->password[0] == '\n' || to->password[0] == '\0')
        return no_password(client, path, " has no first line");
    if (more)
        return no_password(client, path, ": more than 1024 bytes in its first line");
    to->password_size = strcspn(to->password, "\r\n");
    return JQ_OK;
}

int jqc_credentials_set(struct joinq *client, const struct joinq_options *options)
{
    struct jqc_credentials *to = &client->credentials;
    const char *user = options->user ? options->user : client->reconnect.url.user;
    if (user[0] == '\0' && !options->user)
        return options->password ? jqc_fail(client, JQ_INVALID, "a password without a user") : JQ_OK;
    if (!jqw_scram_user_ok(user, strlen(user)))
        return jqc_fail(client, JQ_INVALID, "a user is 1 to 255 of A-Z a-z 0-9 . _ - +");
    memcpy(to->user, user, strlen(user) + 1);
    if (!options->password)
        return password_read(client);
    to->password_size = strlen(options->password);
    if (to->password_size == 0 || to->password_size > JQW_SCRAM_PASSWORD_MAX)
        return jqc_fail(client, JQ_INVALID, "a password has 1 to %d bytes", JQW_SCRAM_PASSWORD_MAX);
    memcpy(to->password, options->password, to->password_size + 1);
    return JQ_OK;
}

/* ---- saying it ---- */

/* One step of the handshake: its answer is to be closed by the caller, on JQ_OK only. */
JQ_MUST_USE static int step(struct joinq *client, struct jqw_message *message, int64_t deadline_ns,
                            struct jqc_request **out)
{
    struct jqc_request *request;
    int code = jqc_submit(client, message, NULL, &request);
    if (code != JQ_OK)
        return code;
    if (jqc_await(client, request, deadline_ns) != JQ_OK) {
        jqc_request_forget(&client->core.requests, request);
        return jqc_cannot_connect(client, JQ_TIMEOUT, "no answer in time");
    }
    code = request->answer.code;
    if (code == JQ_OK) {
        *out = request;
        return JQ_OK;
    }
    jqc_cannot_connect(client, code, request->answer.text[0] ? request->answer.text : jqw_code_text(code));
    jqc_call_end(client, request);
    return code;
}

JQ_MUST_USE static int say_hello(struct joinq *client, int64_t deadline_ns, struct jqc_request **out)
{
    const struct jqc_reconnect *who = &client->reconnect;
    struct jqw_message message = {.op = JQW_HELLO,
                                  .hello = {.version = JQW_VERSION, .client = {who->id, sizeof who->id}}};
    client->core.broker.ping_ms = 0; /* until it has said so again */
    message.hello.flags =
        (client->pings.wanted ? JQW_HELLO_PING : 0u) | (client->credentials.user[0] ? JQW_HELLO_PASSWORD : 0u);
    message.hello.name = (struct jqw_bytes){(const uint8_t *)who->name, strlen(who->name)};
    return step(client, &message, deadline_ns, out);
}

/* ---- proving it ---- */

JQ_MUST_USE static int say_auth(struct joinq *client, uint32_t mechanism, const char *data, int64_t deadline_ns,
                                struct jqc_request **out)
{
    struct jqw_message message = {.op = JQW_AUTH, .auth = {mechanism, {(const uint8_t *)data, strlen(data)}}};
    return step(client, &message, deadline_ns, out);
}

/* The strongest way that both have. */
static uint32_t mechanism_choose(uint64_t offered, bool channel, enum jqc_binding *binding)
{
    if (channel && (offered & JQW_SCRAM_SHA_256_PLUS)) {
        *binding = JQC_BINDING_TLS;
        return JQW_SCRAM_SHA_256_PLUS;
    }
    *binding = channel ? JQC_BINDING_REFUSED : JQC_BINDING_NONE;
    return offered & JQW_SCRAM_SHA_256 ? JQW_SCRAM_SHA_256 : 0;
}

/* *asked is the challenge to hello; it is closed, and *out is the welcome. */
JQ_MUST_USE static int prove(struct joinq *client, struct jqc_request *asked, int64_t deadline_ns,
                             struct jqc_request **out)
{
    struct jqc_scram scram;
    enum jqc_binding binding;
    uint8_t channel[JQW_SCRAM_BINDING];
    char nonce[JQW_SCRAM_NONCE + 1], text[JQW_SCRAM_MESSAGE_MAX + 1];
    bool bound = jqw_tls_exporter(&client->transport, channel) == JQ_OK;
    uint32_t mechanism = mechanism_choose(asked->answer.count, bound, &binding);
    jqc_call_end(client, asked);
    if (mechanism == 0)
        return jqc_cannot_connect(client, JQ_AUTH_FAILED, "it takes passwords in no way that is known here");
    if (jqw_scram_nonce(nonce) != JQ_OK)
        return jqc_fail(client, JQ_INTERNAL, "no random bytes");
    jqc_scram_first(&scram, client->credentials.user, nonce, binding, channel, text);
    struct jqc_request *challenge;
    int code = say_auth(client, mechanism, text, deadline_ns, &challenge);
    if (code != JQ_OK)
        return code;
    const char *lines = challenge->answer.lines;
    code = challenge->answer.more && lines ? jqc_scram_final(&scram, &client->credentials, lines, strlen(lines), text)
                                           : JQ_PROTOCOL;
    jqc_call_end(client, challenge);
    if (code != JQ_OK)
        return jqc_cannot_connect(client, JQ_AUTH_FAILED, "its challenge makes no sense");
    code = say_auth(client, mechanism, text, deadline_ns, out);
    if (code != JQ_OK)
        return code;
    lines = (*out)->answer.lines;
    if (!(*out)->answer.more && lines && jqc_scram_proves(&scram, lines, strlen(lines)))
        return JQ_OK;
    jqc_call_end(client, *out);
    return jqc_cannot_connect(client, JQ_AUTH_FAILED,
                              "it cannot prove that it knows the user: is it the right broker?");
}

/* Who has a password is asked for it; a broker that does not is not the one that was meant. */
JQ_MUST_USE static int identify(struct joinq *client, struct jqc_request *answer, int64_t deadline_ns,
                                struct jqc_request **out)
{
    bool has_password = client->credentials.user[0];
    if (answer->answer.more && has_password)
        return prove(client, answer, deadline_ns, out);
    if (!answer->answer.more && !has_password) {
        *out = answer;
        return JQ_OK;
    }
    jqc_call_end(client, answer);
    return jqc_cannot_connect(client, JQ_AUTH_FAILED,
                              has_password ? "it asks for no password, and so proves nothing"
                                           : "it wants a user, as in joinqs://user@host, and a password");
}

int jqc_login(struct joinq *client, int64_t deadline_ns)
{
    struct jqc_request *answer, *welcome;
    int code = say_hello(client, deadline_ns, &answer);
    if (code == JQ_OK)
        code = identify(client, answer, deadline_ns, &welcome);
    if (code != JQ_OK)
        return code;
    client->pings.unheard = 0;
    client->pings.next_ns = jqc_deadline((int64_t)client->core.broker.ping_ms);
    jqc_call_end(client, welcome);
    return JQ_OK;
}
