/* SPDX-License-Identifier: Apache-2.0 */
/* The reference model: put, get, join and task_done. */
#include "model_internal.h"
#include <stdlib.h>
#include <string.h>

static bool fenced(const struct model_queue *queue, uint64_t session)
{
    for (size_t i = 0; i < queue->fenced_count; i++)
        if (queue->fenced[i] == session)
            return true;
    return false;
}

static const struct model_producer *attached(const struct model_queue *queue, uint64_t session)
{
    for (size_t i = 0; i < queue->producer_count; i++)
        if (queue->producers[i].session == session)
            return &queue->producers[i];
    return NULL;
}

static int refuse(int *why, int code, int reason)
{
    *why = reason;
    return code;
}

/* ---- put ----------------------------------------------------------------------------------------------------------- */

/* Why a put makes no sense on this queue, or cannot be now. */
static int put_check(const struct model *model, size_t q, const struct engine_command *command, int *why)
{
    const struct model_queue *queue = &model->queues[q];
    const struct model_producer *producer = attached(queue, command->session.value);
    if (command->generation > queue->generation)
        return refuse(why, JQ_INVALID, ENGINE_WHY_GENERATION_UNKNOWN);
    if (command->generation && command->generation < queue->generation)
        return refuse(why, JQ_CLOSED, ENGINE_WHY_GENERATION_OLD);
    if (queue->closed)
        return refuse(why, JQ_CLOSED, ENGINE_WHY_QUEUE_CLOSED);
    if (fenced(queue, command->session.value))
        return refuse(why, JQ_EXISTS, ENGINE_WHY_PRODUCER_FENCED);
    if (producer && producer->finished)
        return refuse(why, JQ_CLOSED, ENGINE_WHY_PRODUCER_FINISHED);
    if (queue->options.producers && !producer)
        return refuse(why, JQ_INVALID, ENGINE_WHY_PRODUCER_NEEDED);
    if (model_put_options_check(queue, &command->put.options, why) != JQ_OK)
        return JQ_INVALID;
    if (model_too_large(queue, command->put.bodies, command->put.count, command->put.partial))
        return refuse(why, JQ_TOO_LARGE, ENGINE_WHY_BATCH_OVER_BOUND);
    if (model_refuses(model, q))
        return refuse(why, JQ_STORAGE, ENGINE_WHY_JOURNAL);
    return JQ_OK;
}

static bool line_is_empty(const struct model *model, size_t q)
{
    for (size_t i = 0; i < model->wait_count; i++)
        if (model->waits[i].op == ENGINE_PUT && model->waits[i].queue == q)
            return false;
    return true;
}

/* The longest start of the batch that fits now; for all or nothing, all or nothing. */
static uint32_t fitting(const struct model *model, size_t q, const struct engine_command *command)
{
    uint32_t count = 0;
    uint64_t bytes = 0;
    if (!line_is_empty(model, q))
        return 0;
    while (count < command->put.count) {
        bytes += command->put.bodies[count].length;
        if (!model_fits(&model->queues[q], count + 1, bytes))
            break;
        count++;
    }
    return command->put.partial || count == command->put.count ? count : 0;
}

static uint64_t bytes_from(const struct engine_command *command, uint32_t first)
{
    uint64_t bytes = 0;
    for (uint32_t i = first; i < command->put.count; i++)
        bytes += command->put.bodies[i].length;
    return bytes;
}

/* Whether the session may wait with what is left of the put. A partial put may be refused for all its bytes. */
static int may_park(const struct model *model, const struct engine_command *command, uint32_t first, int *why)
{
    uint64_t session = command->session.value, held = model_waiting_bytes(model, session);
    bool over = held + bytes_from(command, first) > model->config.waiting_bytes_max;
    bool maybe = held + bytes_from(command, 0) > model->config.waiting_bytes_max;
    bool busy = model_waits_of(model, session) >= model->config.waiting_max;
    if (busy && !(maybe && model_hinted(model, command) == JQ_OVERLOADED))
        return refuse(why, JQ_BUSY, ENGINE_WHY_WAITING_TOO_MANY);
    if (over || (maybe && model_hinted(model, command) == JQ_OVERLOADED))
        return refuse(why, JQ_OVERLOADED, ENGINE_WHY_WAITING_BYTES);
    return JQ_OK;
}

static void put_refused(struct model *model, const struct engine_command *command, size_t q, int code, int why)
{
    for (uint32_t i = 0; i < command->put.count; i++)
        model_release(model, &command->put.bodies[i]);
    struct model_effect *effect = model_say(model, ENGINE_PUT, command->session.value, command->request, code, why);
    if (q != SIZE_MAX && code < JQ_INVALID)
        model_rests(effect, q);
}

