/* SPDX-License-Identifier: Apache-2.0 */
/* Done and put in one (FWD-1): leases finished and messages put to other queues, all of it or nothing. One that must wait stands
 * in the line of the first target that is full, and holds no room anywhere. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

static struct engine_command as_command(const struct forward *f)
{
    return (struct engine_command){
        .op = ENGINE_FORWARD,
        .forward = {.done = {f->ranges, f->range_count}, .targets = f->targets, .target_count = f->target_count}};
}

/* The queue of a target; or why there is none such. */
static int target_queue(struct engine *e, const struct engine_target *target, struct engine_effect *a,
                        struct queue **out)
{
    const struct engine_command named = {.queue = target->queue};
    return queue_find(e, &named, a, out);
}

/* ---- what there must be ---- */

static int check_count(struct engine *e, const struct engine_command *c, struct engine_effect *a)
{
    uint64_t messages = 0;
    uint32_t count = c->forward.target_count;
    if (count < 1 || count > ENGINE_TARGETS_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_TARGET_COUNT, NULL, ENGINE_TARGETS_MAX);
    bool empty = false;
    for (uint32_t i = 0; i < count; i++) {
        empty |= !c->forward.targets[i].count;
        messages += c->forward.targets[i].count;
    }
    if (empty || messages > ENGINE_BATCH_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_BATCH_COUNT, NULL, ENGINE_BATCH_MAX);
    return settle_check(e, c, ENGINE_DONE, c->forward.done, a);
}

static bool source_durable(const struct engine *e, struct engine_ranges done)
{
    for (uint32_t i = 0; i < done.count; i++) {
        const struct queue *q = queue_by_incarnation(e, done.item[i].incarnation);
        if (q && q->options.durable)
            return true;
    }
    return false;
}

/* Every target as a put of its own would be checked; in *queues which they are. */
static int check_targets(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a,
                         struct queue **queues)
{
    bool durable = source_durable(e, c->forward.done);
    for (uint32_t i = 0; i < c->forward.target_count; i++) {
        const struct engine_target *target = &c->forward.targets[i];
        struct queue *q;
        int code = target_queue(e, target, a, &q);
        for (uint32_t k = 0; code == JQ_OK && k < i; k++) {
            if (queues[k] == q)
                code = answer_fail(e, a, JQ_INVALID, ENGINE_WHY_QUEUE_TWICE, q, 0);
        }
        if (code != JQ_OK || (code = put_check(e, s, q, target, a)) != JQ_OK)
            return code;
        if (durable && !q->options.durable)
            return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_TARGET_NOT_DURABLE, q, 0);
        queues[i] = q;
    }
    return JQ_OK;
}

/* Whether an earlier range has some of the messages of this one: what is done twice is lost the second time (LSE-3). */
static bool named_before(struct engine_ranges done, uint32_t range)
{
    const struct engine_range *b = &done.item[range];
    for (uint32_t i = 0; i < range; i++) {
        const struct engine_range *a = &done.item[i];
        if (a->incarnation == b->incarnation && a->first < b->first + b->count && b->first < a->first + a->count)
            return true;
    }
    return false;
}

/* All leases must be held: one that is lost fails the whole, and is told. */
static int check_leases(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    const struct queue *lost_of = NULL;
    a->settled.lost = e->effects->ranges + e->effects->range_count;
    a->settled.lost_count = 0;
    for (uint32_t i = 0; i < c->forward.done.count; i++) {
        const struct engine_range *range = &c->forward.done.item[i];
        uint32_t lost = settle_lost(e, s, range, ENGINE_DONE);
        if (!lost && named_before(c->forward.done, i)) {
            (void)effects_range(e->effects, *range);
            lost = 1;
        }
        a->settled.lost_count += lost;
        if (lost && !lost_of)
            lost_of = queue_by_incarnation(e, range->incarnation);
        answer_rests_on(a, queue_by_incarnation(e, range->incarnation));
    }
    return a->settled.lost_count ? answer_fail(e, a, JQ_LEASE_LOST, ENGINE_WHY_DONE_LOST, lost_of, 0) : JQ_OK;
}

