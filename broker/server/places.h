/* SPDX-License-Identifier: Apache-2.0 */
/* Where bodies are: between the store, which keeps places in the log, and the journal, which has the log. Without a data folder there
 * is nothing for it to do. It must not know frames or connections. */
#ifndef JOINQ_SERVER_PLACES_H
#define JOINQ_SERVER_PLACES_H

#include "base.h"
#include "engine.h"
#include "journal_file.h"

struct server;
struct store_segment;
struct lost;

void places_init(struct server *server);
void places_end(struct server *server); /* nothing more is read */
/* What the journal is given, and what it tells while it recovers. */
struct journal_bodies places_bodies(struct server *server);
int places_adopt(void *server, struct journal_place place, uint32_t size, uint32_t count, uint32_t crc,
                 const uint8_t *bytes, uint32_t *chunk, uint32_t *offset);
int places_adopt_placed(void *server, const struct journal_reference *run, uint32_t size, uint32_t count,
                        uint32_t *chunk, uint32_t *offset);
/* All has been read: what is not there in these segments. JQ_OK, or JQ_OVERLOADED; *lost is to be freed in any case. */
JQ_MUST_USE int places_lost(struct server *server, const struct journal_segment *segments, size_t count,
                            struct lost *lost);
void places_body_over(void *server, struct engine_body body); /* the engine says so while records are read */
void places_release(struct server *server, const struct engine_release *release);
/* The segments of the log and what is alive in them, in ascending order; to be freed. NULL: no memory. */
struct store_segment *places_segments(const struct server *server, size_t *count, uint64_t *missing);
/* Shares out the memory between bodies of durable queues and all else: `taken` of `max` bytes. Returns what it freed. */
uint64_t places_make_room(struct server *server, uint64_t taken, uint64_t max);

#endif
