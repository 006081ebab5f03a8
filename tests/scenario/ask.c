/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of scripts and their words, as commands. It neither runs nor compares anything. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

/* The words of a request as they are used up. */
struct words {
    struct ask *ask;
    struct world *world;
    const struct script_request *script;
    bool *used;
};

static void wrong(struct words *w, const char *problem)
{
    if (!w->ask->problem)
        w->ask->problem = problem;
}

/* The next unused word; NULL when there is none. */
static char *word(struct words *w)
{
    for (size_t i = 0; i < w->script->word_count; i++) {
        if (!w->used[i]) {
            w->used[i] = true;
            return w->script->words[i];
        }
    }
    return NULL;
}

static bool flag(struct words *w, const char *name)
{
    for (size_t i = 0; i < w->script->word_count; i++) {
        if (!w->used[i] && strcmp(w->script->words[i], name) == 0)
            return w->used[i] = true;
    }
    return false;
}

/* The value of name=value; NULL if it is not given. */
static char *value(struct words *w, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < w->script->word_count; i++) {
        char *at = w->script->words[i];
        if (!w->used[i] && strncmp(at, name, size) == 0 && at[size] == '=') {
            w->used[i] = true;
            return at + size + 1;
        }
    }
    return NULL;
}

static uint64_t number(struct words *w, const char *text, uint64_t otherwise)
{
    uint64_t out = otherwise;
    if (text && !text_number(text, &out))
        wrong(w, "a number is wanted");
    return out;
}

static uint64_t duration(struct words *w, const char *text, uint64_t otherwise)
{
    uint64_t out = otherwise;
    if (text && !text_time(text, &out))
        wrong(w, "a time is wanted");
    return out;
}

static uint64_t timeout(struct words *w)
{
    return flag(w, "nowait") ? 0 : duration(w, value(w, "timeout"), ENGINE_FOREVER);
}

static struct engine_text text_of(const char *text)
{
    return (struct engine_text){text, text ? (uint32_t)strlen(text) : 0};
}

/* "jobs", or "jobs@2": its second incarnation; "jobs@0": one that never was. Cuts the name. */
static uint64_t named_incarnation(struct words *w, char *name, bool *named)
{
    char *at = strchr(name, '@');
    uint64_t nth = at ? number(w, at + 1, 1) : 0;
    *named = at != NULL;
    if (at)
        *at = '\0';
    uint64_t incarnation = at && nth == 0 ? 1 : world_incarnation(w->world, name, nth);
    if (at && nth > 0 && !incarnation)
        wrong(w, "the queue has had no such incarnation");
    return incarnation;
}

static uint64_t queue(struct words *w)
{
    char *name = word(w);
    bool named;
    if (!name) {
        wrong(w, "a queue is wanted");
        return 0;
    }
    name = arena_copy(&w->world->arena, name, strlen(name));
    uint64_t incarnation = named_incarnation(w, name, &named);
    w->ask->command.queue = (struct engine_queue_ref){text_of(name), named ? incarnation : 0};
    w->ask->request->queue = name;
    w->ask->request->incarnation = incarnation;
    return incarnation;
}

/* "3x1", "3..5x2", "other:3x1" */
static void range(struct words *w, char *text, uint64_t home, struct engine_range *out)
{
    uint64_t first = 0, last = 0, attempt = 0;
    bool named;
    char *colon = strrchr(text, ':');
    if (colon) {
        *colon = '\0';
        home = named_incarnation(w, text, &named);
        text = colon + 1;
    }
    char *x = strchr(text, 'x');
    if (x)
        *x = '\0';
    if (!x || !text_range(text, &first, &last) || !text_number(x + 1, &attempt))
        wrong(w, "a lease is MESSAGExATTEMPT or FIRST..LASTxATTEMPT");
    *out = (struct engine_range){home, first, (uint32_t)(last - first + 1), (uint32_t)attempt};
}

