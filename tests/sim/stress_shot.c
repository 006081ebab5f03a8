/* SPDX-License-Identifier: Apache-2.0 */
/* What durable queues hold at a moment, as an observer sees it, and whether another engine that was made from the records holds the
 * same: all that RST-2 promises. What was leased may be ready at its old place. */
/* proves: RST-2 LSE-4 CSV-1 */
#include "sim.h"
#include "stress.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 8, PAGE = 100 };

struct message {
    uint64_t sequence, due, expires;
    struct engine_body body;
    uint32_t deliveries, state, priority_kind;
    int64_t priority_number;
    char priority_bytes[BYTES], source[BYTES];
    int reason;
    uint64_t source_sequence;
    uint32_t source_deliveries;
};

struct queue_shot {
    char name[BYTES], dead_letter[BYTES];
    struct engine_stat stat;
    struct message *messages;
    size_t count;
    uint64_t remaining[2]; /* of joins: before the last mark; of all */
    bool going;            /* something of it goes on by itself after a restart: it is not as it was */
};

struct stress_shot {
    struct stress_shot *next;
    uint64_t number, now;
    struct queue_shot queues[STRESS_QUEUES];
    uint32_t count;
    uint64_t marks[STRESS_QUEUES];
};

const uint64_t *stress_shot_marks(const struct stress_shot *shot)
{
    return shot->marks;
}

void stress_shot_place(struct stress_shot *shot, uint64_t number, uint64_t now, struct stress_shot *next)
{
    shot->number = number;
    shot->now = now;
    shot->next = next;
}

struct stress_shot *stress_shot_next(const struct stress_shot *shot, uint64_t *number, uint64_t *now)
{
    *number = shot->number;
    *now = shot->now;
    return shot->next;
}

void stress_shot_free(struct stress_shot *shot)
{
    for (uint32_t q = 0; q < shot->count; q++)
        free(shot->queues[q].messages);
    free(shot);
}

static void copy(char *out, struct engine_text text)
{
    memset(out, 0, BYTES);
    if (text.size)
        memcpy(out, text.data, text.size < BYTES ? text.size : BYTES - 1);
}

/* ---- taken --------------------------------------------------------------------------------------------------------- */

static const struct engine_effect *ask(struct engine *engine, uint64_t now, struct engine_effects *effects,
                                       struct engine_command *command)
{
    command->session.value = STRESS_OBSERVER;
    command->request = command->op == ENGINE_SESSION_OPEN ? 0 : 1;
    for (uint32_t turns = 0; turns < 1000; turns++) { /* first of all what a restart has left to do */
        engine_effects_reset(effects);
        size_t taken = engine_step(engine, now, command, 1, effects);
        JQ_ASSERT(taken == 1);
        if (command->op == ENGINE_SESSION_OPEN && engine_next(engine) == 0)
            continue;
        for (uint32_t i = 0; i < effects->effect_count; i++)
            if (effects->effects[i].session.value == STRESS_OBSERVER)
                return &effects->effects[i];
        return NULL;
    }
    return NULL;
}

static void take_message(struct queue_shot *queue, const struct engine_effect *page, uint32_t i, uint64_t now)
{
    const struct engine_detail *d = &page->got.details[i];
    queue->messages = realloc(queue->messages, (queue->count + 1) * sizeof *queue->messages);
    JQ_ASSERT(queue->messages);
    struct message *m = &queue->messages[queue->count++];
    *m = (struct message){
        .sequence = page->got.runs[i].first,
        .due = d->delay_ns ? now + d->delay_ns : 0,
        .expires = d->ttl_ns ? now + d->ttl_ns : 0,
        .body = page->got.bodies[i],
        .deliveries = page->got.runs[i].deliveries,
        .state = (uint32_t)d->state,
        .priority_kind = d->priority_kind,
        .priority_number = d->priority_kind == ENGINE_PRIORITY_NUMBER ? d->priority_number : 0,
        .reason = (int)d->reason,
        .source_sequence = d->source_sequence,
        .source_deliveries = d->source_deliveries,
    };
    copy(m->priority_bytes, d->priority_bytes);
    copy(m->source, d->source);
    queue->going |= m->state == ENGINE_IS_LEASED && d->ttl_ns == 1; /* it expires with its lease */
}

