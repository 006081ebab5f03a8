/* SPDX-License-Identifier: Apache-2.0 */
/* Gets: hand out what is ready, in order of arrival, or say that nothing can come any more. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* END-2. A get that does not wait counts as waiting at its check. */
bool get_ended(const struct queue *q, const struct member *asking, bool final)
{
    if (!q->closed || q->puts || q->ready || q->delayed_count || queue_busy(q))
        return false;
    bool at_once = q->closed == 2, counter = queue_is_counter(q);
    uint64_t leased = at_once ? 0 : q->leased, leased_idle = at_once ? 0 : q->leased_idle;
    uint64_t receipts = at_once && !counter ? 0 : q->receipts;
    uint64_t receipts_idle = at_once && !counter ? 0 : q->receipts_idle;
    if (final)
        return leased + receipts == 0;
    uint64_t own = 0;
    if (asking && !asking->idle_gets)
        own = (at_once ? 0 : asking->leased) + (at_once && !counter ? 0 : asking->receipts);
    return leased + receipts == leased_idle + receipts_idle + own;
}

/* ---- handing out ---- */

struct handout {
    struct engine *e;
    struct member *m;
    struct engine_effect *a;
    struct run *run;          /* the one that grows */
    struct engine_run *shown; /* likewise, in the answer: ends where the delivery count changes, too */
    uint64_t receipt;
    uint64_t deadline;
    uint64_t bytes;
    uint32_t attempt; /* of the message at hand */
};

static void handout_run(struct handout *h, uint64_t sequence, const struct message *message)
{
    struct run *r = h->run;
    bool grows = r && r->first + r->count == sequence && r->attempt == h->attempt;
    if (!grows) {
        r = h->run = run_new(h->e, h->m, sequence, h->attempt, h->receipt, h->deadline);
        r->put_time = message->lease;
    }
    r->count++;
    r->live++;
    struct engine_run *shown = h->shown;
    if (grows && shown->deliveries == message->deliveries) {
        shown->count++;
        return;
    }
    struct engine_effects *fx = h->e->effects;
    h->shown = &fx->runs[fx->run_count++];
    *h->shown = (struct engine_run){sequence, 1, h->attempt, message->deliveries};
    h->a->got.run_count++;
}

static void handout_message(struct handout *h, struct queue *q, uint64_t sequence, struct message *message)
{
    struct engine_effects *fx = h->e->effects;
    ready_take(q, sequence);
    uint32_t *attempt = message_attempt_at(h->e, message);
    q->tally.redelivered += *attempt > 0;
    h->attempt = ++*attempt;
    if (JQ_UNLIKELY(message->extended)) {
        extra_ttl_stop(h->e, q, message);
        letter_detail(h->e, h->a, h->a->got.body_count++, message);
    } else {
        h->a->got.body_count++;
    }
    handout_run(h, sequence, message);
    message->lease = h->run->index;
    message->state = h->receipt ? MESSAGE_RECEIPT : MESSAGE_LEASED;
    h->bytes += message->length;
    fx->bodies[fx->body_count++] = message_body(message);
}

static void handout_end(struct handout *h, struct queue *q, uint64_t sequence, struct message *message)
{
    ready_take(q, sequence);
    message->attempt++;
    message->state = MESSAGE_RECEIPT;
    struct run *r = run_new(h->e, h->m, sequence, message->attempt, h->receipt, ENGINE_FOREVER);
    r->count = r->live = 1;
    r->end = true;
    message->lease = r->index;
    q->ends--;
    q->ends_out++;
    struct engine_effects *fx = h->e->effects;
    h->a->got.receipt = h->receipt;
    h->a->got.runs = &fx->runs[fx->run_count];
    h->a->got.run_count = 1; /* by which it can be released */
    fx->runs[fx->run_count++] = (struct engine_run){sequence, 1, message->attempt, 0};
}

/* Hands out what the next ready one is: an end, or messages. Something is ready. JQ_OK, JQ_END, or JQ_OVERLOADED with nothing
 * changed. */
