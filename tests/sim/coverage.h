/* SPDX-License-Identifier: Apache-2.0 */
/* How often each thing that can happen has happened, over all seeds of a run. Knows neither engine nor model beyond their names. */
#ifndef JOINQ_SIM_COVERAGE_H
#define JOINQ_SIM_COVERAGE_H

#include "engine.h"
#include <stdbool.h>
#include <stdio.h>

/* How a waiting request came to its end. */
enum coverage_way {
    COVERAGE_SERVED,
    COVERAGE_TIMEOUT,
    COVERAGE_CLOSED,
    COVERAGE_ENDED,
    COVERAGE_CANCELLED,
    COVERAGE_SESSION_END,
    COVERAGE_DELETED,
    COVERAGE_FENCED,
    COVERAGE_TRUNCATED,
    COVERAGE_SHRUNK,
    COVERAGE_WAYS,
};

enum coverage_fault {
    COVERAGE_SESSION_DIED, /* holding leases */
    COVERAGE_RECEIPT_DIED, /* holding deliveries not confirmed */
    COVERAGE_OUTPUT_BLOCKED,
    COVERAGE_JOURNAL_REFUSED,
    COVERAGE_ALLOCATION_FAILED,   /* and the request was refused */
    COVERAGE_ALLOCATION_SURVIVED, /* and nobody noticed */
    COVERAGE_LEASE_EXPIRED,
    COVERAGE_PRODUCER_FENCED,
    COVERAGE_SLICED,         /* steps that left slices over */
    COVERAGE_SLICED_COMMAND, /* commands given between slices */
    COVERAGE_HELD_BACK,      /* effects that waited for the journal */
    COVERAGE_CONFIRMED_LATE, /* deliveries received while the journal refused */
    COVERAGE_CONFIRMED_DEAD, /* and whose session ended before it accepted */
    COVERAGE_DISCARDED_LATE, /* what came back to a closed queue while the journal refused */
    COVERAGE_PRODUCER_LOST,
    COVERAGE_KEPT,           /* answers given again */
    COVERAGE_EXPIRED,        /* messages, by their time to live */
    COVERAGE_DEAD,           /* by nack or too many deliveries */
    COVERAGE_LETTERS,        /* that arrived somewhere */
    COVERAGE_MOVED,          /* bodies moved */
    COVERAGE_CRASH,          /* of the broker */
    COVERAGE_CRASH_LOST,     /* records that went with them */
    COVERAGE_SNAPSHOT,       /* that came to its end and was durable */
    COVERAGE_CRASHED_HOLDER, /* sessions that held leases then */
    COVERAGE_FAULTS,
};

enum coverage_way coverage_way_of(int code);
void coverage_answer(enum engine_op op, int code);
void coverage_waited(enum engine_op op, enum coverage_way way);
void coverage_fault(enum coverage_fault fault, uint64_t count);
/* How often something went wrong for somebody. */
uint64_t coverage_faults(void);
/* Prints the table; returns how many of what is expected never happened. */
unsigned coverage_print(FILE *out);

#endif
