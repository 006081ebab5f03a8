/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: records of a former run, carried out in their order, into an engine in which no time passes and nobody waits. What
 * does not make sense after what came before is refused, never trusted. What was leased is ready again at its old place. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

enum { GAP_MAX = 1 << 24 /* sequence numbers that may be missing before a record's first */ };

struct replay {
    struct engine *e;
    uint64_t age_ns;
    bool took;                   /* the bodies of the record are a queue's now */
    struct engine_effect answer; /* of handlers' functions; nobody hears it */
};

void replay_release(const struct engine *e, struct engine_body body)
{
    if (e->config.body_over)
        e->config.body_over(e->config.user, body);
}

/* What is left of a time, on this run's clock; 0: there was none. */
static uint64_t time_left(const struct replay *r, const struct engine_record *record, uint64_t at)
{
    if (!at)
        return 0;
    uint64_t whole = at > record->now_ns ? at - record->now_ns : 0;
    uint64_t left = whole > r->age_ns ? whole - r->age_ns : 0;
    return left < ENGINE_FOREVER - 2 - r->e->now ? r->e->now + left : ENGINE_FOREVER - 2;
}

/* ---- messages ---- */

/* The next message gets this number: those that are missing were there once. */
static int log_go(struct queue *q, uint64_t first, uint64_t count)
{
    if (first < q->log.tail || first - q->log.tail > GAP_MAX || count < 1 || count > ENGINE_BATCH_MAX)
        return JQ_STORAGE;
    if (!log_reserve(&q->log, (uint32_t)(first - q->log.tail + count)))
        return JQ_OVERLOADED;
    q->log.tail = first;
    return JQ_OK;
}

/* Out of what is ready or delayed; where it stood in a heap it is passed over. NULL: it is not there. */
static struct message *take_out(struct engine *e, struct queue *q, uint64_t sequence, bool end)
{
    struct message *m = log_at(&q->log, sequence);
    if (!m || m->end != end || (m->state != MESSAGE_READY && m->state != MESSAGE_DELAYED))
        return NULL;
    struct extra *x = message_extra(e, m);
    if (end) {
        q->ends--;
        return m;
    }
    if (m->state == MESSAGE_READY && x && q->priority_kind == ENGINE_PRIORITY_BYTES)
        x->priority = 0; /* its level is given back with what stands for it in the heap */
    *(m->state == MESSAGE_READY ? &q->ready : &q->delayed_count) -= 1;
    q->queued_bytes -= m->length;
    return m;
}

/* A message that is gone before the snapshot has come to it. */
static bool unseen(struct queue *q, const struct engine_record *record, uint64_t sequence)
{
    if (!restore_unseen(q, sequence) || log_at(&q->log, sequence))
        return false;
    if (q->mark_count && record->kind != ENGINE_RECORD_END_TAKEN && !queue_is_counter(q))
        marks_gone(q, sequence);
    return true;
}

static int each(struct replay *r, struct queue *q, const struct engine_record *record,
                void (*gone)(struct engine *, struct queue *, const struct engine_record *, uint64_t))
{
    for (uint64_t i = 0; i < record->count; i++) {
        uint64_t sequence = record->first + i;
        struct message *m = take_out(r->e, q, sequence, record->kind == ENGINE_RECORD_END_TAKEN);
        if (!m && r->e->lenient)
            continue;
        if (!m && !unseen(q, record, sequence))
            return JQ_STORAGE;
        gone(r->e, q, record, sequence);
        if (m)
            message_forget(r->e, q, sequence, m);
    }
    return JQ_OK;
}

static void gone_done(struct engine *e, struct queue *q, const struct engine_record *record, uint64_t sequence)
{
    (void)e;
    (void)record;
    (void)sequence;
    q->tally.done += !queue_is_counter(q);
}

static void gone_discarded(struct engine *e, struct queue *q, const struct engine_record *record, uint64_t sequence)
{
    (void)e;
    (void)record;
    q->tally.discarded++;
    queue_removed(q, sequence);
}

static void gone_expired(struct engine *e, struct queue *q, const struct engine_record *record, uint64_t sequence)
{
    (void)e;
    (void)record;
    q->tally.expired++;
    queue_removed(q, sequence);
}

static void gone_dead(struct engine *e, struct queue *q, const struct engine_record *record, uint64_t sequence)
{
    if (record->reason == ENGINE_REASON_EXPIRED)
        gone_expired(e, q, record, sequence);
    else
        q->tally.dead++;
}

static void gone_moved(struct engine *e, struct queue *q, const struct engine_record *record, uint64_t sequence)
{
    (void)e;
    (void)record;
    q->tally.moved_out++;
    queue_removed(q, sequence);
}

static void gone_end(struct engine *e, struct queue *q, const struct engine_record *record, uint64_t sequence)
{
    (void)e;
    (void)q;
    (void)record;
    (void)sequence;
}

