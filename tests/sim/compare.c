/* SPDX-License-Identifier: Apache-2.0 */
/* Effects of the engine against effects of the model, once the engine is at rest: the same ones, each once, with the same content. The
 * order of answers within a step is free, but for what the contract orders. */
/* proves: DCL-1 DCL-6 DCL-7 BND-1 BND-2 BND-3 PUT-1 PUT-2 PUT-3 PUT-5 GET-1 GET-3 GET-4 GET-5 LSE-1 LSE-2 LSE-3 LSE-4 LSE-6 LSE-8 */
/* proves: CNT-1 CNT-2 JON-1 END-1 END-2 END-3 END-4 END-5 END-6 PRD-1 PRD-2 CAN-1 CSV-1 BLK-1 */
#include "coverage.h"
#include "names.h"
#include "sim.h"
#include <inttypes.h>
#include <string.h>

static void fail_pair(struct sim *sim, const struct model_effect *expected, const struct model_effect *got,
                      const char *what)
{
    sim_fail(sim, "%s", what);
    if (expected) {
        printf("  expected: ");
        print_effect(stdout, expected, sim->model->items, sim->model->lost, sim->model->stats);
    }
    if (got) {
        printf("  got:      ");
        print_effect(stdout, got, sim->items, sim->lost, sim->stats);
    }
}

/* ---- content ------------------------------------------------------------------------------------------------------- */

/* A peek does not say where a dead letter comes from. */
static bool same_letter(const struct model_effect *got, const struct model_item *a, const struct model_item *b)
{
    return got->kind == ENGINE_PEEKED ||
           (a->reason == b->reason && a->source_seq == b->source_seq && a->source_deliveries == b->source_deliveries &&
            strcmp(a->source, b->source) == 0);
}

static bool same_items(const struct sim *sim, const struct model_effect *expected, const struct model_effect *got)
{
    if (expected->item_count != got->item_count)
        return false;
    for (size_t i = 0; i < expected->item_count; i++) {
        const struct model_item *a = &sim->model->items[expected->item_first + i];
        const struct model_item *b = &sim->items[got->item_first + i];
        if (a->seq != b->seq || a->attempt != b->attempt || a->deliveries != b->deliveries ||
            a->body.chunk != b->body.chunk || a->body.offset != b->body.offset || a->body.length != b->body.length ||
            !same_letter(got, a, b))
            return false;
    }
    return true;
}

static bool same_lost(const struct sim *sim, const struct model_effect *expected, const struct model_effect *got)
{
    if (expected->lost_count != got->lost_count)
        return false;
    for (size_t i = 0; i < expected->lost_count; i++) {
        const struct model_lost *a = &sim->model->lost[expected->lost_first + i];
        size_t in_a = 0, in_b = 0;
        for (size_t j = 0; j < expected->lost_count; j++) {
            in_a += memcmp(a, &sim->model->lost[expected->lost_first + j], sizeof *a) == 0;
            in_b += memcmp(a, &sim->lost[got->lost_first + j], sizeof *a) == 0;
        }
        if (in_a != in_b)
            return false;
    }
    return true;
}

/* The first number of a queue's stat that differs; NULL if none does. */
static const char *stat_difference(const struct engine_stat *a, const struct engine_stat *b)
{
#define FIELD(name)             \
    {                           \
#name, a->name, b->name \
    }
    const struct {
        const char *name;
        uint64_t a, b;
    } fields[] = {FIELD(incarnation),
                  FIELD(ready),
                  FIELD(delayed),
                  FIELD(leased),
                  FIELD(ready_bytes),
                  FIELD(unfinished),
                  FIELD(ends),
                  FIELD(put),
                  FIELD(dead),
                  FIELD(done),
                  FIELD(expired),
                  FIELD(discarded),
                  FIELD(moved_in),
                  FIELD(moved_out),
                  FIELD(dead_in),
                  FIELD(delivered),
                  FIELD(redelivered),
                  FIELD(lease_expired),
                  FIELD(task_done),
                  FIELD(getters_waiting),
                  FIELD(putters_waiting),
                  FIELD(joiners_waiting),
                  FIELD(producers_attached),
                  FIELD(producers_finished),
                  FIELD(closed),
                  FIELD(paused),
                  FIELD(truncated),
                  FIELD(generation),
                  FIELD(producers_lost),
#define OPTION(name, member) FIELD(options.member),
                  ENGINE_OPTIONS(OPTION)
#undef OPTION
    };
#undef FIELD
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].a != fields[i].b)
            return fields[i].name;
    return NULL;
}

