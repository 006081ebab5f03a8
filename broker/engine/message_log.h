/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of one queue by sequence number: blocks of 64 in a ring that moves along. A few survivors of an old block
 * move to a hash table, so that one message held for long costs itself and not everything behind it. A pointer to a message
 * is good until the log is next appended to or removed from. */
#ifndef JOINQ_ENGINE_MESSAGE_LOG_H
#define JOINQ_ENGINE_MESSAGE_LOG_H

#include "engine.h"

enum message_state {
    MESSAGE_GONE,
    MESSAGE_READY,
    MESSAGE_DELAYED,
    MESSAGE_LEASED,
    MESSAGE_RECEIPT /* handed out on receipt and not yet confirmed */
};

/*            put                    get               done
 *   GONE ----------> READY <------------------> LEASED -----> GONE
 *     |  put, delay    ^   |  release, loss, ...   | nack with delay
 *     +----------> DELAYED |<----------------------+
 *                          |  get on receipt            received
 *                          +<------------------> RECEIPT -----> GONE      (purge, close: READY, DELAYED -> GONE) */
struct message {
    uint32_t chunk, offset; /* where its body lies */
    uint32_t length : 24;   /* bytes of its body */
    uint32_t state : 3;     /* enum message_state */
    uint32_t end : 1;       /* a sentinel, not a message */
    uint32_t
        extended : 1; /* it has what few messages have: then `attempt` is the index of its extra, which has the attempt */
    uint32_t attempt;    /* of the last hand-out; 0: none yet */
    uint32_t lease;      /* LEASED, RECEIPT: index of its lease; otherwise when it was put, in units of 10 ms */
    uint16_t deliveries; /* stays at its highest value */
    uint16_t origin;     /* who put it, where somebody may ask: place in the queue's table; 0: nobody known */
};
_Static_assert(sizeof(struct message) == 24, "a queued message costs 24 bytes beside its body");

static inline struct engine_body message_body(const struct message *m)
{
    return (struct engine_body){m->chunk, m->offset, m->length};
}

enum { LOG_BLOCK = 64 };

struct log_block {
    uint32_t live; /* messages not GONE */
    struct message message[LOG_BLOCK];
};

struct straggler;

struct log {
    struct log_block **ring; /* capacity is a power of two; NULL where a block is gone */
    uint64_t first;          /* number of the first block: sequence / LOG_BLOCK */
    uint64_t tail;           /* the next sequence number */
    uint64_t live;
    uint32_t head, count, capacity;
    struct straggler *stragglers;
};

void log_init(struct log *log);
void log_fini(struct log *log);
JQ_MUST_USE bool log_reserve(struct log *log, uint32_t count);
/* Appends at log->tail, which must have been reserved; the caller fills it in. */
struct message *log_append(struct log *log);
/* The next number is `tail`: those before it that were not given never will be. False: no memory. */
JQ_MUST_USE bool log_pass(struct log *log, uint64_t tail);
/* An empty log that was longer: messages from `first` to `tail` will be filled in. False: no memory. */
JQ_MUST_USE bool log_begin(struct log *log, uint64_t first, uint64_t tail);
/* Makes room at a number below the tail that holds nothing; what is before the first block becomes a straggler, in order. */
JQ_MUST_USE bool log_fill_reserve(struct log *log, uint64_t sequence);
struct message *log_fill(struct log *log, uint64_t sequence);
/* `fresh` is the first number never handed out: everything from there on stays in blocks. */
void log_remove(struct log *log, uint64_t sequence, uint64_t fresh);
struct message *log_straggler(const struct log *log, uint64_t sequence);
/* The first sequence number at or after `sequence` that may hold a message, tail if none; stragglers are not found. */
uint64_t log_skip(const struct log *log, uint64_t sequence);

/* NULL when the number holds nothing. */
static inline struct message *log_at(const struct log *log, uint64_t sequence)
{
    uint64_t number = sequence / LOG_BLOCK;
    if (JQ_UNLIKELY(number < log->first))
        return log_straggler(log, sequence);
    if (JQ_UNLIKELY(number - log->first >= log->count || sequence >= log->tail))
        return NULL;
    struct log_block *block = log->ring[(log->head + (uint32_t)(number - log->first)) & (log->capacity - 1)];
    if (!block)
        return NULL;
    struct message *message = &block->message[sequence % LOG_BLOCK];
    return message->state == MESSAGE_GONE ? NULL : message;
}

/* Some straggler's number; 0: there is none. */
uint64_t log_straggler_any(const struct log *log);
/* Of what holds a message, stragglers included, the first number at or after `sequence`; tail if none. */
uint64_t log_next(const struct log *log, uint64_t sequence);

#endif
