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

/* Per answer, the operations that must have had it, and why no other one has. */
static const struct {
    int code;
    const char *others;
    enum engine_op ops[24]; /* ends with 0, which is none that is answered alone */
} answers_expected[] = {
    {JQ_OK, "all have it", {ENGINE_DECLARE, ENGINE_DELETE, ENGINE_PUT,    ENGINE_GET,   ENGINE_DONE,   ENGINE_NACK,
                            ENGINE_RELEASE, ENGINE_TOUCH,  ENGINE_JOIN,   ENGINE_CLOSE, ENGINE_ATTACH, ENGINE_FINISH,
                            ENGINE_CANCEL,  ENGINE_STAT,   ENGINE_LIST,   ENGINE_PEEK,  ENGINE_PURGE,  ENGINE_ALTER,
                            ENGINE_FORWARD, ENGINE_MARK,   ENGINE_REOPEN, ENGINE_PAUSE, ENGINE_MOVE}},
    {JQ_OK, "all have it", {ENGINE_TASK_DONE, ENGINE_PUT_END, ENGINE_EXPLAIN, ENGINE_EXPORT}},
    {JQ_EMPTY, "only a get takes", {ENGINE_GET}},
    {JQ_FULL, "only puts need room; a move stops where there is none", {ENGINE_PUT, ENGINE_FORWARD}},
    {JQ_TIMEOUT, "the others have no time to wait", {ENGINE_PUT, ENGINE_GET, ENGINE_JOIN, ENGINE_FORWARD}},
    {JQ_CLOSED, "a close stops only what would come in", {ENGINE_PUT, ENGINE_PUT_END, ENGINE_FORWARD, ENGINE_MOVE}},
    {JQ_END, "only a get takes", {ENGINE_GET}},
    {JQ_PRODUCER_LOST, "only a get takes", {ENGINE_GET}},
    {JQ_LEASE_LOST,
     "the others name no leases, or say beside their answer which were lost",
     {ENGINE_DONE, ENGINE_NACK, ENGINE_RELEASE, ENGINE_TOUCH, ENGINE_FORWARD}},
    {JQ_CANCELLED,
     "the others do not wait longer than slices take",
     {ENGINE_PUT, ENGINE_GET, ENGINE_JOIN, ENGINE_CLOSE, ENGINE_FINISH, ENGINE_FORWARD}},
    {JQ_NO_QUEUE,
     "declare makes it; the others name none",
     {ENGINE_DELETE, ENGINE_PUT,    ENGINE_GET,   ENGINE_TASK_DONE, ENGINE_JOIN,    ENGINE_CLOSE, ENGINE_PUT_END,
      ENGINE_ATTACH, ENGINE_FINISH, ENGINE_STAT,  ENGINE_PEEK,      ENGINE_PURGE,   ENGINE_ALTER, ENGINE_FORWARD,
      ENGINE_MARK,   ENGINE_REOPEN, ENGINE_PAUSE, ENGINE_MOVE,      ENGINE_EXPLAIN, ENGINE_EXPORT}},
    {JQ_EXISTS,
     "the others say neither options nor a name",
     {ENGINE_DECLARE, ENGINE_PUT, ENGINE_ATTACH, ENGINE_FINISH, ENGINE_FORWARD}},
    {JQ_INVALID,
     "cancel and list take whatever they are told",
     {ENGINE_DECLARE, ENGINE_DELETE, ENGINE_PUT,     ENGINE_GET,    ENGINE_DONE,   ENGINE_NACK,  ENGINE_RELEASE,
      ENGINE_TOUCH,   ENGINE_JOIN,   ENGINE_PUT_END, ENGINE_ATTACH, ENGINE_FINISH, ENGINE_STAT,  ENGINE_PEEK,
      ENGINE_PURGE,   ENGINE_ALTER,  ENGINE_FORWARD, ENGINE_MARK,   ENGINE_REOPEN, ENGINE_PAUSE, ENGINE_MOVE}},
    {JQ_INVALID,
     "cancel and list take whatever they are told",
     {ENGINE_TASK_DONE, ENGINE_CLOSE, ENGINE_EXPLAIN, ENGINE_EXPORT}},
    {JQ_TOO_LARGE, "only puts are held against a bound", {ENGINE_PUT, ENGINE_FORWARD}},
    {JQ_OVERLOADED,
     "the others need no memory that they do not have",
     {ENGINE_DECLARE, ENGINE_DELETE, ENGINE_PUT, ENGINE_GET, ENGINE_TOUCH, ENGINE_JOIN, ENGINE_CLOSE, ENGINE_PUT_END,
      ENGINE_ATTACH, ENGINE_FINISH, ENGINE_PEEK, ENGINE_PURGE, ENGINE_FORWARD, ENGINE_MARK, ENGINE_MOVE}},
    {JQ_BUSY,
     "the others do not wait, or have a thousand places of their own",
     {ENGINE_PUT, ENGINE_GET, ENGINE_JOIN, ENGINE_CLOSE, ENGINE_FINISH, ENGINE_FORWARD}},
    {JQ_STORAGE,
     "the others need no record",
     {ENGINE_DECLARE, ENGINE_DELETE, ENGINE_PUT,    ENGINE_GET,    ENGINE_DONE,    ENGINE_NACK,     ENGINE_RELEASE,
      ENGINE_JOIN,    ENGINE_CLOSE,  ENGINE_ATTACH, ENGINE_FINISH, ENGINE_PURGE,   ENGINE_ALTER,    ENGINE_FORWARD,
      ENGINE_MARK,    ENGINE_REOPEN, ENGINE_PAUSE,  ENGINE_MOVE,   ENGINE_PUT_END, ENGINE_TASK_DONE}},
};

