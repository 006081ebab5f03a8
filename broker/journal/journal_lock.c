/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of a data folder; see journal_lock.h. */
#include "journal_lock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char lock_name[] = "lock", copying_name[] = "copying";

static void tell_holder(const char *path, int lock, char *text, size_t size)
{
    char holder[32];
    ssize_t got = pread(lock, holder, sizeof holder - 1, 0);
    holder[got > 0 ? got : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    snprintf(text, size, "data folder '%s' is in use by another process%s%s", path, *holder ? ": pid " : "", holder);
}

static void tell_errno(const char *path, const char *what, char *text, size_t size)
{
    snprintf(text, size, "data folder '%s': %s: %s", path, what, strerrordesc_np(errno));
}

/* Who holds it: for people. */
static void leave_pid(int lock)
{
    char pid[32];
    int size = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) == 0 && pwrite(lock, pid, (size_t)size, 0) == size)
        return; /* without it the lock is as good */
}

/* The folder's own entry is durable before anything in it is. */
static void sync_parent(int folder)
{
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return; /* not ours to read */
    (void)fsync(parent);
    close(parent);
}

bool journal_lock(const char *path, int *folder, int *lock, char *text, size_t size)
{
    *lock = -1;
    *folder = -1;
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        tell_errno(path, "it cannot be made", text, size);
        return 0;
    }
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made && *folder >= 0)
        sync_parent(*folder);
    if (*folder >= 0)
        *lock = openat(*folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0)
        tell_errno(path, "it cannot be opened", text, size);
    else if (flock(*lock, LOCK_EX | LOCK_NB) == 0) {
        leave_pid(*lock);
        return 1;
    } else if (errno == EWOULDBLOCK)
        tell_holder(path, *lock, text, size);
    else
        tell_errno(path, "it cannot be locked", text, size);
    if (*lock >= 0)
        close(*lock);
    if (*folder >= 0)
        close(*folder);
    return 0;
}

bool journal_lock_copying(const char *path, int *folder, int *lock, char *text, size_t size)
{
    *lock = -1;
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*folder >= 0)
        *lock = openat(*folder, copying_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock >= 0 && flock(*lock, LOCK_SH) == 0)
        return 1;
    tell_errno(path, *lock < 0 ? "it cannot be opened" : "it cannot be locked", text, size);
    if (*lock >= 0)
        close(*lock);
    if (*folder >= 0)
        close(*folder);
    return 0;
}

int journal_claim(int folder, int *lock)
{
    if (*lock < 0)
        *lock = openat(folder, copying_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0)
        return errno;
    return flock(*lock, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
}

int journal_unclaim(int lock)
{
    return lock >= 0 && flock(lock, LOCK_UN) < 0 ? errno : 0;
}
