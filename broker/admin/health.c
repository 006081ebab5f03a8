/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz: the loop turns, for this is an answer. /readyz: and a put to any queue would be taken. */
#include "page.h"
#include <string.h>

enum { ACCEPTS_ALL = 2 /* of the figure journal_accepts */ };

static const char plain[] = "text/plain; charset=utf-8";

static void health_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (!page_answered(page, answer, JQW_RESULT))
        return;
    fputs("ok\n", page->out);
    page_finish(page, 200, plain);
}

/* Asked through the engine, which has to turn as well. */
void page_health(struct page *page, const struct page_request *request)
{
    (void)request;
    struct jqw_message ping = {.op = JQW_PING};
    page_ask(page, &ping, health_heard);
}

static void ready_heard(void *user, const struct jqw_message *answer)
{
    static const char accepts[] = "journal_accepts";
    struct page *page = user;
    if (!page_answered(page, answer, JQW_FIGURES))
        return;
    const struct jqw_figures *told = &answer->figures;
    for (uint32_t i = 0; i < told->count; i++) {
        const struct jqw_figure *figure = &told->item[i];
        bool is = figure->name.size == strlen(accepts) && memcmp(figure->name.data, accepts, strlen(accepts)) == 0;
        if (is && figure->value != ACCEPTS_ALL) {
            page_fail(page, 503,
                      figure->value ? "the data folder is full: only what gives space back is done"
                                    : "the data folder takes nothing");
            return;
        }
    }
    fputs("ready\n", page->out);
    page_finish(page, 200, plain);
}

void page_ready(struct page *page, const struct page_request *request)
{
    (void)request;
    struct jqw_message broker = {.op = JQW_BROKER};
    page_ask(page, &broker, ready_heard);
}
