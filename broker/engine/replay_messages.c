/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery of messages: how they came, went, and came back. */
#include "replay.h"
#include <stdlib.h>
#include <string.h>

enum { GAP_MAX = 1 << 24 /* sequence numbers that may be missing before a record's first */ };

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

int replay_tail(struct queue *q, uint64_t tail)
{
    if (tail < q->log.tail || tail - q->log.tail > GAP_MAX)
        return JQ_STORAGE;
    return log_pass(&q->log, tail) ? JQ_OK : JQ_OVERLOADED;
}

static int log_go(struct queue *q, uint64_t first, uint64_t count)
{
    if (count < 1 || count > ENGINE_BATCH_MAX)
        return JQ_STORAGE;
    int code = replay_tail(q, first);
    return code == JQ_OK && !log_reserve(&q->log, (uint32_t)count) ? JQ_OVERLOADED : code;
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

/* A sweep lowers what was unfinished when it began, and nothing that has come since. */
static void gone_discarded(struct engine *e, struct queue *q, const struct engine_record *record, uint64_t sequence)
{
    (void)e;
    q->tally.discarded++;
    if (!record->deliveries)
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
void replay_order_tidy(struct queue *q)
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
        if (!delay_reserve(r->e, q, 1) || !ready_reserve(q, 1))
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

bool replay_is_about_messages(enum engine_record_kind kind)
{
    static const bool is[ENGINE_RECORD_KINDS] = {
        [ENGINE_RECORD_PUT] = true,       [ENGINE_RECORD_DONE] = true,           [ENGINE_RECORD_DISCARD] = true,
        [ENGINE_RECORD_EXPIRE] = true,    [ENGINE_RECORD_DEAD] = true,           [ENGINE_RECORD_MOVED_OUT] = true,
        [ENGINE_RECORD_RETURN] = true,    [ENGINE_RECORD_TASK_DONE] = true,      [ENGINE_RECORD_PUT_END] = true,
        [ENGINE_RECORD_END_TAKEN] = true, [ENGINE_RECORD_STATE_MESSAGES] = true,
    };
    return is[kind];
}

int replay_messages(struct replay *r, struct queue *q, const struct engine_record *record)
{
    switch (record->kind) {
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
    case ENGINE_RECORD_PUT_END:
        return replay_ends(r, q, record);
    case ENGINE_RECORD_END_TAKEN:
        return each(r, q, record, gone_end);
    case ENGINE_RECORD_STATE_MESSAGES:
        return q->restore && q->restore->begun ? replay_put(r, q, record) : JQ_OK;
    default:
        return JQ_STORAGE;
    }
}
