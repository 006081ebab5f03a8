/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: records of a former run, carried out in their order, into an engine in which no time passes and nobody waits. What
 * does not make sense after what came before is refused, never trusted. What was leased is ready again at its old place. */
#include "replay.h"
#include <stdlib.h>
#include <string.h>

void replay_release(const struct engine *e, struct engine_body body)
{
    if (e->config.body_over)
        e->config.body_over(e->config.user, body);
}

/* ---- queues ---- */

static int replay_declare(struct replay *r, const struct engine_record *record)
{
    struct engine *e = r->e;
    struct engine_command c = {
        .op = ENGINE_DECLARE, .queue = {record->name, 0}, .declare = {.options = record->options}};
    if (e->history_partial)
        c.declare.options = restore_without_letters(record);
    struct queue *q;
    bool known = record->incarnation && !queue_by_incarnation(e, record->incarnation) && record->options.durable;
    if (!known || queue_look(e, &c, &r->answer, &q) != JQ_OK || q)
        return JQ_STORAGE;
    uint64_t last = e->incarnation_last;
    e->incarnation_last = record->incarnation - 1;
    int code = queue_declare(e, NULL, NULL, &c, &r->answer);
    if (code != JQ_OK || last > e->incarnation_last)
        e->incarnation_last = last;
    if (code == JQ_OK && e->history_partial)
        code = restore_declared(queue_by_incarnation(e, record->incarnation), record);
    return code == JQ_OK || code == JQ_OVERLOADED ? code : JQ_STORAGE;
}

static int replay_alter(struct replay *r, struct queue *q, const struct engine_record *record)
{
    struct engine_command c = {.op = ENGINE_ALTER, .queue = {{q->name, q->name_size}, 0}};
    bool later = r->e->history_partial || q->restore;
    c.declare.options = later ? restore_without_letters(record) : record->options;
    c.declare.given = (1u << ENGINE_OPTION_COUNT) - 1;
    int code = handle_alter(r->e, NULL, &c, &r->answer);
    if (code == JQ_OK && later)
        code = restore_letters(q, &record->options);
    return code == JQ_OK || code == JQ_OVERLOADED ? code : JQ_STORAGE;
}

static int replay_close(struct queue *q, const struct engine_record *record)
{
    uint32_t closed = record->count ? 2 : 1;
    q->truncated = record->code == JQ_PRODUCER_LOST;
    q->closed = closed > q->closed ? closed : q->closed;
    return JQ_OK;
}

static int replay_reopen(struct replay *r, struct queue *q, const struct engine_record *record)
{
    if (!q->closed || record->first != q->generation + 1)
        return JQ_STORAGE;
    queue_reopen(r->e, q);
    q->ends_past = q->ends_over = record->source_sequence;
    return JQ_OK;
}

static int replay_producer(struct replay *r, struct queue *q, const struct engine_record *record)
{
    struct engine *e = r->e;
    const struct engine_command c = {.producer.name = record->name};
    struct producer *p;
    if (record->name.size < 1 || record->name.size > ENGINE_NAME_MAX)
        return JQ_STORAGE;
    int code = producer_find_or_create(e, q, &c, &r->answer, &p);
    if (code != JQ_OK)
        return code == JQ_OVERLOADED ? code : JQ_STORAGE;
    if (record->kind == ENGINE_RECORD_FINISH && !p->finished) {
        p->finished = true;
        q->producers_finished++;
        if (!q->closed && producers_over(q))
            q->closed = 1; /* the record that says so may not have come as far */
    }
    return JQ_OK;
}

static int replay_mark(struct replay *r, struct queue *q, const struct engine_record *record)
{
    uint64_t mark;
    int code = replay_tail(q, record->first);
    if (code == JQ_OK)
        code = mark_make(r->e, q, &r->answer, &mark);
    return code == JQ_OK || code == JQ_OVERLOADED ? code : JQ_STORAGE;
}

/* ---- one record ---- */

static int replay_queue(struct replay *r, struct queue *q, const struct engine_record *record)
{
    if (replay_is_about_messages(record->kind))
        return replay_messages(r, q, record);
    switch (record->kind) {
    case ENGINE_RECORD_ALTER:
        return replay_alter(r, q, record);
    case ENGINE_RECORD_DELETE:
        queue_vanish(r->e, q);
        return JQ_OK;
    case ENGINE_RECORD_CLOSE:
        return replay_close(q, record);
    case ENGINE_RECORD_REOPEN:
        return replay_reopen(r, q, record);
    case ENGINE_RECORD_PAUSE:
        q->paused = record->count & (ENGINE_PAUSED_PUTS | ENGINE_PAUSED_GETS);
        return JQ_OK;
    case ENGINE_RECORD_MARK:
        return replay_mark(r, q, record);
    case ENGINE_RECORD_ATTACH:
    case ENGINE_RECORD_FINISH:
        return replay_producer(r, q, record);
    case ENGINE_RECORD_GROUP:
    case ENGINE_RECORD_DECLARE:
    case ENGINE_RECORD_KEPT:
    case ENGINE_RECORD_SNAPSHOT:
    case ENGINE_RECORD_SNAPSHOT_END:
        break;
    default:
        return restore_record(r->e, q, record);
    }
    return JQ_STORAGE;
}

/* Of a queue that is not there. It will be told, or was deleted before it could be, or what declared it is lost. */
static int replay_unknown(struct engine *e, const struct engine_record *record)
{
    if (record->kind == ENGINE_RECORD_DELETE)
        nameless_forget(e, record->incarnation);
    else if (e->lenient)
        return nameless_note(e, record);
    return e->history_partial ? JQ_OK : JQ_STORAGE;
}

