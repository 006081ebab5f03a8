/* SPDX-License-Identifier: Apache-2.0 */
/* Permissions, groups and quotas as they are configured: lines, read and kept. Internal to broker/auth. */
#ifndef JOINQ_AUTH_RULES_H
#define JOINQ_AUTH_RULES_H

#include "auth.h"

/* Words between commas, in one piece of memory. */
struct auth_words {
    char *text;
    const char **item;
    size_t count;
};

struct auth_allow {
    struct auth_words who, queues;
    unsigned verbs;
};
struct auth_group {
    char *name;
    struct auth_words who;
};
struct auth_limit {
    struct auth_words who;
    struct auth_quota quota;
};

struct auth_rules {
    struct auth_allow *allows;
    struct auth_group *groups;
    struct auth_limit *limits;
    size_t allow_count, group_count, limit_count;
};

/* JQ_OK, JQ_INVALID with `why`, or JQ_OVERLOADED; then there is nothing to be freed. */
JQ_MUST_USE int auth_rules_read(struct auth_rules *rules, const struct auth_source *source, char *why, size_t why_size);
void auth_rules_fini(struct auth_rules *rules);

/* Whether '*' and other bytes of the pattern come to the text. */
bool auth_glob(const char *pattern, const char *text, size_t size);
/* Whether a list means this name, with these groups of the kernel. */
bool auth_words_mean(const struct auth_rules *rules, const struct auth_words *who, const char *name,
                     const char *const *unix_groups, size_t group_count);

#endif