/* How long ago its messages were put. */
static uint64_t age_of(const struct replay *r, const struct engine_record *record)
{
    bool told = record->kind == ENGINE_RECORD_STATE_MESSAGES && record->put_ns <= record->now_ns;
    return r->age_ns + (told ? record->now_ns - record->put_ns : 0);
}

/* Where a letter came from. */
static int put_letter(struct replay *r, struct queue *q, const struct engine_record *record)
{
    struct message *m = log_at(&q->log, record->first);
    struct source *source = malloc(sizeof *source + record->name.size);
    if (!source)
        return JQ_OVERLOADED;
    *source = (struct source){.uses = 1, .size = record->name.size};
    memcpy(source->name, record->name.data, record->name.size);
    struct extra *x = message_extra(r->e, m);
    x->source = source;
    x->reason = record->reason;
    x->source_sequence = record->source_sequence;
    x->source_deliveries = record->kind == ENGINE_RECORD_PUT ? record->deliveries : record->source_deliveries;
    uint64_t age = age_of(r, record);
    x->source_ns = r->e->now > age ? r->e->now - age : 0;
    return JQ_OK;
}

/* Of a PUT, or of messages in a snapshot. */
static int replay_put(struct replay *r, struct queue *q, const struct engine_record *record)
{
    struct engine *e = r->e;
    bool letter = record->source == ENGINE_BY_DEATH, told = record->kind == ENGINE_RECORD_STATE_MESSAGES;
    uint64_t due = time_left(r, record, record->due_ns);
    struct client who = {0};
    static const uint8_t nobody[ENGINE_CLIENT_ID];
    memcpy(who.id, record->client, sizeof who.id);
    struct arrival arrival = {.bodies = record->bodies,
                              .count = record->count,
                              .source = record->source,
                              .options = record->put,
                              .expires_ns = time_left(r, record, record->expires_ns),
                              .lettered = letter,
                              .age_ns = age_of(r, record),
                              .eternal = !record->expires_ns};
    arrival.client = memcmp(who.id, nobody, sizeof nobody) != 0 ? &who : NULL;
    arrival.options.delay_ns = due > e->now ? due - e->now : 0;
    arrival.options.ttl_ns = 0;
    if (told) {
        int code = record->source == ENGINE_BY_MOVE ? JQ_STORAGE : restore_messages(e, q, record, &arrival);
        r->took = code == JQ_OK;
        return code == JQ_OK && letter ? put_letter(r, q, record) : code;
    }
    int code = log_go(q, record->first, record->count);
    if (code != JQ_OK || (letter && record->count != 1))
        return code == JQ_OK ? JQ_STORAGE : code;
    if (priority_check(e, q, &record->put, &r->answer) != JQ_OK || record->source > ENGINE_BY_DEATH)
        return JQ_STORAGE;
    struct producer *p = letter ? NULL : producer_find(q, record->name);
    if (!put_accept(e, q, &arrival))
        return JQ_OVERLOADED;
    r->took = true;
    if (p)
        p->accepted += record->count;
    return letter ? put_letter(r, q, record) : JQ_OK;
}

/* A letter that was thrown away where it came. */
static int replay_thrown_away(struct queue *q, const struct engine_record *record)
{
    queue_throws_away(q, record->count);
    return JQ_OK;
}

/* In an order of its own it stands in the heap of what is ready until the end of the replay, and its level for both. */
static void stands_twice(struct engine *e, struct queue *q, const struct message *m)
{
    const struct extra *x = message_extra(e, m);
    uint64_t level;
    if (!x || q->options.order == ENGINE_FIFO || q->priority_kind != ENGINE_PRIORITY_BYTES)
        return;
    bool known = levels_take(&q->levels, levels_bytes(&q->levels, x->priority), 1, &level);
    JQ_ASSERT(known && level == x->priority);
}

/* Nothing stands there for what is not ready. */
static void order_tidy(struct queue *q)
{
    struct order_heap *heap = &q->returned;
    uint64_t count = q->options.order == ENGINE_FIFO ? 0 : heap->count;
    heap->count -= count;
    for (uint64_t i = 0; i < count; i++) {
        struct order at = heap->item[i];
        const struct message *m = log_at(&q->log, at.sequence);
        if (m && m->state == MESSAGE_READY)
            order_heap_push(heap, at.key, at.sequence); /* at a place that has been looked at */
        else
            priority_give(q, at.key, 1);
    }
}

