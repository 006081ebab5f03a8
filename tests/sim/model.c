/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: sessions, time, and what it says. */
#include "model_internal.h"
#include <stdlib.h>
#include <string.h>

void *model_room(void *items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? *capacity * 2 : 64;
    items = realloc(items, *capacity * size);
    JQ_ASSERT(items);
    return items;
}

struct model *model_new(const struct engine_config *config, struct model_hint hint)
{
    struct model *model = calloc(1, sizeof *model);
    JQ_ASSERT(model);
    model->config = *config;
    model->hint = hint;
    model->accepts = true;
    model->incarnation_next = config->incarnation_first;
    return model;
}

void model_free(struct model *model)
{
    while (model->wait_count)
        model_unpark(model, model->wait_count - 1);
    for (size_t i = 0; i < model->queue_count; i++)
        free(model->queues[i].messages);
    free(model->queues);
    free(model->waits);
    free(model->chunks);
    free(model->effects);
    free(model->atoms);
    free(model->items);
    free(model->lost);
    free(model->stats);
    free(model);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static enum engine_effect_kind kind_of(enum engine_op op)
{
    switch (op) {
    case ENGINE_GET:
        return ENGINE_GOT;
    case ENGINE_DONE:
    case ENGINE_NACK:
    case ENGINE_RELEASE:
    case ENGINE_TOUCH:
        return ENGINE_SETTLED;
    case ENGINE_JOIN:
        return ENGINE_JOINED;
    case ENGINE_ATTACH:
        return ENGINE_ATTACHED;
    case ENGINE_STAT:
    case ENGINE_LIST:
        return ENGINE_STATS;
    case ENGINE_PEEK:
        return ENGINE_PEEKED;
    default:
        return ENGINE_ANSWER;
    }
}

struct model_effect *model_say(struct model *model, enum engine_op op, uint64_t session, uint32_t request, int code,
                               int why)
{
    model->effects = model_room(model->effects, &model->effect_capacity, model->effect_count, sizeof *model->effects);
    struct model_effect *effect = &model->effects[model->effect_count++];
    *effect = (struct model_effect){
        .kind = kind_of(op),
        .op = op,
        .session = session,
        .request = request,
        .code = code,
        .why = why,
        .item_first = model->item_count,
        .lost_first = model->lost_count,
        .stat_first = model->stat_count,
        .atoms = model->atom_count,
    };
    return effect;
}

void model_rests(struct model_effect *effect, size_t queue)
{
    for (size_t i = 0; i < effect->rest_count; i++)
        if (effect->rests[i] == queue)
            return;
    if (effect->rest_count < MODEL_RESTS_MAX)
        effect->rests[effect->rest_count++] = queue;
}

void model_add_item(struct model *model, struct model_effect *effect, const struct model_message *message)
{
    model->items = model_room(model->items, &model->item_capacity, model->item_count, sizeof *model->items);
    model->items[model->item_count++] = (struct model_item){
        .seq = message->seq,
        .attempt = message->attempt,
        .deliveries = message->deliveries,
        .body = message->body,
        .reason = message->reason,
        .source_seq = message->source_seq,
        .source_deliveries = message->source_deliveries,
    };
    memcpy(model->items[model->item_count - 1].source, message->source, MODEL_NAME_SIZE);
    effect->item_count++;
}

struct model_atom *model_atom_of(struct model *model, enum engine_record_kind kind, size_t queue)
{
    model->atoms = model_room(model->atoms, &model->atom_capacity, model->atom_count, sizeof *model->atoms);
    struct model_atom *atom = &model->atoms[model->atom_count++];
    *atom = (struct model_atom){.kind = kind, .queue = queue};
    return atom;
}

void model_atom(struct model *model, enum engine_record_kind kind, size_t queue, uint64_t value)
{
    if (model->queues[queue].options.durable)
        model_atom_of(model, kind, queue)->value = value;
}

bool model_refuses(const struct model *model, size_t queue)
{
    return model->queues[queue].options.durable && !model->accepts;
}

static bool lives(const struct model *model, uint64_t session)
{
    for (size_t i = 0; i < MODEL_SESSIONS_MAX; i++)
        if (model->sessions[i].id == session)
            return true;
    return false;
}

bool model_stalled(const struct model *model, size_t queue)
{
    const struct model_queue *q = &model->queues[queue];
    for (size_t i = 0; i < q->count && q->closed == 2 && model_refuses(model, queue); i++) {
        const struct model_message *message = &q->messages[i];
        if (message->discarding || (message->confirmed && !lives(model, message->session)))
            return true;
    }
    return false;
}

const struct model_effect *model_hint(const struct model *model, uint64_t session, uint32_t request)
{
    return model->hint.answered(model->hint.user, session, request);
}

const struct model_item *model_hinted_item(const struct model *model, const struct model_effect *effect)
{
    const struct model_effect *answered = model_hint(model, effect->session, effect->request);
    bool some = answered && effect->item_count < answered->item_count;
    return some ? model->hint.item(model->hint.user, answered, effect->item_count) : NULL;
}

int model_hinted(const struct model *model, const struct engine_command *command)
{
    const struct model_effect *answered = model_hint(model, command->session.value, command->request);
    return answered ? answered->code : -1;
}

struct model_chunk *model_chunk(struct model *model, uint32_t chunk)
{
    while (model->chunk_count <= chunk) {
        model->chunks = model_room(model->chunks, &model->chunk_capacity, model->chunk_count, sizeof *model->chunks);
        model->chunks[model->chunk_count++] = (struct model_chunk){0};
    }
    return &model->chunks[chunk];
}

void model_release(struct model *model, const struct engine_body *body)
{
    struct model_chunk *chunk = model_chunk(model, body->chunk);
    chunk->released++;
    chunk->released_bytes += body->length;
}

/* Messages keep the new number apart until all are renumbered: receipts of one step may swap theirs. */
void model_renumber(struct model *model, struct model_effect *expected, uint64_t receipt)
{
    for (size_t q = 0; q < model->queue_count; q++)
        for (size_t i = 0; i < model->queues[q].count; i++) {
            struct model_message *message = &model->queues[q].messages[i];
            if (message->state == MODEL_RECEIPT && message->session == expected->session &&
                message->receipt == expected->receipt && !message->renumbered)
                message->renumbered = receipt;
        }
    expected->receipt = receipt;
}

static void renumber_all(struct model *model)
{
    for (size_t q = 0; q < model->queue_count; q++)
        for (size_t i = 0; i < model->queues[q].count; i++) {
            struct model_message *message = &model->queues[q].messages[i];
            if (message->renumbered && message->state == MODEL_RECEIPT)
                message->receipt = message->renumbered;
            message->renumbered = 0;
        }
}

void model_forget(struct model *model, bool listed)
{
    for (size_t i = 0; i < model->atom_count; i++) {
        const struct model_atom *atom = &model->atoms[i];
        struct model_queue *queue = &model->queues[atom->queue];
        bool waits = atom->kind != ENGINE_RECORD_RETURN;
        if (waits && atom->number > queue->watermark)
            queue->watermark = atom->number;
    }
    for (size_t q = 0; q < model->queue_count && listed; q++)
        model_sure(&model->queues[q]);
    renumber_all(model);
    model->once_seen = model->effect_count = model->atom_count = model->item_count = model->lost_count =
        model->stat_count = 0;
}

bool model_text_is(const struct engine_text *text, const char *name)
{
    return text->size == strlen(name) && (!text->size || memcmp(text->data, name, text->size) == 0);
}

void model_copy_name(char *out, const struct engine_text *text)
{
    JQ_ASSERT(text->size < MODEL_NAME_SIZE);
    memset(out, 0, MODEL_NAME_SIZE);
    if (text->size)
        memcpy(out, text->data, text->size);
}

/* ---- sessions ------------------------------------------------------------------------------------------------------ */

struct model_session *model_session(struct model *model, uint64_t id)
{
    for (size_t i = 0; i < MODEL_SESSIONS_MAX; i++)
        if (model->sessions[i].id == id)
            return &model->sessions[i];
    return NULL;
}

/* The first byte of a client's id says which it is; 0: none that is remembered. */
static void session_open(struct model *model, const struct engine_command *command)
{
    uint64_t id = command->session.value;
    uint32_t client = command->open.client[0];
    bool known = client && model_client_opens(model, client, id);
    struct model_session *session = model_session(model, 0);
    JQ_ASSERT(session);
    *session = (struct model_session){.id = id};
    if (!command->request)
        return;
    struct model_effect *effect = model_say(model, ENGINE_SESSION_OPEN, id, command->request, JQ_OK, MODEL_ANY_WHY);
    effect->kind = ENGINE_OPENED;
    effect->known = known;
}

/* ---- commands ------------------------------------------------------------------------------------------------------ */

/* The rest of what is refused may still hold bodies. */
static void refuse_put(struct model *model, const struct engine_command *command)
{
    for (uint32_t i = 0; command->op == ENGINE_PUT && i < command->put.count; i++)
        model_release(model, &command->put.bodies[i]);
}

/* A request that is refused for lack of memory has done nothing; a put that says how many were taken was refused later. */
static bool refused_for_memory(const struct model *model, const struct engine_command *command)
{
    const struct model_effect *answered = NULL;
    if (model->faulty && command->request)
        answered = model_hint(model, command->session.value, command->request);
    bool refused = answered && answered->code == JQ_OVERLOADED && answered->why == ENGINE_WHY_MEMORY;
    return refused && (command->op != ENGINE_PUT || answered->count == 0);
}

static void request(struct model *model, const struct engine_command *command)
{
    static void (*const handlers[ENGINE_OP_COUNT])(struct model *, const struct engine_command *) = {
        [ENGINE_DECLARE] = model_declare,
        [ENGINE_DELETE] = model_delete,
        [ENGINE_PUT] = model_put,
        [ENGINE_GET] = model_get,
        [ENGINE_DONE] = model_settle,
        [ENGINE_NACK] = model_settle,
        [ENGINE_RELEASE] = model_settle,
        [ENGINE_TOUCH] = model_settle,
        [ENGINE_TASK_DONE] = model_task_done,
        [ENGINE_JOIN] = model_join,
        [ENGINE_CLOSE] = model_close,
        [ENGINE_PUT_END] = model_put_end,
        [ENGINE_ATTACH] = model_attach,
        [ENGINE_FINISH] = model_finish,
        [ENGINE_CANCEL] = model_cancel,
        [ENGINE_STAT] = model_stat_one,
        [ENGINE_LIST] = model_list,
        [ENGINE_PEEK] = model_peek,
        [ENGINE_PURGE] = model_purge,
        [ENGINE_ALTER] = model_alter,
        [ENGINE_PAUSE] = model_pause,
        [ENGINE_REOPEN] = model_reopen,
        [ENGINE_SESSION_END] = model_session_end,
        [ENGINE_RECEIVED] = model_received,
    };
    if (!refused_for_memory(model, command) && model_once(model, command)) {
        refuse_put(model, command);
        return;
    }
    if (refused_for_memory(model, command)) {
        model_once_refused(model, command);
        model_say(model, command->op, command->session.value, command->request, JQ_OVERLOADED, ENGINE_WHY_MEMORY);
        refuse_put(model, command);
        return;
    }
    handlers[command->op](model, command);
}

/* A body is where it was copied to, and the old place is released; of a message that is gone or elsewhere, the copy is. */
static void move_bodies(struct model *model, const struct engine_command *command)
{
    for (uint32_t m = 0; m < command->relocate.count; m++) {
        const struct engine_relocation *move = &command->relocate.item[m];
        size_t q = model_incarnation(model, move->from.incarnation);
        bool moved = false;
        for (size_t i = 0; q != SIZE_MAX && i < model->queues[q].count && !moved; i++) {
            struct model_message *message = &model->queues[q].messages[i];
            moved = message->seq == move->from.sequence && !message->sentinel &&
                    message->body.chunk == move->from.body.chunk && message->body.offset == move->from.body.offset;
            if (!moved)
                continue;
            model_release(model, &message->body);
            message->body = move->to;
        }
        if (!moved)
            model_release(model, &move->to);
    }
}

void model_command(struct model *model, const struct engine_command *command)
{
    model_moment(model);
    switch (command->op) {
    case ENGINE_SESSION_OPEN:
        session_open(model, command);
        break;
    case ENGINE_OUTPUT_BLOCKED:
        model_session(model, command->session.value)->blocked = command->blocked;
        break;
    case ENGINE_SURVEY:
        break;
    case ENGINE_RELOCATE:
        move_bodies(model, command);
        break;
    case ENGINE_JOURNAL:
        model->accepts = command->journal_accepts;
        if (model->accepts)
            model_accepts(model);
        break;
    default:
        request(model, command);
        break;
    }
    model_pair_all(model);
    model_once_keep(model);
}

/* ---- time ---------------------------------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t model_next(const struct model *model)
{
    uint64_t next = model_clients_next(model);
    for (size_t i = 0; i < model->wait_count; i++)
        next = earlier(next, model->waits[i].deadline_ns);
    for (size_t q = 0; q < model->queue_count; q++) {
        const struct model_queue *queue = &model->queues[q];
        bool stays = queue->closed == 2 && model_refuses(model, q); /* what expires is due when the journal accepts */
        next = earlier(next, model_producers_next(queue));
        for (size_t i = 0; i < queue->count; i++) {
            const struct model_message *message = &queue->messages[i];
            if (!message->sentinel && (message->state == MODEL_READY || message->state == MODEL_DELAYED))
                next = earlier(next, message->expires_ns);
            if (message->state == MODEL_DELAYED)
                next = earlier(next, message->due_ns);
            if (message->state == MODEL_LEASED && !stays)
                next = earlier(next, message->deadline_ns);
        }
    }
    return next;
}

