/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking driver on a connection that follows a script, call by call: what it waits for, and how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jqc_driver.h"
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TAKES_NOTHING = -1, TAKES_ALL = -2 };

/* What each write takes, in order; after that nothing more is to be written. */
struct script {
    ssize_t takes[4];
    unsigned written;
    bool floods; /* each read brings an event */
    int fd;      /* always ready */
};

struct fixture {
    struct joinq client;
    struct script script;
};

/* ---- the connection ---------------------------------------------------------------------------------------------------- */

static ssize_t script_read(struct jqw_transport *t, void *to, size_t size)
{
    static const uint8_t draining[] = {0, 0, 0, 4, 0x93, 98, 0, 0};
    const struct script *script = t->state;
    if (!script->floods)
        return JQW_IO_AGAIN;
    assert_true(size >= sizeof draining);
    memcpy(to, draining, sizeof draining);
    return sizeof draining;
}

static ssize_t script_writev(struct jqw_transport *t, const struct iovec *iov, int count)
{
    struct script *script = t->state;
    assert_int_equal(count, 1);
    assert_true(script->written < sizeof script->takes / sizeof script->takes[0]);
    ssize_t takes = script->takes[script->written++];
    if (takes == TAKES_NOTHING)
        return JQW_IO_AGAIN;
    return takes == TAKES_ALL ? (ssize_t)iov->iov_len : takes;
}

static int script_wanted(const struct jqw_transport *t, int user)
{
    const struct script *script = t->state;
    assert_true(script->floods || (user & JQW_WANT_WRITE)); /* otherwise it would wait for what need not come */
    return user;
}

static bool script_pending(const struct jqw_transport *t)
{
    (void)t;
    return false;
}

static int script_fd(const struct jqw_transport *t)
{
    const struct script *script = t->state;
    return script->fd;
}

static void script_close(struct jqw_transport *t)
{
    const struct script *script = t->state;
    close(script->fd);
}

static const struct jqw_transport_ops script_ops = {
    .name = "script",
    .read = script_read,
    .writev = script_writev,
    .wanted = script_wanted,
    .pending = script_pending,
    .fd = script_fd,
    .close = script_close,
};

static struct fixture *begin(const struct script *script)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(jqc_core_init(&f->client.core), JQ_OK);
    f->script = *script;
    f->script.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(f->script.fd >= 0);
    f->client.transport = (struct jqw_transport){.ops = &script_ops, .state = &f->script};
    return f;
}

static void end(struct fixture *f)
{
    f->client.transport.ops->close(&f->client.transport);
    jqc_core_fini(&f->client.core);
    free(f);
}

/* ---- what it waits for -------------------------------------------------------------------------------------------------- */

/* A put that waits for room has no answer yet, and a confirmation never has one. */
static void a_flush_waits_for_no_answer(void **state)
{
    (void)state;
    const struct script script = {.takes = {10, TAKES_NOTHING, TAKES_ALL}};
    struct fixture *f = begin(&script);
    const struct joinq_body body = {"x", 1};
    joinq_ticket ticket;
    assert_int_equal(joinq_submit_put(&f->client, "jobs", &body, 1, NULL, &ticket), JOINQ_OK);
    assert_int_equal(joinq_flush(&f->client), JOINQ_OK);
    assert_int_equal(f->script.written, 3);
    end(f);
}

static void a_submission_waits_for_no_answer(void **state)
{
    (void)state;
    enum { MUCH = 2 * 1024 * 1024 };
    const struct script script = {.takes = {10, TAKES_NOTHING, TAKES_ALL}};
    struct fixture *f = begin(&script);
    const struct joinq_body body = {calloc(1, MUCH), MUCH};
    joinq_ticket ticket;
    assert_non_null(body.data);
    assert_int_equal(joinq_submit_put(&f->client, "jobs", &body, 1, NULL, &ticket), JOINQ_OK);
    assert_int_equal(f->script.written, 3);
    free((void *)(uintptr_t)body.data);
    end(f);
}

/* ---- how long ----------------------------------------------------------------------------------------------------------- */

static void events_without_end_do_not_move_a_deadline(void **state)
{
    (void)state;
    const struct script script = {.takes = {TAKES_ALL}, .floods = true};
    struct fixture *f = begin(&script);
    struct joinq_outcome outcome = JOINQ_OUTCOME_INIT;
    joinq_ticket ticket;
    assert_int_equal(joinq_submit_get(&f->client, "jobs", NULL, &ticket), JOINQ_OK);
    assert_int_equal(joinq_wait(&f->client, ticket, 0, &outcome), JOINQ_EMPTY);
    assert_int_equal(joinq_wait(&f->client, ticket, 10, &outcome), JOINQ_TIMEOUT);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flush_waits_for_no_answer),
        cmocka_unit_test(a_submission_waits_for_no_answer),
        cmocka_unit_test(events_without_end_do_not_move_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
