/* SPDX-License-Identifier: Apache-2.0 */
/* How long a group waits for company; see struct gather. It knows how many records came when, and nothing of what is in them. */
#include "journal_inside.h"

void journal_gather_begin(struct file_journal *j, uint64_t answered, uint64_t took_ns)
{
    struct gather *g = &j->gather;
    const bool skip = g->skipped < g->skips, may = took_ns >= GATHER_SYNC_NS && !j->pressed && !g->never;
    g->skipped += skip && may;
    g->target = may && !skip ? j->record_last + answered : 0;
    g->wanted = answered;
    g->most_ns = took_ns / GATHER_PART;
    g->until_ns = 0;
    g->waited = false;
}

bool journal_gathers(const struct file_journal *j)
{
    const struct gather *g = &j->gather;
    bool company = j->record_last < g->target && !j->pressed && !j->failing.wait_ns && j->backlog < GROUP_BYTES;
    return company && (!g->until_ns || j->now < g->until_ns);
}

void journal_gather_never(struct file_journal *j)
{
    j->gather.never = true;
    j->gather.target = 0;
}

void journal_gather_tick(struct file_journal *j)
{
    struct gather *g = &j->gather;
    if (g->target && !g->until_ns)
        g->until_ns = j->now + g->most_ns;
    g->waited |= j->unwritten && journal_gathers(j);
}

void journal_gather_end(struct file_journal *j)
{
    struct gather *g = &j->gather;
    if (g->target && g->waited) {
        bool good = j->record_last + g->wanted / 2 >= g->target;
        g->skips = good ? 0 : g->skips < GATHER_SKIPS_MAX ? g->skips * 2 + 1 : g->skips;
        g->skipped = 0;
    }
    g->target = 0;
}