/* What its own dones free counts as room (FWD-1). */
static void freed(const struct engine *e, const struct queue *q, struct engine_ranges done, uint64_t *messages,
                  uint64_t *bytes)
{
    *messages = *bytes = 0;
    if (q->options.bound != ENGINE_BOUND_OUTSTANDING || queue_is_counter(q))
        return;
    for (uint32_t i = 0; i < done.count; i++) {
        for (uint32_t k = 0; done.item[i].incarnation == q->incarnation && k < done.item[i].count; k++) {
            const struct message *m = log_at(&q->log, done.item[i].first + k);
            *messages += m != NULL;
            *bytes += m ? m->length : 0;
        }
    }
    (void)e;
}

/* The first target without room, or where others wait; NULL: there is room in all. `self` may be first in a line itself. */
static struct queue *first_full(const struct engine *e, const struct engine_command *c, struct queue **queues,
                                const struct waiter *self)
{
    for (uint32_t i = 0; i < c->forward.target_count; i++) {
        const struct engine_target *target = &c->forward.targets[i];
        struct queue *q = queues[i];
        uint64_t messages, bytes;
        freed(e, q, c->forward.done, &messages, &bytes);
        if ((q->puts && q->puts != self) || queue_busy(q) ||
            put_fitting(q, target->bodies, target->count, messages, bytes) < target->count)
            return q;
    }
    return NULL;
}

/* ---- carried out ---- */

static bool any_durable(const struct engine *e, const struct engine_command *c, struct queue **queues,
                        struct queue **out)
{
    for (uint32_t i = 0; i < c->forward.target_count; i++) {
        if (queues[i]->options.durable)
            *out = queues[i];
    }
    for (uint32_t i = 0; i < c->forward.done.count; i++) {
        struct queue *q = queue_by_incarnation(e, c->forward.done.item[i].incarnation);
        if (q && q->options.durable)
            *out = q;
    }
    return *out != NULL;
}

/* Each of its queues rests on the last of its records, those in memory too. */
static void rest(struct engine *e, const struct engine_command *c, struct queue **queues)
{
    struct rests all = {0};
    struct queue *q;
    for (uint32_t i = 0; i < c->forward.target_count; i++)
        rests_share(e, queues[i], &all);
    for (uint32_t i = 0; i < c->forward.done.count; i++) {
        if ((q = queue_by_incarnation(e, c->forward.done.item[i].incarnation)))
            rests_share(e, q, &all);
    }
    for (uint32_t i = 0; i < c->forward.target_count; i++)
        rests_take(queues[i], &all);
    for (uint32_t i = 0; i < c->forward.done.count; i++) {
        if ((q = queue_by_incarnation(e, c->forward.done.item[i].incarnation)))
            rests_take(q, &all);
    }
}

/* Each of them in its own way: one may be synced at once, and another within a time. */
static void answer_rests_on_all(struct engine *e, const struct engine_command *c, struct queue **queues,
                                struct engine_effect *a)
{
    for (uint32_t i = 0; i < c->forward.target_count; i++)
        answer_rests_on(a, queues[i]);
    for (uint32_t i = 0; i < c->forward.done.count; i++) {
        const struct queue *q = queue_by_incarnation(e, c->forward.done.item[i].incarnation);
        if (q && q->options.durable)
            answer_rests_on(a, q);
    }
}

/* Memory for all of it. False: nothing has changed. */
static bool prepare(struct engine *e, struct session *s, const struct engine_command *c, struct queue **queues,
                    struct arrival *arrivals)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < c->forward.target_count; i++)
        all += c->forward.targets[i].count;
    for (uint32_t i = 0; i < c->forward.target_count; i++) {
        const struct engine_target *target = &c->forward.targets[i];
        arrivals[i] = (struct arrival){.client = s->client,
                                       .member = member_find(e, s, queues[i]),
                                       .bodies = target->bodies,
                                       .count = target->count,
                                       .source = ENGINE_BY_PUT,
                                       .options = target->options};
        if (put_prepare(e, queues[i], &arrivals[i], all))
            continue;
        while (i--)
            put_unprepare(queues[i], &arrivals[i]);
        return false;
    }
    return true;
}

/* JQ_OK, or JQ_OVERLOADED with nothing changed. */
static int commit(struct engine *e, struct session *s, const struct engine_command *c, struct queue **queues,
                  const struct once *once, struct engine_effect *a)
{
    struct arrival arrivals[ENGINE_TARGETS_MAX];
    struct queue *durable = NULL;
    if (!prepare(e, s, c, queues, arrivals))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    struct engine_record *group =
        any_durable(e, c, queues, &durable) ? record_new(e, durable, ENGINE_RECORD_GROUP) : NULL;
    uint32_t lost = 0;
    uint64_t count = settle(e, s, c, ENGINE_DONE, c->forward.done, &lost);
    JQ_ASSERT(!lost);
    for (uint32_t i = 0; i < c->forward.target_count; i++) {
        put_commit(e, queues[i], &arrivals[i]);
        count += arrivals[i].count;
    }
    once_keep(e, once, durable ? durable : queues[0], count);
    if (group) {
        group->count = (uint32_t)(e->record_last - group->number);
        rest(e, c, queues);
    }
    a->settled.count = count;
    answer_rests_on_all(e, c, queues, a);
    return JQ_OK;
}

