/* SPDX-License-Identifier: Apache-2.0 */
/* How often each thing has happened, and what must have happened at least once. */
#include "coverage.h"
#include "names.h"
#include <inttypes.h>

enum { CODES = 32 };

static struct {
    uint64_t answers[ENGINE_OP_COUNT][CODES];
    uint64_t waited[ENGINE_OP_COUNT][COVERAGE_WAYS];
    uint64_t faults[COVERAGE_FAULTS];
} seen;

enum coverage_way coverage_way_of(int code)
{
    switch (code) {
    case JQ_TIMEOUT:
        return COVERAGE_TIMEOUT;
    case JQ_CLOSED:
        return COVERAGE_CLOSED;
    case JQ_END:
        return COVERAGE_ENDED;
    case JQ_CANCELLED:
        return COVERAGE_CANCELLED;
    case JQ_NO_QUEUE:
        return COVERAGE_DELETED;
    case JQ_EXISTS:
        return COVERAGE_FENCED;
    case JQ_PRODUCER_LOST:
        return COVERAGE_TRUNCATED;
    case JQ_TOO_LARGE:
        return COVERAGE_SHRUNK;
    default:
        return COVERAGE_SERVED;
    }
}

void coverage_answer(enum engine_op op, int code)
{
    seen.answers[op][code]++;
}

void coverage_waited(enum engine_op op, enum coverage_way way)
{
    seen.waited[op][way]++;
}

void coverage_fault(enum coverage_fault fault, uint64_t count)
{
    seen.faults[fault] += count;
}

/* Per operation, the answers that a run must have met. */
static const struct {
    enum engine_op op;
    int codes[10]; /* ends with -1 */
} answers_expected[] = {
    {ENGINE_DECLARE, {JQ_OK, JQ_EXISTS, JQ_INVALID, JQ_STORAGE, JQ_OVERLOADED, -1}},
    {ENGINE_DELETE, {JQ_OK, JQ_NO_QUEUE, JQ_INVALID, JQ_STORAGE, -1}},
    {ENGINE_PUT,
     {JQ_OK, JQ_FULL, JQ_TIMEOUT, JQ_CLOSED, JQ_CANCELLED, JQ_NO_QUEUE, JQ_EXISTS, JQ_INVALID, JQ_TOO_LARGE, -1}},
    {ENGINE_PUT, {JQ_OVERLOADED, JQ_BUSY, JQ_STORAGE, -1}},
    {ENGINE_GET, {JQ_OK, JQ_EMPTY, JQ_TIMEOUT, JQ_END, JQ_CANCELLED, JQ_NO_QUEUE, JQ_INVALID, JQ_BUSY, JQ_STORAGE, -1}},
    {ENGINE_DONE, {JQ_OK, JQ_LEASE_LOST, JQ_INVALID, JQ_STORAGE, -1}},
    {ENGINE_NACK, {JQ_OK, JQ_LEASE_LOST, JQ_INVALID, -1}},
    {ENGINE_RELEASE, {JQ_OK, JQ_LEASE_LOST, -1}},
    {ENGINE_TOUCH, {JQ_OK, JQ_LEASE_LOST, JQ_INVALID, -1}},
    {ENGINE_TASK_DONE, {JQ_OK, JQ_NO_QUEUE, JQ_INVALID, JQ_STORAGE, -1}},
    {ENGINE_JOIN, {JQ_OK, JQ_TIMEOUT, JQ_CANCELLED, JQ_NO_QUEUE, JQ_BUSY, -1}},
    {ENGINE_CLOSE, {JQ_OK, JQ_CANCELLED, JQ_NO_QUEUE, JQ_STORAGE, -1}},
    {ENGINE_PUT_END, {JQ_OK, JQ_CLOSED, JQ_NO_QUEUE, JQ_INVALID, -1}},
    {ENGINE_ATTACH, {JQ_OK, JQ_NO_QUEUE, JQ_EXISTS, JQ_INVALID, JQ_STORAGE, -1}},
    {ENGINE_FINISH, {JQ_OK, JQ_CANCELLED, JQ_NO_QUEUE, JQ_EXISTS, JQ_INVALID, JQ_STORAGE, -1}},
    {ENGINE_CANCEL, {JQ_OK, -1}},
    {ENGINE_STAT, {JQ_OK, JQ_NO_QUEUE, -1}},
    {ENGINE_LIST, {JQ_OK, -1}},
    {ENGINE_PEEK, {JQ_OK, JQ_NO_QUEUE, JQ_INVALID, -1}},
    {ENGINE_PURGE, {JQ_OK, JQ_NO_QUEUE, JQ_STORAGE, -1}},
    {ENGINE_GET, {JQ_PRODUCER_LOST, -1}},
    {ENGINE_ALTER, {JQ_OK, JQ_NO_QUEUE, JQ_INVALID, JQ_STORAGE, -1}},
    {ENGINE_PAUSE, {JQ_OK, JQ_NO_QUEUE, JQ_INVALID, JQ_STORAGE, -1}},
    {ENGINE_REOPEN, {JQ_OK, JQ_NO_QUEUE, JQ_STORAGE, -1}},
};

