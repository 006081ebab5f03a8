/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of joinq.h: a real broker on a Unix socket, a client for each test, and short words for what they do. */
#ifndef JOINQ_TEST_CLIENT_API_H
#define JOINQ_TEST_CLIENT_API_H

#include <joinq.h>

/* Around all tests: JOINQD in the environment is the program. */
int broker_start(void **state);
int broker_stop(void **state);
/* Around each: *state is a client. */
int client_start(void **state);
int client_stop(void **state);
joinq *connect_one(void); /* another client */
const char *broker_url(void);

void ok(joinq *q, int code); /* it is JOINQ_OK; otherwise says what it is */
void put_text(joinq *q, const char *queue, const char *text);
void expect_text(const struct joinq_batch *batch, size_t index, const char *text);
struct joinq_batch *get_some(joinq *q, const char *queue, size_t max); /* what is ready */
void expect_empty(joinq *q, const char *queue);
struct joinq_stat stat_of(joinq *q, const char *queue);

#endif
