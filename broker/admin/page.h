/* SPDX-License-Identifier: Apache-2.0 */
/* A page: what one HTTP request asks of the broker, and the text that comes of it. It must not know the HTTP library. */
#ifndef JOINQ_ADMIN_PAGE_H
#define JOINQ_ADMIN_PAGE_H

#include "asker.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
    PAGE_QUEUES_MAX = 10000, /* queues of a list; one with more is cut off, and says so */
    PAGE_ADDRESS_MAX = 64,
};

enum page_method { PAGE_GET, PAGE_POST, PAGE_DELETE, PAGE_METHODS };

struct page_request {
    enum page_method method;
    const char *path;
    const char *address;                                   /* of who asks */
    const char *host;                                      /* as which it asks for us; NULL: it does not say */
    const char *token;                                     /* of an Authorization header with Bearer; NULL: none */
    const char *(*argument)(void *user, const char *name); /* of the query, decoded; NULL: it is not there */
    void *user;
};

struct server;

/* What pages have in common. */
struct page_maker {
    struct asker *asker;
    const struct server *server;
    const char *token;         /* whoever changes something shows it; NULL: nobody can */
    bool local;                /* only this machine asks */
    void (*whole)(void *user); /* `user` is the page's */
};

struct page {
    const struct page_maker *maker;
    void *user;
    bool whole;
    unsigned status;
    const char *type;
    char *text; /* owned */
    size_t size;
    FILE *out; /* to text, until it is whole */
    char name[JQW_NAME_MAX + 1];
    struct jqw_stat *stats; /* owned; of the queues, and so are their names */
    uint32_t stat_count;
    bool cut; /* there are more queues */
    void (*listed)(struct page *page);
};

/* Begins it: whole is called in here or later, once. */
void page_begin(struct page *page, const struct page_maker *maker, void *user, const struct page_request *request);
/* Nothing more is heard of it. */
void page_fini(struct page *page);

/* For the pages themselves: what was written to page->out is all. */
void page_finish(struct page *page, unsigned status, const char *type);
void page_fail(struct page *page, unsigned status, const char *text);
void page_refused(struct page *page, uint32_t code, struct jqw_bytes text);
/* Whether it is the answer that was to come, and good; otherwise the page has failed. */
bool page_answered(struct page *page, const struct jqw_message *answer, enum jqw_op op);
void page_ask(struct page *page, struct jqw_message *request, asker_heard *heard);
/* Collects all queues, then calls. */
void page_list(struct page *page, void (*listed)(struct page *page));

void page_health(struct page *page, const struct page_request *request);
void page_ready(struct page *page, const struct page_request *request);
void page_metrics(struct page *page, const struct page_request *request);
void page_broker(struct page *page, const struct page_request *request);
void page_queues(struct page *page, const struct page_request *request);
void page_queue(struct page *page, const struct page_request *request);
void page_why(struct page *page, const struct page_request *request);
void page_delete(struct page *page, const struct page_request *request);
void page_pause(struct page *page, const struct page_request *request);
void page_resume(struct page *page, const struct page_request *request);
void page_close(struct page *page, const struct page_request *request);
void page_reopen(struct page *page, const struct page_request *request);
void page_purge(struct page *page, const struct page_request *request);

#endif
