/* SPDX-License-Identifier: Apache-2.0 */
/* Messages by sequence number: see message_log.h. It knows neither queues nor what the states mean. */
#define HASH_NONFATAL_OOM 1
#include "message_log.h"
#include <stdlib.h>
#include <uthash.h>

#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((void)(element)) /* told by hh.tbl being NULL */

struct straggler {
    uint64_t sequence;
    struct message message;
    UT_hash_handle hh;
};

void log_init(struct log *log)
{
    *log = (struct log){.tail = 1};
}

void log_fini(struct log *log)
{
    for (uint32_t i = 0; i < log->count; i++)
        free(log->ring[(log->head + i) & (log->capacity - 1)]);
    free(log->ring);
    struct straggler *straggler, *next;
    HASH_ITER (hh, log->stragglers, straggler, next) {
        HASH_DEL(log->stragglers, straggler);
        free(straggler);
    }
    *log = (struct log){0};
}

static struct log_block **log_slot(const struct log *log, uint64_t number)
{
    return &log->ring[(log->head + (uint32_t)(number - log->first)) & (log->capacity - 1)];
}

static bool log_widen(struct log *log)
{
    if (log->count < log->capacity)
        return true;
    if (log->capacity > UINT32_MAX / 2)
        return false;
    uint32_t capacity = log->capacity ? 2 * log->capacity : 4;
    struct log_block **ring = malloc(capacity * sizeof(struct log_block *));
    if (!ring)
        return false;
    for (uint32_t i = 0; i < log->count; i++)
        ring[i] = log->ring[(log->head + i) & (log->capacity - 1)];
    free(log->ring);
    log->ring = ring;
    log->head = 0;
    log->capacity = capacity;
    return true;
}

bool log_reserve(struct log *log, uint32_t count)
{
    uint64_t last = (log->tail + count - 1) / LOG_BLOCK;
    if (!log->count)
        log->first = log->tail / LOG_BLOCK;
    while (log->first + log->count <= last) {
        struct log_block *block = log_widen(log) ? calloc(1, sizeof *block) : NULL;
        if (!block)
            return false;
        log->count++;
        *log_slot(log, log->first + log->count - 1) = block;
    }
    return true;
}

struct message *log_append(struct log *log)
{
    struct log_block *block = *log_slot(log, log->tail / LOG_BLOCK);
    block->live++;
    log->live++;
    return &block->message[log->tail++ % LOG_BLOCK];
}

bool log_pass(struct log *log, uint64_t tail)
{
    uint64_t end = tail / LOG_BLOCK;
    while (log->count && log->first + log->count < end) {
        if (!log_widen(log))
            return false;
        log->count++;
        *log_slot(log, log->first + log->count - 1) = NULL;
    }
    log->tail = tail;
    return true;
}

bool log_begin(struct log *log, uint64_t first, uint64_t tail)
{
    uint64_t blocks = tail / LOG_BLOCK - first / LOG_BLOCK;
    log->first = first / LOG_BLOCK;
    log->tail = tail;
    while (log->count < blocks) {
        if (!log_widen(log))
            return false;
        log->ring[log->count++] = NULL;
    }
    return first == tail || log_reserve(log, 1);
}

static void log_drop_front(struct log *log)
{
    free(log->ring[log->head]);
    log->head = (log->head + 1) & (log->capacity - 1);
    log->count--;
    log->first++;
}

/* Frees an empty block unless the next message goes into it. */
static void log_free_block(struct log *log, uint64_t number)
{
    struct log_block **slot = log_slot(log, number);
    if (*slot && !(*slot)->live && number < log->tail / LOG_BLOCK) {
        free(*slot);
        *slot = NULL;
    }
}

static struct straggler *straggler_find(const struct log *log, uint64_t sequence)
{
    struct straggler *straggler;
    HASH_FIND(hh, log->stragglers, &sequence, sizeof sequence, straggler);
    return straggler;
}

static void straggler_drop(struct log *log, struct straggler *straggler)
{
    HASH_DEL(log->stragglers, straggler);
    free(straggler);
}

static bool straggler_add(struct log *log, uint64_t sequence, const struct message *message)
{
    struct straggler *straggler = calloc(1, sizeof *straggler);
    if (!straggler)
        return false;
    straggler->sequence = sequence;
    straggler->message = *message;
    HASH_ADD(hh, log->stragglers, sequence, sizeof straggler->sequence, straggler);
    if (straggler->hh.tbl)
        return true;
    free(straggler);
    return false;
}

