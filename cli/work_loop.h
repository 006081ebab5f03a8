/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: takes messages, runs a program for each, so many at a time, and settles each by how its program ended. One connection, one
 * thread. It knows no command line. */
#ifndef JOINQ_CLI_WORK_LOOP_H
#define JOINQ_CLI_WORK_LOOP_H

#include "cli.h"
#include "progress.h"
#include <sys/types.h>

enum { WORK_JOBS_MAX = 1000, WORK_STOPS_MAX = 3 /* signals that it deals with itself */ };

/* Messages that one get brought, freed when the last of them is settled. */
struct work_batch {
    struct joinq_batch *messages;
    size_t open;
};

/* One place for a message: a program runs for it, or its results are on their way. Free where batch is NULL. */
struct work_job {
    pid_t pid;            /* 0: it has ended */
    int output;           /* what it prints; -1: that is ours, or has been taken */
    joinq_ticket forward; /* of its results; 0: none */
    struct work_batch *batch;
    size_t index;     /* in the batch */
    int64_t touch_ms; /* when its lease is renewed next; INT64_MAX: never */
};

/* Why no more messages are taken, the later the graver. */
enum work_phase {
    WORK_TAKING,
    WORK_ENDED,   /* the queue has ended */
    WORK_STOPPED, /* a signal asked for it: what fails now is given back as it was */
    WORK_FAILED,  /* a message ran out of retries, the program does not start, or the queue is gone */
    WORK_BROKEN   /* the connection, or a bug: nothing can be settled any more */
};

struct work {
    struct cli *cli;
    const char *queue;
    const char *to; /* each line that the program prints is put there with the done; NULL: nowhere */
    char **program;
    uint64_t retries;
    int64_t backoff_ms;
    struct work_job *jobs;
    size_t job_count, running;
    joinq_ticket ticket; /* of the get that is on its way; 0: none */
    enum work_phase phase;
    unsigned stops;   /* signals that asked to stop */
    bool knows_queue; /* lease_ms is known */
    int64_t lease_ms; /* 0: leases have no limit of time */
    uint64_t done, failed, retried, dead, lost;
    int64_t begun_ms;
    struct progress progress;
    int64_t asked_ms; /* when the numbers of the progress were asked for */
    uint64_t finished, total;
};

/* Works until the queue has ended, a signal asks to stop, or a message ran out of retries. Returns an exit status and has said why. */
int work_loop_run(struct work *work);

/* ---- between work_loop.c and work_settle.c ---- */

/* The program of a job has ended with a status of waitpid. */
void work_settle(struct work *work, struct work_job *job, int status);
/* What came of the results of a job. */
void work_forwarded(struct work *work, struct work_job *job, int code);
/* A message whose program could not be started: `why` says so. */
void work_settle_unstarted(struct work *work, struct work_job *job, const char *why);
/* Gives a message back as it was. */
void work_give_back(struct work *work, struct work_job *job);
/* Renews leases that are due; returns how long until the next, -1: none. */
int work_touch(struct work *work);
/* A call on the connection was refused, and that is no reason to think that it is broken: what runs is finished all the same. */
void work_refuse(struct work *work, int code);
/* Goes on to a graver phase. */
void work_enter(struct work *work, enum work_phase phase);
/* After a call on the connection: JOINQ_OK passes; anything else breaks off, and is said. */
bool work_check(struct work *work, int code);

#endif
