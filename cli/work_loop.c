/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: takes messages, runs a program for each, so many at a time, and settles each by how its program ended. One connection, one
 * thread: it polls the connection, and a pipe of signals that also says when a program has ended. */
#include "work_loop.h"
#include "allocate.h"
#include "caught.h"
#include "work_job.h"
#include "work_output.h"
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { NUMBERS_EVERY_MS = 1000 };

/* ---- messages --------------------------------------------------------------------------------------------------------- */

static struct work_job *free_job(struct work *work)
{
    for (size_t i = 0; i < work->job_count; i++) {
        if (work->jobs[i].batch == NULL)
            return &work->jobs[i];
    }
    return NULL;
}

static void start(struct work *work, struct work_job *job)
{
    char why[256];
    const struct joinq_message *message = joinq_batch_message(job->batch->messages, job->index);
    if (work->phase >= WORK_STOPPED) {
        work_give_back(work, job);
        return;
    }
    job->output = work->to != NULL ? work_output_open() : -1;
    if (work->to != NULL && job->output < 0) {
        work_settle_unstarted(work, job, "could not run: no memory for what it prints");
        return;
    }
    switch (work_job_start(work->program, message, job->output, &job->pid, why, sizeof why)) {
    case WORK_STARTED:
        job->touch_ms = work->lease_ms > 0 ? cli_now_ms() + work->lease_ms / 3 : INT64_MAX;
        break;
    case WORK_NOT_THIS:
        work_settle_unstarted(work, job, why);
        break;
    case WORK_NONE:
        progress_clear(&work->progress);
        cli_error(work->cli, 0, "%s %s", work->program[0], why);
        work_enter(work, WORK_FAILED);
        work_give_back(work, job);
        break;
    }
}

/* Leases with a limit of time are renewed. The queue exists once a message has come from it. */
static void learn_queue(struct work *work)
{
    struct joinq_stats *stats;
    if (work->knows_queue || !work_check(work, joinq_stat(work->cli->client, work->queue, &stats)))
        return;
    work->knows_queue = true;
    work->lease_ms = (int64_t)joinq_stats_at(stats, 0)->lease_ms;
    joinq_stats_free(stats);
}

static void take(struct work *work, struct joinq_batch *messages)
{
    struct work_batch *batch = allocate(sizeof *batch);
    *batch = (struct work_batch){messages, joinq_batch_count(messages)};
    size_t count = batch->open;
    learn_queue(work);
    for (size_t i = 0; i < count; i++) {
        struct work_job *job = free_job(work);
        *job = (struct work_job){.batch = batch, .index = i, .output = -1};
        work->running++;
        start(work, job);
    }
}

static void ask(struct work *work)
{
    struct joinq_get_options options = JOINQ_GET_OPTIONS_INIT;
    if (work->phase != WORK_TAKING || work->ticket != 0 || work->running == work->job_count)
        return;
    options.max = work->job_count - work->running;
    options.final = true;
    if (work_check(work, joinq_submit_get(work->cli->client, work->queue, &options, &work->ticket)))
        work_check(work, joinq_flush(work->cli->client));
}

void work_refuse(struct work *work, int code)
{
    progress_clear(&work->progress);
    cli_fail(work->cli, code);
    work_enter(work, WORK_FAILED);
}

/* What came of the get. */
static void hear_get(struct work *work, const struct joinq_outcome *outcome)
{
    work->ticket = 0;
    if (outcome->code == JOINQ_OK)
        take(work, outcome->batch);
    else if (outcome->code == JOINQ_END)
        work_enter(work, WORK_ENDED);
    else if (outcome->code == JOINQ_DISCONNECTED)
        work_check(work, outcome->code);
    else if (outcome->code != JOINQ_CANCELLED)
        work_refuse(work, outcome->code); /* there is no more to get, and not because the queue has ended */
}

static struct work_job *forwarding(const struct work *work, joinq_ticket ticket)
{
    for (size_t i = 0; i < work->job_count; i++) {
        if (work->jobs[i].forward != 0 && (ticket == 0 || work->jobs[i].forward == ticket))
            return &work->jobs[i];
    }
    return NULL;
}

static bool awaits(const struct work *work)
{
    return work->phase != WORK_BROKEN && (work->ticket != 0 || forwarding(work, 0) != NULL);
}

/* Takes an answer, of this ticket or (0) of any; false: there is none. */
static bool hear(struct work *work, joinq_ticket ticket, int64_t timeout_ms)
{
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    if (!awaits(work))
        return false;
    int code = joinq_wait(work->cli->client, ticket, timeout_ms, &outcome);
    if (code == JOINQ_EMPTY || code == JOINQ_TIMEOUT || !work_check(work, code))
        return false;
    struct work_job *job = forwarding(work, outcome.ticket);
    if (outcome.ticket == work->ticket)
        hear_get(work, &outcome);
    else if (job != NULL)
        work_forwarded(work, job, outcome.code);
    return true;
}

/* ---- programs and signals --------------------------------------------------------------------------------------------- */

static void reap(struct work *work)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < work->job_count; i++) {
            if (work->jobs[i].pid == pid) {
                work_settle(work, &work->jobs[i], status);
                break;
            }
        }
    }
}

static void kill_all(const struct work *work, int number)
{
    for (size_t i = 0; i < work->job_count; i++) {
        if (work->jobs[i].pid > 0)
            kill(work->jobs[i].pid, number);
    }
}

