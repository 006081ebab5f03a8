/* SPDX-License-Identifier: Apache-2.0 */
/* What the public functions have in common: checks of what they are given, and sentences for what went wrong. */
#ifndef JOINQ_JQC_CALL_H
#define JOINQ_JQC_CALL_H

#include "jqc_driver.h"

/* Sets the sentence of joinq_error and returns the code. A NULL format: what the code means. */
int jqc_fail(struct joinq *client, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A time as the caller gives it (JOINQ_FOREVER, 0, milliseconds) and as it is sent. JQ_OK, or JQ_INVALID with the sentence set. */
JQ_MUST_USE int jqc_timeout(struct joinq *client, int64_t ms, uint64_t *out);
/* The entry of a queue's name. JQ_OK, or JQ_INVALID or JQ_OVERLOADED with the sentence set. */
JQ_MUST_USE int jqc_queue(struct joinq *client, const char *queue, struct jqc_name **out);
/* Whether a struct of the caller has the size that this library knows. JQ_OK, or JQ_INVALID with the sentence set. */
JQ_MUST_USE int jqc_size(struct joinq *client, size_t given, size_t known);

/* put.c: what is put, as the encoder takes it, in the client's array from `at` on; and its options. JQ_OK, or JQ_INVALID or
 * JQ_TOO_LARGE with the sentence set. */
JQ_MUST_USE int jqc_bodies(struct joinq *client, const struct joinq_body *bodies, size_t count, uint32_t at);
JQ_MUST_USE int jqc_put_options(struct joinq *client, const struct joinq_put_options *options,
                                struct jqw_put_options *out);
/* settle.c: leases as ranges in the core's scratch. JQ_OK, or JQ_INVALID, JQ_OVERLOADED or JQ_LEASE_LOST with the sentence set. */
JQ_MUST_USE int jqc_leases(struct joinq *client, struct joinq_batch *batch, size_t first, size_t count,
                           struct jqw_ranges *out);

/* Submits a request. JQ_OK, or the code of jqc_core_submit with the sentence set. */
JQ_MUST_USE int jqc_submit(struct joinq *client, struct jqw_message *message, struct jqc_name *name,
                           struct jqc_request **out);
/* The same, to be waited for by ticket. */
JQ_MUST_USE int jqc_submit_ticket(struct joinq *client, struct jqw_message *message, struct jqc_name *name,
                                  joinq_ticket *ticket);
/* A submitted request is to be waited for by ticket. */
void jqc_ticket(struct joinq *client, struct jqc_request *request, joinq_ticket *ticket);
/* Submits a request and waits for its answer: returns the answer's code, with the sentence set. *out is the answered request, NULL if it
 * was never sent; end it with jqc_call_end. */
JQ_MUST_USE int jqc_call(struct joinq *client, struct jqw_message *message, struct jqc_name *name,
                         struct jqc_request **out);
void jqc_call_end(struct joinq *client, struct jqc_request *request); /* tolerates NULL */
/* The same for an answer of which only the count matters: *count (may be NULL), on JQ_OK. */
JQ_MUST_USE int jqc_call_count(struct joinq *client, struct jqw_message *message, struct jqc_name *name,
                               uint64_t *count);

/* Hands out what an answered request brought, confirmed where it was delivered on receipt, and ends the request; the sentence is
 * set. False: the connection broke before it could be confirmed, and the request is open again. */
JQ_MUST_USE bool jqc_take(struct joinq *client, struct jqc_request *request, struct joinq_outcome *out);

#endif
