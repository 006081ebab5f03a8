/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of broker/auth share. */
#ifndef JOINQ_AUTH_STATE_H
#define JOINQ_AUTH_STATE_H

#include "auth.h"
#include "rules.h"
#include "users.h"
#include <uthash.h>

/* A name, whatever groups it comes with: what its quota is counted by. */
struct auth_account {
    struct auth *auth;
    char name[AUTH_NAME_MAX + 1];
    uint32_t uses;   /* 0: nobody is in by it, and it is in auth->left until what it owes has been paid for */
    uint64_t number; /* made of the name, so that it is the same when the name comes again */
    uint64_t connections;
    struct auth_quota quota;
    double messages, bytes; /* that may come now; below 0: so many came too early */
    uint64_t filled_ns;
    struct auth_account *prev, *next; /* in auth->left */
    UT_hash_handle hh;
};

struct auth_subject {
    char *key; /* its name and groups, in one text; what it is found by */
    struct auth_account *account;
    const char **unix_groups; /* into the key's own copy */
    size_t group_count;
    char *group_text;
    uint32_t uses;
    bool everything;         /* whatever is configured */
    bool by_password;        /* then it is over when its entry changes: */
    struct auth_proof proof; /* the entry that it came in by */
    bool over;
    const struct auth_allow **allows; /* those that mean it, in the rules */
    size_t allow_count;
    UT_hash_handle hh;
};

struct auth {
    uint8_t secret[JQW_SCRAM_KEY]; /* of this run: what is told of users that do not exist */
    struct auth_rules rules;
    struct auth_user *users;
    bool configured;
    struct auth_subject *subjects;
    struct auth_account *accounts;
    struct auth_account *left; /* utlist: nobody is in by these, and they may owe something */
    uint64_t now_ns;           /* when something was last spent */
};

/* The subject of a name, with groups (comma-separated, may be ""), counted. JQ_OK or JQ_OVERLOADED. */
JQ_MUST_USE int auth_enter(struct auth *auth, const char *name, const char *groups, bool everything,
                           struct auth_subject **out);

/* A number for a text, never 0, that nobody can foresee without the secret; 1 where there is no memory. */
uint64_t auth_text_number(const uint8_t secret[JQW_SCRAM_KEY], const char *text);

/* account.c */
struct auth_account *auth_account_enter(struct auth *auth, const char *name); /* counted; NULL: no memory */
void auth_account_leave(struct auth *auth, struct auth_account *account);     /* NULL is allowed */
void auth_accounts_limit(struct auth *auth);                                  /* by the rules that hold now */
void auth_accounts_free(struct auth *auth);

#endif
