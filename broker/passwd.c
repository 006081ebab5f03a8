/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd passwd. The password comes from the terminal, unseen and twice, or is the first line of standard input; it is never an
 * argument, and nothing of it is printed or written. */
#include "passwd.h"
#include "auth.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { OK = 0, FAILED = 1, USAGE = 2 };

static const char usage[] = "usage: joinqd passwd [--iterations N] [--file FILE] USER\n";
static const char help[] =
    "\n"
    "Asks for a password, or reads it from the first line of standard input, and prints the line of\n"
    "the file of users (joinqd.conf: access, users) by which USER can prove it. The password cannot\n"
    "be told from the line.\n"
    "\n"
    "  --file FILE        put the line into this file, in place of the one that USER has there\n"
    "  --iterations N     how much work a guess takes, and each login at the client: 4096 to 2000000\n"
    "                     (65536 unless told)\n";

struct wish {
    const char *user, *file;
    uint32_t iterations;
};

static int say(const char *what, const char *why)
{
    fprintf(stderr, "joinqd: passwd: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    return FAILED;
}

/* ---- the password ---- */

/* One line without its end; false: there is none, or it is too long. */
static bool line_read(FILE *from, char *to, size_t size)
{
    if (!fgets(to, (int)size, from))
        return false;
    bool whole = strchr(to, '\n') || feof(from);
    to[strcspn(to, "\r\n")] = '\0';
    return whole;
}

static bool ask(const char *prompt, char *to, size_t size)
{
    struct termios before, unseen;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    unseen = before;
    unseen.c_lflag &= ~(tcflag_t)ECHO;
    fputs(prompt, stderr);
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen) != 0)
        return false;
    bool some = line_read(stdin, to, size);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputs("\n", stderr);
    return some;
}

static int password_get(char *to, size_t size)
{
    char again[JQW_SCRAM_PASSWORD_MAX + 3];
    setbuf(stdin, NULL); /* no copy of it stays behind */
    if (!isatty(STDIN_FILENO))
        return line_read(stdin, to, size) ? OK : say("no password on standard input, or too long a line", NULL);
    bool some = ask("Password: ", to, size) && ask("Once more: ", again, sizeof again);
    int status = !some ? say("no password", NULL) : strcmp(to, again) != 0 ? say("they are not the same", NULL) : OK;
    explicit_bzero(again, sizeof again);
    return status;
}

/* ---- the file ---- */

static bool is_of(const char *line, const char *user)
{
    size_t size = strlen(user);
    return strncmp(line, user, size) == 0 && line[size] == ':';
}

/* All lines of the old file but the user's, and that one. */
static bool copy(FILE *old, FILE *made, const struct wish *wish, const char *entry)
{
    char *line = NULL;
    size_t size = 0;
    bool placed = false;
    while (old && getline(&line, &size, old) >= 0) {
        bool own = is_of(line, wish->user);
        line[strcspn(line, "\n")] = '\0';
        fprintf(made, "%s\n", own ? entry : line);
        placed = placed || own;
    }
    free(line);
    if (!placed)
        fprintf(made, "%s\n", entry);
    return !(old && ferror(old)) && fflush(made) == 0 && fsync(fileno(made)) == 0;
}

/* The new file has the owner and the mode of the old one, and takes its place when it is whole on the disk. */
static int file_write(const struct wish *wish, const char *entry)
{
    char *path;
    struct stat is;
    FILE *old = fopen(wish->file, "re");
    if (!old && errno != ENOENT)
        return say(wish->file, strerror(errno));
    if (asprintf(&path, "%s.new", wish->file) < 0)
        return say("out of memory", NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *made = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool good = made != NULL;
    if (good && old && fstat(fileno(old), &is) == 0)
        good = fchown(fd, is.st_uid, is.st_gid) == 0 && fchmod(fd, is.st_mode & 0777) == 0;
    good = good && copy(old, made, wish, entry);
    int error = errno;
    if (made)
        fclose(made);
    if (old)
        fclose(old);
    if (good && rename(path, wish->file) != 0) {
        error = errno;
        good = false;
    }
    if (!good)
        (void)unlink(path);
    free(path);
    return good ? OK : say(wish->file, strerror(error));
}

/* ---- the command ---- */

static int options_take(int argc, char **argv, struct wish *wish)
{
    static const struct option longs[] = {
        {"file", required_argument, NULL, 'f'},
        {"iterations", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    char *end;
    int option;
    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            fputs(help, stdout);
            return -1;
        }
        if (option == 'f')
            wish->file = optarg;
        unsigned long number = option == 'i' && isdigit((unsigned char)*optarg) ? strtoul(optarg, &end, 10) : 0;
        bool wrong = option == 'i' && (number == 0 || *end || number > JQW_SCRAM_ITERATIONS_MAX);
        if (option == 'i')
            wish->iterations = (uint32_t)number;
        if (option == '?' || wrong)
            return say(wrong ? "--iterations is a number from 4096 to 2000000" : "what is wrong stands above", NULL);
    }
    if (optind + 1 != argc)
        return say("one user is named", NULL);
    wish->user = argv[optind];
    return OK;
}

int passwd_main(int argc, char **argv)
{
    struct wish wish = {.iterations = JQW_SCRAM_ITERATIONS};
    char password[JQW_SCRAM_PASSWORD_MAX + 3], entry[AUTH_ENTRY_MAX], why[200] = "out of randomness";
    int status = options_take(argc, argv, &wish);
    if (status < 0)
        return OK;
    if (status != OK) {
        fputs(usage, stderr);
        return USAGE;
    }
    status = password_get(password, sizeof password);
    if (status != OK)
        return status;
    int code = auth_entry_make(wish.user, password, strlen(password), wish.iterations, entry, why, sizeof why);
    explicit_bzero(password, sizeof password);
    if (code != JQ_OK)
        return say(why, NULL);
    if (wish.file)
        return file_write(&wish, entry);
    puts(entry);
    return OK;
}
