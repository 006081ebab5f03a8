/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a stat that a script may name. */
#include "world.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t at, size;
} fields[] = {
    {"closed", offsetof(struct engine_stat, closed), sizeof(((struct engine_stat *)0)->closed)},
    {"ready", offsetof(struct engine_stat, ready), sizeof(((struct engine_stat *)0)->ready)},
    {"delayed", offsetof(struct engine_stat, delayed), sizeof(((struct engine_stat *)0)->delayed)},
    {"leased", offsetof(struct engine_stat, leased), sizeof(((struct engine_stat *)0)->leased)},
    {"ready_bytes", offsetof(struct engine_stat, ready_bytes), sizeof(((struct engine_stat *)0)->ready_bytes)},
    {"unfinished", offsetof(struct engine_stat, unfinished), sizeof(((struct engine_stat *)0)->unfinished)},
    {"ends", offsetof(struct engine_stat, ends), sizeof(((struct engine_stat *)0)->ends)},
    {"put", offsetof(struct engine_stat, put), sizeof(((struct engine_stat *)0)->put)},
    {"done", offsetof(struct engine_stat, done), sizeof(((struct engine_stat *)0)->done)},
    {"dead", offsetof(struct engine_stat, dead), sizeof(((struct engine_stat *)0)->dead)},
    {"expired", offsetof(struct engine_stat, expired), sizeof(((struct engine_stat *)0)->expired)},
    {"discarded", offsetof(struct engine_stat, discarded), sizeof(((struct engine_stat *)0)->discarded)},
    {"moved_in", offsetof(struct engine_stat, moved_in), sizeof(((struct engine_stat *)0)->moved_in)},
    {"moved_out", offsetof(struct engine_stat, moved_out), sizeof(((struct engine_stat *)0)->moved_out)},
    {"dead_in", offsetof(struct engine_stat, dead_in), sizeof(((struct engine_stat *)0)->dead_in)},
    {"delivered", offsetof(struct engine_stat, delivered), sizeof(((struct engine_stat *)0)->delivered)},
    {"redelivered", offsetof(struct engine_stat, redelivered), sizeof(((struct engine_stat *)0)->redelivered)},
    {"unreadable", offsetof(struct engine_stat, unreadable), sizeof(((struct engine_stat *)0)->unreadable)},
    {"lease_expired", offsetof(struct engine_stat, lease_expired), sizeof(((struct engine_stat *)0)->lease_expired)},
    {"task_done", offsetof(struct engine_stat, task_done), sizeof(((struct engine_stat *)0)->task_done)},
    {"getters_waiting", offsetof(struct engine_stat, getters_waiting),
     sizeof(((struct engine_stat *)0)->getters_waiting)},
    {"putters_waiting", offsetof(struct engine_stat, putters_waiting),
     sizeof(((struct engine_stat *)0)->putters_waiting)},
    {"joiners_waiting", offsetof(struct engine_stat, joiners_waiting),
     sizeof(((struct engine_stat *)0)->joiners_waiting)},
    {"producers_attached", offsetof(struct engine_stat, producers_attached),
     sizeof(((struct engine_stat *)0)->producers_attached)},
    {"producers_finished", offsetof(struct engine_stat, producers_finished),
     sizeof(((struct engine_stat *)0)->producers_finished)},
    {"max_messages", offsetof(struct engine_stat, options.max_messages),
     sizeof(((struct engine_stat *)0)->options.max_messages)},
    {"max_bytes", offsetof(struct engine_stat, options.max_bytes),
     sizeof(((struct engine_stat *)0)->options.max_bytes)},
    {"lease_ms", offsetof(struct engine_stat, options.lease_ms), sizeof(((struct engine_stat *)0)->options.lease_ms)},
    {"producers", offsetof(struct engine_stat, options.producers),
     sizeof(((struct engine_stat *)0)->options.producers)},
    {"bound", offsetof(struct engine_stat, options.bound), sizeof(((struct engine_stat *)0)->options.bound)},
    {"accounting", offsetof(struct engine_stat, options.accounting),
     sizeof(((struct engine_stat *)0)->options.accounting)},
    {"durable", offsetof(struct engine_stat, options.durable), sizeof(((struct engine_stat *)0)->options.durable)},
    {"order", offsetof(struct engine_stat, options.order), sizeof(((struct engine_stat *)0)->options.order)},
    {"max_deliveries", offsetof(struct engine_stat, options.max_deliveries),
     sizeof(((struct engine_stat *)0)->options.max_deliveries)},
    {"ttl_ms", offsetof(struct engine_stat, options.ttl_ms), sizeof(((struct engine_stat *)0)->options.ttl_ms)},
    {"on_producer_lost", offsetof(struct engine_stat, options.on_producer_lost),
     sizeof(((struct engine_stat *)0)->options.on_producer_lost)},
    {"producer_grace_ms", offsetof(struct engine_stat, options.producer_grace_ms),
     sizeof(((struct engine_stat *)0)->options.producer_grace_ms)},
    {"lifetime", offsetof(struct engine_stat, options.lifetime), sizeof(((struct engine_stat *)0)->options.lifetime)},
    {"idle_delete_ms", offsetof(struct engine_stat, options.idle_delete_ms),
     sizeof(((struct engine_stat *)0)->options.idle_delete_ms)},
    {"dead_drop", offsetof(struct engine_stat, options.dead_drop),
     sizeof(((struct engine_stat *)0)->options.dead_drop)},
    {"paused", offsetof(struct engine_stat, paused), sizeof(((struct engine_stat *)0)->paused)},
    {"truncated", offsetof(struct engine_stat, truncated), sizeof(((struct engine_stat *)0)->truncated)},
    {"generation", offsetof(struct engine_stat, generation), sizeof(((struct engine_stat *)0)->generation)},
    {"producers_lost", offsetof(struct engine_stat, producers_lost), sizeof(((struct engine_stat *)0)->producers_lost)},
};

static uint64_t field_value(const struct engine_stat *stat, size_t i)
{
    const char *at = (const char *)stat + fields[i].at;
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (fields[i].size == sizeof(wide))
        memcpy(&wide, at, sizeof(wide));
    else if (fields[i].size == sizeof(narrow))
        memcpy(&narrow, at, sizeof(narrow));
    else
        narrow = *(const bool *)(const void *)at;
    return wide + narrow;
}

static bool stat_field(const struct engine_stat *stat, const char *name, struct text *out)
{
    if (strcmp(name, "age") == 0) {
        text_add(out, " age ");
        text_add_time(out, stat->age_ns);
        return true;
    }
    if (strcmp(name, "lost") == 0 || strcmp(name, "dead_letter") == 0) {
        struct engine_text value = name[0] == 'l' ? stat->lost : stat->options.dead_letter;
        text_add(out, " %s %.*s", name, (int)value.size, value.size ? value.data : "");
        return true;
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(name, fields[i].name) == 0) {
            text_add(out, " %s %" PRIu64, name, field_value(stat, i));
            return true;
        }
    }
    return false;
}

void show_stat_fields(const struct engine_stat *stat, const char *expected, struct text *out)
{
    struct arena arena = {0};
    char *rest = NULL;
    char *words = arena_copy(&arena, expected, strlen(expected));
    text_add(out, "OK");
    (void)strtok_r(words, " ", &rest);
    for (char *name = strtok_r(NULL, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        if (!stat_field(stat, name, out))
            text_add(out, " (stat has no field %s)", name);
        (void)strtok_r(NULL, " ", &rest);
    }
    arena_fini(&arena);
}
