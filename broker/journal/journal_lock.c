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
#include <sys/statvfs.h>
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

/* The file of a lock, made if it is missing and that is allowed; below 0: no, and errno says why. `*none`: it is not there, on a file
 * system that nobody can write to from here, so that there is nothing to be locked out. */
static int open_lock(int folder, const char *name, bool *none)
{
    int lock = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600), error = errno;
    *none = false;
    if (lock >= 0 || (error != EROFS && error != EACCES && error != EPERM))
        return lock;
    lock = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct statvfs system;
    *none = lock < 0 && errno == ENOENT && fstatvfs(folder, &system) == 0 && (system.f_flag & ST_RDONLY);
    errno = lock < 0 && errno != ENOENT ? errno : error;
    return lock;
}

static bool locks(const char *path, int lock, int how, char *text, size_t size)
{
    if (flock(lock, how) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        tell_holder(path, lock, text, size);
    else
        tell_errno(path, "it cannot be locked", text, size);
    return false;
}

static bool give_up(int *folder, int *lock)
{
    if (*lock >= 0)
        close(*lock);
    if (*folder >= 0)
        close(*folder);
    return false;
}

/* So that a copy can be held against clean-up by who may not make it. */
static void make_copying(int folder)
{
    int copying = openat(folder, copying_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (copying >= 0)
        close(copying);
}

bool journal_lock(const char *path, int *folder, int *lock, char *text, size_t size)
{
    *lock = -1;
    *folder = -1;
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        tell_errno(path, "it cannot be made", text, size);
        return false;
    }
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made && *folder >= 0)
        sync_parent(*folder);
    if (*folder >= 0)
        *lock = openat(*folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0)
        tell_errno(path, "it cannot be opened", text, size);
    if (*lock < 0 || !locks(path, *lock, LOCK_EX | LOCK_NB, text, size))
        return give_up(folder, lock);
    leave_pid(*lock);
    make_copying(*folder);
    return true;
}

/* Shared, as far as those go who only read. */
static bool lock_shared(const char *path, const char *name, int wait, int *folder, int *lock, char *text, size_t size)
{
    bool none = false;
    *lock = -1;
    *folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*folder >= 0)
        *lock = open_lock(*folder, name, &none);
    if (none)
        return true;
    if (*folder < 0)
        tell_errno(path, "it cannot be opened", text, size);
    else if (*lock < 0)
        snprintf(
            text, size,
            "data folder '%s': its file '%s', by which joinqd knows that nobody else works on it, cannot be made or "
            "opened: %s. Run this as a user who may write there",
            path, name, strerrordesc_np(errno));
    return (*lock >= 0 && locks(path, *lock, LOCK_SH | wait, text, size)) || give_up(folder, lock);
}

bool journal_lock_reading(const char *path, int *folder, int *lock, char *text, size_t size)
{
    if (!lock_shared(path, lock_name, LOCK_NB, folder, lock, text, size))
        return false;
    if (*lock >= 0)
        leave_pid(*lock); /* unless it was opened to be read only */
    return true;
}

bool journal_lock_copying(const char *path, int *folder, int *lock, char *text, size_t size)
{
    return lock_shared(path, copying_name, 0, folder, lock, text, size);
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
