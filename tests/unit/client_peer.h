/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of a client core in tests: takes its output apart, and makes answers out of messages. */
#ifndef JOINQ_TEST_CLIENT_PEER_H
#define JOINQ_TEST_CLIENT_PEER_H

#include "jqc_core.h"

enum { PEER_BODIES_MAX = JQW_BATCH_MAX, PEER_END = 12 };

struct peer {
    struct jqw_buffer in;  /* what the client sent and was not yet looked at */
    struct jqw_buffer out; /* answers */
    struct jqw_frame_parser parser;
    struct jqw_scratch scratch;
    struct jqw_message seen; /* the last request; lies in `held` */
    struct jqw_buffer held;
};

void peer_init(struct peer *peer);
void peer_fini(struct peer *peer);

/* Moves all that the core has to send to the peer. */
void peer_collect(struct peer *peer, struct jqc_core *core);
/* The next message that the client sent, in peer->seen. False: no whole one. */
bool peer_next(struct peer *peer);
/* The next message is there and is this one. */
struct jqw_message *peer_expect(struct peer *peer, enum jqw_op op);

/* Answers, appended to peer->out. */
void peer_say(struct peer *peer, const struct jqw_message *message);
void peer_result(struct peer *peer, uint32_t request, int code, uint64_t incarnation, uint64_t count);
/* A GOT with `count` bodies, body_of(sequence) each, from sequence `first` on. */
void peer_got(struct peer *peer, uint32_t request, uint64_t incarnation, uint64_t receipt, uint64_t first,
              uint32_t count);
/* GOT without messages; with a receipt, a one-shot end at PEER_END. */
void peer_got_none(struct peer *peer, uint32_t request, int code, uint64_t receipt);

/* Feeds what the peer has said to the core, `piece` bytes at a time (0: all at once). */
void peer_feed(struct peer *peer, struct jqc_core *core, size_t piece);

/* The body that peer_got gives a message: its length too depends on the sequence. Returns its size. */
size_t body_of(uint64_t sequence, char to[32]);
/* All messages of the batch are as peer_got made them. */
void batch_check(const struct joinq_batch *batch, uint64_t first, uint32_t count);

#endif
