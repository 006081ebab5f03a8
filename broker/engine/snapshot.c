/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: what durable queues and kept answers are, said anew as records, a slice at a time and beside everything else, so that
 * older records can go. Between two slices anything may happen: what has been told is followed by records of its own, and what has
 * not will be told as it is then. It knows nothing of files. How it is read is in restore.c. */
#include "model.h"
#include <string.h>

/* ---- messages ---- */

/* What those of one record have in common. */
struct likeness {
    uint64_t expires, priority;
    uint32_t deliveries;
    uint16_t origin;
    bool extended, end;
};

static struct likeness likeness_of(const struct engine *e, const struct message *m)
{
    const struct extra *x = message_extra(e, m);
    return (struct likeness){.expires = x && x->ttl.key != ENGINE_FOREVER ? x->ttl.key : 0,
                             .priority = x ? x->priority : 0,
                             .deliveries = m->deliveries,
                             .origin = m->origin,
                             .extended = x != NULL,
                             .end = m->end};
}

static bool alike(const struct likeness *a, const struct likeness *b)
{
    return a->expires == b->expires && a->priority == b->priority && a->deliveries == b->deliveries &&
           a->origin == b->origin && a->extended == b->extended && a->end == b->end;
}

static bool is_letter(const struct engine *e, const struct message *m)
{
    const struct extra *x = message_extra(e, m);
    return x && x->source;
}

/* The time of day is lost in what the engine keeps, but for the last weeks. */
static uint64_t put_ns(const struct engine *e, const struct message *m)
{
    uint64_t age = (uint64_t)(uint32_t)(put_time(e) - message_put_time(e, m)) * 10000000u;
    return age < e->now ? e->now - age : 0;
}

static struct engine_text keep(struct engine *e, const char *data, uint32_t size)
{
    return effects_text(e->effects, data, size);
}

static void tell_priority(struct engine *e, const struct queue *q, uint64_t key, struct engine_record *record)
{
    record->put.priority.kind = q->priority_kind;
    if (q->priority_kind == ENGINE_PRIORITY_NUMBER) {
        record->put.priority.number = (int64_t)(key ^ (uint64_t)1 << 63);
    } else if (q->priority_kind == ENGINE_PRIORITY_BYTES) {
        struct engine_text bytes = key ? levels_bytes(&q->levels, key) : (struct engine_text){0};
        record->put.priority.bytes = keep(e, bytes.data, bytes.size);
    }
}

static void tell_letter(struct engine *e, const struct extra *x, struct engine_record *record)
{
    record->source = ENGINE_BY_DEATH;
    record->reason = x->reason;
    record->source_deliveries = x->source_deliveries;
    record->source_sequence = x->source_sequence;
    record->name = keep(e, x->source->name, x->source->size);
    record->put_ns = x->source_ns;
}

static struct engine_record *tell_first(struct engine *e, const struct queue *q, uint64_t sequence,
                                        const struct message *m, const struct likeness *like)
{
    const struct extra *x = message_extra(e, m);
    struct engine_record *record =
        record_add(e, q->incarnation, m->end ? ENGINE_RECORD_STATE_ENDS : ENGINE_RECORD_STATE_MESSAGES);
    record->first = sequence;
    if (m->end)
        return record;
    record->deliveries = m->deliveries;
    record->expires_ns = like->expires;
    record->put_ns = put_ns(e, m);
    record->bodies = e->effects->bodies + e->effects->body_count;
    if (x && q->options.order == ENGINE_PRIORITY)
        tell_priority(e, q, x->priority, record);
    if (m->origin)
        memcpy(record->client, q->origin_table[m->origin - 1]->client, ENGINE_CLIENT_ID);
    if (x && x->source)
        tell_letter(e, x, record);
    return record;
}

/* Those from where it is, up to so many. */
static uint32_t tell_messages(struct engine *e, struct snapshot *s, struct queue *q, uint32_t budget)
{
    struct engine_record *record = NULL;
    struct likeness like = {0};
    uint32_t told = 0;
    uint64_t at = log_next(&q->log, s->at);
    for (; at < s->until && told < budget && effects_text_room(e->effects, 2 * ENGINE_NAME_MAX); told++) {
        const struct message *m = log_at(&q->log, at);
        struct likeness is = likeness_of(e, m);
        bool alone = m->state == MESSAGE_DELAYED || is_letter(e, m);
        if (!record || alone || record->first + record->count != at || !alike(&is, &like))
            record = tell_first(e, q, at, m, &is);
        record->count++;
        like = is;
        if (!m->end)
            e->effects->bodies[e->effects->body_count++] = message_body(m);
        if (m->state == MESSAGE_DELAYED && message_due(e, m) != ENGINE_FOREVER)
            record->due_ns = message_due(e, m);
        if (alone)
            record = NULL;
        at = log_next(&q->log, at + 1);
    }
    s->at = at;
    return told + 1;
}

