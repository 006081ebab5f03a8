/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: clients, their slots, and the answers that are kept for them (ONE-1). */
#include "model_internal.h"

struct model_client *model_client(struct model *model, uint32_t id)
{
    for (size_t i = 0; i < MODEL_CLIENTS_MAX; i++)
        if (model->clients[i].id == id)
            return &model->clients[i];
    return NULL;
}

static struct model_client *client_of(struct model *model, uint64_t session)
{
    for (size_t i = 0; i < MODEL_CLIENTS_MAX; i++)
        if (model->clients[i].id && model->clients[i].session == session)
            return &model->clients[i];
    return NULL;
}

static bool keeps(const struct model_client *client)
{
    for (size_t i = 0; i < MODEL_SLOTS_MAX; i++)
        if (client->slots[i].kept)
            return true;
    return false;
}

/* ---- sessions ------------------------------------------------------------------------------------------------------ */

/* A session of the same client that still lives ends first (LSE-6). True: something is kept. */
bool model_client_opens(struct model *model, uint32_t id, uint64_t session)
{
    struct model_client *client = model_client(model, id);
    bool known = client && keeps(client);
    if (client && client->session) {
        client->returns = true;
        struct engine_command end = {.op = ENGINE_SESSION_END, .session = {client->session}};
        model_session_end(model, &end);
        client = model_client(model, id);
        known |= client && keeps(client); /* of a put that was half done */
    }
    if (!client)
        client = model_client(model, 0);
    JQ_ASSERT(client);
    client->id = id;
    client->returns = false;
    client->session = session;
    client->forget_ns = ENGINE_FOREVER;
    return known;
}

void model_client_leaves(struct model *model, uint64_t session)
{
    struct model_client *client = client_of(model, session);
    if (!client)
        return;
    for (size_t i = 0; i < MODEL_SLOTS_MAX; i++)
        client->slots[i].open = 0;
    client->session = 0;
    client->forget_ns = model->now + model->config.client_forget_ns;
    if (!keeps(client) && !client->returns)
        *client = (struct model_client){0};
}

void model_clients_due(struct model *model)
{
    for (size_t i = 0; i < MODEL_CLIENTS_MAX; i++) {
        struct model_client *client = &model->clients[i];
        if (client->id && !client->session && client->forget_ns <= model->now)
            *client = (struct model_client){0};
    }
}

uint64_t model_clients_next(const struct model *model)
{
    uint64_t next = ENGINE_FOREVER;
    for (size_t i = 0; i < MODEL_CLIENTS_MAX; i++) {
        const struct model_client *client = &model->clients[i];
        if (client->id && !client->session && client->forget_ns < next)
            next = client->forget_ns;
    }
    return next;
}

/* ---- requests ------------------------------------------------------------------------------------------------------ */

static void answer_kept(struct model *model, const struct engine_command *command, const struct model_slot *slot)
{
    struct model_effect *effect =
        model_say(model, command->op, command->session.value, command->request, slot->code, MODEL_ANY_WHY);
    effect->count = slot->count;
    effect->kept = true;
    model->kept++;
}

/* What a numbered request gets before any other check; false: it is to be executed. */
bool model_once(struct model *model, const struct engine_command *command)
{
    struct model_client *client = client_of(model, command->session.value);
    if (!command->once.number)
        return false;
    int why = MODEL_ANY_WHY;
    struct model_slot *slot = NULL;
    if (!client || command->once.slot >= ENGINE_SLOTS_MAX)
        why = ENGINE_WHY_ONCE_SLOT;
    else
        slot = &client->slots[command->once.slot];
    if (slot && command->once.number < slot->number)
        why = ENGINE_WHY_ONCE_OLD;
    else if (slot && slot->open)
        why = ENGINE_WHY_ONCE_OPEN;
    if (why != MODEL_ANY_WHY) {
        model_say(model, command->op, command->session.value, command->request, JQ_INVALID, why);
        return true;
    }
    if (command->once.number == slot->number && slot->kept) {
        answer_kept(model, command, slot);
        return true;
    }
    *slot = (struct model_slot){.number = command->once.number, .open = command->request};
    return false;
}

/* The next number says that the last answer was seen, even if nothing came of it. */
void model_once_refused(struct model *model, const struct engine_command *command)
{
    struct model_client *client = client_of(model, command->session.value);
    bool named = client && command->once.number && command->once.slot < MODEL_SLOTS_MAX;
    struct model_slot *slot = named ? &client->slots[command->once.slot] : NULL;
    if (slot && !slot->open && command->once.number > slot->number)
        *slot = (struct model_slot){.number = command->once.number};
}

/* Keeps what the requests of open slots were answered. */
void model_once_keep(struct model *model)
{
    for (; model->once_seen < model->effect_count; model->once_seen++) {
        const struct model_effect *effect = &model->effects[model->once_seen];
        struct model_client *client = effect->request && !effect->kept ? client_of(model, effect->session) : NULL;
        for (size_t i = 0; client && i < MODEL_SLOTS_MAX; i++) {
            struct model_slot *slot = &client->slots[i];
            if (slot->open != effect->request)
                continue;
            bool changed = effect->code == JQ_OK || (effect->op == ENGINE_PUT && effect->count);
            slot->open = 0;
            slot->kept = changed;
            slot->code = effect->code;
            slot->count = effect->count;
        }
    }
}

/* A put that its session leaves half done: what was accepted is kept. */
void model_once_withdraw(struct model *model, const struct model_wait *wait)
{
    struct model_client *client = wait->op == ENGINE_PUT && wait->accepted ? client_of(model, wait->session) : NULL;
    for (size_t i = 0; client && i < MODEL_SLOTS_MAX; i++) {
        struct model_slot *slot = &client->slots[i];
        if (slot->open == wait->request)
            *slot = (struct model_slot){.number = slot->number, .kept = true, .code = JQ_OK, .count = wait->accepted};
    }
}
