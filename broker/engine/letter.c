/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: messages that were delivered too often, refused, or expired, and where they go (LSE-5). It knows no sessions. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

bool source_make(struct queue *q)
{
    if (q->source)
        return true;
    q->source = malloc(sizeof *q->source + q->name_size);
    if (!q->source)
        return false;
    *q->source = (struct source){.uses = 1, .size = q->name_size};
    memcpy(q->source->name, q->name, q->name_size);
    return true;
}

void source_unref(struct source *source)
{
    if (source && --source->uses == 0)
        free(source);
}

bool message_dies(const struct queue *q, const struct message *m)
{
    return q->options.max_deliveries && m->deliveries + 1u >= q->options.max_deliveries && !m->end;
}

bool death_storage_ok(const struct engine *e, const struct queue *q)
{
    return queue_storage_ok(e, q) && (!q->letters || queue_storage_ok(e, q->letters));
}

/* What is leased, or has a time to live, may become a letter at a moment at which no memory can be refused (PUT-4): so it has its
 * place where it would go from the start, and where it would go from there. */
void letters_change(struct engine *e, struct queue *q, int64_t leased, int64_t expiring)
{
    struct queue *to = q->letters;
    if (!to)
        return;
    e->letters_due += (uint64_t)leased;
    for (; to; to = to->letters)
        to->letters_due += (uint64_t)leased + (uint64_t)expiring;
}

uint64_t letters_from(const struct queue *q)
{
    return q->leased + q->ttl_count + q->letters_due;
}

bool queue_reserve(struct queue *q, uint64_t count)
{
    count += q->letters_due;
    return count <= UINT32_MAX && log_reserve(&q->log, (uint32_t)count) &&
           (q->options.order == ENGINE_FIFO || ready_reserve(q, count));
}

/* Room for so many letters more where they go, and for what they have beyond the usual. */
bool letters_reserve(struct engine *e, struct queue *to, uint64_t count)
{
    for (; to; to = to->letters) {
        if (count > UINT32_MAX || !queue_reserve(to, count) ||
            !extras_reserve(e, to, (uint32_t)count, to->options.ttl_ms > 0))
            return false;
    }
    return true;
}

static void record_arrival(struct engine *e, struct queue *q, uint64_t sequence, enum engine_reason reason,
                           const struct message *letter)
{
    struct engine_record *put = record_new(e, q->letters, ENGINE_RECORD_PUT);
    if (!put)
        return;
    const struct extra *x = message_extra(e, letter);
    struct engine_effects *fx = e->effects;
    put->first = x->sequence;
    put->count = 1;
    put->source = ENGINE_BY_DEATH;
    put->reason = reason;
    put->deliveries = x->source_deliveries;
    put->expires_ns = x->ttl.key == ENGINE_FOREVER ? 0 : x->ttl.key;
    put->source_incarnation = q->incarnation;
    put->source_sequence = sequence;
    put->name = effects_text(fx, q->name, q->name_size);
    fx->bodies[fx->body_count] = message_body(letter);
    put->bodies = &fx->bodies[fx->body_count++];
}

/* One that is thrown away where it comes has no number there. */
static void record_thrown_away(struct engine *e, struct queue *to)
{
    struct engine_record *discard = record_new(e, to, ENGINE_RECORD_DISCARD);
    if (!discard)
        return;
    discard->count = 1;
    discard->source = ENGINE_BY_DEATH;
}

static void record_letter(struct engine *e, struct queue *q, uint64_t sequence, enum engine_reason reason,
                          const struct message *letter)
{
    struct engine_record *group = group_open(e, q, q->letters);
    struct engine_record *dead = record_new(e, q, ENGINE_RECORD_DEAD);
    if (dead) {
        dead->first = sequence;
        dead->count = 1;
        dead->reason = reason;
    }
    if (letter)
        record_arrival(e, q, sequence, reason, letter);
    else if (q->letters)
        record_thrown_away(e, q->letters);
    group_close(e, group, q, q->letters);
}

static const struct message *letter_arrive(struct engine *e, struct queue *q, uint64_t sequence, struct message *m,
                                           enum engine_reason reason)
{
    struct queue *to = q->letters;
    uint64_t at = to->log.tail;
    struct message *letter = log_append(&to->log);
    *letter = (struct message){
        .chunk = m->chunk, .offset = m->offset, .length = m->length, .lease = put_time(e), .state = MESSAGE_READY};
    struct extra *x = m->extended ? extra_pass(e, q, m, letter, at) : extra_new(e, letter, at);
    x->attempt = 0;
    x->reason = reason;
    x->source = q->source;
    q->source->uses++;
    x->source_sequence = sequence;
    x->source_ns = e->now;
    x->source_deliveries = m->deliveries;
    if (to->options.order == ENGINE_PRIORITY && to->priority_kind == ENGINE_PRIORITY_NONE)
        priority_fix(to, &(struct engine_put_options){0}); /* as a put that says none */
    x->priority = priority_lowest(to);
    if (to->options.ttl_ms)
        extra_ttl(e, to, x, deadline_after(e, milliseconds(to->options.ttl_ms)));
    ready_arrive(to, at, letter, x->priority);
    to->ready++;
    to->queued_bytes += m->length;
    to->counter_unfinished += queue_is_counter(to);
    to->tally.dead_in++;
    e->messages++;
    return letter;
}

void message_die(struct engine *e, struct queue *q, uint64_t sequence, struct message *m, enum engine_reason reason)
{
    struct queue *to = q->letters;
    const struct message *letter = NULL;
    bool discards = to && to->closed == 2;
    if (discards)
        queue_throws_away(to, 1);
    else if (to)
        letter = letter_arrive(e, q, sequence, m, reason);
    if (to)
        queue_mark(e, to);
    q->tally.dead += reason != ENGINE_REASON_EXPIRED;
    record_letter(e, q, sequence, reason, letter);
    if (letter)
        message_forget(e, q, sequence, m);
    else
        message_finish(e, q, sequence, m);
    queue_mark(e, q);
}

/* ---- shown ---- */

bool letter_room(const struct engine *e, const struct message *m)
{
    const struct extra *x = message_extra(e, m);
    return !x || !x->source || effects_text_room(e->effects, x->source->size);
}

void letter_detail(struct engine *e, struct engine_effect *a, uint32_t index, const struct message *m)
{
    const struct extra *x = message_extra(e, m);
    struct engine_effects *fx = e->effects;
    if (!x || !x->source)
        return;
    if (!a->got.detail_count)
        a->got.details = fx->details + fx->detail_count;
    a->got.detail_count++;
    fx->details[fx->detail_count++] = (struct engine_detail){
        .index = index,
        .state = ENGINE_IS_LEASED,
        .reason = x->reason,
        .source = effects_text(fx, x->source->name, x->source->size),
        .source_sequence = x->source_sequence,
        .source_age_ns = e->now - x->source_ns,
        .source_deliveries = x->source_deliveries,
    };
}
