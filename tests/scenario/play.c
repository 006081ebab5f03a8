/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the acts of a case one after the other and compares what the engine says with the script. It does not know what is
 * right: the script does. */
#include "play.h"

#include "ask.h"
#include "match.h"
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct play {
    const struct script *script;
    const struct script_case *the_case;
    const struct play_options *options;
    struct world world;
    struct text trace; /* what was done and said so far */
    int line;          /* of the act that runs */
    bool records;      /* the case lists records */
    bool abandoned;    /* a waiter, or one of several, was OVERLOADED: how it goes on is not in the script */
};

/* ---- requests ----------------------------------------------------------------------------------------------------- */

struct asks {
    struct ask *items;
    struct engine_command *commands;
    size_t count, command_count;
};

static void asks_build(struct play *play, const struct script_act *act, struct asks *out)
{
    size_t count = 0;
    for (const struct script_request *request = act->requests; request; request = request->next)
        count++;
    *out = (struct asks){must_alloc(count * sizeof(*out->items)), must_alloc(count * sizeof(*out->commands)), 0, 0};
    for (const struct script_request *request = act->requests; request; request = request->next) {
        struct ask *ask = &out->items[out->count++];
        ask_init(ask, &play->world, request);
        if (ask->problem)
            world_problem(&play->world, "line %d: %s", request->line, ask->problem);
        else if (ask->command.op != ENGINE_OP_COUNT)
            out->commands[out->command_count++] = ask->command;
        if (ask->ends)
            world_end(world_session(&play->world, request->session));
    }
}

static void asks_free(struct asks *asks)
{
    for (size_t i = 0; i < asks->count; i++)
        ask_fini(&asks->items[i]);
    free(asks->items);
    free(asks->commands);
}

static void asks_step(struct play *play, const struct script_act *act)
{
    struct asks asks;
    asks_build(play, act, &asks);
    if (!world_broken(&play->world)) {
        world_step(&play->world, asks.commands, asks.command_count, true);
        world_settle(&play->world);
    }
    asks_free(&asks);
}

static struct engine_config config_of(const struct script_case *the_case);

static void crash(struct play *play, const struct script_act *act)
{
    const struct engine_config config = config_of(play->the_case);
    uint64_t down = 0;
    if (act->word_count && !text_time(act->words[0], &down))
        world_problem(&play->world, "line %d: crash TIME", act->line);
    world_crash(&play->world, &config, down);
    world_settle(&play->world);
}

/* ---- the allocation sweep: a request that met the failure is as if it had not been made, and is made again ---- */

static struct said *overloaded(struct said *said)
{
    while (said && (!said->request || said->request->why != ENGINE_WHY_MEMORY || said->request->code != JQ_OVERLOADED))
        said = said->next;
    return said;
}

static bool asked_by(const struct said *said, const struct script_act *act)
{
    const struct script_request *request = act->requests;
    while (request && request != said->request->script)
        request = request->next;
    return request != NULL;
}

/* Sessions that the engine had no memory for are opened again. */
static void reopen_sessions(struct world *world)
{
    struct engine_totals totals;
    uint64_t live = 0;
    engine_totals(world->engine, &totals);
    for (struct session *session = world->sessions; session; session = session->next)
        live += session->live;
    if (totals.sessions + 1 == live && !world->sessions->client) /* hello opens it itself */
        world->sessions->fresh = true;
}

static void check_unchanged(struct play *play)
{
    struct world *world = &play->world;
    struct text before = {0};
    text_add(&before, "%s", text_string(&world->snapshot));
    monitor_look(world);
    if (strcmp(text_string(&before), text_string(&world->snapshot)) != 0)
        world_problem(world, "the request was OVERLOADED and changed something:\n%s%s", text_string(&before),
                      text_string(&world->snapshot));
    text_fini(&before);
}

