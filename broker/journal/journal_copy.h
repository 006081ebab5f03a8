/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a data folder while somebody may be writing to it. */
#ifndef JOINQ_JOURNAL_COPY_H
#define JOINQ_JOURNAL_COPY_H

#include "journal_file.h"
#include "journal_io.h"

struct journal_copied {
    uint64_t files, bytes;
};

/* `from` holds the folder against clean-up (journal_io_threads_copying); `to` is a folder without data. What was written before the call is
 * in the copy, whole; what is written meanwhile may be, up to some record. JQ_OK; or JQ_STORAGE, JQ_OVERLOADED with a text, and the copy is
 * no data folder. */
JQ_MUST_USE int journal_copy(struct journal_io *from, struct journal_io *to, struct journal_copied *copied,
                             char text[JOURNAL_TEXT_SIZE]);

#endif
