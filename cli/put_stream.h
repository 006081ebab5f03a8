/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from a source into a queue, in batches, several of them on their way at once. What is read at one time goes out at once,
 * so that a slow typist is as well served as a fast pipe. It knows no command line. */
#ifndef JOINQ_CLI_PUT_STREAM_H
#define JOINQ_CLI_PUT_STREAM_H

#include "cli.h"
#include "progress.h"
#include "put_source.h"

enum {
    PUT_BATCH = 250,              /* messages in one put */
    PUT_BATCH_SHOWN = 25,         /* where progress is shown: a put is answered when all of it has found room */
    PUT_BATCH_BYTES = 256 * 1024, /* a message beyond it travels alone */
    PUT_WINDOW = 4                /* puts that are not answered */
};

struct put_flight {
    joinq_ticket ticket;
    size_t count;
    size_t bytes;
};

struct put_stream {
    struct cli *cli;
    const char *queue;
    int64_t timeout_ms;       /* for room to come; unless it is forever one put waits for the other */
    int64_t delay_ms, ttl_ms; /* of every message */
    bool has_priority;
    int64_t priority;
    struct put_source source;
    enum put_source_state state;         /* of the source */
    struct joinq_body bodies[PUT_BATCH]; /* gathered, `count` of them, to be submitted */
    size_t count, bytes;
    size_t batch; /* messages in one put, here */
    struct put_flight flights[PUT_WINDOW];
    unsigned flight_count;
    int64_t answered_ms; /* when something was last answered, or submitted after silence */
    bool told_full;
    bool interrupted; /* by a signal, before everything was accepted */
    struct progress progress;
    uint64_t input_bytes; /* of standard input as a regular file, for the progress; 0: unknown */
    uint64_t accepted, accepted_bytes;
    int code; /* the first that was not OK, with its sentence */
    char error[512];
};

/* Puts everything. An exit status: CLI_STOPPED if a signal ended it early; failures are said. */
int put_stream_run(struct put_stream *stream);

#endif