static int handout(struct engine *e, struct member *m, uint32_t max, bool auto_, struct engine_effect *a)
{
    struct queue *q = m->queue;
    struct engine_effects *fx = e->effects;
    bool receipt = auto_ || queue_is_counter(q);
    uint64_t sequence, count = max < q->ready ? max : q->ready;
    struct message *message = ready_next(q, &sequence);
    if (!lease_reserve(e, m->session, q, message->end ? 1 : count, receipt || message->end))
        return JQ_OVERLOADED;
    struct handout h = {.e = e, .m = m, .a = a, .deadline = ENGINE_FOREVER};
    if (receipt || message->end)
        h.receipt = ++m->session->receipt_last;
    else
        h.deadline = lease_deadline(e, q);
    if (message->end) {
        handout_end(&h, q, sequence, message);
        return JQ_END;
    }
    a->got.runs = fx->runs + fx->run_count;
    a->got.bodies = fx->bodies + fx->body_count;
    a->got.body_count = 0;
    uint32_t given = 0;
    for (; given < count && message && !message->end; message = ready_next(q, &sequence), given++) {
        if (given && (h.bytes + message->length > ENGINE_GOT_BYTES || !letter_room(e, message)))
            break;
        handout_message(&h, q, sequence, message);
    }
    a->got.receipt = h.receipt;
    q->ready -= given;
    q->queued_bytes -= h.bytes;
    *(receipt ? &q->receipts : &q->leased) += given;
    if (!receipt)
        letters_change(e, q, given, 0);
    q->leased_bytes += receipt ? 0 : h.bytes;
    q->tally.delivered += given;
    member_hold(m, receipt ? 0 : given, receipt ? given : 0);
    queue_mark(e, q);
    return JQ_OK;
}

/* ---- the request ---- */

void get_keep(struct engine *e, struct waiter *w, const struct engine_command *c, const struct engine_effect *a)
{
    (void)e;
    w->get.lost_count = a->got.lost_count;
    if (a->got.lost_count) {
        memcpy(w->get.lost, a->got.lost, a->got.lost_count * sizeof *w->get.lost);
    } else {
        free(w->get.lost);
        w->get.lost = NULL;
    }
    w->rests = (struct rests){a->after, a->written};
    w->get.generation = w->queue->generation;
    w->get.max = c->get.max;
    w->get.auto_ = c->get.auto_;
    w->get.final = c->get.final;
}

static void get_park(struct engine *e, struct member *m, const struct engine_command *c, struct waiter *w,
                     const struct engine_effect *a)
{
    get_keep(e, w, c, a);
    waiter_line(e, w, m);
    if (!c->get.timeout_ns)
        waiter_late(w, JQ_EMPTY);
}

/* A waiter with room for all that the carried ranges may lose. */
int get_waiter(struct engine *e, struct member *m, const struct engine_command *c, struct engine_effect *a,
               struct waiter **out)
{
    uint64_t lost = 0;
    for (uint32_t i = 0; i < c->get.done.count; i++)
        lost += c->get.done.item[i].count / 2 + 1;
    for (uint32_t i = 0; i < c->get.release.count; i++)
        lost += c->get.release.item[i].count / 2 + 1;
    struct engine_range *room = lost ? malloc(lost * sizeof *room) : NULL;
    if (lost && !room)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, m->queue, 0);
    int code = waiter_new(e, m->session, m->queue, WAITER_GET, c, c->get.timeout_ns, a, out);
    if (code == JQ_OK)
        (*out)->get.lost = room;
    else
        free(room);
    return code;
}

/* With dones to carry out first, whatever the get may need is had before they are. */
static int get_prepare(struct engine *e, struct member *m, const struct engine_command *c, struct engine_effect *a,
                       struct waiter **out)
{
    struct queue *q = m->queue;
    if (!lease_reserve(e, m->session, q, c->get.max, c->get.auto_ || queue_is_counter(q)))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    return get_waiter(e, m, c, a, out);
}

void get_carried(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    uint32_t lost = 0;
    a->got.lost = e->effects->ranges + e->effects->range_count;
    (void)settle(e, s, c, ENGINE_DONE, c->get.done, &lost);
    (void)settle(e, s, c, ENGINE_RELEASE, c->get.release, &lost);
    a->got.lost_count = lost;
    const struct engine_ranges carried[] = {c->get.done, c->get.release};
    for (int i = 0; i < 2; i++) {
        for (uint32_t k = 0; k < carried[i].count; k++)
            answer_rests_on(a, queue_by_incarnation(e, carried[i].item[k].incarnation));
    }
}

