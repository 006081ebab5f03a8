/* SPDX-License-Identifier: Apache-2.0 */
/* The journal in files: segments in a folder, group commit, recovery, release of what is no longer needed. A step machine without
 * threads, clock or files of its own: all it wants of the disk goes through journal_io.h, and time comes in with journal_tick.
 *
 * Its owner, on one thread, at the end of each turn: journal_append what the turn has made, then journal_tick(now), and again by
 * journal_next; and journal_io_poll whenever the I/O woke it. */
#ifndef JOINQ_JOURNAL_FILE_H
#define JOINQ_JOURNAL_FILE_H

#include "journal.h"
#include "journal_format.h"
#include "journal_io.h"

enum { JOURNAL_TEXT_SIZE = 1024, JOURNAL_SEGMENT_SIZE = 64 * 1024 * 1024 };

struct journal_place {
    uint64_t segment;
    uint32_t offset; /* in its file */
};

/* A run that lies in the log for good, and where in it a body begins. */
struct journal_reference {
    struct journal_place place;
    uint32_t size, crc;
    uint32_t at;
};

/* How the journal gets at bodies. `find` says where a body that is told again lies already: then it is not written once more, and its
 * segment must not be released while it is needed. `placed` is told once for each run, when it is durable at that place and will not be anywhere else;
 * from hold until then the chunk must stay as it is. All NULL but `at`: nobody wants to know. */
struct journal_bodies {
    const uint8_t *(*at)(void *user, uint32_t chunk, uint32_t offset);
    bool (*find)(void *user, uint32_t chunk, uint32_t offset, struct journal_reference *reference);
    void (*hold)(void *user, uint32_t chunk);
    void (*placed)(void *user, uint32_t chunk, uint32_t offset, uint32_t size, uint32_t count,
                   struct journal_place place, uint32_t crc);
    void (*drop)(void *user, uint32_t chunk);
    void *user;
};

struct journal_segment {
    uint64_t number;
    uint64_t first; /* record; last is first - 1 if there is none */
    uint64_t last;  /* at most this */
    uint64_t size;  /* bytes in use */
    bool active;    /* it is being written: some of what it has may not be placed yet */
    bool given_up;  /* a write or sync of it failed: the journal cuts it itself */
};

struct journal_report {
    uint64_t last;       /* number of the last record; from - 1: none */
    uint64_t records;    /* given to replay */
    uint64_t bytes;      /* read */
    uint64_t cut_bytes;  /* of a torn end, that nobody was told was durable */
    uint64_t cut_offset; /* and where, in cut_file */
    uint64_t damages;    /* check, repair */
    uint64_t lost; /* check, repair: the first record from `from` on that is not there or makes no sense; 0: none */
    char cut_file[JOURNAL_NAME_SIZE];
    char text[JOURNAL_TEXT_SIZE]; /* what went wrong, for people */
};

/* What recovery tells; each may be NULL. A code other than JQ_OK stops it and is what it returns. */
struct journal_replay {
    /* Whole groups, in order; borrowed until it returns. The next number is the one before plus one, but after a gap. */
    int (*records)(void *user, uint64_t wall_ns, const struct engine_record *records, uint32_t count);
    /* A run of bodies, each behind its header, before the records that name them: where it lies now. */
    int (*adopt)(void *user, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                 const uint8_t *bytes, uint32_t *chunk, uint32_t *offset);
    /* So many bodies of a run that lies elsewhere, perhaps in a segment of which no record is needed, or that is not there: then they
     * are finished by a later record, or lost. `size`: theirs. */
    int (*adopt_placed)(void *user, const struct journal_reference *run, uint32_t size, uint32_t count, uint32_t *chunk,
                        uint32_t *offset);
    /* All has been told, and nothing on the disk has changed yet; these segments will stay. What it refuses stays unchanged; the text is
     * for people. Not where nothing but a check goes on. */
    int (*settle)(void *user, const struct journal_segment *segments, size_t count, const struct journal_report *report,
                  char text[JOURNAL_TEXT_SIZE]);
    void (*gap)(void *user, uint64_t first, uint64_t last);      /* check and repair: these records are lost */
    void (*progress)(void *user, uint64_t done, uint64_t total); /* bytes */
    /* Check, of each segment: up to where all can be read, and its bytes. Behind that bodies may be there, and may be damaged. */
    void (*whole)(void *user, uint64_t segment, uint64_t end, uint64_t size);
    /* Check: here nothing can be read of a segment of which no record is needed; it matters where bodies are. NULL: it is told as
     * damage. `size` 0: not known. */
    void (*hole)(void *user, uint64_t segment, uint64_t offset, uint64_t size);
    /* Check and repair: one thing that is wrong, or was cut off. */
    void (*found)(void *user, const char *file, uint64_t offset, uint64_t size, const char *text);
    void *user;
};