static void take_queue(const uint64_t *marks, struct engine *engine, uint64_t now, struct engine_effects *effects,
                       struct queue_shot *queue)
{
    struct engine_queue_ref ref = {.name = {queue->name, (uint32_t)strlen(queue->name)}};
    struct engine_command c = {.op = ENGINE_EXPORT, .queue = ref, .export_.count = PAGE};
    do {
        const struct engine_effect *page = ask(engine, now, effects, &c);
        JQ_ASSERT(page && page->code == JQ_OK);
        for (uint32_t i = 0; i < page->got.body_count; i++)
            take_message(queue, page, i, now);
        c.export_.from = page->got.next;
    } while (c.export_.from);
    for (uint32_t j = 0; j < 2; j++) {
        struct engine_command join = {.op = ENGINE_JOIN, .queue = ref};
        if (j == 0)
            join.join.mark = marks[stress_queue_index(ref.name)];
        const struct engine_effect *answer = ask(engine, now, effects, &join);
        queue->remaining[j] = !answer                      ? UINT64_MAX
                              : answer->code == JQ_TIMEOUT ? answer->joined.remaining
                              : answer->code == JQ_OK      ? 0
                                                           : UINT64_MAX - answer->code;
    }
}

static void take_stat(struct queue_shot *queue, const struct engine_stat *stat)
{
    queue->stat = *stat;
    copy(queue->name, stat->name);
    copy(queue->dead_letter, stat->options.dead_letter);
    queue->going = (stat->closed == 2 && stat->leased) || stat->options.lifetime != ENGINE_PERMANENT ||
                   stat->options.idle_delete_ms;
}

/* What goes on there ends here, perhaps. */
static void spread(struct stress_shot *shot)
{
    for (uint32_t times = 0; times < shot->count; times++)
        for (uint32_t q = 0; q < shot->count; q++)
            for (uint32_t to = 0; to < shot->count; to++)
                if (shot->queues[q].going && strcmp(shot->queues[q].dead_letter, shot->queues[to].name) == 0)
                    shot->queues[to].going = true;
}

struct stress_shot *stress_shot_take(const uint64_t *marks, struct engine *engine, uint64_t now)
{
    struct stress_shot *shot = calloc(1, sizeof *shot);
    struct engine_effects effects;
    JQ_ASSERT(shot && engine_effects_init(&effects) == JQ_OK);
    struct engine_command open = {.op = ENGINE_SESSION_OPEN}, list = {.op = ENGINE_LIST};
    list.list.max = ENGINE_LIST_MAX;
    (void)ask(engine, now, &effects, &open);
    const struct engine_effect *stats = ask(engine, now, &effects, &list);
    JQ_ASSERT(stats && stats->kind == ENGINE_STATS);
    for (uint32_t i = 0; i < stats->stats.count; i++)
        if (stats->stats.item[i].options.durable && shot->count < STRESS_QUEUES)
            take_stat(&shot->queues[shot->count++], &stats->stats.item[i]);
    for (uint32_t q = 0; q < shot->count; q++)
        take_queue(marks, engine, now, &effects, &shot->queues[q]);
    spread(shot);
    memcpy(shot->marks, marks, sizeof shot->marks);
    engine_check(engine);
    engine_effects_fini(&effects);
    return shot;
}

/* ---- compared ------------------------------------------------------------------------------------------------------ */

static const char *stat_differs(const struct queue_shot *there, const struct queue_shot *back, bool refused)
{
    const struct engine_stat *a = &there->stat, *b = &back->stat;
#define SAME(what)          \
    if (a->what != b->what) \
        return "RST-2: what came back has another " #what;
    SAME(closed)
    SAME(generation)
    SAME(truncated)
    SAME(paused)
    SAME(producers_finished)
#define OPTION(name, member) SAME(options.member)
    ENGINE_OPTIONS(OPTION)
#undef OPTION
    if (strcmp(there->dead_letter, back->dead_letter) != 0)
        return "RST-2: what came back has another dead_letter";
    if (there->going)
        return NULL;
    if (!refused)
        SAME(delayed)
    SAME(unfinished)
    SAME(put)
    SAME(done)
    SAME(dead)
    SAME(expired)
    SAME(discarded)
    SAME(moved_in)
    SAME(moved_out)
    SAME(dead_in)
    SAME(task_done)
#undef SAME
    if (a->ready + a->leased + a->delayed != b->ready + b->delayed || b->leased)
        return "RST-2: what was ready or leased is not ready";
    return a->ends > b->ends ? "RST-2: an end is missing" : NULL;
}