static void asks_again(struct play *play, const struct script_act *act)
{
    struct world *world = &play->world;
    struct said *said = overloaded(world->said.first), *held = overloaded(world->held.first);
    reopen_sessions(world);
    if (!said && !held)
        return;
    if (act->kind != SCRIPT_ASK || world->by_hand || !asked_by(said ? said : held, act)) {
        play->abandoned = true;
        return;
    }
    if (held) /* it says only that nothing happened, but it says so of a durable queue */
        said_remove(&world->held, held);
    if (world->said.first != said || (said && said->next))
        world_problem(world, "more is said than OVERLOADED");
    check_unchanged(play);
    world->said = (struct said_list){0};
    asks_step(play, act);
}

static void play_asks(struct play *play, const struct script_act *act)
{
    if (act->timed)
        play->world.now = WORLD_START + act->time;
    asks_step(play, act);
}

/* ---- other acts --------------------------------------------------------------------------------------------------- */

static void play_journal(struct play *play, const struct script_act *act)
{
    struct world *world = &play->world;
    const char *word = act->word_count == 1 ? act->words[0] : "";
    if (strcmp(word, "deferred") == 0)
        world->deferred = true;
    else if (strcmp(word, "full") == 0)
        world_journal_full(world);
    else if (strcmp(word, "refuses") == 0 || strcmp(word, "accepts") == 0)
        world_journal_accepts(world, strcmp(word, "accepts") == 0);
    else
        world_problem(world, "journal deferred, full, refuses or accepts");
}

static void play_disk(struct play *play, const struct script_act *act)
{
    const char *word = act->word_count == 1 ? act->words[0] : "";
    if (strcmp(word, "waits") == 0)
        play->world.disk_waits = true;
    else if (strcmp(word, "answers") == 0)
        world_disk_answers(&play->world, true);
    else
        world_problem(&play->world, "disk waits or answers");
}

static void play_turns(struct play *play, const struct script_act *act)
{
    struct world *world = &play->world;
    bool by_hand = act->word_count == 2 && strcmp(act->words[1], "hand") == 0;
    if (!by_hand && (act->word_count != 1 || strcmp(act->words[0], "freely") != 0))
        world_problem(world, "turns by hand or turns freely");
    world->by_hand = by_hand;
    world_settle(world);
}

static void play_act(struct play *play, const struct script_act *act)
{
    struct world *world = &play->world;
    bool failed = world->failed;
    switch (act->kind) {
    case SCRIPT_ASK:
    case SCRIPT_STEP:
        play_asks(play, act);
        break;
    case SCRIPT_AT:
        world_pass(world, act->relative ? world->now + act->time : WORLD_START + act->time, act->late);
        break;
    case SCRIPT_TURN:
        world_step(world, NULL, 0, true);
        break;
    case SCRIPT_CRASH:
        crash(play, act);
        break;
    case SCRIPT_SYNC:
        world_sync(world);
        break;
    case SCRIPT_JOURNAL:
        play_journal(play, act);
        break;
    case SCRIPT_TURNS:
        play_turns(play, act);
        break;
    case SCRIPT_UNREADABLE:
        world->unreadable = act->words;
        world->unreadable_count = act->word_count;
        break;
    case SCRIPT_DISK:
        play_disk(play, act);
        break;
    case SCRIPT_MEMORY:
        world->short_of_memory = act->word_count > 0;
        break;
    case SCRIPT_LIMIT:
        break; /* read before the engine was made */
    }
    if (world->astray)
        play->abandoned = true;
    else if (world->failed && !failed)
        asks_again(play, act);
}

/* ---- a case ------------------------------------------------------------------------------------------------------- */

static struct engine_config config_of(const struct script_case *the_case)
{
    struct engine_config config = {.incarnation_first = 1000,
                                   .waiting_max = 1000,
                                   .waiting_bytes_max = 1 << 30,
                                   .client_forget_ns = WORLD_CLIENT_FORGET};
    for (const struct script_act *act = the_case->acts; act; act = act->next) {
        for (size_t i = 0; act->kind == SCRIPT_LIMIT && i < act->word_count; i++) {
            uint64_t number = 0;
            char *is = strchr(act->words[i], '=');
            if (!is || !text_number(is + 1, &number))
                continue;
            if (strncmp(act->words[i], "waiting=", 8) == 0)
                config.waiting_max = (uint32_t)number;
            else if (strncmp(act->words[i], "bytes=", 6) == 0)
                config.waiting_bytes_max = number;
        }
    }
    return config;
}

