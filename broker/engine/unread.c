/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that were handed out and whose bodies then could not be read: they wait, each time longer, and who asked gets others. It
 * knows nothing of disks. */
#include "model.h"
#include <string.h>

enum { FIRST_MS = 1000, LAST_MS = 300 * 1000, DOUBLINGS_MAX = 9 };

/* Nobody has seen it: it is not for this that a message dies. */
void unread_return(struct engine *e, struct run *r, uint64_t sequence, struct message *m)
{
    struct queue *q = r->member->queue;
    uint64_t ms = (uint64_t)FIRST_MS << (m->deliveries < DOUBLINGS_MAX ? m->deliveries : DOUBLINGS_MAX);
    ms = ms < LAST_MS ? ms : LAST_MS;
    q->tally.unreadable++;
    lease_return(e, r, sequence, m, !message_dies(q, m), false, milliseconds(ms));
}

/* Whether it would end with its lease, which the journal would have to know (OUT-2). */
static bool ends_with(const struct engine *e, const struct queue *q, const struct message *m)
{
    return q->closed == 2 || extra_expired(e, m);
}

/* False: it must wait for the journal, or there is nothing of it. */
static bool may_come_back(const struct engine *e, struct queue *q, uint64_t sequence)
{
    const struct message *m = log_at(&q->log, sequence);
    return m && (!ends_with(e, q, m) || death_storage_ok(e, q));
}

/* Without memory for the delay a message is released: it was not read because of that, as far as anybody knows. False: so it was. */
static bool end_leases(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c,
                       enum engine_op op)
{
    bool all = true;
    const struct engine_run *runs = op == ENGINE_UNREAD ? c->unread.runs : c->unread.good;
    uint32_t count = op == ENGINE_UNREAD ? c->unread.run_count : c->unread.good_count;
    for (uint32_t i = 0; i < count; i++) {
        bool room = op != ENGINE_UNREAD || delay_reserve(e, q, runs[i].count);
        for (uint32_t k = 0; k < runs[i].count; k++) {
            struct engine_range range = {q->incarnation, runs[i].first + k, 1, runs[i].attempt};
            uint32_t lost = 0;
            if (may_come_back(e, q, range.first))
                (void)settle(e, s, c, room ? op : ENGINE_RELEASE, (struct engine_ranges){&range, 1}, &lost);
        }
        all = all && room;
    }
    return all;
}

/* What is still out of these leases is nobody's from now on, and ends when the journal accepts. Without memory it stays with its session,
 * and comes back with its end; nor can a receipt that nobody has got be confirmed by a later one. */
static void set_aside(struct engine *e, const struct session *s, struct queue *q, const struct engine_run *runs,
                      uint32_t count, struct member **nobody)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < runs[i].count; k++) {
            const struct message *m = log_at(&q->log, runs[i].first + k);
            bool out = m && (m->state == MESSAGE_LEASED || m->state == MESSAGE_RECEIPT);
            struct run *r = out && message_attempt(e, m) == runs[i].attempt ? pool_at(&e->runs, m->lease) : NULL;
            if (!r || r->member->session != s || r->owed)
                continue;
            if (!*nobody)
                *nobody = member_nobody(e, q);
            if (*nobody)
                run_pass(e, r, *nobody);
            else if (r->receipt)
                r->receipt = UINT64_MAX;
        }
    }
}

/* False: what cannot be read is ready again, and must not be handed out to who asked. */
static bool take_back(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c)
{
    struct member *nobody = NULL;
    bool delayed = end_leases(e, s, q, c, ENGINE_UNREAD);
    (void)end_leases(e, s, q, c, ENGINE_RELEASE);
    if (death_storage_ok(e, q))
        return delayed;
    set_aside(e, s, q, c->unread.runs, c->unread.run_count, &nobody);
    set_aside(e, s, q, c->unread.good, c->unread.good_count, &nobody);
    return delayed;
}

static int go_on(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c, uint32_t max,
                 struct engine_effect *a)
{
    uint64_t sequence;
    struct member *m = member_get(e, s, q);
    bool some = m && !queue_busy(q) && !get_ended(q, NULL, true) && !(q->paused & ENGINE_PAUSED_GETS) &&
                ready_next(q, &sequence);
    int code =
        some ? get_hand_out(e, m, max, c->unread.auto_, a) : answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_UNREADABLE, q, 0);
    if (m)
        member_tidy(e, m);
    return code;
}

void unread(struct engine *e, struct session *s, const struct engine_command *c)
{
    struct queue *q = queue_by_incarnation(e, c->queue.incarnation);
    uint32_t max = 0;
    for (uint32_t i = 0; i < c->unread.run_count; i++)
        max += c->unread.runs[i].count;
    for (uint32_t i = 0; i < c->unread.good_count; i++)
        max += c->unread.good[i].count;
    bool goes_on = q && take_back(e, s, q, c);
    struct engine_effect *a = effect_new(e, ENGINE_GOT, s->id, c->request, q);
    answer_rests(a, &(struct rests){c->unread.after, c->unread.written});
    a->got.place = c->unread.place;
    a->got.lost = e->effects->ranges + e->effects->range_count;
    a->got.lost_count = c->unread.lost_count;
    for (uint32_t i = 0; i < c->unread.lost_count; i++)
        (void)effects_range(e->effects, c->unread.lost[i]);
    int code = goes_on ? go_on(e, s, q, c, max, a) : answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_UNREADABLE, q, 0);
    a->code = (enum jqw_code)code;
}