/* What went wrong with the disk, or takes long, as it happens. Whoever hears it must not call the journal. */
enum journal_trouble_kind {
    JOURNAL_WRITE_FAILED, /* the segment is given up from `offset` on, and what it had there is written again elsewhere */
    JOURNAL_SYNC_FAILED, /* likewise */
    JOURNAL_MAKE_FAILED, /* the next segment cannot be made */
    JOURNAL_READ_FAILED, /* error 0: what is there is not what was written */
    JOURNAL_DISK_SLOW,   /* a write or sync has taken so long, and perhaps goes on */
    JOURNAL_TROUBLES
};
struct journal_trouble {
    enum journal_trouble_kind kind;
    const char *file; /* borrowed */
    uint64_t offset;
    int error; /* errno */
    uint64_t took_ns;
};
enum { JOURNAL_SLOW_NS = 1000000000 };

struct journal_config {
    struct journal_io *io; /* the folder, locked; it must outlive the journal */
    uint8_t id[JOURNAL_ID_SIZE];
    uint64_t from;         /* the first record that is needed: all before are in a snapshot, made between
                               batches. 1 without one */
    uint64_t until;        /* the last record that was durable when what says `from` was written; 0: not known */
    uint32_t segment_size; /* 0: JOURNAL_SEGMENT_SIZE */
    struct journal_listener listener;
    void (*trouble)(void *user, const struct journal_trouble *trouble); /* with the listener's user; may be NULL */
    struct journal_bodies bodies;
    struct journal_replay replay;
    bool
        repair; /* go on past damage: what cannot be read is copied away and told, the rest replayed. The caller must then make
                    a snapshot, so that the gap lies before `from` of the next start */
};

/* The data id: read, or made of `fresh` (JOURNAL_ID_SIZE bytes) at the first start, when there is no segment. `fresh` NULL: nothing is
 * made. JQ_OK or JQ_STORAGE with a text. */
JQ_MUST_USE int journal_id(struct journal_io *io, const uint8_t *fresh, uint8_t id[JOURNAL_ID_SIZE],
                           char text[JOURNAL_TEXT_SIZE]);
/* Makes its file anew where it is damaged, missing, or what no segment has, and all segments agree. */
JQ_MUST_USE int journal_id_repair(struct journal_io *io, bool *made, char text[JOURNAL_TEXT_SIZE]);

/* Reads what is there, cuts off a torn end, and goes on behind it. JQ_OK; JQ_STORAGE: damage, or the disk refused; JQ_OVERLOADED; or
 * what replay said. On an error nothing on the disk has changed, unless the disk failed half-way through the cut. */
JQ_MUST_USE int journal_open(const struct journal_config *config, struct journal **journal,
                             struct journal_report *report);
/* Verifies everything, changes nothing, goes on past damage. JQ_OK: all is good; JQ_STORAGE: report->damages, each was told. */
JQ_MUST_USE int journal_check(const struct journal_config *config, struct journal_report *report);

/* ---- segments ---- */

/* All that are there, oldest first, the one being written last; valid until the journal is next called. */
const struct journal_segment *journal_segments(const struct journal *journal, size_t *count);
/* Its file goes, or is used again: none of its bodies is needed any more and every record up to its last is below `from` of the next
 * start, whatever happens. In any order. False: not now, for it is the last one with records, or being written. */
bool journal_release(struct journal *journal, uint64_t segment);

/* Everything appended becomes durable as soon as it can. */
void journal_sync(struct journal *journal);
bool journal_synced(const struct journal *journal); /* whether all that was appended is durable */
/* Bytes written to the log in this run. */
uint64_t journal_written_bytes(const struct journal *journal);
/* Bytes appended and not yet written: when it grows, the disk is slower than what comes. */
uint64_t journal_backlog(const struct journal *journal);

/* Reads a run back, verified: `done` is called from journal_io_poll with JQ_OK and the bytes in the buffer, or JQ_STORAGE. Only what was
 * placed can be read. JQ_OVERLOADED: no memory, and done is not called. */
typedef void (*journal_read_done)(void *user, int code, uint8_t *buffer);
JQ_MUST_USE int journal_read(struct journal *journal, struct journal_place place, uint32_t size, uint32_t crc,
                             uint8_t *buffer, journal_read_done done, void *user);
/* Likewise several runs, each to its place; the buffer that `done` gets is that of the first. At least one. Before `done` with another
 * code than JQ_OK `lost` is called for each that could not be read; the others are there. */
typedef void (*journal_read_lost)(void *user, uint32_t part);
struct journal_part {
    struct journal_place place;
    uint32_t size, crc;
    uint8_t *to;
};
JQ_MUST_USE int journal_read_parts(struct journal *journal, const struct journal_part *parts, uint32_t count,
                                   journal_read_lost lost, journal_read_done done, void *user);

#endif
