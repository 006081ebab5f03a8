/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of permissions, groups and quotas. What is not understood in full is refused, and says why. */
#include "rules.h"
#include "glob.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned verb;
} verbs[] = {
    {"put", AUTH_PUT},         {"get", AUTH_GET},   {"join", AUTH_JOIN},   {"close", AUTH_CLOSE},
    {"declare", AUTH_DECLARE}, {"peek", AUTH_PEEK}, {"admin", AUTH_ADMIN}, {"all", AUTH_ANY},
};
static const struct {
    const char *name;
    unsigned method;
} methods[] = {
    {"open", AUTH_OPEN},         {"nobody", AUTH_NOBODY}, {"peer", AUTH_PEER}, {"certificate", AUTH_CERTIFICATE},
    {"password", AUTH_PASSWORD},
};
#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

struct reader {
    char *why;
    size_t why_size;
    const char *name; /* what is said before it; NULL: nothing */
};

__attribute__((format(printf, 2, 3))) static int invalid(const struct reader *reader, const char *format, ...)
{
    va_list arguments;
    size_t used = reader->name ? strlen(reader->name) : 0;
    used = used < reader->why_size ? used : 0;
    memcpy(reader->why, reader->name ? reader->name : "", used);
    va_start(arguments, format);
    vsnprintf(reader->why + used, reader->why_size - used, format, arguments);
    va_end(arguments);
    return JQ_INVALID;
}

/* ---- patterns ---- */

bool auth_glob(const char *pattern, const char *text, size_t size)
{
    return jqw_glob(pattern, strlen(pattern), text, size);
}

static bool group_has(const struct auth_group *group, const char *name);

static bool word_means(const struct auth_rules *rules, const char *word, const char *name,
                       const char *const *unix_groups, size_t group_count)
{
    static const char kernel[] = "unix:";
    if (word[0] != '@')
        return group_has(&(struct auth_group){.who = {.item = &word, .count = 1}}, name);
    bool means = false;
    bool of_kernel = strncmp(word + 1, kernel, strlen(kernel)) == 0;
    for (size_t i = 0; of_kernel && i < group_count; i++)
        means = means || strcmp(unix_groups[i], word + 1 + strlen(kernel)) == 0;
    for (size_t i = 0; !of_kernel && i < rules->group_count; i++)
        means = means || (strcmp(rules->groups[i].name, word + 1) == 0 && group_has(&rules->groups[i], name));
    return means;
}

/* `nobody` is meant by its name only. */
static bool group_has(const struct auth_group *group, const char *name)
{
    bool plain = strcmp(name, "nobody") == 0, has = false;
    for (size_t i = 0; i < group->who.count; i++)
        has =
            has || (plain ? strcmp(group->who.item[i], name) == 0 : auth_glob(group->who.item[i], name, strlen(name)));
    return has;
}

bool auth_words_mean(const struct auth_rules *rules, const struct auth_words *who, const char *name,
                     const char *const *unix_groups, size_t group_count)
{
    for (size_t i = 0; i < who->count; i++)
        if (word_means(rules, who->item[i], name, unix_groups, group_count))
            return true;
    return false;
}

/* ---- words ---- */

static void words_fini(struct auth_words *words)
{
    free(words->text);
    free(words->item);
    *words = (struct auth_words){0};
}

/* The next piece without spaces of a line; *line goes behind it. Size 0: the line is over. */
static size_t piece_next(const char **line, const char **out)
{
    *out = *line + strspn(*line, " \t");
    size_t size = strcspn(*out, " \t");
    *line = *out + size;
    return size;
}

/* A list with commas: no word is empty, and each is made of what names and patterns are made of. */
static int words_read(const struct reader *reader, const char *text, size_t size, const char *what,
                      struct auth_words *out)
{
    struct auth_words words = {.text = strndup(text, size)};
    for (size_t i = 0; i < size; i++)
        words.count += text[i] == ',';
    words.count += 1;
    words.item = calloc(words.count, sizeof *words.item);
    int code = words.text && words.item ? JQ_OK : JQ_OVERLOADED;
    char *at = words.text;
    for (size_t i = 0; code == JQ_OK && i < words.count; i++) {
        words.item[i] = strsep(&at, ",");
        if (words.item[i][0] == '\0')
            code = invalid(reader, "%s: '%.*s' has an empty word", what, (int)size, text);
    }
    if (code == JQ_OK)
        *out = words;
    else
        words_fini(&words);
    return code;
}

static int who_read(const struct reader *reader, const char **line, struct auth_words *out)
{
    const char *text;
    size_t size = piece_next(line, &text);
    if (size == 0)
        return invalid(reader, "nobody is named");
    return words_read(reader, text, size, "who", out);
}

static bool is_in_names(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("._-/:*", c));
}

static int queues_read(const struct reader *reader, const char *text, size_t size, struct auth_words *out)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != ',' && !is_in_names(text[i]))
            return invalid(reader, "queues: '%.*s': a pattern is made of A-Z a-z 0-9 . _ - / : and *", (int)size, text);
    return words_read(reader, text, size, "queues", out);
}

/* ---- lines ---- */

