/* SPDX-License-Identifier: Apache-2.0 */
/* Declare and alter: the options of a queue. What it is made of is in queue.c, how it goes in delete.c. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

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

static void option_set(struct engine_queue_options *o, size_t i, uint64_t value)
{
    *(uint64_t *)(void *)((char *)o + options[i].offset) = value;
}

static bool text_is(struct engine_text a, struct engine_text b)
{
    return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

/* Names the first that is not as it was declared (DCL-1). */
static int options_differ(struct engine *e, struct engine_effect *a, const struct queue *q,
                          const struct engine_queue_options *o)
{
    const struct engine_queue_options *is = &q->declared_options;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (option_of(is, i) != option_of(o, i))
            return answer_fail(e, a, JQ_EXISTS, options[i].why, q, option_of(is, i));
    }
    if (!text_is(is->dead_letter, o->dead_letter))
        return answer_fail(e, a, JQ_EXISTS, ENGINE_WHY_OPTION_DEAD_LETTER, q, 0);
    return JQ_OK;
}

static int letters_fail(struct engine *e, struct engine_effect *a, enum engine_why why, struct engine_text name)
{
    a->name = effects_text(e->effects, name.data, name.size);
    return answer_fail(e, a, JQ_INVALID, why, NULL, 0);
}

/* Where dead letters go must be there for good, and lead nowhere back (LSE-5). */
static int letters_check(struct engine *e, const struct queue *q, struct engine_text name,
                         const struct engine_queue_options *o, struct engine_effect *a, struct queue **letters)
{
    struct queue *to;
    HASH_FIND(hh_name, e->by_name, o->dead_letter.data, o->dead_letter.size, to);
    if (text_is(name, o->dead_letter))
        return letters_fail(e, a, ENGINE_WHY_LETTER_CYCLE, name);
    if (!to)
        return letters_fail(e, a, ENGINE_WHY_LETTER_MISSING, o->dead_letter);
    if (to->options.lifetime != ENGINE_PERMANENT)
        return letters_fail(e, a, ENGINE_WHY_LETTER_NOT_PERMANENT, o->dead_letter);
    if (o->durable && !to->options.durable)
        return letters_fail(e, a, ENGINE_WHY_LETTER_NOT_DURABLE, o->dead_letter);
    for (const struct queue *at = to; at; at = at->letters) {
        if (at == q)
            return letters_fail(e, a, ENGINE_WHY_LETTER_CYCLE, name);
    }
    *letters = to;
    return JQ_OK;
}

/* What can be said without looking at other queues. */
static int options_check_alone(struct engine *e, const struct engine_queue_options *o, struct engine_effect *a)
{
    bool dies = o->dead_drop || o->dead_letter.size;
    if (o->accounting == ENGINE_COUNTER && (o->lease_ms || o->max_deliveries || dies))
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_COUNTER_HAS_NO_LEASES, NULL, 0);
    if (o->max_deliveries > UINT16_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_DELIVERIES_LIMIT, NULL, UINT16_MAX);
    if (o->max_deliveries && !dies)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_DELIVERIES_NEED_LETTER, NULL, 0);
    return JQ_OK;
}

int options_check(struct engine *e, const struct queue *q, struct engine_text name,
                  const struct engine_queue_options *o, struct engine_effect *a, struct queue **letters)
{
    *letters = NULL;
    int code = options_check_alone(e, o, a);
    return code == JQ_OK && o->dead_letter.size ? letters_check(e, q, name, o, a, letters) : code;
}

void letters_link(struct engine *e, struct queue *q, struct queue *letters)
{
    letters_change(e, q, -(int64_t)q->leased, -(int64_t)(q->ttl_count + q->letters_due));
    if (q->letters) {
        DL_DELETE2(q->letters->senders, q, lprev, lnext);
        q->letters->sender_count--;
    }
    q->letters = letters;
    q->options.dead_letter = (struct engine_text){0};
    if (!letters)
        return;
    DL_APPEND2(letters->senders, q, lprev, lnext);
    letters->sender_count++;
    letters_change(e, q, (int64_t)q->leased, (int64_t)(q->ttl_count + q->letters_due));
    q->options.dead_letter = (struct engine_text){letters->name, letters->name_size};
}

/* ---- declare ---- */

/* A queue that a put or get made by itself takes its options from its first declare, but what has been put or got already stays what it is. */
static enum engine_why queue_adopts(const struct queue *q, const struct engine_queue_options *o)
{
    bool used = q->tally.put || q->tally.moved_in || q->tally.dead_in || q->ends || q->ends_out || q->tally.delivered;
    bool lived = used || q->closed || q->paused || q->generation > 1 || q->producers || q->mark_count ||
                 q->mark_reached || q->log.tail > 1;
    if (lived && q->options.durable != o->durable) /* no record tells of what it was before */
        return ENGINE_WHY_OPTION_DURABLE;
    if (used && q->options.accounting != o->accounting)
        return ENGINE_WHY_OPTION_ACCOUNTING;
    return used && q->options.order != o->order ? ENGINE_WHY_OPTION_ORDER : ENGINE_WHY_NONE;
}

static void record_options(struct engine *e, struct queue *q, enum engine_record_kind kind)
{
    struct engine_record *record = record_new(e, q, kind);
    if (!record)
        return;
    struct engine_text letter = q->options.dead_letter;
    record->options = q->options;
    record->options.dead_letter = effects_text(e->effects, letter.data, letter.size);
    record->name = effects_text(e->effects, q->name, q->name_size);
}

