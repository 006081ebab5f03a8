/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of a fixed size: one of sites, and one of whom their lines are about, which stand in one of a few places by a hash. Where there is
 * none left somebody is counted with all others of the site. */
#include "log_rate.h"
#include <stdio.h>
#include <string.h>

enum { SITES = 64, SETS = 64, WAYS = 8, WAYS_PROVED = 4 /* of them: kept from strangers */ };

struct place {
    uint64_t hash; /* of whom; 0: of a site, or free */
    uint64_t since_ns;
    uint32_t said;
    struct log_left_out left_out; /* its site, too; NULL: it is free */
};

static struct {
    struct place sites[SITES], whos[SETS][WAYS];
    uint64_t due_ns; /* 0: nothing is left out */
} state;

/* FNV-1a, over the site as well. */
static uint64_t hash_of(const char *site, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uintptr_t)site;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

static bool is_over(const struct place *place, uint64_t now_ns)
{
    return now_ns - place->since_ns >= LOG_WHILE_NS;
}

/* Counts from now on, where a while is over. */
static struct place *at(struct place *place, const char *site, bool audit, uint64_t now_ns)
{
    if (place->left_out.site != site || is_over(place, now_ns)) {
        place->since_ns = now_ns;
        place->said = 0;
    }
    place->left_out.site = site;
    place->left_out.audit = audit;
    return place;
}

static struct place *site_place(const char *site, bool audit, uint64_t now_ns)
{
    for (size_t i = 0; i < SITES; i++) {
        struct place *place = &state.sites[i];
        if (!place->left_out.site || place->left_out.site == site)
            return at(place, site, audit, now_ns);
    }
    return NULL; /* more than there is room for are not counted */
}

static struct place *who_place(const char *site, const struct log_who *who, bool audit, uint64_t now_ns)
{
    uint64_t hash = hash_of(site, who->name);
    struct place *set = state.whos[hash % SETS], *found = NULL;
    for (size_t i = who->is == LOG_PROVED ? 0 : WAYS_PROVED; i < WAYS; i++) {
        if (set[i].hash == hash && set[i].left_out.site == site)
            return at(&set[i], site, audit, now_ns);
        if (!found && set[i].left_out.count == 0 && (!set[i].left_out.site || is_over(&set[i], now_ns)))
            found = &set[i];
    }
    if (!found)
        return NULL;
    *found = (struct place){.hash = hash};
    snprintf(found->left_out.name, sizeof found->left_out.name, "%s", who->name);
    return at(found, site, audit, now_ns);
}

static bool leave_out(struct place *place, uint64_t now_ns)
{
    place->left_out.count++;
    if (state.due_ns == 0)
        state.due_ns = now_ns + LOG_WHILE_NS;
    return false;
}

bool log_rate_allows(const char *site, const struct log_who *who, bool audit, uint64_t now_ns)
{
    struct place *all = site_place(site, audit, now_ns);
    struct place *own = all && who->name[0] ? who_place(site, who, audit, now_ns) : NULL;
    if (!all)
        return true;
    bool alone = own && who->is == LOG_PROVED;
    uint32_t all_max = who->name[0] ? LOG_UNPROVED_MAX : LOG_LINES_MAX;
    if (own && own->said >= (who->is == LOG_STRANGER ? LOG_STRANGER_MAX : LOG_LINES_MAX))
        return leave_out(own, now_ns);
    if (!alone && all->said >= all_max)
        return leave_out(own ? own : all, now_ns);
    all->said += !alone;
    if (own)
        own->said++;
    return true;
}

uint64_t log_rate_due(void)
{
    return state.due_ns ? state.due_ns : UINT64_MAX;
}

static bool take(struct place *place, struct log_left_out *out)
{
    if (place->left_out.count == 0)
        return false;
    *out = place->left_out;
    place->left_out.count = 0;
    return true;
}

bool log_rate_take(struct log_left_out *out)
{
    for (size_t i = 0; i < SITES; i++)
        if (take(&state.sites[i], out))
            return true;
    for (size_t i = 0; i < (size_t)SETS * WAYS; i++)
        if (take(&state.whos[i / WAYS][i % WAYS], out))
            return true;
    state.due_ns = 0;
    return false;
}