/* ---- what else a queue has ---- */

static uint64_t first_block(const struct queue *q)
{
    uint64_t first = q->log.count ? q->log.first * LOG_BLOCK : q->log.tail;
    return first < q->log.tail ? first : q->log.tail;
}

static void fill_state(const struct queue *q, struct engine_state *state)
{
    const struct tallies *t = &q->tally;
    *state = (struct engine_state){.declared = q->declared,
                                   .paused = q->paused,
                                   .closed = q->closed,
                                   .truncated = q->truncated,
                                   .truncated_last = q->truncated_last,
                                   .generation = q->generation,
                                   .first = first_block(q),
                                   .tail = q->log.tail,
                                   .ends_over = q->ends_over,
                                   .counter_unfinished = q->counter_unfinished,
                                   .lowered = q->lowered,
                                   .priority_kind = q->priority_kind,
                                   .put = t->put,
                                   .done = t->done,
                                   .dead = t->dead,
                                   .expired = t->expired,
                                   .discarded = t->discarded,
                                   .moved_in = t->moved_in,
                                   .moved_out = t->moved_out,
                                   .dead_in = t->dead_in,
                                   .delivered = t->delivered,
                                   .redelivered = t->redelivered,
                                   .lease_expired = t->lease_expired};
}

static void tell_options(struct engine *e, struct engine_record *record, const struct engine_queue_options *options)
{
    record->options = *options;
    record->options.dead_letter = keep(e, options->dead_letter.data, options->dead_letter.size);
}

/* False: the effects have no room for one more. */
static bool tell_state(struct engine *e, struct snapshot *s, const struct queue *q)
{
    struct engine_state *state = effects_state(e->effects);
    if (!state)
        return false;
    struct engine_record *record = record_add(e, q->incarnation, ENGINE_RECORD_STATE);
    fill_state(q, state);
    record->state = state;
    record->name = keep(e, q->name, q->name_size);
    tell_options(e, record, &q->options);
    if (q->declared)
        tell_options(e, record_add(e, q->incarnation, ENGINE_RECORD_STATE_DECLARED), &q->declared_options);
    s->part = SNAPSHOT_PRODUCERS;
    s->at = 0;
    s->until = q->log.tail;
    return true;
}

/* New ones come behind those that are told already, and have records of their own. */
static uint32_t tell_producers(struct engine *e, struct snapshot *s, const struct queue *q, uint32_t budget)
{
    const struct producer *p = q->producers;
    uint32_t told = 0;
    for (uint64_t i = 0; p && i < s->at; i++)
        p = p->hh.next;
    for (; p && told < budget && effects_text_room(e->effects, ENGINE_NAME_MAX); p = p->hh.next, told++) {
        struct engine_record *record = record_add(e, q->incarnation, ENGINE_RECORD_STATE_PRODUCER);
        record->name = keep(e, p->name, p->size);
        record->first = p->accepted;
        record->count = p->finished;
    }
    s->at += told;
    if (!p) {
        s->part = SNAPSHOT_MARKS;
        s->at = 0;
    }
    return told + 1;
}

static uint32_t tell_marks(struct engine *e, struct snapshot *s, const struct queue *q)
{
    struct engine_record *reached = record_add(e, q->incarnation, ENGINE_RECORD_STATE_MARK);
    reached->first = q->mark_reached;
    reached->count = 1;
    for (uint32_t i = 0; i < q->mark_count; i++) {
        struct engine_record *record = record_add(e, q->incarnation, ENGINE_RECORD_STATE_MARK);
        record->first = q->marks[i].sequence;
        record->mark = (struct engine_mark_state){q->marks[i].counted, q->marks[i].base, q->marks[i].target};
    }
    s->part = SNAPSHOT_MESSAGES;
    s->at = 0;
    return q->mark_count + 1;
}

/* ---- the walk ---- */

static void queue_passed(struct snapshot *s, const struct queue *q)
{
    const struct queue *next = q->hh_incarnation.next;
    s->incarnation = next ? next->incarnation : q->incarnation + 1;
    s->part = SNAPSHOT_STATE;
}

