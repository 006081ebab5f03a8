/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of fields. The order within a list is the order on the wire; numbers of options and of stat's fields are
 * permanent. */
#include "schema.h"

#define AT(member)    .offset = offsetof(struct jqw_message, member)
#define WIDTH(member) .width = sizeof(((struct jqw_message *)0)->member)

#define UINT(label, member, least, most, text)                                                                   \
    {                                                                                                            \
        .name = label, .kind = JQW_FIELD_UINT, AT(member), WIDTH(member), .min = least, .max = most, .why = text \
    }
#define U32(label, member) UINT(label, member, 0, UINT32_MAX, label " is a number below 2^32")
#define U64(label, member) UINT(label, member, 0, UINT64_MAX, "")
#define FLAGS(member, bits)                                                                                        \
    {                                                                                                              \
        .name = "flags", .kind = JQW_FIELD_FLAGS, AT(member), WIDTH(member), .max = bits, .why = "an unknown flag" \
    }
#define PLAIN(label, member, type)                          \
    {                                                       \
        .name = label, .kind = JQW_FIELD_##type, AT(member) \
    }
#define STR(label, member, most, text)                                             \
    {                                                                              \
        .name = label, .kind = JQW_FIELD_STR, AT(member), .max = most, .why = text \
    }
#define BIN16(label, member)                                                                      \
    {                                                                                             \
        .name = label, .kind = JQW_FIELD_BIN, AT(member), .max = 16, .why = label " has 16 bytes" \
    }
#define NAME(label, member) STR(label, member, JQW_NAME_MAX, label ": more than 255 bytes")
#define RUNS(member, counter)                                                                              \
    {                                                                                                      \
        .name = "runs", .kind = JQW_FIELD_RUNS, AT(member), .count = offsetof(struct jqw_message, counter) \
    }
#define BODIES(member, least)                                                \
    {                                                                        \
        .name = "bodies", .kind = JQW_FIELD_BODIES, AT(member), .min = least \
    }
#define OPTIONS(list)                                                  \
    {                                                                  \
        .name = "options", .kind = JQW_FIELD_OPTIONS, .options = &list \
    }
#define PRIORITY(member) PLAIN("priority", member, PRIORITY)
#define MAPS(label, member, counter, least, most, list, places, text)                                             \
    {                                                                                                             \
        .name = label, .kind = JQW_FIELD_MAPS, AT(member), .count = offsetof(struct jqw_message, counter),        \
        .min = least, .max = most, .options = &list, .scratch = offsetof(struct jqw_scratch, places), .why = text \
    }
#define SLOT(member) \
    [4] = UINT("slot", member.slot, 0, JQW_SLOTS_MAX - 1, "slot is below 1024"), [5] = U64("number", member.number)
#define QUEUE(member) NAME("queue", member.name), U64("incarnation", member.incarnation)
#define CODE(member)  U32("code", member.code), STR("text", member.text, JQW_TEXT_MAX, "text: more than 400 bytes")
#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

_Static_assert(JQW_NAME_MAX == 255 && JQW_TEXT_MAX == 400 && JQW_BATCH_MAX == 1000 && JQW_LIST_MAX == 100 &&
                   JQW_LINES_MAX == 4096 && JQW_TARGETS_MAX == 16 && JQW_GET_OTHERS_MAX == 15 &&
                   JQW_SLOTS_MAX == 1024 && JQW_FIGURES_MAX == 200,
               "the texts in these tables name limits");

static const struct jqw_field put_option_fields[] = {
    /* 0 is kept for options of single messages */
    [1] = PLAIN("delay_ms", put.options.delay_ms, TIME),
    [2] = PLAIN("ttl_ms", put.options.ttl_ms, TIME),
    [3] = PRIORITY(put.options.priority),
    SLOT(put.once),
    [6] = U64("generation", put.options.generation),
};
static const struct jqw_options put_options = {put_option_fields, LENGTH(put_option_fields), 0};

static const struct jqw_field count_once_fields[] = {SLOT(count.once)};
static const struct jqw_options count_once = {count_once_fields, LENGTH(count_once_fields), 0};
static const struct jqw_field move_once_fields[] = {SLOT(move.once)};
static const struct jqw_options move_once = {move_once_fields, LENGTH(move_once_fields), 0};
static const struct jqw_field forward_once_fields[] = {SLOT(forward.once)};
static const struct jqw_options forward_once = {forward_once_fields, LENGTH(forward_once_fields), 0};

