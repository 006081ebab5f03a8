/* SPDX-License-Identifier: Apache-2.0 */
/* The disk as it is: each lane a queue with a thread (reading has two), files by name in one locked folder. What it is told to write it
 * does not look at. */
#include "journal_io.h"
#include "journal_lock.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS_MAX = JOURNAL_LANES + 1,
    ZEROS = 1024 * 1024,
    AHEAD = 64 * 1024, /* a multiple of every file system's block */
};

struct list {
    struct journal_io_request *first, *last;
};

struct threads_io;

struct lane {
    struct threads_io *io;
    struct list waiting;
    pthread_cond_t filled;
};

struct threads_io {
    struct journal_io base; /* first: an io is one of these */
    int folder, lock;
    int claim; /* below 0: not opened yet */
    void (*wake)(void *user);
    void *user;
    pthread_mutex_t mutex; /* for all that follows */
    pthread_cond_t finished;
    struct lane lanes[JOURNAL_LANES];
    struct list complete;
    bool woken; /* the owner has been told that something is complete */
    uint64_t under_way;
    bool ending;
    pthread_t threads[THREADS_MAX];
    int thread_count;
    /* the write lane's: the file written last stays open, so that its sync hears of errors in between */
    char open_name[JOURNAL_NAME_SIZE];
    int open_fd;
    uint64_t open_size, open_unwritten; /* its bytes, and from where on they are only reserved */
    uint8_t *zeros;                     /* AHEAD bytes; NULL: no memory */
};

static void list_add(struct list *list, struct journal_io_request *request)
{
    request->next = NULL;
    if (list->last)
        list->last->next = request;
    else
        list->first = request;
    list->last = request;
}

static struct journal_io_request *list_take(struct list *list)
{
    struct journal_io_request *request = list->first;
    if (request) {
        list->first = request->next;
        if (!list->first)
            list->last = NULL;
    }
    return request;
}

/* ---- operations: each returns an errno ---- */

static int result(int code)
{
    return code < 0 ? errno : 0;
}

static int open_for_write(struct threads_io *io, const char *name)
{
    if (io->open_fd >= 0 && strcmp(io->open_name, name) == 0)
        return 0;
    if (io->open_fd >= 0)
        close(io->open_fd);
    io->open_fd = openat(io->folder, name, O_RDWR | O_CLOEXEC);
    memcpy(io->open_name, name, sizeof io->open_name);
    if (io->open_fd < 0)
        return errno;
    off_t size = lseek(io->open_fd, 0, SEEK_END), hole = lseek(io->open_fd, 0, SEEK_HOLE);
    io->open_size = size < 0 ? 0 : (uint64_t)size;
    io->open_unwritten = hole < 0 ? io->open_size : (uint64_t)hole;
    return 0;
}

/* A sync of blocks that were only reserved has to tell the file system's own records of them, which takes another write. Small groups
 * have most of their syncs without one: the first of them to come there writes what follows it, too. Only behind the log's end: a
 * hole elsewhere may be zeros of a body, and what follows it is needed. */
static void write_ahead(struct threads_io *io, uint64_t offset, uint64_t end)
{
    if (end <= io->open_unwritten || end > io->open_size)
        return;
    io->open_unwritten = end;
    uint64_t size = io->open_size - end < AHEAD ? io->open_size - end : AHEAD - end % AHEAD;
    if (io->zeros && end - offset < AHEAD && pwrite(io->open_fd, io->zeros, size, (off_t)end) == (ssize_t)size)
        io->open_unwritten = end + size;
}

static int write_parts(int fd, const struct journal_io_request *request, uint64_t *end)
{
    *end = request->offset;
    size_t skip = 0; /* of the first part */
    for (int i = 0; i < request->part_count;) {
        const struct iovec *part = &request->parts[i];
        ssize_t wrote = skip ? pwrite(fd, (const char *)part->iov_base + skip, part->iov_len - skip, (off_t)*end)
                             : pwritev(fd, part, request->part_count - i, (off_t)*end);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? errno : ENOSPC;
        *end += (uint64_t)wrote;
        skip += (size_t)wrote;
        while (i < request->part_count && skip >= request->parts[i].iov_len)
            skip -= request->parts[i++].iov_len;
    }
    return 0;
}

static int do_write(struct threads_io *io, const struct journal_io_request *request)
{
    uint64_t end;
    int error = open_for_write(io, request->name);
    if (!error)
        error = write_parts(io->open_fd, request, &end);
    if (!error && request->at_end)
        write_ahead(io, request->offset, end);
    return error;
}

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What was removed under the broker, with its folder perhaps, is on no disk once it is closed, whatever a sync says. Not by fstat: a file
 * whose times somebody has looked at gets new ones with the next write, which its sync then has to write too. */
static int has_name(int fd)
{
    struct statx stx;
    struct stat st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_NLINK, &stx) == 0)
        return stx.stx_nlink > 0 ? 0 : ENOENT;
    if (fstat(fd, &st) < 0) /* an old sandbox may have refused what it does not know */
        return errno;
    return st.st_nlink > 0 ? 0 : ENOENT;
}

