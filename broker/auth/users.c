/* SPDX-License-Identifier: Apache-2.0 */
/* The file of users: one a line, "name:SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey", as PostgreSQL writes what is behind the name;
 * empty lines, and those that begin with '#', are passed over. No password stands in it, nor anything that a client could use as one. */
#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->name[0] = '\0')
#include "users.h"
#include "transport.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char scheme[] = "SCRAM-SHA-256$";

/* ---- entries ---- */

static bool key_read(const char *text, size_t size, uint8_t key[JQW_SCRAM_KEY])
{
    return jqw_base64_read(text, size, key, JQW_SCRAM_KEY) == JQW_SCRAM_KEY;
}

static bool iterations_ok(unsigned long number)
{
    return number >= JQW_SCRAM_ITERATIONS_MIN && number <= JQW_SCRAM_ITERATIONS_MAX;
}

/* What is behind the name; the text is cut to pieces. */
static bool proof_read(char *text, struct auth_proof *out)
{
    if (strncmp(text, scheme, strlen(scheme)) != 0 || !isdigit((unsigned char)text[strlen(scheme)]))
        return false;
    char *at;
    unsigned long iterations = strtoul(text + strlen(scheme), &at, 10);
    if (*at != ':' || !iterations_ok(iterations))
        return false;
    at++;
    const char *salt = strsep(&at, "$"), *stored = strsep(&at, ":"), *server = at;
    if (!stored || !server)
        return false;
    int salt_size = jqw_base64_read(salt, strlen(salt), out->salt, sizeof out->salt);
    out->iterations = (uint32_t)iterations;
    out->salt_size = salt_size > 0 ? (size_t)salt_size : 0;
    return salt_size > 0 && key_read(stored, strlen(stored), out->stored) &&
           key_read(server, strlen(server), out->server);
}

int auth_entry_make(const char *name, const char *password, size_t size, uint32_t iterations, char out[AUTH_ENTRY_MAX],
                    char *why, size_t why_size)
{
    uint8_t salt[JQW_SCRAM_SALT];
    char texts[3][JQW_SCRAM_BASE64];
    struct jqw_scram_keys keys;
    const char *wrong = !jqw_scram_user_ok(name, strlen(name)) || strcmp(name, "nobody") == 0
                            ? "a user is 1 to 255 of A-Z a-z 0-9 . _ - +, and not nobody"
                        : size == 0 || size > JQW_SCRAM_PASSWORD_MAX || memchr(password, '\0', size)
                            ? "a password has 1 to 1024 bytes, none of them 0"
                        : !iterations_ok(iterations) ? "iterations are 4096 to 2000000"
                                                     : NULL;
    if (wrong) {
        snprintf(why, why_size, "%s", wrong);
        return JQ_INVALID;
    }
    int code = jqw_random(salt, sizeof salt);
    if (code == JQ_OK)
        code = jqw_scram_keys(password, size, salt, sizeof salt, iterations, &keys);
    if (code != JQ_OK)
        return code;
    jqw_base64_write(salt, sizeof salt, texts[0]);
    jqw_base64_write(keys.stored, sizeof keys.stored, texts[1]);
    jqw_base64_write(keys.server, sizeof keys.server, texts[2]);
    jqw_scram_wipe(&keys, sizeof keys);
    snprintf(out, AUTH_ENTRY_MAX, "%s:%s%u:%s$%s:%s", name, scheme, iterations, texts[0], texts[1], texts[2]);
    return JQ_OK;
}
_Static_assert(AUTH_ENTRY_MAX > JQW_SCRAM_USER_MAX + 16 + 12 + 3 * JQW_SCRAM_BASE64, "an entry fits");