int get_hand_out(struct engine *e, struct member *m, uint32_t max, bool auto_, struct engine_effect *a)
{
    struct queue *q = m->queue;
    int code = handout(e, m, max, auto_, a);
    answer_rests_on(a, q);
    if (code == JQ_OK)
        return code;
    return answer_fail(e, a, (enum jqw_code)code, code == JQ_END ? ENGINE_WHY_QUEUE_ENDED : ENGINE_WHY_MEMORY, q, 0);
}

/* The answer there is at once, or ENGINE_PARKED: it must wait for messages, for its turn, or for what a busy queue has to come. */
static int get_now(struct engine *e, struct member *m, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q = m->queue;
    uint64_t sequence;
    if (c->generation && c->generation < q->generation)
        return answer_fail(e, a, generation_end_code(q, c->generation), ENGINE_WHY_GENERATION_OLD, q, q->generation);
    if (q->gets || queue_busy(q) || q->dirty)
        return ENGINE_PARKED;
    if (!get_ended(q, NULL, true) && !(q->paused & ENGINE_PAUSED_GETS) && ready_next(q, &sequence))
        return get_hand_out(e, m, c->get.max, c->get.auto_, a);
    if (get_ended(q, m, c->get.final)) {
        if (!c->get.final) { /* it is so for the others who wait, too */
            q->end_idle_until = e->order_last;
            queue_mark(e, q);
        }
        return answer_fail(e, a, queue_end_code(q), queue_end_why(q), q, 0);
    }
    if (!c->get.timeout_ns)
        return answer_fail(e, a, JQ_EMPTY, ENGINE_WHY_QUEUE_EMPTY, q, 0);
    return ENGINE_PARKED;
}

static int get_check(struct engine *e, const struct engine_command *c, struct engine_effect *a)
{
    if (c->get.max < 1 || c->get.max > ENGINE_BATCH_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_BATCH_COUNT, NULL, ENGINE_BATCH_MAX);
    int code = settle_check(e, c, ENGINE_DONE, c->get.done, a);
    return code != JQ_OK ? code : settle_check(e, c, ENGINE_RELEASE, c->get.release, a);
}

static int get_from(struct engine *e, struct member *m, const struct engine_command *c, struct engine_effect *a)
{
    int code;
    struct waiter *w = NULL;
    if (c->get.done.count || c->get.release.count) {
        if ((code = get_prepare(e, m, c, a, &w)) != JQ_OK)
            return code;
        m->waiting_gets++; /* keeps it while its leases go */
        get_carried(e, m->session, c, a);
        m->waiting_gets--;
    }
    code = get_now(e, m, c, a);
    if (code == ENGINE_PARKED && !w) {
        int failed = get_waiter(e, m, c, a, &w);
        code = failed == JQ_OK ? code : failed;
    }
    if (code == ENGINE_PARKED)
        get_park(e, m, c, w, a);
    else if (w)
        waiter_free(e, w);
    return code;
}

int handle_get(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    int code = get_check(e, c, a);
    if (code != JQ_OK)
        return code;
    if (c->get.other_count)
        return get_many(e, s, c, a);
    struct queue *q;
    bool made;
    if ((code = queue_find_or_make(e, c, a, &q, &made)) != JQ_OK)
        return code;
    a->incarnation = q->incarnation;
    if (c->generation > q->generation) {
        code = answer_fail(e, a, JQ_INVALID, ENGINE_WHY_GENERATION_UNKNOWN, q, c->generation);
        goto out;
    }
    struct member *m = member_get(e, s, q);
    if (m) {
        code = get_from(e, m, c, a);
        member_tidy(e, m);
    } else {
        code = answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    }
out:
    if (made)
        queue_unmake(e, q, a, code);
    return code;
}

bool get_serve(struct engine *e, struct queue *q)
{
    struct waiter *w = q->gets;
    uint64_t sequence;
    if (!w || behind_sweep(q, w) || (q->paused & ENGINE_PAUSED_GETS) || !ready_next(q, &sequence))
        return false;
    struct waiter *root = w->root ? w->root : w;
    struct engine_effect *a = effect_new(e, ENGINE_GOT, w->session->id, (uint32_t)w->key.request, q);
    waiter_lost(e, root, a);
    answer_rests(a, &root->rests);
    a->got.place = w->place;
    a->code = (enum jqw_code)get_hand_out(e, w->member, w->get.max, w->get.auto_, a);
    waiter_free(e, root);
    return true;
}
