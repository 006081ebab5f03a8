/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: what the broker and its queues tell, in the text format of Prometheus: family by family, as that wants it. */
#include "page.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

static const char metrics_type[] = "text/plain; version=0.0.4; charset=utf-8";

/* ---- of queues ---- */

struct family {
    const char *name;
    size_t at; /* in struct jqw_stat */
    const char *help;
    bool counter;
    bool milliseconds; /* shown in seconds */
};

#define GAUGE(field, help)                                                          \
    {                                                                               \
        "joinq_queue_" #field, offsetof(struct jqw_stat, field), help, false, false \
    }
#define COUNTER(field, help)                                                                \
    {                                                                                       \
        "joinq_queue_" #field "_total", offsetof(struct jqw_stat, field), help, true, false \
    }
/* clang-format off */
static const struct family families[] = {
    GAUGE(ready, "Messages that wait for a consumer."),
    GAUGE(delayed, "Messages that are not to be seen yet."),
    GAUGE(leased, "Messages that consumers hold and have not finished."),
    GAUGE(ready_bytes, "Bytes of the messages that are ready or delayed."),
    GAUGE(unfinished, "Messages that a join waits for."),
    GAUGE(ends, "One-shot ends that wait for a consumer."),
    {"joinq_queue_oldest_seconds", offsetof(struct jqw_stat, age_ms), "How long the oldest ready message has been waiting.",
     false, true},
    GAUGE(getters_waiting, "Gets that wait."),
    GAUGE(putters_waiting, "Puts that wait for room."),
    GAUGE(joiners_waiting, "Joins that wait."),
    GAUGE(producers_attached, "Producers that are attached."),
    GAUGE(producers_finished, "Producers that have finished."),
    GAUGE(producers_lost, "Producers that are gone and have not finished."),
    GAUGE(closed, "0: open, 1: closed, 2: closed immediately."),
    GAUGE(paused, "1: puts are paused, 2: gets, 3: both."),
    GAUGE(max_messages, "The bound in messages, 0: none."),
    GAUGE(max_bytes, "The bound in bytes, 0: none."),
    COUNTER(put, "Messages put."),
    COUNTER(delivered, "Messages handed to consumers, again and again counted."),
    COUNTER(redelivered, "Messages that came back and were handed out again."),
    COUNTER(done, "Messages finished."),
    COUNTER(task_done, "Messages told as done in a counter queue."),
    COUNTER(dead, "Messages that failed too often."),
    COUNTER(dead_in, "Dead letters that came in."),
    COUNTER(expired, "Messages whose time to live was over."),
    COUNTER(discarded, "Messages purged, or discarded by a close."),
    COUNTER(moved_in, "Messages that came by a move."),
    COUNTER(moved_out, "Messages that went by a move."),
    COUNTER(lease_expired, "Leases whose time was over."),
    COUNTER(unreadable, "Messages handed out whose body could not be read from the disk."),
};
/* clang-format on */
enum { FAMILIES = sizeof families / sizeof families[0] };

static uint64_t value_of(const struct jqw_stat *stat, const struct family *family)
{
    return *(const uint64_t *)(const void *)((const char *)stat + family->at);
}

static void family_head(FILE *out, const char *name, const char *help, bool counter)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, counter ? "counter" : "gauge");
}

/* A queue's name has no character that would have to be escaped (DCL-4). */
static void family_write(FILE *out, const struct page *page, const struct family *family)
{
    family_head(out, family->name, family->help, family->counter);
    for (uint32_t i = 0; i < page->stat_count; i++) {
        const struct jqw_stat *stat = &page->stats[i];
        uint64_t value = value_of(stat, family);
        fprintf(out, "%s{queue=\"%s\"} ", family->name, (const char *)stat->name.data);
        if (family->milliseconds)
            fprintf(out, "%" PRIu64 ".%03u\n", value / 1000, (unsigned)(value % 1000));
        else
            fprintf(out, "%" PRIu64 "\n", value);
    }
}

/* ---- of the broker ---- */

