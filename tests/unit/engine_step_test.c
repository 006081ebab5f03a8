/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's step as its caller sees it: commands left over when the effects are full, slices, what comes in many calls, and that
 * the same commands at the same times have the same effects. The contract itself is in tests/scenario. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"

enum { MANY = 5000, BODY_BYTES = 100 };

/* What the engine has said, summed up. */
struct heard {
    uint64_t answers, ok, ended, missing, bodies, released, released_bytes;
    uint64_t hash; /* of everything, in order */
    size_t calls;
};

struct rig {
    struct engine *engine;
    struct engine_effects effects;
    struct heard heard;
    uint64_t now;
    uint32_t request, chunk;
};

static int setup(void **state)
{
    const struct engine_config config = {
        .incarnation_first = 7, .waiting_max = UINT32_MAX, .waiting_bytes_max = UINT64_MAX};
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    rig->engine = engine_new(&config);
    assert_non_null(rig->engine);
    assert_int_equal(engine_effects_init(&rig->effects), JQ_OK);
    rig->now = 1000;
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    engine_check(rig->engine);
    engine_free(rig->engine);
    engine_effects_fini(&rig->effects);
    free(rig);
    return 0;
}

static void mix(struct heard *heard, uint64_t value)
{
    heard->hash = (heard->hash ^ value) * UINT64_C(1099511628211);
}

static void hear_effect(struct heard *heard, const struct engine_effect *effect)
{
    const uint64_t words[] = {effect->kind, effect->session.value, effect->request,
                              effect->code, effect->why,           effect->incarnation};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        mix(heard, words[i]);
    heard->answers++;
    heard->ok += effect->code == JQ_OK;
    heard->ended += effect->code == JQ_END;
    heard->missing += effect->code == JQ_NO_QUEUE;
    if (effect->kind != ENGINE_GOT)
        return;
    heard->bodies += effect->got.body_count;
    for (uint32_t i = 0; i < effect->got.run_count; i++)
        mix(heard, effect->got.runs[i].first * 31 + effect->got.runs[i].count);
}

static size_t step(struct rig *rig, const struct engine_command *commands, size_t count)
{
    size_t taken = engine_step(rig->engine, rig->now, commands, count, &rig->effects);
    for (uint32_t i = 0; i < rig->effects.effect_count; i++)
        hear_effect(&rig->heard, &rig->effects.effects[i]);
    for (uint32_t i = 0; i < rig->effects.release_count; i++) {
        rig->heard.released += rig->effects.releases[i].count;
        rig->heard.released_bytes += rig->effects.releases[i].bytes;
    }
    engine_effects_reset(&rig->effects);
    rig->heard.calls++;
    return taken;
}

/* All of the commands, and what they leave to be done. */
static void run(struct rig *rig, const struct engine_command *commands, size_t count)
{
    for (size_t done = 0; done < count;)
        done += step(rig, commands + done, count - done);
    while (engine_next(rig->engine) <= rig->now)
        (void)step(rig, NULL, 0);
}

static struct engine_command command(struct rig *rig, enum engine_op op, uint64_t session, const char *queue)
{
    struct engine_command made = {.op = op, .session = {session}, .queue.name = {queue, (uint32_t)strlen(queue)}};
    made.request = ++rig->request;
    return made;
}

static void run_one(struct rig *rig, struct engine_command made)
{
    run(rig, &made, 1);
}

static void open_session(struct rig *rig, uint64_t session)
{
    struct engine_command open = command(rig, ENGINE_SESSION_OPEN, session, "");
    open.request = 0; /* nobody waits for an answer */
    run_one(rig, open);
}

static void put_many(struct rig *rig, uint64_t session, const char *queue, uint32_t count)
{
    struct engine_body bodies[ENGINE_BATCH_MAX];
    while (count) {
        uint32_t now = count < ENGINE_BATCH_MAX ? count : ENGINE_BATCH_MAX;
        struct engine_command put = command(rig, ENGINE_PUT, session, queue);
        rig->chunk++;
        for (uint32_t i = 0; i < now; i++)
            bodies[i] = (struct engine_body){rig->chunk, i * BODY_BYTES, BODY_BYTES};
        put.put.bodies = bodies;
        put.put.count = now;
        put.put.timeout_ns = ENGINE_FOREVER;
        run_one(rig, put);
        count -= now;
    }
}

static struct engine_command get(struct rig *rig, uint64_t session, const char *queue, uint32_t max, uint64_t timeout)
{
    struct engine_command made = command(rig, ENGINE_GET, session, queue);
    made.get.max = max;
    made.get.timeout_ns = timeout;
    return made;
}

