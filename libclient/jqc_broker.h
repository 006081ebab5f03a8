/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker tells of itself as the caller gets it: copied out of an answer, one piece of memory, freed with free. */
#ifndef JOINQ_JQC_BROKER_H
#define JOINQ_JQC_BROKER_H

#include "base.h"
#include "joinq.h"
#include "message.h"

/* JQ_OK: *out is owned. JQ_OVERLOADED. */
JQ_MUST_USE int jqc_broker_new(const struct jqw_figures *from, struct joinq_broker_stat **out);

#endif
