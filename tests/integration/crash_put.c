/* SPDX-License-Identifier: Apache-2.0 */
/* Producers: messages alone and in batches, waiting or not, one after the other or all on their way at once, under a name. */
#include "crash_load.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ON_THE_WAY = 24 };

void attach(struct client *client, const char *queue)
{
    struct joinq_attached attached = JOINQ_ATTACHED_INIT;
    ask(client);
    int code;
    while (refused(code = joinq_attach(client->q, queue, client->name, 0, &attached)))
        continue;
    if (code != JOINQ_OK)
        wrong(client, "attach", code);
    told(client, "attached %s %" PRIu64 " %d", queue, attached.accepted, attached.finished);
}

/* How many were accepted is asked before and after. */
void finish(struct client *client, const char *queue)
{
    attach(client, queue);
    ask(client);
    int code;
    while (refused(code = joinq_finish(client->q, queue, client->name)))
        continue;
    if (code != JOINQ_OK)
        wrong(client, "finish", code);
    told(client, "finished %s", queue);
    attach(client, queue);
}

/* The outcome of a put that waits for ever is always known; one whose time was over while there was no broker may be unknown. */
static void put_told(struct client *client, const char *queue, struct span span,
                     const struct joinq_put_options *options, int code, size_t accepted)
{
    bool timed = options->timeout_ms > 0;
    bool full = code == JOINQ_FULL || code == JOINQ_TIMEOUT || code == JOINQ_OVERLOADED;
    if (code != JOINQ_OK && !refused(code) && !(options->timeout_ms >= 0 && full) &&
        !(timed && code == JOINQ_DISCONNECTED))
        wrong(client, "put", code);
    told(client, "put %s %s %u %u %zu %" PRId64, queue, joinq_code_name(code), span.first, span.count, accepted,
         options->timeout_ms);
}

static void choose(struct client *client, const struct role *role, struct joinq_put_options *options)
{
    static const int64_t times[] = {JOINQ_FOREVER, JOINQ_FOREVER, JOINQ_FOREVER, 0, 20, 200};
    options->timeout_ms = times[pick(client, sizeof times / sizeof *times)];
    options->partial = pick(client, 3) == 0;
    options->delay_ms = pick(client, 6) == 0 ? 1 + pick(client, 60) : 0;
    if (strcmp(role->queue, "work") == 0 && options->delay_ms == 0 && pick(client, 10) == 0)
        options->ttl_ms = 1 + pick(client, 80);
    options->has_priority = strcmp(role->queue, "work") == 0 && client->load->order == JOINQ_ORDER_PRIORITY;
    options->priority = pick(client, 5);
}

static void put_some(struct client *client, const struct role *role, struct bodies *bodies)
{
    struct joinq_put_options options = JOINQ_PUT_OPTIONS_INIT;
    size_t accepted = 0;
    choose(client, role, &options);
    bodies_make(client, bodies, 1 + pick(client, 12));
    ask(client);
    int code = joinq_put_many(client->q, role->queue, bodies->item, bodies->span.count, &options, &accepted);
    put_told(client, role->queue, bodies->span, &options, code, accepted);
}

/* All on their way at once. */
static void put_pipelined(struct client *client, const struct role *role, struct bodies *bodies)
{
    struct joinq_put_options options[ON_THE_WAY];
    struct span said[ON_THE_WAY];
    joinq_ticket tickets[ON_THE_WAY];
    unsigned count = 2 + pick(client, ON_THE_WAY - 2);
    ask(client);
    for (unsigned i = 0; i < count; i++) {
        options[i] = (struct joinq_put_options)JOINQ_PUT_OPTIONS_INIT;
        choose(client, role, &options[i]);
        options[i].partial = false; /* the rest of one would come behind the others */
        bodies_make(client, bodies, 1 + pick(client, 3));
        said[i] = bodies->span;
        int code = joinq_submit_put(client->q, role->queue, bodies->item, bodies->span.count, &options[i], &tickets[i]);
        if (code != JOINQ_OK)
            wrong(client, "submit put", code);
    }
    for (unsigned i = 0; i < count; i++) {
        struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
        int code = joinq_wait(client->q, tickets[i], JOINQ_FOREVER, &outcome);
        if (code != JOINQ_OK)
            wrong(client, "wait", code);
        put_told(client, role->queue, said[i], &options[i], outcome.code, outcome.count);
    }
}

void run_producer(struct client *client, const struct role *role)
{
    struct bodies *bodies = malloc(sizeof *bodies);
    attach(client, role->queue);
    while (!enough()) {
        if (pick(client, 4) == 0)
            put_pipelined(client, role, bodies);
        else
            put_some(client, role, bodies);
    }
    finish(client, role->queue);
    free(bodies);
}
