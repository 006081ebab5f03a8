/* SPDX-License-Identifier: Apache-2.0 */
/* A message on standard output: its body and a separator, or one JSON object a line. */
#include "message_print.h"
#include "cli.h"
#include "json_line.h"
#include <inttypes.h>
#include <stdio.h>

void message_print(struct cli *cli, const char *queue, const struct joinq_message *message, char separator)
{
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
    json_body(&line, message->data, message->size);
    json_end(&line);
}
