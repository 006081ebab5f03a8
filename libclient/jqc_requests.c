/* SPDX-License-Identifier: Apache-2.0 */
/* Requests by slot; an id is a slot and how often that was used, so that an old ticket finds nothing. */
#include "jqc_requests.h"
#include "jqc_pool.h"
#include "jqc_stats.h"
#include <stdlib.h>
#include <string.h>

enum {
    SLOT_BITS = 16,
    SLOT_MASK = (1 << SLOT_BITS) - 1,
    COPY_KEPT = 64 * 1024, /* bytes of a copy that are kept for the next request */
};

static void answer_fini(struct jqc_answer *answer)
{
    jqc_batch_give(answer->batch);
    joinq_stats_free(answer->stats);
    free(answer->lines);
    free(answer->broker);
    answer->lines = NULL;
    answer->broker = NULL;
    answer->batch = NULL;
    answer->stats = NULL;
}

void jqc_requests_fini(struct jqc_requests *requests)
{
    for (uint32_t i = 0; i < requests->count; i++) {
        answer_fini(&requests->slots[i]->answer);
        jqw_buffer_fini(&requests->slots[i]->copy);
        free(requests->slots[i]->others);
        free(requests->slots[i]);
    }
    free(requests->slots);
    jqc_slots_fini(&requests->slots_once);
    *requests = (struct jqc_requests){0};
}

JQ_MUST_USE static int slots_grow(struct jqc_requests *requests)
{
    uint32_t capacity = requests->capacity ? 2 * requests->capacity : 8;
    struct jqc_request **slots = realloc(requests->slots, capacity * sizeof *slots);
    if (!slots)
        return JQ_OVERLOADED;
    requests->slots = slots;
    requests->capacity = capacity;
    return JQ_OK;
}

JQ_MUST_USE static int slot_add(struct jqc_requests *requests)
{
    if (requests->count == JQC_REQUESTS_MAX)
        return JQ_BUSY;
    if (requests->count == requests->capacity && slots_grow(requests) != JQ_OK)
        return JQ_OVERLOADED;
    struct jqc_request *request = calloc(1, sizeof *request);
    if (!request)
        return JQ_OVERLOADED;
    requests->slots[requests->count] = request;
    request->id = ++requests->count;
    request->next = requests->free;
    requests->free = request;
    return JQ_OK;
}

int jqc_request_open(struct jqc_requests *requests, struct jqc_request **out)
{
    int code = requests->free ? JQ_OK : slot_add(requests);
    if (code != JQ_OK)
        return code;
    struct jqc_request *request = requests->free;
    requests->free = request->next;
    request->state = JQC_OPEN;
    request->name = NULL;
    request->deadline_ns = INT64_MAX;
    request->carried = request->lost_before = request->done_before = 0;
    request->once = (struct jqw_once){0};
    request->kept = request->remade = request->unsure = false;
    request->ticket = false;
    request->cancelled = false;
    request->forgotten = false;
    request->prev = request->next = NULL;
    memset(&request->answer, 0, offsetof(struct jqc_answer, text) + 1);
    *out = request;
    return JQ_OK;
}

struct jqc_request *jqc_request_find(const struct jqc_requests *requests, uint32_t id)
{
    uint32_t slot = (id & SLOT_MASK) - 1;
    if (slot >= requests->count)
        return NULL;
    struct jqc_request *request = requests->slots[slot];
    return request->id == id && request->state != JQC_FREE ? request : NULL;
}

void jqc_request_ticket(struct jqc_requests *requests, struct jqc_request *request)
{
    JQ_ASSERT(request->state == JQC_OPEN && !request->ticket);
    request->ticket = true;
    requests->tickets++;
}

void jqc_request_forget(struct jqc_requests *requests, struct jqc_request *request)
{
    JQ_ASSERT(request->state == JQC_OPEN);
    requests->tickets -= request->ticket;
    request->ticket = false;
    request->forgotten = true;
}

static void line_append(struct jqc_requests *requests, struct jqc_request *request)
{
    request->prev = requests->last;
    request->next = NULL;
    if (requests->last)
        requests->last->next = request;
    else
        requests->first = request;
    requests->last = request;
}

static void line_remove(struct jqc_requests *requests, struct jqc_request *request)
{
    if (request->prev)
        request->prev->next = request->next;
    else
        requests->first = request->next;
    if (request->next)
        request->next->prev = request->prev;
    else
        requests->last = request->prev;
}

void jqc_request_answered(struct jqc_requests *requests, struct jqc_request *request)
{
    JQ_ASSERT(request->state == JQC_OPEN);
    request->state = JQC_ANSWERED;
    jqc_slot_give(&requests->slots_once, &request->once);
    if (request->ticket)
        line_append(requests, request);
}

void jqc_request_reopen(struct jqc_requests *requests, struct jqc_request *request)
{
    JQ_ASSERT(request->state == JQC_ANSWERED);
    if (request->ticket)
        line_remove(requests, request);
    answer_fini(&request->answer);
    memset(&request->answer, 0, offsetof(struct jqc_answer, text) + 1);
    request->state = JQC_OPEN;
    request->prev = request->next = NULL;
}

void jqc_request_close(struct jqc_requests *requests, struct jqc_request *request)
{
    JQ_ASSERT(request->state != JQC_FREE);
    if (request->ticket && request->state == JQC_ANSWERED)
        line_remove(requests, request);
    requests->tickets -= request->ticket;
    answer_fini(&request->answer);
    jqc_slot_give(&requests->slots_once, &request->once);
    request->copy.size = 0;
    if (request->copy.capacity > COPY_KEPT)
        jqw_buffer_fini(&request->copy);
    free(request->others);
    request->others = NULL;
    request->state = JQC_FREE;
    request->id += 1U << SLOT_BITS;
    request->next = requests->free;
    requests->free = request;
}
