/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and effects as text. */
#include "names.h"
#include <inttypes.h>
#include <string.h>

static const char *const ops[ENGINE_OP_COUNT] = {
    [ENGINE_SESSION_OPEN] = "open",
    [ENGINE_SESSION_END] = "session-end",
    [ENGINE_OUTPUT_BLOCKED] = "blocked",
    [ENGINE_RECEIVED] = "received",
    [ENGINE_JOURNAL] = "journal",
    [ENGINE_SURVEY] = "survey",
    [ENGINE_RELOCATE] = "relocate",
    [ENGINE_DECLARE] = "declare",
    [ENGINE_DELETE] = "delete",
    [ENGINE_PUT] = "put",
    [ENGINE_GET] = "get",
    [ENGINE_DONE] = "done",
    [ENGINE_NACK] = "nack",
    [ENGINE_RELEASE] = "release",
    [ENGINE_TOUCH] = "touch",
    [ENGINE_TASK_DONE] = "task_done",
    [ENGINE_JOIN] = "join",
    [ENGINE_CLOSE] = "close",
    [ENGINE_PUT_END] = "put_end",
    [ENGINE_ATTACH] = "attach",
    [ENGINE_FINISH] = "finish",
    [ENGINE_CANCEL] = "cancel",
    [ENGINE_STAT] = "stat",
    [ENGINE_LIST] = "list",
    [ENGINE_PEEK] = "peek",
    [ENGINE_PURGE] = "purge",
    [ENGINE_ALTER] = "alter",
    [ENGINE_FORWARD] = "forward",
    [ENGINE_MARK] = "mark",
    [ENGINE_REOPEN] = "reopen",
    [ENGINE_PAUSE] = "pause",
    [ENGINE_MOVE] = "move",
    [ENGINE_EXPLAIN] = "explain",
    [ENGINE_EXPORT] = "export",
};

const char *name_op(enum engine_op op)
{
    return ops[op];
}

const char *name_effect(enum engine_effect_kind kind)
{
    static const char *const names[] = {
        [ENGINE_ANSWER] = "answer",
        [ENGINE_GOT] = "got",
        [ENGINE_SETTLED] = "settled",
        [ENGINE_JOINED] = "joined",
        [ENGINE_ATTACHED] = "attached",
        [ENGINE_STATS] = "stats",
        [ENGINE_PEEKED] = "peeked",
        [ENGINE_OPENED] = "opened",
        [ENGINE_EXPLAINED] = "explained",
        [ENGINE_EXPORTED] = "exported",
        [ENGINE_EVENT_LEASE_LOST] = "event lease-lost",
        [ENGINE_EVENT_FENCED] = "event fenced",
    };
    return names[kind];
}

const char *name_record(enum engine_record_kind kind)
{
    static const char *const names[] = {
        [ENGINE_RECORD_GROUP] = "GROUP",
        [ENGINE_RECORD_DECLARE] = "DECLARE",
        [ENGINE_RECORD_ALTER] = "ALTER",
        [ENGINE_RECORD_EXPIRE] = "EXPIRE",
        [ENGINE_RECORD_DEAD] = "DEAD",
        [ENGINE_RECORD_MOVED_OUT] = "MOVED_OUT",
        [ENGINE_RECORD_REOPEN] = "REOPEN",
        [ENGINE_RECORD_PAUSE] = "PAUSE",
        [ENGINE_RECORD_MARK] = "MARK",
        [ENGINE_RECORD_KEPT] = "KEPT",
        [ENGINE_RECORD_DELETE] = "DELETE",
        [ENGINE_RECORD_PUT] = "PUT",
        [ENGINE_RECORD_DONE] = "DONE",
        [ENGINE_RECORD_DISCARD] = "DISCARD",
        [ENGINE_RECORD_RETURN] = "RETURN",
        [ENGINE_RECORD_TASK_DONE] = "TASK_DONE",
        [ENGINE_RECORD_CLOSE] = "CLOSE",
        [ENGINE_RECORD_PUT_END] = "PUT_END",
        [ENGINE_RECORD_END_TAKEN] = "END_TAKEN",
        [ENGINE_RECORD_ATTACH] = "ATTACH",
        [ENGINE_RECORD_FINISH] = "FINISH",
        [ENGINE_RECORD_SNAPSHOT] = "SNAPSHOT",
        [ENGINE_RECORD_STATE] = "STATE",
        [ENGINE_RECORD_STATE_DECLARED] = "STATE_DECLARED",
        [ENGINE_RECORD_STATE_PRODUCER] = "STATE_PRODUCER",
        [ENGINE_RECORD_STATE_MARK] = "STATE_MARK",
        [ENGINE_RECORD_STATE_MESSAGES] = "STATE_MESSAGES",
        [ENGINE_RECORD_STATE_ENDS] = "STATE_ENDS",
        [ENGINE_RECORD_STATE_END] = "STATE_END",
        [ENGINE_RECORD_SNAPSHOT_END] = "SNAPSHOT_END",
    };
    return names[kind];
}

