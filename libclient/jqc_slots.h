/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of a client, and their numbers: what makes a request one that the broker does only once. */
#ifndef JOINQ_JQC_SLOTS_H
#define JOINQ_JQC_SLOTS_H

#include "base.h"
#include "message.h"
#include <stdint.h>

struct jqc_slots {
    uint64_t *numbers; /* the last one of each slot */
    uint16_t *free;    /* slots without an open request, as a stack */
    uint32_t count, free_count;
};

/* A free slot with its next number. JQ_OK, JQ_BUSY (as many requests are open as there are slots) or JQ_OVERLOADED. */
JQ_MUST_USE int jqc_slot_take(struct jqc_slots *slots, struct jqw_once *out);
/* The request has its answer, or nobody will ask for it again. */
void jqc_slot_give(struct jqc_slots *slots, struct jqw_once *once);
/* The next number of a slot that is taken. */
void jqc_slot_next(struct jqc_slots *slots, struct jqw_once *once);
void jqc_slots_fini(struct jqc_slots *slots);

#endif
