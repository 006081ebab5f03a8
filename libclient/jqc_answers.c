/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker sends: each answer ends a request, each event is for nobody in particular. One function an answer. */
#include "jqc_batch.h"
#include "jqc_broker.h"
#include "jqc_core.h"
#include "jqc_stats.h"
#include <stdlib.h>
#include <string.h>

/* What every answer begins with. Lists of the answer that lie in the scratch are no longer there after NO_QUEUE. */
static void outcome_set(struct jqc_core *core, struct jqc_request *request, uint32_t code, struct jqw_bytes text,
                        uint64_t incarnation)
{
    request->answer.code = (int)code;
    if (text.size > 0)
        jqc_text_copy(request->answer.text, text.data, text.size);
    char *told = request->answer.text;
    if (code == JQ_NO_QUEUE && jqc_request_lost(core, request, told, sizeof request->answer.text)) {
        request->answer.code = JQ_DISCONNECTED; /* with the broker that had it (RST-1) */
        return;
    }
    if (incarnation >= core->broker.incarnation_next)
        core->broker.incarnation_next = incarnation + 1;
    if (!request->name)
        return;
    if (request->op == JQW_DECLARE && code == JQ_OK)
        jqc_name_declared(request->name, incarnation, core->broker.epoch);
    else
        jqc_name_meet(request->name, incarnation, core->broker.epoch);
}

/* The one version that was offered, and no limit above the protocol's own. */
static bool welcome_makes_sense(const struct jqw_welcome *welcome)
{
    return welcome->version == JQW_VERSION && welcome->frame_max <= JQW_FRAME_MAX &&
           welcome->message_max <= JQW_MESSAGE_MAX && welcome->batch_max > 0 && welcome->batch_max <= JQW_BATCH_MAX;
}

/* Another run of the broker, or one whose data is not what the last one had? */
static void broker_meet(struct jqc_broker *broker, const struct jqw_welcome *welcome)
{
    static const uint8_t nothing[sizeof broker->data];
    bool same = memcmp(broker->instance, welcome->instance.data, sizeof broker->instance) == 0;
    bool same_data = memcmp(broker->data, welcome->data.data, sizeof broker->data) == 0 &&
                     memcmp(broker->data, nothing, sizeof broker->data) != 0;
    broker->epoch += !same;
    broker->data_epoch += !same && !same_data;
    memcpy(broker->instance, welcome->instance.data, sizeof broker->instance);
    memcpy(broker->data, welcome->data.data, sizeof broker->data);
    broker->known = welcome->known;
    broker->client_forget_ms = welcome->client_forget_ms;
    broker->ping_ms = welcome->ping_ms;
    broker->incarnation_next = welcome->incarnation_next;
}

/* A text of the broker, to be freed with the answer. */
static int lines_copy(struct jqc_request *request, struct jqw_bytes text)
{
    char *lines = malloc(text.size + 1);
    if (!lines) {
        request->answer.code = JQ_OVERLOADED;
        return JQ_OK;
    }
    if (text.size > 0)
        memcpy(lines, text.data, text.size);
    lines[text.size] = '\0';
    request->answer.lines = lines;
    return JQ_OK;
}

static int take_welcome(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_welcome *welcome = &message->welcome;
    if (!welcome_makes_sense(welcome))
        return JQ_PROTOCOL;
    broker_meet(&core->broker, welcome);
    core->limits = (struct jqc_limits){welcome->frame_max, welcome->message_max, welcome->batch_max};
    request->answer.code = JQ_OK;
    return lines_copy(request, welcome->proof);
}

static int take_result(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_result *result = &message->result;
    if (!request->forgotten && jqc_request_goes_on(core, request, result))
        return JQ_EMPTY;
    outcome_set(core, request, result->code, result->text, result->incarnation);
    request->answer.count = request->done_before + result->count;
    request->answer.lost = request->lost_before;
    if (request->op == JQW_FINISH && result->code == JQ_OK)
        jqc_producer_note(core, request);
    return JQ_OK;
}

/* A delivery becomes a batch, or goes back when there is nobody or no memory to take it. */
static int take_delivery(struct jqc_core *core, struct jqc_request *request, const struct jqc_delivery *delivery)
{
    bool taken = request->op == JQW_GET;
    int code = JQ_OVERLOADED;
    if (!request->forgotten)
        code = jqc_batch_new(core->pool, core->input.chunk, delivery, &request->answer.batch);
    if (request->answer.batch)
        request->answer.batch->session = core->session;
    if (code != JQ_OVERLOADED)
        return code;
    request->answer.code = JQ_OVERLOADED;
    request->answer.receipt = 0;
    if (taken)
        jqc_core_release(core, delivery->incarnation, delivery->runs, delivery->run_count);
    return JQ_OK;
}