static int do_sync(struct threads_io *io, struct journal_io_request *request)
{
    uint64_t begin = clock_ns();
    int error = open_for_write(io, request->name);
    if (!error)
        error = result(fdatasync(io->open_fd));
    request->took_ns = clock_ns() - begin;
    return error ? error : has_name(io->open_fd);
}

/* Where blocks cannot be had in advance they are written. */
static int reserve_by_writing(int fd, uint64_t size)
{
    char *zeros = calloc(1, ZEROS);
    int error = zeros ? 0 : ENOMEM;
    for (uint64_t at = 0; at < size && !error;) {
        uint64_t piece = size - at < ZEROS ? size - at : ZEROS;
        ssize_t wrote = pwrite(fd, zeros, piece, (off_t)at);
        if (wrote < 0)
            error = errno == EINTR ? 0 : errno;
        else
            at += (uint64_t)wrote;
    }
    free(zeros);
    return error;
}

/* With its size at once, so that a sync has no size to write. */
static int do_create(const struct threads_io *io, const struct journal_io_request *request)
{
    int fd = openat(io->folder, request->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int error = request->size ? result(fallocate(fd, 0, 0, (off_t)request->size)) : 0;
    if (error == EOPNOTSUPP)
        error = reserve_by_writing(fd, request->size);
    if (!error)
        error = result(fsync(fd));
    close(fd);
    if (error)
        unlinkat(io->folder, request->name, 0);
    return error;
}

static int do_truncate(const struct threads_io *io, const struct journal_io_request *request)
{
    int fd = openat(io->folder, request->name, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = result(ftruncate(fd, (off_t)request->size));
    if (!error)
        error = result(fsync(fd));
    close(fd);
    return error;
}

static int do_read(const struct threads_io *io, struct journal_io_request *request)
{
    int fd = openat(io->folder, request->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = 0;
    request->got = 0;
    while (request->got < request->size && !error) {
        ssize_t got = pread(fd, request->bytes + request->got, request->size - request->got,
                            (off_t)(request->offset + request->got));
        if (got == 0)
            break;
        if (got < 0)
            error = errno == EINTR ? 0 : errno;
        else
            request->got += (uint64_t)got;
    }
    close(fd);
    return error;
}

static int do_list(const struct threads_io *io, const struct journal_io_request *request)
{
    int fd = openat(io->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    errno = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct stat st;
        if (strlen(entry->d_name) < JOURNAL_NAME_SIZE && fstatat(io->folder, entry->d_name, &st, 0) == 0 &&
            S_ISREG(st.st_mode))
            request->entry(request->user, entry->d_name, (uint64_t)st.st_size);
        errno = 0;
    }
    int error = errno;
    closedir(dir);
    return error;
}

static int carry_out(struct threads_io *io, struct journal_io_request *request)
{
    switch (request->op) {
    case JOURNAL_IO_WRITE:
        return do_write(io, request);
    case JOURNAL_IO_SYNC:
        return do_sync(io, request);
    case JOURNAL_IO_CREATE:
        return do_create(io, request);
    case JOURNAL_IO_SYNC_FOLDER:
        return result(fsync(io->folder));
    case JOURNAL_IO_RENAME:
        return result(renameat(io->folder, request->name, io->folder, request->to));
    case JOURNAL_IO_UNLINK:
        return result(unlinkat(io->folder, request->name, 0));
    case JOURNAL_IO_TRUNCATE:
        return do_truncate(io, request);
    case JOURNAL_IO_READ:
        return do_read(io, request);
    case JOURNAL_IO_LIST:
        return do_list(io, request);
    case JOURNAL_IO_CLAIM:
        return journal_claim(io->folder, &io->claim);
    case JOURNAL_IO_UNCLAIM:
        return journal_unclaim(io->claim);
    }
    return EINVAL;
}

/* ---- threads ---- */

static struct threads_io *threads_of(struct journal_io *io)
{
    return (struct threads_io *)io;
}

static void *lane_run(void *user)
{
    struct lane *lane = user;
    struct threads_io *io = lane->io;
    pthread_mutex_lock(&io->mutex);
    for (;;) {
        struct journal_io_request *request = list_take(&lane->waiting);
        if (!request && io->ending)
            break;
        if (!request) {
            pthread_cond_wait(&lane->filled, &io->mutex);
            continue;
        }
        pthread_mutex_unlock(&io->mutex);
        request->error = carry_out(io, request);
        pthread_mutex_lock(&io->mutex);
        bool wake = !io->woken && !request->more;
        list_add(&io->complete, request);
        io->woken |= wake;
        if (--io->under_way == 0)
            pthread_cond_signal(&io->finished);
        if (wake && io->wake) { /* not under the mutex, which is the first thing that who wakes up wants */
            pthread_mutex_unlock(&io->mutex);
            io->wake(io->user);
            pthread_mutex_lock(&io->mutex);
        }
    }
    pthread_mutex_unlock(&io->mutex);
    return NULL;
}

static void threads_submit(struct journal_io *base, struct journal_io_request *request)
{
    struct threads_io *io = threads_of(base);
    struct lane *lane = &io->lanes[journal_io_lane(request->op)];
    pthread_mutex_lock(&io->mutex);
    bool more = request->more;
    list_add(&lane->waiting, request);
    io->under_way++;
    pthread_mutex_unlock(&io->mutex);
    if (!more)
        pthread_cond_signal(&lane->filled);
}

static void threads_poll(struct journal_io *base)
{
    struct threads_io *io = threads_of(base);
    pthread_mutex_lock(&io->mutex);
    struct list complete = io->complete;
    io->complete = (struct list){0};
    io->woken = false;
    pthread_mutex_unlock(&io->mutex);
    for (struct journal_io_request *request; (request = list_take(&complete));)
        request->done(request);
}

static void threads_drain(struct journal_io *base)
{
    struct threads_io *io = threads_of(base);
    bool more = true;
    while (more) {
        pthread_mutex_lock(&io->mutex);
        while (io->under_way > 0)
            pthread_cond_wait(&io->finished, &io->mutex);
        pthread_mutex_unlock(&io->mutex);
        threads_poll(base);
        pthread_mutex_lock(&io->mutex);
        more = io->under_way > 0;
        pthread_mutex_unlock(&io->mutex);
    }
}

static void threads_run(struct journal_io *base, struct journal_io_request *request)
{
    request->error = carry_out(threads_of(base), request);
}

static void threads_free(struct journal_io *base)
{
    struct threads_io *io = threads_of(base);
    pthread_mutex_lock(&io->mutex);
    io->ending = true;
    for (int i = 0; i < JOURNAL_LANES; i++)
        pthread_cond_broadcast(&io->lanes[i].filled);
    pthread_mutex_unlock(&io->mutex);
    for (int i = 0; i < io->thread_count; i++)
        pthread_join(io->threads[i], NULL);
    for (int i = 0; i < JOURNAL_LANES; i++)
        pthread_cond_destroy(&io->lanes[i].filled);
    pthread_cond_destroy(&io->finished);
    pthread_mutex_destroy(&io->mutex);
    if (io->open_fd >= 0)
        close(io->open_fd);
    if (io->claim >= 0)
        close(io->claim);
    close(io->folder);
    if (io->lock >= 0)
        close(io->lock);
    free(io->zeros);
    free(io);
}

static const struct journal_io_ops threads_ops = {
    .submit = threads_submit,
    .poll = threads_poll,
    .drain = threads_drain,
    .run = threads_run,
    .free = threads_free,
};

/* Signals are for the thread of the loop. */
static int threads_start(struct threads_io *io)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigfillset(&all);
    int error = pthread_attr_init(&attributes);
    if (error)
        return error;
    error = pthread_attr_setsigmask_np(&attributes, &all);
    while (!error && io->thread_count < THREADS_MAX) {
        struct lane *lane = &io->lanes[io->thread_count < JOURNAL_LANES ? io->thread_count : JOURNAL_LANE_READ];
        error = pthread_create(&io->threads[io->thread_count], &attributes, lane_run, lane);
        io->thread_count += !error;
    }
    pthread_attr_destroy(&attributes);
    return error;
}

typedef bool lock_folder(const char *path, int *folder, int *lock, char *text, size_t size);

static struct journal_io *threads_new(lock_folder *lock_it, const char *folder, char *text, size_t size)
{
    struct threads_io *io = calloc(1, sizeof *io);
    if (!io || !lock_it(folder, &io->folder, &io->lock, text, size)) {
        if (!io && size)
            *text = '\0';
        free(io);
        return NULL;
    }
    io->base.ops = &threads_ops;
    io->open_fd = io->claim = -1;
    pthread_mutex_init(&io->mutex, NULL);
    pthread_cond_init(&io->finished, NULL);
    for (int i = 0; i < JOURNAL_LANES; i++) {
        io->lanes[i].io = io;
        pthread_cond_init(&io->lanes[i].filled, NULL);
    }
    return &io->base;
}

struct journal_io *journal_io_threads_new(const char *folder, void (*wake)(void *user), void *user, char *text,
                                          size_t size)
{
    struct journal_io *base = threads_new(journal_lock, folder, text, size);
    if (!base)
        return NULL;
    struct threads_io *io = threads_of(base);
    io->wake = wake;
    io->user = user;
    io->zeros = calloc(1, AHEAD);
    int error = threads_start(io);
    if (!error)
        return base;
    if (size)
        *stpncpy(text, strerrordesc_np(error), size - 1) = '\0';
    threads_free(base);
    return NULL;
}

/* Of these two everything is carried out at once: there is nothing for threads to do. */
struct journal_io *journal_io_threads_reading(const char *folder, char *text, size_t size)
{
    return threads_new(journal_lock_reading, folder, text, size);
}

struct journal_io *journal_io_threads_copying(const char *folder, char *text, size_t size)
{
    return threads_new(journal_lock_copying, folder, text, size);
}