static const struct {
    enum engine_op op;
    enum coverage_way ways[COVERAGE_WAYS]; /* ends with COVERAGE_WAYS */
} ways_expected[] = {
    {ENGINE_PUT,
     {COVERAGE_SERVED, COVERAGE_TIMEOUT, COVERAGE_CLOSED, COVERAGE_CANCELLED, COVERAGE_SESSION_END, COVERAGE_DELETED,
      COVERAGE_FENCED, COVERAGE_SHRUNK, COVERAGE_WAYS}},
    {ENGINE_GET,
     {COVERAGE_SERVED, COVERAGE_TRUNCATED, COVERAGE_TIMEOUT, COVERAGE_ENDED, COVERAGE_CANCELLED, COVERAGE_SESSION_END,
      COVERAGE_DELETED, COVERAGE_WAYS}},
    {ENGINE_JOIN,
     {COVERAGE_SERVED, COVERAGE_TIMEOUT, COVERAGE_CANCELLED, COVERAGE_SESSION_END, COVERAGE_DELETED, COVERAGE_WAYS}},
    {ENGINE_CLOSE, {COVERAGE_SERVED, COVERAGE_CANCELLED, COVERAGE_SESSION_END, COVERAGE_DELETED, COVERAGE_WAYS}},
    {ENGINE_FINISH,
     {COVERAGE_SERVED, COVERAGE_CANCELLED, COVERAGE_SESSION_END, COVERAGE_DELETED, COVERAGE_FENCED, COVERAGE_WAYS}},
};

static const char *const way_names[COVERAGE_WAYS] = {
    [COVERAGE_SERVED] = "served",           [COVERAGE_TIMEOUT] = "timeout",
    [COVERAGE_CLOSED] = "closed",           [COVERAGE_ENDED] = "ended",
    [COVERAGE_CANCELLED] = "cancelled",     [COVERAGE_SESSION_END] = "session-end",
    [COVERAGE_DELETED] = "deleted",         [COVERAGE_FENCED] = "fenced",
    [COVERAGE_TRUNCATED] = "producer-lost", [COVERAGE_SHRUNK] = "too large for a new bound",
};

static const char *const fault_names[COVERAGE_FAULTS] = {
    [COVERAGE_SESSION_DIED] = "sessions that died with leases",
    [COVERAGE_RECEIPT_DIED] = "sessions that died with deliveries not confirmed",
    [COVERAGE_OUTPUT_BLOCKED] = "outputs blocked",
    [COVERAGE_JOURNAL_REFUSED] = "times the journal began to refuse",
    [COVERAGE_ALLOCATION_FAILED] = "allocations failed, request refused",
    [COVERAGE_ALLOCATION_SURVIVED] = "allocations failed, unnoticed",
    [COVERAGE_LEASE_EXPIRED] = "leases expired",
    [COVERAGE_PRODUCER_FENCED] = "producers fenced",
    [COVERAGE_SLICED] = "steps that left slices over",
    [COVERAGE_SLICED_COMMAND] = "commands given between slices",
    [COVERAGE_HELD_BACK] = "effects that waited for the journal",
    [COVERAGE_CONFIRMED_LATE] = "deliveries confirmed while the journal refused",
    [COVERAGE_CONFIRMED_DEAD] = "of them, with a session that ended",
    [COVERAGE_DISCARDED_LATE] = "discards that waited for the journal",
    [COVERAGE_KEPT] = "kept answers given again",
    [COVERAGE_EXPIRED] = "messages expired",
    [COVERAGE_DEAD] = "messages dead",
    [COVERAGE_LETTERS] = "dead letters",
    [COVERAGE_PRODUCER_LOST] = "producers lost",
    [COVERAGE_MOVED] = "bodies moved",
    [COVERAGE_CRASH] = "crashes of the broker",
    [COVERAGE_CRASH_LOST] = "records that were lost with it",
    [COVERAGE_CRASHED_HOLDER] = "sessions that held leases then",
};

static unsigned missing_answers(FILE *out)
{
    unsigned missing = 0;
    for (size_t i = 0; i < sizeof answers_expected / sizeof *answers_expected; i++)
        for (const int *code = answers_expected[i].codes; *code >= 0; code++) {
            if (seen.answers[answers_expected[i].op][*code])
                continue;
            fprintf(out, "  never: %s %s\n", name_op(answers_expected[i].op), jqw_code_name(*code));
            missing++;
        }
    return missing;
}

static unsigned missing_ways(FILE *out)
{
    unsigned missing = 0;
    for (size_t i = 0; i < sizeof ways_expected / sizeof *ways_expected; i++)
        for (const enum coverage_way *way = ways_expected[i].ways; *way != COVERAGE_WAYS; way++) {
            if (seen.waited[ways_expected[i].op][*way])
                continue;
            fprintf(out, "  never: a waiting %s %s\n", name_op(ways_expected[i].op), way_names[*way]);
            missing++;
        }
    return missing;
}

static void print_answers(FILE *out, enum engine_op op)
{
    bool any = false;
    for (int code = 0; code < CODES; code++) {
        if (!seen.answers[op][code])
            continue;
        fprintf(out, "%s %s %" PRIu64, any ? "," : name_op(op), jqw_code_name(code), seen.answers[op][code]);
        any = true;
    }
    if (any)
        fputc('\n', out);
}

unsigned coverage_print(FILE *out)
{
    unsigned missing = 0;
    for (int op = 0; op < ENGINE_OP_COUNT; op++)
        print_answers(out, (enum engine_op)op);
    for (int op = 0; op < ENGINE_OP_COUNT; op++)
        for (int way = 0; way < COVERAGE_WAYS; way++)
            if (seen.waited[op][way])
                fprintf(out, "waiting %s %s: %" PRIu64 "\n", name_op((enum engine_op)op), way_names[way],
                        seen.waited[op][way]);
    for (int fault = 0; fault < COVERAGE_FAULTS; fault++) {
        fprintf(out, "%s: %" PRIu64 "\n", fault_names[fault], seen.faults[fault]);
        missing += seen.faults[fault] == 0 && fault != COVERAGE_ALLOCATION_SURVIVED;
    }
    return missing + missing_answers(out) + missing_ways(out);
}
