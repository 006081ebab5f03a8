/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a queue, on standard output: one table of the numbers for people and for JSON. */
#include "stat_print.h"
#include "json_line.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t at;
} numbers[] = {
#define NUMBER(field)                              \
    {                                              \
#field, offsetof(struct joinq_stat, field) \
    }
    NUMBER(max_messages),
    NUMBER(max_bytes),
    NUMBER(lease_ms),
    NUMBER(producers),
    NUMBER(ready),
    NUMBER(delayed),
    NUMBER(leased),
    NUMBER(ready_bytes),
    NUMBER(unfinished),
    NUMBER(ends),
    NUMBER(put),
    NUMBER(done),
    NUMBER(dead),
    NUMBER(expired),
    NUMBER(discarded),
    NUMBER(moved_in),
    NUMBER(moved_out),
    NUMBER(dead_in),
    NUMBER(delivered),
    NUMBER(redelivered),
    NUMBER(lease_expired),
    NUMBER(task_done),
    NUMBER(getters_waiting),
    NUMBER(putters_waiting),
    NUMBER(joiners_waiting),
    NUMBER(producers_attached),
    NUMBER(producers_finished),
    NUMBER(age_ms),
    NUMBER(order),
    NUMBER(max_deliveries),
    NUMBER(ttl_ms),
    NUMBER(producer_grace_ms),
    NUMBER(idle_delete_ms),
    NUMBER(paused),
    NUMBER(truncated),
    NUMBER(generation),
    NUMBER(producers_lost),
    NUMBER(unreadable),
#undef NUMBER
};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static uint64_t number(const struct joinq_stat *stat, size_t index)
{
    uint64_t value;
    memcpy(&value, (const char *)stat + numbers[index].at, sizeof value);
    return value;
}

static const char *state_name(const struct joinq_stat *stat)
{
    static const char *const names[] = {"open", "closed", "closed-immediately"};
    return stat->closed < 3 ? names[stat->closed] : "unknown";
}

static const char *bound_name(const struct joinq_stat *stat)
{
    return stat->bound == JOINQ_BOUND_OUTSTANDING ? "outstanding" : "queued";
}

static const char *accounting_name(const struct joinq_stat *stat)
{
    return stat->accounting == JOINQ_ACCOUNTING_COUNTER ? "counter" : "lease";
}

static const char *paused_text(const struct joinq_stat *stat)
{
    static const char *const texts[] = {"", ", puts paused", ", gets paused", ", paused"};
    return stat->paused < 4 ? texts[stat->paused] : "";
}

const char *stat_state(const struct joinq_stat *stat, char *to, size_t size)
{
    char unfinished[48] = "";
    bool stranded = stat->unfinished > 0 && stat->getters_waiting == 0 && stat->leased == 0;
    if (stat->closed != 0 && stat->unfinished > 0)
        snprintf(unfinished, sizeof unfinished, ", %" PRIu64 " unfinished", stat->unfinished);
    snprintf(to, size, "%s%s%s%s", state_name(stat), unfinished, stat->closed != 0 && stranded ? ", no consumer" : "",
             paused_text(stat));
    return to;
}

void stat_print_json(struct printer *out, const struct joinq_stat *stat)
{
    struct json_line line = json_begin(out);
    json_text(&line, "queue", stat->name);
    json_number(&line, "incarnation", stat->incarnation);
    json_text(&line, "state", state_name(stat));
    json_text(&line, "bound", bound_name(stat));
    json_text(&line, "accounting", accounting_name(stat));
    for (size_t i = 0; i < NUMBERS; i++)
        json_number(&line, numbers[i].name, number(stat, i));
    json_end(&line);
}

void stat_print_lines(struct printer *out, const struct joinq_stat *stat)
{
    char state[96];
    printer_format(out, "%-20s%s\n", "queue", stat->name);
    printer_format(out, "%-20s%s\n", "state", stat_state(stat, state, sizeof state));
    printer_format(out, "%-20s%s\n", "bound", bound_name(stat));
    printer_format(out, "%-20s%s\n", "accounting", accounting_name(stat));
    for (size_t i = 0; i < NUMBERS; i++)
        printer_format(out, "%-20s%" PRIu64 "\n", numbers[i].name, number(stat, i));
}