static const char *message_differs(const struct message *a, const struct message *b, bool refused)
{
    bool leased = a->state == ENGINE_IS_LEASED;
    bool early = refused && a->state == ENGINE_IS_DELAYED && b->state == ENGINE_IS_READY; /* its return has no record */
    if (a->sequence != b->sequence || memcmp(&a->body, &b->body, sizeof a->body) != 0)
        return "RST-2: another message came back";
    if (refused ? a->deliveries < b->deliveries : a->deliveries != b->deliveries)
        return "LSE-4: another delivery count came back";
    if (b->state != (leased ? ENGINE_IS_READY : a->state) && !early)
        return "RST-2: a message came back in another state";
    if ((a->due != b->due && !early) || a->expires != b->expires)
        return "RST-2: a message came back with another time";
    if (a->priority_kind != b->priority_kind || a->priority_number != b->priority_number ||
        strcmp(a->priority_bytes, b->priority_bytes) != 0)
        return "RST-2: a message came back with another priority";
    bool same = a->reason == b->reason && strcmp(a->source, b->source) == 0 &&
                a->source_sequence == b->source_sequence && a->source_deliveries == b->source_deliveries;
    return same ? NULL : "RST-2: a dead letter came back with another source";
}

static const char *queue_differs(const struct queue_shot *there, const struct queue_shot *back, bool refused)
{
    const char *what = stat_differs(there, back, refused);
    if (what || there->going)
        return what;
    if (there->count != back->count)
        return "RST-2: not as many messages came back";
    for (size_t i = 0; i < there->count && !what; i++)
        what = message_differs(&there->messages[i], &back->messages[i], refused);
    if (!what && (there->remaining[0] != back->remaining[0] || there->remaining[1] != back->remaining[1]))
        what = "RST-2: a join waits for something else";
    return what;
}

static void print_queue(const char *which, const struct queue_shot *queue)
{
    const struct engine_stat *s = &queue->stat;
    printf("%s %s@%" PRIu64 " closed %u ready %" PRIu64 " delayed %" PRIu64 " leased %" PRIu64 " unfinished %" PRIu64
           " put %" PRIu64 " done %" PRIu64 " dead %" PRIu64 " expired %" PRIu64 " discarded %" PRIu64
           " dead_in %" PRIu64 " moved %" PRIu64 "-%" PRIu64 " joins wait for %" PRIu64 " %" PRIu64 "\n",
           which, queue->name, s->incarnation, s->closed, s->ready, s->delayed, s->leased, s->unfinished, s->put,
           s->done, s->dead, s->expired, s->discarded, s->dead_in, s->moved_in, s->moved_out, queue->remaining[0],
           queue->remaining[1]);
    for (size_t i = 0; i < queue->count && i < 20; i++)
        printf("  %" PRIu64 " deliveries %u state %u due %" PRIu64 " expires %" PRIu64 " reason %d\n",
               queue->messages[i].sequence, queue->messages[i].deliveries, queue->messages[i].state,
               queue->messages[i].due, queue->messages[i].expires, queue->messages[i].reason);
}

const char *stress_shot_differs(const struct stress_shot *there, const struct stress_shot *back, bool refused)
{
    for (uint32_t q = 0, found; q < there->count; q++) {
        const struct queue_shot *queue = &there->queues[q];
        for (found = 0; found < back->count; found++)
            if (back->queues[found].stat.incarnation == queue->stat.incarnation)
                break;
        bool may_go = queue->stat.options.lifetime != ENGINE_PERMANENT || queue->stat.options.idle_delete_ms;
        if (found == back->count && !may_go)
            return "RST-2: a queue has not come back";
        const char *what = found == back->count ? NULL : queue_differs(queue, &back->queues[found], refused);
        if (what) {
            print_queue("there:", queue);
            print_queue("back: ", &back->queues[found]);
            return what;
        }
    }
    return back->count > there->count ? "RST-2: a queue came back that was not there" : NULL;
}
