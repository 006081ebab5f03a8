/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: which of the messages put before a moment are unfinished (JON-3). Each mark counts what lies between the one before and
 * itself, so that a message costs a search among the marks and nothing for each of them. It knows no waiters but those of joins.
 *
 *     messages   1 2 3 4 5 6 7 8 9
 *     marks            ^5     ^8     the mark 5 has what came of 1 to 4, the mark 8 what came of 5 to 7 */
#include "model.h"
#include <stdlib.h>
#include <string.h>

static uint64_t in_total(const struct queue *q)
{
    return q->tally.put + q->tally.moved_in + q->tally.dead_in;
}

/* The first mark behind this message; mark_count: none. */
static uint32_t mark_behind(const struct queue *q, uint64_t sequence)
{
    uint32_t low = 0, high = q->mark_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (q->marks[middle].sequence > sequence)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static uint64_t counted_before(const struct queue *q, uint32_t marks)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < marks; i++)
        sum += q->marks[i].counted;
    return sum;
}

/* What a mark still waits for; `before`: what the marks before it and itself have counted. */
static uint64_t mark_left(const struct queue *q, const struct mark *mark, uint64_t before)
{
    if (!queue_is_counter(q))
        return before;
    uint64_t gone = q->tally.done + mark->base + before;
    uint64_t left = mark->target > gone ? mark->target - gone : 0;
    return left < q->counter_unfinished ? left : q->counter_unfinished;
}

/* The first ones are reached first. */
void marks_reach(struct queue *q)
{
    uint32_t reached = 0;
    while (reached < q->mark_count && !mark_left(q, &q->marks[reached], counted_before(q, reached + 1)))
        reached++;
    if (!reached)
        return;
    uint64_t counted = counted_before(q, reached);
    q->mark_reached = q->marks[reached - 1].sequence;
    q->mark_count -= reached;
    memmove(q->marks, q->marks + reached, q->mark_count * sizeof *q->marks);
    if (queue_is_counter(q)) {
        for (uint32_t i = 0; i < q->mark_count; i++)
            q->marks[i].base += counted; /* what the dropped ones had counted is before all that are left */
    }
}

/* A message of a lease queue is finished; one of a counter queue expired, was discarded or moved out, and lowered what is unfinished. */
void marks_gone(struct queue *q, uint64_t sequence)
{
    uint32_t behind = mark_behind(q, sequence);
    if (behind == q->mark_count)
        return;
    if (queue_is_counter(q))
        q->marks[behind].counted++;
    else
        q->marks[behind].counted--;
    if (!behind)
        marks_reach(q);
}

/* While a snapshot is read back not all of them are there yet. */
static uint64_t unfinished_in_log(const struct queue *q)
{
    const struct tallies *t = &q->tally;
    if (q->restore)
        return in_total(q) - t->done - t->dead - t->expired - t->discarded - t->moved_out;
    return q->log.live - q->log_ends;
}

/* Also of one that is reached already: it is known after a crash, too. */
static void record_mark(struct engine *e, struct queue *q, uint64_t mark)
{
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_MARK);
    if (!record)
        return;
    record->first = mark;
    record->count = 1;
}

static bool marks_room(struct queue *q)
{
    if (q->mark_count < q->mark_capacity)
        return true;
    uint32_t capacity = q->mark_capacity ? 2 * q->mark_capacity : 8;
    struct mark *marks = realloc(q->marks, capacity * sizeof *marks);
    if (!marks)
        return false;
    q->marks = marks;
    q->mark_capacity = capacity;
    return true;
}

int mark_make(struct engine *e, struct queue *q, struct engine_effect *a, uint64_t *out)
{
    uint64_t now = q->log.tail;
    bool empty = !(queue_is_counter(q) ? q->counter_unfinished : unfinished_in_log(q));
    bool same = q->mark_count && q->marks[q->mark_count - 1].sequence == now;
    *out = now;
    if (same || (empty && q->mark_reached == now))
        return JQ_OK;
    if (!queue_growth_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    if (empty) {
        q->mark_reached = now;
        record_mark(e, q, now);
        return JQ_OK;
    }
    if (q->mark_count == ENGINE_MARKS_MAX)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MARKS_TOO_MANY, q, ENGINE_MARKS_MAX);
    if (!marks_room(q))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    uint64_t before = counted_before(q, q->mark_count);
    struct mark *mark = &q->marks[q->mark_count++];
    *mark = (struct mark){.sequence = now};
    if (queue_is_counter(q)) {
        mark->target = in_total(q);
        mark->base = q->lowered - before;
    } else {
        mark->counted = unfinished_in_log(q) - before;
    }
    record_mark(e, q, now);
    return JQ_OK;
}

/* Those that were made since will be told, too. */
static int marks_reached(struct queue *q, uint64_t mark)
{
    if (mark > q->log.tail)
        return JQ_STORAGE;
    q->mark_count = 0;
    q->mark_reached = mark;
    return JQ_OK;
}

int mark_restore(struct queue *q, uint64_t mark, const struct engine_mark_state *state)
{
    if (!state)
        return marks_reached(q, mark);
    uint32_t at = mark_behind(q, mark - 1);
    bool known = at < q->mark_count && q->marks[at].sequence == mark;
    if (!mark || mark > q->log.tail || mark <= q->mark_reached || (!known && q->mark_count == ENGINE_MARKS_MAX))
        return JQ_STORAGE;
    if (!known) {
        if (!marks_room(q))
            return JQ_OVERLOADED;
        memmove(q->marks + at + 1, q->marks + at, (q->mark_count++ - at) * sizeof *q->marks);
    }
    q->marks[at] = (struct mark){mark, state->counted, state->base, state->target};
    return JQ_OK;
}

int mark_find(struct engine *e, const struct queue *q, uint64_t mark, struct engine_effect *a)
{
    uint32_t behind = mark_behind(q, mark - 1);
    bool known = behind < q->mark_count && q->marks[behind].sequence == mark;
    if (known || (mark <= q->mark_reached))
        return JQ_OK;
    return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_MARK_UNKNOWN, q, 0);
}

uint64_t mark_remaining(const struct queue *q, uint64_t mark)
{
    uint32_t behind = mark_behind(q, mark - 1);
    if (behind == q->mark_count || mark <= q->mark_reached)
        return 0;
    return mark_left(q, &q->marks[behind], counted_before(q, behind + 1));
}

int handle_mark(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    code = mark_make(e, q, a, &a->answer.count);
    if (code != JQ_OK)
        a->answer.count = 0;
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return code;
}
