/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: what the quota of a name leaves, whatever connections and groups it comes with. Whether a request is a put it must not know. */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->uses = 0)
#include "state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { LOOKED_AT = 4 /* accounts that are kept, whenever somebody leaves: they go faster than they come */ };

/* The first line that means the name; groups of the kernel mean none here, since all connections of a name share it. */
static struct auth_quota quota_of(const struct auth_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->limit_count; i++)
        if (auth_words_mean(rules, &rules->limits[i].who, name, NULL, 0))
            return rules->limits[i].quota;
    return (struct auth_quota){0};
}

void auth_accounts_limit(struct auth *auth)
{
    for (struct auth_account *a = auth->accounts; a; a = a->hh.next)
        a->quota = quota_of(&auth->rules, a->name);
}

/* ---- entering and leaving ---- */

static struct auth_account *account_new(struct auth *auth, const char *name)
{
    struct auth_account *account = calloc(1, sizeof *account);
    if (!account)
        return NULL;
    snprintf(account->name, sizeof account->name, "%s", name);
    account->auth = auth;
    account->quota = quota_of(&auth->rules, account->name);
    account->number = auth_text_number(auth->secret, account->name);
    account->uses = 1;
    HASH_ADD_STR(auth->accounts, name, account);
    if (account->uses == 0) {
        free(account);
        return NULL;
    }
    account->messages = (double)account->quota.messages;
    account->bytes = (double)account->quota.bytes;
    return account;
}

struct auth_account *auth_account_enter(struct auth *auth, const char *name)
{
    struct auth_account *account;
    HASH_FIND_STR(auth->accounts, name, account);
    if (!account)
        return account_new(auth, name);
    if (account->uses == 0)
        DL_DELETE(auth->left, account);
    account->uses++;
    return account;
}

static void account_forget(struct auth *auth, struct auth_account *account)
{
    HASH_DEL(auth->accounts, account);
    free(account);
}

static double filled(double left, uint64_t rate, uint64_t ns)
{
    if (rate == 0)
        return 0.;
    left += (double)rate * (double)ns / 1e9;
    return left < (double)rate ? left : (double)rate;
}

/* Whether nothing is missing of what may come in a second. */
static bool is_even(const struct auth_account *account, uint64_t now_ns)
{
    uint64_t ns = now_ns > account->filled_ns ? now_ns - account->filled_ns : 0;
    return filled(account->messages, account->quota.messages, ns) >= (double)account->quota.messages &&
           filled(account->bytes, account->quota.bytes, ns) >= (double)account->quota.bytes;
}

/* Otherwise whoever left and came back would have its quota anew each time. */
void auth_account_leave(struct auth *auth, struct auth_account *account)
{
    if (!account || --account->uses > 0)
        return;
    DL_APPEND(auth->left, account);
    for (int i = 0; i < LOOKED_AT && auth->left; i++) {
        struct auth_account *first = auth->left;
        DL_DELETE(auth->left, first);
        if (is_even(first, auth->now_ns))
            account_forget(auth, first);
        else
            DL_APPEND(auth->left, first);
    }
}

void auth_accounts_free(struct auth *auth)
{
    struct auth_account *account, *next;
    DL_FOREACH_SAFE (auth->left, account, next)
        account_forget(auth, account);
}

/* ---- quotas ---- */

const struct auth_quota *auth_quota(const struct auth_subject *subject)
{
    return &subject->account->quota;
}

uint64_t auth_number(const struct auth_subject *subject)
{
    return subject->account->quota.queues ? subject->account->number : 0;
}

int auth_connect(struct auth_subject *subject)
{
    struct auth_account *account = subject->account;
    if (account->quota.connections && account->connections >= account->quota.connections)
        return JQ_OVERLOADED;
    account->connections++;
    return JQ_OK;
}

void auth_disconnect(struct auth_subject *subject)
{
    subject->account->connections--;
}

/* What has not been used in a second is gone. */
enum auth_rate auth_spend(struct auth_subject *subject, uint64_t messages, uint64_t bytes, uint64_t now_ns)
{
    struct auth_account *account = subject->account;
    const struct auth_quota *quota = &account->quota;
    if (now_ns > account->filled_ns) {
        account->messages = filled(account->messages, quota->messages, now_ns - account->filled_ns);
        account->bytes = filled(account->bytes, quota->bytes, now_ns - account->filled_ns);
        account->filled_ns = account->auth->now_ns = now_ns;
    }
    if (quota->messages && messages && account->messages < 1.)
        return AUTH_RATE_MESSAGES;
    if (quota->bytes && bytes && account->bytes < 1.)
        return AUTH_RATE_BYTES;
    account->messages -= quota->messages ? (double)messages : 0.;
    account->bytes -= quota->bytes ? (double)bytes : 0.;
    return AUTH_RATE_NONE;
}
