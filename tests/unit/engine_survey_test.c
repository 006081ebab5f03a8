/* SPDX-License-Identifier: Apache-2.0 */
/* The engine tells where every body lies, and takes note of those that were moved; what ended in the meantime is released once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"

enum { QUEUES = 3, BATCHES = 5, EACH = 1000, HELD = 100 /* one in so many is kept */ };

struct rig {
    struct engine *engine;
    struct engine_effects effects;
    uint32_t request;
    uint64_t released[16]; /* by chunk */
};

static void step(struct rig *rig, struct engine_command command)
{
    command.session.value = 1;
    command.request = ++rig->request;
    engine_effects_reset(&rig->effects);
    assert_int_equal(engine_step(rig->engine, rig->request, &command, 1, &rig->effects), 1);
    for (uint32_t i = 0; i < rig->effects.release_count; i++)
        rig->released[rig->effects.releases[i].chunk] += rig->effects.releases[i].count;
    engine_check(rig->engine);
}

static struct engine_command on_queue(enum engine_op op, int queue)
{
    static const char *const names[QUEUES] = {"a", "b", "c"};
    return (struct engine_command){.op = op, .queue.name = {names[queue], 1}};
}

static void fill(struct rig *rig, int queue)
{
    static struct engine_body bodies[EACH];
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        for (uint32_t i = 0; i < EACH; i++)
            bodies[i] = (struct engine_body){.chunk = (uint32_t)queue, .offset = batch * EACH + i, .length = 1};
        struct engine_command put = on_queue(ENGINE_PUT, queue);
        put.put.bodies = bodies;
        put.put.count = EACH;
        step(rig, put);
    }
}

/* Everything but one in HELD is done; the rest is leased, and at last far from its neighbours. */
static void thin_out(struct rig *rig, int queue)
{
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        struct engine_command get = on_queue(ENGINE_GET, queue);
        get.get.max = EACH;
        step(rig, get);
        uint64_t incarnation = rig->effects.effects[0].incarnation, first = rig->effects.effects[0].got.runs[0].first;
        struct engine_range ranges[EACH / HELD];
        for (uint32_t i = 0; i < EACH / HELD; i++)
            ranges[i] = (struct engine_range){incarnation, first + i * HELD + 1, HELD - 1, 1};
        step(rig, (struct engine_command){.op = ENGINE_DONE, .settle.ranges = {ranges, EACH / HELD}});
        assert_int_equal(rig->effects.effects[0].code, JQ_OK);
    }
}

static int setup(void **state)
{
    static struct rig rig;
    const struct engine_config config = {.incarnation_first = 7, .waiting_max = 10, .waiting_bytes_max = 1000};
    memset(&rig, 0, sizeof rig);
    rig.engine = engine_new(&config);
    assert_non_null(rig.engine);
    assert_int_equal(engine_effects_init(&rig.effects), JQ_OK);
    step(&rig, (struct engine_command){.op = ENGINE_SESSION_OPEN});
    for (int queue = 0; queue < QUEUES; queue++)
        fill(&rig, queue);
    thin_out(&rig, 1);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    engine_free(rig->engine);
    engine_effects_fini(&rig->effects);
    return 0;
}

/* One round of surveys; every place is given to `visit`, and the engine told of the moves that it returns. */
static uint32_t survey_all(struct rig *rig, struct engine_relocation *moves, uint32_t *found)
{
    struct engine_command survey = {.op = ENGINE_SURVEY};
    uint32_t count = 0;
    do {
        step(rig, survey);
        assert_true(rig->effects.surveyed.some && rig->effects.place_count <= ENGINE_SLICE);
        for (uint32_t i = 0; i < rig->effects.place_count; i++) {
            const struct engine_place *place = &rig->effects.places[i];
            found[place->body.chunk]++;
            if (place->body.chunk != 1)
                continue;
            moves[count] = (struct engine_relocation){*place, place->body};
            moves[count++].to.chunk = 9;
        }
        survey.survey.incarnation = rig->effects.surveyed.incarnation;
        survey.survey.sequence = rig->effects.surveyed.sequence;
    } while (!rig->effects.surveyed.end);
    return count;
}

static void everything_is_found_once(void **state)
{
    struct engine_relocation moves[BATCHES * EACH / HELD];
    uint32_t found[16] = {0};
    assert_int_equal(survey_all(*state, moves, found), BATCHES * EACH / HELD);
    assert_int_equal(found[0], BATCHES * EACH);
    assert_int_equal(found[1], BATCHES * EACH / HELD);
    assert_int_equal(found[2], BATCHES * EACH);
}

static void what_has_moved_is_handed_out_from_there(void **state)
{
    struct rig *rig = *state;
    struct engine_relocation moves[BATCHES * EACH / HELD];
    uint32_t found[16] = {0};
    uint32_t count = survey_all(rig, moves, found);
    uint64_t before = rig->released[1];
    step(rig, (struct engine_command){.op = ENGINE_RELOCATE, .relocate = {moves, count}});
    assert_int_equal(rig->released[1], before + count);
    step(rig, (struct engine_command){.op = ENGINE_RELOCATE,
                                      .relocate = {moves, count}}); /* as if they had ended: released */
    assert_int_equal(rig->released[9], count);
    step(rig, (struct engine_command){.op = ENGINE_SESSION_END});
    struct engine_command get = on_queue(ENGINE_GET, 1);
    step(rig, (struct engine_command){.op = ENGINE_SESSION_OPEN});
    get.get.max = EACH;
    step(rig, get);
    while (rig->effects.effect_count == 0) /* the leases of the session come back in slices */
        assert_int_equal(engine_step(rig->engine, ++rig->request, NULL, 0, &rig->effects), 0);
    assert_int_equal(rig->effects.effects[0].got.body_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(rig->effects.effects[0].got.bodies[i].chunk, 9);
        assert_int_equal(rig->effects.effects[0].got.bodies[i].offset, i * HELD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_found_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_moved_is_handed_out_from_there, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