/* What may be, but too seldom to be asked for. */
static const struct {
    enum engine_op op;
    int code;
    const char *why;
} answers_seldom[] = {
    {ENGINE_SESSION_OPEN, JQ_OK, "asked for by the stress rounds"},
    {ENGINE_TASK_DONE, JQ_TIMEOUT, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_MOVE, JQ_TIMEOUT, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_MOVE, JQ_EXISTS, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_PUT_END, JQ_TIMEOUT, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_PUT_END, JQ_CANCELLED, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_PUT_END, JQ_EXISTS, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_TASK_DONE, JQ_CLOSED, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_TASK_DONE, JQ_CANCELLED, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_TASK_DONE, JQ_EXISTS, "the kept answer of a put, under a number that was used twice"},
    {ENGINE_TASK_DONE, JQ_OVERLOADED, "no memory for a slot"},
    {ENGINE_NACK, JQ_OVERLOADED, "no memory for a delay"},
    {ENGINE_ALTER, JQ_OVERLOADED, "no memory for a dead-letter queue"},
    {ENGINE_REOPEN, JQ_OVERLOADED, "no memory to wait for slices"},
    {ENGINE_PURGE, JQ_CANCELLED, "it waited for a journal that refuses"},
    {ENGINE_REOPEN, JQ_CANCELLED, "it waited for a journal that refuses"},
    {ENGINE_MOVE, JQ_CANCELLED, "it waited for a journal that refuses"},
    {ENGINE_DELETE, JQ_CANCELLED, "it waited for a journal that refuses"},
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
    {ENGINE_FORWARD,
     {COVERAGE_SERVED, COVERAGE_TIMEOUT, COVERAGE_CLOSED, COVERAGE_CANCELLED, COVERAGE_SESSION_END, COVERAGE_DELETED,
      COVERAGE_FENCED, COVERAGE_SHRUNK, COVERAGE_WAYS}},
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
    [COVERAGE_SNAPSHOT] = "snapshots that made older records needless",
    [COVERAGE_CRASHED_HOLDER] = "sessions that held leases then",
};

static bool foreseen(enum engine_op op, int code)
{
    for (size_t i = 0; i < sizeof answers_seldom / sizeof *answers_seldom; i++)
        if (answers_seldom[i].op == op && answers_seldom[i].code == code)
            return true;
    for (size_t i = 0; i < sizeof answers_expected / sizeof *answers_expected; i++)
        for (const enum engine_op *at = answers_expected[i].ops; *at && answers_expected[i].code == code; at++)
            if (*at == op)
                return true;
    return false;
}

/* Never, though it should; or at times, though it should not. */
static unsigned missing_answers(FILE *out)
{
    unsigned missing = 0;
    for (size_t i = 0; i < sizeof answers_expected / sizeof *answers_expected; i++)
        for (const enum engine_op *op = answers_expected[i].ops; *op; op++) {
            if (seen.answers[*op][answers_expected[i].code])
                continue;
            fprintf(out, "  never: %s %s\n", name_op(*op), jqw_code_name(answers_expected[i].code));
            missing++;
        }
    for (int op = 0; op < ENGINE_OP_COUNT; op++)
        for (int code = 0; code < CODES; code++) {
            if (!seen.answers[op][code] || foreseen((enum engine_op)op, code))
                continue;
            fprintf(out, "  not foreseen: %s %s\n", name_op((enum engine_op)op), jqw_code_name(code));
            missing++;
        }
    return missing;
}

static void print_others(FILE *out)
{
    for (size_t i = 0; i < sizeof answers_expected / sizeof *answers_expected; i++)
        if (!i || answers_expected[i].code != answers_expected[i - 1].code)
            fprintf(out, "%s of nothing else: %s\n", jqw_code_name(answers_expected[i].code),
                    answers_expected[i].others);
    fprintf(out,
            "DENIED, AUTH_FAILED, PROTOCOL, DISCONNECTED, INTERNAL of nothing: the server or the library says them\n");
    for (size_t i = 0; i < sizeof answers_seldom / sizeof *answers_seldom; i++)
        fprintf(out, "%s %s %" PRIu64 ", seldom: %s\n", name_op(answers_seldom[i].op),
                jqw_code_name(answers_seldom[i].code), seen.answers[answers_seldom[i].op][answers_seldom[i].code],
                answers_seldom[i].why);
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

uint64_t coverage_faults(void)
{
    static const enum coverage_fault harms[] = {
        COVERAGE_SESSION_DIED,    COVERAGE_RECEIPT_DIED,      COVERAGE_OUTPUT_BLOCKED,
        COVERAGE_JOURNAL_REFUSED, COVERAGE_ALLOCATION_FAILED, COVERAGE_ALLOCATION_SURVIVED,
        COVERAGE_LEASE_EXPIRED,   COVERAGE_PRODUCER_FENCED,   COVERAGE_CRASH,
    };
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++)
        sum += seen.faults[harms[i]];
    return sum;
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
    print_others(out);
    return missing + missing_answers(out) + missing_ways(out);
}
