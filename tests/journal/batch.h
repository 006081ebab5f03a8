/* SPDX-License-Identifier: Apache-2.0 */
/* Random records with bodies, and what is remembered of them: a digest of all that a record says. It knows nothing of files. */
#ifndef JOINQ_TESTS_JOURNAL_BATCH_H
#define JOINQ_TESTS_JOURNAL_BATCH_H

#include "../sim/random.h"
#include "journal_file.h"

enum { BATCH_RECORDS = 40, BATCH_BODIES = 64, BATCH_TEXT = 8192, BATCH_CHUNKS = 512 };

/* Where bodies lie, each behind its header. Chunks that are held stay as they are. */
struct bodies {
    struct {
        uint8_t *data;
        uint32_t size, holds;
    } chunks[BATCH_CHUNKS];
    uint32_t next;
};

const uint8_t *bodies_at(void *user, uint32_t chunk, uint32_t offset);
void bodies_hold(void *user, uint32_t chunk);
void bodies_drop(void *user, uint32_t chunk);
/* A copy, in a chunk that nobody holds. */
uint32_t bodies_add(struct bodies *bodies, const uint8_t *bytes, uint32_t size);
void bodies_fini(struct bodies *bodies);

struct batch {
    struct engine_record records[BATCH_RECORDS];
    uint32_t count;
    struct engine_body body[BATCH_BODIES * BATCH_RECORDS];
    uint32_t body_count;
    char text[BATCH_TEXT];
    uint32_t text_size;
};

/* Fills it with records numbered from `first`; groups are whole. `large`: bodies of up to so many bytes, now and then. */
void batch_random(struct batch *batch, struct random *random, struct bodies *bodies, uint64_t first, uint32_t large);
/* A record of one kind with every field that there is. */
void batch_record(struct batch *batch, struct random *random, struct bodies *bodies, enum engine_record_kind kind,
                  uint32_t large);
uint64_t batch_digest(const struct engine_record *record, struct bodies *bodies);
uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t size);

#endif
