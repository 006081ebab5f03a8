/* SPDX-License-Identifier: Apache-2.0 */
/* Who put the messages of a queue, so that a client can wait for its own (JON-4). A message has a place in a table; a client whose
 * last message is finished has none. */
#include "model.h"
#include <stdlib.h>
#include <string.h>

enum { ORIGINS_MAX = UINT16_MAX };

static bool origins_room(struct queue *q)
{
    if (q->origin_free || q->origin_count < q->origin_capacity)
        return true;
    uint32_t capacity = q->origin_capacity ? 2 * q->origin_capacity : 8;
    struct origin **table = realloc(q->origin_table, capacity * sizeof(struct origin *));
    if (!table)
        return false;
    q->origin_table = table;
    q->origin_capacity = capacity;
    return true;
}

static struct origin *origin_new(struct queue *q, const uint8_t *client)
{
    struct origin *o = origins_room(q) ? calloc(1, sizeof *o) : NULL;
    if (!o)
        return NULL;
    memcpy(o->client, client, ENGINE_CLIENT_ID);
    HASH_ADD(hh, q->origins, client, ENGINE_CLIENT_ID, o);
    if (!o->hh.tbl) {
        free(o);
        return NULL;
    }
    if (q->origin_free) {
        o->place = q->origin_free->place;
        struct origin *spare = q->origin_free;
        q->origin_free = spare->next_free;
        free(spare);
    } else {
        o->place = (uint16_t)++q->origin_count;
    }
    q->origin_table[o->place - 1] = o;
    return o;
}

struct origin *origin_find(const struct queue *q, const uint8_t *client)
{
    struct origin *o;
    HASH_FIND(hh, q->origins, client, ENGINE_CLIENT_ID, o);
    return o;
}

/* Of a put that is being prepared: origin_put follows, or, where it comes to nothing, origin_leave. */
bool origin_take(struct queue *q, const struct client *client, struct origin **out)
{
    *out = NULL;
    if (!client || queue_is_counter(q))
        return true;
    *out = origin_find(q, client->id);
    if (!*out && q->origin_count == ORIGINS_MAX && !q->origin_free)
        return true; /* nobody can wait for these alone */
    if (!*out)
        *out = origin_new(q, client->id);
    if (*out)
        (*out)->live++; /* until origin_put or origin_leave: a forward may finish its last message in between */
    return *out != NULL;
}

void origin_put(struct origin *o, uint32_t count)
{
    if (o)
        o->live += count - 1;
}

void origin_leave(struct queue *q, struct origin *o)
{
    if (o)
        o->live--;
    origin_tidy(q, o);
}

void origin_tidy(struct queue *q, struct origin *o)
{
    if (!o || o->live || o->joins)
        return;
    HASH_DEL(q->origins, o);
    q->origin_table[o->place - 1] = NULL;
    o->next_free = q->origin_free; /* its place is kept by itself */
    q->origin_free = o;
}

/* A message of it is finished. */
void origin_gone(struct engine *e, struct queue *q, uint16_t place)
{
    struct origin *o = q->origin_table[place - 1];
    o->live--;
    if (o->live)
        return;
    if (o->joins && !o->done) {
        o->done = true;
        DL_APPEND2(q->mine_done, o, dprev, dnext);
        queue_mark(e, q);
    }
    origin_tidy(q, o);
}

void origins_fini(struct queue *q)
{
    struct origin *o, *next;
    HASH_ITER (hh, q->origins, o, next) {
        HASH_DEL(q->origins, o);
        free(o);
    }
    while (q->origin_free) {
        o = q->origin_free;
        q->origin_free = o->next_free;
        free(o);
    }
    free(q->origin_table);
}