static struct engine_command *many_gets(struct rig *rig, uint64_t session, uint32_t count, uint32_t max,
                                        uint64_t timeout)
{
    struct engine_command *made = calloc(count, sizeof(*made));
    assert_non_null(made);
    for (uint32_t i = 0; i < count; i++)
        made[i] = get(rig, session, "jobs", max, timeout);
    return made;
}

static struct engine_totals totals_of(const struct rig *rig)
{
    struct engine_totals totals;
    engine_totals(rig->engine, &totals);
    return totals;
}

static void commands_that_do_not_fit_are_taken_later(void **state)
{
    struct rig *rig = *state;
    open_session(rig, 1);
    struct engine_command *made = many_gets(rig, 1, MANY, 1, 0);
    size_t taken = step(rig, made, MANY);
    assert_true(taken > 0 && taken < MANY);
    assert_int_equal(rig->heard.answers, taken);
    run(rig, made + taken, MANY - taken);
    assert_int_equal(rig->heard.answers, MANY);
    free(made);
}

static void large_deliveries_fill_the_effects_too(void **state)
{
    struct rig *rig = *state;
    open_session(rig, 1);
    put_many(rig, 1, "jobs", 100 * ENGINE_BATCH_MAX);
    struct engine_command *made = many_gets(rig, 1, 100, ENGINE_BATCH_MAX, 0);
    size_t taken = step(rig, made, 100);
    assert_true(taken > 0 && taken < 100);
    run(rig, made + taken, 100 - taken);
    assert_int_equal(rig->heard.bodies, 100 * ENGINE_BATCH_MAX);
    free(made);
}

/* proves: END-1 */
static void thousands_hear_the_end_each_once(void **state)
{
    struct rig *rig = *state;
    open_session(rig, 1);
    open_session(rig, 2);
    struct engine_command *made = many_gets(rig, 1, MANY, 1, ENGINE_FOREVER);
    run(rig, made, MANY);
    assert_int_equal(totals_of(rig).waiters, MANY);
    assert_int_equal(rig->heard.answers, 0);
    run_one(rig, command(rig, ENGINE_CLOSE, 2, "jobs"));
    assert_int_equal(rig->heard.ended, MANY);
    assert_int_equal(rig->heard.answers, MANY + 1);
    assert_int_equal(totals_of(rig).waiters, 0);
    free(made);
}

/* proves: DCL-7 */
static void thousands_hear_of_a_delete_each_once(void **state)
{
    struct rig *rig = *state;
    open_session(rig, 1);
    open_session(rig, 2);
    struct engine_command *made = many_gets(rig, 1, MANY, 1, ENGINE_FOREVER);
    run(rig, made, MANY);
    run_one(rig, command(rig, ENGINE_DELETE, 2, "jobs"));
    assert_int_equal(rig->heard.missing, MANY);
    assert_int_equal(rig->heard.ok, 1);
    assert_int_equal(totals_of(rig).waiters, 0);
    assert_int_equal(totals_of(rig).queues, 0);
    free(made);
}

static void thousands_of_deadlines_at_one_instant(void **state)
{
    struct rig *rig = *state;
    open_session(rig, 1);
    struct engine_command *made = many_gets(rig, 1, MANY, 1, 500);
    run(rig, made, MANY);
    assert_int_equal(engine_next(rig->engine), 1500);
    rig->now = 1500;
    run(rig, NULL, 0);
    assert_int_equal(rig->heard.answers, MANY);
    assert_int_equal(engine_next(rig->engine), ENGINE_FOREVER);
    free(made);
}

/* proves: LSE-8 GET-1 */
static void a_loop_held_up_past_thousands_of_deadlines_comes_to_the_put_last(void **state)
{
    struct rig *rig = *state;
    struct engine_body body = {1, 0, BODY_BYTES};
    open_session(rig, 1);
    for (uint32_t i = 0; i < MANY; i++)
        run_one(rig, get(rig, 1, "jobs", 1, 500 + i % 3000));
    struct engine_command put = command(rig, ENGINE_PUT, 1, "jobs");
    put.put.bodies = &body;
    put.put.count = 1;
    put.put.timeout_ns = ENGINE_FOREVER;
    rig->now = 100000;
    assert_int_equal(step(rig, &put, 1), 0);
    run_one(rig, put);
    assert_int_equal(rig->heard.answers, MANY + 1);
    assert_int_equal(rig->heard.ok, 1);
    assert_int_equal(rig->heard.bodies, 0);
    assert_int_equal(totals_of(rig).messages, 1);
}

