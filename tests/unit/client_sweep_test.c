/* SPDX-License-Identifier: Apache-2.0 */
/* The client core when memory is refused: the first allocation, the second, and so on fails, once or from then on. Whatever fails is
 * told, nothing crashes, and nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_peer.h"
#include "countdown.h"
#include "jqc_batch.h"
#include <stdlib.h>
#include <string.h>

/* ---- one run -------------------------------------------------------------------------------------------------------- */

struct run {
    struct jqc_core core;
    struct peer peer;
    bool refused_once; /* something said OVERLOADED, or the connection was given up */
};

/* The code of a call that may be refused memory, and nothing else. */
static bool well(struct run *r, int code)
{
    if (code == JQ_OK)
        return true;
    assert_true(code == JQ_OVERLOADED || code == JQ_DISCONNECTED);
    r->refused_once = true;
    return false;
}

static struct jqc_request *submit(struct run *r, struct jqw_message message)
{
    struct jqc_name *name;
    struct jqc_request *request;
    if (!well(r, jqc_names_find(&r->core.names, "jobs", &name)))
        return NULL;
    return well(r, jqc_core_submit(&r->core, &message, name, &request)) ? request : NULL;
}

/* Feeds what the peer has said, as a driver would. */
static void feed(struct run *r)
{
    uint8_t *to;
    size_t room, size = r->peer.out.size;
    if (r->core.lost != JQ_OK)
        return;
    int code = jqc_core_room(&r->core, &to, &room);
    if (!well(r, code)) {
        jqc_core_lose(&r->core, code, "no memory");
        return;
    }
    assert_true(room >= size);
    memcpy(to, r->peer.out.data, size);
    jqc_core_filled(&r->core, size);
    r->peer.out.size = 0;
}

/* The peer answers whatever it is asked. */
static void answer_all(struct run *r)
{
    static const struct jqw_stat stats[3] = {{.name = {(const uint8_t *)"jobs", 4}, .incarnation = 7}};
    memory.armed = false;
    peer_collect(&r->peer, &r->core);
    while (peer_next(&r->peer)) {
        uint32_t request = r->peer.seen.request;
        struct jqw_message said = {.op = JQW_STATS, .request = request, .stats = {.item = stats, .count = 1}};
        if (r->peer.seen.op == JQW_GET)
            peer_got(&r->peer, request, 7, 0, 1, 200);
        else if (r->peer.seen.op == JQW_STAT)
            peer_say(&r->peer, &said);
        else if (r->peer.seen.op == JQW_RELEASE)
            peer_say(&r->peer, &(struct jqw_message){.op = JQW_SETTLED, .request = request});
        else
            peer_result(&r->peer, request, JQ_OK, 7, 0);
    }
    memory.armed = true;
    feed(r);
}

static void outcome(struct run *r, struct jqc_request *request)
{
    if (!request)
        return;
    assert_int_equal(request->state, JQC_ANSWERED);
    if (well(r, request->answer.code) && request->op == JQW_GET) {
        struct joinq_batch *batch = request->answer.batch;
        batch_check(batch, 1, 200);
        if (well(r, jqc_batch_prepare(batch, 5)))
            jqc_batch_settle(batch, 3, 5);
    }
    jqc_request_close(&r->core.requests, request);
}

static void everything(struct run *r)
{
    if (!well(r, jqc_core_init(&r->core)))
        return;
    const struct jqw_bytes body = {(const uint8_t *)"x", 1};
    struct jqc_request *put =
        submit(r, (struct jqw_message){.op = JQW_PUT, .put = {.bodies = {.item = &body, .count = 1}}});
    struct jqc_request *get = submit(r, (struct jqw_message){.op = JQW_GET, .get = {.max = 200}});
    struct jqc_request *forgotten = submit(r, (struct jqw_message){.op = JQW_GET, .get = {.max = 200}});
    struct jqc_request *stat = submit(r, (struct jqw_message){.op = JQW_STAT});
    if (forgotten)
        jqc_core_forget(&r->core, forgotten);
    answer_all(r);
    answer_all(r); /* what was given back */
    outcome(r, put);
    outcome(r, get);
    outcome(r, stat);
    r->refused_once = r->refused_once || r->core.lost != JQ_OK;
    jqc_core_fini(&r->core);
}

/* False once no allocation was refused any more. */
static bool refuse(long number, bool for_good)
{
    struct run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    peer_init(&r->peer);
    memory.left = number;
    memory.for_good = for_good;
    memory.live = 0;
    memory.armed = true;
    everything(r);
    memory.armed = false;
    bool any = memory.left < 0;
    assert_int_equal(memory.live, 0);
    assert_true(any || !r->refused_once);
    peer_fini(&r->peer);
    free(r);
    return any;
}

static void sweep(bool for_good)
{
    long number = 0;
    while (refuse(number, for_good))
        number++;
    assert_true(number > 10);
}

static void one_allocation_fails(void **state)
{
    (void)state;
    sweep(false);
}

static void all_fail_from_one_on(void **state)
{
    (void)state;
    sweep(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_allocation_fails),
        cmocka_unit_test(all_fail_from_one_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
