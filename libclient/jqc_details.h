/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of some messages of a batch beyond themselves, with the texts in it: one piece of memory, freed with free. */
#ifndef JOINQ_JQC_DETAILS_H
#define JOINQ_JQC_DETAILS_H

#include "base.h"
#include "joinq.h"
#include "message.h"

struct jqc_details;

/* *out is NULL where there are none. JQ_OK, JQ_PROTOCOL (not in the order of the messages, or of more than there are) or JQ_OVERLOADED. */
JQ_MUST_USE int jqc_details_new(const struct jqw_detail *from, uint32_t count, uint32_t messages,
                                struct jqc_details **out);
/* Of the message with this index; NULL: none. */
const struct joinq_detail *jqc_details_at(const struct jqc_details *details, size_t index);

#endif
