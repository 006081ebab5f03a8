/* SPDX-License-Identifier: Apache-2.0 */
/* The relay: the floor that joinq is held against. What a broker cannot do without, and nothing else: one process that takes
 * framed messages from a producer, copies them through a queue in memory, answers, and hands them on in batches to a consumer. No names,
 * no leases, no waiting requests but one, no limits but one.
 *
 * A frame is a header of 8 bytes and a body. A producer sends MESSAGE frames, the last of each group as LAST, and gets one ANSWER
 * for each group. A consumer sends TAKE with the number of messages that it has finished with, and gets one BATCH with their number, followed
 * by their frames as they came. */
#ifndef JOINQ_BENCH_RELAY_H
#define JOINQ_BENCH_RELAY_H

#include <stdint.h>

enum relay_kind { RELAY_MESSAGE, RELAY_LAST, RELAY_ANSWER, RELAY_TAKE, RELAY_BATCH };
enum { RELAY_BATCH_MAX = 1000 /* messages */, RELAY_WINDOW = 1000 /* messages unanswered */ };

struct relay_header {
    uint32_t size; /* bytes of the body; messages in ANSWER, TAKE and BATCH */
    uint32_t kind;
};

/* Serves one producer and one consumer until both have gone. */
void relay_serve(uint64_t bound);
void relay_produce(uint64_t port, uint64_t count, uint64_t size, uint64_t group);
void relay_consume(uint64_t port, uint64_t count);

/* The bare loop: reads up to 64 KiB from one connection and writes it to another. */
void loop_serve(void);
void loop_send(uint64_t port, uint64_t bytes);
void loop_receive(uint64_t port, uint64_t bytes);

#endif