static void trace_act(struct play *play, const struct script_act *act)
{
    for (int line = act->line; line <= act->line_last; line++) {
        const char *text = play->script->lines[line - 1];
        text += strspn(text, " \t");
        if (*text && !strchr(":|#", *text))
            text_add(&play->trace, "%5d  %s\n", line, text);
    }
    match_show(&play->world, play->records, &play->trace);
}

static void complain(struct play *play, int line, const char *what)
{
    if (play->options->quiet)
        return;
    (void)fprintf(stderr, "%s:%d: case \"%s\"", play->script->path, line, play->the_case->name);
    if (play->options->fail_at)
        (void)fprintf(stderr, ", allocation %llu fails", (unsigned long long)play->options->fail_at);
    (void)fprintf(stderr, "\n%s\n  trace:\n%s\n", what, text_string(&play->trace));
}

static bool play_one(struct play *play, const struct script_act *act)
{
    struct text wrong = {0};
    int line = play->line = act->line;
    for (struct session *session = play->world.sessions; session; session = session->next)
        session->ended_now = false;
    play_act(play, act);
    trace_act(play, act);
    if (!world_broken(&play->world) && !play->abandoned)
        match_act(&play->world, act, play->records, &line, &wrong);
    if (!world_broken(&play->world) && !wrong.size)
        monitor_look(&play->world);
    if (world_broken(&play->world))
        text_add(&wrong, "  %s", text_string(&play->world.problem));
    if (wrong.size)
        complain(play, line, text_string(&wrong));
    bool right = !wrong.size;
    play->world.said = play->world.records = (struct said_list){0};
    text_fini(&wrong);
    return right;
}

static bool play_acts(struct play *play)
{
    int line = play->the_case->line;
    for (const struct script_act *act = play->the_case->acts; act && !play->abandoned; act = act->next) {
        if (!play_one(play, act))
            return false;
        line = act->line_last;
    }
    world_close(&play->world);
    if (!world_broken(&play->world))
        return true;
    text_add(&play->trace, "       at the end:\n");
    match_show(&play->world, true, &play->trace);
    complain(play, line, text_string(&play->world.problem));
    return false;
}

static const struct play *playing; /* for play_trapped */

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

void play_trapped(void)
{
    if (!playing)
        return;
    say(playing->script->path);
    say(": case \"");
    say(playing->the_case->name);
    say("\": the engine trapped in\n");
    say(playing->line ? playing->script->lines[playing->line - 1] : "");
    say("\n  trace:\n");
    say(text_string(&playing->trace));
}

struct play_result play_case(const struct script *script, const struct script_case *the_case,
                             const struct play_options *options)
{
    struct play play = {.script = script, .the_case = the_case, .options = options};
    const struct engine_config config = config_of(the_case);
    for (const struct script_act *act = the_case->acts; act; act = act->next)
        play.records = play.records || act->records;
    play.world.fail_at = options->fail_at;
    play.world.snapshots = options->snapshots;
    struct play_result result = {.passed = true};
    if (options->snapshots && play.records)
        return result;
    playing = &play;
    if (world_init(&play.world, &config))
        result.passed = play_acts(&play);
    else if (!play.world.failed)
        complain(&play, the_case->line, "  no engine");
    result.allocations = play.world.allocations;
    if (options->verbose)
        (void)fprintf(stderr, "%s: %s\n%s", result.passed ? "passed" : "FAILED", the_case->name,
                      text_string(&play.trace));
    playing = NULL;
    world_fini(&play.world);
    text_fini(&play.trace);
    return result;
}
