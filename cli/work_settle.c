/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker says about a message: done, failed and to be tried again, given back, still at it. It starts nothing and
 * waits for nothing. */
#include "work_job.h"
#include "work_loop.h"
#include "work_output.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BACKOFF_MAX_MS = 24 * 60 * 60 * 1000 };

void work_enter(struct work *work, enum work_phase phase)
{
    if (phase > work->phase)
        work->phase = phase;
}

bool work_check(struct work *work, int code)
{
    if (code == JOINQ_OK)
        return true;
    if (work->phase != WORK_BROKEN) {
        progress_clear(&work->progress);
        cli_fail(work->cli, code);
    }
    work_enter(work, WORK_BROKEN);
    return false;
}

static void say(struct work *work, const char *what, const char *then)
{
    progress_clear(&work->progress);
    cli_error(work->cli, 0, "%s %s; %s", work->program[0], what, then);
}

/* The place is free again. */
static void leave(struct work *work, struct work_job *job)
{
    if (--job->batch->open == 0) {
        joinq_batch_free(job->batch->messages);
        free(job->batch);
    }
    if (job->output >= 0)
        close(job->output);
    *job = (struct work_job){.output = -1};
    work->running--;
}

/* An answer to done, nack or release; a lease that is gone is no reason to stop. */
static void answered(struct work *work, int code)
{
    if (code == JOINQ_LEASE_LOST) {
        work->lost++;
        say(work, "took too long", "the message had been taken back and comes again");
        return;
    }
    work_check(work, code);
}

void work_give_back(struct work *work, struct work_job *job)
{
    int code = joinq_release(work->cli->client, job->batch->messages, job->index, 1);
    if (code != JOINQ_LEASE_LOST)
        work_check(work, code);
    leave(work, job);
}

static int64_t backoff(const struct work *work, uint32_t deliveries)
{
    int64_t delay = work->backoff_ms;
    for (uint32_t i = 0; i < deliveries && delay < BACKOFF_MAX_MS; i++)
        delay *= 2;
    return delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS;
}

/* Whether the queue itself sets a message aside that has failed once more. */
static bool is_last_delivery(struct work *work, uint32_t deliveries)
{
    struct joinq_stats *stats;
    if (joinq_stat(work->cli->client, work->queue, &stats) != JOINQ_OK)
        return false; /* the nack that follows says what is wrong */
    uint64_t max = joinq_stats_at(stats, 0)->max_deliveries;
    joinq_stats_free(stats);
    return max && deliveries + (uint64_t)1 >= max;
}

/* `last`: the queue does that by itself. False: it has no place for what is dead. */
static bool set_aside(struct work *work, struct work_job *job, bool last, const char *what)
{
    int code = last ? joinq_nack(work->cli->client, job->batch->messages, job->index, 1, 0)
                    : joinq_nack_dead(work->cli->client, job->batch->messages, job->index, 1);
    if (code == JOINQ_INVALID)
        return false;
    if (code == JOINQ_OK) {
        work->dead++;
        say(work, what, "no retries left, the message is dead");
    }
    answered(work, code);
    leave(work, job);
    return true;
}

static void try_again(struct work *work, struct work_job *job, uint32_t deliveries, const char *what)
{
    char then[96];
    int64_t delay = backoff(work, deliveries);
    snprintf(then, sizeof then, "retry %" PRIu32 " of %" PRIu64 " in %" PRId64 ".%" PRId64 " s", deliveries + 1,
             work->retries, delay / 1000, delay % 1000 / 100);
    say(work, what, then);
    work->retried++;
    answered(work, joinq_nack(work->cli->client, job->batch->messages, job->index, 1, delay));
    leave(work, job);
}

static void fail(struct work *work, struct work_job *job, const char *what)
{
    uint32_t deliveries = joinq_batch_message(job->batch->messages, job->index)->deliveries;
    if (work->stops > 0) {
        work_give_back(work, job);
        return;
    }
    work->failed++;
    bool last = is_last_delivery(work, deliveries);
    if (deliveries < work->retries && !last) {
        try_again(work, job, deliveries, what);
        return;
    }
    if (set_aside(work, job, last, what))
        return;
    say(work, what, "no retries left, the message is given back, and work stops");
    work_enter(work, WORK_FAILED);
    work_give_back(work, job);
}

/* The results and the done leave as one; the answer comes later. False: it has been dealt with otherwise. */
static bool forward(struct work *work, struct work_job *job)
{
    char why[128];
    struct work_output output;
    bool taken = work_output_take(job->output, &output, why, sizeof why);
    job->output = -1;
    if (!taken) {
        fail(work, job, why);
        return false;
    }
    if (output.count == 0) {
        work_output_fini(&output);
        return true;
    }
    const struct joinq_target target = {work->to, output.lines, output.count, NULL};
    int code = joinq_submit_forward(work->cli->client, job->batch->messages, job->index, 1, &target, 1, JOINQ_FOREVER,
                                    &job->forward);
    if (code == JOINQ_OK)
        code = joinq_flush(work->cli->client);
    work_output_fini(&output);
    if (code == JOINQ_TOO_LARGE)
        fail(work, job, "printed what is too large for the broker");
    else if (code == JOINQ_LEASE_LOST)
        work_forwarded(work, job, code);
    else if (!work_check(work, code))
        work_give_back(work, job);
    return false;
}

void work_forwarded(struct work *work, struct work_job *job, int code)
{
    job->forward = 0;
    if (code == JOINQ_TOO_LARGE) {
        fail(work, job, "printed what is too large for the queue of results");
        return;
    }
    if (code == JOINQ_OK || code == JOINQ_LEASE_LOST) {
        work->done += code == JOINQ_OK;
        answered(work, code);
        leave(work, job);
        return;
    }
    if (code == JOINQ_DISCONNECTED || code == JOINQ_PROTOCOL)
        work_check(work, code);
    else if (code != JOINQ_CANCELLED)
        work_refuse(work, code);
    work_give_back(work, job);
}

void work_settle(struct work *work, struct work_job *job, int status)
{
    char what[96];
    job->pid = 0;
    if (status != 0) {
        fail(work, job, work_job_failure(status, what, sizeof what));
        return;
    }
    if (work->to != NULL && !forward(work, job))
        return;
    int code = joinq_done(work->cli->client, job->batch->messages, job->index, 1);
    if (code == JOINQ_OK)
        work->done++;
    answered(work, code);
    leave(work, job);
}

void work_settle_unstarted(struct work *work, struct work_job *job, const char *why)
{
    fail(work, job, why);
}

int work_touch(struct work *work)
{
    int64_t now = cli_now_ms(), next = INT64_MAX;
    for (size_t i = 0; i < work->job_count; i++) {
        struct work_job *job = &work->jobs[i];
        if (job->pid == 0 || job->touch_ms == INT64_MAX)
            continue;
        if (job->touch_ms <= now) {
            int code = joinq_touch(work->cli->client, job->batch->messages, job->index, 1);
            job->touch_ms = code == JOINQ_LEASE_LOST ? INT64_MAX : now + work->lease_ms / 3;
            if (code != JOINQ_LEASE_LOST && !work_check(work, code))
                return -1;
        }
        if (job->touch_ms < next)
            next = job->touch_ms;
    }
    if (next == INT64_MAX)
        return -1;
    return next - now < INT32_MAX ? (int)(next - now) : INT32_MAX;
}