/* The engine keeps the time of a put in steps of 10 ms. */
static bool same_age(const struct model_stat *expected, const struct model_stat *got)
{
    uint64_t a = expected->stat.age_ns, b = got->stat.age_ns;
    bool older = b > a + 10 * SIM_MS, younger = a > b + 10 * SIM_MS;
    return expected->age_unknown || (!younger && (!older || expected->age_at_least));
}

/* CSV-1 as the engine counts itself. */
static bool conserved(const struct engine_stat *s)
{
    return s->options.accounting == ENGINE_COUNTER ||
           s->put + s->moved_in + s->dead_in ==
               s->done + s->ready + s->delayed + s->leased + s->dead + s->expired + s->discarded + s->moved_out;
}

static void fail_stat(struct sim *sim, const char *what, const struct model_stat *expected,
                      const struct model_stat *got)
{
    struct model_effect effect = {.kind = ENGINE_STATS, .stat_count = 1};
    sim_fail(sim, "stat differs in %s", what);
    print_effect(stdout, &effect, NULL, NULL, expected);
    print_effect(stdout, &effect, NULL, NULL, got);
}

/* A session's end gives back to several queues, in any order: where letters come to a counter queue in which nothing is unfinished, they
 * are finished by what expires there or not. */
static void follow_order(struct sim *sim, struct engine_stat *expected, const struct engine_stat *got)
{
    size_t q = model_incarnation(sim->model, expected->incarnation);
    if (q == SIZE_MAX || expected->options.accounting != ENGINE_COUNTER)
        return;
    struct model_queue *queue = &sim->model->queues[q];
    uint64_t most = model_unsure(queue), a = expected->unfinished, b = got->unfinished;
    if ((a > b ? a - b : b - a) <= most && queue->tasks == a)
        queue->tasks = expected->unfinished = b;
}

/* Who waits for the end of a queue that was closed at once hears of it when the last slice is done. */
static void follow_slices(const struct sim *sim, struct engine_stat *expected, const struct engine_stat *got)
{
    if (!sim->sliced || expected->closed != 2)
        return;
    if (got->getters_waiting > expected->getters_waiting)
        expected->getters_waiting = got->getters_waiting;
    if (got->joiners_waiting > expected->joiners_waiting)
        expected->joiners_waiting = got->joiners_waiting;
}

static void compare_stats(struct sim *sim, const struct model_effect *expected, const struct model_effect *got)
{
    if (expected->stat_count != got->stat_count || expected->more != got->more) {
        fail_pair(sim, expected, got, "another number of queues");
        return;
    }
    for (size_t i = 0; i < expected->stat_count && !sim->failed; i++) {
        struct model_stat *a = &sim->model->stats[expected->stat_first + i];
        const struct model_stat *b = &sim->stats[got->stat_first + i];
        follow_order(sim, &a->stat, &b->stat);
        follow_slices(sim, &a->stat, &b->stat);
        const char *difference = strcmp(a->name, b->name)                 ? "name"
                                 : strcmp(a->dead_letter, b->dead_letter) ? "dead_letter"
                                                                          : stat_difference(&a->stat, &b->stat);
        if (!difference && !same_age(a, b))
            difference = "age_ns";
        if (!conserved(&b->stat))
            fail_pair(sim, expected, got, "CSV-1: what was put is not what became of it");
        else if (difference)
            fail_stat(sim, difference, a, b);
    }
}

