/* SPDX-License-Identifier: Apache-2.0 */
/* Declare and delete. What a queue is made of is in queue.c; the slices in which a deleted one goes, in close.c. */
#include "model.h"

/* ---- declare ---- */

static const struct {
    size_t offset;
    enum engine_why why;
} options[] = {
#define OPTION_ENTRY(name, member) {offsetof(struct engine_queue_options, member), ENGINE_WHY_OPTION_##name},
    ENGINE_OPTIONS(OPTION_ENTRY)
#undef OPTION_ENTRY
};

static uint64_t option_of(const struct engine_queue_options *o, size_t i)
{
    return *(const uint64_t *)(const void *)((const char *)o + options[i].offset);
}

static int options_differ(struct engine *e, struct engine_effect *a, const struct queue *q,
                          const struct engine_queue_options *o)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        uint64_t is = option_of(&q->options, i);
        if (is != option_of(o, i))
            return answer_fail(e, a, JQ_EXISTS, options[i].why, q, is);
    }
    return JQ_OK;
}

/* A queue that a put or get made by itself takes its options from its first declare, but what has been put or got already stays what it is. */
static bool queue_adopts(const struct queue *q, const struct engine_queue_options *o)
{
    bool used = q->tally.put || q->ends || q->ends_out || q->tally.delivered;
    return !used || (q->options.accounting == o->accounting && q->options.durable == o->durable);
}

static void record_declare(struct engine *e, struct queue *q)
{
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_DECLARE);
    if (record) {
        record->options = q->options;
        record->name = effects_text(e->effects, q->name, q->name_size);
    }
}

int handle_declare(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    const struct engine_queue_options *o = &c->declare.options;
    struct queue *q;
    int code = queue_look(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    if (o->accounting == ENGINE_COUNTER && o->lease_ms)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_COUNTER_HAS_NO_LEASES, NULL, 0);
    if (q && (q->declared || (c->declare.existing_ok && !queue_adopts(q, o)))) {
        code = c->declare.existing_ok ? JQ_OK : options_differ(e, a, q, o);
        a->incarnation = q->incarnation;
        a->after = q->watermark;
        return code;
    }
    if (o->durable && e->journal_refuses)
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, NULL, 0);
    if (q && !queue_adopts(q, o))
        return answer_fail(e, a, JQ_EXISTS,
                           q->options.durable == o->durable ? ENGINE_WHY_OPTION_ACCOUNTING : ENGINE_WHY_OPTION_DURABLE,
                           q, 0);
    if (!q && (c->nothing_new || !(q = queue_new(e, c->queue.name))))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    q->declared = true;
    q->options = *o;
    record_declare(e, q);
    if (o->producers && q->producers_finished >= o->producers)
        queue_close(e, q);
    queue_mark(e, q);
    a->incarnation = q->incarnation;
    a->after = q->watermark;
    return JQ_OK;
}

/* ---- delete ---- */

/* Its members leave their sessions; leases in it are looked for by incarnation, and so lost from here on. */
static void delete_members(struct engine *e, struct queue *q)
{
    DL_CONCAT2(q->returns, q->stuck, qprev, qnext);
    q->stuck = NULL;
    struct member *m, *next;
    DL_FOREACH_SAFE2 (q->members, m, next, qnext) {
        if (m->session->blocked)
            session_unpass(m->session, q);
        producer_detach(m);
        HASH_DEL(e->members, m);
        DL_DELETE2(m->session->members, m, sprev, snext);
        m->session = NULL;
        DL_DELETE2(q->members, m, qprev, qnext);
        DL_APPEND2(q->returns, m, qprev, qnext);
    }
}

int handle_delete(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    uint64_t contents = q->ready + q->delayed_count + q->leased + q->receipts;
    if (c->delete_.if_empty && (contents || queue_unfinished(q)))
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_QUEUE_NOT_EMPTY, q, 0);
    if (!queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    struct waiter *w;
    if ((code = waiter_new(e, s, q, WAITER_SWEEP, c, ENGINE_FOREVER, a, &w)) != JQ_OK)
        return code;
    w->sweep.discarded = contents;
    if (record_new(e, q, ENGINE_RECORD_DELETE))
        e->deleted_watermark = q->watermark;
    HASH_DELETE(hh_name, e->by_name, q);
    HASH_DELETE(hh_incarnation, e->by_incarnation, q);
    q->deleted = true;
    e->zombies++;
    heap_remove(&e->delayed, &q->delayed_due);
    heap_remove(&e->expiries, &q->expiry_due);
    delete_members(e, q);
    q->deleting = w;
    queue_mark(e, q);
    queue_work(e, q);
    return ENGINE_PARKED;
}