bool auth_entry_proves(const char *entry, const char *name, const char *password, size_t size)
{
    char text[AUTH_ENTRY_MAX];
    struct auth_proof proof;
    struct jqw_scram_keys keys;
    size_t name_size = strlen(name);
    if (strncmp(entry, name, name_size) != 0 || entry[name_size] != ':' || strlen(entry) >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%s", entry + name_size + 1);
    if (!proof_read(text, &proof) ||
        jqw_scram_keys(password, size, proof.salt, proof.salt_size, proof.iterations, &keys) != JQ_OK)
        return false;
    bool same = jqw_scram_same(keys.stored, proof.stored, sizeof proof.stored);
    jqw_scram_wipe(&keys, sizeof keys);
    return same;
}

/* ---- the file ---- */

struct place {
    const char *path;
    unsigned line;
    char *why;
    size_t why_size;
};

static int wrong_line(const struct place *place, const char *what)
{
    snprintf(place->why, place->why_size, "%s:%u: %s", place->path, place->line, what);
    return JQ_INVALID;
}

static int line_read(const struct place *place, char *line, struct auth_user **users)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return JQ_OK;
    char *rest = line, *name = strsep(&rest, ":");
    if (!rest || !jqw_scram_user_ok(name, strlen(name)) || strcmp(name, "nobody") == 0)
        return wrong_line(place, "a line is a user's name, a colon, and what `joinqd passwd` made");
    if (auth_users_find(*users, name))
        return wrong_line(place, "this user stands here twice");
    struct auth_user *user = calloc(1, sizeof *user);
    if (!user)
        return JQ_OVERLOADED;
    memcpy(user->name, name, strlen(name) + 1);
    int code = proof_read(rest, &user->proof) ? JQ_OK : wrong_line(place, "not what `joinqd passwd` makes");
    if (code == JQ_OK) {
        HASH_ADD_STR(*users, name, user);
        code = user->name[0] ? JQ_OK : JQ_OVERLOADED;
    }
    if (code != JQ_OK)
        free(user);
    return code;
}

/* Secrets that others can read are none. */
static const char *unsafe(int fd)
{
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return "is no plain file";
    if (found.st_uid != geteuid() && found.st_uid != 0)
        return "belongs to somebody else: its owner is root, or who runs the broker";
    if (found.st_mode & (S_IWGRP | S_IRWXO))
        return "is open to others: chmod 600, or 640 for a group that may read it";
    return NULL;
}

static int file_read(FILE *file, struct place *place, struct auth_user **users)
{
    char line[AUTH_ENTRY_MAX + 2];
    int code = JQ_OK;
    while (code == JQ_OK && fgets(line, sizeof line, file)) {
        place->line++;
        code = strlen(line) < sizeof line - 1 ? line_read(place, line, users) : wrong_line(place, "too long a line");
    }
    if (code == JQ_OK && ferror(file))
        code = wrong_line(place, "cannot be read");
    return code;
}

int auth_users_read(const char *path, struct auth_user **out, char *why, size_t why_size)
{
    struct place place = {path, 0, why, why_size};
    struct auth_user *users = NULL;
    FILE *file = fopen(path, "re");
    const char *wrong = file ? unsafe(fileno(file)) : errno == ENOENT ? "does not exist" : "cannot be opened";
    int code = wrong ? JQ_INVALID : file_read(file, &place, &users);
    if (wrong)
        snprintf(why, why_size, "%s: %s", path, wrong);
    if (file)
        fclose(file);
    if (code == JQ_OK)
        *out = users;
    else
        auth_users_free(users);
    return code;
}

void auth_users_free(struct auth_user *users)
{
    struct auth_user *user, *next;
    HASH_ITER (hh, users, user, next) {
        HASH_DEL(users, user);
        free(user);
    }
}

const struct auth_user *auth_users_find(const struct auth_user *users, const char *name)
{
    const struct auth_user *found;
    HASH_FIND_STR(users, name, found);
    return found;
}

bool auth_users_have(const struct auth_user *users, const char *name, const struct auth_proof *proof)
{
    const struct auth_user *user = auth_users_find(users, name);
    return user && jqw_scram_same(user->proof.stored, proof->stored, sizeof proof->stored) &&
           jqw_scram_same(user->proof.server, proof->server, sizeof proof->server);
}

void auth_users_compare(const struct auth_user *before, const struct auth_user *after,
                        void (*changed)(void *told, const char *user, enum auth_change change), void *told)
{
    for (const struct auth_user *user = after; user; user = user->hh.next)
        if (!auth_users_find(before, user->name))
            changed(told, user->name, AUTH_USER_NEW);
    for (const struct auth_user *user = before; user; user = user->hh.next)
        if (!auth_users_find(after, user->name))
            changed(told, user->name, AUTH_USER_GONE);
        else if (!auth_users_have(after, user->name, &user->proof))
            changed(told, user->name, AUTH_USER_OTHER);
}