static bool same_kind(const struct model_effect *expected, const struct model_effect *got)
{
    bool refused = expected->code >= JQ_NO_QUEUE && expected->op != ENGINE_GET;
    return expected->kind == got->kind || (refused && got->kind == ENGINE_ANSWER);
}

/* What a join counts since it was asked may include what was under way in slices then, and leave out what had been confirmed. */
static bool same_join(const struct sim *sim, const struct model_effect *expected, const struct model_effect *got)
{
    bool vague = sim->sliced || expected->vague;
    bool same = expected->discarded == got->discarded && expected->dead == got->dead &&
                expected->expired == got->expired && expected->moved == got->moved && got->done <= expected->done &&
                got->done + expected->pending >= expected->done;
    bool more = expected->done <= got->done && expected->discarded <= got->discarded;
    if (vague && expected->code == JQ_TIMEOUT) /* at the same instant as what is swept */
        return expected->done <= got->done;
    if (vague && more)
        return expected->remaining >= got->remaining;
    return expected->remaining == got->remaining && same;
}

static bool same_numbers(const struct sim *sim, const struct model_effect *expected, const struct model_effect *got)
{
    if (got->kind == ENGINE_JOINED && expected->code < JQ_NO_QUEUE)
        return same_join(sim, expected, got);
    if (got->kind == ENGINE_OPENED)
        return expected->known == got->known;
    if (got->kind == ENGINE_ATTACHED)
        return expected->count == got->count && expected->finished == got->finished &&
               expected->generation == got->generation;
    bool closed = expected->op == ENGINE_CLOSE || (expected->op == ENGINE_PURGE && expected->vague);
    if (closed && sim->sliced) /* what came back before it was answered may be counted, too */
        return expected->count <= got->count;
    return expected->count == got->count && (expected->receipt != 0) == (got->receipt != 0);
}

static void compare_pair(struct sim *sim, const struct model_effect *expected, const struct model_effect *got)
{
    bool names_queue = expected->incarnation && got->kind != ENGINE_SETTLED;
    if (expected->code != got->code)
        fail_pair(sim, expected, got, "another code");
    else if (!same_kind(expected, got))
        fail_pair(sim, expected, got, "another kind of effect");
    else if (expected->why != MODEL_ANY_WHY && expected->why != got->why)
        fail_pair(sim, expected, got, "another reason");
    else if (names_queue && expected->incarnation != got->incarnation)
        fail_pair(sim, expected, got, "another incarnation");
    else if (!same_numbers(sim, expected, got))
        fail_pair(sim, expected, got, "another number");
    else if (!same_items(sim, expected, got))
        fail_pair(sim, expected, got, "other messages");
    else if (!same_lost(sim, expected, got))
        fail_pair(sim, expected, got, "other leases lost");
    else if (expected->kind == ENGINE_STATS)
        compare_stats(sim, expected, got);
}

/* ---- requests ------------------------------------------------------------------------------------------------------ */

static void answered(struct sim *sim, const struct model_effect *effect)
{
    for (size_t i = 0; i < sim->request_count; i++) {
        struct sim_request *request = &sim->requests[i];
        if (request->session != effect->session || request->request != effect->request)
            continue;
        coverage_answer(request->op, effect->code);
        if (request->parked)
            coverage_waited(request->op, coverage_way_of(effect->code));
        *request = sim->requests[--sim->request_count];
        return;
    }
    fail_pair(sim, effect, NULL, "an answer to a request that is not open");
}

/* What is answered when its slices are done is not answered if its session has ended before. */
static bool withdrawn(const struct sim *sim, const struct model_effect *expected)
{
    bool sweeps = expected->op == ENGINE_DELETE || expected->op == ENGINE_PURGE || expected->op == ENGINE_CLOSE;
    return (sim->sliced || sweeps) && !model_session(sim->model, expected->session);
}