static const struct jqw_field declare_option_fields[] = {
    [1] = U64("max_messages", declare.max_messages),
    [2] = U64("max_bytes", declare.max_bytes),
    [3] = PLAIN("lease_ms", declare.lease_ms, TIME),
    [4] = U64("producers", declare.producers),
    [5] = UINT("bound", declare.bound, 0, JQW_BOUND_OUTSTANDING, "bound: 0 is queued, 1 is outstanding"),
    [6] = UINT("accounting", declare.accounting, 0, JQW_ACCOUNTING_COUNTER, "accounting: 0 is lease, 1 is counter"),
    [7] = UINT("order", declare.order, 0, JQW_ORDER_PRIORITY, "order: 0 is fifo, 1 is lifo, 2 is priority"),
    [8] = UINT("max_deliveries", declare.max_deliveries, 0, UINT16_MAX, "max_deliveries is at most 65535"),
    [9] = PLAIN("ttl_ms", declare.ttl_ms, TIME),
    [10] = UINT("on_producer_lost", declare.on_producer_lost, 0, JQW_LOST_FAIL,
                "on_producer_lost: 0 is wait, 1 is end, 2 is fail"),
    [11] = PLAIN("producer_grace_ms", declare.producer_grace_ms, TIME),
    [12] =
        UINT("lifetime", declare.lifetime, 0, JQW_LIFETIME_USERS, "lifetime: 0 is permanent, 1 is session, 2 is users"),
    [13] = PLAIN("idle_delete_ms", declare.idle_delete_ms, TIME),
    [14] = PLAIN("sync_ms", declare.sync_ms, TIME),
    [15] = NAME("dead_letter", declare.dead_letter),
};
static const struct jqw_options declare_options = {declare_option_fields, LENGTH(declare_option_fields), 0};

/* ---- maps of lists: offsets are in what one map fills ---- */

#define IN(type, label, member, of)                                                     \
    {                                                                                   \
        .name = label, .kind = JQW_FIELD_##of, .offset = offsetof(struct type, member), \
        .width = sizeof(((struct type *)0)->member), .max = UINT64_MAX, .why = ""       \
    }
#define NAME_IN(type, label, member)                                                                        \
    {                                                                                                       \
        .name = label, .kind = JQW_FIELD_STR, .offset = offsetof(struct type, member), .max = JQW_NAME_MAX, \
        .why = label ": more than 255 bytes"                                                                \
    }
#define UINT_IN(type, label, member, least, most, text)                                     \
    {                                                                                       \
        .name = label, .kind = JQW_FIELD_UINT, .offset = offsetof(struct type, member),     \
        .width = sizeof(((struct type *)0)->member), .min = least, .max = most, .why = text \
    }

static const struct jqw_field queue_item_fields[] = {
    NAME_IN(jqw_queue, "queue", name),
    IN(jqw_queue, "incarnation", incarnation, UINT),
};
static const struct jqw_options queue_item = {queue_item_fields, LENGTH(queue_item_fields), sizeof(struct jqw_queue)};

static const struct jqw_field target_item_fields[] = {
    NAME_IN(jqw_target, "queue", queue.name),
    IN(jqw_target, "incarnation", queue.incarnation, UINT),
    UINT_IN(jqw_target, "count", count, 1, JQW_BATCH_MAX, "count: 1 to 1000 messages for each queue"),
    IN(jqw_target, "delay_ms", options.delay_ms, TIME),
    IN(jqw_target, "ttl_ms", options.ttl_ms, TIME),
    IN(jqw_target, "priority", options.priority, PRIORITY),
    IN(jqw_target, "generation", options.generation, UINT),
};
static const struct jqw_options target_item = {target_item_fields, LENGTH(target_item_fields),
                                               sizeof(struct jqw_target)};

static const struct jqw_field detail_item_fields[] = {
    UINT_IN(jqw_detail, "index", index, 0, JQW_BATCH_MAX - 1, "index is a place in the bodies"),
    UINT_IN(jqw_detail, "state", state, 0, UINT32_MAX, "state is a number below 2^32"),
    IN(jqw_detail, "delay_ms", delay_ms, UINT),
    IN(jqw_detail, "ttl_ms", ttl_ms, UINT),
    IN(jqw_detail, "age_ms", age_ms, UINT),
    IN(jqw_detail, "priority", priority, PRIORITY),
    UINT_IN(jqw_detail, "reason", reason, 0, UINT32_MAX, "reason is a number below 2^32"),
    NAME_IN(jqw_detail, "source", source),
    IN(jqw_detail, "source_sequence", source_sequence, UINT),
    IN(jqw_detail, "source_age_ms", source_age_ms, UINT),
    IN(jqw_detail, "source_deliveries", source_deliveries, UINT),
};
static const struct jqw_options detail_item = {detail_item_fields, LENGTH(detail_item_fields),
                                               sizeof(struct jqw_detail)};

