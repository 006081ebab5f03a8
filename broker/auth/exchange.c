/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's side of SCRAM-SHA-256. A user that does not exist takes the same way as one that does, with an entry that nobody can have
 * the password of, the same each time in this run; and whatever is wrong is only told at the end, in the same words. */
#include "auth.h"
#include "state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct auth_exchange {
    char user[JQW_SCRAM_USER_MAX + 1];
    struct auth_proof proof;
    char header[20]; /* what the first message began with: how it stands towards the channel */
    uint8_t channel[JQW_SCRAM_BINDING];
    bool bound;
    char nonce[JQW_SCRAM_NONCE_MAX + 1];
    char all[JQW_SCRAM_ALL_MAX + 1]; /* what both ends sign, as far as it was said */
    size_t all_size;                 /* 0: nothing was */
};

struct auth_exchange *auth_exchange_new(void)
{
    return calloc(1, sizeof(struct auth_exchange));
}

void auth_exchange_free(struct auth_exchange *exchange)
{
    if (exchange)
        jqw_scram_wipe(exchange, sizeof *exchange);
    free(exchange);
}

const char *auth_exchange_user(const struct auth_exchange *exchange)
{
    return exchange->user;
}

static void add(struct auth_exchange *exchange, const char *text, size_t size)
{
    memcpy(exchange->all + exchange->all_size, text, size);
    exchange->all_size += size;
    exchange->all[exchange->all_size] = '\0';
}

/* ---- users, also those that do not exist ---- */

/* As many iterations, and as long a salt, as some user has: which one depends on the name. */
static const struct auth_user *model_of(const struct auth *auth, const uint8_t chance[JQW_SCRAM_KEY])
{
    uint32_t number, count = HASH_COUNT(auth->users);
    const struct auth_user *user = auth->users;
    memcpy(&number, chance, sizeof number);
    for (uint32_t i = 0; user && i < number % (count > 64 ? 64 : count); i++)
        user = user->hh.next;
    return user;
}

JQ_MUST_USE static int proof_pretend(const struct auth *auth, const char *name, struct auth_proof *out)
{
    uint8_t chance[JQW_SCRAM_KEY];
    char text[JQW_SCRAM_USER_MAX + 3];
    int code = JQ_OK;
    uint8_t *const places[] = {chance, out->stored, out->server};
    *out = (struct auth_proof){.iterations = JQW_SCRAM_ITERATIONS, .salt_size = JQW_SCRAM_SALT};
    for (size_t i = 0; code == JQ_OK && i < 3; i++) {
        int size = snprintf(text, sizeof text, "%zu:%s", i, name);
        code = jqw_scram_sign(auth->secret, text, (size_t)size, places[i]);
    }
    const struct auth_user *model = model_of(auth, chance);
    if (model) {
        out->iterations = model->proof.iterations;
        out->salt_size = model->proof.salt_size;
    }
    if (out->salt_size > sizeof chance)
        memcpy(out->salt + sizeof chance, out->server, out->salt_size - sizeof chance);
    memcpy(out->salt, chance, out->salt_size < sizeof chance ? out->salt_size : sizeof chance);
    return code;
}

/* Both are made, whichever is taken. */
JQ_MUST_USE static int user_find(const struct auth *auth, struct auth_exchange *exchange)
{
    struct auth_proof pretended;
    int code = proof_pretend(auth, exchange->user, &pretended);
    const struct auth_user *user = auth_users_find(auth->users, exchange->user);
    exchange->proof = user ? user->proof : pretended;
    return code;
}

/* ---- the first message ---- */

/* How the client stands towards the channel. "y" is that it could bind itself to TLS and was not offered that: where it was, somebody
 * in between took the offer out. */
static bool header_read(struct auth_exchange *exchange, bool bound, const uint8_t *channel, const char **at,
                        size_t size)
{
    static const char *const headers[] = {"n,,", "y,,", "p=tls-exporter,,"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(headers[i]);
        if (size < length || memcmp(*at, headers[i], length) != 0)
            continue;
        memcpy(exchange->header, headers[i], length + 1);
        *at += length;
        exchange->bound = i == 2;
        if (channel)
            memcpy(exchange->channel, channel, sizeof exchange->channel);
        return exchange->bound == bound && (!bound || channel) && (i != 1 || !channel);
    }
    return false;
}

static bool nonce_ok(const struct jqw_scram_piece *nonce)
{
    for (size_t i = 0; i < nonce->size; i++)
        if (nonce->text[i] < 0x21 || nonce->text[i] > 0x7e)
            return false;
    return nonce->size >= JQW_SCRAM_NONCE_MIN && nonce->size <= JQW_SCRAM_NONCE_MAX - JQW_SCRAM_NONCE;
}

static bool first_read(struct auth_exchange *exchange, const char *text, const char *end, struct jqw_scram_piece *nonce)
{
    const char *at = text;
    struct jqw_scram_piece user;
    if (jqw_scram_take(&at, end, 'n', &user) != JQ_OK || jqw_scram_take(&at, end, 'r', nonce) != JQ_OK || at != end ||
        !jqw_scram_user_ok(user.text, user.size) || !nonce_ok(nonce))
        return false;
    memcpy(exchange->user, user.text, user.size);
    exchange->user[user.size] = '\0';
    add(exchange, text, (size_t)(end - text));
    return true;
}