static struct model_effect *expected_of(struct sim *sim, const struct model_effect *got)
{
    for (size_t i = 0; i < sim->model->effect_count; i++) {
        struct model_effect *expected = &sim->model->effects[i];
        if (!expected->matched && expected->request && expected->session == got->session &&
            expected->request == got->request)
            return expected;
    }
    return NULL;
}

/* Each answer finds the request that it answers; nothing is left over on either side. */
static void pair_answers(struct sim *sim)
{
    for (size_t i = 0; i < sim->heard_count && !sim->failed; i++) {
        struct sim_heard *heard = &sim->heard[i];
        if (!heard->effect.request)
            continue;
        heard->expected = expected_of(sim, &heard->effect);
        if (!heard->expected) {
            fail_pair(sim, NULL, &heard->effect, "an answer that nothing calls for");
            return;
        }
        heard->expected->matched = true;
        heard->effect.op = heard->expected->op;
    }
    for (size_t i = 0; i < sim->model->effect_count && !sim->failed; i++) {
        const struct model_effect *expected = &sim->model->effects[i];
        if (expected->request && !expected->matched && !withdrawn(sim, expected))
            fail_pair(sim, expected, NULL, "an answer is missing");
    }
}

/* Deliveries on receipt are numbered as they leave: 1, 2, ... */
static void compare_receipts(struct sim *sim)
{
    for (size_t i = 0; i < sim->heard_count && !sim->failed; i++) {
        const struct sim_heard *heard = &sim->heard[i];
        struct sim_session *session = sim_session(sim, heard->effect.session);
        if (heard->effect.kind != ENGINE_GOT || !heard->effect.receipt || !session)
            continue;
        if (heard->effect.receipt != ++session->receipt_last)
            fail_pair(sim, heard->expected, &heard->effect, "receipts are not numbered in order");
        if (heard->expected->receipt && heard->expected->receipt != heard->effect.receipt)
            model_renumber(sim->model, heard->expected, heard->effect.receipt);
    }
}

static void compare_answers(struct sim *sim)
{
    pair_answers(sim);
    if (!sim->failed)
        compare_receipts(sim);
    for (size_t i = 0; i < sim->heard_count && !sim->failed; i++) {
        struct sim_heard *heard = &sim->heard[i];
        if (!heard->effect.request)
            continue;
        compare_pair(sim, heard->expected, &heard->effect);
        if (!sim->failed)
            answered(sim, heard->expected);
    }
}

/* ---- events -------------------------------------------------------------------------------------------------------- */

static uint64_t lost_in(const struct model_effect *effect, const struct model_lost *lost, uint64_t session,
                        const struct model_lost *which)
{
    uint64_t count = 0;
    if (effect->kind != ENGINE_EVENT_LEASE_LOST || effect->session != session)
        return 0;
    for (size_t i = 0; i < effect->lost_count; i++)
        count += memcmp(&lost[effect->lost_first + i], which, sizeof *which) == 0;
    return count;
}

static void compare_lease_events(struct sim *sim)
{
    uint64_t expected = 0, got = 0;
    for (size_t i = 0; i < sim->heard_count; i++)
        got += sim->heard[i].effect.kind == ENGINE_EVENT_LEASE_LOST ? sim->heard[i].effect.lost_count : 0;
    for (size_t i = 0; i < sim->model->effect_count && !sim->failed; i++) {
        const struct model_effect *effect = &sim->model->effects[i];
        if (effect->kind != ENGINE_EVENT_LEASE_LOST)
            continue;
        uint64_t count = 0;
        for (size_t h = 0; h < sim->heard_count; h++)
            count += lost_in(&sim->heard[h].effect, sim->lost, effect->session, &sim->model->lost[effect->lost_first]);
        expected++;
        if (count != 1)
            fail_pair(sim, effect, NULL, "the holder was not told once that its lease is lost");
    }
    coverage_fault(COVERAGE_LEASE_EXPIRED, expected);
    if (expected != got && !sim->failed)
        sim_fail(sim, "events tell of %" PRIu64 " lost leases, and %" PRIu64 " were lost", got, expected);
}