static const struct figure {
    const char *name, *help;
    bool counter;
} figures[] = {
#define KIND_COUNTER                 true
#define KIND_GAUGE                   false
#define JQ_FIGURE(label, kind, text) {#label, text, KIND_##kind},
#include "figures.def"
#undef JQ_FIGURE
};
enum { FIGURES = sizeof figures / sizeof figures[0] };

static bool ends_with(const char *name, size_t size, const char *end)
{
    size_t length = strlen(end);
    return size >= length && memcmp(name + size - length, end, length) == 0;
}

/* In base units, as Prometheus wants them: of times that are in ms or ns, how many make a second. */
static unsigned per_second(const char *name, size_t *size)
{
    unsigned per = ends_with(name, *size, "_ms") ? 1000 : ends_with(name, *size, "_ns") ? 1000000000 : 1;
    *size -= per > 1 ? 3 : 0;
    return per;
}

static void figure_write(FILE *out, const struct figure *figure, uint64_t value)
{
    char name[96];
    size_t size = strlen(figure->name);
    unsigned per = per_second(figure->name, &size);
    bool memory = strncmp(figure->name, "memory_", strlen("memory_")) == 0;
    snprintf(name, sizeof name, "joinq_%.*s%s%s", (int)size, figure->name,
             per > 1  ? "_seconds"
             : memory ? "_bytes"
                      : "",
             figure->counter ? "_total" : "");
    family_head(out, name, figure->help, figure->counter);
    if (per == 1)
        fprintf(out, "%s %" PRIu64 "\n", name, value);
    else
        fprintf(out, "%s %" PRIu64 ".%0*" PRIu64 "\n", name, value / per, per == 1000 ? 3 : 9, value % per);
}

/* Those of the kinds of requests, or codes of answers: "requests_put". */
static void kinds_write(FILE *out, const struct jqw_figures *told, const char *prefix, const char *label,
                        const char *help)
{
    char family[48];
    size_t length = strlen(prefix);
    snprintf(family, sizeof family, "joinq_%sby_%s_total", prefix, label);
    family_head(out, family, help, true);
    for (uint32_t i = 0; i < told->count; i++) {
        const struct jqw_bytes *name = &told->item[i].name;
        if (name->size > length && memcmp(name->data, prefix, length) == 0)
            fprintf(out, "%s{%s=\"%.*s\"} %" PRIu64 "\n", family, label, (int)(name->size - length),
                    (const char *)name->data + length, told->item[i].value);
    }
}

static void figures_write(FILE *out, const struct jqw_figures *told)
{
    family_head(out, "joinq_build_info", "The version of the broker.", false);
    fprintf(out, "joinq_build_info{version=\"%.*s\"} 1\n", (int)told->version.size, (const char *)told->version.data);
    for (size_t i = 0; i < FIGURES; i++)
        for (uint32_t k = 0; k < told->count; k++)
            if (told->item[k].name.size == strlen(figures[i].name) &&
                memcmp(told->item[k].name.data, figures[i].name, told->item[k].name.size) == 0)
                figure_write(out, &figures[i], told->item[k].value);
    kinds_write(out, told, "requests_", "operation", "Requests and notices, by what they ask for.");
    kinds_write(out, told, "answers_", "code", "Answers, by their code.");
}

/* ---- the page ---- */

static void listed(struct page *page)
{
    family_head(page->out, "joinq_queues_shown", "Queues that have metrics of their own here.", false);
    fprintf(page->out, "joinq_queues_shown %" PRIu32 "\n", page->stat_count);
    family_head(page->out, "joinq_queues_cut_off", "1: there are more queues than are shown.", false);
    fprintf(page->out, "joinq_queues_cut_off %d\n", page->cut);
    for (size_t i = 0; i < FAMILIES && page->stat_count; i++)
        family_write(page->out, page, &families[i]);
    page_finish(page, 200, metrics_type);
}

static void figures_heard(void *user, const struct jqw_message *answer)
{
    struct page *page = user;
    if (!page_answered(page, answer, JQW_FIGURES))
        return;
    figures_write(page->out, &answer->figures);
    page_list(page, listed);
}

void page_metrics(struct page *page, const struct page_request *request)
{
    (void)request;
    struct jqw_message broker = {.op = JQW_BROKER};
    page_ask(page, &broker, figures_heard);
}
