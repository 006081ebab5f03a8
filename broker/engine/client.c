/* SPDX-License-Identifier: Apache-2.0 */
/* Clients, who may come back with another connection, and the answers that are kept for them (ONE-1). It knows no queues. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

/* ---- clients ---- */

static struct client *client_find(const struct engine *e, const uint8_t *id)
{
    struct client *client;
    HASH_FIND(hh, e->clients, id, ENGINE_CLIENT_ID, client);
    return client;
}

static void client_free(struct engine *e, struct client *client)
{
    snapshot_client_goes(e, client);
    heap_remove(&e->forgets, &client->forget);
    HASH_DEL(e->clients, client);
    e->slots -= client->slot_count;
    free(client->slots);
    free(client);
}

static struct client *client_new(struct engine *e, const uint8_t *id)
{
    if (!heap_reserve(&e->forgets, (uint64_t)HASH_COUNT(e->clients) + 1))
        return NULL;
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    memcpy(client->id, id, ENGINE_CLIENT_ID);
    HASH_ADD(hh, e->clients, id, ENGINE_CLIENT_ID, client);
    if (client->hh.tbl)
        return client;
    free(client);
    return NULL;
}

/* The session and its client, or neither. */
static struct session *open_both(struct engine *e, const struct engine_command *c, struct client **client)
{
    static const uint8_t nobody[ENGINE_CLIENT_ID];
    bool named = memcmp(c->open.client, nobody, sizeof nobody) != 0;
    *client = named ? client_find(e, c->open.client) : NULL;
    bool made = named && !*client;
    if (made && !(*client = client_new(e, c->open.client)))
        return NULL;
    struct session *s = session_open(e, c->session);
    if (!s && made)
        client_free(e, *client);
    return s;
}

/* Its other session ends first (LSE-6), once it is sure that this one begins. */
bool client_opens(struct engine *e, struct session *s, const struct engine_command *c)
{
    struct client *client;
    if (s)
        client = client_find(e, c->open.client);
    else
        s = open_both(e, c, &client);
    bool known = s && client && client->kept;
    if (known || (s && client && client->session)) {
        s->opening = client->awaited = true; /* with nothing kept it would go with its session */
        if (client->session && !session_end(e, client->session))
            return false;
        s->opening = client->awaited = false;
    }
    if (s && client) {
        heap_remove(&e->forgets, &client->forget);
        client->session = s;
        s->client = client;
    }
    if (!c->request)
        return true;
    struct engine_effect *a = effect_new(e, ENGINE_OPENED, c->session, c->request, NULL);
    a->opened.known = known;
    a->opened.incarnation_next = e->incarnation_last + 1;
    a->code = s ? JQ_OK : JQ_OVERLOADED;
    a->why = s ? ENGINE_WHY_NONE : ENGINE_WHY_MEMORY;
    return true;
}

void client_leaves(struct engine *e, struct session *s)
{
    struct client *client = s->client;
    if (!client)
        return;
    s->client = NULL;
    client->session = NULL;
    if (client->awaited)
        return;
    if (client->kept && !client->leaving)
        heap_set(&e->forgets, &client->forget, deadline_after(e, e->config.client_forget_ns), ++e->order_last);
    else
        client_free(e, client);
}

void client_due(struct engine *e, struct client *client)
{
    client_free(e, client);
}

void clients_free(struct engine *e)
{
    struct client *client, *next;
    HASH_ITER (hh, e->clients, client, next)
        client_free(e, client);
}

/* ---- slots ---- */

static bool slots_reserve(struct engine *e, struct client *client, uint32_t slot, bool nothing_new)
{
    if (slot < client->slot_count)
        return true;
    if (nothing_new)
        return false;
    uint32_t count = client->slot_count ? client->slot_count : 4;
    while (count <= slot)
        count *= 2;
    struct slot *slots = realloc(client->slots, count * sizeof *slots);
    if (!slots)
        return false;
    memset(slots + client->slot_count, 0, (count - client->slot_count) * sizeof *slots);
    e->slots += count - client->slot_count;
    client->slots = slots;
    client->slot_count = count;
    return true;
}

