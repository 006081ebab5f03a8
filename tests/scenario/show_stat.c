/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a stat that a script may name. */
#include "world.h"

#include <inttypes.h>
#include <string.h>

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
    const struct engine_queue_options *options = &stat->options;
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"closed", stat->closed},
        {"ready", stat->ready},
        {"delayed", stat->delayed},
        {"leased", stat->leased},
        {"ready_bytes", stat->ready_bytes},
        {"unfinished", stat->unfinished},
        {"ends", stat->ends},
        {"put", stat->put},
        {"done", stat->done},
        {"dead", stat->dead},
        {"expired", stat->expired},
        {"discarded", stat->discarded},
        {"moved_in", stat->moved_in},
        {"moved_out", stat->moved_out},
        {"dead_in", stat->dead_in},
        {"delivered", stat->delivered},
        {"redelivered", stat->redelivered},
        {"lease_expired", stat->lease_expired},
        {"task_done", stat->task_done},
        {"getters_waiting", stat->getters_waiting},
        {"putters_waiting", stat->putters_waiting},
        {"joiners_waiting", stat->joiners_waiting},
        {"producers_attached", stat->producers_attached},
        {"producers_finished", stat->producers_finished},
        {"max_messages", options->max_messages},
        {"max_bytes", options->max_bytes},
        {"lease_ms", options->lease_ms},
        {"producers", options->producers},
        {"bound", (uint64_t)options->bound},
        {"accounting", (uint64_t)options->accounting},
        {"durable", options->durable},
        {"order", options->order},
        {"max_deliveries", options->max_deliveries},
        {"ttl_ms", options->ttl_ms},
        {"on_producer_lost", options->on_producer_lost},
        {"producer_grace_ms", options->producer_grace_ms},
        {"lifetime", options->lifetime},
        {"idle_delete_ms", options->idle_delete_ms},
        {"dead_drop", options->dead_drop},
        {"paused", stat->paused},
        {"truncated", stat->truncated},
        {"generation", stat->generation},
        {"producers_lost", stat->producers_lost},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(name, fields[i].name) == 0) {
            text_add(out, " %s %" PRIu64, name, fields[i].value);
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
