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

/* Without memory for the delay a message is released: it was not read because of that, as far as anybody knows. False: so it was. */
static bool end_leases(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c,
                       enum engine_op op)
{
    bool all = true;
    const struct engine_run *runs = op == ENGINE_UNREAD ? c->unread.runs : c->unread.good;
    uint32_t count = op == ENGINE_UNREAD ? c->unread.run_count : c->unread.good_count;
    for (uint32_t i = 0; i < count; i++) {
        struct engine_range range = {q->incarnation, runs[i].first, runs[i].count, runs[i].attempt};
        const struct engine_ranges one = {&range, 1};
        uint32_t lost = 0;
        bool room = op != ENGINE_UNREAD || delay_reserve(e, q, range.count);
        (void)settle(e, s, c, room ? op : ENGINE_RELEASE, one, &lost);
        all = all && room;
    }
    return all;
}

/* What cannot come back now, because the journal would have to know, stays with its session and comes back with its end. False: what
 * cannot be read is ready again, and must not be handed out to who asked. */
static bool take_back(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c)
{
    bool records = q->closed == 2 || q->ttl_count;
    if (records && !death_storage_ok(e, q))
        return true;
    bool delayed = end_leases(e, s, q, c, ENGINE_UNREAD);
    (void)end_leases(e, s, q, c, ENGINE_RELEASE);
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
