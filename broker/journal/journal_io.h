/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of what the journal asks of a disk. Requests on files of one folder are submitted and complete later; completions
 * are handed in by journal_io_poll on the owner's thread. Files with threads are one implementation, the simulation's disk another.
 * It knows nothing of what is in the files. */
#ifndef JOINQ_JOURNAL_IO_H
#define JOINQ_JOURNAL_IO_H

#include "base.h"
#include "journal_format.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum journal_io_op {
    JOURNAL_IO_WRITE, /* parts at offset */
    JOURNAL_IO_SYNC,  /* the file's content */
    JOURNAL_IO_CREATE, /* must not exist; `size` bytes reserved and readable as 0; synced itself. On failure it is gone */
    JOURNAL_IO_SYNC_FOLDER, /* the entries */
    JOURNAL_IO_RENAME,      /* name to `to` */
    JOURNAL_IO_UNLINK,
    JOURNAL_IO_TRUNCATE, /* to size, and synced */
    JOURNAL_IO_READ,     /* size bytes at offset into bytes; got: how many there were */
    JOURNAL_IO_LIST,     /* entry() for each file; only with journal_io_run */
    JOURNAL_IO_CLAIM, /* nobody copies the folder from now on; EWOULDBLOCK: somebody does. Only with journal_io_run */
    JOURNAL_IO_UNCLAIM,
};

/* Three lanes, in each of which one is carried out after the other: WRITE and SYNC; READ; the rest. */
enum journal_io_lane { JOURNAL_LANE_WRITE, JOURNAL_LANE_FOLDER, JOURNAL_LANE_READ, JOURNAL_LANES };

struct journal_io_request {
    enum journal_io_op op;
    char name[JOURNAL_NAME_SIZE];
    char to[JOURNAL_NAME_SIZE];
    uint64_t offset;
    uint64_t size;
    const struct iovec *parts; /* borrowed, like what they point to, until it is done; at most IOV_MAX */
    int part_count;
    bool at_end; /* of a write: nothing behind it in the file is needed */
    bool more;   /* another one follows at once in the same lane: nobody need be woken for this one alone */
    uint8_t *bytes;
    uint64_t got;
    int error;        /* errno; 0: done */
    uint64_t took_ns; /* by a sync, as far as it is known */
    void (*entry)(void *user, const char *name, uint64_t size);
    void (*done)(struct journal_io_request *request);
    void *user;
    struct journal_io_request *next; /* the implementation's */
};

struct journal_io;

struct journal_io_ops {
    void (*submit)(struct journal_io *, struct journal_io_request *); /* borrowed until its done is called */
    void (*poll)(struct journal_io *);                                /* calls done of what is complete */
    void (*drain)(struct journal_io *);                               /* waits for all of it, and polls */
    void (*run)(struct journal_io *, struct journal_io_request *);    /* at once; done is not called */
    void (*free)(struct journal_io *);
};

struct journal_io {
    const struct journal_io_ops *ops;
};

static inline enum journal_io_lane journal_io_lane(enum journal_io_op op)
{
    if (op == JOURNAL_IO_WRITE || op == JOURNAL_IO_SYNC)
        return JOURNAL_LANE_WRITE;
    return op == JOURNAL_IO_READ ? JOURNAL_LANE_READ : JOURNAL_LANE_FOLDER;
}

static inline void journal_io_submit(struct journal_io *io, struct journal_io_request *request)
{
    io->ops->submit(io, request);
}
static inline void journal_io_poll(struct journal_io *io)
{
    io->ops->poll(io);
}
static inline void journal_io_drain(struct journal_io *io)
{
    io->ops->drain(io);
}
/* Returns the errno. */
static inline int journal_io_run(struct journal_io *io, struct journal_io_request *request)
{
    io->ops->run(io, request);
    return request->error;
}
static inline void journal_io_free(struct journal_io *io)
{
    if (io)
        io->ops->free(io);
}

/* Files, with a thread for each lane and one more for reading. `folder` is made if it is missing, and locked: one process a folder. `wake`
 * is called from any thread when there is something to poll. NULL: `text` (of `size` bytes) says why. */
JQ_MUST_USE struct journal_io *journal_io_threads_new(const char *folder, void (*wake)(void *user), void *user,
                                                      char *text, size_t size);

/* The same for a folder that is there and is only read: it must not be written to, and until it is freed nobody can work on it. */
JQ_MUST_USE struct journal_io *journal_io_threads_reading(const char *folder, char *text, size_t size);

/* Likewise one that is to be copied, whether somebody works on it or not: until it is freed nobody can claim it. Waits for whoever has
 * claimed it, which is never for long. */
JQ_MUST_USE struct journal_io *journal_io_threads_copying(const char *folder, char *text, size_t size);

#endif