void model_say_expired(struct model *model, size_t q, size_t index)
{
    const struct model_message *message = &model->queues[q].messages[index];
    model->queues[q].lease_expired++;
    struct model_effect *effect = model_say(model, ENGINE_SESSION_OPEN, message->session, 0, JQ_OK, MODEL_ANY_WHY);
    effect->kind = ENGINE_EVENT_LEASE_LOST;
    model->lost = model_room(model->lost, &model->lost_capacity, model->lost_count, sizeof *model->lost);
    model->lost[model->lost_count++] = (struct model_lost){
        .incarnation = model->queues[q].incarnation,
        .seq = message->seq,
        .attempt = message->attempt,
    };
    effect->lost_count = 1;
}

static void expire_leases(struct model *model, size_t q, uint64_t now)
{
    struct model_queue *queue = &model->queues[q];
    for (size_t i = queue->count; i-- > 0;) {
        struct model_message *message = &queue->messages[i];
        if (message->state != MODEL_LEASED || message->deadline_ns > now)
            continue;
        if (queue->closed == 2 && model_refuses(model, q)) { /* stays due until the journal accepts */
            message->discarding = message->expiring = true;
            message->deadline_ns = ENGINE_FOREVER;
            continue;
        }
        model_say_expired(model, q, i);
        model_return(model, q, i, true, false, 0);
    }
}

