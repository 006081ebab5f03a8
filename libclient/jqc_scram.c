/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM-SHA-256 as a client. What comes from the broker is looked at as strictly as it looks at us. */
#include "jqc_scram.h"
#include "codes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands before the first message, and is repeated, encoded, in the second. */
static const char *const headers[] = {
    [JQC_BINDING_NONE] = "n,,",
    [JQC_BINDING_REFUSED] = "y,,",
    [JQC_BINDING_TLS] = "p=tls-exporter,,",
};

static void add(struct jqc_scram *scram, const char *text, size_t size)
{
    memcpy(scram->all + scram->all_size, text, size);
    scram->all_size += size;
    scram->all[scram->all_size] = '\0';
}

void jqc_scram_first(struct jqc_scram *scram, const char *user, const char nonce[JQW_SCRAM_NONCE + 1],
                     enum jqc_binding binding, const uint8_t *channel, char out[JQW_SCRAM_MESSAGE_MAX + 1])
{
    *scram = (struct jqc_scram){.binding = binding};
    memcpy(scram->nonce, nonce, sizeof scram->nonce);
    if (binding == JQC_BINDING_TLS)
        memcpy(scram->channel, channel, sizeof scram->channel);
    snprintf(out, JQW_SCRAM_MESSAGE_MAX + 1, "%sn=%s,r=%s", headers[binding], user, nonce);
    const char *bare = out + strlen(headers[binding]);
    add(scram, bare, strlen(bare));
}

/* ---- the challenge ---- */

struct challenge {
    struct jqw_scram_piece nonce;
    uint8_t salt[JQW_SCRAM_SALT_MAX];
    size_t salt_size;
    uint32_t iterations;
};

static bool number_read(const struct jqw_scram_piece *piece, uint32_t *out)
{
    uint32_t number = 0;
    for (size_t i = 0; i < piece->size; i++) {
        if (piece->text[i] < '0' || piece->text[i] > '9' || i > 8)
            return false;
        number = 10 * number + (uint32_t)(piece->text[i] - '0');
    }
    *out = number;
    return piece->size > 0;
}

/* The whole nonce begins with ours, and goes on. */
static bool nonce_goes_on(const struct jqc_scram *scram, const struct jqw_scram_piece *nonce)
{
    size_t own = strlen(scram->nonce);
    return nonce->size >= own + JQW_SCRAM_NONCE_MIN && nonce->size <= JQW_SCRAM_NONCE_MAX &&
           memcmp(nonce->text, scram->nonce, own) == 0;
}

static bool challenge_read(const struct jqc_scram *scram, const char *text, size_t size, struct challenge *out)
{
    const char *at = text, *end = text + size;
    struct jqw_scram_piece salt, iterations;
    if (size > JQW_SCRAM_MESSAGE_MAX || jqw_scram_take(&at, end, 'r', &out->nonce) != JQ_OK ||
        jqw_scram_take(&at, end, 's', &salt) != JQ_OK || jqw_scram_take(&at, end, 'i', &iterations) != JQ_OK)
        return false;
    int length = jqw_base64_read(salt.text, salt.size, out->salt, sizeof out->salt);
    out->salt_size = length > 0 ? (size_t)length : 0;
    return length > 0 && nonce_goes_on(scram, &out->nonce) && number_read(&iterations, &out->iterations) &&
           out->iterations >= JQW_SCRAM_ITERATIONS_MIN && out->iterations <= JQW_SCRAM_ITERATIONS_MAX;
}

/* ---- the answer ---- */

JQ_MUST_USE static int keys_make(struct jqc_credentials *of, const struct challenge *challenge)
{
    if (of->iterations == challenge->iterations && of->salt_size == challenge->salt_size &&
        memcmp(of->salt, challenge->salt, of->salt_size) == 0)
        return JQ_OK;
    of->iterations = 0;
    int code = jqw_scram_keys(of->password, of->password_size, challenge->salt, challenge->salt_size,
                              challenge->iterations, &of->keys);
    if (code != JQ_OK)
        return code;
    memcpy(of->salt, challenge->salt, challenge->salt_size);
    of->salt_size = challenge->salt_size;
    of->iterations = challenge->iterations;
    return JQ_OK;
}

/* The header of the first message, and what names the channel, as "c=...". */
static void binding_write(const struct jqc_scram *scram, char *to)
{
    uint8_t bytes[32 + JQW_SCRAM_BINDING];
    size_t size = strlen(headers[scram->binding]);
    memcpy(bytes, headers[scram->binding], size);
    if (scram->binding == JQC_BINDING_TLS) {
        memcpy(bytes + size, scram->channel, sizeof scram->channel);
        size += sizeof scram->channel;
    }
    memcpy(to, "c=", 2);
    jqw_base64_write(bytes, size, to + 2);
}

JQ_MUST_USE static int prove(struct jqc_scram *scram, const struct jqw_scram_keys *keys, char *to)
{
    uint8_t proof[JQW_SCRAM_KEY];
    int code = jqw_scram_sign(keys->stored, scram->all, scram->all_size, proof);
    if (code == JQ_OK)
        code = jqw_scram_sign(keys->server, scram->all, scram->all_size, scram->expected);
    for (size_t i = 0; i < sizeof proof; i++)
        proof[i] ^= keys->client[i];
    memcpy(to, ",p=", 3);
    jqw_base64_write(proof, sizeof proof, to + 3);
    return code;
}

int jqc_scram_final(struct jqc_scram *scram, struct jqc_credentials *credentials, const char *text, size_t size,
                    char out[JQW_SCRAM_MESSAGE_MAX + 1])
{
    struct challenge challenge;
    if (!challenge_read(scram, text, size, &challenge))
        return JQ_PROTOCOL;
    int code = keys_make(credentials, &challenge);
    if (code != JQ_OK)
        return code;
    binding_write(scram, out);
    snprintf(out + strlen(out), JQW_SCRAM_MESSAGE_MAX + 1 - strlen(out), ",r=%.*s", (int)challenge.nonce.size,
             challenge.nonce.text);
    add(scram, ",", 1);
    add(scram, text, size);
    add(scram, ",", 1);
    add(scram, out, strlen(out));
    return prove(scram, &credentials->keys, out + strlen(out));
}
_Static_assert(2 + 4 * (32 + JQW_SCRAM_BINDING + 2) / 3 + 3 + JQW_SCRAM_NONCE_MAX + 3 + JQW_SCRAM_BASE64 <
                   JQW_SCRAM_MESSAGE_MAX,
               "the second message fits");

bool jqc_scram_proves(const struct jqc_scram *scram, const char *proof, size_t size)
{
    const char *at = proof;
    struct jqw_scram_piece piece;
    uint8_t signature[JQW_SCRAM_KEY];
    return jqw_scram_take(&at, proof + size, 'v', &piece) == JQ_OK &&
           jqw_base64_read(piece.text, piece.size, signature, sizeof signature) == JQW_SCRAM_KEY &&
           jqw_scram_same(signature, scram->expected, sizeof signature);
}

void jqc_credentials_wipe(struct jqc_credentials *credentials)
{
    jqw_scram_wipe(credentials, sizeof *credentials);
}