/* proves: LSE-6 PUT-4 */
static void a_session_with_thousands_of_waiting_puts_releases_all_of_them(void **state)
{
    struct rig *rig = *state;
    open_session(rig, 1);
    open_session(rig, 2);
    struct engine_command declare = command(rig, ENGINE_DECLARE, 1, "jobs");
    declare.declare.options.max_messages = 1;
    run_one(rig, declare);
    put_many(rig, 1, "jobs", 1);
    struct engine_body body = {1000, 0, BODY_BYTES};
    for (uint32_t i = 0; i < MANY; i++, body.chunk++) {
        struct engine_command put = command(rig, ENGINE_PUT, 2, "jobs");
        put.put.bodies = &body;
        put.put.count = 1;
        put.put.timeout_ns = ENGINE_FOREVER;
        run_one(rig, put);
    }
    assert_int_equal(rig->heard.released, 0);
    run_one(rig, command(rig, ENGINE_SESSION_END, 2, ""));
    assert_int_equal(rig->heard.released, MANY);
    assert_int_equal(rig->heard.released_bytes, MANY * BODY_BYTES);
    assert_int_equal(totals_of(rig).waiters, 0);
}

/* proves: BLK-1 */
static void a_session_with_a_hundred_thousand_leases_ends_in_slices(void **state)
{
    enum { LEASES = 100 * ENGINE_BATCH_MAX };
    struct rig *rig = *state;
    open_session(rig, 1);
    open_session(rig, 2);
    open_session(rig, 3);
    put_many(rig, 1, "jobs", LEASES);
    put_many(rig, 1, "other", 1);
    struct engine_command *made = many_gets(rig, 2, LEASES / ENGINE_BATCH_MAX, ENGINE_BATCH_MAX, 0);
    run(rig, made, LEASES / ENGINE_BATCH_MAX);
    free(made);
    struct engine_command end = command(rig, ENGINE_SESSION_END, 2, "");
    struct engine_command late = get(rig, 3, "jobs", 1, 0);
    struct engine_command other = get(rig, 3, "other", 1, 0);
    assert_int_equal(step(rig, &end, 1), 1);
    uint64_t answers = rig->heard.answers;
    assert_int_equal(step(rig, &late, 1), 1);
    assert_int_equal(rig->heard.answers, answers);
    assert_true(engine_waits(rig->engine, (struct engine_session_id){3}, late.request));
    assert_int_equal(step(rig, &other, 1), 1);
    assert_int_equal(rig->heard.answers, answers + 1);
    assert_int_equal(engine_next(rig->engine), 0);
    size_t calls = rig->heard.calls;
    run(rig, NULL, 0);
    assert_true(rig->heard.calls - calls >= LEASES / ENGINE_SLICE - 3);
    assert_int_equal(rig->heard.answers, answers + 2);
    assert_int_equal(totals_of(rig).slice_max, ENGINE_SLICE);
    assert_true(totals_of(rig).sliced >= LEASES);
}

/* proves: BLK-1 FLW-1 */
static void a_stream_of_confirmations_does_not_hold_up_what_comes_back(void **state)
{
    enum { ROUNDS = 40, HELD = 10 * ENGINE_BATCH_MAX };
    struct rig *rig = *state;
    for (uint64_t session = 1; session <= 4; session++)
        open_session(rig, session);
    put_many(rig, 1, "stream", 2 * ROUNDS * ENGINE_BATCH_MAX);
    put_many(rig, 1, "jobs", HELD);
    struct engine_command *made = many_gets(rig, 2, HELD / ENGINE_BATCH_MAX, ENGINE_BATCH_MAX, 0);
    run(rig, made, HELD / ENGINE_BATCH_MAX);
    free(made);
    struct engine_command end = command(rig, ENGINE_SESSION_END, 2, "");
    struct engine_command late = get(rig, 3, "jobs", 1, 0);
    (void)step(rig, &end, 1);
    (void)step(rig, &late, 1);
    int round = 1;
    for (; round < ROUNDS && engine_waits(rig->engine, late.session, late.request); round++) {
        struct engine_command turn[4];
        for (uint64_t i = 0; i < 2; i++) {
            turn[2 * i] = get(rig, 1 + 3 * i, "stream", ENGINE_BATCH_MAX, 0);
            turn[2 * i].get.auto_ = true;
            turn[2 * i + 1] = command(rig, ENGINE_RECEIVED, 1 + 3 * i, "");
            turn[2 * i + 1].receipt = (uint64_t)round;
        }
        (void)step(rig, turn, 4);
    }
    assert_true(round < ROUNDS);
    run(rig, NULL, 0);
}

