/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold a secret: only if nobody but their owner can read them. */
#include "codes.h"
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 4096 };

/* The descriptor, or -1 with why. What is looked at is what will be read. */
static int open_secret(const char *path, char *why, size_t why_size)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *wrong = NULL;
    if (fd < 0 || fstat(fd, &about) != 0)
        wrong = strerror(errno);
    else if (!S_ISREG(about.st_mode))
        wrong = "it is no regular file";
    else if (about.st_uid != geteuid() && about.st_uid != 0)
        wrong = "it belongs to another user";
    else if (about.st_mode & (S_IRWXG | S_IRWXO))
        wrong = "others than its owner can get at it: chmod 600";
    if (!wrong)
        return fd;
    snprintf(why, why_size, "%s: %s", path, wrong);
    if (fd >= 0)
        close(fd);
    return -1;
}

int config_secret_check(const char *path, char *why, size_t why_size)
{
    int fd = open_secret(path, why, why_size);
    if (fd < 0)
        return JQ_INVALID;
    close(fd);
    return JQ_OK;
}

int config_secret_read(const char *path, char **out, char *why, size_t why_size)
{
    char text[SECRET_MAX + 1];
    int fd = open_secret(path, why, why_size);
    if (fd < 0)
        return JQ_INVALID;
    ssize_t size = read(fd, text, sizeof text);
    close(fd);
    size_t length = size > 0 ? (size_t)size : 0;
    char *newline = memchr(text, '\n', length);
    length = newline ? (size_t)(newline - text) : length;
    if (length == 0 || length > SECRET_MAX || memchr(text, '\0', length)) {
        snprintf(why, why_size, "%s: its first line is no secret: 1 to %d bytes", path, SECRET_MAX);
        return JQ_INVALID;
    }
    *out = strndup(text, length);
    explicit_bzero(text, sizeof text);
    if (!*out)
        snprintf(why, why_size, "out of memory");
    return *out ? JQ_OK : JQ_INVALID;
}