static int replay_state(struct engine *e, struct queue *q, const struct engine_record *record)
{
    int code = restore_record(e, q, record);
    if (code == JQ_OK)
        nameless_forget(e, record->incarnation);
    return code;
}

static int replay_kind(struct replay *r, const struct engine_record *record)
{
    struct engine *e = r->e;
    struct queue *q = queue_by_incarnation(e, record->incarnation);
    switch (record->kind) {
    case ENGINE_RECORD_GROUP:
        return JQ_OK;
    case ENGINE_RECORD_DECLARE:
        return replay_declare(r, record);
    case ENGINE_RECORD_KEPT:
        return client_restore(e, record);
    case ENGINE_RECORD_DELETE:
        restore_deleted(e, record->name);
        return q ? replay_queue(r, q, record) : replay_unknown(e, record);
    case ENGINE_RECORD_SNAPSHOT:
        e->incarnation_last = record->first > e->incarnation_last ? record->first : e->incarnation_last;
        return JQ_OK;
    case ENGINE_RECORD_SNAPSHOT_END:
        e->history_partial = e->lenient; /* all that there is has been told */
        return JQ_OK;
    case ENGINE_RECORD_STATE:
        return replay_state(e, q, record);
    default:
        return q ? replay_queue(r, q, record) : replay_unknown(e, record);
    }
}

static int replay_one(struct replay *r, const struct engine_record *record)
{
    struct engine *e = r->e;
    if (record->number != e->record_last + 1 && e->record_last && !e->lenient)
        return JQ_STORAGE;
    if (!e->record_last)
        e->history_partial = e->lenient || record->number > 1;
    r->took = false;
    int code = replay_kind(r, record);
    for (uint32_t i = 0; record->bodies && i < record->count && !r->took; i++)
        replay_release(e, record->bodies[i]);
    if (code == JQ_STORAGE && e->lenient)
        code = JQ_OK;
    if (code != JQ_OK)
        return code;
    e->record_last = record->number;
    struct queue *q = queue_by_incarnation(e, record->incarnation);
    if (q)
        q->watermark = record->number;
    return JQ_OK;
}

int engine_replay(struct engine *e, uint64_t now, uint64_t age_ns, const struct engine_record *records, size_t count)
{
    struct engine_effects fx;
    struct replay r = {.e = e, .age_ns = age_ns};
    int code = engine_effects_init(&fx);
    if (code != JQ_OK)
        return code;
    e->effects = &fx;
    e->replaying = true;
    e->now = now > e->now ? now : e->now;
    for (size_t i = 0; i < count && code == JQ_OK; i++) {
        if (records[i].kind == ENGINE_RECORD_GROUP && records[i].count > count - i - 1)
            code = JQ_STORAGE; /* a group is whole or not at all */
        else
            code = replay_one(&r, &records[i]);
        engine_effects_reset(&fx);
    }
    e->replaying = false;
    e->effects = NULL;
    engine_effects_fini(&fx);
    return code;
}

void engine_replay_repairs(struct engine *e)
{
    e->lenient = e->history_partial = true;
}

/* Sentinels that were out when their generation ended: nobody confirms them any more. */
static void ends_tidy(struct engine *e, struct queue *q)
{
    for (uint64_t at = log_next(&q->log, 0); q->ends && at < q->ends_over; at = log_next(&q->log, at + 1)) {
        struct message *m = log_at(&q->log, at);
        if (!m->end)
            continue;
        q->ends--;
        message_forget(e, q, at, m);
    }
}

static int by_incarnation(const struct queue *a, const struct queue *b)
{
    return a->incarnation < b->incarnation ? -1 : a->incarnation > b->incarnation;
}

/* Numbers may have been given that no record tells of any more: none of them is given again. */
static bool numbers_go_on(struct queue *q)
{
    uint64_t tail = q->log.tail + NUMBERS_LEFT_OUT;
    bool fresh = q->fresh < q->log.tail;
    q->anchor.at = 0;
    if (!q->options.sync_ms)
        return true;
    if (!log_pass(&q->log, tail) || !queue_reserve(q, 0)) /* what is due there as a letter has its place behind them */
        return false;
    q->fresh = fresh ? q->fresh : tail;
    return true;
}

static int queue_goes_on(struct engine *e, struct queue *q)
{
    if (e->lenient)
        restore_repair(q);
    int code = restore_end(e, q);
    if (code != JQ_OK)
        return code;
    replay_order_tidy(q);
    ends_tidy(e, q);
    if (!numbers_go_on(q))
        return JQ_OVERLOADED;
    struct producer *p, *after;
    HASH_ITER (hh, q->producers, p, after)
        producer_waits(e, p);
    if (q->closed == 2 && !close_rest(e, q))
        return JQ_OVERLOADED;
    lifetime_plan(e, q);
    queue_mark(e, q);
    return JQ_OK;
}

int engine_replay_end(struct engine *e)
{
    struct engine_effects fx;
    struct queue *q, *next;
    int code = e->history_partial && !e->lenient ? JQ_STORAGE : engine_effects_init(&fx);
    if (code != JQ_OK)
        return code;
    e->effects = &fx; /* for what nobody hears */
    HASH_SRT(hh_incarnation, e->by_incarnation, by_incarnation);
    HASH_ITER (hh_incarnation, e->by_incarnation, q, next) {
        code = queue_goes_on(e, q);
        if (code != JQ_OK)
            break;
        engine_effects_reset(&fx);
    }
    e->effects = NULL;
    engine_effects_fini(&fx);
    e->lenient = e->lenient && code != JQ_OK;
    return code;
}

void engine_incarnations_above(struct engine *e, uint64_t last)
{
    e->incarnation_last = last > e->incarnation_last ? last : e->incarnation_last;
}
