/* SPDX-License-Identifier: Apache-2.0 */
/* Where bodies lie, and that they have been moved: for a store in which a few survivors hold much memory. It knows nothing of the
 * store but handles. */
#include "model.h"

/* The queue to go on with: they stand in order of incarnation. The one that was surveyed last may be gone. */
struct queue *queue_from(const struct engine *e, uint64_t incarnation)
{
    struct queue *q = queue_by_incarnation(e, incarnation);
    const UT_hash_table *all = e->by_incarnation ? e->by_incarnation->hh_incarnation.tbl : NULL;
    const struct queue *newest = all ? ELMT_FROM_HH(all, all->tail) : NULL;
    if (!newest || newest->incarnation < incarnation)
        return NULL;
    for (q = q ? q : e->by_incarnation; q && q->incarnation < incarnation; q = q->hh_incarnation.next)
        ;
    return q;
}

static void survey_message(struct engine *e, const struct queue *q, uint64_t sequence)
{
    const struct message *m = log_at(&q->log, sequence);
    if (!m || m->end)
        return;
    e->effects->places[e->effects->place_count++] = (struct engine_place){q->incarnation, sequence, message_body(m)};
}

/* At most ENGINE_SLICE messages and queues. */
void survey(struct engine *e, const struct engine_command *c)
{
    struct engine_effects *fx = e->effects;
    uint64_t sequence = c->survey.sequence;
    struct queue *q = queue_from(e, c->survey.incarnation);
    if (q && q->incarnation != c->survey.incarnation)
        sequence = 0;
    fx->place_count = 0;
    for (uint32_t seen = 0; q && seen < ENGINE_SLICE; seen++) {
        sequence = log_next(&q->log, sequence);
        if (sequence < q->log.tail) {
            survey_message(e, q, sequence++);
            continue;
        }
        q = q->hh_incarnation.next;
        sequence = 0;
    }
    fx->surveyed.some = true;
    fx->surveyed.end = !q;
    fx->surveyed.incarnation = q ? q->incarnation : 0;
    fx->surveyed.sequence = sequence;
}

void engine_bodies(const struct engine *e, bool (*each)(void *user, const struct engine_place *place), void *user)
{
    for (const struct queue *q = e->by_incarnation; q; q = q->hh_incarnation.next) {
        for (uint64_t at = log_next(&q->log, 0); at < q->log.tail; at = log_next(&q->log, at + 1)) {
            const struct message *m = log_at(&q->log, at);
            const struct engine_place place = {q->incarnation, at, message_body(m)};
            if (!m->end && !each(user, &place))
                return;
        }
    }
}

/* What has ended or moved in the meantime keeps the place that it has, and the copy is released. */
void bodies_move(struct engine *e, const struct engine_command *c)
{
    JQ_ASSERT(c->relocate.count <= ENGINE_SLICE);
    for (uint32_t i = 0; i < c->relocate.count; i++) {
        const struct engine_relocation *move = &c->relocate.item[i];
        struct queue *q = queue_by_incarnation(e, move->from.incarnation);
        struct message *m = q ? log_at(&q->log, move->from.sequence) : NULL;
        bool same = m && !m->end && m->chunk == move->from.body.chunk && m->offset == move->from.body.offset;
        if (!same) {
            effects_refuse(e->effects, move->to);
        } else {
            effects_release(e->effects, message_body(m));
            m->chunk = move->to.chunk;
            m->offset = move->to.offset;
        }
    }
}
