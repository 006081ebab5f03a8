/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker tells of itself, on standard output, in its order. */
#include "json_line.h"
#include "stat_print.h"
#include <inttypes.h>
#include <string.h>

void stat_print_broker_json(struct printer *out, const struct joinq_broker_stat *stat)
{
    struct json_line line = json_begin(out);
    json_text(&line, "version", stat->version);
    json_text(&line, "instance", stat->instance);
    json_text(&line, "data", stat->data);
    for (size_t i = 0; i < stat->figure_count; i++)
        json_number(&line, stat->figures[i].name, stat->figures[i].value);
    json_end(&line);
}

/* The one figure that is a word. */
static const char *meaning(const struct joinq_figure *figure)
{
    static const char *const accepts[] = {" (nothing)", " (what gives space back)", " (everything)"};
    return strcmp(figure->name, "journal_accepts") == 0 && figure->value < 3 ? accepts[figure->value] : "";
}

void stat_print_broker(struct printer *out, const struct joinq_broker_stat *stat)
{
    printer_format(out, "%-28s%s\n", "version", stat->version);
    printer_format(out, "%-28s%s\n", "instance", stat->instance);
    printer_format(out, "%-28s%s\n", "data", *stat->data ? stat->data : "none");
    for (size_t i = 0; i < stat->figure_count; i++)
        printer_format(out, "%-28s%" PRIu64 "%s\n", stat->figures[i].name, stat->figures[i].value,
                       meaning(&stat->figures[i]));
}