static int replay_return(struct replay *r, struct queue *q, const struct engine_record *record)
{
    uint64_t due = time_left(r, record, record->due_ns);
    for (uint64_t i = 0; i < record->count; i++) {
        uint64_t sequence = record->first + i;
        struct message *m = log_at(&q->log, sequence);
        if (!m && restore_unseen(q, sequence))
            continue; /* it will be told as it is then */
        if (!m || m->end || record->deliveries > UINT16_MAX)
            return JQ_STORAGE;
        m->deliveries = (uint16_t)record->deliveries;
        if (due <= r->e->now || m->state != MESSAGE_READY)
            continue;
        if (!order_heap_reserve(&q->delayed, q->delayed.count + 1) || !ready_reserve(q, 1))
            return JQ_OVERLOADED;
        stands_twice(r->e, q, m);
        ready_hold(q, sequence, m);
        ready_delay(r->e, q, sequence, m, due);
    }
    return JQ_OK;
}

static int replay_ends(struct replay *r, struct queue *q, const struct engine_record *record)
{
    int code = q->options.order == ENGINE_FIFO ? log_go(q, record->first, record->count) : JQ_STORAGE;
    for (uint32_t i = 0; code == JQ_OK && i < record->count; i++) {
        *log_append(&q->log) = (struct message){.state = MESSAGE_READY, .end = 1};
        q->ends++;
        q->log_ends++;
        r->e->messages++;
    }
    return code;
}

static int replay_task_done(struct queue *q, const struct engine_record *record)
{
    if (!queue_is_counter(q) || record->count > q->counter_unfinished)
        return JQ_STORAGE;
    q->counter_unfinished -= record->count;
    q->tally.done += record->count;
    marks_reach(q);
    return JQ_OK;
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
        if (!q->closed && !(q->restore && q->restore->begun) && producers_over(q))
            q->closed = 1; /* the record that says so may not have come as far */
    }
    return JQ_OK;
}

static int replay_mark(struct replay *r, struct queue *q, const struct engine_record *record)
{
    uint64_t mark;
    if (record->first != q->log.tail)
        return JQ_STORAGE;
    int code = mark_make(r->e, q, &r->answer, &mark);
    return code == JQ_OK || code == JQ_OVERLOADED ? code : JQ_STORAGE;
}

/* ---- one record ---- */

static int replay_queue(struct replay *r, struct queue *q, const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_RECORD_ALTER:
        return replay_alter(r, q, record);
    case ENGINE_RECORD_DELETE:
        queue_vanish(r->e, q);
        return JQ_OK;
    case ENGINE_RECORD_PUT:
        return replay_put(r, q, record);
    case ENGINE_RECORD_DONE:
        return each(r, q, record, gone_done);
    case ENGINE_RECORD_DISCARD:
        return record->source == ENGINE_BY_DEATH ? replay_thrown_away(q, record) : each(r, q, record, gone_discarded);
    case ENGINE_RECORD_EXPIRE:
        return each(r, q, record, gone_expired);
    case ENGINE_RECORD_DEAD:
        return each(r, q, record, gone_dead);
    case ENGINE_RECORD_MOVED_OUT:
        return each(r, q, record, gone_moved);
    case ENGINE_RECORD_RETURN:
        return replay_return(r, q, record);
    case ENGINE_RECORD_TASK_DONE:
        return replay_task_done(q, record);
    case ENGINE_RECORD_CLOSE:
        return replay_close(q, record);
    case ENGINE_RECORD_REOPEN:
        return replay_reopen(r, q, record);
    case ENGINE_RECORD_PAUSE:
        q->paused = record->count & (ENGINE_PAUSED_PUTS | ENGINE_PAUSED_GETS);
        return JQ_OK;
    case ENGINE_RECORD_MARK:
        return replay_mark(r, q, record);
    case ENGINE_RECORD_PUT_END:
        return replay_ends(r, q, record);
    case ENGINE_RECORD_END_TAKEN:
        return each(r, q, record, gone_end);
    case ENGINE_RECORD_ATTACH:
    case ENGINE_RECORD_FINISH:
        return replay_producer(r, q, record);
    case ENGINE_RECORD_STATE_MESSAGES:
        return q->restore && q->restore->begun ? replay_put(r, q, record) : JQ_OK;
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
        return q ? replay_queue(r, q, record) : e->history_partial ? JQ_OK : JQ_STORAGE;
    case ENGINE_RECORD_SNAPSHOT:
        e->incarnation_last = record->first > e->incarnation_last ? record->first : e->incarnation_last;
        return JQ_OK;
    case ENGINE_RECORD_SNAPSHOT_END:
        e->history_partial = e->lenient; /* all that there is has been told */
        return JQ_OK;
    case ENGINE_RECORD_STATE:
        return restore_record(e, q, record);
    default:
        if (q)
            return replay_queue(r, q, record);
        return e->history_partial ? JQ_OK : JQ_STORAGE; /* it will be told, or was deleted before it could be */
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

static int queue_goes_on(struct engine *e, struct queue *q)
{
    if (e->lenient)
        restore_repair(q);
    int code = restore_end(e, q);
    if (code != JQ_OK)
        return code;
    order_tidy(q);
    ends_tidy(e, q);
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