/* Their numbers are their places in JQW_STAT_FIELDS, from 1: new ones go to its end. */
static const struct jqw_field stat_item_fields[] = {
    {.name = "name", .kind = JQW_FIELD_STR, .offset = offsetof(struct jqw_stat, name), .max = JQW_NAME_MAX},
#define STAT_FIELD(field)                        \
    {.name = #field,                             \
     .kind = JQW_FIELD_UINT,                     \
     .offset = offsetof(struct jqw_stat, field), \
     .max = UINT64_MAX,                          \
     .width = sizeof(uint64_t)},
    JQW_STAT_FIELDS(STAT_FIELD)
#undef STAT_FIELD
};
const struct jqw_options jqw_stat_options = {stat_item_fields, LENGTH(stat_item_fields), sizeof(struct jqw_stat)};

static const struct jqw_field figure_item_fields[] = {
    NAME_IN(jqw_figure, "name", name),
    IN(jqw_figure, "value", value, UINT),
};
static const struct jqw_options figure_item = {figure_item_fields, LENGTH(figure_item_fields),
                                               sizeof(struct jqw_figure)};

/* ---- from client to broker ---------------------------------------------------------------------------------------- */

static const struct jqw_field hello_fields[] = {
    U32("version", hello.version),
    BIN16("client", hello.client),
    NAME("name", hello.name),
    FLAGS(hello.flags, JQW_HELLO_PING | JQW_HELLO_PASSWORD),
};
static const struct jqw_field auth_fields[] = {
    UINT("mechanism", auth.mechanism, JQW_SCRAM_SHA_256, JQW_SCRAM_SHA_256_PLUS,
         "mechanism: 1 is SCRAM-SHA-256, 2 is SCRAM-SHA-256-PLUS"),
    STR("data", auth.data, JQW_TEXT_MAX, "data: more than 400 bytes"),
};
static const struct jqw_field declare_fields[] = {
    QUEUE(declare.queue),
    FLAGS(declare.flags, JQW_DECLARE_EXISTING_OK | JQW_DECLARE_DURABLE | JQW_DECLARE_DEAD_DROP),
    OPTIONS(declare_options),
};
static const struct jqw_field delete_fields[] = {
    QUEUE(delete_.queue),
    FLAGS(delete_.flags, JQW_DELETE_IF_EMPTY | JQW_DELETE_FORCE),
};
static const struct jqw_field put_fields[] = {
    QUEUE(put.queue),
    PLAIN("timeout_ms", put.timeout_ms, TIMEOUT),
    FLAGS(put.flags, JQW_PUT_PARTIAL),
    BODIES(put.bodies, 1),
    OPTIONS(put_options),
};
static const struct jqw_field get_fields[] = {
    QUEUE(get.queue),
    PLAIN("timeout_ms", get.timeout_ms, TIMEOUT),
    UINT("max", get.max, 1, JQW_BATCH_MAX, "max: a get brings 1 to 1000 messages"),
    FLAGS(get.flags, JQW_GET_AUTO | JQW_GET_FINAL),
    PLAIN("done", get.done, RANGES),
    PLAIN("release", get.release, RANGES),
    MAPS("others", get.others, get.other_count, 0, JQW_GET_OTHERS_MAX, queue_item, queues,
         "others: a get is from 16 queues at most"),
    U64("generation", get.generation),
};
static const struct jqw_field forward_fields[] = {
    PLAIN("timeout_ms", forward.timeout_ms, TIMEOUT),
    PLAIN("done", forward.done, RANGES),
    MAPS("targets", forward.targets, forward.target_count, 1, JQW_TARGETS_MAX, target_item, targets,
         "targets: a forward puts into 1 to 16 queues"),
    BODIES(forward.bodies, 1),
    OPTIONS(forward_once),
};
static const struct jqw_field done_fields[] = {PLAIN("ranges", settle.ranges, RANGES)};
static const struct jqw_field nack_fields[] = {
    PLAIN("ranges", settle.ranges, RANGES),
    PLAIN("delay_ms", settle.delay_ms, TIME),
    FLAGS(settle.flags, JQW_NACK_DEAD),
};
static const struct jqw_field release_fields[] = {PLAIN("ranges", settle.ranges, RANGES)};
static const struct jqw_field touch_fields[] = {PLAIN("ranges", settle.ranges, RANGES)};
static const struct jqw_field received_fields[] = {U64("receipt", received.receipt)};
static const struct jqw_field bye_fields[] = {FLAGS(bye.flags, JQW_BYE_FORGET)};
static const struct jqw_field task_done_fields[] = {
    QUEUE(count.queue),
    UINT("count", count.count, 1, UINT32_MAX, "count is a number from 1 to 2^32 - 1"),
    OPTIONS(count_once),
};
static const struct jqw_field join_fields[] = {
    QUEUE(join.queue),
    PLAIN("timeout_ms", join.timeout_ms, TIMEOUT),
    FLAGS(join.flags, JQW_JOIN_MINE | JQW_JOIN_SNAPSHOT),
    U64("mark", join.mark),
};
static const struct jqw_field close_fields[] = {
    QUEUE(close.queue),
    FLAGS(close.flags, JQW_CLOSE_IMMEDIATE | JQW_CLOSE_AFTER_MINE),
};
static const struct jqw_field put_end_fields[] = {
    QUEUE(count.queue),
    UINT("count", count.count, 1, JQW_BATCH_MAX, "count: 1 to 1000 ends at a time"),
    OPTIONS(count_once),
};
static const struct jqw_field attach_fields[] = {
    QUEUE(producer.queue),
    NAME("producer", producer.producer),
    FLAGS(producer.flags, JQW_ATTACH_TAKEOVER),
};
static const struct jqw_field finish_fields[] = {
    QUEUE(producer.queue),
    NAME("producer", producer.producer),
};
static const struct jqw_field cancel_fields[] = {
    UINT("target", cancel.target, 1, UINT32_MAX, "target is the id of a request"),
};
static const struct jqw_field stat_fields[] = {QUEUE(named.queue)};
static const struct jqw_field list_fields[] = {
    U64("after", list.after),
    UINT("max", list.max, 1, JQW_LIST_MAX, "max: a list brings 1 to 100 queues"),
};
static const struct jqw_field peek_fields[] = {
    QUEUE(count.queue),
    UINT("count", count.count, 1, JQW_BATCH_MAX, "count: a peek brings 1 to 1000 messages"),
};
static const struct jqw_field purge_fields[] = {QUEUE(named.queue)};
static const struct jqw_field alter_fields[] = {
    QUEUE(declare.queue),
    FLAGS(declare.flags, JQW_DECLARE_DEAD_DROP),
    U64("given", declare.given),
    OPTIONS(declare_options),
};
static const struct jqw_field reopen_fields[] = {QUEUE(named.queue)};
static const struct jqw_field pause_fields[] = {
    QUEUE(pause.queue),
    FLAGS(pause.flags, JQW_PAUSE_PUTS | JQW_PAUSE_GETS | JQW_PAUSE_RESUME),
};
static const struct jqw_field mark_fields[] = {QUEUE(named.queue)};
static const struct jqw_field move_fields[] = {
    QUEUE(move.queue),        NAME("to", move.to.name), U64("to_incarnation", move.to.incarnation),
    U64("count", move.count), OPTIONS(move_once),
};
static const struct jqw_field export_fields[] = {
    QUEUE(export_.queue),
    U64("from", export_.from),
    UINT("count", export_.count, 1, JQW_BATCH_MAX, "count: an export brings 1 to 1000 messages"),
};
static const struct jqw_field why_fields[] = {QUEUE(named.queue)};
static const struct jqw_field ping_fields[] = {U64("data", ping.data)};
static const struct jqw_field broker_fields[] = {FLAGS(broker.flags, 0)};

