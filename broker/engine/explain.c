/* SPDX-License-Identifier: Apache-2.0 */
/* Who and what the waiting requests of a queue wait for (ADM-1), as facts of which others make sentences. It changes nothing, and
 * looks at no more than so many things. */
#include "model.h"

enum { LOOKS_MAX = 1000, PATH_MAX_QUEUES = 8 };

struct explaining {
    struct engine *e;
    struct engine_effect *a;
    struct queue *q;
    uint32_t looks;
    struct engine_fact none;                   /* takes what does not fit */
    const struct queue *path[PATH_MAX_QUEUES]; /* from q, each held by a session that waits to put into the next */
    const struct member *held[PATH_MAX_QUEUES];
    uint32_t length;
};

static struct engine_text name_of(struct engine *e, const struct queue *q)
{
    return effects_text(e->effects, q->name, q->name_size);
}

/* The next fact; what does not fit is left out. */
static struct engine_fact *fact(struct explaining *x, enum engine_fact_kind kind, const struct queue *q)
{
    struct engine_effects *fx = x->e->effects;
    if (x->a->explained.count == ENGINE_FACTS_MAX)
        return &x->none;
    x->a->explained.count++;
    struct engine_fact *f = &fx->facts[fx->fact_count++];
    *f = (struct engine_fact){.kind = kind, .queue = name_of(x->e, q)};
    return f;
}

/* A session that has messages leased, that of the oldest lease among those looked at. */
static void holder(struct explaining *x, struct engine_fact *f)
{
    const struct member *m;
    uint32_t oldest = 0;
    DL_FOREACH2 (x->q->members, m, qnext) {
        if (++x->looks > LOOKS_MAX)
            return;
        uint32_t age = m->runs ? put_time(x->e) - m->runs->since : 0;
        if (!m->runs || (f->session.value && age <= oldest))
            continue;
        oldest = age;
        f->session = m->session->id;
        f->age_ns = (uint64_t)age * 10000000u;
    }
}

static void delayed(struct explaining *x, enum engine_fact_kind kind)
{
    struct engine_fact *f = fact(x, kind, x->q);
    uint64_t due = x->q->delayed.count ? x->q->delayed.item[0].key : 0;
    f->count = queue_delayed(x->q);
    f->until_ns = due > x->e->now ? due - x->e->now : 0;
}

static void explain_joins(struct explaining *x)
{
    const struct queue *q = x->q;
    uint64_t ready = queue_ready(q);
    if (queue_is_counter(q)) {
        fact(x, ENGINE_FACT_JOIN_COUNTED, q)->count = q->counter_unfinished;
        return;
    }
    if (q->leased + q->receipts) {
        struct engine_fact *f = fact(x, ENGINE_FACT_JOIN_LEASED, q);
        f->count = q->leased + q->receipts;
        holder(x, f);
    }
    if (queue_delayed(q))
        delayed(x, ENGINE_FACT_JOIN_DELAYED);
    if (ready)
        fact(x, q->paused & ENGINE_PAUSED_GETS ? ENGINE_FACT_JOIN_PAUSED : ENGINE_FACT_JOIN_READY, q)->count = ready;
}

/* ---- puts ---- */

static bool on_path(const struct explaining *x, const struct queue *q)
{
    for (uint32_t i = 1; i < x->length; i++) {
        if (x->path[i] == q)
            return true;
    }
    return false;
}

/* From the last queue of the path to those where its holders wait to put. True: the path comes back to its beginning. */
static bool follow(struct explaining *x)
{
    const struct queue *q = x->path[x->length - 1];
    const struct member *m;
    DL_FOREACH2 (q->members, m, qnext) {
        const struct waiter *w;
        if (++x->looks > LOOKS_MAX)
            return false;
        if (!m->leased)
            continue;
        DL_FOREACH2 (m->session->waiters, w, snext) {
            if (++x->looks > LOOKS_MAX)
                return false;
            if (w->kind != WAITER_PUT || !w->line)
                continue;
            x->held[x->length - 1] = m;
            if (w->queue == x->q)
                return true;
            if (x->length == PATH_MAX_QUEUES || on_path(x, w->queue))
                continue;
            x->path[x->length++] = w->queue;
            if (follow(x))
                return true;
            x->length--;
        }
    }
    return false;
}

