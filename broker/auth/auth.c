/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects: who is in, and what is allowed to it. */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->uses = 0)
#include "auth.h"
#include "state.h"
#include "transport.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t auth_text_number(const uint8_t secret[JQW_SCRAM_KEY], const char *text)
{
    uint8_t bytes[JQW_SCRAM_KEY];
    uint64_t number = 1;
    if (jqw_scram_sign(secret, text, strlen(text), bytes) == JQ_OK)
        memcpy(&number, bytes, sizeof number);
    return number ? number : 1;
}

/* ---- what is allowed to a subject ---- */

/* Those lines that mean it. NULL: no memory. */
static const struct auth_allow **allows_of(const struct auth_rules *rules, const struct auth_subject *subject,
                                           size_t *count)
{
    const struct auth_allow **allows = calloc(rules->allow_count + 1, sizeof *allows);
    *count = 0;
    for (size_t i = 0; allows && i < rules->allow_count; i++)
        if (auth_words_mean(rules, &rules->allows[i].who, subject->account->name, subject->unix_groups,
                            subject->group_count))
            allows[(*count)++] = &rules->allows[i];
    return allows;
}

bool auth_may(const struct auth_subject *subject, unsigned verbs, const char *queue, size_t size)
{
    if (subject->everything)
        return true;
    for (size_t i = 0; i < subject->allow_count; i++) {
        const struct auth_allow *allow = subject->allows[i];
        if (!(allow->verbs & verbs))
            continue;
        for (size_t q = 0; q < allow->queues.count; q++)
            if (auth_glob(allow->queues.item[q], queue, size))
                return true;
    }
    return false;
}

bool auth_may_everything(const struct auth_subject *subject)
{
    return subject->everything;
}

size_t auth_patterns(const struct auth_subject *subject, const char **out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < subject->allow_count; i++)
        for (size_t q = 0; q < subject->allows[i]->queues.count && count < max; q++)
            out[count++] = subject->allows[i]->queues.item[q];
    return count;
}

bool auth_is_over(const struct auth_subject *subject)
{
    return subject->over;
}

const char *auth_name(const struct auth_subject *subject)
{
    return subject->account->name;
}

/* ---- entering and leaving ---- */

static void subject_free(struct auth *auth, struct auth_subject *subject)
{
    auth_account_leave(auth, subject->account);
    free(subject->allows);
    free(subject->unix_groups);
    free(subject->group_text);
    free(subject->key);
    free(subject);
}

static char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

/* "a,b" as a list. */
static bool groups_cut(struct auth_subject *subject, const char *groups)
{
    subject->group_text = text_copy(groups);
    subject->unix_groups = calloc(AUTH_GROUPS_MAX, sizeof *subject->unix_groups);
    char *at = subject->group_text, *word;
    if (!at || !subject->unix_groups)
        return false;
    while (subject->group_count < AUTH_GROUPS_MAX && (word = strsep(&at, ",")))
        subject->unix_groups[subject->group_count++] = word;
    return true;
}

static struct auth_subject *subject_new(struct auth *auth, const char *key, const char *name, const char *groups)
{
    struct auth_subject *subject = calloc(1, sizeof *subject);
    if (!subject)
        return NULL;
    subject->key = text_copy(key);
    subject->account = auth_account_enter(auth, name);
    if (subject->key && subject->account && groups_cut(subject, groups))
        subject->allows = allows_of(&auth->rules, subject, &subject->allow_count);
    subject->uses = subject->allows ? 1 : 0;
    if (subject->uses)
        HASH_ADD_KEYPTR(hh, auth->subjects, subject->key, strlen(subject->key), subject);
    if (subject->uses)
        return subject;
    subject_free(auth, subject);
    return NULL;
}

int auth_enter(struct auth *auth, const char *name, const char *groups, bool everything, struct auth_subject **out)
{
    char key[AUTH_NAME_MAX + 4096];
    snprintf(key, sizeof key, "%c%s,%s", everything ? '*' : '-', name, groups);
    struct auth_subject *subject;
    HASH_FIND(hh, auth->subjects, key, strlen(key), subject);
    if (subject)
        subject->uses++;
    else if (!(subject = subject_new(auth, key, name, groups)))
        return JQ_OVERLOADED;
    subject->everything = everything;
    *out = subject;
    return JQ_OK;
}

