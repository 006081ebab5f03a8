/* SPDX-License-Identifier: Apache-2.0 */
/* The data folder, where there is one: what durable queues were is read into the engine at the start, and the journal goes on from
 * there. Without a folder the journal is one in memory, and no queue can be durable. It must not know frames or connections. */
#ifndef JOINQ_SERVER_STORAGE_H
#define JOINQ_SERVER_STORAGE_H

#include "base.h"
#include "journal.h"
#include "journal_file.h"
#include "journal_needed.h"
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct server;
struct store_segment;

/* Each kind of trouble is told every ten seconds at most, with how often it occurred meanwhile. */
struct trouble {
    uint64_t told_ns[JOURNAL_TROUBLES]; /* 0: never */
    uint64_t untold[JOURNAL_TROUBLES];
};

struct storage {
    struct journal_io *io;        /* NULL: no folder */
    uint8_t id[JOURNAL_ID_SIZE];  /* of the data; only the first JOURNAL_ID_TOLD bytes are told */
    struct journal_needed needed; /* the first record that recovery needs */
    struct {
        bool cleaning;    /* first, what is alive in segments that are to go moves to memory, ... */
        bool parted;      /* ... in more parts than one, */
        uint64_t cleaned; /* ... so many bytes by now; */
        uint64_t left;    /* and about so many are left for the next ones, since the last one that left nothing */
        bool running;
        bool settled;               /* nothing has come since it was last found not worth while */
        uint64_t first, last;       /* its records, once it is at its end; last 0: it is not */
        uint64_t looked_ns;         /* when it was last asked whether one is worth while, ... */
        uint64_t looked_bytes;      /* ... how much had been written by then, ... */
        uint64_t log_bytes;         /* ... and what the log had then */
        struct store_segment *dead; /* segments of which nothing was needed when it had come to its end */
        size_t dead_count;
        bool claimed;      /* against copying, until what was told to go has gone */
        bool copying;      /* somebody copies the folder, ... */
        uint64_t again_ns; /* ... which is asked again then */
        struct journal_io_request unclaim;
        uint64_t begun; /* bytes of the log when it, or the first that left some, began, if nothing had come lately */
        uint64_t vain;  /* bytes of the log after one by which nothing could go */
        uint64_t live;  /* what was alive when the last one began */
    } snapshot;
    struct {
        int64_t ahead_ns; /* of the monotonic clock, when it was last looked at, ... */
        uint64_t looked_ns;
        uint64_t jumps;
    } clock;                /* of the time of day */
    struct trouble trouble; /* what was told of it */
    uint64_t last_wall_ns;  /* the latest time of day that a record tells of */
    uint64_t said_ns;       /* when progress was last told */
    ev_async woken;         /* by threads of the journal */
};

/* Makes the journal; the engine is there, and has made no step. JQ_OK; or why not, which has been logged. */
JQ_MUST_USE int storage_open(struct server *server);
void storage_close(struct server *server); /* tolerates a half-made one */
/* At the end of a turn, and when storage_next says so (monotonic ns). */
void storage_turn(struct server *server, uint64_t now);
uint64_t storage_next(const struct server *server);
/* Whether all that was recorded is on the disk; if not, it is written there without waiting for more. */
JQ_MUST_USE bool storage_synced(struct server *server);

/* The time of day, at this monotonic time; a jump is noticed and told. */
uint64_t storage_wall(struct server *server, uint64_t now);

/* trouble.c: what the journal complains of, for people. */
void trouble_hear(void *user, const struct journal_trouble *trouble);

/* snapshot.c: so that older records can go. The command for the next slice is added to the batch; what came of it is heard. */
void snapshot_ask(struct server *server);
void snapshot_hear(struct server *server, const struct engine_effects *effects);
void snapshot_turn(struct server *server, uint64_t now);
uint64_t snapshot_next(const struct server *server);
void snapshot_init(struct server *server);
void snapshot_fini(struct server *server);

#endif
