/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of recovery share: replay.c goes through the records, replay_messages.c has what becomes of messages, restore.c what
 * snapshots say. Nobody else includes it. */
#ifndef JOINQ_ENGINE_REPLAY_H
#define JOINQ_ENGINE_REPLAY_H

#include "model.h"

struct replay {
    struct engine *e;
    uint64_t age_ns;
    bool took;                   /* the bodies of the record are a queue's now */
    struct engine_effect answer; /* of handlers' functions; nobody hears it */
};

/* Records of what happened to messages. */
bool replay_is_about_messages(enum engine_record_kind kind);
JQ_MUST_USE int replay_messages(struct replay *r, struct queue *q, const struct engine_record *record);
/* The next message gets this number: those that are missing were there once, or may have been. */
JQ_MUST_USE int replay_tail(struct queue *q, uint64_t tail);
/* nameless.c: a record of a queue that is not known; and it is known, or deleted. JQ_OK, or JQ_OVERLOADED. */
JQ_MUST_USE int nameless_note(struct engine *e, const struct engine_record *record);
void nameless_forget(struct engine *e, uint64_t incarnation);
/* At the end: nothing stands in the order of a queue for what is not ready. */
void replay_order_tidy(struct queue *q);

#endif