void auth_leave(struct auth *auth, struct auth_subject *subject)
{
    if (!subject || --subject->uses > 0)
        return;
    HASH_DEL(auth->subjects, subject);
    subject_free(auth, subject);
}

int auth_anybody(struct auth *auth, bool everything, struct auth_subject **out)
{
    return auth_enter(auth, "nobody", "", everything, out);
}

/* A name of a certificate is somebody else's choice: what could be taken for anything but a name is none. */
int auth_certificate(struct auth *auth, const char *name, struct auth_subject **out)
{
    char text[AUTH_NAME_MAX + 1];
    size_t size = strlen(name);
    if (size == 0 || size > JQW_SCRAM_USER_MAX - strlen("cert:"))
        return JQ_AUTH_FAILED;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f || strchr(",*@'\"\\", name[i]))
            return JQ_AUTH_FAILED;
    snprintf(text, sizeof text, "cert:%s", name);
    return auth_enter(auth, text, "", false, out);
}

/* ---- what is configured ---- */

int auth_new(struct auth **out)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (!auth)
        return JQ_OVERLOADED;
    int code = jqw_random(auth->secret, sizeof auth->secret);
    if (code == JQ_OK)
        *out = auth;
    else
        free(auth);
    return code;
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    auth_accounts_free(auth);
    auth_rules_fini(&auth->rules);
    auth_users_free(auth->users);
    jqw_scram_wipe(auth->secret, sizeof auth->secret);
    free(auth);
}

bool auth_configured(const struct auth *auth)
{
    return auth->configured;
}

/* What is to take the place of the subjects' lists, made before anything changes. */
struct change {
    const struct auth_allow **allows;
    size_t count;
};

static void changes_free(struct change *changes, size_t count)
{
    for (size_t i = 0; changes && i < count; i++)
        free(changes[i].allows);
    free(changes);
}

static struct change *changes_new(const struct auth *auth, const struct auth_rules *rules)
{
    size_t count = HASH_COUNT(auth->subjects), i = 0;
    struct change *changes = calloc(count + 1, sizeof *changes);
    bool some = changes != NULL;
    for (const struct auth_subject *s = auth->subjects; some && s; s = s->hh.next, i++) {
        changes[i].allows = allows_of(rules, s, &changes[i].count);
        some = changes[i].allows != NULL;
    }
    if (some)
        return changes;
    changes_free(changes, count);
    return NULL;
}

static void commit(struct auth *auth, struct change *changes)
{
    size_t i = 0;
    for (struct auth_subject *s = auth->subjects; s; s = s->hh.next, i++) {
        free(s->allows);
        s->allows = changes[i].allows;
        s->allow_count = changes[i].count;
        s->over = s->over || (s->by_password && !auth_users_have(auth->users, s->account->name, &s->proof));
    }
    auth_accounts_limit(auth);
    free(changes);
}

int auth_load(struct auth *auth, const struct auth_source *source, char *why, size_t why_size)
{
    struct auth_rules rules;
    struct auth_user *users = NULL;
    int code = auth_rules_read(&rules, source, why, why_size);
    if (code != JQ_OK)
        return code;
    if (source->users)
        code = auth_users_read(source->users, &users, why, why_size);
    struct change *changes = code == JQ_OK ? changes_new(auth, &rules) : NULL;
    if (!changes) {
        auth_rules_fini(&rules);
        auth_users_free(users);
        return code == JQ_OK ? JQ_OVERLOADED : code;
    }
    if (source->changed)
        auth_users_compare(auth->users, users, source->changed, source->told);
    auth_rules_fini(&auth->rules);
    auth_users_free(auth->users);
    auth->rules = rules;
    auth->users = users;
    /* What was closed does not open because a line was lost. */
    auth->configured = auth->configured || source->users || source->allow.count > 0;
    commit(auth, changes);
    return JQ_OK;
}
