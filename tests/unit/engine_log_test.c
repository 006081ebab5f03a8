/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's log of messages alone, against a plain array: what is there is found, what is gone is not, and a few that stay
 * for long do not keep everything behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message_log.h"

enum { MESSAGES = 30000 };

static uint32_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static void append(struct log *log)
{
    uint64_t sequence = log->tail;
    assert_true(log_reserve(log, 1));
    *log_append(log) = (struct message){.offset = (uint32_t)sequence, .state = MESSAGE_READY};
    assert_int_equal(log->tail, sequence + 1);
}

static void assert_there(const struct log *log, uint64_t sequence)
{
    const struct message *message = log_at(log, sequence);
    assert_non_null(message);
    assert_int_equal(message->offset, sequence);
}

/* Appends and removes at random, mostly near the front, as consumers do. */
static void what_is_there_is_found(void **state)
{
    (void)state;
    struct log log;
    static bool there[MESSAGES + 1];
    uint64_t seed = 3, live = 0;
    memset(there, 0, sizeof(there));
    log_init(&log);
    while (log.tail <= MESSAGES) {
        for (uint32_t i = random_next(&seed) % 20; i && log.tail <= MESSAGES; i--, live++) {
            there[log.tail] = true;
            append(&log);
        }
        for (uint32_t i = random_next(&seed) % 20; i && live; i--) {
            uint64_t sequence = log.tail - 1 - random_next(&seed) % (log.tail < 4000 ? log.tail - 1 : 4000);
            assert_true(!there[sequence] == !log_at(&log, sequence));
            if (sequence == 0 || !there[sequence] || sequence % 997 == 0)
                continue;
            there[sequence] = false;
            log_remove(&log, sequence, log.tail);
            live--;
        }
    }
    assert_int_equal(log.live, live);
    for (uint64_t sequence = 1; sequence <= MESSAGES; sequence++) {
        if (there[sequence])
            assert_there(&log, sequence);
        else
            assert_null(log_at(&log, sequence));
    }
    assert_null(log_at(&log, MESSAGES + 1));
    log_fini(&log);
}

static void a_few_survivors_cost_themselves_only(void **state)
{
    (void)state;
    struct log log;
    log_init(&log);
    for (uint64_t sequence = 1; sequence <= MESSAGES; sequence++) {
        append(&log);
        if (sequence % 1000 != 0)
            log_remove(&log, sequence, log.tail);
    }
    assert_int_equal(log.live, MESSAGES / 1000);
    assert_true(log.count < 100);
    for (uint64_t sequence = 1000; sequence <= MESSAGES; sequence += 1000)
        assert_there(&log, sequence);
    for (uint64_t sequence = 1000; sequence <= MESSAGES; sequence += 1000) {
        log_remove(&log, sequence, log.tail);
        assert_null(log_at(&log, sequence));
    }
    assert_int_equal(log.live, 0);
    assert_int_equal(log_straggler_any(&log), 0);
    log_fini(&log);
}

static void what_was_never_handed_out_stays_in_blocks(void **state)
{
    (void)state;
    struct log log;
    log_init(&log);
    for (int i = 0; i < MESSAGES; i++)
        append(&log);
    for (uint64_t sequence = 1; sequence <= MESSAGES; sequence++) {
        if (sequence % 1000 != 0)
            log_remove(&log, sequence, 1);
    }
    assert_int_equal(log_straggler_any(&log), 0);
    for (uint64_t sequence = 1000; sequence <= MESSAGES; sequence += 1000) {
        assert_there(&log, sequence);
        assert_int_equal(log_skip(&log, sequence - 999), sequence);
        log_remove(&log, sequence, sequence + 1);
    }
    assert_int_equal(log_skip(&log, 1), log.tail);
    log_fini(&log);
}

static void a_log_that_runs_through_keeps_no_memory(void **state)
{
    (void)state;
    struct log log;
    log_init(&log);
    for (uint64_t sequence = 1; sequence <= 10 * MESSAGES; sequence++) {
        append(&log);
        if (sequence > 100)
            log_remove(&log, sequence - 100, log.tail);
    }
    assert_true(log.count <= 4);
    assert_true(log.capacity <= 8);
    assert_int_equal(log.live, 100);
    log_fini(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_found),
        cmocka_unit_test(a_few_survivors_cost_themselves_only),
        cmocka_unit_test(what_was_never_handed_out_stays_in_blocks),
        cmocka_unit_test(a_log_that_runs_through_keeps_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