/* A one-shot end goes back when there is nobody to take it. */
static void take_end(struct jqc_core *core, struct jqc_request *request, const struct jqw_got *got)
{
    struct jqw_range *end = &request->answer.end;
    jqc_ranges_of_runs(got->incarnation, got->runs, 1, end);
    if (request->forgotten)
        jqc_core_release_ranges(core, &(struct jqw_ranges){end, 1});
}

/* Of several queues, the one that it is about is met. False: there is no such place. */
static bool place_meet(struct jqc_core *core, struct jqc_request *request, const struct jqw_got *got)
{
    uint32_t others = request->others ? request->others->count : 0;
    if (got->place > others)
        return false;
    if (request->others && got->code == JQ_OK)
        jqc_name_meet(got->place == 0 ? request->others->first : request->others->names[got->place - 1],
                      got->incarnation, core->broker.epoch);
    return true;
}

static int take_got(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_got *got = &message->got;
    if (!place_meet(core, request, got))
        return JQ_PROTOCOL;
    request->answer.lost = request->lost_before + jqc_ranges_total(&got->lost);
    outcome_set(core, request, got->code, got->text, request->others ? 0 : got->incarnation);
    request->answer.receipt = got->receipt;
    request->answer.end.count = 0;
    if (got->code == JQ_END && got->run_count == 1)
        take_end(core, request, got);
    if (got->code != JQ_OK)
        return JQ_OK;
    if (got->bodies.count == 0)
        return JQ_PROTOCOL;
    const struct jqc_delivery delivery = {.incarnation = got->incarnation,
                                          .runs = got->runs,
                                          .run_count = got->run_count,
                                          .bodies = &got->bodies,
                                          .details = got->details,
                                          .detail_count = got->detail_count,
                                          .leased = got->receipt == 0};
    int code = take_delivery(core, request, &delivery);
    if (code == JQ_OK && request->answer.batch) {
        request->answer.batch->lost = request->answer.lost;
        request->answer.batch->place = got->place;
    }
    return code;
}

static int take_peeked(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_peeked *peeked = &message->peeked;
    outcome_set(core, request, peeked->code, peeked->text, peeked->incarnation);
    if (peeked->code != JQ_OK)
        return JQ_OK;
    const struct jqc_delivery delivery = {.incarnation = peeked->incarnation,
                                          .runs = peeked->runs,
                                          .run_count = peeked->run_count,
                                          .bodies = &peeked->bodies};
    return take_delivery(core, request, &delivery);
}

static int take_exported(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_exported *exported = &message->exported;
    outcome_set(core, request, exported->code, exported->text, exported->incarnation);
    if (exported->code != JQ_OK)
        return JQ_OK;
    request->answer.count = exported->next;
    const struct jqc_delivery delivery = {.incarnation = exported->incarnation,
                                          .runs = exported->runs,
                                          .run_count = exported->run_count,
                                          .bodies = &exported->bodies,
                                          .details = exported->details,
                                          .detail_count = exported->detail_count};
    return take_delivery(core, request, &delivery);
}

static int take_settled(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_settled *settled = &message->settled;
    request->answer.count = settled->count;
    request->answer.lost = jqc_ranges_total(&settled->lost);
    outcome_set(core, request, settled->code, settled->text, 0);
    return JQ_OK;
}

static int take_joined(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_joined *joined = &message->joined;
    outcome_set(core, request, joined->code, joined->text, joined->incarnation);
    request->answer.joined = (struct joinq_joined){.remaining = joined->remaining,
                                                   .done = joined->done,
                                                   .dead = joined->dead,
                                                   .expired = joined->expired,
                                                   .discarded = joined->discarded,
                                                   .moved = joined->moved};
    return JQ_OK;
}

static int take_attached(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_attached *attached = &message->attached;
    outcome_set(core, request, attached->code, attached->text, attached->incarnation);
    request->answer.attached = (struct joinq_attached){
        .finished = attached->finished, .accepted = attached->accepted, .generation = attached->generation};
    if (attached->code == JQ_OK)
        jqc_producer_note(core, request);
    else if (request->forgotten && attached->code == JQ_EXISTS)
        jqc_producer_refused(core, request->id);
    return JQ_OK;
}

static int take_stats(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_stats *stats = &message->stats;
    if (request->op == JQW_STAT && stats->code == JQ_OK && stats->count != 1)
        return JQ_PROTOCOL;
    uint64_t incarnation = stats->count > 0 ? stats->item[0].incarnation : 0;
    outcome_set(core, request, stats->code, stats->text, incarnation);
    request->answer.more = stats->more;
    if (stats->code == JQ_OK)
        request->answer.code = jqc_stats_new(stats, &request->answer.stats);
    return JQ_OK;
}

