/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a queue in order of sequence, a page at a time, with all that is known of them: for what takes them elsewhere. It
 * changes nothing. */
#include "model.h"

enum { SEEN_MAX = 10000 };

static void detail_extra(struct engine *e, const struct queue *q, const struct extra *x, struct engine_detail *out)
{
    struct engine_effects *fx = e->effects;
    if (x->ttl.key != ENGINE_FOREVER)
        out->ttl_ns = x->ttl.key > e->now ? x->ttl.key - e->now : 1;
    if (q->options.order == ENGINE_PRIORITY) {
        struct engine_text bytes =
            levels_bytes(&q->levels, q->priority_kind == ENGINE_PRIORITY_BYTES ? x->priority : 0);
        out->priority_kind = q->priority_kind;
        out->priority_number =
            q->priority_kind == ENGINE_PRIORITY_BYTES ? 0 : (int64_t)(x->priority ^ (uint64_t)1 << 63);
        out->priority_bytes = effects_text(fx, bytes.data, bytes.size);
    }
    if (!x->source)
        return;
    out->reason = x->reason;
    out->source = effects_text(fx, x->source->name, x->source->size);
    out->source_sequence = x->source_sequence;
    out->source_age_ns = e->now - x->source_ns;
    out->source_deliveries = x->source_deliveries;
}

static void export_one(struct engine *e, struct engine_effect *a, const struct queue *q, uint64_t sequence,
                       const struct message *m)
{
    struct engine_effects *fx = e->effects;
    struct engine_detail *detail = &fx->details[fx->detail_count++];
    bool out = m->state == MESSAGE_LEASED || m->state == MESSAGE_RECEIPT;
    uint64_t due = m->state == MESSAGE_DELAYED ? message_due(e, m) : 0;
    bool delayed = due && due != ENGINE_FOREVER; /* otherwise it is ready, or has expired and waits for the journal */
    due = delayed ? due : 0;
    *detail = (struct engine_detail){.index = a->got.body_count,
                                     .state = out       ? ENGINE_IS_LEASED
                                              : delayed ? ENGINE_IS_DELAYED
                                                        : ENGINE_IS_READY,
                                     .delay_ns = due > e->now ? due - e->now : 0,
                                     .age_ns = (uint64_t)(uint32_t)(put_time(e) - message_put_time(e, m)) * 10000000u};
    if (m->extended)
        detail_extra(e, q, message_extra(e, m), detail);
    fx->bodies[fx->body_count++] = message_body(m);
    fx->runs[fx->run_count++] = (struct engine_run){sequence, 1, message_attempt(e, m), m->deliveries};
    a->got.body_count++;
    a->got.run_count++;
    a->got.detail_count++;
}

int handle_export(struct engine *e, struct session *s, const struct engine_command *c, struct engine_effect *a)
{
    (void)s;
    struct queue *q;
    struct engine_effects *fx = e->effects;
    int code = queue_find(e, c, a, &q);
    if (code != JQ_OK)
        return code;
    if (c->export_.count < 1 || c->export_.count > ENGINE_BATCH_MAX)
        return answer_fail(e, a, JQ_INVALID, ENGINE_WHY_BATCH_COUNT, q, ENGINE_BATCH_MAX);
    a->got.runs = fx->runs + fx->run_count;
    a->got.bodies = fx->bodies + fx->body_count;
    a->got.details = fx->details + fx->detail_count;
    uint64_t bytes = 0, at = log_next(&q->log, c->export_.from);
    for (uint32_t seen = 0; at < q->log.tail && seen < SEEN_MAX && a->got.body_count < c->export_.count; seen++) {
        const struct message *m = log_at(&q->log, at);
        bytes += m->length;
        if (a->got.body_count && (bytes > ENGINE_GOT_BYTES || !effects_text_room(fx, 2 * ENGINE_NAME_MAX)))
            break;
        if (!m->end)
            export_one(e, a, q, at, m);
        at = log_next(&q->log, at + 1);
    }
    a->got.next = at < q->log.tail ? at : 0;
    a->incarnation = q->incarnation;
    answer_rests_on(a, q);
    return JQ_OK;
}
