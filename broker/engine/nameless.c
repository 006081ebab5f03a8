/* SPDX-License-Identifier: Apache-2.0 */
/* Repair: queues of which records tell, but not how they were named and declared, for that was in a record that is lost. Nothing can be
 * given to them; what there was of them is counted. It must not know why the record is lost. */
#include "replay.h"
#include <stdlib.h>

struct nameless {
    uint64_t incarnation;
    uint64_t records, messages, finished;
    UT_hash_handle hh;
};

static struct nameless *nameless_of(const struct engine *e, uint64_t incarnation)
{
    struct nameless *n;
    HASH_FIND(hh, e->nameless, &incarnation, sizeof incarnation, n);
    return n;
}

static struct nameless *nameless_new(struct engine *e, uint64_t incarnation)
{
    struct nameless *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->incarnation = incarnation;
    HASH_ADD(hh, e->nameless, incarnation, sizeof n->incarnation, n);
    if (n->hh.tbl)
        return n;
    free(n);
    return NULL;
}

int nameless_note(struct engine *e, const struct engine_record *record)
{
    struct nameless *n = nameless_of(e, record->incarnation);
    if (!n)
        n = nameless_new(e, record->incarnation);
    if (!n)
        return JQ_OVERLOADED;
    n->records++;
    switch (record->kind) {
    case ENGINE_RECORD_PUT:
    case ENGINE_RECORD_STATE_MESSAGES:
        n->messages += record->count;
        break;
    case ENGINE_RECORD_DONE:
    case ENGINE_RECORD_DISCARD:
    case ENGINE_RECORD_EXPIRE:
    case ENGINE_RECORD_DEAD:
    case ENGINE_RECORD_MOVED_OUT:
        n->finished += record->count;
        break;
    default:
        break;
    }
    return JQ_OK;
}

void nameless_forget(struct engine *e, uint64_t incarnation)
{
    struct nameless *n = nameless_of(e, incarnation);
    if (!n)
        return;
    HASH_DEL(e->nameless, n);
    free(n);
}

void nameless_free(struct engine *e)
{
    struct nameless *n, *next;
    HASH_ITER (hh, e->nameless, n, next) {
        HASH_DEL(e->nameless, n);
        free(n);
    }
}

struct engine_nameless engine_replay_nameless(const struct engine *e)
{
    struct engine_nameless all = {0};
    for (const struct nameless *n = e->nameless; n; n = n->hh.next) {
        all.queues++;
        all.records += n->records;
        all.messages += n->messages;
        all.finished += n->finished;
    }
    return all;
}