static int take_explained(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_explained *explained = &message->explained;
    outcome_set(core, request, explained->code, explained->text, explained->incarnation);
    return explained->code == JQ_OK ? lines_copy(request, explained->lines) : JQ_OK;
}

/* The handshake goes on: what is asked is in the lines, how it may be answered in the count. */
static int take_challenge(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_challenge *challenge = &message->challenge;
    outcome_set(core, request, challenge->code, challenge->text, 0);
    request->answer.more = true;
    request->answer.count = challenge->mechanisms;
    return lines_copy(request, challenge->data);
}

static int take_figures(struct jqc_core *core, struct jqc_request *request, const struct jqw_message *message)
{
    const struct jqw_figures *figures = &message->figures;
    outcome_set(core, request, figures->code, figures->text, 0);
    if (figures->code == JQ_OK)
        request->answer.code = jqc_broker_new(figures, &request->answer.broker);
    return JQ_OK;
}

struct answer_kind {
    int (*take)(struct jqc_core *, struct jqc_request *, const struct jqw_message *); /* JQ_EMPTY: it stays open */
    uint64_t answers; /* the requests that it answers, a bit for each opcode */
};

#define BIT(op) (UINT64_C(1) << JQW_##op)
static const struct answer_kind kinds[] = {
    [JQW_WELCOME - JQW_WELCOME] = {take_welcome, BIT(HELLO) | BIT(AUTH)},
    [JQW_RESULT - JQW_WELCOME] = {take_result, 0},
    [JQW_GOT - JQW_WELCOME] = {take_got, BIT(GET)},
    [JQW_SETTLED - JQW_WELCOME] = {take_settled, BIT(DONE) | BIT(NACK) | BIT(RELEASE) | BIT(TOUCH) | BIT(FORWARD)},
    [JQW_JOINED - JQW_WELCOME] = {take_joined, BIT(JOIN)},
    [JQW_ATTACHED - JQW_WELCOME] = {take_attached, BIT(ATTACH)},
    [JQW_STATS - JQW_WELCOME] = {take_stats, BIT(STAT) | BIT(LIST)},
    [JQW_PEEKED - JQW_WELCOME] = {take_peeked, BIT(PEEK)},
    [JQW_EXPLAINED - JQW_WELCOME] = {take_explained, BIT(WHY)},
    [JQW_EXPORTED - JQW_WELCOME] = {take_exported, BIT(EXPORT)},
    [JQW_CHALLENGE - JQW_WELCOME] = {take_challenge, BIT(HELLO) | BIT(AUTH)},
    [JQW_FIGURES - JQW_WELCOME] = {take_figures, BIT(BROKER)},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* A result may refuse any request; it grants only those that have no answer of their own kind. */
static bool answers_it(const struct answer_kind *kind, const struct jqc_request *request,
                       const struct jqw_message *message)
{
    if (message->op != JQW_RESULT)
        return kind->answers >> request->op & 1;
    uint64_t others = 0;
    for (unsigned i = 0; i < KIND_COUNT; i++)
        others |= kinds[i].answers;
    return message->result.code != JQ_OK || !(others >> request->op & 1);
}

/* Request id 0: events, most of which tell nothing that an answer will not tell, and what the broker says before it closes. */
static void take_unasked(struct jqc_core *core, const struct jqw_message *message)
{
    if (message->op == JQW_RESULT && message->result.code == JQ_PROTOCOL)
        core->refused = true;
    if (message->op == JQW_EVENT_FENCED)
        jqc_producer_fenced(core, &message->fenced);
    if (message->op == JQW_RESULT && message->result.text.size > 0)
        jqc_text_copy(core->why, message->result.text.data, message->result.text.size);
}

int jqc_answer_take(struct jqc_core *core, const struct jqw_message *message, const char **why)
{
    if (message->request == 0) {
        take_unasked(core, message);
        return JQ_OK;
    }
    *why = "the broker answered a request that was not open";
    struct jqc_request *request = jqc_request_find(&core->requests, message->request);
    if (!request || request->state != JQC_OPEN)
        return JQ_PROTOCOL;
    *why = "the broker's answer does not belong to the request";
    unsigned index = (unsigned)message->op - JQW_WELCOME;
    if (index >= KIND_COUNT || !answers_it(&kinds[index], request, message))
        return JQ_PROTOCOL;
    int code = kinds[index].take(core, request, message);
    if (code == JQ_EMPTY)
        return JQ_OK;
    if (code != JQ_OK ||
        request->state != JQC_OPEN) /* giving back may have ended the connection, and the request with it */
        return code;
    if (request->forgotten)
        jqc_request_close(&core->requests, request);
    else
        jqc_request_answered(&core->requests, request);
    return JQ_OK;
}
