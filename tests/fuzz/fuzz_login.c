/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes hello and passwords: what a client says to a broker's exchange, and what a broker says to a client's. Nobody comes in who
 * does not know the password, and no broker is believed that does not. The input is lines: to the first step, to the second, and the
 * challenge and the proof for a client. */
#include "auth.h"
#include "jqc_scram.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct line {
    const char *text;
    size_t size;
};

/* The next line, without its end, in memory of its own so that nothing behind it can be read. */
static struct line line_next(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
    size_t length = end ? (size_t)(end - *data) : *size;
    char *copy = malloc(length + 1);
    JQ_ASSERT(copy);
    if (length > 0)
        memcpy(copy, *data, length);
    *data += end ? length + 1 : length;
    *size -= end ? length + 1 : length;
    return (struct line){copy, length};
}

static void to_broker(struct auth *auth, const struct line *first, const struct line *second, bool tls)
{
    static const uint8_t channel[JQW_SCRAM_BINDING] = {1, 2, 3};
    char answer[AUTH_CHALLENGE_MAX + 1];
    struct auth_subject *subject = NULL;
    struct auth_exchange *exchange = auth_exchange_new();
    JQ_ASSERT(exchange);
    bool bound = first->size > 0 && first->text[0] == 'p';
    int code = auth_exchange_first(auth, exchange, bound, tls ? channel : NULL, first->text, first->size, answer);
    if (code == JQ_OK) {
        JQ_ASSERT(strlen(answer) <= AUTH_CHALLENGE_MAX);
        JQ_ASSERT(jqw_scram_user_ok(auth_exchange_user(exchange), strlen(auth_exchange_user(exchange))));
        code = auth_exchange_final(auth, exchange, second->text, second->size, answer, &subject);
    }
    JQ_ASSERT(code == JQ_AUTH_FAILED && !subject);
    auth_exchange_free(exchange);
}

static void to_client(const struct line *challenge, const struct line *proof)
{
    static const char nonce[JQW_SCRAM_NONCE + 1] = "rOprNGfwEbeRWgbNEkqO";
    struct jqc_credentials credentials = {.user = "user", .password = "pencil", .password_size = 6};
    struct jqc_scram scram;
    char text[JQW_SCRAM_MESSAGE_MAX + 1];
    const char *iterations = challenge->size < 400 ? memmem(challenge->text, challenge->size, ",i=", 3) : NULL;
    if (iterations && memcmp(iterations, ",i=4096", challenge->text + challenge->size - iterations < 7 ? 3 : 7) != 0)
        return; /* a client works as long as it is told, within bounds: not here */
    jqc_scram_first(&scram, credentials.user, nonce, JQC_BINDING_NONE, NULL, text);
    if (jqc_scram_final(&scram, &credentials, challenge->text, challenge->size, text) == JQ_OK)
        JQ_ASSERT(strlen(text) <= JQW_SCRAM_MESSAGE_MAX && !jqc_scram_proves(&scram, proof->text, proof->size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct auth *auth;
    char why[100];
    const struct auth_source source = {0};
    if (auth_new(&auth) != JQ_OK || auth_load(auth, &source, why, sizeof why) != JQ_OK)
        abort();
    struct line lines[4];
    for (size_t i = 0; i < 4; i++)
        lines[i] = line_next(&data, &size);
    to_broker(auth, &lines[0], &lines[1], false);
    to_broker(auth, &lines[0], &lines[1], true);
    to_client(&lines[2], &lines[3]);
    for (size_t i = 0; i < 4; i++)
        free((void *)(uintptr_t)lines[i].text);
    auth_free(auth);
    return 0;
}
