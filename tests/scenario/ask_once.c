/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of clients that come back, and of what goes from queue to queue. */
#include "words.h"

#include <string.h>

/* "hello CLIENT": the session is opened by it, and one of the same client ends. */
void ask_hello(struct words *w)
{
    struct engine_command *c = &w->ask->command;
    struct session *session = world_session(w->world, w->script->session);
    const char *name = words_next(w);
    bool again = name && session->client && strcmp(session->client, name) == 0; /* it was refused memory */
    if ((!session->fresh && !again) || !name) {
        words_wrong(w, "hello CLIENT is the first that a session says");
        return;
    }
    for (struct session *other = w->world->sessions; other; other = other->next) {
        if (other != session && other->live && other->client && strcmp(other->client, name) == 0)
            world_end(other);
    }
    session->fresh = false;
    session->client = arena_copy(&w->world->arena, name, strlen(name));
    memcpy(c->open.client, name, strnlen(name, ENGINE_CLIENT_ID));
}

void ask_once(struct words *w)
{
    struct engine_once *once = &w->ask->command.once;
    char *text = words_value(w, "once");
    if (!text)
        return;
    text = arena_copy(&w->world->arena, text, strlen(text));
    char *slash = strchr(text, '/');
    if (!slash) {
        words_wrong(w, "once=SLOT/NUMBER");
        return;
    }
    *slash = '\0';
    once->slot = (uint32_t)words_number(w, text, 0);
    once->number = words_number(w, slash + 1, 0);
}

static struct engine_target *add_target(struct words *w, uint32_t *bodies)
{
    struct ask *ask = w->ask;
    struct engine_command *c = &ask->command;
    ask->targets = must_grow(ask->targets, (c->forward.target_count + 1) * sizeof(*ask->targets));
    struct engine_target *target = &ask->targets[c->forward.target_count++];
    *target = (struct engine_target){.bodies = (const struct engine_body *)(uintptr_t)*bodies};
    return target;
}

/* "forward [done=LEASES] [timeout=T] : Q BODY... : Q BODY..." */
void ask_forward(struct words *w)
{
    struct ask *ask = w->ask;
    struct engine_command *c = &ask->command;
    const char *done = words_value(w, "done");
    uint32_t bodies = 0;
    c->forward.timeout_ns = words_timeout(w);
    uint64_t home = words_queue(w);
    struct engine_target *target = NULL;
    ask->ranges = done ? words_ranges(w, done, home, &ask->range_count) : NULL;
    for (char *word; (word = words_next(w));) {
        if (strcmp(word, "to") == 0) {
            target = add_target(w, &bodies);
            word = words_next(w);
            target->queue.name = words_text(word ? word : "?");
            continue;
        }
        if (!target) {
            words_wrong(w, "forward Q done=LEASES to Q BODY...");
            return;
        }
        ask->bodies = must_grow(ask->bodies, (bodies + 1) * sizeof(*ask->bodies));
        ask->bodies[bodies++] = bodies_add(&w->world->bodies, word);
        target->count++;
    }
    for (uint32_t i = 0; i < c->forward.target_count; i++)
        ask->targets[i].bodies = ask->bodies + (uintptr_t)ask->targets[i].bodies;
    c->forward.targets = ask->targets;
    c->forward.done = (struct engine_ranges){ask->ranges, ask->range_count};
    c->queue = (struct engine_queue_ref){0};
    ask->request->queue = NULL; /* its answer is about others, too */
}

/* "move FROM TO [N]" */
void ask_move(struct words *w)
{
    struct engine_command *c = &w->ask->command;
    (void)words_queue(w);
    const char *to = words_next(w);
    c->move.to.name = words_text(to ? to : "?");
    w->ask->request->queue = NULL; /* its answer may be about the other */
    c->move.count = words_number(w, words_next(w), 0);
}
