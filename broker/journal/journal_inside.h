/* SPDX-License-Identifier: Apache-2.0 */
/* The journal in files from inside; nobody else includes it.
 *
 *     append        tick, poll                     write done             sync done
 *     ------> frames --------> one group under way ---------> written ------------> durable: placed, freed
 *               ^                    |
 *               '--------------------'  it failed: the segment is given up behind its last durable frame, and all that was not
 *                                       durable goes to a new one
 *
 * Frames are kept until they are durable: after a failed sync nobody knows what of the page cache is on the disk. What was written
 * to a segment that is given up still counts, should the process end, until the next one has all of it: so that gets its header, which
 * makes the old frames void, last. */
#ifndef JOINQ_JOURNAL_INSIDE_H
#define JOINQ_JOURNAL_INSIDE_H

#include "journal_codec.h"
#include "journal_file.h"

enum {
    GROUP_FRAMES = 256,                 /* of one write */
    GROUP_BYTES = 4 * 1024 * 1024,      /* a group that has so much takes no more */
    UNSYNCED_BYTES = 8 * 1024 * 1024,   /* written: then it is synced whatever the deadlines, to bound what is kept */
    KEPT_FRAMES = 16,                   /* empty frames for what comes next */
    KEPT_FRAME_BYTES = 2 * 1024 * 1024, /* a larger one is not kept */
    RESERVE_PARTS = 16,                 /* a segment's sixteenth: with less left and no other nothing is accepted */
    BACKOFF_FIRST_MS = 10,
    BACKOFF_MAX_MS = 5000,
    MS = 1000000,
    GATHER_SYNC_NS = MS / 2, /* a sync that takes less is not worth waiting for company */
    GATHER_PART = 4,         /* the wait is for a quarter of a sync at most */
    GATHER_SKIPS_MAX = 63,   /* groups that do not wait, after waits that brought little */
};

/* Waits between attempts that fail, each twice as long. */
struct backoff {
    uint64_t wait_ns; /* 0: the last one did not fail */
    uint64_t until_ns;
};

/* Makes the next segment before it is needed. */
struct maker {
    enum { MAKER_IDLE, MAKER_CREATES, MAKER_SYNCS } state;
    uint64_t number; /* of the file being made */
    uint64_t reuses; /* a released segment, to be renamed; 0: none */
    uint64_t ready;  /* one that is there; 0: none */
    struct backoff backoff;
    struct journal_io_request request;
};

/* Who has been answered comes again in a moment, one after the other. Would the next group begin with the first of them, or with
 * those who came during the sync, half of all would miss each sync: so a group waits a little until as many have come as were answered,
 * where a sync takes long and such waits have been worth while. */
struct gather {
    uint64_t target; /* the record to wait for; 0: nothing is waited for */
    uint64_t wanted; /* records from when that began until then */
    uint64_t most_ns;
    uint64_t until_ns; /* 0: as the next tick says */
    bool waited;       /* a group did */
    bool never;        /* the journal ends: what was appended is written */
    uint32_t skips, skipped;
};

struct file_journal {
    struct journal base; /* first: a journal is one of these */
    struct journal_io *io;
    struct journal_bodies bodies;
    uint8_t id[JOURNAL_ID_SIZE];
    uint64_t segment_size;
    uint64_t now;

    struct journal_segment *segments; /* oldest first; while `active` the last is the one being written */
    size_t segment_count, segment_capacity;
    uint64_t number_next;
    bool active;
    uint64_t active_size; /* that it may reach: segment_size, or what a full disk had left at the start */
    struct journal_seed seed;
    uint64_t used;        /* bytes of the active segment, written or under way */
    uint64_t durable_end; /* of it */
    struct maker maker;

    struct journal_frame *first, *last; /* not durable, in order */
    struct journal_frame *unwritten;    /* the first of them that is not under way or written */
    struct journal_frame *kept;
    uint32_t kept_count;
    uint64_t record_last, written, durable;
    uint64_t backlog;    /* bytes of unwritten and under way */
    uint64_t unsynced;   /* bytes written or under way, and not durable */
    uint64_t sync_by_ns; /* of these: the earliest deadline */
    uint64_t group_last; /* the last record that went to the active segment */
    uint64_t group_bytes;
    uint64_t sync_last; /* what the sync under way makes durable */
    bool write_busy, head_busy, sync_busy;
    bool head_due; /* the active segment gets its header once all that had been written before it was begun is in it */
    bool pressed;  /* journal_sync was called */
    int fault;     /* errno of the group under way */
    struct backoff failing;
    struct gather gather;
    struct journal_state told;
    struct journal_figures figures; /* only what it counts */
    void (*trouble)(void *user, const struct journal_trouble *trouble);
    uint64_t busy_since; /* what is under way; by the last tick before it */
    bool slow_told;      /* that it takes long */
    struct journal_io_request write, head, sync;
    struct iovec head_part;
    struct iovec parts[GROUP_FRAMES + 1];
    uint8_t header[JOURNAL_SEGMENT_HEADER];
};

/* journal_write.c */
int journal_file_append(struct journal *journal, const struct journal_batch *batch);
void journal_go_on(struct file_journal *journal);
/* Whether the active segment has room for it. */
bool journal_fits(const struct file_journal *journal, const struct journal_frame *frame);
bool journal_sync_due(const struct file_journal *journal, uint64_t *when);
static inline bool journal_busy(const struct file_journal *journal)
{
    return journal->write_busy || journal->head_busy || journal->sync_busy;
}
/* journal_gather.c */
/* A sync is over: so many records are answered now, and it took so long. */
void journal_gather_begin(struct file_journal *journal, uint64_t answered, uint64_t took_ns);
/* Whether the next group waits. */
bool journal_gathers(const struct file_journal *journal);
void journal_gather_tick(struct file_journal *journal);
void journal_gather_never(struct file_journal *journal); /* from now on */
/* The next group is begun: was it worth while? */
void journal_gather_end(struct file_journal *journal);
/* journal_spare.c */
/* Segments that were given up, of which nothing is needed any more beyond what is durable in them. */
void journal_segments_tidy(struct file_journal *journal);
void journal_maker_go_on(struct file_journal *journal);
void journal_backoff_fail(struct backoff *backoff, uint64_t now);
/* The segment that is ready becomes the active one. False: there is none. */
bool journal_segment_begin(struct file_journal *journal);
bool journal_segment_reserve(struct file_journal *journal);
void journal_segment_forget(struct file_journal *journal, size_t index);
/* An operation that nobody waits for. */
void journal_background(struct file_journal *journal, enum journal_io_op op, uint64_t segment, uint64_t size);
/* journal_file.c */
void journal_tell(struct file_journal *journal);
/* Something went wrong with this request, or takes long. */
void journal_says(const struct file_journal *journal, enum journal_trouble_kind kind,
                  const struct journal_io_request *request, uint64_t offset);
enum journal_accepts journal_level(const struct file_journal *journal);
JQ_MUST_USE struct file_journal *journal_file_new(const struct journal_config *config);

#endif
