/* SPDX-License-Identifier: Apache-2.0 */
/* When the connection is made again, and for how long that is tried. What is asked again then is the core's: jqc_resume.c. */
#include "jqc_call.h"
#include <string.h>

enum {
    FIRST_MS = 20,     /* before the first try, at most */
    ATTEMPT_MS = 250,  /* that a try may take whatever its caller's deadline */
    CONNECT_MS = 5000, /* that a try may take at all */
    PATIENCE_MS = 50,  /* between calls of a program that watches the descriptor: requests have deadlines, too */
    STOOD_MS = 1000,   /* a connection that stood so long was one: the time to give up begins anew */
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Between half and all of the interval, so that the clients of a broker do not all come at once; the interval then doubles. */
static void next_try_set(struct joinq *client)
{
    struct jqc_reconnect *again = &client->reconnect;
    uint32_t random = 0;
    int code = jqw_random(&random, sizeof random);
    int64_t half_ms = again->interval_ms / 2;
    again->next_ns = jqc_deadline(half_ms + (code == JQ_OK ? (int64_t)(random % (uint32_t)(half_ms + 1)) : half_ms));
    again->interval_ms = earlier(2 * again->interval_ms, again->interval_max_ms);
}

bool jqc_reconnect_begin(struct joinq *client)
{
    struct jqc_reconnect *again = &client->reconnect;
    if (again->try_ms == 0 || client->core.refused)
        return false;
    if (again->greeting)
        return true;
    int64_t stood_ns = jqc_deadline(0) - again->since_ns;
    if (again->since_ns == 0 || stood_ns >= (int64_t)STOOD_MS * 1000000) {
        again->give_up_ns = jqc_deadline(again->try_ms);
        again->interval_ms = earlier(FIRST_MS, again->interval_max_ms);
    }
    next_try_set(client);
    return true;
}

static void give_up(struct joinq *client, const char *why)
{
    client->core.why[0] = '\0';
    jqc_core_lose(&client->core, JQ_DISCONNECTED, why);
}

static const char too_late[] = "the connection broke, and could not be made again in time";

static void attempt(struct joinq *client, int64_t deadline_ns)
{
    int64_t least_ns = jqc_deadline(ATTEMPT_MS), most_ns = jqc_deadline(CONNECT_MS);
    struct jqc_reconnect *again = &client->reconnect;
    deadline_ns = deadline_ns > least_ns ? deadline_ns : least_ns;
    again->greeting = true;
    int code = jqc_connect(client, earlier(deadline_ns, most_ns));
    again->greeting = false;
    if (code == JQ_OK) {
        again->since_ns = jqc_deadline(0);
        int64_t gap_ns = again->since_ns - again->stood_ns;
        jqc_core_resume(&client->core, again->since_ns, gap_ns > 0 ? (uint64_t)gap_ns / 1000000 : 0);
        return;
    }
    jqc_transport_close(client);
    if (client->core.lost != JQ_OK)
        return;
    if (code == JQ_AUTH_FAILED) { /* it would fail again, and count as one more attempt at guessing */
        give_up(client, client->error);
        return;
    }
    jqc_core_suspend(&client->core, client->error);
    next_try_set(client);
    if (jqc_deadline(0) >= again->give_up_ns)
        give_up(client, too_late);
}

int64_t joinq_patience_ms(const joinq *client)
{
    int64_t now_ns = jqc_deadline(0), next_ns = jqc_ping_due(client), most_ms = JOINQ_FOREVER;
    if (!client->transport.ops && client->core.suspended && client->core.lost == JQ_OK) {
        next_ns = client->reconnect.next_ns;
        most_ms = PATIENCE_MS;
    }
    if (client->transport.ops && client->transport.ops->pending(&client->transport))
        return 0;
    if (next_ns == JQC_DEADLINE_NONE)
        return JOINQ_FOREVER;
    int64_t left_ms = next_ns > now_ns ? (next_ns - now_ns) / 1000000 + 1 : 0;
    return most_ms == JOINQ_FOREVER ? left_ms : earlier(left_ms, most_ms);
}

int jqc_reconnect_step(struct joinq *client, int64_t deadline_ns)
{
    struct jqc_reconnect *again = &client->reconnect;
    int64_t now_ns = jqc_deadline(0);
    int64_t expiry_ns = jqc_core_expire(&client->core, now_ns);
    if (expiry_ns <= now_ns)
        return JQ_OK;             /* somebody has an answer, perhaps who waits here */
    if (now_ns >= again->next_ns) /* once more also where the time is over: nobody may have called in the meantime */
        attempt(client, earlier(earlier(deadline_ns, expiry_ns), again->give_up_ns));
    else if (now_ns >= again->give_up_ns)
        give_up(client, too_late);
    else
        return jqc_poll(-1, 0, earlier(earlier(again->next_ns, again->give_up_ns), earlier(expiry_ns, deadline_ns))) ==
                           JQ_TIMEOUT &&
                       jqc_deadline(0) >= deadline_ns
                   ? JQ_TIMEOUT
                   : JQ_OK;
    return jqc_deadline(0) >= deadline_ns ? JQ_TIMEOUT : JQ_OK;
}