/* proves: ADM-1 END-6 */
static void peek_finds_what_came_back_behind_hundreds_of_ends(void **state)
{
    struct rig *rig = *state;
    open_session(rig, 1);
    open_session(rig, 2);
    run_one(rig, command(rig, ENGINE_DECLARE, 1, "jobs"));
    struct engine_command ends = command(rig, ENGINE_PUT_END, 1, "jobs");
    ends.count = 300;
    run_one(rig, ends);
    put_many(rig, 1, "jobs", 1);
    struct engine_command *made = many_gets(rig, 2, 301, 1, 0);
    run(rig, made, 301);
    free(made);
    run_one(rig, command(rig, ENGINE_SESSION_END, 2, ""));
    struct engine_command peek = command(rig, ENGINE_PEEK, 1, "jobs");
    peek.count = 1;
    assert_int_equal(engine_step(rig->engine, rig->now, &peek, 1, &rig->effects), 1);
    assert_int_equal(rig->effects.effects[0].code, JQ_OK);
    assert_int_equal(rig->effects.effects[0].got.body_count, 1);
    engine_effects_reset(&rig->effects);
}

/* proves: FLW-1 */
static void ten_thousand_queues_do_not_know_each_other(void **state)
{
    enum { QUEUES = 10000 };
    struct rig *rig = *state;
    char name[32];
    open_session(rig, 1);
    for (int i = 0; i < QUEUES; i++) {
        (void)snprintf(name, sizeof(name), "q%d", i);
        put_many(rig, 1, name, 1);
    }
    assert_int_equal(totals_of(rig).queues, QUEUES);
    assert_int_equal(totals_of(rig).messages, QUEUES);
    for (int i = QUEUES - 1; i >= 0; i--) {
        (void)snprintf(name, sizeof(name), "q%d", i);
        run_one(rig, get(rig, 1, name, 9, 0));
    }
    assert_int_equal(rig->heard.bodies, QUEUES);
}

/* A mixed life; what it sounds like. */
static uint64_t life(void)
{
    void *state;
    (void)setup(&state);
    struct rig *rig = state;
    open_session(rig, 1);
    open_session(rig, 2);
    for (uint64_t round = 0; round < 300; round++) {
        uint64_t session = 1 + round % 2;
        rig->now += round * 1000;
        if (round % 7 == 3) {
            run_one(rig, command(rig, ENGINE_SESSION_END, session, ""));
            open_session(rig, session);
        }
        put_many(rig, session, round % 3 ? "jobs" : "sums", (uint32_t)(1 + round % 5));
        run_one(rig, get(rig, session, round % 3 ? "sums" : "jobs", (uint32_t)(1 + round % 4), round * 500));
        run_one(rig, command(rig, ENGINE_STAT, session, "jobs"));
    }
    uint64_t hash = rig->heard.hash;
    (void)teardown(&state);
    return hash;
}

static void the_same_commands_have_the_same_effects(void **state)
{
    (void)state;
    uint64_t hash = life();
    assert_true(hash != 0);
    assert_int_equal(life(), hash);
}

/* proves: DCL-7 */
static void an_incarnation_is_never_used_again(void **state)
{
    struct rig *rig = *state;
    uint64_t last = 0;
    open_session(rig, 1);
    for (int i = 0; i < 100; i++) {
        struct engine_command declare = command(rig, ENGINE_DECLARE, 1, "jobs");
        assert_int_equal(engine_step(rig->engine, rig->now, &declare, 1, &rig->effects), 1);
        assert_true(rig->effects.effects[0].incarnation > last);
        last = rig->effects.effects[0].incarnation;
        engine_effects_reset(&rig->effects);
        run_one(rig, command(rig, ENGINE_DELETE, 1, "jobs"));
    }
    assert_true(last >= 7 + 99);
}

static void an_engine_is_freed_with_everything_in_it(void **state)
{
    struct rig *rig = *state;
    open_session(rig, 1);
    put_many(rig, 1, "jobs", 2500);
    run_one(rig, get(rig, 1, "jobs", 1000, 0));
    run_one(rig, get(rig, 1, "sums", 1, 5000));
    struct engine_command purge = command(rig, ENGINE_PURGE, 1, "jobs");
    struct engine_command end = command(rig, ENGINE_SESSION_END, 1, "");
    (void)step(rig, &purge, 1);
    (void)step(rig, &end, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_that_do_not_fit_are_taken_later, setup, teardown),
        cmocka_unit_test_setup_teardown(large_deliveries_fill_the_effects_too, setup, teardown),
        cmocka_unit_test_setup_teardown(thousands_hear_the_end_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(thousands_hear_of_a_delete_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(thousands_of_deadlines_at_one_instant, setup, teardown),
        cmocka_unit_test_setup_teardown(a_loop_held_up_past_thousands_of_deadlines_comes_to_the_put_last, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_session_with_thousands_of_waiting_puts_releases_all_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_with_a_hundred_thousand_leases_ends_in_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stream_of_confirmations_does_not_hold_up_what_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(peek_finds_what_came_back_behind_hundreds_of_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(ten_thousand_queues_do_not_know_each_other, setup, teardown),
        cmocka_unit_test(the_same_commands_have_the_same_effects),
        cmocka_unit_test_setup_teardown(an_incarnation_is_never_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_engine_is_freed_with_everything_in_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
