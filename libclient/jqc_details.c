/* SPDX-License-Identifier: Apache-2.0 */
/* Details: copied out of the frame, names with a NUL behind them. */
#include "jqc_details.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

struct entry {
    uint32_t index;
    struct joinq_detail detail;
};

struct jqc_details {
    uint32_t count;
    struct entry entries[]; /* by index; then the texts */
};

static char *text_copy(char *to, struct jqw_bytes from, const char **out)
{
    *out = to;
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    to[from.size] = '\0';
    return to + from.size + 1;
}

static char *entry_set(struct entry *entry, const struct jqw_detail *from, char *text)
{
    entry->index = from->index;
    entry->detail = (struct joinq_detail){
        .state = from->state,
        .delay_ms = from->delay_ms,
        .ttl_ms = from->ttl_ms,
        .age_ms = from->age_ms,
        .has_priority = from->priority.kind != JQW_PRIORITY_NONE,
        .priority = from->priority.number,
        .priority_size = from->priority.bytes.size,
        .reason = from->reason,
        .source_sequence = from->source_sequence,
        .source_age_ms = from->source_age_ms,
        .source_deliveries = from->source_deliveries,
    };
    const char *bytes;
    text = text_copy(text, from->priority.bytes, &bytes);
    if (from->priority.kind == JQW_PRIORITY_BYTES)
        entry->detail.priority_bytes = bytes;
    return text_copy(text, from->source, &entry->detail.source);
}

int jqc_details_new(const struct jqw_detail *from, uint32_t count, uint32_t messages, struct jqc_details **out)
{
    *out = NULL;
    size_t texts = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (from[i].index >= messages || (i > 0 && from[i].index <= from[i - 1].index))
            return JQ_PROTOCOL;
        texts += from[i].priority.bytes.size + from[i].source.size + 2;
    }
    if (count == 0)
        return JQ_OK;
    struct jqc_details *details = malloc(sizeof *details + count * sizeof *details->entries + texts);
    if (!details)
        return JQ_OVERLOADED;
    details->count = count;
    char *text = (char *)(details->entries + count);
    for (uint32_t i = 0; i < count; i++)
        text = entry_set(&details->entries[i], &from[i], text);
    *out = details;
    return JQ_OK;
}

static int by_index(const void *key, const void *entry)
{
    const size_t index = *(const size_t *)key, other = ((const struct entry *)entry)->index;
    return (index > other) - (index < other);
}

const struct joinq_detail *jqc_details_at(const struct jqc_details *details, size_t index)
{
    if (!details)
        return NULL;
    const struct entry *entry = bsearch(&index, details->entries, details->count, sizeof *details->entries, by_index);
    return entry ? &entry->detail : NULL;
}
