/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ends of SCRAM-SHA-256 share. All of its cryptography is OpenSSL's. */
#include "scram.h"
#include "codes.h"
#include "transport.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

_Static_assert(JQW_SCRAM_BASE64 == 4 * ((JQW_SCRAM_KEY + 2) / 3) + 1, "a key as text");

/* ---- keys ---- */

int jqw_scram_sign(const uint8_t key[JQW_SCRAM_KEY], const void *text, size_t size, uint8_t out[JQW_SCRAM_KEY])
{
    unsigned length = 0;
    if (!HMAC(EVP_sha256(), key, JQW_SCRAM_KEY, text, size, out, &length) || length != JQW_SCRAM_KEY)
        return JQ_INTERNAL;
    return JQ_OK;
}

int jqw_scram_hash(const uint8_t key[JQW_SCRAM_KEY], uint8_t out[JQW_SCRAM_KEY])
{
    return EVP_Digest(key, JQW_SCRAM_KEY, out, NULL, EVP_sha256(), NULL) == 1 ? JQ_OK : JQ_INTERNAL;
}

int jqw_scram_keys(const char *password, size_t size, const uint8_t *salt, size_t salt_size, uint32_t iterations,
                   struct jqw_scram_keys *out)
{
    uint8_t salted[JQW_SCRAM_KEY];
    if (size > JQW_SCRAM_PASSWORD_MAX || salt_size > JQW_SCRAM_SALT_MAX || iterations > INT_MAX ||
        PKCS5_PBKDF2_HMAC(password, (int)size, salt, (int)salt_size, (int)iterations, EVP_sha256(), sizeof salted,
                          salted) != 1)
        return JQ_INTERNAL;
    int code = jqw_scram_sign(salted, "Client Key", strlen("Client Key"), out->client);
    if (code == JQ_OK)
        code = jqw_scram_sign(salted, "Server Key", strlen("Server Key"), out->server);
    if (code == JQ_OK)
        code = jqw_scram_hash(out->client, out->stored);
    OPENSSL_cleanse(salted, sizeof salted);
    return code;
}

bool jqw_scram_same(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

void jqw_scram_wipe(void *secret, size_t size)
{
    OPENSSL_cleanse(secret, size);
}

int jqw_scram_nonce(char out[JQW_SCRAM_NONCE + 1])
{
    uint8_t bytes[JQW_SCRAM_NONCE / 4 * 3];
    int code = jqw_random(bytes, sizeof bytes);
    if (code == JQ_OK)
        jqw_base64_write(bytes, sizeof bytes, out);
    return code;
}

/* ---- base64 ---- */

void jqw_base64_write(const void *from, size_t size, char *to)
{
    EVP_EncodeBlock((unsigned char *)to, from, (int)size);
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t digits_in(const char *from, size_t size)
{
    size_t count = 0;
    while (count < size && from[count] && strchr(digits, from[count]))
        count++;
    return count;
}

int jqw_base64_read(const char *from, size_t size, uint8_t *to, size_t max)
{
    uint8_t bytes[3 * JQW_SCRAM_MESSAGE_MAX / 4];
    char again[JQW_SCRAM_MESSAGE_MAX + 1];
    size_t padding = size - digits_in(from, size);
    if (size == 0 || size % 4 != 0 || size > JQW_SCRAM_MESSAGE_MAX || padding > 2 ||
        (padding > 0 && memcmp(from + size - padding, "==", padding) != 0))
        return -1;
    int length = EVP_DecodeBlock(bytes, (const unsigned char *)from, (int)size) - (int)padding;
    if (length < 0 || (size_t)length > max)
        return -1;
    jqw_base64_write(bytes, (size_t)length, again);
    if (memcmp(again, from, size) != 0)
        return -1; /* bits that nobody reads are not zero */
    memcpy(to, bytes, (size_t)length);
    return length;
}

/* ---- messages ---- */

int jqw_scram_take(const char **at, const char *end, char letter, struct jqw_scram_piece *out)
{
    const char *from = *at;
    if (end - from < 2 || from[0] != letter || from[1] != '=')
        return JQ_INVALID;
    const char *text = from + 2, *comma = memchr(text, ',', (size_t)(end - text));
    const char *last = comma ? comma : end;
    if (memchr(text, '\0', (size_t)(last - text)))
        return JQ_INVALID;
    *out = (struct jqw_scram_piece){text, (size_t)(last - text)};
    *at = comma ? comma + 1 : end;
    return JQ_OK;
}

bool jqw_scram_user_ok(const char *name, size_t size)
{
    if (size == 0 || size > JQW_SCRAM_USER_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || !strchr("._-+", c)))
            return false;
    }
    return true;
}
