/* SPDX-License-Identifier: Apache-2.0 */
/* Generations and pauses: a closed queue begins anew, and a queue that stands still for a while. It knows no messages. */
#include "model.h"

enum jqw_code queue_end_code(const struct queue *q)
{
    return q->truncated ? JQ_PRODUCER_LOST : JQ_END;
}

enum engine_why queue_end_why(const struct queue *q)
{
    return q->truncated ? ENGINE_WHY_PRODUCER_LOST : ENGINE_WHY_QUEUE_ENDED;
}

/* If it, or a later one that has ended, was truncated, what its consumer has is not all (END-7). */
enum jqw_code generation_end_code(const struct queue *q, uint64_t generation)
{
    return q->truncated_last >= generation ? JQ_PRODUCER_LOST : JQ_END;
}

/* Waiting gets are of the old generation, and told so in pair.c. */
void queue_reopen(struct engine *e, struct queue *q)
{
    if (q->truncated)
        q->truncated_last = q->generation;
    producers_forget(e, q);
    struct member *m;
    DL_FOREACH2 (q->members, m, qnext)
        m->fenced = false;
    if (q->closed == 2 || get_ended(q, NULL, true))
        q->ends_past = q->log.tail;
    q->ends_over = q->ends_past;
    q->truncated = false;
    q->closed = 0;
    q->generation++;
    q->stale = true;
    q->end_idle_until = q->end_final_until = 0;
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_REOPEN);
    if (record) {
        record->first = q->generation;
        record->count = 1;
        record->source_sequence = q->ends_over;
    }
    queue_mark(e, q);
}

void reopen_now(struct engine *e, struct waiter *w)
{
    if (w->queue->closed)
        queue_reopen(e, w->queue);
    waiter_end(e, w, JQ_OK, ENGINE_WHY_NONE);
}

int handle_reopen(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    if (q->closed && !queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    struct member *m;
    DL_FOREACH2 (q->closed ? q->members : NULL, m, qnext)
        member_puts_over(e, m); /* what waits elsewhere to put here too comes too late: a finish waits for it no more */
    if (q->closed && (queue_busy(q) || q->blocked_sweeps || q->after_due)) {
        struct waiter *w;
        if ((code = waiter_new(e, s, q, WAITER_REOPEN, c, ENGINE_FOREVER, a, &w)) != JQ_OK)
            return code;
        w->line = &q->blocked_sweeps;
        DL_APPEND(q->blocked_sweeps, w);
        return ENGINE_PARKED;
    }
    if (q->closed)
        queue_reopen(e, q);
    a->answer.count = q->generation;
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}

int handle_pause(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    uint32_t which = (c->pause.puts ? ENGINE_PAUSED_PUTS : 0) | (c->pause.gets ? ENGINE_PAUSED_GETS : 0);
    if (!which)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_PAUSE_WHAT, NULL, 0);
    uint32_t paused = c->pause.resume ? q->paused & ~which : q->paused | which;
    if (paused != q->paused) {
        if (!queue_storage_ok(e, q))
            return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
        q->paused = paused;
        struct engine_record *record = record_new(e, q, ENGINE_RECORD_PAUSE);
        if (record)
            record->count = paused;
        queue_mark(e, q);
    }
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}
