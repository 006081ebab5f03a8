/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM-SHA-256 (RFC 5802, RFC 7677): what its two ends share: keys, signatures, and the form of its messages. It must not know
 * users, frames or connections. Passwords and names are taken as the bytes that they are: nothing is normalised. */
#ifndef JOINQ_WIRE_SCRAM_H
#define JOINQ_WIRE_SCRAM_H

#include "base.h"
#include "wire_limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JQW_SCRAM_KEY = 32,                       /* bytes of each key and signature */
    JQW_SCRAM_BASE64 = 45,                    /* of a key as text, with its NUL */
    JQW_SCRAM_SALT = 16,                      /* bytes of a salt that is made here */
    JQW_SCRAM_SALT_MAX = 48,                  /* bytes of one that is taken */
    JQW_SCRAM_NONCE = 24,                     /* characters of an end's half of the nonce */
    JQW_SCRAM_NONCE_MIN = 16,                 /* of the other end's half */
    JQW_SCRAM_NONCE_MAX = 128,                /* of both halves */
    JQW_SCRAM_ITERATIONS_MIN = 4096,          /* RFC 7677 */
    JQW_SCRAM_ITERATIONS = 65536,             /* where nothing else is said: some tens of milliseconds */
    JQW_SCRAM_ITERATIONS_MAX = 2000000,       /* a client works no longer for any broker */
    JQW_SCRAM_PASSWORD_MAX = 1024,            /* bytes */
    JQW_SCRAM_USER_MAX = 255,                 /* bytes */
    JQW_SCRAM_BINDING = 32,                   /* bytes that name a TLS connection (RFC 9266, tls-exporter) */
    JQW_SCRAM_MESSAGE_MAX = JQW_TEXT_MAX,     /* bytes of a message */
    JQW_SCRAM_ALL_MAX = 3 * JQW_TEXT_MAX + 3, /* of the three that are signed */
};

struct jqw_scram_keys {
    uint8_t client[JQW_SCRAM_KEY]; /* secret: whoever has it can take the user's place */
    uint8_t stored[JQW_SCRAM_KEY]; /* what the broker keeps, ... */
    uint8_t server[JQW_SCRAM_KEY]; /* ... and what it proves itself by */
};

/* Salts and iterates. JQ_OK or JQ_INTERNAL. */
JQ_MUST_USE int jqw_scram_keys(const char *password, size_t size, const uint8_t *salt, size_t salt_size,
                               uint32_t iterations, struct jqw_scram_keys *out);
/* HMAC, and the hash of a key. JQ_OK or JQ_INTERNAL. */
JQ_MUST_USE int jqw_scram_sign(const uint8_t key[JQW_SCRAM_KEY], const void *text, size_t size,
                               uint8_t out[JQW_SCRAM_KEY]);
JQ_MUST_USE int jqw_scram_hash(const uint8_t key[JQW_SCRAM_KEY], uint8_t out[JQW_SCRAM_KEY]);
/* Compares without telling by its time where they differ. */
bool jqw_scram_same(const void *a, const void *b, size_t size);
/* Overwrites what must not stay in memory. */
void jqw_scram_wipe(void *secret, size_t size);

/* A fresh half of a nonce, as text. JQ_OK or JQ_INTERNAL. */
JQ_MUST_USE int jqw_scram_nonce(char out[JQW_SCRAM_NONCE + 1]);

/* Base64 with its padding. `to` has room for 4 * ((size + 2) / 3) + 1. */
void jqw_base64_write(const void *from, size_t size, char *to);
/* The strict reverse: returns the size, or -1: no base64, or more than `max` bytes. */
int jqw_base64_read(const char *from, size_t size, uint8_t *to, size_t max);

/* A piece of a message: "r=...". *at goes behind it and the comma that follows. JQ_OK; JQ_INVALID: the next piece is another one. */
struct jqw_scram_piece {
    const char *text; /* behind the "r=" */
    size_t size;
};
JQ_MUST_USE int jqw_scram_take(const char **at, const char *end, char letter, struct jqw_scram_piece *out);

/* A user's name: 1 to 255 of A-Z a-z 0-9 . _ - +, so that nothing in a message need be escaped. */
bool jqw_scram_user_ok(const char *name, size_t size);

#endif