static void explain_cycle(struct explaining *x)
{
    x->looks = 0;
    x->length = 1;
    x->path[0] = x->q;
    if (!follow(x))
        return;
    for (uint32_t i = 0; i < x->length; i++) {
        struct engine_fact *f = fact(x, ENGINE_FACT_PUT_CYCLE, x->path[i]);
        f->other = name_of(x->e, x->path[i + 1 < x->length ? i + 1 : 0]);
        f->session = x->held[i]->session->id;
        f->count = x->held[i]->leased;
    }
}

static void explain_puts(struct explaining *x)
{
    const struct queue *q = x->q;
    struct engine_fact *f;
    if (q->paused & ENGINE_PAUSED_PUTS) {
        fact(x, ENGINE_FACT_PUT_PAUSED, q)->count = q->put_count;
    } else {
        f = fact(x, ENGINE_FACT_PUT_FULL, q);
        f->session = q->puts->session->id;
        f->bytes = !q->options.max_messages || queue_depth(q) < q->options.max_messages;
        f->count = f->bytes ? queue_depth_bytes(q) : queue_depth(q);
        f->limit = f->bytes ? q->options.max_bytes : q->options.max_messages;
    }
    if (q->put_count > 1) {
        f = fact(x, ENGINE_FACT_PUT_BEHIND, q);
        f->count = q->put_count - 1;
        f->session = q->puts->session->id;
    }
    explain_cycle(x);
}

/* ---- gets ---- */

static void explain_producers(struct explaining *x)
{
    const struct queue *q = x->q;
    const struct producer *p;
    for (p = q->producers; q->producers_lost && p; p = p->hh.next) {
        if (!p->lost || !effects_text_room(x->e->effects, 2 * ENGINE_NAME_MAX) || ++x->looks > LOOKS_MAX)
            continue;
        struct engine_fact *f = fact(x, ENGINE_FACT_GET_PRODUCER_LOST, q);
        f->producer = effects_text(x->e->effects, p->name, p->size);
        f->age_ns = x->e->now - p->left_ns;
    }
    if (!q->options.producers || q->closed)
        return;
    struct engine_fact *f = fact(x, ENGINE_FACT_GET_PRODUCERS, q);
    f->count = q->producers_finished;
    f->limit = q->options.producers == ENGINE_PRODUCERS_AUTO ? HASH_COUNT(q->producers) : q->options.producers;
}

static void explain_gets(struct explaining *x)
{
    const struct queue *q = x->q;
    if (q->paused & ENGINE_PAUSED_GETS)
        fact(x, ENGINE_FACT_GET_PAUSED, q)->count = q->ready;
    else if (!queue_delayed(q) && !q->closed)
        fact(x, ENGINE_FACT_GET_EMPTY, q)->count = q->get_count;
    if (queue_delayed(q))
        delayed(x, ENGINE_FACT_GET_DELAYED);
    if (q->closed && q->leased + q->receipts) {
        struct engine_fact *f = fact(x, ENGINE_FACT_GET_LEASED, q);
        f->count = q->leased + q->receipts;
        holder(x, f);
    }
    explain_producers(x);
}

int handle_explain(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    struct queue *q;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    struct explaining x = {.e = e, .a = a, .q = q};
    a->explained.item = e->effects->facts + e->effects->fact_count;
    a->explained.count = 0;
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    if (queue_busy(q) || q->wilted)
        fact(&x, ENGINE_FACT_BUSY, q);
    if (q->join_count)
        explain_joins(&x);
    if (q->puts)
        explain_puts(&x);
    if (q->get_count)
        explain_gets(&x);
    if (!a->explained.count)
        fact(&x, ENGINE_FACT_NOTHING_WAITS, q);
    return JQ_OK;
}