static struct engine_range *ranges(struct words *w, const char *list, uint64_t home, uint32_t *count)
{
    char *rest = NULL, *copy = arena_copy(&w->world->arena, list, strlen(list));
    struct engine_range *out = NULL;
    *count = 0;
    for (char *item = strtok_r(copy, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        out = must_grow(out, (*count + 1) * sizeof(*out));
        range(w, item, home, &out[(*count)++]);
    }
    return out;
}

/* ---- verbs -------------------------------------------------------------------------------------------------------- */

static void ask_none(struct words *w)
{
    (void)w;
}

static void ask_ends(struct words *w)
{
    w->ask->ends = true;
}

static void ask_received(struct words *w)
{
    w->ask->command.receipt = number(w, word(w), 0);
}

static void ask_blocked(struct words *w)
{
    w->ask->command.blocked = strcmp(w->script->verb, "blocked") == 0;
}

static void ask_declare(struct words *w)
{
    struct engine_queue_options *o = &w->ask->command.declare.options;
    const char *bound = value(w, "bound");
    o->max_messages = number(w, value(w, "max"), 0);
    o->max_bytes = number(w, value(w, "bytes"), 0);
    o->lease_ms = duration(w, value(w, "lease"), 0) / 1000000;
    o->producers = number(w, value(w, "producers"), 0);
    o->accounting = flag(w, "counter") ? ENGINE_COUNTER : ENGINE_LEASE;
    o->durable = flag(w, "durable");
    o->bound = bound && strcmp(bound, "outstanding") == 0 ? ENGINE_BOUND_OUTSTANDING : ENGINE_BOUND_QUEUED;
    w->ask->command.declare.existing_ok = flag(w, "existing-ok");
    (void)queue(w);
}

static void ask_delete(struct words *w)
{
    w->ask->command.delete_.if_empty = flag(w, "if-empty");
    (void)queue(w);
}

static void add_bodies(struct words *w, const char *text)
{
    struct engine_command *c = &w->ask->command;
    uint64_t first = 0, last = 0;
    bool many = text_range(text, &first, &last) && last > first;
    uint32_t count = many ? (uint32_t)(last - first + 1) : 1;
    w->ask->bodies = must_grow(w->ask->bodies, (c->put.count + count) * sizeof(*w->ask->bodies));
    if (many)
        bodies_add_range(&w->world->bodies, first, count, w->ask->bodies + c->put.count);
    else
        w->ask->bodies[c->put.count] = bodies_add(&w->world->bodies, text);
    c->put.count += count;
}

static void ask_put(struct words *w)
{
    struct engine_command *c = &w->ask->command;
    c->put.timeout_ns = timeout(w);
    c->put.options.delay_ns = duration(w, value(w, "delay"), 0);
    c->put.partial = flag(w, "partial");
    (void)queue(w);
    for (const char *text; (text = word(w));)
        add_bodies(w, text);
    c->put.bodies = w->ask->bodies;
}

static void ask_get(struct words *w)
{
    struct ask *ask = w->ask;
    const char *done = value(w, "done"), *release = value(w, "release");
    ask->command.get.max = (uint32_t)number(w, value(w, "max"), 1);
    ask->command.get.timeout_ns = timeout(w);
    ask->command.get.auto_ = flag(w, "auto");
    ask->command.get.final = flag(w, "final");
    uint64_t home = queue(w);
    ask->ranges = done ? ranges(w, done, home, &ask->range_count) : NULL;
    ask->release = release ? ranges(w, release, home, &ask->release_count) : NULL;
    ask->command.get.done = (struct engine_ranges){ask->ranges, ask->range_count};
    ask->command.get.release = (struct engine_ranges){ask->release, ask->release_count};
}

static void ask_settle(struct words *w)
{
    struct ask *ask = w->ask;
    ask->command.settle.delay_ns = duration(w, value(w, "delay"), 0);
    ask->command.settle.dead = flag(w, "dead");
    uint64_t home = queue(w);
    const char *list = word(w);
    if (list)
        ask->ranges = ranges(w, list, home, &ask->range_count);
    ask->command.queue = (struct engine_queue_ref){0}; /* the ranges say it */
    ask->command.settle.ranges = (struct engine_ranges){ask->ranges, ask->range_count};
}

static void ask_join(struct words *w)
{
    w->ask->command.join.timeout_ns = timeout(w);
    (void)queue(w);
}

static void ask_close(struct words *w)
{
    w->ask->command.close.immediate = flag(w, "immediate");
    w->ask->command.close.after_mine = flag(w, "after-mine");
    (void)queue(w);
}

static void ask_count(struct words *w)
{
    (void)queue(w);
    w->ask->command.count = (uint32_t)number(w, word(w), 1);
}

static void ask_producer(struct words *w)
{
    w->ask->command.producer.takeover = flag(w, "takeover");
    (void)queue(w);
    const char *name = word(w);
    w->ask->command.producer.name = text_of(name && strcmp(name, "\"\"") == 0 ? "" : name);
    if (!name)
        wrong(w, "a producer name is wanted");
}

static void ask_queue(struct words *w)
{
    (void)queue(w);
}

/* "cancel LABEL", or a request id that never was */
static void ask_cancel(struct words *w)
{
    const char *label = word(w);
    struct request *target = label ? world_labelled(w->world, w->script->session, label) : NULL;
    uint64_t id = 0;
    if (!target && (!label || !text_number(label, &id)))
        wrong(w, "cancel what? No such label");
    w->ask->command.target = target ? target->id : (uint32_t)id;
}

static void ask_list(struct words *w)
{
    char *after = value(w, "after");
    bool named;
    w->ask->command.list.max = (uint32_t)number(w, value(w, "max"), ENGINE_LIST_MAX);
    if (after) {
        after = arena_copy(&w->world->arena, after, strlen(after));
        w->ask->command.list.after = named_incarnation(w, after, &named);
    }
}

static const struct verb {
    const char *name;
    enum engine_op op;
    void (*build)(struct words *w);
    bool silent; /* no answer */
} verbs[] = {
    {"opens", ENGINE_OP_COUNT, ask_none, true},
    {"ends", ENGINE_SESSION_END, ask_ends, true},
    {"received", ENGINE_RECEIVED, ask_received, true},
    {"blocked", ENGINE_OUTPUT_BLOCKED, ask_blocked, true},
    {"unblocked", ENGINE_OUTPUT_BLOCKED, ask_blocked, true},
    {"declare", ENGINE_DECLARE, ask_declare, false},
    {"delete", ENGINE_DELETE, ask_delete, false},
    {"put", ENGINE_PUT, ask_put, false},
    {"get", ENGINE_GET, ask_get, false},
    {"done", ENGINE_DONE, ask_settle, false},
    {"nack", ENGINE_NACK, ask_settle, false},
    {"release", ENGINE_RELEASE, ask_settle, false},
    {"touch", ENGINE_TOUCH, ask_settle, false},
    {"task_done", ENGINE_TASK_DONE, ask_count, false},
    {"join", ENGINE_JOIN, ask_join, false},
    {"close", ENGINE_CLOSE, ask_close, false},
    {"put_end", ENGINE_PUT_END, ask_count, false},
    {"attach", ENGINE_ATTACH, ask_producer, false},
    {"finish", ENGINE_FINISH, ask_producer, false},
    {"cancel", ENGINE_CANCEL, ask_cancel, false},
    {"stat", ENGINE_STAT, ask_queue, false},
    {"list", ENGINE_LIST, ask_list, false},
    {"peek", ENGINE_PEEK, ask_count, false},
    {"purge", ENGINE_PURGE, ask_queue, false},
};

static const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static struct request *request_new(struct world *world, const struct script_request *script, struct session *session,
                                   enum engine_op op)
{
    struct request *request = arena_alloc(&world->arena, sizeof(*request));
    *request = (struct request){
        .next = world->requests, .script = script, .session = session, .id = ++world->request_last, .op = op};
    world->requests = request;
    return request;
}

/* Two requests whose answers are listed among others, and no label to tell them apart. */
static bool ambiguous(const struct world *world, const struct script_request *script)
{
    bool listed = !script->expected || strcmp(script->expected, "waits") == 0 || strcmp(script->expected, "held") == 0;
    if (!listed)
        return false;
    for (const struct request *other = world->requests; other; other = other->next) {
        bool named = other->script->label && script->label && strcmp(other->script->label, script->label) == 0;
        bool unnamed = !other->script->label && !script->label;
        if (other->script != script && other->session->live && (!other->answered || other->held) &&
            strcmp(other->session->name, script->session) == 0 && (named || unnamed))
            return true;
    }
    return false;
}

void ask_init(struct ask *ask, struct world *world, const struct script_request *script)
{
    const struct verb *verb = verb_find(script->verb);
    struct words words = {.ask = ask, .world = world, .script = script};
    *ask = (struct ask){.problem = verb ? NULL : "no such verb"};
    if (!verb)
        return;
    if (!verb->silent && ambiguous(world, script))
        ask->problem = "this session has a request open already: give them labels, A#one put ...";
    struct session *session = world_session(world, script->session);
    if (!verb->silent)
        ask->request = request_new(world, script, session, verb->op);
    ask->command.op = verb->op;
    ask->command.session = session->id;
    ask->command.request = ask->request ? ask->request->id : 0;
    words.used = must_alloc(script->word_count);
    verb->build(&words);
    if (word(&words))
        wrong(&words, "words left over");
    free(words.used);
    if (verb->silent && script->expected)
        wrong(&words, "this has no answer");
}

void ask_fini(struct ask *ask)
{
    free(ask->bodies);
    free(ask->ranges);
    free(ask->release);
}
