/* SPDX-License-Identifier: Apache-2.0 */
/* The queues that a client has met: for each name the first incarnation that an answer named. Later requests name it, so that a
 * queue that was lost and made anew is never taken for the one before (RST-1). Declaring a queue learns anew. */
#ifndef JOINQ_JQC_NAMES_H
#define JOINQ_JQC_NAMES_H

#include "base.h"
#include "message.h"

struct jqc_name; /* lives as long as its table */

struct jqc_names {
    struct jqc_name *by_name; /* uthash */
};

void jqc_names_fini(struct jqc_names *names);
/* JQ_OK: *out is the entry of a name, new or not. JQ_INVALID: NULL, empty or too long. JQ_OVERLOADED. */
JQ_MUST_USE int jqc_names_find(struct jqc_names *names, const char *text, struct jqc_name **out);

/* As a request names the queue: with the incarnation met, 0 where none was. Borrows from the entry. */
struct jqw_queue jqc_name_queue(const struct jqc_name *name);
/* An answer of the broker of this epoch named the incarnation (0: it did not). The first one stays. */
void jqc_name_meet(struct jqc_name *name, uint64_t incarnation, uint32_t epoch);
/* The queue was declared: this is the one from now on. */
void jqc_name_declared(struct jqc_name *name, uint64_t incarnation, uint32_t epoch);
/* The entry of a queue that a request names. */
const struct jqc_name *jqc_names_of(const struct jqc_names *names, const struct jqw_queue *queue);
/* Whether it was met at another run of the broker than this one: if it is missing now, it was lost with that. */
bool jqc_name_is_lost(const struct jqc_name *name, uint32_t epoch);
/* The sentence that says so. */
void jqc_name_lost_text(const struct jqc_name *name, const char *more, char *to, size_t size);
/* Of one that was not there before its broker began anew, as far as it had told. */
void jqc_name_unmet_text(const struct jqc_name *name, const char *more, char *to, size_t size);

#endif