static void compare_fenced(struct sim *sim)
{
    int balance = 0;
    for (size_t i = 0; i < sim->heard_count; i++)
        balance += sim->heard[i].effect.kind == ENGINE_EVENT_FENCED;
    for (size_t i = 0; i < sim->model->effect_count && !sim->failed; i++) {
        const struct model_effect *effect = &sim->model->effects[i];
        if (effect->kind != ENGINE_EVENT_FENCED)
            continue;
        bool found = false;
        for (size_t h = 0; h < sim->heard_count; h++) {
            const struct model_effect *got = &sim->heard[h].effect;
            found |= got->kind == ENGINE_EVENT_FENCED && got->session == effect->session &&
                     got->incarnation == effect->incarnation && strcmp(got->producer, effect->producer) == 0;
        }
        balance--;
        coverage_fault(COVERAGE_PRODUCER_FENCED, 1);
        if (!found)
            fail_pair(sim, effect, NULL, "the fenced producer was not told");
    }
    if (balance && !sim->failed)
        sim_fail(sim, "an event tells of a fence that is none");
}

/* ---- order --------------------------------------------------------------------------------------------------------- */

static const struct sim_command *command_of(const struct sim *sim, const struct model_effect *effect)
{
    for (uint32_t i = 0; i < sim->command_count; i++) {
        const struct engine_command *command = &sim->commands[i].command;
        if (command->session.value == effect->session && command->request == effect->request)
            return &sim->commands[i];
    }
    return NULL;
}

/* Whether `later` must not come before `first`, being behind it: the target of a cancel, the puts before a finish, what a takeover ends. */
static bool wrong_order(const struct sim *sim, const struct sim_heard *was_first, const struct sim_heard *was_later)
{
    const struct model_effect *first = &was_first->effect, *later = &was_later->effect;
    const struct sim_command *command = command_of(sim, first);
    bool same_session = first->session == later->session;
    if (first->op == ENGINE_CANCEL && first->count && same_session && command)
        return later->request == command->command.target;
    if (first->op == ENGINE_FINISH && later->op == ENGINE_PUT && same_session && first->code == JQ_OK)
        return was_later->expected && was_later->expected < was_first->expected &&
               later->incarnation == first->incarnation && later->request < first->request;
    if (first->op == ENGINE_ATTACH && first->code == JQ_OK && command && command->command.producer.takeover)
        return was_later->expected && was_later->expected < was_first->expected &&
               later->incarnation == first->incarnation && later->code == JQ_EXISTS &&
               later->why == ENGINE_WHY_PRODUCER_FENCED && later->request && !command_of(sim, later);
    return false;
}

static void compare_order(struct sim *sim)
{
    for (size_t i = 0; i < sim->heard_count && !sim->failed; i++)
        for (size_t j = i + 1; j < sim->heard_count && !sim->failed; j++)
            if (wrong_order(sim, &sim->heard[i], &sim->heard[j]))
                fail_pair(sim, &sim->heard[j].effect, &sim->heard[i].effect,
                          "wrong order: the first was due before the second");
}

void compare_all(struct sim *sim)
{
    if (sim->model->broken)
        sim_fail(sim, "%s", sim->model->broken);
    if (!sim->failed)
        compare_answers(sim);
    if (!sim->failed)
        compare_lease_events(sim);
    if (!sim->failed)
        compare_fenced(sim);
    if (!sim->failed)
        compare_order(sim);
    if (!sim->failed)
        records_compare(sim);
    if (!sim->failed)
        compare_state(sim);
}