/* What follows from options that are new. */
static void options_take_effect(struct engine *e, struct queue *q, const struct engine_queue_options *o,
                                struct queue *letters)
{
    q->options = *o;
    q->options.dead_letter = (struct engine_text){0};
    letters_link(e, q, letters);
    struct member *m;
    DL_FOREACH2 (o->lifetime == ENGINE_OF_USERS ? q->members : NULL, m, qnext)
        lifetime_use(e, m); /* who is there has opened it */
    lifetime_plan(e, q);
}

/* The memory that letters need, which come when none can be refused: here, in the order that is new perhaps, and where they go from here. */
static bool options_reserve(struct engine *e, struct queue *q, const struct engine_queue_options *o,
                            struct queue *letters)
{
    if (o->order != ENGINE_FIFO && !ready_reserve(q, q->letters_due))
        return false;
    if (o->ttl_ms && !heap_reserve(&q->ttl, q->ttl_count + q->letters_due))
        return false;
    return !letters || (source_make(q) && letters_reserve(e, letters, letters_from(q)));
}

/* Where letters come to must be there for good. */
static int options_referenced(struct engine *e, const struct queue *q, const struct engine_queue_options *o,
                              struct engine_effect *a)
{
    if (o->lifetime == ENGINE_PERMANENT || !q || !q->sender_count)
        return JQ_OK;
    return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_LETTER_REFERENCED, q, q->sender_count);
}

int queue_declare(struct engine *e, struct session *s, struct queue *q, const struct engine_command *c,
                  struct engine_effect *a)
{
    const struct engine_queue_options *o = &c->declare.options;
    struct queue *letters;
    int code = options_check(e, q, c->queue.name, o, a, &letters);
    if (code != JQ_OK || (code = options_referenced(e, q, o, a)) != JQ_OK)
        return code;
    if (o->durable && (e->journal_refuses || e->journal_full))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, NULL, 0);
    char *letter = o->dead_letter.size ? malloc(o->dead_letter.size) : NULL;
    bool made = !q;
    if (o->dead_letter.size && !letter)
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    if (made && (code = queue_make(e, c, a, &q)) != JQ_OK) {
        free(letter);
        return code;
    }
    if (!options_reserve(e, q, o, letters) || (s && o->lifetime != ENGINE_PERMANENT && !lifetime_of(e, s, q, o))) {
        free(letter);
        if (made)
            queue_unmake(e, q, a, JQ_OVERLOADED);
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    }
    q->bound_shrunk = !made; /* there may be puts that wait for a pause to end */
    q->declared = true;
    q->declared_options = *o;
    q->declared_letter = letter;
    if (letter)
        memcpy(letter, o->dead_letter.data, o->dead_letter.size);
    q->declared_options.dead_letter.data = letter;
    options_take_effect(e, q, o, letters);
    record_options(e, q, ENGINE_RECORD_DECLARE);
    producers_altered(e, q);
    queue_mark(e, q);
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}

int handle_declare(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    const struct engine_queue_options *o = &c->declare.options;
    struct queue *q;
    int code = queue_look(e, c, a, &q);
    if (code != JQ_OK || (code = options_check_alone(e, o, a)) != JQ_OK)
        return code;
    enum engine_why stays = q ? queue_adopts(q, o) : ENGINE_WHY_NONE;
    if (!q || (!q->declared && stays == ENGINE_WHY_NONE))
        return queue_declare(e, s, q, c, a);
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    if (c->declare.existing_ok || !q->declared)
        code = c->declare.existing_ok ? JQ_OK : answer_fail(e, a, JQ_EXISTS, stays, q, 0);
    else
        code = options_differ(e, a, q, o);
    if (code == JQ_OK && q->options.lifetime == ENGINE_OF_USERS && !member_get(e, s, q))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    return code;
}

/* ---- alter ---- */

static int alter_options(struct engine *e, const struct queue *q, const struct engine_command *c,
                         struct engine_queue_options *o, struct engine_effect *a)
{
    static const uint32_t fixed[] = {ENGINE_OPTION_ORDER, ENGINE_OPTION_ACCOUNTING, ENGINE_OPTION_DURABLE};
    *o = q->options;
    for (uint32_t i = 0; i < ENGINE_OPTION_DEAD_LETTER; i++) {
        if (c->declare.given & 1u << i)
            option_set(o, i, option_of(&c->declare.options, i));
    }
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (option_of(o, fixed[i]) != option_of(&q->options, fixed[i]))
            return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_ALTER_FIXED, q, 0);
    }
    if (c->declare.given & (1u << ENGINE_OPTION_DEAD_LETTER | 1u << ENGINE_OPTION_DEAD_DROP)) {
        o->dead_letter = c->declare.options.dead_letter;
        o->dead_drop = c->declare.options.dead_drop;
    }
    return options_referenced(e, q, o, a);
}

int handle_alter(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    struct queue *q, *letters;
    struct engine_queue_options o;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK || (code = alter_options(e, q, c, &o, a)) != JQ_OK ||
        (code = options_check(e, q, c->queue.name, &o, a, &letters)) != JQ_OK)
        return code;
    if (!queue_storage_ok(e, q))
        return answer_fail(e, a, JQ_STORAGE, ENGINE_WHY_JOURNAL, q, 0);
    if (!options_reserve(e, q, &o, letters))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, q, 0);
    if (s && o.lifetime != ENGINE_PERMANENT && o.lifetime != q->options.lifetime && !lifetime_of(e, s, q, &o))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    q->bound_shrunk = true;
    options_take_effect(e, q, &o, letters);
    record_options(e, q, ENGINE_RECORD_ALTER);
    producers_altered(e, q);
    queue_mark(e, q);
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}
