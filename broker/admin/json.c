/* SPDX-License-Identifier: Apache-2.0 */
/* /api: the same as `joinq list`, `joinq stat`, `joinq why` and the commands that change a queue, as JSON. */
#include "codes.h"
#include "page.h"
#include <jansson.h>
#include <string.h>

static const char page_type[] = "application/json";

/* Takes the value. */
static void finish(struct page *page, json_t *value)
{
    bool good =
        value && page->out && json_dumpf(value, page->out, JSON_INDENT(2)) == 0 && fputc('\n', page->out) != EOF;
    json_decref(value);
    if (good)
        page_finish(page, 200, page_type);
    else
        page_fail(page, 503, "out of memory");
}

static bool name_taken(struct page *page, const struct page_request *request)
{
    const char *name = request->argument(request->user, "name");
    if (!name || !*name) {
        page_fail(page, 400, "which queue? ?name=QUEUE");
        return false;
    }
    if (strlen(name) > JQW_NAME_MAX) {
        page_fail(page, 400, "no queue has so long a name");
        return false;
    }
    memcpy(page->name, name, strlen(name) + 1);
    return true;
}

static struct jqw_queue named(const struct page *page)
{
    return (struct jqw_queue){.name = {(const uint8_t *)page->name, strlen(page->name)}};
}

/* ---- queues ---- */

static json_t *text_of(struct jqw_bytes bytes)
{
    return json_stringn(bytes.size ? (const char *)bytes.data : "", bytes.size);
}

static json_t *queue_object(const struct jqw_stat *stat)
{
    static const char *const states[] = {"open", "closed", "closed-immediately"};
    json_t *object = json_object();
    json_object_set_new(object, "queue", text_of(stat->name));
    json_object_set_new(object, "state", json_string(stat->closed < 3 ? states[stat->closed] : "unknown"));
#define MEMBER(field) json_object_set_new(object, #field, json_integer((json_int_t)stat->field));
    JQW_STAT_FIELDS(MEMBER)
#undef MEMBER
    json_object_set_new(object, "bound", json_string(stat->bound == JQW_BOUND_OUTSTANDING ? "outstanding" : "queued"));
    json_object_set_new(object, "accounting",
                        json_string(stat->accounting == JQW_ACCOUNTING_COUNTER ? "counter" : "lease"));
    return object;
}

static void listed(struct page *page)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < page->stat_count; i++)
        json_array_append_new(array, queue_object(&page->stats[i]));
    finish(page, json_pack("{s:o, s:b}", "queues", array, "more", page->cut));
}

void page_queues(struct page *page, const struct page_request *request)
{
    (void)request;
    page_list(page, listed);
}

static void stat_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (!page_answered(page, answer, JQW_STATS))
        return;
    if (answer->stats.count == 1)
        finish(page, queue_object(answer->stats.item));
    else
        page_fail(page, 500, "the broker told of no queue");
}

void page_queue(struct page *page, const struct page_request *request)
{
    if (!name_taken(page, request))
        return;
    struct jqw_message stat = {.op = JQW_STAT, .named.queue = named(page)};
    page_ask(page, &stat, stat_heard);
}

/* ---- the broker ---- */

static json_t *id_of(struct jqw_bytes id)
{
    char text[2 * 16 + 1] = "";
    for (size_t i = 0; i < id.size && i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", id.data[i]);
    return json_string(text);
}

static void figures_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (!page_answered(page, answer, JQW_FIGURES))
        return;
    const struct jqw_figures *told = &answer->figures;
    json_t *object = json_object();
    json_object_set_new(object, "version", text_of(told->version));
    json_object_set_new(object, "instance", id_of(told->instance));
    json_object_set_new(object, "data", id_of(told->data));
    for (uint32_t i = 0; i < told->count; i++)
        json_object_setn_new(object, (const char *)told->item[i].name.data, told->item[i].name.size,
                             json_integer((json_int_t)told->item[i].value));
    finish(page, object);
}

void page_broker(struct page *page, const struct page_request *request)
{
    (void)request;
    struct jqw_message broker = {.op = JQW_BROKER};
    page_ask(page, &broker, figures_heard);
}

/* ---- why ---- */

static void why_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (!page_answered(page, answer, JQW_EXPLAINED))
        return;
    json_t *lines = json_array();
    const char *at = (const char *)answer->explained.lines.data, *end = at + answer->explained.lines.size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        json_array_append_new(lines, json_stringn(at, (size_t)(stop - at)));
        at = stop + 1;
    }
    finish(page, json_pack("{s:s, s:o}", "queue", page->name, "why", lines));
}

void page_why(struct page *page, const struct page_request *request)
{
    if (!name_taken(page, request))
        return;
    struct jqw_message why = {.op = JQW_WHY, .named.queue = named(page)};
    page_ask(page, &why, why_heard);
}

/* ---- what changes something ---- */

static void change_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (page_answered(page, answer, JQW_RESULT))
        finish(page, json_pack("{s:s, s:I}", "queue", page->name, "count", (json_int_t)answer->result.count));
}

static void change(struct page *page, struct jqw_message message)
{
    page_ask(page, &message, change_heard);
}

static void pause_or_resume(struct page *page, const struct page_request *request, uint32_t flags)
{
    const char *what = request->argument(request->user, "what");
    if (!what)
        flags |= JQW_PAUSE_PUTS | JQW_PAUSE_GETS;
    else if (strcmp(what, "puts") == 0)
        flags |= JQW_PAUSE_PUTS;
    else if (strcmp(what, "gets") == 0)
        flags |= JQW_PAUSE_GETS;
    else
        page_fail(page, 400, "what: puts or gets; without it both");
    if (!page->whole && name_taken(page, request))
        change(page, (struct jqw_message){.op = JQW_PAUSE, .pause = {.queue = named(page), .flags = flags}});
}

void page_pause(struct page *page, const struct page_request *request)
{
    pause_or_resume(page, request, 0);
}

void page_resume(struct page *page, const struct page_request *request)
{
    pause_or_resume(page, request, JQW_PAUSE_RESUME);
}

void page_close(struct page *page, const struct page_request *request)
{
    const char *immediate = request->argument(request->user, "immediate");
    uint32_t flags = immediate && strcmp(immediate, "1") == 0 ? JQW_CLOSE_IMMEDIATE : 0;
    if (immediate && strcmp(immediate, "1") != 0 && strcmp(immediate, "0") != 0)
        page_fail(page, 400, "immediate: 1 or 0");
    else if (name_taken(page, request))
        change(page, (struct jqw_message){.op = JQW_CLOSE, .close = {.queue = named(page), .flags = flags}});
}

void page_reopen(struct page *page, const struct page_request *request)
{
    if (name_taken(page, request))
        change(page, (struct jqw_message){.op = JQW_REOPEN, .named.queue = named(page)});
}

void page_purge(struct page *page, const struct page_request *request)
{
    if (name_taken(page, request))
        change(page, (struct jqw_message){.op = JQW_PURGE, .named.queue = named(page)});
}

void page_delete(struct page *page, const struct page_request *request)
{
    if (name_taken(page, request))
        change(page, (struct jqw_message){.op = JQW_DELETE, .delete_.queue = named(page)});
}
