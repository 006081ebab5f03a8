/* SPDX-License-Identifier: Apache-2.0 */
/* Which page it is, who may see it, and what all pages need. */
#include "page.h"
#include "codes.h"
#include "log.h"
#include "scram.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char text_type[] = "text/plain; charset=utf-8";

static const struct {
    const char *path;
    void (*make[PAGE_METHODS])(struct page *, const struct page_request *);
} routes[] = {
    {"/healthz", {[PAGE_GET] = page_health}},
    {"/readyz", {[PAGE_GET] = page_ready}},
    {"/metrics", {[PAGE_GET] = page_metrics}},
    {"/api/broker", {[PAGE_GET] = page_broker}},
    {"/api/queues", {[PAGE_GET] = page_queues}},
    {"/api/queue", {[PAGE_GET] = page_queue, [PAGE_DELETE] = page_delete}},
    {"/api/why", {[PAGE_GET] = page_why}},
    {"/api/pause", {[PAGE_POST] = page_pause}},
    {"/api/resume", {[PAGE_POST] = page_resume}},
    {"/api/close", {[PAGE_POST] = page_close}},
    {"/api/reopen", {[PAGE_POST] = page_reopen}},
    {"/api/purge", {[PAGE_POST] = page_purge}},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

/* ---- the end of a page ---- */

void page_finish(struct page *page, unsigned status, const char *type)
{
    bool good = page->out && fclose(page->out) == 0;
    page->out = NULL;
    page->status = good ? status : 500;
    page->type = good ? type : text_type;
    page->whole = true;
    if (!good) {
        free(page->text);
        page->text = NULL;
        page->size = 0;
    }
    page->maker->whole(page->user);
}

void page_fail(struct page *page, unsigned status, const char *text)
{
    if (page->out)
        (void)fclose(page->out);
    free(page->text);
    page->text = NULL;
    page->size = 0;
    page->out = open_memstream(&page->text, &page->size);
    if (page->out)
        fprintf(page->out, "%s\n", text);
    page_finish(page, status, text_type);
}

void page_refused(struct page *page, uint32_t code, struct jqw_bytes text)
{
    char line[JQW_TEXT_MAX + 64];
    unsigned status = code == JQ_INVALID                          ? 400
                      : code == JQ_NO_QUEUE                       ? 404
                      : code == JQ_OVERLOADED || code == JQ_BUSY  ? 503
                      : code == JQ_DENIED                         ? 403
                      : code == JQ_INTERNAL || code == JQ_STORAGE ? 500
                                                                  : 409;
    snprintf(line, sizeof line, "%s%s%.*s", jqw_code_name((int)code), text.size ? ": " : "", (int)text.size,
             text.size ? (const char *)text.data : "");
    page_fail(page, status, line);
}

/* ---- questions ---- */

bool page_answered(struct page *page, const struct jqw_message *answer, enum jqw_op op)
{
    uint32_t code = JQ_INTERNAL; /* each answer has one, at its own place */
    struct jqw_bytes text = {0};
    if (!answer) {
        page_fail(page, 503, "the broker is ending");
        return false;
    }
    if (answer->op == JQW_RESULT)
        code = answer->result.code, text = answer->result.text;
    else if (answer->op == JQW_STATS)
        code = answer->stats.code, text = answer->stats.text;
    else if (answer->op == JQW_FIGURES)
        code = answer->figures.code, text = answer->figures.text;
    else if (answer->op == JQW_EXPLAINED)
        code = answer->explained.code, text = answer->explained.text;
    if (code == JQ_OK && answer->op == op)
        return true;
    page_refused(page, code, text);
    return false;
}

void page_ask(struct page *page, struct jqw_message *request, asker_heard *heard)
{
    int code = asker_ask(page->maker->asker, request, heard, page);
    if (code != JQ_OK)
        page_fail(page, 503, code == JQ_OVERLOADED ? "out of memory" : "the broker is ending");
}

static bool take_stats(struct page *page, const struct jqw_stats *stats)
{
    size_t count = page->stat_count + stats->count;
    struct jqw_stat *more = count ? realloc(page->stats, count * sizeof *more) : page->stats;
    if (count && !more)
        return false;
    page->stats = more;
    for (uint32_t i = 0; i < stats->count; i++) {
        struct jqw_stat *stat = &page->stats[page->stat_count];
        *stat = stats->item[i];
        char *name = strndup((const char *)stat->name.data, stat->name.size);
        if (!name)
            return false;
        stat->name.data = (const uint8_t *)name;
        page->stat_count++;
    }
    return true;
}

static void list_more(struct page *page);

static void list_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (!page_answered(page, answer, JQW_STATS))
        return;
    if (!take_stats(page, &answer->stats))
        page_fail(page, 503, "out of memory");
    else if (answer->stats.more && page->stat_count < PAGE_QUEUES_MAX)
        list_more(page);
    else {
        page->cut = answer->stats.more;
        page->listed(page);
    }
}

