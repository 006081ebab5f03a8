/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots read back: queues whose earlier records are gone begin with what a snapshot says of them. While that goes on, records may
 * tell of messages that it has not come to: they are counted, and will not be told. See snapshot.c. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* ---- a queue ---- */

void restore_free(struct queue *q)
{
    if (!q->restore)
        return;
    free(q->restore->letters);
    free(q->restore);
    q->restore = NULL;
}

static struct restore *restore_of(struct queue *q)
{
    if (!q->restore)
        q->restore = calloc(1, sizeof *q->restore);
    return q->restore;
}

/* Where letters go may not have been told yet: they are linked at the end, and until then dropped ... */
struct engine_queue_options restore_without_letters(const struct engine_record *record)
{
    struct engine_queue_options options = record->options;
    options.dead_drop |= options.dead_letter.size > 0;
    options.dead_letter = (struct engine_text){0};
    return options;
}

/* ... but the options say already how it will be. */
int restore_letters(struct queue *q, const struct engine_queue_options *options)
{
    struct engine_text name = options->dead_letter;
    struct restore *restore = name.size || q->restore ? restore_of(q) : NULL;
    char *copy = name.size ? malloc(name.size) : NULL;
    if (name.size && (!restore || !copy)) {
        free(copy);
        return JQ_OVERLOADED;
    }
    q->options.dead_drop = options->dead_drop;
    if (!restore)
        return JQ_OK;
    if (copy)
        memcpy(copy, name.data, name.size);
    free(restore->letters);
    restore->letters = copy;
    restore->letters_size = name.size;
    return JQ_OK;
}

static void state_set(struct queue *q, const struct engine_state *state)
{
    q->declared = state->declared;
    q->paused = (uint32_t)state->paused & (ENGINE_PAUSED_PUTS | ENGINE_PAUSED_GETS);
    q->closed = (uint32_t)state->closed;
    q->truncated = state->truncated;
    q->truncated_last = state->truncated_last;
    q->generation = state->generation;
    q->ends_past = q->ends_over = state->ends_over;
    q->counter_unfinished = state->counter_unfinished;
    q->lowered = state->lowered;
    q->tally = (struct tallies){.put = state->put,
                                .done = state->done,
                                .dead = state->dead,
                                .expired = state->expired,
                                .discarded = state->discarded,
                                .moved_in = state->moved_in,
                                .moved_out = state->moved_out,
                                .dead_in = state->dead_in,
                                .delivered = state->delivered,
                                .redelivered = state->redelivered,
                                .lease_expired = state->lease_expired};
    q->priority_kind = (uint32_t)state->priority_kind;
    q->returned.levels = q->priority_kind == ENGINE_PRIORITY_BYTES ? &q->levels : NULL;
}

static bool state_makes_sense(const struct engine_record *record)
{
    const struct engine_state *s = record->state;
    const struct engine_queue_options *o = &record->options;
    return s && s->closed <= 2 && s->generation && s->first <= s->tail && s->tail && s->tail < ENGINE_FOREVER / 2 &&
           s->priority_kind <= ENGINE_PRIORITY_BYTES && s->ends_over <= s->tail && o->durable == 1 &&
           o->order <= ENGINE_PRIORITY && o->accounting <= ENGINE_COUNTER && o->bound <= ENGINE_BOUND_OUTSTANDING &&
           o->lifetime <= ENGINE_OF_USERS && o->on_producer_lost <= ENGINE_LOST_FAIL;
}

static int restore_state(struct engine *e, const struct engine_record *record)
{
    struct engine_effect answer = {0};
    const struct engine_command c = {.queue = {record->name, 0}};
    struct queue *q;
    if (!state_makes_sense(record) || queue_look(e, &c, &answer, &q) != JQ_OK || q)
        return JQ_STORAGE;
    uint64_t last = e->incarnation_last;
    e->incarnation_last = record->incarnation - 1;
    q = queue_new(e, record->name);
    if (!q || last > e->incarnation_last)
        e->incarnation_last = last;
    if (!q || !restore_of(q) || !log_begin(&q->log, record->state->first, record->state->tail))
        return JQ_OVERLOADED;
    q->options = record->options;
    q->options.dead_letter = (struct engine_text){0};
    state_set(q, record->state);
    q->fresh = q->options.order == ENGINE_FIFO ? record->state->first : q->log.tail;
    q->restore->begun = true;
    q->restore->tail = record->state->tail;
    return restore_letters(q, &record->options);
}

static int options_declared(struct queue *q, const struct engine_record *record)
{
    struct engine_text name = record->options.dead_letter;
    char *copy = name.size ? malloc(name.size) : NULL;
    if (name.size && !copy)
        return JQ_OVERLOADED;
    if (copy)
        memcpy(copy, name.data, name.size);
    free(q->declared_letter);
    q->declared_options = record->options;
    q->declared_letter = copy;
    q->declared_options.dead_letter.data = copy;
    return JQ_OK;
}

int restore_declared(struct queue *q, const struct engine_record *record)
{
    int code = options_declared(q, record);
    return code == JQ_OK ? restore_letters(q, &record->options) : code;
}

static int restore_producer(struct engine *e, struct queue *q, const struct engine_record *record)
{
    struct producer *p = producer_find(q, record->name);
    if (record->name.size < 1 || record->name.size > ENGINE_NAME_MAX)
        return JQ_STORAGE;
    if (!p && !(p = producer_new(e, q, record->name)))
        return JQ_OVERLOADED;
    q->producers_finished += (record->count != 0) - (uint64_t)p->finished;
    p->finished = record->count != 0;
    p->accepted = record->first;
    return JQ_OK;
}