static struct model_wait *park_put(struct model *model, const struct engine_command *command, size_t q)
{
    struct model_wait *put = model_park(model, command, q, command->put.timeout_ns);
    size_t size = command->put.count * sizeof *put->bodies;
    put->partial = command->put.partial;
    model_put_options_take(put, &command->put.options);
    put->count = command->put.count;
    put->bytes = bytes_from(command, 0);
    put->bodies = malloc(size);
    JQ_ASSERT(put->bodies);
    memcpy(put->bodies, command->put.bodies, size);
    return put;
}

static void put_into(struct model *model, const struct engine_command *command, size_t q, uint32_t count)
{
    struct model_wait *put = park_put(model, command, q);
    size_t index = model->wait_count - 1;
    model_accept(model, put, count);
    if (put->accepted == put->count)
        model_answer_wait(model, index, JQ_OK, MODEL_ANY_WHY);
    else if (put->nowait)
        model_answer_wait(model, index, put->accepted ? JQ_OK : JQ_FULL, MODEL_ANY_WHY);
}

void model_put(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    uint32_t count = 0;
    size_t q = SIZE_MAX, queues = model->queue_count;
    if (command->put.count < 1 || command->put.count > ENGINE_BATCH_MAX)
        code = JQ_INVALID;
    else
        q = model_find(model, command, MODEL_CREATE, &code, &why);
    if (q != SIZE_MAX)
        code = put_check(model, q, command, &why);
    if (code == JQ_OK) {
        count = fitting(model, q, command);
        if (count < command->put.count && command->put.timeout_ns)
            code = may_park(model, command, count, &why);
    }
    if (code == JQ_OK)
        put_into(model, command, q, count);
    else
        put_refused(model, command, q, code, why);
    if (code >= JQ_NO_QUEUE)
        model_unmake(model, queues);
}

/* ---- get ----------------------------------------------------------------------------------------------------------- */

static int check_range_lists(const struct model *model, const struct engine_command *command, int *why)
{
    enum model_ranges done = model_check_ranges(model, command, ENGINE_DONE, &command->get.done);
    enum model_ranges release = model_check_ranges(model, command, ENGINE_RELEASE, &command->get.release);
    if (!model->accepts && model_hinted(model, command) == JQ_STORAGE) /* of two things wrong either may be said */
        return refuse(why, JQ_STORAGE, ENGINE_WHY_JOURNAL);
    if (done == MODEL_RANGES_TOO_MANY || release == MODEL_RANGES_TOO_MANY)
        return refuse(why, JQ_INVALID, MODEL_ANY_WHY);
    if (done == MODEL_RANGES_COUNTER || release == MODEL_RANGES_COUNTER)
        return refuse(why, JQ_INVALID, MODEL_ANY_WHY);
    if (done == MODEL_RANGES_REFUSED || release == MODEL_RANGES_REFUSED)
        return refuse(why, JQ_STORAGE, ENGINE_WHY_JOURNAL);
    return JQ_OK;
}

/* Settles what the get carries; what was lost goes with the waiter. */
static void settle_carried(struct model *model, const struct engine_command *command, struct model_wait *get)
{
    size_t first = model->lost_count;
    model_settle_ranges(model, command, ENGINE_DONE, &command->get.done);
    model_settle_ranges(model, command, ENGINE_RELEASE, &command->get.release);
    get->lost_count = model->lost_count - first;
    get->lost = malloc((get->lost_count + 1) * sizeof *get->lost);
    JQ_ASSERT(get->lost);
    if (get->lost_count)
        memcpy(get->lost, &model->lost[first], get->lost_count * sizeof *get->lost);
    model->lost_count = first;
}

/* The answer rests on what the carried ranges changed, too. */
static void rest_on(const struct model *model, struct model_wait *get, const struct engine_ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->count; i++) {
        size_t q = model_incarnation(model, ranges->item[i].incarnation);
        if (q != SIZE_MAX && get->carried.rest_count < MODEL_RESTS_MAX)
            get->carried.rests[get->carried.rest_count++] = q;
    }
}

