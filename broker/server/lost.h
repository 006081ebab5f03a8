/* SPDX-License-Identifier: Apache-2.0 */
/* Messages whose bodies lay in a segment of the log that is not there any more, or not whole. It must not know files. */
#ifndef JOINQ_SERVER_LOST_H
#define JOINQ_SERVER_LOST_H

#include "base.h"
#include "engine.h"
#include "journal_file.h"
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_segment;
struct store_part;

struct lost_segment {
    uint64_t number;
    uint64_t end; /* up to which it is there; 0: it is not there */
    bool damaged; /* it is, but not as it was written */
    uint64_t messages;
};

struct lost {
    struct lost_segment *segment; /* by the first message of each */
    struct engine_place *message;
    size_t segment_count, segment_capacity, message_count, message_capacity;
};

/* Whether a run can be read of a segment that has so many bytes. */
struct lost_reader {
    bool (*good)(void *user, const struct store_part *run);
    void *user;
};

/* Looks at every message; the segments stand in ascending order, `size` being up to where each is there. Without a reader what is there
 * is taken for good. JQ_OK, or JQ_OVERLOADED; what is in *lost is to be freed in any case. */
JQ_MUST_USE int lost_find(struct lost *lost, const struct engine *engine, const struct store *store,
                          const struct store_segment *segments, size_t count, const struct lost_reader *reader);
void lost_fini(struct lost *lost);
/* What to tell of one. */
void lost_says(const struct lost_segment *segment, char text[JOURNAL_TEXT_SIZE]);
/* Likewise of queues whose declaration is lost. False: there are none. */
bool lost_queues_say(const struct engine *engine, char text[JOURNAL_TEXT_SIZE]);
/* Repair, while records are replayed: these messages are given up, and counted as discarded. `last`: the last record. */
JQ_MUST_USE int lost_give_up(const struct lost *lost, struct engine *engine, uint64_t now, uint64_t last);

#endif
