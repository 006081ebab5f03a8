/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot while other things happen: the engine that reads it is as the one that told it. What comes back from a snapshot at rest is in
 * the scenarios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"

struct rig {
    struct engine *teller, *reader; /* the reader has every record from the snapshot's first on */
    struct engine_effects effects;
    struct engine_stat stat;
    uint64_t now;
    uint32_t request;
    bool reads;
};

static struct engine *some_engine(uint64_t incarnation)
{
    const struct engine_config config = {
        .incarnation_first = incarnation, .waiting_max = UINT32_MAX, .waiting_bytes_max = UINT64_MAX};
    struct engine *engine = engine_new(&config);
    assert_non_null(engine);
    return engine;
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    *rig = (struct rig){.teller = some_engine(7), .reader = some_engine(1000), .now = 1000};
    assert_int_equal(engine_effects_init(&rig->effects), JQ_OK);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    engine_check(rig->teller);
    engine_check(rig->reader);
    engine_free(rig->teller);
    engine_free(rig->reader);
    engine_effects_fini(&rig->effects);
    free(rig);
    return 0;
}

/* How many records it made. */
static uint32_t step(struct rig *rig, struct engine *engine, struct engine_command command)
{
    assert_int_equal(engine_step(engine, rig->now, &command, 1, &rig->effects), 1);
    uint32_t count = rig->effects.record_count;
    rig->reads |= command.op == ENGINE_SNAPSHOT;
    if (rig->reads && count)
        assert_int_equal(engine_replay(rig->reader, rig->now, 0, rig->effects.records, count), JQ_OK);
    for (uint32_t i = 0; i < rig->effects.effect_count; i++) {
        const struct engine_effect *effect = &rig->effects.effects[i];
        assert_int_equal(effect->code, JQ_OK);
        if (effect->kind == ENGINE_STATS)
            rig->stat = effect->stats.item[0];
    }
    return count;
}

static void open_session(struct rig *rig, struct engine *engine, uint64_t session)
{
    (void)step(rig, engine, (struct engine_command){.op = ENGINE_SESSION_OPEN, .session = {session}});
    engine_effects_reset(&rig->effects);
}

static struct engine_command command(struct rig *rig, enum engine_op op, const char *queue)
{
    return (struct engine_command){
        .op = op, .session = {1}, .request = ++rig->request, .queue.name = {queue, (uint32_t)strlen(queue)}};
}

static void ask(struct rig *rig, uint64_t session, enum engine_op op, const char *producer)
{
    struct engine_command made = command(rig, op, "jobs");
    made.session.value = session;
    made.producer.name = (struct engine_text){producer, (uint32_t)strlen(producer)};
    (void)step(rig, rig->teller, made);
    engine_effects_reset(&rig->effects);
}

static void declare(struct rig *rig, enum engine_op op, uint64_t producers)
{
    struct engine_command made = command(rig, op, "jobs");
    made.declare.options = (struct engine_queue_options){.durable = 1, .producers = producers};
    made.declare.given = 1u << ENGINE_OPTION_PRODUCERS;
    (void)step(rig, rig->teller, made);
    engine_effects_reset(&rig->effects);
}

/* One slice; what its last record was. */
static enum engine_record_kind snapshot_goes_on(struct rig *rig)
{
    uint32_t count = step(rig, rig->teller, (struct engine_command){.op = ENGINE_SNAPSHOT, .snapshot_max = 1});
    assert_int_not_equal(count, 0);
    enum engine_record_kind last = rig->effects.records[count - 1].kind;
    engine_effects_reset(&rig->effects);
    return last;
}

static uint32_t closed_in(struct rig *rig, struct engine *engine)
{
    rig->reads = false;
    open_session(rig, engine, 9);
    struct engine_command stat = command(rig, ENGINE_STAT, "jobs");
    stat.session.value = 9;
    (void)step(rig, engine, stat);
    engine_effects_reset(&rig->effects);
    return rig->stat.closed;
}

/* Of two producers one has finished, and it alone has been told when from then on all that are known are to finish.
 * proves: RST-2 PRD-3 */
static void test_producers_that_are_not_told_yet(void **state)
{
    struct rig *rig = *state;
    open_session(rig, rig->teller, 1);
    open_session(rig, rig->teller, 2);
    declare(rig, ENGINE_DECLARE, 3);
    ask(rig, 1, ENGINE_ATTACH, "first");
    ask(rig, 1, ENGINE_FINISH, "first");
    ask(rig, 2, ENGINE_ATTACH, "second");
    while (snapshot_goes_on(rig) != ENGINE_RECORD_STATE_PRODUCER)
        ;
    declare(rig, ENGINE_ALTER, ENGINE_PRODUCERS_AUTO);
    while (snapshot_goes_on(rig) != ENGINE_RECORD_SNAPSHOT_END)
        ;
    assert_int_equal(engine_replay_end(rig->reader), JQ_OK);
    assert_int_equal(closed_in(rig, rig->teller), 0);
    assert_int_equal(closed_in(rig, rig->reader), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_producers_that_are_not_told_yet, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
