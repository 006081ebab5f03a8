/* SPDX-License-Identifier: Apache-2.0 */
/* Slots as a stack, so that a client that waits for each answer uses but one. */
#include "jqc_slots.h"
#include <stdlib.h>

JQ_MUST_USE static int slots_make(struct jqc_slots *slots)
{
    slots->numbers = calloc(JQW_SLOTS_MAX, sizeof *slots->numbers);
    slots->free = calloc(JQW_SLOTS_MAX, sizeof *slots->free);
    if (slots->numbers && slots->free)
        return JQ_OK;
    jqc_slots_fini(slots);
    return JQ_OVERLOADED;
}

int jqc_slot_take(struct jqc_slots *slots, struct jqw_once *out)
{
    if (!slots->numbers && slots_make(slots) != JQ_OK)
        return JQ_OVERLOADED;
    if (slots->free_count > 0)
        out->slot = slots->free[--slots->free_count];
    else if (slots->count < JQW_SLOTS_MAX)
        out->slot = slots->count++;
    else
        return JQ_BUSY;
    jqc_slot_next(slots, out);
    return JQ_OK;
}

void jqc_slot_next(struct jqc_slots *slots, struct jqw_once *once)
{
    once->number = ++slots->numbers[once->slot];
}

void jqc_slot_give(struct jqc_slots *slots, struct jqw_once *once)
{
    if (once->number == 0)
        return;
    once->number = 0;
    slots->free[slots->free_count++] = (uint16_t)once->slot;
}

void jqc_slots_fini(struct jqc_slots *slots)
{
    free(slots->numbers);
    free(slots->free);
    *slots = (struct jqc_slots){0};
}