static int verbs_read(const struct reader *reader, const char *text, size_t size, unsigned *out)
{
    struct auth_words words;
    *out = 0;
    int code = words_read(reader, text, size, "permissions", &words);
    if (code != JQ_OK)
        return code;
    for (size_t i = 0; code == JQ_OK && i < words.count; i++) {
        unsigned verb = 0;
        for (size_t v = 0; v < LENGTH(verbs); v++)
            verb |= strcmp(words.item[i], verbs[v].name) == 0 ? verbs[v].verb : 0;
        *out |= verb;
        if (verb == 0)
            code = invalid(reader, "'%.50s' is none of put, get, join, close, declare, peek, admin and all",
                           words.item[i]);
    }
    words_fini(&words);
    return code;
}

static void allow_fini(struct auth_allow *allow)
{
    words_fini(&allow->who);
    words_fini(&allow->queues);
}

static int allow_read(const struct reader *reader, const char *line, struct auth_allow *out)
{
    struct auth_allow allow = {0};
    const char *text;
    int code = who_read(reader, &line, &allow.who);
    size_t size = code == JQ_OK ? piece_next(&line, &text) : 0;
    if (code == JQ_OK)
        code = size > 0 ? verbs_read(reader, text, size, &allow.verbs) : invalid(reader, "no permission is named");
    size = code == JQ_OK ? piece_next(&line, &text) : 0;
    if (code == JQ_OK)
        code = size > 0 ? queues_read(reader, text, size, &allow.queues) : invalid(reader, "no queue is named");
    if (code == JQ_OK && piece_next(&line, &text) > 0)
        code = invalid(reader, "'%.50s' is too much: a line is who, permissions and queues", text);
    if (code == JQ_OK)
        *out = allow;
    else
        allow_fini(&allow);
    return code;
}

static void group_fini(struct auth_group *group)
{
    free(group->name);
    words_fini(&group->who);
}

static int group_read(const struct reader *reader, const char *line, struct auth_group *out)
{
    struct auth_group group = {0};
    const char *text;
    size_t size = piece_next(&line, &text);
    if (!jqw_scram_user_ok(text, size))
        return invalid(reader, "'%.*s' is no name of a group: 1 to 255 of A-Z a-z 0-9 . _ - +", (int)size, text);
    group.name = strndup(text, size);
    int code = group.name ? who_read(reader, &line, &group.who) : JQ_OVERLOADED;
    for (size_t i = 0; code == JQ_OK && i < group.who.count; i++)
        if (group.who.item[i][0] == '@')
            code = invalid(reader, "'%.50s': a group has no groups in it", group.who.item[i]);
    if (code == JQ_OK && piece_next(&line, &text) > 0)
        code = invalid(reader, "'%.50s' is too much: a line is a name, and who is in the group", text);
    if (code == JQ_OK)
        *out = group;
    else
        group_fini(&group);
    return code;
}

/* "messages=10K": a number, with K, M or G. */
static int limit_read(const struct reader *reader, const char *text, size_t size, struct auth_quota *quota)
{
    const struct {
        const char *name;
        uint64_t *number;
    } limits[] = {
        {"connections=", &quota->connections},
        {"queues=", &quota->queues},
        {"messages=", &quota->messages},
        {"bytes=", &quota->bytes},
    };
    for (size_t i = 0; i < LENGTH(limits); i++) {
        size_t name = strlen(limits[i].name);
        if (size <= name || memcmp(text, limits[i].name, name) != 0)
            continue;
        char *end;
        errno = 0;
        unsigned long long number = strtoull(text + name, &end, 10);
        const char *units = "KMG", *unit = end < text + size ? strchr(units, toupper((unsigned char)*end)) : NULL;
        unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
        if (!isdigit((unsigned char)text[name]) || errno != 0 || end + (unit != NULL) != text + size || number == 0 ||
            number > UINT64_MAX >> shift)
            return invalid(reader, "'%.*s': a limit is a number from 1, perhaps with K, M or G", (int)size, text);
        *limits[i].number = (uint64_t)number << shift;
        return JQ_OK;
    }
    return invalid(reader, "'%.*s' is none of connections=N, queues=N, messages=N and bytes=N", (int)size, text);
}

static int quota_read(const struct reader *reader, const char *line, struct auth_limit *out)
{
    struct auth_limit limit = {0};
    const char *text;
    int code = who_read(reader, &line, &limit.who);
    size_t size, count = 0;
    while (code == JQ_OK && (size = piece_next(&line, &text)) > 0) {
        code = limit_read(reader, text, size, &limit.quota);
        count++;
    }
    if (code == JQ_OK && count == 0)
        code = invalid(reader, "no limit is named");
    if (code == JQ_OK)
        *out = limit;
    else
        words_fini(&limit.who);
    return code;
}

int auth_line_check(enum auth_line kind, const char *text, char *why, size_t why_size)
{
    const struct reader reader = {why, why_size, NULL};
    struct auth_allow allow = {0};
    struct auth_group group = {0};
    struct auth_limit limit = {0};
    int code = kind == AUTH_LINE_ALLOW   ? allow_read(&reader, text, &allow)
               : kind == AUTH_LINE_GROUP ? group_read(&reader, text, &group)
                                         : quota_read(&reader, text, &limit);
    if (code != JQ_OK)
        return code;
    allow_fini(&allow);
    group_fini(&group);
    words_fini(&limit.who);
    return JQ_OK;
}

