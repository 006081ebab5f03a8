/* SPDX-License-Identifier: Apache-2.0 */
/* A disk in memory behind journal_io.h, as bad as disks are: operations complete when it is told so, what was not synced is torn at
 * any byte or lost in a crash, entries of the folder too, and any operation may fail. It knows nothing of journals. */
#ifndef JOINQ_TESTS_JOURNAL_DISK_H
#define JOINQ_TESTS_JOURNAL_DISK_H

#include "../sim/random.h"
#include "journal_io.h"
#include <stdbool.h>

enum { DISK_FILES = 512, DISK_DIRTY = 256 };

struct disk_file { /* an inode */
    uint8_t *cache, *disk;
    uint64_t cache_size, disk_size;
    struct {
        uint64_t offset, size;
    } dirty[DISK_DIRTY];
    int dirty_count;
    bool used;
};

struct disk_entry {
    char name[JOURNAL_NAME_SIZE]; /* empty: none */
    int file;
};

struct disk_coverage {
    uint64_t writes, syncs, creates, crashes, kills;
    uint64_t failed_writes, failed_syncs, failed_creates, failed_others, full;
    uint64_t torn, lost, entries_lost, dropped;
};

struct disk {
    struct journal_io io; /* first */
    struct random *random;
    struct disk_file files[DISK_FILES];
    struct disk_entry cached[DISK_FILES], durable[DISK_FILES]; /* the folder */
    struct journal_io_request *lanes[JOURNAL_LANES];           /* submitted, in order */
    struct journal_io_request *complete;
    uint64_t capacity; /* bytes of all files */
    uint32_t fault_percent;
    uint64_t sync_ns;                 /* what it says that a sync takes */
    char bad_name[JOURNAL_NAME_SIZE]; /* a file that cannot be read ... */
    uint64_t bad_offset;              /* ... at this byte */
    bool dead;                        /* after a crash: everything fails and nothing changes, until it is back */
    struct disk_coverage coverage;
};

void disk_init(struct disk *disk, struct random *random);
void disk_fini(struct disk *disk);
/* Carries out the first request of a lane that has one; false: there is none. */
bool disk_step(struct disk *disk);
/* The power goes: what is under way may happen or not. Then the disk is dead until disk_back. */
void disk_crash(struct disk *disk);
/* The process goes: what was written stays. */
void disk_kill(struct disk *disk);
/* What is still submitted is nobody's any more. */
void disk_forget(struct disk *disk);
void disk_back(struct disk *disk);
/* The file's bytes as they are read; NULL: there is none. */
uint8_t *disk_bytes(struct disk *disk, const char *name, uint64_t *size);

#endif