static struct slot *slot_of(const struct once *once)
{
    return &once->client->slots[once->slot];
}

static int kept_answer(struct engine_effect *a, const struct slot *slot)
{
    a->incarnation = slot->incarnation;
    answer_rests(a, &slot->rests);
    if (a->kind == ENGINE_SETTLED)
        a->settled.count = slot->count;
    else
        a->answer.count = slot->count;
    return (int)slot->code;
}

int once_begin(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    bool goes_by_one = c->op == ENGINE_PUT || c->op == ENGINE_PUT_END || c->op == ENGINE_TASK_DONE ||
                       c->op == ENGINE_FORWARD || c->op == ENGINE_MOVE;
    e->once = (struct once){0};
    if (!c->once.number || !goes_by_one)
        return ONCE_GO_ON;
    struct client *client = s->client;
    if (!client || c->once.slot >= ENGINE_SLOTS_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_ONCE_SLOT, NULL, ENGINE_SLOTS_MAX);
    if (!slots_reserve(e, client, c->once.slot, c->nothing_new))
        return answer_fail(e, a, JQ_OVERLOADED, ENGINE_WHY_MEMORY, NULL, 0);
    struct slot *slot = &client->slots[c->once.slot];
    if (c->once.number < slot->number)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_ONCE_OLD, NULL, slot->number);
    if (slot->open)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_ONCE_OPEN, NULL, 0);
    if (c->once.number == slot->number && slot->kept)
        return kept_answer(a, slot);
    client->kept -= slot->kept;
    *slot = (struct slot){.number = c->once.number, .open = true};
    e->once = (struct once){client, c->once.slot};
    return ONCE_GO_ON;
}

/* What has changed so far is kept at once, in the record of the change where there is one (ONE-2). */
void once_keep(struct engine *e, const struct once *once, struct queue *q, uint64_t count)
{
    if (!once->client)
        return;
    struct slot *slot = slot_of(once);
    struct engine_record *record = record_new(e, q, ENGINE_RECORD_KEPT);
    if (record) {
        record->once = (struct engine_once){slot->number, once->slot};
        record->code = JQ_OK;
        record->count = (uint32_t)count;
        memcpy(record->client, once->client->id, ENGINE_CLIENT_ID);
    }
    once->client->kept += !slot->kept;
    slot->kept = true;
    slot->code = JQ_OK;
    slot->count = count;
    slot->incarnation = q->incarnation;
    slot->rests = rests_of(q);
}

void once_rests(const struct once *once, const struct rests *more)
{
    if (once->client)
        rests_add(&slot_of(once)->rests, more);
}

/* It is open no more: the words of its answer are kept if anything is. */
void once_end(const struct once *once, const struct engine_effect *a)
{
    if (!once->client)
        return;
    struct slot *slot = slot_of(once);
    slot->open = false;
    if (!slot->kept || !a)
        return;
    slot->code = a->code;
    slot->count = a->kind == ENGINE_SETTLED ? a->settled.count : a->answer.count;
    rests_add(&slot->rests, &(struct rests){a->after, a->written});
}

/* A kept answer of before a crash. */
int client_restore(struct engine *e, const struct engine_record *record)
{
    struct client *client = client_find(e, record->client);
    if (record->once.slot >= ENGINE_SLOTS_MAX || !record->once.number)
        return JQ_STORAGE;
    if (!client && !(client = client_new(e, record->client)))
        return JQ_OVERLOADED;
    heap_set(&e->forgets, &client->forget, deadline_after(e, e->config.client_forget_ns), ++e->order_last);
    if (!slots_reserve(e, client, record->once.slot, false))
        return JQ_OVERLOADED;
    struct slot *slot = &client->slots[record->once.slot];
    client->kept += !slot->kept;
    *slot = (struct slot){.number = record->once.number,
                          .count = record->count,
                          .incarnation = record->incarnation,
                          .rests.durable = record->number,
                          .code = (enum jqw_code)record->code,
                          .kept = true};
    return JQ_OK;
}
