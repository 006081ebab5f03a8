/* SPDX-License-Identifier: Apache-2.0 */
/* A message on standard output: its body and a separator, or one JSON object a line. */
#include "message_print.h"
#include "cli.h"
#include "json_line.h"
#include <inttypes.h>
#include <stdio.h>

static void print_priority(struct json_line *line, const struct joinq_detail *detail)
{
    if (detail->priority_bytes != NULL)
        json_base64(line, "priority_base64", detail->priority_bytes, detail->priority_size);
    else
        json_signed(line, "priority", detail->priority);
}

static void print_number(struct json_line *line, const char *name, uint64_t value)
{
    if (value > 0)
        json_number(line, name, value);
}

/* What is known of it besides; times that do not run are left out. */
static void print_detail(struct json_line *line, const struct joinq_detail *detail)
{
    static const char *const states[] = {"ready", "delayed", "leased"};
    static const char *const reasons[] = {"", "deliveries", "nack", "expired"};
    if (detail->state < sizeof states / sizeof *states)
        json_text(line, "state", states[detail->state]);
    print_number(line, "delay_ms", detail->delay_ms);
    print_number(line, "ttl_ms", detail->ttl_ms);
    json_number(line, "age_ms", detail->age_ms);
    if (detail->has_priority)
        print_priority(line, detail);
    if (detail->reason == JOINQ_NOT_DEAD)
        return;
    json_text(line, "reason", detail->reason < sizeof reasons / sizeof *reasons ? reasons[detail->reason] : "unknown");
    json_text(line, "source", detail->source);
    json_number(line, "source_sequence", detail->source_sequence);
    json_number(line, "source_deliveries", detail->source_deliveries);
    json_number(line, "dead_ms", detail->source_age_ms);
}

void message_print(struct cli *cli, const char *queue, const struct joinq_batch *batch, size_t index, char separator)
{
    const struct joinq_message *message = joinq_batch_message(batch, index);
    const struct joinq_detail *detail = joinq_batch_detail(batch, index);
    if (!cli->json) {
        printer_bytes(&cli->out, message->data, message->size);
        printer_bytes(&cli->out, &separator, 1);
        return;
    }
    char id[64];
    snprintf(id, sizeof id, "%" PRIu64 "-%" PRIu64, message->incarnation, message->sequence);
    struct json_line line = json_begin(&cli->out);
    json_text(&line, "queue", queue);
    json_text(&line, "id", id);
    json_number(&line, "deliveries", message->deliveries);
    if (detail != NULL)
        print_detail(&line, detail);
    json_body(&line, message->data, message->size);
    json_end(&line);
}