/* Results that wait for room: their messages are given back, and done again. */
static void forwards_withdraw(struct work *work)
{
    for (size_t i = 0; i < work->job_count; i++) {
        bool hit;
        if (work->jobs[i].forward != 0)
            (void)work_check(work, joinq_cancel(work->cli->client, work->jobs[i].forward, &hit));
    }
}

/* The first time: take no more, let finish what runs. Then: end what runs. */
static void stop(struct work *work)
{
    work_enter(work, WORK_STOPPED);
    work->stops++;
    if (work->stops == 1 && work->running > 0) {
        progress_clear(&work->progress);
        cli_error(work->cli, 0, "finishing %zu that run; a second signal ends them", work->running);
    }
    if (work->stops > 1)
        kill_all(work, work->stops == 2 ? SIGTERM : SIGKILL);
    if (work->stops > 1)
        forwards_withdraw(work);
}

static void hear_signals(struct work *work)
{
    struct caught caught;
    while (caught_next(&caught)) {
        if (caught.number != SIGCHLD)
            stop(work);
    }
    reap(work);
}

/* Nothing more is wanted: the get is taken back, or its messages are, once they come. */
static void withdraw(struct work *work)
{
    bool hit;
    if (work->phase == WORK_TAKING || work->phase == WORK_BROKEN || work->ticket == 0)
        return;
    if (work_check(work, joinq_cancel(work->cli->client, work->ticket, &hit)))
        (void)hear(work, work->ticket, JOINQ_FOREVER);
}

/* ---- the loop --------------------------------------------------------------------------------------------------------- */

static void learn_numbers(struct work *work)
{
    struct joinq_stats *stats;
    int64_t now = cli_now_ms();
    if (now - work->asked_ms < NUMBERS_EVERY_MS || joinq_fd(work->cli->client) < 0 ||
        !work_check(work, joinq_stat(work->cli->client, work->queue, &stats)))
        return;
    const struct joinq_stat *stat = joinq_stats_at(stats, 0);
    work->asked_ms = now;
    work->finished = stat->done;
    work->total = stat->done + stat->unfinished;
    joinq_stats_free(stats);
}

static void draw(struct work *work)
{
    char text[128];
    if (!progress_due(&work->progress))
        return;
    learn_numbers(work);
    snprintf(text, sizeof text, "%.40s: %" PRIu64 " of %" PRIu64 ", here %" PRIu64 " done, %zu running", work->queue,
             work->finished, work->total, work->done, work->running);
    progress_draw(&work->progress, work->finished, work->total, text);
}

static void wait_for_something(const struct work *work, int patience)
{
    int connection = awaits(work) ? joinq_fd(work->cli->client) : -1; /* otherwise nobody would read from it */
    struct pollfd wanted[2] = {{.fd = connection, .events = POLLIN}, {.fd = caught_fd(), .events = POLLIN}};
    int64_t again = awaits(work) ? joinq_patience_ms(work->cli->client) : JOINQ_FOREVER;
    if (again != JOINQ_FOREVER && (patience < 0 || patience > again))
        patience = (int)again;
    if (work->progress.on && (patience < 0 || patience > PROGRESS_EVERY_MS))
        patience = PROGRESS_EVERY_MS;
    poll(wanted, 2, patience);
}

static bool is_over(const struct work *work)
{
    if (work->phase == WORK_BROKEN)
        return true;
    return work->phase != WORK_TAKING && work->running == 0 && work->ticket == 0;
}

static int result(struct work *work)
{
    static const int statuses[] = {CLI_DONE, CLI_DONE, CLI_STOPPED, CLI_FAILED, CLI_FAILED};
    int64_t ms = cli_now_ms() - work->begun_ms;
    int status = statuses[work->phase];
    char dead[32] = "", lost[64] = "";
    if (work->dead > 0)
        snprintf(dead, sizeof dead, ", %" PRIu64 " dead", work->dead);
    if (work->lost > 0)
        snprintf(lost, sizeof lost, ", %" PRIu64 " taken back meanwhile", work->lost);
    return cli_error(work->cli, status == CLI_DONE && work->dead > 0 ? CLI_FAILED : status,
                     "%" PRIu64 " done, %" PRIu64 " failed, %" PRIu64 " retried%s%s in %" PRId64 ".%" PRId64 " s",
                     work->done, work->failed, work->retried, dead, lost, ms / 1000, ms % 1000 / 100);
}

/* What still runs when the connection broke: its messages come again. */
static void abandon(struct work *work)
{
    kill_all(work, SIGTERM);
    for (size_t i = 0; i < work->job_count; i++) {
        if (work->jobs[i].batch != NULL)
            work_give_back(work, &work->jobs[i]);
    }
}

int work_loop_run(struct work *work)
{
    work->jobs = allocate(work->job_count * sizeof *work->jobs);
    for (size_t i = 0; i < work->job_count; i++)
        work->jobs[i].output = -1;
    work->begun_ms = cli_now_ms();
    while (!is_over(work)) {
        hear_signals(work);
        withdraw(work);
        ask(work);
        draw(work);
        int patience = work_touch(work);
        /* Last: whatever was asked meanwhile may have brought the answer along, and then the descriptor is silent. */
        if (!hear(work, 0, 0) && !is_over(work))
            wait_for_something(work, patience);
    }
    progress_clear(&work->progress);
    abandon(work);
    free(work->jobs);
    return result(work);
}