/* ---- waiting ---- */

void forward_free(struct forward *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; i < f->target_count; i++)
        free(f->texts[i]);
    free(f->bodies);
    free(f->ranges);
    free(f);
}

/* Name and priority of a target, copied. */
static bool copy_texts(struct forward *f, uint32_t i)
{
    struct engine_target *target = &f->targets[i];
    struct engine_text name = target->queue.name, priority = target->options.priority.bytes;
    char *text = malloc((size_t)name.size + priority.size + 1);
    f->texts[i] = text;
    if (!text)
        return false;
    memcpy(text, name.data, name.size);
    if (priority.size)
        memcpy(text + name.size, priority.data, priority.size);
    target->queue.name.data = text;
    target->options.priority.bytes.data = text + name.size;
    return true;
}

/* What it needs of the command, owned. NULL: no memory. */
static struct forward *forward_copy(const struct engine_command *c, struct queue **queues, uint64_t *bytes)
{
    uint32_t messages = 0, ranges = c->forward.done.count;
    *bytes = 0;
    for (uint32_t i = 0; i < c->forward.target_count; i++)
        messages += c->forward.targets[i].count;
    struct forward *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->bodies = malloc(messages * sizeof *f->bodies);
    f->ranges = malloc((ranges + 1) * sizeof *f->ranges);
    bool copied = f->bodies && f->ranges;
    if (copied && ranges)
        memcpy(f->ranges, c->forward.done.item, ranges * sizeof *f->ranges);
    f->range_count = ranges;
    struct engine_body *to = f->bodies;
    for (uint32_t i = 0; copied && i < c->forward.target_count; i++) {
        f->targets[f->target_count] = c->forward.targets[i];
        f->targets[f->target_count].queue.incarnation = queues[i]->incarnation;
        f->targets[f->target_count].bodies = to;
        memcpy(to, c->forward.targets[i].bodies, c->forward.targets[i].count * sizeof *to);
        for (uint32_t k = 0; k < c->forward.targets[i].count; k++)
            *bytes += (to++)->length;
        copied = copy_texts(f, f->target_count++);
    }
    if (copied)
        return f;
    forward_free(f);
    return NULL;
}

/* Its puts count as waiting wherever they go, so that a finish there waits for them (END-5). */
static void members_wait(struct engine *e, const struct waiter *w, int change)
{
    const struct forward *f = w->put.forward;
    for (uint32_t i = 0; i < f->target_count; i++) {
        struct queue *q = queue_by_incarnation(e, f->targets[i].queue.incarnation);
        struct member *m = q ? member_find(e, w->session, q) : NULL;
        if (!m)
            continue;
        m->waiting_puts += (uint32_t)change;
        if (change < 0)
            member_put_gone(e, m, f->order);
    }
}

static bool members_make(struct engine *e, struct session *s, const struct engine_command *c, struct queue **queues)
{
    for (uint32_t i = 0; i < c->forward.target_count; i++) {
        if (!member_get(e, s, queues[i]))
            return false;
    }
    return true;
}

static int wait(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a,
                struct queue **queues, struct queue *full)
{
    struct waiter *w;
    uint64_t bytes;
    if (!settle_reserve(e, c, ENGINE_TOUCH, c->forward.done))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, full, 0);
    struct forward *f = forward_copy(c, queues, &bytes);
    if (!f)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, full, 0);
    int code = JQ_OK;
    if (s->waiting_bytes + bytes > e->config.waiting_bytes_max)
        code = answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_WAITING_BYTES, NULL, e->config.waiting_bytes_max);
    else if (!members_make(e, s, c, queues))
        code = answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, full, 0);
    if (code == JQ_OK)
        code = waiter_new(e, s, full, WAITER_PUT, c, c->forward.timeout_ns, a, &w);
    if (code != JQ_OK) {
        forward_free(f);
        for (uint32_t i = 0; i < c->forward.target_count; i++) {
            struct member *m = member_find(e, s, queues[i]);
            if (m)
                member_tidy(e, m);
        }
        return code;
    }
    f->order = w->order;
    w->put.forward = f;
    w->put.bytes = bytes;
    members_wait(e, w, 1);
    waiter_line(e, w, member_find(e, s, full));
    settle_suspend(e, s, c->forward.done);
    if (!c->forward.timeout_ns)
        waiter_late(w, JQ_FULL);
    return ENGINE_PARKED;
}

