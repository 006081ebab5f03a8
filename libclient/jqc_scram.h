/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of SCRAM-SHA-256: two messages out, two in, as text. It must not know frames or connections. */
#ifndef JOINQ_JQC_SCRAM_H
#define JOINQ_JQC_SCRAM_H

#include "scram.h"

/* A user and its password, with the keys that were made of it last: another connection to the same broker need not iterate again. */
struct jqc_credentials {
    char user[JQW_SCRAM_USER_MAX + 1]; /* "": none */
    char password[JQW_SCRAM_PASSWORD_MAX + 1];
    size_t password_size;
    uint8_t salt[JQW_SCRAM_SALT_MAX];
    size_t salt_size;
    uint32_t iterations; /* 0: no keys were made yet */
    struct jqw_scram_keys keys;
};

/* How an exchange stands towards the channel below it. */
enum jqc_binding {
    JQC_BINDING_NONE,    /* no TLS */
    JQC_BINDING_REFUSED, /* TLS, but the broker did not offer to bind to it */
    JQC_BINDING_TLS,     /* bound */
};

struct jqc_scram {
    enum jqc_binding binding;
    uint8_t channel[JQW_SCRAM_BINDING];
    char nonce[JQW_SCRAM_NONCE + 1];
    char all[JQW_SCRAM_ALL_MAX + 1]; /* what both ends sign, as far as it was said */
    size_t all_size;
    uint8_t expected[JQW_SCRAM_KEY]; /* the signature that proves the broker */
};

/* The first message. `channel` is for JQC_BINDING_TLS. */
void jqc_scram_first(struct jqc_scram *scram, const char *user, const char nonce[JQW_SCRAM_NONCE + 1],
                     enum jqc_binding binding, const uint8_t *channel, char out[JQW_SCRAM_MESSAGE_MAX + 1]);
/* The second one, for the broker's challenge. JQ_OK; JQ_PROTOCOL: the challenge makes no sense; JQ_INTERNAL. */
JQ_MUST_USE int jqc_scram_final(struct jqc_scram *scram, struct jqc_credentials *credentials, const char *challenge,
                                size_t size, char out[JQW_SCRAM_MESSAGE_MAX + 1]);
/* Whether the broker's last word proves that it knows the user's entry. */
bool jqc_scram_proves(const struct jqc_scram *scram, const char *proof, size_t size);

void jqc_credentials_wipe(struct jqc_credentials *credentials);

#endif