/* ---- all of them ---- */

static bool rules_room(struct auth_rules *rules, const struct auth_source *source)
{
    rules->allows = calloc(source->allow.count + 1, sizeof *rules->allows);
    rules->groups = calloc(source->groups.count + 1, sizeof *rules->groups);
    rules->limits = calloc(source->quotas.count + 1, sizeof *rules->limits);
    return rules->allows && rules->groups && rules->limits;
}

/* A group that is meant and does not exist is a mistake that would let nobody in, or nobody be limited; and so is one of the kernel where
 * those mean nothing. */
static int groups_check(const struct reader *reader, const struct auth_rules *rules, const struct auth_words *who,
                        bool kernel)
{
    for (size_t i = 0; i < who->count; i++) {
        const char *word = who->item[i];
        bool of_kernel = strncmp(word, "@unix:", strlen("@unix:")) == 0, known = word[0] != '@' || of_kernel;
        for (size_t g = 0; !known && g < rules->group_count; g++)
            known = strcmp(rules->groups[g].name, word + 1) == 0;
        if (!known)
            return invalid(reader, "there is no group '%.100s'", word + 1);
        if (of_kernel && !kernel)
            return invalid(reader, "'%.100s': a quota is for no group of the machine", word);
    }
    return JQ_OK;
}

static const struct reader *at_line(struct reader *reader, const struct auth_lines *lines, size_t i)
{
    reader->name = lines->name ? lines->name[i] : NULL;
    return reader;
}

int auth_rules_read(struct auth_rules *out, const struct auth_source *source, char *why, size_t why_size)
{
    struct reader reader = {why, why_size, NULL};
    struct auth_rules rules = {0};
    int code = rules_room(&rules, source) ? JQ_OK : JQ_OVERLOADED;
    for (size_t i = 0; code == JQ_OK && i < source->groups.count; i++, rules.group_count += code == JQ_OK)
        code = group_read(at_line(&reader, &source->groups, i), source->groups.item[i], &rules.groups[i]);
    for (size_t i = 0; code == JQ_OK && i < source->allow.count; i++, rules.allow_count += code == JQ_OK)
        code = allow_read(at_line(&reader, &source->allow, i), source->allow.item[i], &rules.allows[i]);
    for (size_t i = 0; code == JQ_OK && i < source->quotas.count; i++, rules.limit_count += code == JQ_OK)
        code = quota_read(at_line(&reader, &source->quotas, i), source->quotas.item[i], &rules.limits[i]);
    for (size_t i = 0; code == JQ_OK && i < rules.allow_count; i++)
        code = groups_check(at_line(&reader, &source->allow, i), &rules, &rules.allows[i].who, true);
    for (size_t i = 0; code == JQ_OK && i < rules.limit_count; i++)
        code = groups_check(at_line(&reader, &source->quotas, i), &rules, &rules.limits[i].who, false);
    if (code == JQ_OK)
        *out = rules;
    else
        auth_rules_fini(&rules);
    return code;
}

void auth_rules_fini(struct auth_rules *rules)
{
    for (size_t i = 0; i < rules->allow_count; i++)
        allow_fini(&rules->allows[i]);
    for (size_t i = 0; i < rules->group_count; i++)
        group_fini(&rules->groups[i]);
    for (size_t i = 0; i < rules->limit_count; i++)
        words_fini(&rules->limits[i].who);
    free(rules->allows);
    free(rules->groups);
    free(rules->limits);
    *rules = (struct auth_rules){0};
}

/* ---- words that stand for sets ---- */

const char *auth_verb_name(unsigned verb)
{
    for (size_t i = 0; i < LENGTH(verbs); i++)
        if (verbs[i].verb & verb)
            return verbs[i].name;
    return "no";
}

int auth_methods_read(const char *text, unsigned *out, char *why, size_t why_size)
{
    const struct reader reader = {why, why_size, NULL};
    struct auth_words words;
    unsigned set = 0;
    int code = words_read(&reader, text, strlen(text), "methods", &words);
    if (code != JQ_OK)
        return code;
    for (size_t i = 0; code == JQ_OK && i < words.count; i++) {
        unsigned method = 0;
        for (size_t m = 0; m < LENGTH(methods); m++)
            method |= strcmp(words.item[i], methods[m].name) == 0 ? methods[m].method : 0;
        set |= method;
        if (method == 0)
            code = invalid(&reader, "'%.50s' is none of open, nobody, peer, certificate and password", words.item[i]);
    }
    words_fini(&words);
    if (code == JQ_OK && (set & AUTH_OPEN) && set != AUTH_OPEN)
        code = invalid(&reader, "a listener that is open to everybody asks for nothing else");
    if (code == JQ_OK)
        *out = set;
    return code;
}

bool auth_methods_prove(unsigned set)
{
    return set != 0 && !(set & (AUTH_OPEN | AUTH_NOBODY));
}