static void get_from(struct model *model, const struct engine_command *command, size_t q)
{
    struct model_wait *get = model_park(model, command, q, command->get.timeout_ns);
    get->max = command->get.max;
    get->auto_ = command->get.auto_;
    get->final = command->get.final;
    get->generation = model->queues[q].generation;
    get->fresh = true;
    rest_on(model, get, &command->get.done);
    rest_on(model, get, &command->get.release);
    settle_carried(model, command, get);
    get->carried.atoms = model->atom_count;
    if (command->generation && command->generation < model->queues[q].generation)
        model_answer_wait(model, model->wait_count - 1, model_generation_end(&model->queues[q], command->generation),
                          ENGINE_WHY_GENERATION_OLD);
    model_pair_all(model);
    size_t index = model_wait_of(model, command->session.value, command->request);
    if (index != SIZE_MAX)
        model->waits[index].fresh = false;
    if (index != SIZE_MAX && model->waits[index].nowait)
        model_answer_wait(model, index, JQ_EMPTY, MODEL_ANY_WHY);
    else if (index != SIZE_MAX && model_waits_of(model, command->session.value) > model->config.waiting_max)
        model->broken = "a get waits beyond waiting_max: BUSY was due";
}

/* A get that might have to wait may be BUSY without being tried: nothing happens before everything is checked. */
static bool busy(const struct model *model, const struct engine_command *command)
{
    return command->get.timeout_ns && model_waits_of(model, command->session.value) >= model->config.waiting_max &&
           model_hinted(model, command) == JQ_BUSY;
}

void model_get(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = SIZE_MAX, queues = model->queue_count;
    if (command->get.max < 1 || command->get.max > ENGINE_BATCH_MAX)
        code = JQ_INVALID;
    if (code == JQ_OK)
        code = check_range_lists(model, command, &why);
    if (code == JQ_OK && busy(model, command))
        code = refuse(&why, JQ_BUSY, ENGINE_WHY_WAITING_TOO_MANY);
    if (code == JQ_OK)
        q = model_find(model, command, MODEL_CREATE, &code, &why);
    if (code == JQ_OK && command->generation > model->queues[q].generation)
        code = refuse(&why, JQ_INVALID, ENGINE_WHY_GENERATION_UNKNOWN);
    if (code != JQ_OK)
        model_unmake(model, queues);
    if (code == JQ_OK)
        get_from(model, command, q);
    else
        model_say(model, ENGINE_GET, command->session.value, command->request, code, why);
}

/* ---- join and task_done -------------------------------------------------------------------------------------------- */

void model_join(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (q == SIZE_MAX) {
        model_say(model, ENGINE_JOIN, command->session.value, command->request, code, why);
        return;
    }
    const struct model_queue *queue = &model->queues[q];
    bool finished = model_unfinished(queue) == 0;
    if (!finished && command->join.timeout_ns &&
        model_waits_of(model, command->session.value) >= model->config.waiting_max) {
        model_say(model, ENGINE_JOIN, command->session.value, command->request, JQ_BUSY, ENGINE_WHY_WAITING_TOO_MANY);
        return;
    }
    struct model_wait *wait = model_park(model, command, q, command->join.timeout_ns);
    wait->done_before = model_counter(queue) ? queue->task_done : queue->done;
    wait->discarded_before = queue->discarded;
    wait->dead_before = queue->dead;
    wait->expired_before = queue->expired;
    wait->vague = model->slices;
    for (size_t i = 0; i < queue->count; i++)
        wait->pending += queue->messages[i].confirmed;
    if (finished || wait->nowait)
        model_answer_wait(model, model->wait_count - 1, finished ? JQ_OK : JQ_TIMEOUT, MODEL_ANY_WHY);
}

static int task_done_check(const struct model *model, size_t q, const struct engine_command *command, int *why)
{
    const struct model_queue *queue = &model->queues[q];
    if (!model_counter(queue))
        return refuse(why, JQ_INVALID, ENGINE_WHY_COUNTER_ONLY);
    if (command->count > queue->tasks)
        return refuse(why, JQ_INVALID, ENGINE_WHY_TASK_DONE_TOO_OFTEN);
    if (model_refuses(model, q))
        return refuse(why, JQ_STORAGE, ENGINE_WHY_JOURNAL);
    return JQ_OK;
}

void model_task_done(struct model *model, const struct engine_command *command)
{
    int code = JQ_OK, why = MODEL_ANY_WHY;
    size_t q = model_find(model, command, MODEL_FIND, &code, &why);
    if (q != SIZE_MAX)
        code = task_done_check(model, q, command, &why);
    if (code == JQ_OK) {
        model->queues[q].tasks -= command->count;
        model->queues[q].task_done += command->count;
        model_atom(model, ENGINE_RECORD_TASK_DONE, q, command->count);
    }
    struct model_effect *effect =
        model_say(model, ENGINE_TASK_DONE, command->session.value, command->request, code, why);
    if (code != JQ_OK)
        return;
    effect->count = model->queues[q].tasks;
    model_rests(effect, q);
}
