/* SPDX-License-Identifier: Apache-2.0 */
/* A number is a slot of a table and how often the slot was given out; so it is found without a search and never used twice. */
#define HASH_NONFATAL_OOM               1
#define uthash_nonfatal_oom(element)    ((element)->known = false)
#define HASH_FUNCTION(key, size, value) ((value) = client_hash(key))
#include "sessions.h"
#include "codes.h"
#include "connection.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64, NONE = UINT32_MAX };

void sessions_fini(struct sessions *sessions)
{
    free(sessions->slots);
    HASH_CLEAR(by_client, sessions->by_client);
    *sessions = (struct sessions){0};
}

static int grow(struct sessions *sessions)
{
    uint32_t size = sessions->size > 0 ? 2 * sessions->size : SLOTS_FIRST;
    struct session_slot *slots = size > sessions->size ? realloc(sessions->slots, size * sizeof *slots) : NULL;
    if (!slots)
        return JQ_OVERLOADED;
    memset(slots + sessions->size, 0, (size - sessions->size) * sizeof *slots);
    uint32_t last = sessions->size > 0 ? sessions->first_free : NONE;
    for (uint32_t i = size; i-- > sessions->size;) {
        slots[i].next_free = last;
        last = i;
    }
    sessions->slots = slots;
    sessions->first_free = last;
    sessions->size = size;
    return JQ_OK;
}

int sessions_add(struct sessions *sessions, struct connection *connection)
{
    if ((sessions->size == 0 || sessions->first_free == NONE) && grow(sessions) != JQ_OK)
        return JQ_OVERLOADED;
    uint32_t index = sessions->first_free;
    struct session_slot *slot = &sessions->slots[index];
    sessions->first_free = slot->next_free;
    slot->connection = connection;
    slot->uses++;
    connection->id = (uint64_t)slot->uses << 32 | index;
    return JQ_OK;
}

void sessions_remove(struct sessions *sessions, struct connection *connection)
{
    uint32_t index = (uint32_t)connection->id;
    struct session_slot *slot = &sessions->slots[index];
    JQ_ASSERT(index < sessions->size && slot->connection == connection);
    slot->connection = NULL;
    if (slot->uses == UINT32_MAX)
        return; /* its numbers are used up */
    slot->next_free = sessions->first_free;
    sessions->first_free = index;
}

struct connection *sessions_find(const struct sessions *sessions, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    if (index >= sessions->size || !sessions->slots[index].connection)
        return NULL;
    return sessions->slots[index].uses == id >> 32 ? sessions->slots[index].connection : NULL;
}

/* The ids are random already. */
static unsigned client_hash(const void *client)
{
    uint64_t half[2];
    _Static_assert(sizeof half == CLIENT_ID_SIZE, "all of the id");
    memcpy(half, client, sizeof half);
    uint64_t mixed = (half[0] ^ half[1] * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
    return (unsigned)(mixed >> 32);
}

int sessions_know(struct sessions *sessions, struct connection *connection)
{
    connection->known = true;
    HASH_ADD(by_client, sessions->by_client, client, CLIENT_ID_SIZE, connection);
    return connection->known ? JQ_OK : JQ_OVERLOADED;
}

void sessions_forget(struct sessions *sessions, struct connection *connection)
{
    if (!connection->known)
        return;
    HASH_DELETE(by_client, sessions->by_client, connection);
    connection->known = false;
}

struct connection *sessions_of_client(const struct sessions *sessions, const uint8_t *client)
{
    struct connection *found;
    HASH_FIND(by_client, sessions->by_client, client, CLIENT_ID_SIZE, found);
    return found;
}