/* ---- messages ---- */

/* In order, each once, and none that was put since. */
static bool places_free(const struct queue *q, const struct engine_record *record)
{
    const struct restore *restore = q->restore;
    return record->count >= 1 && record->count <= ENGINE_BATCH_MAX && record->first >= restore->next &&
           record->first >= 1 && record->first < restore->tail && record->count <= restore->tail - record->first;
}

static bool places_reserve(struct queue *q, const struct engine_record *record)
{
    for (uint32_t i = 0; i < record->count; i++) {
        if (!log_fill_reserve(&q->log, record->first + i))
            return false;
    }
    /* what is before the first block is found by the heap alone */
    if (q->options.order == ENGINE_FIFO && q->fresh < q->log.first * LOG_BLOCK)
        q->fresh = q->log.first * LOG_BLOCK;
    q->restore->next = record->first + record->count;
    return ready_reserve(q, record->count);
}

static int restore_ends(struct engine *e, struct queue *q, const struct engine_record *record)
{
    if (q->options.order != ENGINE_FIFO || !places_free(q, record))
        return JQ_STORAGE;
    if (!places_reserve(q, record))
        return JQ_OVERLOADED;
    for (uint32_t i = 0; i < record->count; i++) {
        struct message *m = log_fill(&q->log, record->first + i);
        *m = (struct message){.end = 1};
        ready_arrive(q, record->first + i, m, 0);
        q->ends++;
        q->log_ends++;
        e->messages++;
    }
    return JQ_OK;
}

int restore_messages(struct engine *e, struct queue *q, const struct engine_record *record, struct arrival *arrival)
{
    struct engine_effect answer = {0};
    if (!places_free(q, record) || record->deliveries > UINT16_MAX || (arrival->lettered && record->count != 1) ||
        priority_check(e, q, &record->put, &answer) != JQ_OK)
        return JQ_STORAGE;
    arrival->at = record->first;
    if (!places_reserve(q, record) || !put_accept(e, q, arrival))
        return JQ_OVERLOADED;
    for (uint32_t i = 0; i < record->count; i++)
        log_at(&q->log, record->first + i)->deliveries = (uint16_t)record->deliveries;
    return JQ_OK;
}

bool restore_unseen(const struct queue *q, uint64_t sequence)
{
    return q->restore && q->restore->begun && sequence >= q->restore->next && sequence < q->restore->tail;
}

/* ---- the end ---- */

static void restore_told(struct queue *q)
{
    q->restore->begun = false;
    if (!q->closed && producers_over(q))
        q->closed = 1;
}

int restore_record(struct engine *e, struct queue *q, const struct engine_record *record)
{
    if (q && e->lenient && record->kind == ENGINE_RECORD_STATE) {
        queue_vanish(e, q);
        q = NULL;
    }
    if (!q)
        return record->kind != ENGINE_RECORD_STATE ? JQ_OK : e->history_partial ? restore_state(e, record) : JQ_STORAGE;
    if (!q->restore || !q->restore->begun || record->kind == ENGINE_RECORD_STATE)
        return JQ_OK; /* it is known better */
    switch (record->kind) {
    case ENGINE_RECORD_STATE_DECLARED:
        return options_declared(q, record);
    case ENGINE_RECORD_STATE_PRODUCER:
        return restore_producer(e, q, record);
    case ENGINE_RECORD_STATE_MARK:
        return mark_restore(q, record->first, record->count ? NULL : &record->mark);
    case ENGINE_RECORD_STATE_ENDS:
        return restore_ends(e, q, record);
    case ENGINE_RECORD_STATE_END:
        restore_told(q);
        return JQ_OK;
    default:
        return JQ_STORAGE;
    }
}

/* By force, where letters go there: from then on they are dropped. */
void restore_deleted(struct engine *e, struct engine_text name)
{
    for (struct queue *q = e->by_incarnation; q; q = q->hh_incarnation.next) {
        struct restore *restore = q->restore;
        if (!restore || restore->letters_size != name.size || memcmp(restore->letters, name.data, name.size) != 0)
            continue;
        restore->letters_size = 0;
        q->options.dead_drop = true;
    }
}

int restore_end(struct engine *e, struct queue *q)
{
    if (!q->restore)
        return JQ_OK;
    if (q->restore->begun)
        return JQ_STORAGE;
    struct engine_queue_options options = q->options;
    struct engine_effect answer = {0};
    struct queue *letters = NULL;
    options.dead_letter = (struct engine_text){q->restore->letters, q->restore->letters_size};
    if (options_check(e, q, (struct engine_text){q->name, q->name_size}, &options, &answer, &letters) != JQ_OK)
        return JQ_STORAGE;
    if (letters) {
        if (!source_make(q) || !letters_reserve(e, letters, letters_from(q)))
            return JQ_OVERLOADED;
        letters_link(e, q, letters);
    }
    restore_free(q);
    return JQ_OK;
}

/* After a gap the figures are made to fit what is there. */
void restore_repair(struct queue *q)
{
    struct tallies *t = &q->tally;
    if (q->restore)
        q->restore->begun = false;
    t->put = t->done + t->dead + t->expired + t->discarded + t->moved_out + (q->log.live - q->log_ends);
    t->put -= t->moved_in + t->dead_in < t->put ? t->moved_in + t->dead_in : t->put;
    if (queue_is_counter(q) && q->counter_unfinished < q->log.live - q->log_ends)
        q->counter_unfinished = q->log.live - q->log_ends;
    q->mark_count = 0; /* whoever waits for one marks anew */
    q->mark_reached = 0;
}
