/* SPDX-License-Identifier: Apache-2.0 */
/* What is found in the folder at a start: reading it in order, telling a torn end from damage, cutting the end off. Part of the
 * journal in files; nobody else includes it.
 *
 * The rule: records are read in order of their numbers from the first that is needed. Where the next is missing, everything behind
 * that place is looked at for somebody who says that it was durable: the `synced` of a frame, or a segment whose first record comes
 * after it. If there is one the log is damaged; if not, this is where a crash tore it off. */
#ifndef JOINQ_JOURNAL_RECOVER_H
#define JOINQ_JOURNAL_RECOVER_H

#include "journal_codec.h"
#include "journal_file.h"
#include "journal_scan.h"

struct recovery_segment {
    uint64_t number;
    uint64_t file_size;
    uint64_t first; /* record */
    uint64_t last;  /* first - 1: none was found */
    uint64_t end;   /* behind its last good frame; 0: it was not read */
    bool good;      /* has a header of its own; if not it was never used, or is damaged */
    bool gone;      /* its file has been removed */
    bool damaged;
    bool bodies;                    /* check: no record of it is needed, and it is not cut */
    uint64_t hole;                  /* check: the first place from which nothing could be read; 0: there is none */
    bool loose;                     /* without a header, and no record of it is needed: given up once, most likely */
    bool headless;                  /* repair: its header is to be written anew */
    uint64_t own_number, own_first; /* what the header says where it is that of another number; 0: it is not */
};

enum recovery_mode { RECOVERY_OPEN, RECOVERY_CHECK, RECOVERY_REPAIR };

struct recovery {
    const struct journal_config *config;
    struct journal_report *report;
    enum recovery_mode mode;
    struct recovery_segment *segments; /* by number */
    size_t count, capacity;
    struct journal_scan scan, ahead; /* of what is read; of what lies behind */
    struct journal_decoder decoder;
    uint64_t expected; /* the next record */
    uint64_t attested; /* the last record of which somebody says that it was durable */
    uint64_t told;     /* the missing record that was told last */
    uint64_t bytes, total;
    uint64_t number_next; /* above all that there are */
    bool torn;
    size_t torn_segment;
    uint64_t torn_offset;
};

void journal_recovery_fini(struct recovery *recovery);

/* journal_folder.c: what is there, and the headers. */
JQ_MUST_USE int journal_recovery_list(struct recovery *recovery);
/* journal_recover.c: the records. */
JQ_MUST_USE int journal_recovery_read(struct recovery *recovery);
/* journal_check.c: segments of which no record is needed any more. */
JQ_MUST_USE int journal_recovery_check_old(struct recovery *recovery, size_t index, uint64_t limit);
/* journal_cut.c: the end off, what is no use away, what is left synced. */
JQ_MUST_USE int journal_recovery_cut(struct recovery *recovery);

#define RECOVERY_ADVICE                                                                                              \
    "Nothing has been changed. Restore the file from a copy, or run 'joinqd --repair', which keeps all that can be " \
    "read"
/* Says what is wrong; returns JQ_STORAGE. */
int journal_recovery_says(struct recovery *recovery, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Check and repair: one more damage. `size` 0: not known. */
void journal_recovery_found(struct recovery *recovery, size_t index, uint64_t offset, uint64_t size, const char *text);

#endif