static const char *why_name(int why)
{
    static const char *const names[] = {
#define WHY(name, format) [ENGINE_WHY_##name] = #name,
        ENGINE_WHYS(WHY)
#undef WHY
    };
    return why < 0 ? "any" : names[why];
}

/* ---- commands ------------------------------------------------------------------------------------------------------ */

static void print_time(FILE *out, const char *what, uint64_t ns)
{
    if (ns == ENGINE_FOREVER)
        fprintf(out, " %s=forever", what);
    else
        fprintf(out, " %s=%" PRIu64 "ns", what, ns);
}

static void print_ranges(FILE *out, const char *what, const struct engine_ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->count && i < 12; i++) {
        const struct engine_range *range = &ranges->item[i];
        fprintf(out, " %s=%" PRIu64 ":%" PRIu64 "+%u#%u", what, range->incarnation, range->first, range->count,
                range->attempt);
    }
}

static void print_options(FILE *out, const struct engine_queue_options *o)
{
#define OPTION(name, member) \
    if (o->member)           \
        fprintf(out, " " #member "=%" PRIu64, o->member);
    ENGINE_OPTIONS(OPTION)
#undef OPTION
    if (o->dead_letter.size)
        fprintf(out, " dead_letter=%.*s", (int)o->dead_letter.size, o->dead_letter.data);
}

static void print_flow(FILE *out, const struct engine_command *c)
{
    if (c->op == ENGINE_PUT) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < c->put.count; i++)
            bytes += c->put.bodies[i].length;
        fprintf(out, " count=%u bytes=%" PRIu64 "%s", c->put.count, bytes, c->put.partial ? " partial" : "");
        print_time(out, "timeout", c->put.timeout_ns);
        print_time(out, "delay", c->put.options.delay_ns);
        if (c->put.options.ttl_ns)
            print_time(out, "ttl", c->put.options.ttl_ns);
        if (c->put.options.priority.kind == ENGINE_PRIORITY_NUMBER)
            fprintf(out, " priority=%" PRId64, c->put.options.priority.number);
        if (c->put.options.priority.kind == ENGINE_PRIORITY_BYTES)
            fprintf(out, " priority='%.*s'", (int)c->put.options.priority.bytes.size,
                    c->put.options.priority.bytes.data);
        return;
    }
    fprintf(out, " max=%u%s%s", c->get.max, c->get.auto_ ? " auto" : "", c->get.final ? " final" : "");
    print_time(out, "timeout", c->get.timeout_ns);
    print_ranges(out, "done", &c->get.done);
    print_ranges(out, "release", &c->get.release);
}

static void print_rest(FILE *out, const struct engine_command *c)
{
    switch (c->op) {
    case ENGINE_DECLARE:
        print_options(out, &c->declare.options);
        fprintf(out, "%s", c->declare.existing_ok ? " existing_ok" : "");
        break;
    case ENGINE_ALTER:
        print_options(out, &c->declare.options);
        fprintf(out, " given=%x", c->declare.given);
        break;
    case ENGINE_PAUSE:
        fprintf(out, "%s%s%s", c->pause.puts ? " puts" : "", c->pause.gets ? " gets" : "",
                c->pause.resume ? " resume" : "");
        break;
    case ENGINE_PUT:
    case ENGINE_GET:
        print_flow(out, c);
        break;
    case ENGINE_DONE:
    case ENGINE_NACK:
    case ENGINE_RELEASE:
    case ENGINE_TOUCH:
        print_ranges(out, "range", &c->settle.ranges);
        fprintf(out, " delay=%" PRIu64 "ns%s", c->op == ENGINE_NACK ? c->settle.delay_ns : 0,
                c->op == ENGINE_NACK && c->settle.dead ? " dead" : "");
        break;
    case ENGINE_JOIN:
        print_time(out, "timeout", c->join.timeout_ns);
        break;
    case ENGINE_CLOSE:
        fprintf(out, "%s%s", c->close.immediate ? " immediate" : "", c->close.after_mine ? " after_mine" : "");
        break;
    case ENGINE_ATTACH:
    case ENGINE_FINISH:
        fprintf(out, " name=%.*s%s", (int)c->producer.name.size, c->producer.name.data,
                c->op == ENGINE_ATTACH && c->producer.takeover ? " takeover" : "");
        break;
    case ENGINE_LIST:
        fprintf(out, " after=%" PRIu64 " max=%u", c->list.after, c->list.max);
        break;
    default:
        break;
    }
}

