/* SPDX-License-Identifier: Apache-2.0 */
/* One process a folder: a lock that ends with the process, whatever ends it. */
#ifndef JOINQ_JOURNAL_LOCK_H
#define JOINQ_JOURNAL_LOCK_H

#include "base.h"
#include <stdbool.h>
#include <stddef.h>

/* Opens the folder, made if it is missing (its parent must be there), and locks it. False: `text` says why, naming the folder and the
 * process that holds it. Both descriptors are the caller's to close; closing `lock` unlocks. */
JQ_MUST_USE bool journal_lock(const char *path, int *folder, int *lock, char *text, size_t size);

/* A folder that is there and is only read: nobody can work on it until `lock` is closed. On a file system that cannot be written to
 * there may be nothing to lock: then `lock` is below 0. */
JQ_MUST_USE bool journal_lock_reading(const char *path, int *folder, int *lock, char *text, size_t size);

/* Likewise, to be copied, whether somebody works on it or not: nobody can claim it until `lock` is closed. */
JQ_MUST_USE bool journal_lock_copying(const char *path, int *folder, int *lock, char *text, size_t size);
/* Claims the folder against copying; *lock, below 0 at first, is kept for the next time. Returns an errno; EWOULDBLOCK: it is being copied. */
JQ_MUST_USE int journal_claim(int folder, int *lock);
int journal_unclaim(int lock);

#endif