static void list_more(struct page *page)
{
    uint64_t after = page->stat_count ? page->stats[page->stat_count - 1].incarnation : 0;
    struct jqw_message list = {.op = JQW_LIST, .list = {.after = after, .max = JQW_LIST_MAX}};
    page_ask(page, &list, list_heard);
}

void page_list(struct page *page, void (*listed)(struct page *page))
{
    page->listed = listed;
    list_more(page);
}

/* ---- the beginning ---- */

static bool token_shown(const struct page_maker *maker, const struct page_request *request)
{
    size_t size = maker->token ? strlen(maker->token) : 0;
    return size > 0 && request->token && strlen(request->token) == size &&
           jqw_scram_same(request->token, maker->token, size);
}

/* Whether we are asked for by an address, or as localhost. A browser on this machine may be made to ask by the name of somebody else's page,
 * which then reads what it gets. */
static bool host_is_ours(const char *host)
{
    struct in6_addr address;
    char name[PAGE_ADDRESS_MAX];
    size_t size = strcspn(host, host[0] == '[' ? "]" : ":");
    snprintf(name, sizeof name, "%.*s", (int)(size < sizeof name ? size : 0), host);
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1 ||
           (name[0] == '[' && inet_pton(AF_INET6, name + 1, &address) == 1);
}

static void audit(const struct page_request *request, enum log_level level, const char *message)
{
    const char *queue = request->argument(request->user, "name");
    const struct log_field fields[] = {field_text("peer", request->address),
                                       field_text("page", request->path),
                                       queue ? field_bytes("queue", queue, strnlen(queue, JQW_NAME_MAX))
                                             : (struct log_field){0},
                                       {0}};
    log_event(&(struct log_event){.level = level,
                                  .message = message,
                                  .audit = true,
                                  .who = {request->address, level == LOG_LEVEL_WARN ? LOG_STRANGER : LOG_UNPROVED},
                                  .fields = fields});
}

/* Whether it may; otherwise it has been told why not. */
static bool may_change(struct page *page, const struct page_request *request)
{
    if (!page->maker->token) {
        page_fail(page, 403, "nothing can be changed here: no token is configured (http, token_file)");
        return false;
    }
    if (!token_shown(page->maker, request)) {
        audit(request, LOG_LEVEL_WARN, "refused a page without its token");
        page_fail(page, 401, "to change something, show the token: Authorization: Bearer TOKEN");
        return false;
    }
    audit(request, LOG_LEVEL_INFO, "a page that changes something");
    return true;
}

void page_begin(struct page *page, const struct page_maker *maker, void *user, const struct page_request *request)
{
    *page = (struct page){.maker = maker, .user = user};
    page->out = open_memstream(&page->text, &page->size);
    size_t i = 0;
    while (i < ROUTES && strcmp(routes[i].path, request->path) != 0)
        i++;
    if (maker->local && request->host && !host_is_ours(request->host))
        page_fail(page, 403,
                  "asked for by a name (Host) that is not of this machine: ask by its address, or as localhost");
    else if (i == ROUTES)
        page_fail(page, 404,
                  "no such page: /healthz, /readyz, /metrics, /api/broker, /api/queues, /api/queue?name=, "
                  "/api/why?name=");
    else if (!routes[i].make[request->method])
        page_fail(page, 405, "not by this method");
    else if (request->method == PAGE_GET || may_change(page, request))
        routes[i].make[request->method](page, request);
}

void page_fini(struct page *page)
{
    if (!page->whole)
        asker_forget(page->maker->asker, page);
    if (page->out)
        (void)fclose(page->out);
    free(page->text);
    for (uint32_t i = 0; i < page->stat_count; i++)
        free((char *)(uintptr_t)page->stats[i].name.data);
    free(page->stats);
    *page = (struct page){0};
}