/* ---- from broker to client ---------------------------------------------------------------------------------------- */

static const struct jqw_field welcome_fields[] = {
    U32("version", welcome.version),
    BIN16("instance", welcome.instance),
    PLAIN("known", welcome.known, BOOL),
    U64("frame_max", welcome.frame_max),
    U64("message_max", welcome.message_max),
    U32("batch_max", welcome.batch_max),
    U32("settle_max", welcome.settle_max),
    U32("waiting_max", welcome.waiting_max),
    BIN16("data", welcome.data),
    PLAIN("client_forget_ms", welcome.client_forget_ms, TIME),
    PLAIN("ping_ms", welcome.ping_ms, TIME),
    NAME("user", welcome.user),
    STR("proof", welcome.proof, JQW_TEXT_MAX, "proof: more than 400 bytes"),
    U64("incarnation_next", welcome.incarnation_next),
};
static const struct jqw_field result_fields[] = {
    CODE(result),
    U64("incarnation", result.incarnation),
    U64("count", result.count),
};
static const struct jqw_field got_fields[] = {
    CODE(got),
    U64("incarnation", got.incarnation),
    U64("receipt", got.receipt),
    PLAIN("lost", got.lost, RANGES),
    U32("place", got.place),
    RUNS(got.runs, got.run_count),
    MAPS("details", got.details, got.detail_count, 0, JQW_BATCH_MAX, detail_item, details, "more than 1000 details"),
    BODIES(got.bodies, 0),
};
static const struct jqw_field settled_fields[] = {
    CODE(settled),
    U64("count", settled.count),
    PLAIN("lost", settled.lost, RANGES),
};
static const struct jqw_field joined_fields[] = {
    CODE(joined),
    U64("incarnation", joined.incarnation),
    U64("remaining", joined.remaining),
    U64("done", joined.done),
    U64("dead", joined.dead),
    U64("expired", joined.expired),
    U64("discarded", joined.discarded),
    U64("moved", joined.moved),
};
static const struct jqw_field attached_fields[] = {
    CODE(attached),
    U64("incarnation", attached.incarnation),
    PLAIN("finished", attached.finished, BOOL),
    U64("accepted", attached.accepted),
    U64("generation", attached.generation),
};
static const struct jqw_field stats_fields[] = {
    CODE(stats),
    MAPS("queues", stats.item, stats.count, 0, JQW_LIST_MAX, jqw_stat_options, stats, "more than 100 queues"),
    PLAIN("more", stats.more, BOOL),
};
static const struct jqw_field peeked_fields[] = {
    CODE(peeked),
    U64("incarnation", peeked.incarnation),
    RUNS(peeked.runs, peeked.run_count),
    BODIES(peeked.bodies, 0),
};
static const struct jqw_field exported_fields[] = {
    CODE(exported),
    U64("incarnation", exported.incarnation),
    U64("next", exported.next),
    RUNS(exported.runs, exported.run_count),
    MAPS("details", exported.details, exported.detail_count, 0, JQW_BATCH_MAX, detail_item, details,
         "more than 1000 details"),
    BODIES(exported.bodies, 0),
};
static const struct jqw_field explained_fields[] = {
    CODE(explained),
    U64("incarnation", explained.incarnation),
    STR("lines", explained.lines, JQW_LINES_MAX, "lines: more than 4096 bytes"),
};
static const struct jqw_field figures_fields[] = {
    CODE(figures),
    NAME("version", figures.version),
    BIN16("instance", figures.instance),
    BIN16("data", figures.data),
    MAPS("figures", figures.item, figures.count, 0, JQW_FIGURES_MAX, figure_item, figures, "more than 200 figures"),
};
static const struct jqw_field challenge_fields[] = {
    CODE(challenge),
    U32("mechanisms", challenge.mechanisms),
    STR("data", challenge.data, JQW_TEXT_MAX, "data: more than 400 bytes"),
};
static const struct jqw_field event_lease_lost_fields[] = {PLAIN("ranges", lease_lost.ranges, RANGES)};
static const struct jqw_field event_fenced_fields[] = {
    QUEUE(fenced.queue),
    NAME("producer", fenced.producer),
};
static const struct jqw_field event_draining_fields[] = {PLAIN("within_ms", draining.within_ms, TIME)};

/* An opcode without a list of fields does not compile. */
static const struct jqw_schema schemas[] = {
#define JQ_OP(NAME, lower, number, kind) [number] = {#lower, lower##_fields, LENGTH(lower##_fields), JQW_KIND_##kind},
#include "opcodes.def"
#undef JQ_OP
};

const struct jqw_schema *jqw_schema_of(uint64_t op)
{
    return op < LENGTH(schemas) && schemas[op].name ? &schemas[op] : NULL;
}

const char *jqw_op_name(uint32_t op)
{
    const struct jqw_schema *schema = jqw_schema_of(op);
    return schema ? schema->name : "unknown";
}

enum jqw_op_kind jqw_op_kind(uint32_t op)
{
    const struct jqw_schema *schema = jqw_schema_of(op);
    return schema ? schema->kind : JQW_KIND_NONE;
}