static void print_number(FILE *out, const struct engine_command *c)
{
    if (c->op == ENGINE_TASK_DONE || c->op == ENGINE_PUT_END || c->op == ENGINE_PEEK)
        fprintf(out, " count=%u", c->count);
    else if (c->op == ENGINE_RELOCATE)
        fprintf(out, " count=%u first=%" PRIu64 ":%" PRIu64, c->relocate.count, c->relocate.item->from.incarnation,
                c->relocate.item->from.sequence);
    else if (c->op == ENGINE_CANCEL)
        fprintf(out, " target=%u", c->target);
    else if (c->op == ENGINE_RECEIVED)
        fprintf(out, " receipt=%" PRIu64, c->receipt);
    else if (c->op == ENGINE_OUTPUT_BLOCKED || c->op == ENGINE_JOURNAL)
        fprintf(out, " %s", c->blocked ? "yes" : "no");
    else if (c->op == ENGINE_DELETE)
        fprintf(out, "%s%s", c->delete_.if_empty ? " if_empty" : "", c->delete_.force ? " force" : "");
}

void print_command(FILE *out, const struct engine_command *c)
{
    fprintf(out, "s%" PRIu64 " #%u %s", c->session.value, c->request, name_op(c->op));
    if (c->queue.name.size)
        fprintf(out, " %.*s", (int)c->queue.name.size, c->queue.name.data);
    if (c->once.number)
        fprintf(out, " once=%u:%" PRIu64, c->once.slot, c->once.number);
    if (c->op == ENGINE_SESSION_OPEN && c->open.client[0])
        fprintf(out, " client=%u", c->open.client[0]);
    if (c->generation)
        fprintf(out, " generation=%" PRIu64, c->generation);
    if (c->queue.incarnation)
        fprintf(out, "@%" PRIu64, c->queue.incarnation);
    print_rest(out, c);
    print_number(out, c);
    fputc('\n', out);
}

/* ---- effects ------------------------------------------------------------------------------------------------------- */

static void print_stat(FILE *out, const struct model_stat *item)
{
    const struct engine_stat *s = &item->stat;
    fprintf(out,
            "\n    %s@%" PRIu64 " closed=%u paused=%u generation=%" PRIu64 " ready=%" PRIu64 " delayed=%" PRIu64
            " leased=%" PRIu64 " bytes=%" PRIu64 " unfinished=%" PRIu64 " ends=%" PRIu64 " put=%" PRIu64
            " done=%" PRIu64 " dead=%" PRIu64 " expired=%" PRIu64 " dead_in=%" PRIu64 " discarded=%" PRIu64,
            item->name, s->incarnation, s->closed, s->paused, s->generation, s->ready, s->delayed, s->leased,
            s->ready_bytes, s->unfinished, s->ends, s->put, s->done, s->dead, s->expired, s->dead_in, s->discarded);
    fprintf(out,
            " delivered=%" PRIu64 " redelivered=%" PRIu64 " lease_expired=%" PRIu64 " task_done=%" PRIu64
            " getters=%" PRIu64 " putters=%" PRIu64 " joiners=%" PRIu64 " attached=%" PRIu64 " finished=%" PRIu64
            " age=%" PRIu64,
            s->delivered, s->redelivered, s->lease_expired, s->task_done, s->getters_waiting, s->putters_waiting,
            s->joiners_waiting, s->producers_attached, s->producers_finished, s->age_ns);
    struct engine_queue_options options = s->options;
    options.dead_letter = (struct engine_text){item->dead_letter, (uint32_t)strlen(item->dead_letter)};
    print_options(out, &options);
}

void print_effect(FILE *out, const struct model_effect *e, const struct model_item *items,
                  const struct model_lost *lost, const struct model_stat *stats)
{
    fprintf(out, "s%" PRIu64 " #%u %s %s (%s) queue=%" PRIu64 " count=%" PRIu64, e->session, e->request,
            name_effect(e->kind), jqw_code_name(e->code), why_name(e->why), e->incarnation, e->count);
    if (e->kind == ENGINE_GOT)
        fprintf(out, " receipt=%" PRIu64, e->receipt);
    if (e->after)
        fprintf(out, " after=%" PRIu64, e->after);
    if (e->kind == ENGINE_JOINED)
        fprintf(out, " remaining=%" PRIu64 " done=%" PRIu64 " discarded=%" PRIu64, e->remaining, e->done, e->discarded);
    if (e->kind == ENGINE_ATTACHED)
        fprintf(out, " finished=%d", e->finished);
    if (e->kind == ENGINE_EVENT_FENCED)
        fprintf(out, " producer=%s", e->producer);
    for (size_t i = 0; i < e->item_count && i < 40; i++) {
        const struct model_item *item = &items[e->item_first + i];
        fprintf(out, " %" PRIu64 "#%u/%u", item->seq, item->attempt, item->deliveries);
        if (item->reason)
            fprintf(out, "[%s:%" PRIu64 "/%u reason %d]", item->source, item->source_seq, item->source_deliveries,
                    item->reason);
    }
    for (size_t i = 0; i < e->lost_count && i < 40; i++) {
        const struct model_lost *l = &lost[e->lost_first + i];
        fprintf(out, " lost=%" PRIu64 ":%" PRIu64 "#%" PRIu64, l->incarnation, l->seq, l->attempt);
    }
    for (size_t i = 0; i < e->stat_count; i++)
        print_stat(out, &stats[e->stat_first + i]);
    fputc('\n', out);
}
