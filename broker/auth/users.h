/* SPDX-License-Identifier: Apache-2.0 */
/* Users and what proves their passwords, as the users file has them. Internal to broker/auth. */
#ifndef JOINQ_AUTH_USERS_H
#define JOINQ_AUTH_USERS_H

#include "auth.h"
#include <uthash.h>

/* By whom a client proves that it knows the password. */
struct auth_proof {
    uint32_t iterations;
    uint8_t salt[JQW_SCRAM_SALT_MAX];
    size_t salt_size;
    uint8_t stored[JQW_SCRAM_KEY], server[JQW_SCRAM_KEY];
};

struct auth_user {
    char name[JQW_SCRAM_USER_MAX + 1];
    struct auth_proof proof;
    UT_hash_handle hh;
};

/* The file is its owner's alone, or its group may read it. JQ_OK, JQ_INVALID with `why` (file and line), or JQ_OVERLOADED. */
JQ_MUST_USE int auth_users_read(const char *path, struct auth_user **out, char *why, size_t why_size);
void auth_users_free(struct auth_user *users);
const struct auth_user *auth_users_find(const struct auth_user *users, const char *name); /* NULL: no such user */

/* Tells who is new, gone, or has another password. */
void auth_users_compare(const struct auth_user *before, const struct auth_user *after,
                        void (*changed)(void *told, const char *user, enum auth_change change), void *told);

/* Whether this is still what proves the user. */
bool auth_users_have(const struct auth_user *users, const char *name, const struct auth_proof *proof);

#endif
