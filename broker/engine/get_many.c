/* SPDX-License-Identifier: Apache-2.0 */
/* A get from several queues (GET-2): one place in each line, one answer. A waiting one is a root, which belongs to its session, and
 * a part in each line. What a get brings is decided in get.c. */
#include "model.h"

struct many {
    struct engine *e;
    struct session *s;
    const struct engine_command *c;
    struct engine_effect *a;
    struct queue *queues[ENGINE_GET_QUEUES_MAX];
    struct member *members[ENGINE_GET_QUEUES_MAX];
    bool made[ENGINE_GET_QUEUES_MAX];
    uint32_t count;
};

/* ---- parts ---- */

static struct waiter *part_new(struct engine *e, struct waiter *root, const struct many *many, uint32_t place)
{
    uint32_t index;
    struct waiter *part = pool_take(&e->waiter_pool, &index);
    part->index = index;
    part->key = root->key;
    part->kind = WAITER_GET;
    part->session = root->session;
    part->queue = many->queues[place];
    part->order = root->order;
    part->root = root;
    part->place = place;
    part->get.generation = part->queue->generation;
    part->get.max = many->c->get.max;
    part->get.auto_ = many->c->get.auto_;
    part->get.final = many->c->get.final;
    part->part_next = root->parts;
    root->parts = part;
    return part;
}

void parts_free(struct engine *e, struct waiter *root)
{
    while (root->parts) {
        struct waiter *part = root->parts;
        root->parts = part->part_next;
        if (e->joining == part)
            e->joining = NULL;
        if (part->late)
            part->queue->late_count--;
        if (part->line)
            waiter_unline(e, part);
        pool_give(&e->waiter_pool, part->index);
    }
}

/* Something of one of its queues may still change what it is to be told at this moment. */
bool parts_unsettled(const struct waiter *root, const struct queue *but)
{
    for (const struct waiter *part = root->parts; part; part = part->part_next) {
        bool busy = queue_busy(part->queue) && !part->queue->stalled; /* for a disk nobody waits who is not to */
        if (busy || (part->queue->dirty && part->queue != but))
            return true;
    }
    return false;
}

/* All have ended at one moment: then the one to be named, which is one that ended truncated if there is any. NULL: they have not. */
const struct queue *parts_ended(const struct waiter *root)
{
    const struct queue *named = NULL;
    for (const struct waiter *part = root->parts; part; part = part->part_next) {
        if (!get_ended(part->queue, NULL, part->get.final))
            return NULL;
        if (!named || part->queue->truncated)
            named = part->queue;
    }
    return named;
}

/* ---- the request ---- */

static int many_find(struct many *many)
{
    const struct engine_command *c = many->c;
    if (c->get.other_count >= ENGINE_GET_QUEUES_MAX)
        return answer_fail(many->e, many->a, JQ_INVALID, ENGINE_WHY_QUEUE_COUNT, NULL, ENGINE_GET_QUEUES_MAX);
    for (uint32_t i = 0; i <= c->get.other_count; i++) {
        struct engine_command named = {.queue = i ? c->get.others[i - 1] : c->queue,
                                       .nothing_new = c->nothing_new,
                                       .makes_none = c->makes_none,
                                       .maker = c->maker,
                                       .queues_max = c->queues_max};
        struct queue *q;
        int code = queue_find_or_make(many->e, &named, many->a, &q, &many->made[i]);
        if (code != JQ_OK)
            return code;
        many->queues[i] = q;
        many->count = i + 1;
        for (uint32_t k = 0; k < i; k++) {
            if (many->queues[k] == q)
                return answer_fail(many->e, many->a, JQ_INVALID, ENGINE_WHY_QUEUE_TWICE, q, 0);
        }
        many->members[i] = member_get(many->e, many->s, q);
        if (!many->members[i])
            return answer_fail(many->e, many->a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
        many->members[i]->waiting_gets++; /* keeps it */
    }
    return JQ_OK;
}

static void many_leave(struct many *many, int code)
{
    for (uint32_t i = 0; i < many->count; i++) {
        if (many->members[i]) {
            many->members[i]->waiting_gets--;
            member_tidy(many->e, many->members[i]);
        }
        if (many->made[i])
            queue_unmake(many->e, many->queues[i], many->a, code);
    }
}

static int many_reserve(struct many *many)
{
    const struct engine_command *c = many->c;
    bool memory = pool_reserve(&many->e->waiter_pool, many->count + 1);
    for (uint32_t i = 0; memory && i < many->count; i++)
        memory = lease_reserve(many->e, many->s, many->queues[i], c->get.max,
                               c->get.auto_ || queue_is_counter(many->queues[i]));
    return memory ? JQ_OK : answer_fail(many->e, many->a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
}

static bool many_over(const struct many *many, const struct queue **named)
{
    *named = NULL;
    for (uint32_t i = 0; i < many->count; i++) {
        if (!get_ended(many->queues[i], many->members[i], many->c->get.final))
            return false;
        if (!*named || many->queues[i]->truncated)
            *named = many->queues[i];
    }
    return true;
}

/* From the first that has something, beginning with another one each time. ENGINE_PARKED: from none now. */
static int many_now(struct many *many)
{
    bool unsettled = false;
    uint32_t first = many->s->turn++;
    for (uint32_t i = 0; i < many->count; i++) {
        uint32_t place = (first + i) % many->count;
        struct queue *q = many->queues[place];
        uint64_t sequence;
        bool others = q->gets || queue_busy(q) || q->dirty;
        unsettled |= others;
        if (others || (q->paused & ENGINE_PAUSED_GETS) || get_ended(q, NULL, true) || !ready_next(q, &sequence))
            continue;
        many->a->incarnation = q->incarnation;
        many->a->got.place = place;
        return get_hand_out(many->e, many->members[place], many->c->get.max, many->c->get.auto_, many->a);
    }
    const struct queue *named;
    if (unsettled)
        return ENGINE_PARKED;
    for (uint32_t i = 0; i < many->count; i++)
        answer_rests_on(many->a, many->queues[i]); /* from here on it says something of all of them */
    if (many_over(many, &named))
        return answer_fail(many->e, many->a, queue_end_code(named), queue_end_why(named), named, 0);
    if (many->c->get.timeout_ns)
        return ENGINE_PARKED;
    return answer_fail(many->e, many->a, JQ_EMPTY, ENGINE_WHY_QUEUE_EMPTY, many->queues[0], 0);
}

static void many_park(struct many *many, struct waiter *root)
{
    get_keep(many->e, root, many->c, many->a);
    for (uint32_t i = many->count; i-- > 0;) {
        struct waiter *part = part_new(many->e, root, many, i);
        waiter_line(many->e, part, many->members[i]);
        if (!many->c->get.timeout_ns)
            waiter_late(part, JQ_EMPTY);
    }
}

static int many_try(struct many *many)
{
    int code = many_find(many);
    if (code != JQ_OK || (code = many_reserve(many)) != JQ_OK)
        return code;
    struct waiter *root;
    if ((code = get_waiter(many->e, many->members[0], many->c, many->a, &root)) != JQ_OK)
        return code;
    get_carried(many->e, many->s, many->c, many->a);
    code = many_now(many);
    if (code == ENGINE_PARKED)
        many_park(many, root);
    else
        waiter_free(many->e, root);
    return code;
}

int get_many(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct many many = {.e = e, .s = s, .c = c, .a = a};
    int code = many_try(&many);
    many_leave(&many, code);
    return code;
}
