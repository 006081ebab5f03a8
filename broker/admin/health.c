/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz: the loop and the engine turn, for this is an answer. /readyz: and there is no reason to keep clients away. */
#include "page.h"
#include "server.h"

static const char plain[] = "text/plain; charset=utf-8";

static void health_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (!page_answered(page, answer, JQW_RESULT))
        return;
    fputs("ok\n", page->out);
    page_finish(page, 200, plain);
}

static void ready_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (!page_answered(page, answer, JQW_RESULT))
        return;
    const char *why = server_unready(page->maker->server);
    if (why) {
        page_fail(page, 503, why);
        return;
    }
    fputs("ready\n", page->out);
    page_finish(page, 200, plain);
}

/* Asked through the engine, which has to turn as well. */
void page_health(struct page *page, const struct page_request *request)
{
    (void)request;
    struct jqw_message ping = {.op = JQW_PING};
    page_ask(page, &ping, health_heard);
}

void page_ready(struct page *page, const struct page_request *request)
{
    (void)request;
    struct jqw_message ping = {.op = JQW_PING};
    page_ask(page, &ping, ready_heard);
}
