/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of queues as the caller gets them: copied out of an answer, with their names. */
#ifndef JOINQ_JQC_STATS_H
#define JOINQ_JQC_STATS_H

#include "base.h"
#include "joinq.h"
#include "message.h"

/* JQ_OK: *out is owned. JQ_OVERLOADED. */
JQ_MUST_USE int jqc_stats_new(const struct jqw_stats *from, struct joinq_stats **out);
/* Moves what `from` holds behind what `to` holds and frees `from`. JQ_OK, or JQ_OVERLOADED with both as they were. */
JQ_MUST_USE int jqc_stats_join(struct joinq_stats *to, struct joinq_stats *from);

#endif
