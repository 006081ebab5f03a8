/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine said against what the script expects. An expectation after "->" is the request's own answer, wherever it stands
 * among the others; the lines below must be all the rest, in their order. It knows nothing of what the words mean, but for
 * three: waits, held, and the fields of a stat. */
#include "match.h"

#include <string.h>

/* "(WHY limit)" at the end of what was said: a script may leave out the limit, or both. */
static bool same(const char *expected, const char *said)
{
    size_t size = strcspn(expected, "(");
    const char *why = strstr(said, " (");
    size_t said_size = why ? (size_t)(why - said) : strlen(said);
    if (!expected[size])
        return strlen(expected) == said_size && strncmp(expected, said, said_size) == 0;
    if (!why || size != said_size + 1 || strncmp(expected, said, said_size) != 0)
        return false;
    const char *wanted = expected + size;
    const char *got = why + 1;
    size_t name = strcspn(wanted, " )");
    return strcmp(wanted, got) == 0 ||
           (wanted[name] == ')' && strncmp(wanted, got, name) == 0 && strchr(" )", got[name]));
}

static bool says(const struct said *said, const char *expected)
{
    struct text fields = {0};
    bool right;
    if (said->stat && strncmp(expected, "OK", 2) == 0) {
        show_stat_fields(said->stat, expected, &fields);
        right = strcmp(text_string(&fields), expected) == 0;
    } else {
        right = same(expected, said->text);
    }
    text_fini(&fields);
    return right;
}

static void show_said(const struct said *said, struct text *out)
{
    text_add(out, "%s%s%s", said->who ? said->who : "", said->who ? " " : "", said->text);
}

static void show_stat(const struct said *said, const char *expected, struct text *out)
{
    text_add(out, " (");
    show_stat_fields(said->stat, expected, out);
    text_add(out, ")");
}

static void list_show(const struct said_list *list, const char *mark, struct text *out)
{
    for (const struct said *said = list->first; said; said = said->next) {
        text_add(out, "         %s at ", mark);
        text_add_time(out, said->time - WORLD_START);
        text_add(out, " ");
        show_said(said, out);
        text_add(out, "\n");
    }
}

void match_show(const struct world *world, bool records, struct text *out)
{
    list_show(&world->said, ":", out);
    if (records)
        list_show(&world->records, "|", out);
    if (world->held.first) {
        text_add(out, "         held, until the journal is durable:\n");
        list_show(&world->held, "    ", out);
    }
}

static struct request *request_of(const struct world *world, const struct script_request *script)
{
    struct request *request = world->requests;
    while (request && request->script != script)
        request = request->next;
    return request;
}

static struct said *answer_of(const struct world *world, const struct request *request)
{
    struct said *said = world->said.first;
    while (said && said->request != request)
        said = said->next;
    return said;
}

static void differs(struct text *wrong, const char *expected, const struct said *said)
{
    text_add(wrong, "  expected  %s\n  got       ", expected);
    if (said)
        show_said(said, wrong);
    else
        text_add(wrong, "nothing");
    if (said && said->stat && strncmp(expected, "OK", 2) == 0)
        show_stat(said, expected, wrong);
}

/* The answer that a request names itself. */
static void match_own(const struct world *world, const struct script_request *script, struct text *wrong)
{
    const struct request *request = request_of(world, script);
    struct said *said = request ? answer_of(world, request) : NULL;
    if (!script->expected || !request)
        return;
    if (strcmp(script->expected, "waits") == 0) {
        if (request->answered)
            differs(wrong, "waits", said);
    } else if (strcmp(script->expected, "held") == 0) {
        if (!request->held)
            differs(wrong, "held", said);
    } else if (!said || !says(said, script->expected)) {
        differs(wrong, script->expected, said);
    } else {
        said->matched = true;
    }
}

/* A request without "->" has its answer among the lines. */
static void match_listed(const struct world *world, const struct script_request *script, struct text *wrong)
{
    const struct request *request = request_of(world, script);
    if (!script->expected && request && (!request->answered || request->held))
        text_add(wrong, "  expected  an answer to %s\n  got       nothing: it %s", script->verb,
                 request->held ? "is held" : "waits");
}

static const struct said *unmatched(const struct said *said)
{
    while (said && said->matched)
        said = said->next;
    return said;
}

static bool line_is(const struct said *said, const struct script_expected *expected, uint64_t now)
{
    uint64_t time = expected->timed ? WORLD_START + expected->at : now;
    size_t size = said->who ? strlen(said->who) : 0;
    const char *text = expected->text;
    if (size) {
        if (strncmp(text, said->who, size) != 0 || text[size] != ' ')
            return false;
        text += size + 1;
    }
    return said->time == time && says(said, text);
}

static void match_lines(const struct said *said, const struct script_expected *expected, uint64_t now, int *line,
                        struct text *wrong)
{
    said = unmatched(said);
    for (; said && expected && line_is(said, expected, now); expected = expected->next)
        said = unmatched(said->next);
    if (!said && !expected)
        return;
    if (expected)
        *line = expected->line;
    text_add(wrong, "  expected  %s\n  got       ", expected ? expected->text : "nothing more");
    if (!said) {
        text_add(wrong, "nothing more");
        return;
    }
    show_said(said, wrong);
    text_add(wrong, " at ");
    text_add_time(wrong, said->time - WORLD_START);
}

/* proves: FLW-1 */
static void match_waiting(const struct world *world, struct text *wrong)
{
    for (const struct request *request = world->requests; request && !wrong->size; request = request->next) {
        bool waits = engine_waits(world->engine, request->session->id, request->id);
        bool should = request->session->live && !request->answered;
        if (waits != should)
            text_add(wrong, "  engine_waits is %s for the %s of %s in line %d, which %s", waits ? "true" : "false",
                     request->script->verb, request->session->name, request->script->line,
                     request->answered ? "was answered"
                     : should          ? "was not answered"
                                       : "was withdrawn");
    }
}

void match_act(struct world *world, const struct script_act *act, bool records, int *line, struct text *wrong)
{
    for (const struct script_request *script = act->requests; script && !wrong->size; script = script->next) {
        *line = script->line;
        match_own(world, script, wrong);
    }
    if (!wrong->size) {
        *line = act->line;
        match_lines(world->said.first, act->expected, world->now, line, wrong);
    }
    for (const struct script_request *script = act->requests; script && !wrong->size; script = script->next) {
        *line = script->line;
        match_listed(world, script, wrong);
    }
    if (!wrong->size && records) {
        *line = act->line;
        match_lines(world->records.first, act->records, world->now, line, wrong);
    }
    if (!wrong->size)
        match_waiting(world, wrong);
}