static void queue_told(struct engine *e, struct snapshot *s, const struct queue *q)
{
    (void)record_add(e, q->incarnation, ENGINE_RECORD_STATE_END);
    queue_passed(s, q);
}

/* How much of the budget it took; 0: not now. */
static uint32_t tell_queue(struct engine *e, struct snapshot *s, struct queue *q, uint32_t budget)
{
    uint32_t told;
    if (q->incarnation != s->incarnation)
        s->part = SNAPSHOT_STATE; /* the one that it was at is gone */
    s->incarnation = q->incarnation;
    switch (s->part) {
    case SNAPSHOT_STATE:
        if (!q->options.durable) {
            queue_passed(s, q);
            return 1;
        }
        return !queue_busy(q) && tell_state(e, s, q);
    case SNAPSHOT_PRODUCERS:
        return tell_producers(e, s, q, budget);
    case SNAPSHOT_MARKS:
        return tell_marks(e, s, q);
    case SNAPSHOT_MESSAGES:
        told = tell_messages(e, s, q, budget);
        if (s->at >= s->until)
            queue_told(e, s, q);
        return told;
    }
    return 0;
}

/* Of queues in memory nobody asks after a crash. */
static void tell_answer(struct engine *e, const struct client *client, uint32_t slot)
{
    const struct slot *kept = &client->slots[slot];
    const struct queue *q = queue_by_incarnation(e, kept->incarnation);
    if (!kept->kept || (q && !q->options.durable))
        return;
    struct engine_record *record = record_add(e, kept->incarnation, ENGINE_RECORD_KEPT);
    memcpy(record->client, client->id, ENGINE_CLIENT_ID);
    record->once = (struct engine_once){.number = kept->number, .slot = slot};
    record->code = kept->code;
    record->count = (uint32_t)kept->count;
}

static uint32_t tell_client(struct engine *e, struct snapshot *s, uint32_t budget)
{
    const struct client *client = s->client;
    uint32_t told = 0;
    for (; s->slot < client->slot_count && told < budget; told++)
        tell_answer(e, client, s->slot++);
    if (s->slot == client->slot_count) {
        s->client = client->hh.next;
        s->slot = 0;
    }
    return told + 1;
}

static void snapshot_begin(struct engine *e, struct snapshot *s)
{
    struct engine_record *record = record_add(e, 0, ENGINE_RECORD_SNAPSHOT);
    record->first = e->incarnation_last;
    *s = (struct snapshot){.running = true, .first = record->number, .last_incarnation = e->incarnation_last};
    s->client = e->clients;
}

static void snapshot_end(struct engine *e, struct snapshot *s)
{
    (void)record_add(e, 0, ENGINE_RECORD_SNAPSHOT_END);
    s->running = false;
    e->effects->snapshot.end = true;
    e->effects->snapshot.first = s->first;
    e->effects->snapshot.last = e->record_last;
}

void snapshot_client_goes(struct engine *e, const struct client *client)
{
    if (e->snapshot.client != client)
        return;
    e->snapshot.client = client->hh.next;
    e->snapshot.slot = 0;
}

void snapshot_some(struct engine *e, uint32_t budget)
{
    struct snapshot *s = &e->snapshot;
    e->effects->snapshot.some = true;
    e->effects->snapshot.end = false;
    if (e->journal_refuses)
        return;
    if (!s->running)
        snapshot_begin(e, s);
    JQ_ASSERT(budget >= 1 && budget <= ENGINE_SLICE);
    while (budget) {
        struct queue *q = queue_from(e, s->incarnation);
        bool queues = q && q->incarnation <= s->last_incarnation;
        if (!effects_room(e->effects) || (!queues && !s->client))
            break;
        uint32_t told = queues ? tell_queue(e, s, q, budget) : tell_client(e, s, budget);
        if (!told)
            return;
        budget -= told < budget ? told : budget;
    }
    struct queue *q = queue_from(e, s->incarnation);
    if ((!q || q->incarnation > s->last_incarnation) && !s->client && effects_room(e->effects))
        snapshot_end(e, s);
}

uint64_t engine_snapshot_bytes(const struct engine *e)
{
    enum { QUEUE = 200, MESSAGE = 8, PRODUCER = 32, SLOT = 32 };
    uint64_t bytes = e->slots * SLOT + e->producers * PRODUCER;
    for (const struct queue *q = e->by_incarnation; q; q = q->hh_incarnation.next) {
        if (q->options.durable)
            bytes += QUEUE + q->log.live * MESSAGE + q->queued_bytes + q->leased_bytes;
    }
    return bytes;
}