/* Moves the survivors of the first block out of it: all of them, or, for lack of memory, none. */
static bool log_evacuate(struct log *log)
{
    struct log_block *block = log->ring[log->head];
    uint64_t first = log->first * LOG_BLOCK;
    uint32_t i = 0;
    while (i < LOG_BLOCK &&
           (block->message[i].state == MESSAGE_GONE || straggler_add(log, first + i, &block->message[i])))
        i++;
    if (i == LOG_BLOCK)
        return true;
    while (i-- > 0) {
        if (block->message[i].state != MESSAGE_GONE)
            straggler_drop(log, straggler_find(log, first + i));
    }
    return false;
}

/* Drops blocks from the front as far as they are empty, or hold so little that it is worth moving. */
static void log_tidy(struct log *log, uint64_t fresh)
{
    while (log->count && log->first < log->tail / LOG_BLOCK) {
        struct log_block *block = log->ring[log->head];
        if (!block || !block->live) {
            log_drop_front(log);
            continue;
        }
        bool sparse = log->count > 32 && (uint64_t)log->count * LOG_BLOCK > 8 * log->live;
        if (!sparse || (log->first + 1) * LOG_BLOCK > fresh || !log_evacuate(log))
            return;
        log_drop_front(log);
    }
}

void log_remove(struct log *log, uint64_t sequence, uint64_t fresh)
{
    uint64_t number = sequence / LOG_BLOCK;
    log->live--;
    if (number < log->first) {
        straggler_drop(log, straggler_find(log, sequence));
        return;
    }
    struct log_block *block = *log_slot(log, number);
    block->message[sequence % LOG_BLOCK].state = MESSAGE_GONE;
    if (--block->live == 0) {
        log_free_block(log, number);
        log_tidy(log, fresh);
    }
}

bool log_fill_reserve(struct log *log, uint64_t sequence)
{
    if (sequence / LOG_BLOCK < log->first)
        return straggler_find(log, sequence) || straggler_add(log, sequence, &(struct message){0});
    if (sequence / LOG_BLOCK - log->first >= log->count)
        return false; /* not of this log */
    struct log_block **slot = log_slot(log, sequence / LOG_BLOCK);
    if (!*slot)
        *slot = calloc(1, sizeof **slot);
    return *slot != NULL;
}

struct message *log_fill(struct log *log, uint64_t sequence)
{
    log->live++;
    if (sequence / LOG_BLOCK < log->first)
        return log_straggler(log, sequence);
    struct log_block *block = *log_slot(log, sequence / LOG_BLOCK);
    block->live++;
    return &block->message[sequence % LOG_BLOCK];
}

struct message *log_straggler(const struct log *log, uint64_t sequence)
{
    struct straggler *straggler = straggler_find(log, sequence);
    return straggler ? &straggler->message : NULL;
}

uint64_t log_straggler_any(const struct log *log)
{
    return log->stragglers ? log->stragglers->sequence : 0;
}

uint64_t log_skip(const struct log *log, uint64_t sequence)
{
    uint64_t end = (log->first + log->count) * LOG_BLOCK;
    if (end > log->tail)
        end = log->tail;
    if (sequence < log->first * LOG_BLOCK)
        sequence = log->first * LOG_BLOCK;
    while (sequence < end) {
        const struct log_block *block = *log_slot(log, sequence / LOG_BLOCK);
        if (block && block->message[sequence % LOG_BLOCK].state != MESSAGE_GONE)
            return sequence;
        sequence = block ? sequence + 1 : (sequence / LOG_BLOCK + 1) * LOG_BLOCK;
    }
    return log->tail;
}

/* Blocks are evacuated in their order, and so stragglers stand in order in their table. */
uint64_t log_next(const struct log *log, uint64_t sequence)
{
    if (sequence < log->first * LOG_BLOCK) {
        const struct straggler *straggler = sequence ? straggler_find(log, sequence - 1) : NULL;
        straggler = straggler ? straggler->hh.next : log->stragglers;
        while (straggler && straggler->sequence < sequence)
            straggler = straggler->hh.next;
        if (straggler)
            return straggler->sequence;
    }
    return log_skip(log, sequence);
}