/* It waits no more; `over`: and was not carried out, so its leases run again. */
void forward_leave(struct engine *e, struct waiter *w, bool over)
{
    struct forward *f = w->put.forward;
    if (!f)
        return;
    if (over && w->session)
        settle_resume(e, w->session, (struct engine_ranges){f->ranges, f->range_count});
    if (w->session)
        members_wait(e, w, -1);
    w->put.forward = NULL;
    forward_free(f);
}

void forward_drop_bodies(struct engine *e, struct waiter *w)
{
    struct forward *f = w->put.forward;
    for (uint32_t i = 0; i < f->target_count; i++) {
        for (uint32_t k = 0; k < f->targets[i].count; k++)
            effects_refuse(e->effects, f->targets[i].bodies[k]);
        f->targets[i].count = 0;
    }
}

bool forward_concerns(struct engine *e, const struct waiter *w, const struct queue *q)
{
    (void)e;
    const struct forward *f = w->put.forward;
    for (uint32_t i = 0; f && i < f->target_count; i++) {
        if (f->targets[i].queue.incarnation == q->incarnation)
            return true;
    }
    return false;
}

static void answer_waiter(struct engine *e, struct waiter *w, struct engine_effect answer, int code)
{
    answer.code = (enum jqw_code)code;
    once_end(&w->once, &answer);
    w->once.client = NULL;
    *effect_new(e, ENGINE_SETTLED, answer.session, answer.request, NULL) = answer;
    if (code != JQ_OK)
        forward_drop_bodies(e, w);
    waiter_unline(e, w);
    forward_leave(e, w, code != JQ_OK);
    waiter_free(e, w);
}

/* It is first in the line of q. True: something moved. */
bool forward_serve(struct engine *e, struct queue *q, struct waiter *w)
{
    struct queue *queues[ENGINE_TARGETS_MAX];
    struct session *s = w->session;
    struct engine_command c = as_command(w->put.forward);
    struct engine_effect answer = {.kind = ENGINE_SETTLED, .session = s->id, .request = (uint32_t)w->key.request};
    int code = check_targets(e, s, &c, &answer, queues);
    if (code == JQ_OK)
        code = check_leases(e, s, &c, &answer);
    if (code == JQ_STORAGE && !w->late)
        return false; /* its turn comes when the journal accepts again */
    if (code != JQ_OK) {
        answer_waiter(e, w, answer, code);
        return true;
    }
    struct queue *full = first_full(e, &c, queues, w);
    if (full == q)
        return put_late(e, w);
    if (full) {
        waiter_unline(e, w);
        w->queue = full;
        w->order = ++e->order_last;
        if (w->late)
            q->late_count--, full->late_count++;
        waiter_line(e, w, member_find(e, s, full));
        return true;
    }
    code = commit(e, s, &c, queues, &w->once, &answer);
    answer_waiter(e, w, answer, code);
    return true;
}

/* ---- the request ---- */

static int forward_try(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *queues[ENGINE_TARGETS_MAX];
    int code = check_count(e, c, a);
    if (code != JQ_OK || (code = check_targets(e, s, c, a, queues)) != JQ_OK ||
        (code = check_leases(e, s, c, a)) != JQ_OK)
        return code;
    struct queue *full = first_full(e, c, queues, NULL);
    if (!full)
        return commit(e, s, c, queues, &e->once, a);
    if (!c->forward.timeout_ns && !queue_busy(full))
        return answer_fail(e, a, JQ_FULL, ENGINE_WHY_QUEUE_FULL, full, 0);
    return wait(e, s, c, a, queues, full);
}

int handle_forward(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    int code = forward_try(e, s, c, a);
    if (code == ENGINE_PARKED || code == JQ_OK)
        return code;
    for (uint32_t t = 0; t < c->forward.target_count; t++) {
        for (uint32_t i = 0; i < c->forward.targets[t].count; i++)
            effects_refuse(e->effects, c->forward.targets[t].bodies[i]);
    }
    return code;
}
