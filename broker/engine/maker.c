/* SPDX-License-Identifier: Apache-2.0 */
/* Who made a queue, so that nobody makes more than it may. Makers are numbers that the server gives; they are not kept beyond this run
 * of the broker, and a queue that was read back has none. */
#include "model.h"
#include <stdlib.h>

struct maker {
    uint64_t id;
    uint64_t queues; /* of those that are there, made by it */
    UT_hash_handle hh;
};

static struct maker *maker_find(struct engine *e, uint64_t id)
{
    struct maker *o;
    HASH_FIND(hh, e->makers, &id, sizeof id, o);
    return o;
}

static void maker_forget(struct engine *e, struct maker *o)
{
    if (!o || o->queues)
        return;
    HASH_DELETE(hh, e->makers, o);
    free(o);
}

static struct maker *maker_new(struct engine *e, uint64_t id)
{
    struct maker *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->id = id;
    HASH_ADD(hh, e->makers, id, sizeof o->id, o);
    if (o->hh.tbl)
        return o;
    free(o);
    return NULL;
}

int queue_make(struct engine *e, const struct engine_command *c, struct engine_effect *a, struct queue **out)
{
    struct maker *o = c->maker ? maker_find(e, c->maker) : NULL;
    if (c->queues_max && o && o->queues >= c->queues_max)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_QUEUES_TOO_MANY, NULL, c->queues_max);
    bool known = o || !c->maker || (!c->nothing_new && (o = maker_new(e, c->maker)));
    struct queue *q = c->nothing_new || !known ? NULL : queue_new(e, c->queue.name);
    if (!q) {
        maker_forget(e, o);
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    }
    q->maker = o;
    if (o)
        o->queues++;
    *out = q;
    return JQ_OK;
}

void maker_disown(struct engine *e, struct queue *q)
{
    struct maker *o = q->maker;
    if (!o)
        return;
    q->maker = NULL;
    o->queues--;
    maker_forget(e, o);
}
