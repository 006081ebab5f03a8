/* SPDX-License-Identifier: Apache-2.0 */
/* The journal in memory, through the interface that every journal has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codes.h"
#include "journal.h"

struct heard {
    int calls;
    uint64_t durable;
    bool accepts;
};

static void hear(void *user, const struct journal_state *state)
{
    struct heard *heard = user;
    *heard = (struct heard){heard->calls + 1, state->durable, state->accepts == JOURNAL_ACCEPTS_ALL};
}

static struct journal *journal_new(struct heard *heard, bool deferred)
{
    struct journal *journal = journal_memory_new((struct journal_listener){hear, heard}, deferred);
    assert_non_null(journal);
    return journal;
}

static int append(struct journal *journal, uint64_t first, uint32_t count)
{
    struct engine_record records[8] = {0};
    for (uint32_t i = 0; i < count; i++)
        records[i].number = first + i;
    return journal_append(journal, &(struct journal_batch){.wall_ns = 1, .records = records, .count = count});
}

static void durable_at_once(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct journal *journal = journal_new(&heard, false);
    assert_int_equal(journal_durable(journal), 0);
    assert_int_equal(append(journal, 1, 0), JQ_OK);
    assert_int_equal(heard.calls, 0);
    assert_int_equal(append(journal, 1, 3), JQ_OK);
    assert_int_equal(journal_durable(journal), 3);
    assert_int_equal(heard.durable, 3);
    assert_int_equal(append(journal, 4, 1), JQ_OK);
    assert_int_equal(heard.durable, 4);
    assert_int_equal(heard.calls, 2);
    journal_free(journal);
}

static void durable_when_synced(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct journal *journal = journal_new(&heard, true);
    assert_int_equal(append(journal, 1, 2), JQ_OK);
    assert_int_equal(append(journal, 3, 2), JQ_OK);
    assert_int_equal(journal_durable(journal), 0);
    assert_int_equal(heard.calls, 0);
    journal_memory_sync(journal);
    assert_int_equal(journal_durable(journal), 4);
    assert_int_equal(heard.durable, 4);
    journal_memory_sync(journal);
    assert_int_equal(heard.calls, 1);
    journal_free(journal);
}

/* proves: OUT-2 */
static void refused_batch_is_not_taken(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct journal *journal = journal_new(&heard, false);
    assert_true(journal_accepts(journal));
    journal_memory_refuse(journal, true);
    assert_false(journal_accepts(journal));
    assert_false(heard.accepts);
    assert_int_equal(append(journal, 1, 1), JQ_STORAGE);
    assert_int_equal(journal_durable(journal), 0);
    journal_memory_refuse(journal, true);
    assert_int_equal(heard.calls, 1);
    journal_memory_refuse(journal, false);
    assert_true(heard.accepts);
    assert_int_equal(append(journal, 1, 1), JQ_OK);
    assert_int_equal(journal_durable(journal), 1);
    journal_free(journal);
}

static void nobody_needs_to_listen(void **state)
{
    (void)state;
    struct journal *journal = journal_memory_new((struct journal_listener){0}, false);
    assert_non_null(journal);
    assert_int_equal(append(journal, 1, 1), JQ_OK);
    journal_free(journal);
    journal_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durable_at_once),
        cmocka_unit_test(durable_when_synced),
        cmocka_unit_test(refused_batch_is_not_taken),
        cmocka_unit_test(nobody_needs_to_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
