/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of scripts and their words, as commands. It neither runs nor compares anything. */
#include "words.h"

#include <stdlib.h>
#include <string.h>

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
    w->ask->command.receipt = words_number(w, words_next(w), 0);
}

static void ask_blocked(struct words *w)
{
    w->ask->command.blocked = strcmp(w->script->verb, "blocked") == 0;
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
    c->put.timeout_ns = words_timeout(w);
    c->put.options.delay_ns = words_duration(w, words_value(w, "delay"), 0);
    c->put.options.ttl_ns = words_duration(w, words_value(w, "ttl"), 0);
    words_priority(w, &c->put.options);
    c->put.partial = words_flag(w, "partial");
    c->generation = words_number(w, words_value(w, "gen"), 0);
    (void)words_queue(w);
    for (const char *text; (text = words_next(w));)
        add_bodies(w, text);
    c->put.bodies = w->ask->bodies;
}

static void add_others(struct words *w, char *list)
{
    char *rest = NULL, *copy = arena_copy(&w->world->arena, list, strlen(list));
    struct engine_command *c = &w->ask->command;
    for (char *name = strtok_r(copy, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        w->ask->others = must_grow(w->ask->others, (c->get.other_count + 1) * sizeof(*w->ask->others));
        w->ask->others[c->get.other_count++] = (struct engine_queue_ref){words_text(name), 0};
    }
    c->get.others = w->ask->others;
    w->ask->request->queue = NULL; /* its answer may be about another */
}

static void ask_get(struct words *w)
{
    struct ask *ask = w->ask;
    const char *done = words_value(w, "done"), *release = words_value(w, "release");
    ask->command.get.max = (uint32_t)words_number(w, words_value(w, "max"), 1);
    ask->command.get.timeout_ns = words_timeout(w);
    ask->command.get.auto_ = words_flag(w, "auto");
    ask->command.get.final = words_flag(w, "final");
    ask->command.generation = words_number(w, words_value(w, "gen"), 0);
    char *name = words_next(w);
    name = name ? arena_copy(&w->world->arena, name, strlen(name)) : NULL;
    char *others = name ? strchr(name, ',') : NULL;
    if (others)
        *others++ = '\0';
    uint64_t home = words_queue_called(w, name);
    if (others)
        add_others(w, others);
    ask->ranges = done ? words_ranges(w, done, home, &ask->range_count) : NULL;
    ask->release = release ? words_ranges(w, release, home, &ask->release_count) : NULL;
    ask->command.get.done = (struct engine_ranges){ask->ranges, ask->range_count};
    ask->command.get.release = (struct engine_ranges){ask->release, ask->release_count};
}

static void ask_settle(struct words *w)
{
    struct ask *ask = w->ask;
    ask->command.settle.delay_ns = words_duration(w, words_value(w, "delay"), 0);
    ask->command.settle.dead = words_flag(w, "dead");
    uint64_t home = words_queue(w);
    const char *list = words_next(w);
    if (list)
        ask->ranges = words_ranges(w, list, home, &ask->range_count);
    ask->command.queue = (struct engine_queue_ref){0}; /* the ranges say it */
    ask->command.settle.ranges = (struct engine_ranges){ask->ranges, ask->range_count};
}

static void ask_join(struct words *w)
{
    w->ask->command.join.timeout_ns = words_timeout(w);
    w->ask->command.join.mine = words_flag(w, "mine");
    w->ask->command.join.snapshot = words_flag(w, "snapshot");
    w->ask->command.join.mark = words_number(w, words_value(w, "mark"), 0);
    (void)words_queue(w);
}

static void ask_close(struct words *w)
{
    w->ask->command.close.immediate = words_flag(w, "immediate");
    w->ask->command.close.after_mine = words_flag(w, "after-mine");
    (void)words_queue(w);
}

static void ask_count(struct words *w)
{
    (void)words_queue(w);
    w->ask->command.count = (uint32_t)words_number(w, words_next(w), 1);
}

static void ask_producer(struct words *w)
{
    w->ask->command.producer.takeover = words_flag(w, "takeover");
    (void)words_queue(w);
    const char *name = words_next(w);
    w->ask->command.producer.name = words_text(name && strcmp(name, "\"\"") == 0 ? "" : name);
    if (!name)
        words_wrong(w, "a producer name is wanted");
}

static void ask_export(struct words *w)
{
    w->ask->command.export_.from = words_number(w, words_value(w, "from"), 0);
    (void)words_queue(w);
    w->ask->command.export_.count = (uint32_t)words_number(w, words_next(w), 1000);
}

static void ask_queue(struct words *w)
{
    (void)words_queue(w);
}

/* "cancel LABEL", or a request id that never was */
static void ask_cancel(struct words *w)
{
    const char *label = words_next(w);
    struct request *target = label ? world_labelled(w->world, w->script->session, label) : NULL;
    uint64_t id = 0;
    if (!target && (!label || !text_number(label, &id)))
        words_wrong(w, "cancel what? No such label");
    w->ask->command.target = target ? target->id : (uint32_t)id;
}

static void ask_list(struct words *w)
{
    char *after = words_value(w, "after");
    bool named;
    w->ask->command.list.max = (uint32_t)words_number(w, words_value(w, "max"), ENGINE_LIST_MAX);
    if (after) {
        after = arena_copy(&w->world->arena, after, strlen(after));
        w->ask->command.list.after = words_incarnation(w, after, &named);
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
    {"alter", ENGINE_ALTER, ask_alter, false},
    {"mark", ENGINE_MARK, ask_queue, false},
    {"explain", ENGINE_EXPLAIN, ask_queue, false},
    {"export", ENGINE_EXPORT, ask_export, false},
    {"reopen", ENGINE_REOPEN, ask_queue, false},
    {"hello", ENGINE_SESSION_OPEN, ask_hello, false},
    {"forward", ENGINE_FORWARD, ask_forward, false},
    {"move", ENGINE_MOVE, ask_move, false},
    {"pause", ENGINE_PAUSE, ask_pause, false},
    {"resume", ENGINE_PAUSE, ask_pause, false},
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
    ask_once(&words);
    verb->build(&words);
    if (words_next(&words))
        words_wrong(&words, "words left over");
    free(words.used);
    if (verb->silent && script->expected)
        words_wrong(&words, "this has no answer");
}

void ask_fini(struct ask *ask)
{
    free(ask->bodies);
    free(ask->ranges);
    free(ask->release);
    free(ask->targets);
    free(ask->others);
}
