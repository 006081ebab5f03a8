/* SPDX-License-Identifier: Apache-2.0 */
/* joinq_stats: an array of statistics that owns its names. */
#include "jqc_stats.h"
#include <stdlib.h>
#include <string.h>

struct joinq_stats {
    struct joinq_stat *item;
    char **names; /* item[i].name, owned */
    size_t count;
};

JQ_MUST_USE static int stats_hold(struct joinq_stats *stats, size_t count)
{
    struct joinq_stat *item = realloc(stats->item, (count ? count : 1) * sizeof *item);
    if (!item)
        return JQ_OVERLOADED;
    stats->item = item;
    char **names = realloc(stats->names, (count ? count : 1) * sizeof *names);
    if (!names)
        return JQ_OVERLOADED;
    stats->names = names;
    return JQ_OK;
}

JQ_MUST_USE static int stats_add(struct joinq_stats *stats, const struct jqw_stat *from)
{
    char *name = calloc(1, from->name.size + 1);
    if (!name)
        return JQ_OVERLOADED;
    if (from->name.size > 0)
        memcpy(name, from->name.data, from->name.size);
    struct joinq_stat *to = &stats->item[stats->count];
    stats->names[stats->count++] = name;
    to->name = name;
#define COPY(field) to->field = from->field;
    JQW_STAT_FIELDS(COPY)
#undef COPY
    return JQ_OK;
}

int jqc_stats_new(const struct jqw_stats *from, struct joinq_stats **out)
{
    struct joinq_stats *stats = calloc(1, sizeof *stats);
    if (!stats)
        return JQ_OVERLOADED;
    int code = stats_hold(stats, from->count);
    for (uint32_t i = 0; code == JQ_OK && i < from->count; i++)
        code = stats_add(stats, &from->item[i]);
    if (code != JQ_OK) {
        joinq_stats_free(stats);
        return code;
    }
    *out = stats;
    return JQ_OK;
}

int jqc_stats_join(struct joinq_stats *to, struct joinq_stats *from)
{
    int code = stats_hold(to, to->count + from->count);
    if (code != JQ_OK)
        return code;
    if (from->count > 0) {
        memcpy(to->item + to->count, from->item, from->count * sizeof *from->item);
        memcpy(to->names + to->count, from->names, from->count * sizeof *from->names);
    }
    to->count += from->count;
    from->count = 0;
    joinq_stats_free(from);
    return JQ_OK;
}

size_t joinq_stats_count(const struct joinq_stats *stats)
{
    return stats->count;
}

const struct joinq_stat *joinq_stats_at(const struct joinq_stats *stats, size_t index)
{
    return index < stats->count ? &stats->item[index] : NULL;
}

void joinq_stats_free(struct joinq_stats *stats)
{
    if (!stats)
        return;
    for (size_t i = 0; i < stats->count; i++)
        free(stats->names[i]);
    free(stats->names);
    free(stats->item);
    free(stats);
}