JQ_MUST_USE static int challenge_write(struct auth_exchange *exchange, const struct jqw_scram_piece *nonce, char *out)
{
    char own[JQW_SCRAM_NONCE + 1], salt[4 * ((JQW_SCRAM_SALT_MAX + 2) / 3) + 1];
    int code = jqw_scram_nonce(own);
    if (code != JQ_OK)
        return code;
    snprintf(exchange->nonce, sizeof exchange->nonce, "%.*s%s", (int)nonce->size, nonce->text, own);
    jqw_base64_write(exchange->proof.salt, exchange->proof.salt_size, salt);
    snprintf(out, AUTH_CHALLENGE_MAX + 1, "r=%s,s=%s,i=%u", exchange->nonce, salt, exchange->proof.iterations);
    add(exchange, ",", 1);
    add(exchange, out, strlen(out));
    return JQ_OK;
}

int auth_exchange_first(struct auth *auth, struct auth_exchange *exchange, bool bound, const uint8_t *channel,
                        const char *data, size_t size, char out[AUTH_CHALLENGE_MAX + 1])
{
    const char *at = data;
    struct jqw_scram_piece nonce;
    if (exchange->all_size > 0 || size > JQW_SCRAM_MESSAGE_MAX || !header_read(exchange, bound, channel, &at, size) ||
        !first_read(exchange, at, data + size, &nonce))
        return JQ_AUTH_FAILED;
    int code = user_find(auth, exchange);
    return code == JQ_OK ? challenge_write(exchange, &nonce, out) : code;
}

/* ---- the second ---- */

struct answer {
    struct jqw_scram_piece binding, nonce, proof;
    size_t signed_size; /* of what stands before the proof, and its comma */
};

static bool final_read(const char *data, size_t size, struct answer *out)
{
    const char *at = data, *end = data + size;
    if (size > JQW_SCRAM_MESSAGE_MAX || jqw_scram_take(&at, end, 'c', &out->binding) != JQ_OK ||
        jqw_scram_take(&at, end, 'r', &out->nonce) != JQ_OK)
        return false;
    out->signed_size = (size_t)(at - data);
    return jqw_scram_take(&at, end, 'p', &out->proof) == JQ_OK && at == end;
}

/* The header of the first message once more, and the channel: so nobody in between has changed either. */
static bool binding_holds(const struct auth_exchange *exchange, const struct jqw_scram_piece *binding)
{
    uint8_t expected[sizeof exchange->header + JQW_SCRAM_BINDING], said[sizeof expected];
    size_t size = strlen(exchange->header);
    memcpy(expected, exchange->header, size);
    if (exchange->bound) {
        memcpy(expected + size, exchange->channel, sizeof exchange->channel);
        size += sizeof exchange->channel;
    }
    int length = jqw_base64_read(binding->text, binding->size, said, sizeof said);
    return length == (int)size && jqw_scram_same(said, expected, size);
}

/* The proof is the client's key under a signature that only who has the stored key can take off. */
JQ_MUST_USE static int proof_check(struct auth_exchange *exchange, const struct jqw_scram_piece *piece, bool *holds)
{
    uint8_t said[JQW_SCRAM_KEY] = {0}, signature[JQW_SCRAM_KEY], stored[JQW_SCRAM_KEY];
    bool whole = jqw_base64_read(piece->text, piece->size, said, sizeof said) == JQW_SCRAM_KEY;
    int code = jqw_scram_sign(exchange->proof.stored, exchange->all, exchange->all_size, signature);
    for (size_t i = 0; i < sizeof said; i++)
        said[i] ^= signature[i];
    if (code == JQ_OK)
        code = jqw_scram_hash(said, stored);
    bool same = jqw_scram_same(stored, exchange->proof.stored, sizeof stored);
    jqw_scram_wipe(said, sizeof said);
    *holds = whole && same;
    return code;
}

JQ_MUST_USE static int prove_ourselves(struct auth_exchange *exchange, char *out)
{
    uint8_t signature[JQW_SCRAM_KEY];
    int code = jqw_scram_sign(exchange->proof.server, exchange->all, exchange->all_size, signature);
    memcpy(out, "v=", 2);
    jqw_base64_write(signature, sizeof signature, out + 2);
    return code;
}

int auth_exchange_final(struct auth *auth, struct auth_exchange *exchange, const char *data, size_t size,
                        char out[AUTH_CHALLENGE_MAX + 1], struct auth_subject **subject)
{
    struct answer answer;
    bool proved = false;
    if (exchange->all_size == 0 || !final_read(data, size, &answer))
        return JQ_AUTH_FAILED;
    bool bound = binding_holds(exchange, &answer.binding);
    bool same = answer.nonce.size == strlen(exchange->nonce) &&
                memcmp(answer.nonce.text, exchange->nonce, answer.nonce.size) == 0;
    add(exchange, ",", 1);
    add(exchange, data, answer.signed_size - 1);
    int code = proof_check(exchange, &answer.proof, &proved);
    if (code == JQ_OK)
        code = prove_ourselves(exchange, out);
    if (code != JQ_OK)
        return code;
    bool still = auth_users_have(auth->users, exchange->user, &exchange->proof); /* it exists, and as it was */
    if (!bound || !same || !proved || !still)
        return JQ_AUTH_FAILED;
    code = auth_enter(auth, exchange->user, "", false, subject);
    if (code == JQ_OK) {
        (*subject)->by_password = true;
        (*subject)->over = false; /* whoever came in by another password has been put out */
        (*subject)->proof = exchange->proof;
    }
    return code;
}
