/* SPDX-License-Identifier: Apache-2.0 */
/* The engine knows which bodies are wanted, and the store where they lie: what is no longer wanted may be gone. */
#include "lost.h"
#include "codes.h"
#include "journal_format.h"
#include "store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct search {
    struct lost *lost;
    const struct store *store;
    const struct store_segment *segments;
    size_t count;
    const struct lost_reader *reader; /* or NULL */
    int code;
};

static uint64_t end_of(const struct search *search, uint64_t number)
{
    size_t low = 0, high = search->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (search->segments[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < search->count && search->segments[low].number == number ? search->segments[low].size : 0;
}

/* Room for one more of `size` bytes. */
static bool widen(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wider = *capacity ? *capacity * 2 : 16;
    void *more = realloc(*items, wider * size);
    if (!more)
        return false;
    *items = more;
    *capacity = wider;
    return true;
}

static bool note(struct lost *lost, const struct engine_place *place, const struct lost_segment *where)
{
    void *segments = lost->segment, *messages = lost->message;
    bool room = widen(&segments, lost->segment_count, &lost->segment_capacity, sizeof *lost->segment);
    lost->segment = segments;
    room = room && widen(&messages, lost->message_count, &lost->message_capacity, sizeof *lost->message);
    lost->message = messages;
    if (!room)
        return false;
    size_t at = lost->segment_count;
    while (at > 0 && (lost->segment[at - 1].number != where->number || lost->segment[at - 1].damaged != where->damaged))
        at--;
    if (at == 0) {
        lost->segment[lost->segment_count++] = *where;
        at = lost->segment_count;
    }
    lost->segment[at - 1].messages++;
    lost->message[lost->message_count++] = *place;
    return true;
}

static bool look(void *user, const struct engine_place *place)
{
    struct search *search = user;
    struct store_part run;
    uint32_t offset;
    if (!store_place(search->store, place->body.chunk, place->body.offset, &run, &offset))
        return true;
    const struct lost_reader *reader = search->reader;
    struct lost_segment where = {.number = run.place.segment, .end = end_of(search, run.place.segment)};
    bool there = (uint64_t)run.place.offset + run.size <= where.end;
    where.damaged = there && reader && !reader->good(reader->user, &run);
    if ((there && !where.damaged) || note(search->lost, place, &where))
        return true;
    search->code = JQ_OVERLOADED;
    return false;
}

int lost_find(struct lost *lost, const struct engine *engine, const struct store *store,
              const struct store_segment *segments, size_t count, const struct lost_reader *reader)
{
    struct search search = {.lost = lost, .store = store, .segments = segments, .count = count, .reader = reader};
    *lost = (struct lost){0};
    engine_bodies(engine, look, &search);
    return search.code;
}

void lost_fini(struct lost *lost)
{
    free(lost->segment);
    free(lost->message);
    *lost = (struct lost){0};
}

void lost_says(const struct lost_segment *segment, char text[JOURNAL_TEXT_SIZE])
{
    char name[JOURNAL_NAME_SIZE], where[64] = "is missing";
    journal_segment_name(segment->number, name);
    if (segment->damaged) {
        snprintf(text, JOURNAL_TEXT_SIZE,
                 "segment %s is damaged: the bodies of %" PRIu64
                 " messages in it cannot be read. Restore the file from a copy; without one a get passes over them, "
                 "until they are purged",
                 name, segment->messages);
        return;
    }
    if (segment->end)
        snprintf(where, sizeof where, "is whole only up to %" PRIu64, segment->end);
    snprintf(text, JOURNAL_TEXT_SIZE,
             "segment %s %s: the bodies of %" PRIu64 " messages are gone with it. Restore the file from a copy, or run "
             "'joinqd --repair', which gives these messages up",
             name, where, segment->messages);
}

bool lost_queues_say(const struct engine *engine, char text[JOURNAL_TEXT_SIZE])
{
    const struct engine_nameless nameless = engine_replay_nameless(engine);
    snprintf(text, JOURNAL_TEXT_SIZE,
             "the names and options of %" PRIu64 " queue%s are lost, and with them the queue%s: %" PRIu64
             " records that can be read, of %" PRIu64 " messages put and %" PRIu64 " finished, belong to none",
             nameless.queues, nameless.queues == 1 ? "" : "s", nameless.queues == 1 ? "" : "s", nameless.records,
             nameless.messages, nameless.finished);
    return nameless.queues > 0;
}

int lost_give_up(const struct lost *lost, struct engine *engine, uint64_t now, uint64_t last)
{
    int code = JQ_OK;
    for (size_t i = 0; i < lost->message_count && code == JQ_OK;) {
        const struct engine_place *first = &lost->message[i];
        struct engine_record record = {
            .kind = ENGINE_RECORD_DISCARD, .number = last, .incarnation = first->incarnation, .first = first->sequence};
        for (; i < lost->message_count && record.count < ENGINE_SLICE &&
               lost->message[i].incarnation == first->incarnation &&
               lost->message[i].sequence == first->sequence + record.count;
             i++)
            record.count++;
        code = engine_replay(engine, now, 0, &record, 1);
    }
    return code;
}
