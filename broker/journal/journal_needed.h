/* SPDX-License-Identifier: Apache-2.0 */
/* Which is the first record that recovery needs, and up to which all were durable when that was written: in a small file of its own beside
 * the segments, a new one each time. Segments may go only once the file that says so is on the disk. */
#ifndef JOINQ_JOURNAL_NEEDED_H
#define JOINQ_JOURNAL_NEEDED_H

#include "journal_file.h"

enum { JOURNAL_NEEDED_SIZE = 64 };

struct journal_span {
    uint64_t from;  /* the first record needed; 1 where nothing was ever written */
    uint64_t until; /* the snapshot's last; 0 where nothing was ever written */
};

/* What is said. JQ_OK, or JQ_STORAGE with a text. */
JQ_MUST_USE int journal_needed_look(struct journal_io *io, const uint8_t id[JOURNAL_ID_SIZE], struct journal_span *said,
                                    char text[JOURNAL_TEXT_SIZE]);
/* Before anything is done because of it: it is durable, and files that say less go. */
JQ_MUST_USE int journal_needed_hold(struct journal_io *io, const uint8_t id[JOURNAL_ID_SIZE],
                                    char text[JOURNAL_TEXT_SIZE]);

/* For a repair, where what they say is of no use any more: all go. */
JQ_MUST_USE int journal_needed_forget(struct journal_io *io, char text[JOURNAL_TEXT_SIZE]);

/* Writing it, in steps. Zeroed but for io and id; it must stay until `done` has been called. */
struct journal_needed {
    struct journal_io *io;
    const uint8_t *id;        /* JOURNAL_ID_SIZE bytes */
    uint64_t said;            /* by the file that is there; 0: none */
    struct journal_span span; /* being written; its begin is above what was said */
    bool busy;
    void (*done)(void *user, uint64_t from, int error); /* error: an errno, and nothing has changed */
    void *user;
    /* the rest is its own */
    int step;
    uint8_t bytes[JOURNAL_NEEDED_SIZE];
    struct iovec part;
    struct journal_io_request request;
};

/* Not while it is busy. */
void journal_needed_write(struct journal_needed *needed, struct journal_span span);

#endif
