/* SPDX-License-Identifier: Apache-2.0 */
/* The data folder, where there is one: what durable queues were is read into the engine at the start, and the journal goes on from
 * there. Without a folder the journal is one in memory, and no queue can be durable. It must not know frames or connections. */
#ifndef JOINQ_SERVER_STORAGE_H
#define JOINQ_SERVER_STORAGE_H

#include "base.h"
#include "journal.h"
#include "journal_file.h"
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct server;

struct storage {
    struct journal_io *io;       /* NULL: no folder */
    uint8_t id[JOURNAL_ID_SIZE]; /* of the data */
    struct journal *journal;
    uint64_t said_ns; /* when progress was last told */
    ev_async woken;   /* by threads of the journal */
};

/* Makes the journal; the engine is there, and has made no step. JQ_OK; or why not, which has been logged. */
JQ_MUST_USE int storage_open(struct server *server);
void storage_close(struct server *server); /* tolerates a half-made one */
/* At the end of a turn, and when storage_next says so (monotonic ns). */
void storage_turn(struct server *server, uint64_t now);
uint64_t storage_next(const struct server *server);

#endif