static void expire_delays(struct model_queue *queue, uint64_t now)
{
    for (size_t i = 0; i < queue->count; i++)
        if (queue->messages[i].state == MODEL_DELAYED && queue->messages[i].due_ns <= now)
            queue->messages[i].state = MODEL_READY;
}

/* LSE-8: returns and expiry, delayed to ready, pairing. */
static void instant_opens(struct model *model, uint64_t now)
{
    model->now = now;
    model_moment(model);
    model_clients_due(model);
    for (size_t q = 0; q < model->queue_count; q++)
        expire_leases(model, q, now);
    for (size_t q = 0; q < model->queue_count; q++)
        model_producers_due(model, q);
    for (size_t q = 0; q < model->queue_count; q++)
        model_expire_due(model, q);
    for (size_t q = 0; q < model->queue_count; q++)
        expire_delays(&model->queues[q], now);
    model_pair_all(model);
    model_once_keep(model);
}

/* Then the deadlines of waiters. */
static void instant_closes(struct model *model)
{
    for (size_t i = 0; i < model->wait_count;) {
        if (model->waits[i].deadline_ns <= model->now)
            model_answer_wait(model, i, JQ_TIMEOUT, MODEL_ANY_WHY);
        else
            i++;
    }
    model_pair_all(model);
    model_once_keep(model);
}

void model_begin(struct model *model, uint64_t now)
{
    model->steps++;
    for (uint64_t next = model_next(model); next < now; next = model_next(model)) {
        instant_opens(model, next > model->now ? next : model->now);
        instant_closes(model);
    }
    instant_opens(model, now);
}

void model_end(struct model *model)
{
    instant_closes(model);
}
